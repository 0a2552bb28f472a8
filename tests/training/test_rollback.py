"""`on_failure`: what a run does about a failure, and that a run that does something is still the same run."""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import gansmith
from gansmith.dynamics import (
    SGD,
    Averaged,
    Competitive,
    Consensus,
    Extragradient,
    Lookahead,
    Optimistic,
    Simultaneous,
    Unrolled,
)
from gansmith.training import NonFiniteError, resume, train
from gansmith.training.checkpoints import Checkpoints
from gansmith.training.config import merge, nested
from gansmith.training.engine import DeviceEngine
from gansmith.training.quality import Quality
from gansmith.training.recipe import Augmentation, Schedules
from gansmith.training.rundir import RunDirectory
from gansmith.training.session import Session
from gansmith.training.studio import Studio
from gansmith.training.treatment import restarted, treated
from gansmith.training.trees import pack, unpack

FILE = Path(__file__).with_name("doctored.py")


@pytest.fixture(scope="module")
def doctored() -> ModuleType:
    spec = importlib.util.spec_from_file_location("doctored", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True, scope="module")
def _without_pictures() -> Iterator[None]:
    """They take longer than all the rest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Studio, "visit", lambda self: {"step": self.session.step, Quality.name: 10.0})
        patch.setattr(Studio, "finish", lambda self: None)
        yield


@pytest.fixture
def planned(doctored: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    doctored.install(monkeypatch.setattr)
    return doctored


def newest(run: Path) -> dict[str, Any]:
    checkpoints = RunDirectory.open(run).checkpoints(warn=pytest.fail)
    path = checkpoints.latest()
    assert path is not None
    return checkpoints.load(path)[0]


def same(a: Path, b: Path) -> bool:
    return pack(newest(a)) == pack(newest(b))


def lines(run: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / name).read_text().splitlines()]


def test_a_warning_is_all_that_there_is_by_default(planned: ModuleType, tmp_path: Path) -> None:
    said = planned.Said()
    run = train(planned.recipe(), out=tmp_path / "run", data=planned.images(), display=said)
    assert run.step == 20
    verdicts = [line for line in said.lines if "mode collapse" in line]
    assert verdicts == ["mode collapse since step 6: it was planned so. Lower the learning rate: --lr 0.005"]
    assert not (run.path / "decisions.jsonl").exists()
    assert newest(run.path)["attempt"] == 0


def test_stop_ends_the_run_saved_and_resume_goes_on_nevertheless(planned: ModuleType, tmp_path: Path) -> None:
    said = planned.Said()
    run = train(planned.recipe(on_failure="stop"), out=tmp_path / "run", data=planned.images(), display=said)
    assert (run.step, run.stopped_by) == (9, None)
    assert run.failure is not None
    assert run.failure.disorder == "mode collapse"
    assert said.lines[-1] == f"stopped at step 9; go on nevertheless with: gansmith resume {run.path}"
    assert newest(run.path)["step"] == 9
    (decision,) = lines(run.path, "decisions.jsonl")
    assert (decision["what"], decision["step"], decision["disorder"]) == ("stopped", 9, "mode collapse")
    again = resume(run.path, data=planned.images(), display=planned.Said())
    assert (again.step, again.failure) == (20, None)


def test_how_a_run_ends_is_looked_at_whenever_that_is(planned: ModuleType, tmp_path: Path) -> None:
    """Ill from step 9 on, looked at every 4 steps of 11: what the last three brought is not left unsaid."""
    every = replace(planned.recipe().every, watch=4)
    said, recipe = planned.Said(), planned.recipe(steps=11, every=every)
    run = train(recipe, out=tmp_path / "run", data=planned.images(), display=said)
    assert [r["step"] for r in lines(run.path, "metrics.jsonl") if "watch/weight" in r] == [0, 4, 8, 11]
    assert any("mode collapse" in line for line in said.lines)


@pytest.mark.parametrize("watch", [0, 9])
def test_who_asks_for_a_stop_but_for_no_looks_is_told(watch: int, planned: ModuleType, tmp_path: Path) -> None:
    """Every 9 steps of a run of 8 is never."""
    said = planned.Said()
    recipe = planned.recipe(on_failure="stop", steps=8, every=Schedules(watch=watch))
    train(recipe, out=tmp_path / "run", data=planned.images(), display=said)
    assert said.lines == ["warning: without looks (--every.watch) no failure is seen but what is not finite"]


def test_a_failure_seen_at_the_last_step_leaves_nothing_to_go_on_with(planned: ModuleType, tmp_path: Path) -> None:
    said, recipe = planned.Said(), planned.recipe(on_failure="stop", steps=planned.FIRST)
    run = train(recipe, out=tmp_path / "run", data=planned.images(), display=said)
    assert run.step == run.steps
    assert run.failure is not None
    assert not [line for line in said.lines if "gansmith resume" in line]


def test_rollback_returns_to_before_it_began_with_the_remedy(planned: ModuleType, tmp_path: Path) -> None:
    said = planned.Said()
    recipe = planned.recipe(on_failure="rollback")
    run = train(recipe, out=tmp_path / "run", data=planned.images(), display=said)
    assert run.step == 20
    back = [line for line in said.lines if "back to" in line]
    # It began at 6, and 4 is the last checkpoint before that. Halving 0.01 once is not enough, twice is; and where
    # going back to 4 was not enough, it goes to an earlier one.
    assert back == [
        "mode collapse at step 9: back to step 4 with other noise. Lower the learning rate: --lr 0.005",
        "mode collapse at step 9: back to step 0 with other noise. Lower the learning rate: --lr 0.0025",
    ]
    decisions = lines(run.path, "decisions.jsonl")
    assert [(d["step"], d["to"], d["began"], d["settings"]) for d in decisions] == [
        (9, 4, 6, {planned.LR: 0.005}),
        (9, 0, 6, {planned.LR: 0.0025}),
    ]
    assert decisions[0]["evidence"] == ["it was planned so"]
    tree = newest(run.path)
    assert (tree["attempt"], tree["decisions"]) == (2, decisions)
    rates = {g["base_lr"] for o in tree["dynamics"]["optimizers"].values() for g in o["param_groups"]}
    assert rates == {0.0025}
    assert (run.path / "config.yaml").read_text().count("lr: 0.01") == 1  # what was asked for
    looks = [r["step"] for r in lines(run.path, "metrics.jsonl") if "watch/weight" in r]
    assert looks == [0, 3, 6, 9, 12, 15, 18, 20]  # each once, the lost ones made again
    evidence = json.loads((run.path / "evidence" / "step-00000009-attempt-0.json").read_text())
    assert evidence["verdict"]["disorder"] == "mode collapse"
    assert [r["step"] for r in evidence["records"] if "watch/weight" in r] == [6, 9]


def test_retries_bound_it_and_the_run_goes_on(planned: ModuleType, tmp_path: Path) -> None:
    recipe = planned.recipe(on_failure="rollback", retries=1)
    run = train(recipe, out=tmp_path / "run", data=planned.images(), display=planned.Said())
    assert run.step == 20
    assert newest(run.path)["attempt"] == 1
    assert len(lines(run.path, "decisions.jsonl")) == 1


def test_where_no_checkpoint_is_left_the_run_goes_on(
    planned: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that lost them is no reason to end what still runs."""
    advance = Session.advance

    def losing(self: Session) -> Any:
        for file in (tmp_path / "run" / "checkpoints").glob("*/weights.safetensors"):
            file.write_bytes(b"")
        return advance(self)

    monkeypatch.setattr(Session, "advance", losing)
    recipe = planned.recipe(on_failure="rollback", steps=11)
    run = train(recipe, out=tmp_path / "run", data=planned.images(), display=planned.Said())
    assert run.step == 11
    assert newest(run.path)["attempt"] == 0


@pytest.mark.identity
def test_the_same_command_gives_the_same_bits(planned: ModuleType, whole: Path, tmp_path: Path) -> None:
    recipe = planned.recipe(on_failure="rollback")
    again = train(recipe, out=tmp_path / "again", data=planned.images(), display=planned.Said())
    assert same(again.path, whole)
    plain = train(replace(recipe, on_failure="warn"), out=tmp_path / "c", data=planned.images(), display=planned.Said())
    assert not same(plain.path, whole)


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the library catches it, and nothing is tidied up that a kill would leave."""


@pytest.fixture(scope="module")
def whole(doctored: ModuleType, _without_pictures: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that goes back twice and is never interrupted."""
    with pytest.MonkeyPatch.context() as patch:
        doctored.install(patch.setattr)
        recipe = doctored.recipe(on_failure="rollback")
        out = tmp_path_factory.mktemp("whole") / "run"
        return train(recipe, out=out, data=doctored.images(), display=doctored.Said()).path


MOMENTS = ["advance 1", "advance 6", "advance 9", "advance 10", "advance 14", "advance 29"]
MOMENTS += ["save 1", "save 4", "save 5", "leave 1", "decided 2", "rewind 2", "rewind 3"]


@pytest.mark.identity
@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_any_moment_and_resumed_it_is_the_run_that_it_would_have_been(
    moment: str, planned: ModuleType, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a step, a save, a change of what is kept, a note of a decision, or the rewinding of the records."""
    recipe, data = planned.recipe(on_failure="rollback"), planned.images()
    name, number = moment.split()
    owner: Any = {"advance": Session, "save": Checkpoints, "leave": Checkpoints}.get(name, RunDirectory)
    original, calls = getattr(owner, name), []

    def killing(self: Any, *args: Any, **more: Any) -> Any:
        calls.append(1)
        if len(calls) == int(number):
            raise Killed
        return original(self, *args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, killing)
        with pytest.raises(Killed):
            train(recipe, out=tmp_path / "cut", data=data, display=planned.Said())
    resume(tmp_path / "cut", data=data, display=planned.Said())
    assert same(tmp_path / "cut", whole)
    assert lines(tmp_path / "cut", "decisions.jsonl") == lines(whole, "decisions.jsonl")
    seen = [[r for r in lines(run, "metrics.jsonl") if "watch/weight" in r] for run in (whole, tmp_path / "cut")]
    assert seen[0] == seen[1]


def stopped_and_resumed(recipe: Any, at: int, planned: ModuleType, out: Path) -> Path:
    """A run that gets a signal in its step `at`, which saves at a step of its own, and goes on."""
    advance, steps, data = Session.advance, [], planned.images()

    def counting(self: Session) -> Any:
        steps.append(1)
        if len(steps) == at:
            signal.raise_signal(signal.SIGTERM)
        return advance(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "advance", counting)
        run = train(recipe, out=out, data=data, display=planned.Said())
    assert run.stopped_by == signal.SIGTERM
    return resume(out, data=data, display=planned.Said()).path


@pytest.mark.identity
@pytest.mark.parametrize("at", [5, 10])
def test_stopped_and_resumed_it_goes_back_to_where_it_would_have(
    at: int, planned: ModuleType, whole: Path, tmp_path: Path
) -> None:
    """From what a signal saves a run goes on, but it never goes back to it."""
    assert same(stopped_and_resumed(planned.recipe(on_failure="rollback"), at, planned, tmp_path / "cut"), whole)


@pytest.mark.identity
@pytest.mark.parametrize("keep", [1, 2])
def test_stopped_and_resumed_what_is_not_finite_leads_back_to_where_it_would_have(
    keep: int, planned: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped after step 5, not finite at 6: back to 4, also where one checkpoint is all that is kept."""
    poisoned(monkeypatch, 6, 1)
    recipe = planned.recipe(every=replace(planned.recipe().every, keep=keep))
    whole = train(recipe, out=tmp_path / "whole", data=planned.images(), display=planned.Said()).path
    cut = stopped_and_resumed(recipe, 5, planned, tmp_path / "cut")
    assert [d["to"] for d in lines(cut, "decisions.jsonl")] == [4]
    assert same(cut, whole)


def test_it_goes_back_to_before_it_began_to_fail_in_any_way(
    planned: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gravest verdict began at step 6, after what is saved at 4; another one at step 2."""

    def older(trace: Any, settings: Any, since: int) -> Any:
        found = planned.planned(trace, settings, since)
        more = tuple(replace(verdict, disorder="oscillation", began=2) for verdict in found.verdicts)
        return replace(found, verdicts=(*found.verdicts, *more))

    monkeypatch.setattr("gansmith.training.watch.diagnose", older)
    recipe = planned.recipe(on_failure="rollback")
    run = train(recipe, out=tmp_path / "run", data=planned.images(), display=planned.Said())
    first = lines(run.path, "decisions.jsonl")[0]
    assert (first["disorder"], first["to"]) == ("mode collapse", 0)


def test_the_best_so_far_is_no_place_to_go_back_to(
    planned: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is saved whenever there is one, here at step 5; a run that goes back, goes to a multiple of `every.save`."""
    poisoned(monkeypatch, 6, 1)
    recipe = planned.recipe(every=replace(planned.recipe().every, sample=5))
    run = train(recipe, out=tmp_path / "run", data=planned.images(), display=planned.Said())
    assert [d["to"] for d in lines(run.path, "decisions.jsonl")] == [4]


def two_processes(*words: object) -> None:
    """Train under a doctor of `doctored.py` in two processes."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    paths = os.pathsep.join(filter(None, (str(Path(gansmith.__file__).parents[1]), os.environ.get("PYTHONPATH"))))
    common = os.environ | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "PYTHONPATH": paths}
    processes = [
        subprocess.Popen(
            [sys.executable, str(FILE), *map(str, words)],
            env=common | {"RANK": str(rank), "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    said = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], "\n".join(said)


@pytest.mark.identity
def test_two_processes_decide_alike(whole: Path, tmp_path: Path) -> None:
    """Both go back to the same step with the same remedy, or else they would wait for each other in vain."""
    two_processes(tmp_path / "two")
    two, one = newest(tmp_path / "two"), newest(whole)
    assert two["decisions"] == one["decisions"]
    for key, value in one["average"].items():  # up to the rounding of sums in another order
        torch.testing.assert_close(two["average"][key], value, rtol=1e-3, atol=1e-4)


@pytest.mark.identity
def test_of_two_processes_one_looks_and_sees_what_it_would_alone(doctored: ModuleType, tmp_path: Path) -> None:
    """Under the real probe, with batch norms that two processes share in every step but not in a look."""
    two_processes(tmp_path / "two", "real")
    recipe = doctored.recipe(on_failure="rollback", steps=3)
    train(recipe, out=tmp_path / "one", data=doctored.images(), display=doctored.Said())
    two, one = ([r for r in lines(tmp_path / n, "metrics.jsonl") if "watch/diversity" in r] for n in ("two", "one"))
    assert [r["step"] for r in two] == [0, 3, 6, 9, 12, 15, 18, 20]
    for ours, theirs in zip(two, one, strict=False):
        assert ours.keys() == theirs.keys()
        for name in ours.keys() - {"state", "watch/batch_correlation", "watch/rotation"}:  # up to rounding, as above
            assert ours[name] == pytest.approx(theirs[name], rel=1e-2, abs=1e-3), name


def test_a_look_that_fails_in_one_process_leaves_no_other_waiting(tmp_path: Path) -> None:
    two_processes(tmp_path / "two", "broken")
    assert newest(tmp_path / "two")["step"] == 20
    assert (tmp_path / "two" / "log.txt").read_text().count("cannot be looked at: the disk is gone") == 1


def poisoned(monkeypatch: pytest.MonkeyPatch, step: int, until: int) -> None:
    """The generator's cost of a step is not a number in the first `until` attempts."""
    advance = Session.advance

    def spoil(self: Session) -> Any:
        result = advance(self)
        if self.step == step and self.attempt < until:
            costs = dict(result.costs)
            return replace(result, costs=costs | {"generator": costs["generator"] * float("nan")})
        return result

    monkeypatch.setattr(Session, "advance", spoil)


def test_what_is_not_finite_is_one_disorder_among_others(
    doctored: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the real rules: the verdict is divergence, and its remedy a lower learning rate."""
    monkeypatch.setattr("gansmith.training.watch.probe_of", lambda session: doctored.FakeProbe())
    poisoned(monkeypatch, 10, 1)
    said = doctored.Said()
    recipe = doctored.recipe(on_failure="rollback")
    run = train(recipe, out=tmp_path / "run", data=doctored.images(), display=said)
    assert run.step == 20
    (decision,) = lines(run.path, "decisions.jsonl")
    assert (decision["step"], decision["to"]) == (10, 8)
    assert decision["settings"][doctored.LR] < 0.01
    assert (
        "the generator's cost" in json.loads((run.path / "evidence/step-00000010-attempt-0.json").read_text())["what"]
    )
    assert any("back to step 8" in line and "--lr" in line for line in said.lines)


def test_what_is_not_finite_under_a_warning_gets_other_noise_alone_and_under_stop_nothing(
    planned: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoned(monkeypatch, 6, 1)
    run = train(planned.recipe(steps=8), out=tmp_path / "a", data=planned.images(), display=planned.Said())
    (decision,) = lines(run.path, "decisions.jsonl")
    assert (decision["to"], decision["settings"]) == (4, {})
    with pytest.raises(NonFiniteError, match="not finite at step 6, after 1 attempt; the last good"):
        train(
            planned.recipe(steps=8, on_failure="stop"),
            out=tmp_path / "b",
            data=planned.images(),
            display=planned.Said(),
        )
    assert (tmp_path / "b" / "evidence" / "step-00000006-attempt-0.json").exists()


def test_retries_are_shared(planned: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    poisoned(monkeypatch, 6, 9)
    with pytest.raises(NonFiniteError, match="after 3 attempts"):
        train(planned.recipe(on_failure="rollback"), out=tmp_path / "a", data=planned.images(), display=planned.Said())
    assert newest(tmp_path / "a")["attempt"] == 2


def advanced(recipe: Any, data: Any, steps: int) -> Session:
    session = Session.start(recipe, data, DeviceEngine())
    for _ in range(steps):
        session.advance()
    return session


@pytest.mark.parametrize(
    ("settings", "anew"),
    [
        ({"dynamics.alternating.optimizer.adam.lr": 0.001}, ""),
        ({"game.adversarial.penalties": [{"r1": {"gamma": 0.2}}, "lecam"]}, ""),
        ({"augment.translation": 0.125}, ""),
        ({"batch": 8}, ""),
        ({"dynamics": {"lookahead": {"every": 2}}}, "; the optimisers began anew"),
        ({"dynamics.alternating.optimizer": {"sgd": {"lr": 0.01}}}, "; the optimisers began anew"),
        ({"networks.dcgan.discriminator_norm": "none"}, "; the discriminator and the optimisers began anew"),
    ],
)
def test_what_fits_is_taken_along_and_what_does_not_is_said(
    settings: dict[str, Any], anew: str, doctored: ModuleType
) -> None:
    old = advanced(doctored.recipe(), doctored.images(16), 3)
    tree = old.tree()
    recipe = merge(old.recipe, nested(settings))
    new, said = restarted(old, recipe, tree)
    assert said == anew
    assert new.step == 3
    for a, b in zip(old.players["generator"].parameters(), new.players["generator"].parameters(), strict=True):
        assert torch.equal(a, b)
    assert new.advance().costs  # goes on
    assert new.step == 4


def test_an_earlier_state_from_before_another_optimiser_is_not_taken_for_its_own(doctored: ModuleType) -> None:
    """Back twice: the second time to a state that Adam left, under a recipe that has had SGD since the first time."""
    adam = advanced(doctored.recipe(), doctored.images(), 3)
    tree = adam.tree()
    sgd = merge(adam.recipe, nested({"dynamics.alternating.optimizer": {"sgd": {"lr": 0.01}}}))
    once, _ = restarted(adam, sgd, tree)
    twice, said = restarted(once, merge(sgd, nested({"dynamics.alternating.optimizer.sgd.lr": 0.005})), tree)
    assert said == "; the optimisers began anew"
    assert twice.advance().costs


@pytest.mark.parametrize(
    "dynamics",
    [
        Simultaneous(),
        Unrolled(steps=2, optimizer=SGD(lr=0.01, momentum=0.9)),
        Extragradient(past=True),
        Optimistic(),
        Consensus(),
        Competitive(iterations=2),
        Lookahead(every=2, dynamics=Averaged(dynamics=Optimistic())),
    ],
    ids=lambda dynamics: type(dynamics).__name__,
)
def test_the_state_of_every_dynamics_fits_itself(dynamics: Any, doctored: ModuleType) -> None:
    old = advanced(doctored.recipe(dynamics=dynamics), doctored.images(), 3)
    new, said = restarted(old, old.recipe, unpack(*pack(old.tree())))
    assert said == ""
    for session in (old, new):
        session.attempt = 1
        session.advance()
    assert pack({"d": new.tree()["dynamics"]}) == pack({"d": old.tree()["dynamics"]})


def test_a_new_learning_rate_reaches_optimisers_that_keep_their_memory(doctored: ModuleType) -> None:
    old = advanced(doctored.recipe(), doctored.images(), 3)
    new, _ = restarted(old, merge(old.recipe, nested({doctored.LR: 0.001})), old.tree())
    optimizer = new.dynamics["optimizers"]["generator"]
    assert optimizer.param_groups[0]["base_lr"] == 0.001
    moments = [state["exp_avg"] for state in optimizer.state.values()]
    assert len(moments) == len(list(new.players["generator"].parameters()))
    assert all(bool(m.any()) for m in moments)
    assert new.dynamics["steps"] == 3  # where schedules are


def test_treatments_add_up() -> None:
    from gansmith.training.recipe import Recipe

    decisions = [{"settings": {"steps": 5}}, {"what": "stopped"}, {"settings": {"augment.flip": True, "steps": 7}}]
    assert treated(Recipe(), decisions) == Recipe(steps=7, augment=Augmentation(flip=True))


def test_the_best_checkpoint_of_an_attempt_that_was_given_up_stays(
    planned: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its score was the best at step 8, and the run went back to 4: it can still be sampled, but not resumed from."""
    scores = {(4, 0): 5.0, (8, 0): 1.0}
    monkeypatch.setattr(
        Studio,
        "visit",
        lambda self: {
            "step": self.session.step,
            Quality.name: scores.get((self.session.step, self.session.attempt), 9.0),
        },
    )
    recipe = planned.recipe(on_failure="rollback", every=Schedules(log=2, sample=4, save=4, watch=3))
    run = train(recipe, out=tmp_path / "run", data=planned.images(), display=planned.Said())
    best = RunDirectory.open(run.path).checkpoints().best()
    assert best is not None
    assert best.name == "left-step-0000008"
    assert gansmith.load(best).step == 8
    assert newest(run.path)["step"] == 20
    assert sorted(p.name for p in (run.path / "checkpoints").glob("left-*")) == [best.name]


def test_the_best_is_saved_whenever_the_score_is_taken(
    planned: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Studio, "visit", lambda self: {"step": self.session.step, Quality.name: abs(self.session.step - 6.0) + 1}
    )
    recipe = planned.recipe(every=Schedules(log=2, sample=3, save=10, watch=0))
    run = train(recipe, out=tmp_path / "run", data=planned.images(), display=planned.Said())
    checkpoints = RunDirectory.open(run.path).checkpoints()
    best = checkpoints.best()
    assert best is not None
    assert (best.name, checkpoints.best_score()) == ("step-0000006", 1.0)
