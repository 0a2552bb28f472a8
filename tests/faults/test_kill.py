"""Fault 1, 3, 6 and 7: SIGKILL at any time, inside a save too; the run goes on as if nothing had been."""

import importlib.util
import random
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from gansmith.recipes import RECIPES
from gansmith.training import Execution, Schedules
from gansmith.training.checkpoints import Checkpoints
from gansmith.training.rundir import RunDirectory


def test_a_kill_at_every_point_of_a_save_leaves_a_whole_checkpoint(
    zygote: Any, driver: ModuleType, tmp_path: Path
) -> None:
    """The save is stopped before each call that changes the disk, in turn, and killed there.

    Before the commit the older checkpoint must be there although only one is kept; after it the newer one. A reader
    must see nothing half written, and the next save must remove what was left.
    """
    seen = []
    for at in range(100):
        folder, marker = tmp_path / str(at), tmp_path / f"{at}.paused"
        child = zygote.start("save_thrice", folder=folder, marker=marker, at=at)
        driver.until(
            lambda m=marker, c=child: m.exists() or c.poll() is not None, 60, "neither paused nor ended", child
        )
        if child.poll() is not None:
            assert child.poll() == 0, child.said()
            break
        child.kill()
        checkpoints = Checkpoints(folder, keep=1, warn=pytest.fail)
        newest = checkpoints.latest()
        assert newest is not None
        tree, _ = checkpoints.load(newest)
        assert torch.equal(tree["w"], driver.some_tree(tree["step"])["w"])
        seen.append((marker.read_text(), tree["step"]))
        checkpoints.save(4, driver.some_tree(4))
        assert [p.name for p in folder.iterdir()] == ["step-0000004"]
    names, steps = zip(*seen, strict=True)
    assert {"mkdir", "fsync", "rename", "unlink", "rmdir"} <= set(names)
    assert steps == tuple(sorted(steps))  # the commit is one moment
    assert set(steps) == {2, 3}


def test_kills_at_random_times_cost_at_most_one_interval(
    zygote: Any, driver: ModuleType, config: Callable[..., Path], tmp_path: Path, same_run: Callable[[Path, Path], None]
) -> None:
    interval, steps, kills = 3, 80, 8
    recipe = config(steps=steps, every=Schedules(log=1, sample=40, save=interval))
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert zygote.gansmith("train", "--config", recipe, "--out", whole, pictures=True).wait() == 0
    pick = random.Random(0)
    child = zygote.gansmith("train", "--config", recipe, "--out", killed, pictures=True)
    driver.until(lambda: (killed / "config.yaml").exists(), 60, "the run did not begin", child)
    before = -1
    for _ in range(kills):
        time.sleep(pick.uniform(0, 0.6))
        child.kill()
        newest = RunDirectory.open(killed).checkpoints(warn=pytest.fail).latest()
        step = -1 if newest is None else int(newest.name[5:12])
        reached = max(driver.recorded(killed), default=0)
        assert before <= step, "a kill went back behind what was saved"
        assert reached - max(step, 0) <= interval
        before = step
        child = zygote.gansmith("resume", killed, pictures=True)
    assert child.wait() == 0, child.said()
    same_run(whole, killed)
    assert driver.recorded(killed) == list(range(1, steps + 1))
    assert {p.name for p in (killed / "samples").iterdir()} == {p.name for p in (whole / "samples").iterdir()}
    assert not [p for p in killed.rglob(".*") if p.name != ".lock"]


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        *((name, {}) for name in RECIPES),
        ("digits", {"run": Execution(device="cpu", precision="bfloat16", threads=1)}),
        ("r3gan", {"run": Execution(device="cpu", precision="float32", threads=1, pieces=2)}),
    ],
    ids=[*RECIPES, "digits in bfloat16", "r3gan in pieces"],
)
def test_killed_and_resumed_is_bit_equal_to_uninterrupted(
    name: str,
    changes: dict[str, Any],
    zygote: Any,
    driver: ModuleType,
    config: Callable[..., Path],
    data: Path,
    cache: Path,
    tmp_path: Path,
    same_run: Callable[[Path, Path], None],
) -> None:
    """Weights, moving average, optimisers, memory, step: all of it; and the next batch is the same."""
    from gansmith.data import open_images
    from gansmith.training.session import Session

    recipe = config(name, **changes)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert zygote.gansmith("train", "--config", recipe, "--out", whole).wait() == 0
    child = zygote.gansmith("train", "--config", recipe, "--out", killed, hook="slow_steps")
    driver.until(lambda: max(driver.recorded(killed), default=0) >= 6, 60, "the run made no 6 steps", child)
    child.kill()
    assert driver.newest_step(killed) == 4
    child = zygote.gansmith("resume", killed)
    assert child.wait() == 0, child.said()
    same_run(whole, killed)
    assert driver.recorded(killed) == list(range(1, 13))

    images, next_batches = open_images(str(data), size=(16, 16), channels=3), []
    for run in (whole, killed):
        from gansmith.training.engine import DeviceEngine

        session = Session.start(driver.small(name, data), images, DeviceEngine())
        checkpoints = RunDirectory.open(run).checkpoints()
        session.load(checkpoints.load(checkpoints.latest())[0])
        next_batches.append(session.feed(session.step, attempt=session.attempt)(0))
    for stream, value in next_batches[0].streams.items():
        assert torch.equal(value, next_batches[1][stream]), stream


def test_a_finished_run_goes_on_as_if_it_had_been_longer(
    zygote: Any, config: Callable[..., Path], tmp_path: Path, same_run: Callable[[Path, Path], None]
) -> None:
    long, short = tmp_path / "long", tmp_path / "short"
    # A recipe whose learning rate does not end with the run: a schedule that does is another one for another length.
    assert zygote.gansmith("train", "--config", config("dcgan"), "--out", long).wait() == 0
    assert zygote.gansmith("train", "--config", config("dcgan", steps=5), "--out", short).wait() == 0
    assert zygote.gansmith("resume", short, "--steps", 12).wait() == 0
    same_run(long, short)


def test_a_checkpoint_is_all_that_a_run_is(driver: ModuleType, data: Path, cache: Path) -> None:
    """If anything that changes in a step were left out of the tree, or random state mattered, this would differ."""
    from gansmith.data import open_images
    from gansmith.training.engine import DeviceEngine
    from gansmith.training.session import Session
    from gansmith.training.trees import pack, unpack

    images = open_images(str(data), size=(16, 16), channels=3)
    recipe = driver.small("photos", data)
    session = Session.start(recipe, images, DeviceEngine())
    for _ in range(3):
        session.advance()
    packed = pack(session.tree())
    for _ in range(3):
        session.advance()
    other = Session.start(recipe, images, DeviceEngine())
    torch.manual_seed(12345)  # whatever the process did in between
    other.load(unpack(*packed))
    for _ in range(3):
        other.advance()
    assert pack(other.tree()) == pack(session.tree())
    assert pack(other.tree()) != packed


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_hundred_kills(driver: ModuleType, tmp_path: Path) -> None:
    """The measurement of ``benchmarks/kills.py``, as a test."""
    path = Path(__file__).parents[2] / "benchmarks" / "kills.py"
    spec = importlib.util.spec_from_file_location("kills", path)
    assert spec is not None
    assert spec.loader is not None
    kills = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kills)
    found = kills.measure(100, tmp_path)
    assert found["kills"] == 100
    assert found["failed_to_resume"] == []
    assert found["damaged_checkpoints"] == found["went_behind_a_saved_step"] == found["left_over_fragments"] == 0
    assert found["steps_lost"]["most"] <= kills.INTERVAL
    assert found["finished"]
    assert found["bit_equal_to_uninterrupted"]
    assert found["each_step_recorded_once"]
