"""Faults 11, 17 and 18: numbers that are not finite, memory that runs out, loggers that fail."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from gansmith.training import NonFiniteError, Schedules, train
from gansmith.training.rundir import RunDirectory


def evidence(run: Path) -> dict[str, dict[str, Any]]:
    return {p.name: json.loads(p.read_text()) for p in sorted((run / "evidence").iterdir())}


def state(run: Path) -> dict[str, Any]:
    checkpoints = RunDirectory.open(run).checkpoints()
    newest = checkpoints.latest()
    assert newest is not None
    return checkpoints.load(newest)[0]


def finite(run: Path) -> bool:
    tree = state(run)
    parts = [*tree["players"].values(), tree["average"]]
    return all(bool(torch.isfinite(value).all()) for part in parts for value in part.values())


def test_a_cost_that_is_not_a_number_is_survived_with_other_noise(
    zygote: Any, driver: ModuleType, config: Callable[..., Path], tmp_path: Path, same_run: Callable[[Path, Path], None]
) -> None:
    run, plain, killed = tmp_path / "run", tmp_path / "plain", tmp_path / "killed"
    child = zygote.gansmith("train", "--config", config(), "--out", run, hook="nan_cost_once")
    assert child.wait() == 0, child.said()
    assert "the generator's cost is not finite at step 6: back to step 4 with other noise" in child.said()
    assert "back to step 4" in (run / "log.txt").read_text()
    assert driver.recorded(run) == list(range(1, 13))  # each step once, the lost ones made again
    (found,) = evidence(run).values()
    assert (found["step"], found["attempt"], found["what"]) == (6, 0, "the generator's cost")
    assert finite(run)
    assert zygote.gansmith("train", "--config", config(), "--out", plain).wait() == 0
    ours, theirs = state(run), state(plain)
    assert (ours["attempt"], theirs["attempt"]) == (1, 0)
    assert not torch.equal(*(next(iter(tree["average"].values())) for tree in (ours, theirs)))  # other noise indeed

    # Killed after going back and before the next checkpoint, it goes the same way again.
    child = zygote.gansmith("train", "--config", config(), "--out", killed, pause=None, hook="nan_cost_once_slowly")
    driver.until(lambda: "back to step 4" in child.said() and driver.recorded(killed)[-1] >= 6, 60, "no retry", child)
    child.kill()
    assert driver.newest_step(killed) == 4
    assert zygote.gansmith("resume", killed, hook="nan_cost_once").wait() == 0
    same_run(run, killed)


def test_after_the_last_retry_the_run_stops_with_evidence_and_a_good_checkpoint(
    zygote: Any, driver: ModuleType, config: Callable[..., Path], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    child = zygote.gansmith("train", "--config", config(retries=2), "--out", run, hook="nan_cost_always")
    assert child.wait() == 3
    assert "the generator's cost is not finite at step 6, after 3 attempts" in child.said()
    assert "Traceback" not in child.said()
    found = list(evidence(run).values())
    assert [(e["step"], e["attempt"], e["what"]) for e in found] == [(6, i, "the generator's cost") for i in range(3)]
    assert all(e["cost/generator"] == "nan" and float(e["cost/discriminator"]) > 0 for e in found)
    assert driver.newest_step(run) == 4
    assert finite(run)


@pytest.mark.parametrize(
    ("hook", "who"), [("infinite_weight_at_a_save", "discriminator"), ("nan_statistic_at_a_save", "generator")]
)
def test_a_state_that_is_not_finite_is_never_saved(
    hook: str, who: str, zygote: Any, driver: ModuleType, config: Callable[..., Path], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    child = zygote.gansmith("train", "--config", config("dcgan"), "--out", run, hook=hook)
    assert child.wait() == 0, child.said()
    assert f"a weight of the {who} is not finite at step 8: back to step 4" in child.said()
    assert finite(run)


def test_a_loss_of_ones_own_that_turns_nan(driver: ModuleType, data: Path, cache: Path, tmp_path: Path) -> None:
    """Without any hook: the discriminator's own loss divides zero by zero from its seventh call on."""
    from gansmith import Adversarial
    from gansmith.games import AdversarialGame

    calls = []

    def discriminator(real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        cost = torch.nn.functional.softplus(-real) + torch.nn.functional.softplus(fake)
        return cost * float("nan") if len(calls) > 6 else cost

    loss = Adversarial(discriminator=discriminator, generator=lambda real, fake: torch.nn.functional.softplus(-fake))
    recipe = driver.small("digits", data, game=AdversarialGame(loss), retries=1)
    with pytest.raises(NonFiniteError, match=r"the discriminator's cost is not finite .* after 2 attempts"):
        train(recipe, out=tmp_path / "run")
    assert finite(tmp_path / "run")


@pytest.mark.parametrize("hook", ["cuda_out_of_memory", "cpu_out_of_memory"])
def test_memory_that_runs_out_names_the_batch_and_keeps_the_checkpoint(
    hook: str, zygote: Any, driver: ModuleType, config: Callable[..., Path], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    child = zygote.gansmith("train", "--config", config(), "--out", run, hook=hook)
    assert child.wait() == 1
    assert "memory ran out with a batch of 8" in child.said()
    assert "--run.pieces 2" in child.said()
    assert "Traceback" not in child.said()
    assert driver.newest_step(run) == 4
    assert zygote.gansmith("resume", run).wait() == 0


def test_memory_that_really_runs_out(zygote: Any, config: Callable[..., Path], tmp_path: Path) -> None:
    recipe = config(batch=60_000)
    child = zygote.gansmith("train", "--config", recipe, "--out", tmp_path / "run", hook="little_memory")
    assert child.wait() == 1, child.said()
    assert "memory ran out with a batch of 60000" in child.said()
    assert "Traceback" not in child.said()


def test_another_failure_is_not_taken_for_memory(zygote: Any, config: Callable[..., Path], tmp_path: Path) -> None:
    child = zygote.gansmith("train", "--config", config(), "--out", tmp_path / "run", hook="another_failure")
    assert child.wait() not in (0, None)
    assert "a fault of the program" in child.said()
    assert "memory ran out" not in child.said()


class Said:
    """A display that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def start(self, step: int, steps: int) -> None: ...
    def update(self, record: Mapping[str, float]) -> None: ...
    def stop(self) -> None: ...
    def say(self, text: str) -> None:
        self.lines.append(text)


def test_a_logger_that_fails_is_only_a_warning(driver: ModuleType, data: Path, cache: Path, tmp_path: Path) -> None:
    seen: list[Any] = []
    calls: list[int] = []

    def broken(record: Mapping[str, Any]) -> None:
        calls.append(1)
        raise ConnectionError("no route to the tracking server")

    recipe = replace(driver.small("digits", data, steps=6), every=Schedules(log=2, sample=1000, save=100))
    display = Said()
    run = train(recipe, out=tmp_path / "run", loggers=[broken, seen.append], display=display)
    assert run.step == 6
    assert len(calls) == 1  # told once, then left out
    assert [record["step"] for record in seen if "seconds" in record] == [2, 4, 6]
    assert sum("no route to the tracking server" in line for line in display.lines) == 1
    assert "no route to the tracking server" in (run.path / "log.txt").read_text()


def test_pictures_that_fail_are_only_a_warning(
    driver: ModuleType, data: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gansmith.training.studio import Studio

    def broken(self: Studio) -> None:
        raise OSError("no fonts")

    monkeypatch.setattr(Studio, "visit", broken)
    monkeypatch.setattr(Studio, "finish", broken)
    display = Said()
    assert train(driver.small("digits", data, steps=2), out=tmp_path / "run", display=display).step == 2
    assert sum("no fonts" in line for line in display.lines) == 2
