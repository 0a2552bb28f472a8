"""Each rule on curves on which it must and must not fire."""

import math
import random

import pytest
from synthetic import HEALTHY, SETTINGS, after, falling, run

from gansmith.diagnostics import Limits, Trace, diagnose

BAD = 0.3
"""An energy distance of samples that are unlike the data."""


def found(trace: Trace, **settings: object) -> list[str]:
    return [verdict.disorder for verdict in diagnose(trace, {**SETTINGS, **settings}).verdicts]


def slow(t: float) -> float:
    return 0.64 * 0.02**t


DISORDERS = {
    "mode collapse": {"diversity": after(0.5, 0.1, 0.9), "distance": after(0.5, BAD, 0.05)},
    "dropped modes": {"classes_missed": after(0.5, 0.4, 0.0), "distance": after(0.5, 0.04, 0.02)},
    "discriminator has won": {
        "accuracy": after(0.5, 1.0, 0.8),
        "reach": after(0.5, 0.001, 0.3),
        "distance": after(0.5, BAD, 0.05),
    },
    "discriminator too weak": {"accuracy": 0.4, "logit_gap": -0.1, "distance": falling(0.64, BAD, 0.1)},
    "divergence": {"logits": after(0.5, 5000.0, 1.0), "distance": after(0.5, BAD, 0.05)},
    "dead start": {"distance": 0.6},
    "overfitting": {"overfitting": after(0.5, 0.8, 0.05)},
    "intra-batch correlation": {"batch_correlation": after(0.5, 0.4, 0.01)},
    "checkerboard artefacts": {"grid": after(0.5, 0.1, 0.001)},
    "getting worse since its best": {"distance": lambda t: 0.02 if t < 0.5 else 0.02 + 1.5 * (t - 0.5)},
}


@pytest.mark.parametrize("disorder", DISORDERS)
def test_each_disorder_is_found_with_its_onset_evidence_and_remedy(disorder):
    """What is planted at half of the run is dated within a tenth of it; what was always there, at its beginning."""
    trace = run(**DISORDERS[disorder])
    diagnosis = diagnose(trace, SETTINGS)
    verdicts = {verdict.disorder: verdict for verdict in diagnosis.verdicts}
    assert disorder in verdicts
    verdict = verdicts[disorder]
    always = disorder in ("dead start", "discriminator too weak")
    assert (0 <= verdict.began <= 25) if always else (500 <= verdict.began <= 600)
    assert verdict.seen >= verdict.began
    assert verdict.evidence
    assert all(len(trace[item.signal].steps) == len(trace.records) for item in verdict.evidence)
    assert verdict.remedy.sentence
    assert verdict.failure == (disorder not in ("intra-batch correlation", "checkerboard artefacts"))


@pytest.mark.parametrize("disorder", DISORDERS)
def test_each_is_found_within_a_tenth_of_the_run_after_its_onset(disorder):
    """Those that were there from the beginning can be told from a slow start only later."""
    trace = run(**DISORDERS[disorder])
    first = next(step for step in range(0, 1001, 20) if disorder in found(trace.until(step)))
    always = disorder in ("dead start", "discriminator too weak")
    late = 75 if disorder in ("overfitting", "getting worse since its best") else 0  # medians over more, a slow slope
    assert first <= (350 if always else 600 + late)


def test_a_class_or_two_is_a_warning_and_many_are_a_failure():
    few, many = (
        diagnose(run(classes_missed=after(0.5, share, 0.0), distance=after(0.5, 0.04, 0.02)), SETTINGS).verdicts[0]
        for share in (0.1, 0.4)
    )
    assert (few.disorder, few.failure) == ("dropped modes", False)
    assert (many.disorder, many.failure) == ("dropped modes", True)


def test_after_going_back_a_remedy_gets_the_time_that_a_beginning_gets():
    """Of 1,000 steps a tenth, but at least 250 steps, from where the run went back to."""
    trace = run(**DISORDERS["mode collapse"])
    assert diagnose(trace.until(780), SETTINGS, since=550).state == "too early to say"
    assert diagnose(trace.until(800), SETTINGS, since=550).failing.disorder == "mode collapse"
    broken = trace.until(780).given({"step": 790, "cost/generator": math.nan})
    assert diagnose(broken, SETTINGS, since=550).failing.disorder == "divergence"


def test_in_the_first_steps_nothing_is_judged_however_short_the_run():
    """Most trainings look collapsed before they have learnt anything."""
    short = run(steps=180, every=5, diversity=0.1, distance=BAD)
    assert diagnose(short, {**SETTINGS, "steps": 180}).state == "too early to say"


def test_oscillation_is_a_lead_that_changes_sides():
    swing = run(logit_gap=lambda t: math.cos(75 * t), accuracy=lambda t: 0.5 + 0.3 * math.cos(75 * t), distance=BAD)
    assert "oscillation" in found(swing)
    assert "oscillation" not in found(run(logit_gap=lambda t: math.cos(75 * t)))  # samples are good, or get better


def test_oscillation_is_a_mean_that_wanders():
    hop = run(
        distance=BAD, live__centre__1=lambda t: 1.5 * math.cos(60 * t), live__centre__2=lambda t: math.sin(60 * t)
    )
    assert "oscillation" in found(hop)


@pytest.mark.parametrize(
    "curves",
    [
        {},
        {"accuracy": 1.0, "logit_gap": 8.0, "distance": slow},  # a discriminator far ahead that still teaches
        {"accuracy": 1.0, "saturated": 1.0, "distance": slow},
        {"accuracy": 0.5, "logit_gap": 0.01},  # in doubt, because samples are good
        {"accuracy": 0.55, "distance": slow},
        {"diversity": lambda t: 0.95 * t, "distance": slow},  # slow, but getting there
        {"classes_missed": falling(0.9, 0.01, 1.0), "missed": falling(0.9, 0.05, 1.0), "distance": slow},
        {"logits": 500.0, "reach": 50.0},  # a critic's scores have no scale
        {"weights/generator": lambda t: 20 + 300 * t},
        {"live/centre/1": lambda t: math.sin(100 * t)},
        {"overfitting": lambda t: 2.0 if int(1000 * t) % 100 == 0 else 0.0},
        {"nearest": 0.8},
        {"distance": lambda t: falling(0.64, 0.01)(t) * (1.4 if int(1000 * t) % 200 < 50 else 1.0)},
    ],
    ids=str,
)
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_healthy_runs_are_never_called_ill(curves, noise):
    """At no step, also those with strange curves."""
    trace = run(noise=noise, **{name.replace("/", "__"): curve for name, curve in curves.items()})
    for step in range(0, 1001, 25):
        assert found(trace.until(step)) == []


def test_one_outlier_is_no_disorder():
    """A single probe, or two, with the worst of all values; the median and the wait pass over it."""
    records = [dict(record) for record in run().records]
    for place in (15, 28):
        records[place] |= {"watch/diversity": 0.0, "watch/distance": 0.6, "watch/accuracy": 1.0, "watch/saturated": 1.0}
    assert all(not found(Trace(tuple(records)).until(step)) for step in range(0, 1001, 25))


@pytest.mark.parametrize("disorder", DISORDERS)
def test_signals_that_are_missing_never_make_a_verdict(disorder):
    """Leaving out any one signal gives no verdict that was not there, and no error."""
    trace = run(**DISORDERS[disorder])
    whole = set(found(trace))
    for name in HEALTHY:
        less = Trace(tuple({k: v for k, v in r.items() if k != f"watch/{name}"} for r in trace.records))
        assert set(found(less)) <= whole


def test_noise_alone_is_no_disorder():
    """Signals that are drawn anew at every probe, around healthy values, over ten runs."""
    for seed in range(10):
        draw = random.Random(seed)
        shift = {name: draw.uniform(-0.02, 0.02) for name in ("accuracy", "logit_gap", "overfitting")}
        curves = {name: (lambda t, v=HEALTHY[name] + shift[name]: v) for name in shift}
        assert found(run(noise=0.2, **curves)) == []


def test_early_on_nothing_is_said():
    diagnosis = diagnose(run(last=75, diversity=0.0, distance=0.64), SETTINGS)
    assert (diagnosis.known, diagnosis.state, diagnosis.verdicts) == (False, "too early to say", ())
    assert diagnose(Trace(), {}).state == "too early to say"


def test_a_healthy_run_is_called_so():
    assert diagnose(run(), SETTINGS).state == "healthy"
    assert diagnose(run(), {}).state == "healthy"  # settings are for remedies


@pytest.mark.parametrize(
    ("name", "value"), [("cost/generator", "nan"), ("watch/reach", math.inf), ("watch/non_finite", 2.0)]
)
def test_what_is_not_finite_is_said_at_once(name, value):
    """Also before anything else is known, and with the step at which it was first seen."""
    trace = Trace(({"step": 3, "cost/generator": 1.0}, {"step": 5, name: value}, {"step": 6, name: value}))
    verdict = diagnose(trace, SETTINGS).failing
    assert (verdict.disorder, verdict.began) == ("divergence", 5)


def test_a_run_that_recovers_is_healthy_again():
    """Collapsed from 40 % to 60 % of the run."""
    sick = run(
        diversity=lambda t: 0.1 if 0.4 <= t < 0.6 else 0.95,
        distance=lambda t: BAD if 0.4 <= t < 0.6 else falling(0.64, 0.02, 0.3)(t),
    )
    assert "mode collapse" in found(sick.until(575))
    assert found(sick) == []


def test_a_verdict_is_not_taken_back_by_a_pause():
    """A little nearer to the data now and then is no recovery: the date stays."""
    trace = run(noise=0.0, diversity=0.1, distance=lambda t: 0.3 * (0.85 if 0.6 < t < 0.7 else 1.0))
    dates = {v.began for s in range(300, 1001, 25) for v in diagnose(trace.until(s), SETTINGS).verdicts[:1]}
    assert dates == {0}


def test_the_gravest_comes_first():
    names = found(
        run(
            distance=falling(0.64, BAD, 0.1),
            diversity=0.1,
            accuracy=1.0,
            saturated=1.0,
            grid=0.2,
            logits=falling(1.0, 1e4, 0.1),
        )
    )
    assert names[:3] == ["divergence", "discriminator has won", "mode collapse"]
    assert names[-1] == "checkerboard artefacts"


def test_limits_are_checked_and_used():
    with pytest.raises(ValueError, match="persist is 0"):
        Limits(persist=0)
    with pytest.raises(ValueError, match="poor is -1"):
        Limits(poor=-1)
    trace = run(batch_correlation=0.1)
    assert not diagnose(trace, SETTINGS).verdicts
    assert diagnose(trace, SETTINGS, Limits(batch=0.05)).verdicts[0].disorder == "intra-batch correlation"


def test_very_few_images_are_said_to_be_learnt_by_heart_unless_they_are_augmented():
    """Of 16 nothing can be held out, so no signal shows it: the number itself does, as soon as anything is judged."""
    few = run(images=16.0)
    plain = {**SETTINGS, "augment.translation": 0.0}
    verdict = diagnose(few, plain).verdicts[0]
    assert (verdict.disorder, verdict.began, verdict.failure) == ("overfitting", 0, True)
    assert verdict.evidence[0].sentence.endswith("training images, and no more")
    assert verdict.remedy.settings["augment.translation"] == 0.125
    assert "overfitting" in found(few.until(260), **plain)
    assert "overfitting" not in found(few, **{"augment.translation": 0.125})
    assert "overfitting" not in found(run(images=1000.0), **plain)
