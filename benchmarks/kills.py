"""A hundred SIGKILLs on one run, half of them inside a save; at its end the run must be as if none had been.

python benchmarks/kills.py [--kills 100] writes benchmarks/results/kills.json. The control is the usual way to save, a
file written over itself by torch.save, killed at random times as well.
"""

from __future__ import annotations

import argparse
import collections
import importlib.util
import random
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType
from typing import Any

INTERVAL, STEPS, SEED = 5, 6000, 0


def load_driver() -> ModuleType:
    """The forking process of the fault tests."""
    path = Path(__file__).parents[1] / "tests" / "faults" / "driver.py"
    spec = importlib.util.spec_from_file_location("faults_driver", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(spec.name, module)
    spec.loader.exec_module(module)
    return module


def measure(kills: int, folder: Path, *, steps: int = STEPS) -> dict[str, Any]:
    """Kill a run that often, resume it each time, and compare its end with an uninterrupted run's."""
    from gansmith.training import Schedules, to_yaml

    driver = load_driver()
    (folder / "cache").mkdir()
    data = driver.make_data(folder / "data.npz")
    recipe = folder / "recipe.yaml"
    schedules = Schedules(log=1, sample=10**6, save=INTERVAL)
    recipe.write_text(to_yaml(driver.small("dcgan", data, steps=steps, every=schedules)))
    zygote = driver.Zygote(folder / "cache")
    try:
        whole, killed = folder / "whole", folder / "killed"
        done = [one_kill(driver, zygote, recipe, killed, index, folder) for index in range(kills)]
        last = zygote.gansmith("resume", killed)
        finished = last.wait(3600) == 0
        reference = zygote.gansmith("train", "--config", recipe, "--out", whole)
        if reference.wait(3600):
            raise RuntimeError(f"the uninterrupted run failed:\n{reference.said()}")
        return {
            **summary(done),
            "finished": finished,
            "bit_equal_to_uninterrupted": finished and same(whole, killed),
            "each_step_recorded_once": driver.recorded(killed) == list(range(1, steps + 1)),
            "left_over_fragments": len([p for p in killed.rglob(".*") if p.name != ".lock"]),
        }
    finally:
        zygote.close()


def one_kill(driver: ModuleType, zygote: Any, recipe: Path, run: Path, index: int, folder: Path) -> dict[str, Any]:
    """Start or resume the run, kill it, and look at what is left."""
    from gansmith.training.rundir import RunDirectory

    pick = random.Random(f"{SEED}-{index}")
    before = driver.newest_step(run)
    words = ("resume", run) if (run / "config.yaml").exists() else ("train", "--config", recipe, "--out", run)
    where = "at a random time"
    if index % 2:
        marker = folder / f"paused-{index}"
        child = zygote.gansmith(*words, pause={"marker": marker, "at": pick.randrange(60)})
        driver.until(marker.exists, 120, "no save came", child)
        where = "in a save, before " + marker.read_text()
    else:
        child = zygote.gansmith(*words)
        time.sleep(pick.uniform(0, 1.0))
    resumed = child.poll() in (None, 0)
    child.kill()
    fragment = any((run / "checkpoints").glob(".*")) if run.exists() else False
    damaged: list[str] = []
    newest = RunDirectory(run).checkpoints(warn=damaged.append).latest()
    step = -1 if newest is None else int(newest.name[5:12])
    reached = max(driver.recorded(run), default=0)
    return {
        "where": where, "resumed": resumed, "fragment": fragment, "damaged": len(damaged), "step": step,
        "went_back": step < before, "lost": reached - max(step, 0), "said": "" if resumed else child.said()[-500:],
    }  # fmt: skip


def summary(done: list[dict[str, Any]]) -> dict[str, Any]:
    """What the kills came to."""
    return {
        "kills": len(done),
        "where": dict(collections.Counter(kill["where"] for kill in done)),
        "fragment_left_for_cleaning": sum(kill["fragment"] for kill in done),
        "failed_to_resume": [kill["said"] for kill in done if not kill["resumed"]],
        "damaged_checkpoints": sum(kill["damaged"] for kill in done),
        "went_behind_a_saved_step": sum(kill["went_back"] for kill in done),
        "steps_lost": {
            "interval": INTERVAL,
            "most": max(kill["lost"] for kill in done),
            "mean": round(sum(kill["lost"] for kill in done) / len(done), 2),
        },
        "step_reached_by_the_last_kill": done[-1]["step"],
    }


def same(a: Path, b: Path) -> bool:
    """Whether two runs ended in the same state, bit for bit."""
    from gansmith.training.rundir import RunDirectory

    newest = [RunDirectory.open(run).checkpoints().latest() for run in (a, b)]
    names = ("weights.safetensors", "tree.json")
    files = [[(path / name).read_bytes() for name in names] for path in newest if path is not None]
    return len(files) == 2 and files[0] == files[1]


def control(trials: int, folder: Path) -> dict[str, int]:
    """How often a file that torch.save writes over itself can still be read after a SIGKILL."""
    import torch

    driver = load_driver()
    (folder / "control").mkdir()
    zygote = driver.Zygote(folder / "control")
    unreadable = 0
    try:
        for trial in range(trials):
            file = folder / f"control-{trial}.pt"
            child = zygote.start("overwrite", file=file)
            driver.until(lambda c=child: "saved" in c.said(), 60, "nothing was saved", child)
            time.sleep(random.Random(f"control-{trial}").uniform(0.05, 0.5))
            child.kill()
            try:
                torch.load(file, weights_only=True)
            except Exception:
                unreadable += 1
    finally:
        zygote.close()
    return {"trials": trials, "unreadable": unreadable}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--control", type=int, default=25, help="trials of the control")
    given = parser.parse_args()
    from report import write_result

    with tempfile.TemporaryDirectory() as folder:
        payload = measure(given.kills, Path(folder))
        payload["control_torch_save_in_place"] = control(given.control, Path(folder))
    payload["protocol"] = (
        "One process imports everything and forks each run. A kill in a save stops the process before a system call "
        "that changes the disk (mkdir, fsync, rename, unlink, rmdir) and sends SIGKILL there; the others come 0 to 1 s "
        "after the start, whatever the run is doing. dcgan at 16 px and width 4, batch 8, seed 0."
    )
    write_result("kills", payload)


if __name__ == "__main__":
    main()
