from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import pytest
import torch
from torch import nn

from gansmith.diagnostics import Diagnosis, Remedy, Trace, Verdict

Benchmark = Callable[[str], ModuleType]
NORMAL = {"step": 0, "finite": 1.0, "score": 0.1, "kinds": 8.0, "grid": 0.0, "copies": 1.0, "batch": 0.0}


def course(steps: int, **changes: float) -> list[dict[str, float]]:
    """Marks of a normal run, with `changes` in the second half; it has learnt something by its second mark."""
    marks = [{**NORMAL, "step": 10 * i} | (changes if 2 * i >= steps else {}) for i in range(steps)]
    return [{**marks[0], "score": 1.0}, *marks[1:]]


@pytest.mark.analytic
@pytest.mark.parametrize(
    ("changes", "state", "why"),
    [
        ({}, "healthy", []),
        ({"score": 0.31}, "fails", ["quality"]),  # (0.31 + 0.02) / (0.1 + 0.02) = 2.75 > 2.5
        ({"score": 0.2}, "unclear", []),  # 1.83 lies between 1.6 and 2.5
        ({"kinds": 4.0}, "fails", ["dropped modes"]),
        ({"kinds": 5.6}, "unclear", []),
        ({"copies": 0.4}, "fails", ["overfitting"]),
        ({"batch": 0.3}, "fails", ["intra-batch correlation"]),
        ({"grid": 0.2}, "fails", ["checkerboard artefacts"]),
        ({"finite": 0.0}, "fails", ["divergence"]),
    ],
)
def test_the_truth_of_a_run(benchmark: Benchmark, changes: dict[str, float], state: str, why: list[str]) -> None:
    found = {"broken": None, "truth": course(20, **changes)}
    said = benchmark("truth").state_of(found, course(20), from_step=0)
    assert said == (state, 100 if why else None, why)


@pytest.mark.analytic
def test_nothing_counts_before_a_fault_and_what_gets_better_does_not_fail(benchmark: Benchmark) -> None:
    truth = benchmark("truth")
    bad = {"broken": None, "truth": course(20, score=0.9)}
    assert truth.state_of(bad, course(20), from_step=150)[1] == 150
    coming = [{**mark, "score": 9.0 * 0.9**i} for i, mark in enumerate(course(20))]  # a fifth of the run is 4 marks
    assert truth.state_of({"broken": None, "truth": coming}, course(20), from_step=0)[0] == "unclear"
    assert truth.state_of({"broken": 70, "truth": course(8)}, course(20), from_step=0) == ("fails", 70, ["divergence"])


@pytest.mark.analytic
def test_sensitivity_false_alarms_and_delay(benchmark: Benchmark) -> None:
    doctor = benchmark("doctor")
    row = {"state": "fails", "found": 30, "delay": 0.05, "early": False, "planted": "mode collapse", "named": True}
    row |= {"hard": True, "said": [{"disorder": "mode collapse", "failure": True}]}
    well = {**row, "state": "healthy", "found": None, "delay": None, "planted": "", "named": False, "hard": False}
    rows = [row, {**row, "delay": 0.2, "named": False}, {**row, "found": None}, well, {**well, "found": 10}]
    found = doctor.summary([*rows, {**well, "state": "unclear"}])
    assert (found["sensitivity"]["right"], found["sensitivity"]["of"]) == (2, 3)
    assert (found["in_time"]["right"], found["false_alarms"]["right"], found["false_alarms"]["of"]) == (1, 1, 2)
    assert found["delay"] == {"median": 0.125, "most": 0.2}
    assert (found["unclear"], found["recovered"]) == (1, 0)
    assert (found["at_the_border"]["right"], found["at_the_border"]["of"], found["strange"]["of"]) == (2, 3, 0)
    assert found["by_disorder"]["mode collapse"]["named"] == 2
    assert found["alarms"] == {"mode collapse": 1}


@pytest.mark.smoke
def test_every_scenario_is_a_recipe_and_a_third_of_each_kind_is_hard(benchmark: Benchmark) -> None:
    scenarios = benchmark("scenarios")
    ill, well = scenarios.failures(), scenarios.healthy()
    assert len(well) >= len(ill)
    assert 0.3 < sum(scenario.hard for scenario in ill) / len(ill) < 0.4
    assert len(scenarios.SCENARIOS) == len(ill) + len(well)
    for scenario in scenarios.SCENARIOS.values():
        recipe = scenario.change(scenarios.base("spots", 50, seed=3))
        assert recipe.seed % 1000 == 3
        assert (recipe == scenarios.base("spots", 50, seed=3)) <= (scenario.change is scenarios.as_it_is)


@pytest.mark.analytic
def test_what_is_planted_into_networks(benchmark: Benchmark) -> None:
    scenarios = benchmark("scenarios")
    board = scenarios.Patterned(nn.Unflatten(1, (1, 4, 4)), 0.25)(torch.zeros(1, 16))
    assert board[0, 0, :2, :2].tolist() == [[0.25, -0.25], [-0.25, 0.25]]
    blurred = scenarios.Blurred(nn.Flatten())
    assert not blurred(board).any()  # each 2×2 block of it sums to zero
    few = scenarios.Few(nn.Identity(), 2, latent=4)(torch.randn(50, 4, generator=torch.Generator().manual_seed(0)))
    nearest = torch.cdist(few, few).sort().values
    assert (nearest[:, 1] < 0.5 * nearest[:, -1]).all()  # two clusters


@pytest.mark.smoke
def test_a_fault_happens_once_and_to_the_run_alone(benchmark: Benchmark) -> None:
    from gansmith.training.engine import DeviceEngine
    from gansmith.training.session import Session

    scenarios, shapes = benchmark("scenarios"), benchmark("shapes")
    recipe = replace(scenarios.base("spots", 4, seed=0), batch=4)
    session = Session.start(recipe, shapes.spots(64), DeviceEngine(precision="float32"))
    session.advance()
    scenarios.frozen("generator")(session)
    before = [p.clone() for p in session.players["generator"].parameters()]
    scenarios.fed(scenarios.negative)(session)
    session.advance()
    assert all(torch.equal(a, b) for a, b in zip(before, session.players["generator"].parameters(), strict=True))
    assert session.feed(0)(0)["real"].mean() > 0  # white pictures now
    assert recipe.dynamics.rates == {}


@pytest.mark.smoke
def test_a_run_is_looked_at_and_judged(benchmark: Benchmark) -> None:
    doctor = benchmark("doctor")
    found = doctor.run(doctor.Job("spots", "base", 0, 2))
    assert [mark["step"] for mark in found["truth"]] == [0, 1, 2]
    assert {"watch/distance", "watch/accuracy"} <= set(found["records"][-1])
    row = doctor.report([found], {}, {})["rows"][0]
    assert (row["state"], row["planted"], row["said"]) == ("healthy", "", [])


@pytest.mark.identity
def test_spots_are_told_apart(benchmark: Benchmark) -> None:
    shapes = benchmark("shapes")
    images = shapes.spots(200, seed=5)
    x = images.pixels() / 127.5 - 1
    places, good = shapes.spots_told_apart(x)
    assert places.tolist() == images.labels.tolist()
    assert good.all()
    assert not shapes.spots_told_apart(torch.maximum(x[:-4], x[4:]))[1].any()  # two spots, on opposite sides


@pytest.mark.analytic
def test_a_warning_before_a_fault_is_no_alarm_and_does_not_hide_the_failure_after_it(
    benchmark: Benchmark, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Digits whose classes are half gone at step 500 of 1,000: warned of at 300, failing by it at 600."""
    doctor = benchmark("doctor")
    verdict = Verdict(disorder="dropped modes", began=300, seen=300, evidence=(), remedy=Remedy(sentence=""))

    def diagnose(trace: Trace, *_: object) -> Diagnosis:
        said = replace(verdict, failure=trace.step >= 600)
        return Diagnosis(step=trace.step, verdicts=(said,) if trace.step >= 300 else ())

    monkeypatch.setattr("gansmith.diagnostics.diagnose", diagnose)
    monkeypatch.setattr(doctor, "state_of", lambda *_, **__: ("fails", 500, ["dropped modes"]))
    found = {"data": "digits", "scenario": "half of the classes from the middle", "seed": 0, "steps": 1000}
    found |= {"records": [{"step": step} for step in range(0, 1001, 100)], "settings": {}, "truth": [NORMAL]}
    row = doctor.judged(found, [NORMAL], {})
    assert [(verdict["step"], verdict["failure"]) for verdict in row["said"]] == [(300, False), (600, True)]
    assert (row["early"], row["found"], row["delay"]) == (False, 600, 0.1)
