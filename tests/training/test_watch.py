"""The doctor beside a run: what it writes down, what it says, and that the run does not feel it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gansmith.data import from_array
from gansmith.diagnostics import Diagnosis, Evidence, Remedy, Trace, Verdict
from gansmith.dynamics import SGD, Adam, Alternating, Extragradient, Lookahead
from gansmith.games import AdversarialGame, InstanceNoise, LeCam, Wasserstein
from gansmith.networks import DCGAN, MLP
from gansmith.training import train, watch
from gansmith.training.config import flattened, merge, nested
from gansmith.training.display import state_in_words
from gansmith.training.engine import DeviceEngine
from gansmith.training.quality import Quality
from gansmith.training.recipe import Execution, Recipe, Schedules
from gansmith.training.rundir import RunDirectory
from gansmith.training.session import Session
from gansmith.training.studio import Studio
from gansmith.training.trees import pack
from gansmith.training.watch import Watch


@pytest.fixture(autouse=True)
def _without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take longer than all the rest."""
    monkeypatch.setattr(Studio, "visit", lambda self: {"step": self.session.step, Quality.name: 1.0})
    monkeypatch.setattr(Studio, "finish", lambda self: None)


class Said:
    """A display that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.states: list[str] = []

    def start(self, step: int, steps: int) -> None: ...
    def stop(self) -> None: ...

    def update(self, record: Any) -> None:
        self.states.append(state_in_words(record))

    def say(self, text: str) -> None:
        self.lines.append(text)


def images(n: int = 48, channels: int = 1, labels: bool = False) -> Any:
    pixels = np.random.default_rng(0).integers(0, 256, (n, 16, 16, channels), np.uint8)
    return from_array(pixels, np.arange(n) % 3 if labels else None)


def recipe(**changes: Any) -> Recipe:
    small = Recipe(
        networks=DCGAN(width=4),
        latent=3,
        batch=4,
        steps=9,
        run=Execution(device="cpu", precision="float32", threads=1),
        every=Schedules(log=1, sample=1000, save=1000, watch=3),
    )
    return replace(small, **changes)


def records(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def state(run: Path) -> Any:
    checkpoints = RunDirectory.open(run).checkpoints()
    path = checkpoints.latest()
    assert path is not None
    return pack(checkpoints.load(path)[0])


@pytest.mark.identity
def test_a_run_that_is_watched_is_the_run_that_it_is_without(tmp_path: Path) -> None:
    """Bit for bit, with the real probe and batch norm in both players; and nothing else of a record changes."""
    for every in (0, 3):
        changed = recipe(every=replace(recipe().every, watch=every))
        train(changed, out=tmp_path / str(every), data=images(), display=Said())
    assert state(tmp_path / "0") == state(tmp_path / "3")
    plain, watched = records(tmp_path / "0"), records(tmp_path / "3")
    timed = ("seconds", "seconds_left", "images_per_second", "state")
    costs = [[{k: v for k, v in r.items() if k not in timed} for r in rs if "seconds" in r] for rs in (plain, watched)]
    assert costs[0] == costs[1]
    looks = [r for r in watched if "watch/distance" in r]
    assert [r["step"] for r in looks] == [0, 3, 6, 9]
    assert all(isinstance(r["state"], str) for r in watched if Quality.name not in r)
    assert {"watch/accuracy", "watch/accuracy_held_out", "watch/diversity", "watch/gradient_ratio"} <= set(looks[0])


@pytest.mark.smoke
@pytest.mark.parametrize(
    "changes",
    [
        {"conditional": True},
        {"networks": MLP()},
        {"game": InstanceNoise(AdversarialGame(penalties=(LeCam(),)))},
        {"game": AdversarialGame(Wasserstein()), "dynamics": Extragradient(optimizer=SGD(lr=0.01))},
        {"dynamics": Lookahead(every=2), "held_out": 0.0},
    ],
    ids=["conditional", "mlp", "wrapped", "extragradient", "lookahead"],
)
def test_recipes_of_all_kinds_are_watched(changes: dict[str, Any]) -> None:
    warned: list[str] = []
    session = Session.start(recipe(**changes), images(labels="conditional" in changes), DeviceEngine())
    session.advance()
    record = Watch(session, warned.append).look()
    assert warned == []
    assert record["watch/diversity"] > 0
    assert ("watch/overfitting" in record) == ("held_out" not in changes)


def test_what_cannot_be_looked_at_is_warned_of_once_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(session: Session) -> Any:
        raise ZeroDivisionError("no such network")

    monkeypatch.setattr(watch, "probe_of", broken)
    said = Said()
    run = train(recipe(), out=tmp_path / "run", data=images(), display=said)
    assert run.step == 9
    assert said.lines.count("warning: the run cannot be looked at: no such network") == 1
    assert "cannot be looked at" in (run.path / "log.txt").read_text()
    looks = [r for r in records(run.path) if not {"seconds", Quality.name} & set(r)]
    assert looks == [{"step": step, "state": "too early to say"} for step in (0, 3, 6, 9)]


def test_a_doctor_that_fails_does_not_end_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(trace: Trace, settings: Any, since: int) -> Diagnosis:
        raise ZeroDivisionError("a rule of thumb")

    monkeypatch.setattr(watch, "diagnose", broken)
    assert train(recipe(), out=tmp_path / "run", data=images(), display=Said()).step == 9


def test_a_verdict_is_said_once_and_again_when_it_goes_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ill at the looks after steps 3 and 6, well again at 9."""
    shown = Evidence(signal="watch/diversity", bound=0.4, above=False, sentence="samples are 0.10 times as far apart")
    cure = Remedy(sentence="Lower the learning rate: --lr 0.0005")
    collapse = Verdict(disorder="mode collapse", began=1200, seen=3, evidence=(shown,), remedy=cure)

    def planned(trace: Trace, settings: Any, since: int) -> Diagnosis:
        return Diagnosis(step=trace.step, verdicts=(collapse,) if 3 <= trace.step < 9 else ())

    monkeypatch.setattr(watch, "diagnose", planned)
    monkeypatch.setattr(watch, "probe_of", lambda session: lambda *args, **more: {"watch/diversity": 0.1})
    said = Said()
    run = train(recipe(), out=tmp_path / "run", data=images(), display=said)
    cause = "mode collapse since step 1,200: samples are 0.10 times as far apart"
    sentence = f"{cause}. Lower the learning rate: --lr 0.0005"
    assert said.lines == [sentence, "mode collapse is over at step 9"]
    log = (run.path / "log.txt").read_text()
    assert log.count(sentence) == 1
    assert "mode collapse is over at step 9" in log
    # A look comes after its step's line, so the line of step 3 still has what the look before it said.
    assert said.states == ["healthy"] * 3 + ["mode collapse since step 1,200"] * 6
    assert [r["state"] for r in records(run.path) if "seconds" in r] == said.states


@pytest.mark.identity
def test_after_a_resume_the_doctor_knows_what_it_knew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Trace] = []

    def planned(trace: Trace, settings: Any, since: int) -> Diagnosis:
        seen.append(trace)
        return Diagnosis(step=trace.step)

    monkeypatch.setattr(watch, "diagnose", planned)
    monkeypatch.setattr(watch, "probe_of", lambda session: lambda *args, step, **more: {"watch/x": 1 / (1 + step)})
    session = Session.start(recipe(), images(), DeviceEngine())
    first = Watch(session, pytest.fail)
    for session.step in (3, 6):
        first.note({"step": session.step, "seconds": 1.0, "cost/generator": float("nan"), "state": "balanced"})
        first.look()
    session.step = 7
    written = [json.loads(json.dumps(r).replace("NaN", '"nan"')) for r in first.trace.records]
    again = Watch(session, pytest.fail, written)
    assert seen[-1].step == 6
    assert again.diagnosis == first.diagnosis
    for name in ("watch/x", "cost/generator"):
        ours, theirs = again.trace[name], first.trace[name]
        assert ours.steps == theirs.steps
        assert np.array_equal(ours.values, theirs.values, equal_nan=True)


@pytest.mark.smoke
def test_a_run_that_really_fails_is_found_to(tmp_path: Path) -> None:
    """A learning rate at which weights explode within a few steps, under the real probe and the real rules.

    They judge nothing but what is not finite before a run's 200th step.
    """
    dynamics = Alternating(optimizer=Adam(lr=0.5))
    every = Schedules(log=20, sample=1000, save=1000, watch=20)
    said = Said()
    run = train(
        recipe(dynamics=dynamics, steps=400, every=every, on_failure="stop"),
        out=tmp_path / "run",
        data=images(),
        display=said,
    )
    assert run.failure is not None
    assert run.step < 400
    assert "--lr" in run.failure.remedy.sentence
    assert any(str(run.failure) == line for line in said.lines)


@pytest.mark.identity
def test_the_fields_by_dotted_name_are_a_file() -> None:
    """Flattened and nested again, they change nothing of a recipe."""
    whole = recipe(dynamics=Lookahead(dynamics=Alternating(optimizer=SGD(lr=0.3))), game=AdversarialGame())
    fields = flattened(whole)
    assert fields["dynamics.lookahead.dynamics.alternating.optimizer.sgd.lr"] == 0.3
    assert fields["game.adversarial.penalties"] == []
    assert merge(Recipe(), nested(fields)) == whole
    changed = merge(whole, nested({"dynamics.lookahead.dynamics.alternating.optimizer.sgd.lr": 0.1}))
    assert changed.dynamics.dynamics.optimizer.lr == 0.1
    assert replace(changed, dynamics=whole.dynamics) == whole


def test_the_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="on_failure is 'panic'; it must be 'warn', 'stop' or 'rollback'"):
        recipe(on_failure="panic")
    with pytest.raises(ValueError, match="watch must be at least 0, not -1"):
        Schedules(watch=-1)
