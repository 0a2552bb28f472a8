"""Disorders of the balance between the players: one of them has won."""

from __future__ import annotations

import math

from gansmith.diagnostics.case import Case, every, some
from gansmith.diagnostics.remedies import cure, even, first, lighter, remedy, wider
from gansmith.diagnostics.verdict import Evidence, Verdict

__all__ = ["discriminator_weak", "discriminator_won"]


def discriminator_won(case: Case) -> Verdict | None:
    """The discriminator is never wrong, and the generator learns nothing from it."""
    limits = case.limits
    silent = some(case.above("saturated", limits.saturated), _vanished(case), case.above("logit_gap", limits.wide))
    flags = every(case.above("accuracy", limits.sure), silent, case.poor)
    shown = [case.evidence("accuracy", limits.sure, "the discriminator is right in {:.1%} of all pairs", above=True)]
    if case.last("saturated") > limits.saturated:
        sentence = "the generator's cost is flat on {:.0%} of its samples"
        shown.append(case.evidence("saturated", limits.saturated, sentence, above=True))
    elif _vanished(case)[-1:] == [True]:
        bound = limits.vanished * max(case("reach"))
        shown.append(case.evidence("reach", bound, "the gradient at the samples is down to {:.2g}", above=False))
    elif case.last("logit_gap") > limits.wide:
        shown.append(case.evidence("logit_gap", limits.wide, "real and generated scores are {:.1f} apart", above=True))
    return case.verdict(
        "discriminator has won",
        case.stretch(flags, once=case.stuck),
        shown,
        cure(case.settings),
    )


def discriminator_weak(case: Case) -> Verdict | None:
    """The discriminator sees no difference where there is one."""
    limits = case.limits
    flags = every(case.below("accuracy", limits.unsure), case.poor)
    shown: list[Evidence] = [
        case.evidence("accuracy", limits.unsure, "the discriminator is right in {:.0%} of all pairs", above=False),
        case.evidence("distance", limits.poor, "yet samples are {:.2f} from the data in energy distance", above=True),
    ]
    s = case.settings
    return case.verdict(
        "discriminator too weak",
        case.stretch(flags, once=case.stuck),
        shown,
        remedy(first(even(s), lighter(s)), otherwise=wider(s)),
    )


def _vanished(case: Case) -> list[bool]:
    """Where the gradient at the samples is a small part of the largest that it was."""
    found, largest = [], 0.0
    for value in case("reach"):
        largest = largest if math.isnan(value) else max(largest, value)
        found.append(value < case.limits.vanished * largest)
    return found
