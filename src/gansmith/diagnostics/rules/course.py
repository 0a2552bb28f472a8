"""Disorders of a run's course: it explodes, never starts, swings, or was better before."""

from __future__ import annotations

import math
from itertools import accumulate, pairwise
from statistics import median

from gansmith.diagnostics.case import Case, Stretch, every, some
from gansmith.diagnostics.remedies import cure, remedy, unusual
from gansmith.diagnostics.trace import PREFIX
from gansmith.diagnostics.verdict import Evidence, Verdict

__all__ = ["dead_start", "divergence", "oscillation", "worse"]

AXES = 4


def divergence(case: Case) -> Verdict | None:
    """Something is infinite or not a number, or grows without end."""
    if (found := _not_finite(case)) is not None:
        step, name = found
        shown = Evidence(signal=name, bound=0.0, above=True, sentence=f"{_said(name)} is not finite")
        return case.verdict("divergence", Stretch(step, step), [shown], cure(case.settings))
    limits = case.limits
    broken = [False] * len(case.steps)
    shown_by: list[Evidence] = []
    for name, bound, sentence in (
        ("logits", limits.exploded * _least(case, "logits"), "scores have grown to {:.3g}"),
        ("weights/generator", limits.exploded * _least(case, "weights/generator"), "its weights have grown to {:.3g}"),
        ("dead/generator", limits.dead, "{:.0%} of the generator's units always say the same"),
        ("dead/discriminator", limits.dead, "{:.0%} of the discriminator's units always say the same"),
    ):
        past = case.above(name, bound)
        broken = some(broken, past)
        if past[-1:] == [True]:
            shown_by.append(case.evidence(name, bound, sentence, above=True))
    flags = every(broken, case.poor)
    return case.verdict("divergence", case.stretch(flags), shown_by, cure(case.settings))


def dead_start(case: Case) -> Verdict | None:
    """Samples are as far from the data as they were before the first step."""
    distance, limits = case("distance"), case.limits
    if not distance:
        return None
    bound = limits.start * distance[0]
    best = list(accumulate(distance, lambda a, b: b if math.isnan(a) else min(a, b)))
    shown = [case.evidence("distance", bound, "samples are still {:.2f} from the data in energy distance", above=True)]
    for name in ("generator", "discriminator"):
        if case.last(f"dead/{name}") > limits.dead:
            sentence = f"{{:.0%}} of the {name}'s units always say the same"
            shown.append(case.evidence(f"dead/{name}", limits.dead, sentence, above=True))
    when = case.stretch(every([value > bound for value in best], case.poor), once=case.stuck)
    return case.verdict(
        "dead start",
        when if when is not None and when.began == case.steps[0] else None,
        shown,
        remedy(*unusual(case.settings), otherwise="start anew with another seed: --seed 1"),
    )


def oscillation(case: Case) -> Verdict | None:
    """The lead changes sides, or samples wander from one kind of picture to another, and nothing is gained."""
    limits, turns, swings = case.limits, _turns(case), _swings(case)
    shown: list[Evidence] = []
    if turns and turns[-1] >= limits.turns:
        sentence = f"real and generated samples have changed places {turns[-1]} times in {limits.memory} looks"
        shown.append(Evidence(signal=f"{PREFIX}logit_gap", bound=0.0, above=False, sentence=sentence))
    if swings and swings[-1] > limits.swing:
        sentence = f"between two looks, the mean sample moves by {swings[-1]:.2f} deviations of the real images"
        shown.append(Evidence(signal=f"{PREFIX}live/centre/1", bound=0.0, above=True, sentence=sentence))
    moving = [turn >= limits.turns or swing > limits.swing for turn, swing in zip(turns, swings, strict=True)]
    return case.verdict(
        "oscillation",
        case.stretch(every(moving, case.poor), once=case.stuck),
        shown,
        cure(case.settings),
    )


def _turns(case: Case) -> list[int]:
    """How often the sign of the logit gap changed within the last probes."""
    gaps = case.raw("logit_gap")
    turned = [0, *(int(a * b < 0) for a, b in pairwise(gaps))][: len(gaps)]
    return [sum(turned[max(0, i - case.limits.memory + 2) : i + 1]) for i in range(len(turned))]


def _swings(case: Case) -> list[float]:
    """How far the mean of the live generator's samples typically moved between the last probes."""
    paths = list(zip(*(case.raw(f"live/centre/{i}") for i in range(1, AXES + 1)), strict=True))
    moves = [0.0, *(math.dist(a, b) for a, b in pairwise(paths))][: len(paths)]
    return [median(moves[max(0, i - case.limits.memory + 1) : i + 1]) for i in range(len(moves))]


def worse(case: Case) -> Verdict | None:
    """Samples were nearer to the data before."""
    distance, limits = case("distance"), case.limits
    best = list(accumulate(distance, lambda a, b: b if math.isnan(a) else min(a, b)))
    flags = [d > limits.worse * b and d > b + limits.worse_by for d, b in zip(distance, best, strict=True)]
    if not best:
        return None
    at = case.steps[distance.index(best[-1])] if best[-1] in distance else 0
    sentence = f"samples are {{:.3f}} from the data in energy distance, and were {best[-1]:.3f} at step {at:,}"
    bound = max(limits.worse * best[-1], best[-1] + limits.worse_by)
    return case.verdict(
        "getting worse since its best",
        case.stretch(flags),
        [case.evidence("distance", bound, sentence, above=True)],
        cure(case.settings, otherwise="take the best checkpoint: --checkpoint best"),
    )


def _not_finite(case: Case) -> tuple[int, str] | None:
    """The first step at which a cost, a gradient or another signal was not finite, and its name."""
    for record in case.trace.records:
        for name, value in record.items():
            bad = (
                value in ("nan", "inf", "-inf")
                if isinstance(value, str)
                else (isinstance(value, float) and not math.isfinite(value))
            )
            count = name == f"{PREFIX}non_finite" and isinstance(value, int | float) and value > 0
            if (bad and name.startswith(("cost/", PREFIX))) or count:
                return int(record["step"]), name
    return None


def _least(case: Case, name: str) -> float:
    """The least positive value of a signal, but at least 1: scores begin near 0."""
    return max(1.0, min((value for value in case(name) if value > 0), default=math.nan))


def _said(name: str) -> str:
    if name.startswith("cost/"):
        return f"the {name.removeprefix('cost/')}'s cost"
    return "a gradient" if name.endswith("non_finite") else name.removeprefix(PREFIX)
