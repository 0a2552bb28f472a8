"""Faults 15 and 16: several processes train one run, go on with another number of them, and end together."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from gansmith.training.rundir import RunDirectory

LONG = 100_000
NAMES = ("MASTER_ADDR", "MASTER_PORT", "RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE")


def environments(world: int) -> list[dict[str, str]]:
    """What torchrun would set for each process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    rest = {"CUDA_VISIBLE_DEVICES": ""} | ({"GLOO_SOCKET_IFNAME": "lo"} if sys.platform == "linux" else {})
    return [
        dict(zip(NAMES, ("127.0.0.1", str(port), str(i), str(i), str(world), str(world)), strict=True)) | rest
        for i in range(world)
    ]


def pair(zygote: Any, *words: object, seconds: float = 60, hook: str = "") -> list[Any]:
    """Two processes of one run."""
    return [
        zygote.start("with_timeout", words=[str(w) for w in words], seconds=seconds, environment=e, hook=hook)
        for e in environments(2)
    ]


def state(run: Path) -> tuple[int, dict[str, torch.Tensor]]:
    checkpoints = RunDirectory.open(run).checkpoints(warn=pytest.fail)
    newest = checkpoints.latest()
    assert newest is not None
    tree, _ = checkpoints.load(newest)
    return tree["step"], {f"{player}/{k}": v for player, part in tree["players"].items() for k, v in part.items()}


def close(a: Path, b: Path) -> None:
    """The same run up to the order of sums: the gradients agree to 1e-5, and twelve steps of Adam pass that on."""
    (step, ours), (other_step, theirs) = state(a), state(b)
    assert step == other_step
    for name, value in ours.items():
        assert torch.allclose(value.double(), theirs[name].double(), rtol=5e-3, atol=5e-4), (
            name,
            (value - theirs[name]).abs().max(),
        )


def test_two_processes_train_and_either_number_goes_on(
    zygote: Any, driver: ModuleType, config: Callable[..., Path], tmp_path: Path, same_run: Callable[[Path, Path], None]
) -> None:
    """2 → 2 is bit-equal to 2 uninterrupted; 1 → 2 and 2 → 1 are the same run up to rounding."""
    short, long = config("dcgan", steps=6), config("dcgan", steps=12)
    runs = {name: tmp_path / name for name in ("1", "2", "2-2", "2-1", "1-2")}

    def two(*words: object) -> None:
        for child in pair(zygote, *words):
            assert child.wait() == 0, child.said()

    def one(*words: object) -> None:
        child = zygote.gansmith(*words)
        assert child.wait() == 0, child.said()

    one("train", "--config", long, "--out", runs["1"])
    two("train", "--config", long, "--out", runs["2"])
    for name in ("2-2", "2-1"):
        two("train", "--config", short, "--out", runs[name])
    one("train", "--config", short, "--out", runs["1-2"])
    for name in ("2-2", "2-1", "1-2"):
        # As --steps 12 would, which the command line of several processes shares anyway.
        (runs[name] / "config.yaml").write_text((runs["2"] / "config.yaml").read_text())
    two("resume", runs["2-2"])
    one("resume", runs["2-1"])
    two("resume", runs["1-2"])
    same_run(runs["2"], runs["2-2"])
    for name in ("2", "2-1", "1-2"):
        close(runs["1"], runs[name])
        assert driver.recorded(runs[name]) == list(range(1, 13))  # one process writes


def test_torchrun_trains_stops_and_resumes(
    driver: ModuleType, config: Callable[..., Path], cache: Path, tmp_path: Path
) -> None:
    """The real launcher; SIGTERM to it lets the run save at a step boundary."""
    run = tmp_path / "run"
    launcher = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        "-m",
        "gansmith",
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}

    def launch(*words: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*launcher, *map(str, words)], env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    process = launch("train", "--config", config(steps=LONG), "--out", run)
    try:
        driver.until(lambda: len(driver.recorded(run)) >= 3, 120, "the run made no 3 steps")
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    stopped = driver.newest_step(run)
    assert stopped == driver.recorded(run)[-1], said
    again = launch("resume", run, "--steps", stopped + 5)
    said, _ = again.communicate(timeout=120)
    assert again.returncode == 0, said
    assert driver.newest_step(run) == stopped + 5
    assert [line for line in said.splitlines() if line == str(run)] == [str(run)]  # said once


def test_a_signal_to_one_process_stops_all_of_them_at_the_same_step(
    zygote: Any, driver: ModuleType, config: Callable[..., Path], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    first, second = pair(zygote, "train", "--config", config(steps=LONG), "--out", run)
    driver.until(lambda: len(driver.recorded(run)) >= 3, 60, "the run made no 3 steps", first)
    second.kill(signal.SIGTERM)
    codes = [child.wait(30) for child in (first, second)]
    assert codes == [143, 143], first.said()
    assert driver.newest_step(run) == driver.recorded(run)[-1]


@pytest.mark.parametrize("lost", [0, 1])
@pytest.mark.parametrize("how", ["dies", "hangs"])
def test_a_lost_process_ends_the_others_in_bounded_time_and_the_run_goes_on(
    lost: int, how: str, zygote: Any, driver: ModuleType, config: Callable[..., Path], tmp_path: Path
) -> None:
    run, patience = tmp_path / "run", 4.0
    children = pair(zygote, "train", "--config", config(steps=LONG), "--out", run, seconds=patience)
    driver.until(lambda: driver.newest_step(run) >= 4, 60, "no checkpoint of step 4", children[0])
    victim, other = children[lost], children[1 - lost]
    began = time.monotonic()
    victim.kill(signal.SIGKILL if how == "dies" else signal.SIGSTOP)
    try:
        assert other.wait(60) == 1, other.said()
        assert time.monotonic() - began < patience + 30
        assert "another process died, or did not answer" in other.said()
        assert "Traceback" not in other.said()
    finally:
        victim.kill()
    reached = driver.recorded(run)[-1]
    saved = driver.newest_step(run)
    assert reached - saved <= 4
    again = zygote.gansmith("resume", run, "--steps", reached + 2)
    assert again.wait() == 0, again.said()
    assert driver.newest_step(run) == reached + 2


def test_a_batch_that_cannot_be_shared_is_refused_before_anything_is_written(
    zygote: Any, config: Callable[..., Path], tmp_path: Path
) -> None:
    children = pair(zygote, "train", "--config", config(batch=7), "--out", tmp_path / "run")
    assert [child.wait() for child in children] == [2, 2]
    assert "a batch of 7 cannot be shared evenly by 2 processes" in children[0].said()
    assert not (tmp_path / "run").exists()


def test_a_run_in_use_is_refused_to_several_processes_too(
    zygote: Any, driver: ModuleType, config: Callable[..., Path], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    holder = zygote.gansmith("train", "--config", config(steps=LONG), "--out", run, hook="slow_steps")
    driver.until(lambda: len(driver.recorded(run)) >= 1, 60, "the run made no step", holder)
    children = pair(zygote, "resume", run, seconds=4)
    assert [child.wait(60) != 0 for child in children] == [True, True]
    assert f"in use by process {holder.pid}" in children[0].said()
    holder.kill()
