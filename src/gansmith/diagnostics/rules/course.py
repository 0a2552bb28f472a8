"""Disorders of a run's course: it explodes, never starts, swings, or was better before."""

from __future__ import annotations

import math
from itertools import accumulate

from gansmith.diagnostics.case import WATCH, Case, Stretch, every, some
from gansmith.diagnostics.remedies import even, penalised, remedy, slower, steady, unsaturated
from gansmith.diagnostics.verdict import Evidence, Verdict

__all__ = ["dead_start", "divergence", "oscillation", "worse"]

AXES = 4


def divergence(case: Case) -> Verdict | None:
    """Something is infinite or not a number, or grows without end."""
    s = case.settings
    cure = remedy(even(s), penalised(s), slower(s))
    if (found := _not_finite(case)) is not None:
        step, name = found
        shown = Evidence(signal=name, bound=0.0, above=True, sentence=f"{_said(name)} is not finite")
        return case.verdict("divergence", Stretch(step, step), [shown], cure)
    limit = case.limits.exploded
    shown_by: list[Evidence] = []
    flags = [False] * len(case.steps)
    for name, sentence in (
        ("logits", "scores are {:.3g} on average"),
        ("weights/generator", "the generator's weights have grown to {:.3g}"),
        ("weights/discriminator", "the discriminator's weights have grown to {:.3g}"),
    ):
        first = next((v for v in case(name) if v > 0), math.nan) if name.startswith("weights") else 1.0
        past = case.above(name, limit * first)
        flags = some(flags, past)
        if past[-1:] == [True]:
            shown_by.append(case.evidence(name, limit * first, sentence, above=True))
    return case.verdict("divergence", case.stretch(every(flags, case.failing)), shown_by, cure)


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
    s = case.settings
    return case.verdict(
        "dead start",
        case.stretch([value > bound for value in best]),
        shown,
        remedy(even(s), unsaturated(s), slower(s, only_fast=True), otherwise="start anew with another seed: --seed 1"),
    )


def oscillation(case: Case) -> Verdict | None:
    """What the generator makes wanders from one kind of picture to another and back."""
    bound, names = case.limits.swing, [f"live/centre/{i}" for i in range(1, AXES + 1)]
    paths = [case.raw(name) for name in names]
    swings = [
        math.sqrt(sum((path[i] - path[i - 1]) ** 2 for path in paths)) if i else 0.0 for i in range(len(case.steps))
    ]
    reach = 2 * case.limits.smooth + 1
    typical = [sorted(swings[max(0, i - reach + 1) : i + 1])[min(i, reach - 1) // 2] for i in range(len(swings))]
    now = typical[-1] if typical else math.nan
    shown = Evidence(
        signal=f"{WATCH}live/centre/1",
        bound=bound,
        above=True,
        sentence=f"between two looks, the mean sample moves by {now:.2f} deviations of the real images",
    )
    s = case.settings
    return case.verdict(
        "oscillation",
        case.stretch(every([value > bound for value in typical], case.failing)),
        [shown],
        remedy(even(s), steady(s), penalised(s), slower(s)),
    )


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
    s = case.settings
    return case.verdict(
        "getting worse since its best",
        case.stretch(flags),
        [case.evidence("distance", bound, sentence, above=True)],
        remedy(even(s), slower(s), otherwise="take the best checkpoint: --checkpoint best"),
    )


def _not_finite(case: Case) -> tuple[int, str] | None:
    """The first step at which a cost, a gradient or a sample was not finite, and its name, if that is so still."""
    for record in case.trace.records:
        for name, value in record.items():
            bad = (
                value in ("nan", "inf", "-inf")
                if isinstance(value, str)
                else (isinstance(value, float) and not math.isfinite(value))
            )
            count = name == f"{WATCH}non_finite" and isinstance(value, int | float) and value > 0
            if (bad and name.startswith(("cost/", WATCH))) or count:
                return int(record["step"]), name
    return None


def _said(name: str) -> str:
    if name.startswith("cost/"):
        return f"the {name.removeprefix('cost/')}'s cost"
    return "a gradient" if name.endswith("non_finite") else name.removeprefix(WATCH)
