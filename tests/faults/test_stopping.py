"""Faults 2 and 19: a run that is asked to stop saves first; two processes do not write to one run."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

LONG = 100_000


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_at_a_step_boundary_and_the_run_goes_on(
    signum: int,
    code: int,
    zygote: Any,
    driver: ModuleType,
    config: Callable[..., Path],
    tmp_path: Path,
    same_run: Callable[[Path, Path], None],
) -> None:
    run, whole = tmp_path / "run", tmp_path / "whole"
    child = zygote.gansmith("train", "--config", config(), "--out", run, hook="slow_steps")
    driver.until(lambda: len(driver.recorded(run)) >= 6, 60, "the run made no 6 steps", child)
    child.kill(signum)
    assert child.wait(30) == code, child.said()
    stopped = driver.newest_step(run)
    assert stopped == driver.recorded(run)[-1] >= 6  # the very step, not the last multiple of 4
    assert f"stopped at step {stopped}; go on with: gansmith resume {run}" in child.said()
    assert zygote.gansmith("resume", run).wait() == 0
    assert zygote.gansmith("train", "--config", config(), "--out", whole).wait() == 0
    same_run(whole, run)


def test_a_second_signal_quits_in_the_middle_of_a_step(
    zygote: Any, driver: ModuleType, config: Callable[..., Path], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    child = zygote.gansmith("train", "--config", config(), "--out", run, hook="hanging_step")
    driver.until(lambda: "hanging" in child.said(), 60, "no step hangs", child)
    child.kill(signal.SIGINT)
    with pytest.raises(AssertionError, match="did not end"):
        child.wait(0.5)
    child.kill(signal.SIGINT)
    assert child.wait(30) == -signal.SIGINT
    assert driver.newest_step(run) == 0  # what was saved before is there


def test_the_real_command_obeys_a_signal(
    config: Callable[..., Path], driver: ModuleType, cache: Path, tmp_path: Path
) -> None:
    """Without the shortcut of a fork: ``python -m gansmith`` in a process of its own."""
    run = tmp_path / "run"
    recipe = config(steps=LONG)
    command = [sys.executable, "-m", "gansmith", "train", "--config", str(recipe), "--out", str(run)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        driver.until(lambda: len(driver.recorded(run)) >= 3, 120, "the run made no 3 steps")
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 143, err
    assert out.splitlines()[-1] == str(run)
    assert driver.newest_step(run) == driver.recorded(run)[-1]


def test_a_run_has_one_process_and_a_dead_one_gives_it_up(
    zygote: Any, driver: ModuleType, config: Callable[..., Path], tmp_path: Path
) -> None:
    # Its steps are slow, so on a busy machine too it is far from the step 60 that others ask for.
    run = tmp_path / "run"
    first = zygote.gansmith("train", "--config", config(steps=LONG), "--out", run, hook="slow_steps")
    driver.until(lambda: len(driver.recorded(run)) >= 2, 60, "the run made no 2 steps", first)
    before = (run / "config.yaml").read_text()
    second = zygote.gansmith("resume", run, "--steps", 60)
    assert second.wait() == 2
    assert f"{run} is in use by process {first.pid} on " in second.said()
    assert (run / "config.yaml").read_text() == before  # a refused resume changes nothing
    third = zygote.gansmith("train", "--config", config(), "--out", run)
    assert third.wait() == 2
    assert f"already holds a run; go on with gansmith resume {run}" in third.said()
    assert first.poll() is None
    first.kill()
    again = zygote.gansmith("resume", run, "--steps", 60)
    assert again.wait() == 0, again.said()
    assert driver.newest_step(run) == 60


def test_a_run_killed_before_its_first_checkpoint_begins_anew(
    zygote: Any, driver: ModuleType, config: Callable[..., Path], tmp_path: Path, same_run: Callable[[Path, Path], None]
) -> None:
    """Killed at every call that changes the disk up to the first checkpoint, it is resumed or can be started again."""
    whole = tmp_path / "whole"
    recipe = config(steps=2)
    assert zygote.gansmith("train", "--config", recipe, "--out", whole).wait() == 0
    resumed = 0
    for at in range(100):
        run, marker = tmp_path / f"run{at}", tmp_path / f"{at}.paused"
        child = zygote.gansmith("train", "--config", recipe, "--out", run, pause={"marker": marker, "at": at})
        driver.until(
            lambda m=marker, c=child: m.exists() or c.poll() is not None, 60, "neither paused nor ended", child
        )
        child.kill()
        if driver.newest_step(run) >= 0:
            break
        again = zygote.gansmith("resume", run)
        if again.wait() == 0:
            resumed += 1
        else:
            assert again.wait() == 2
            assert f"gansmith train --out {run}" in again.said() or not (run / "checkpoints").exists()
            assert zygote.gansmith("train", "--config", recipe, "--out", run).wait() == 0
        same_run(whole, run)
    assert resumed >= 3


def test_a_run_that_starts_from_another_one_and_is_killed_at_birth_still_starts_from_it(
    zygote: Any, driver: ModuleType, config: Callable[..., Path], tmp_path: Path, same_run: Callable[[Path, Path], None]
) -> None:
    source, whole, run, marker = (tmp_path / name for name in ("source", "whole", "run", "paused"))
    recipe = config(steps=3)
    words = ("train", "--config", recipe, "--init-from", source)
    assert zygote.gansmith("train", "--config", recipe, "--out", source).wait() == 0
    assert zygote.gansmith(*words, "--out", whole).wait() == 0
    for at in range(100):
        marker.unlink(missing_ok=True)
        child = zygote.gansmith(*words, "--out", run, pause={"marker": marker, "at": at})
        driver.until(marker.exists, 60, "it did not pause", child)
        child.kill()
        if (run / "config.yaml").exists():
            break
    assert driver.newest_step(run) == -1
    child = zygote.gansmith("resume", run)
    assert child.wait() == 0, child.said()
    assert "stopped before its first checkpoint" in child.said()
    same_run(whole, run)
