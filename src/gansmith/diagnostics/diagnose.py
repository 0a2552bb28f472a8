"""All rules on one run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gansmith.diagnostics.case import Case, Rule
from gansmith.diagnostics.limits import Limits
from gansmith.diagnostics.rules import RULES, dead_start
from gansmith.diagnostics.trace import Trace
from gansmith.diagnostics.verdict import Diagnosis

__all__ = ["at_a_glance", "diagnose"]

_LIMITS = Limits()


def diagnose(
    trace: Trace,
    settings: Mapping[str, Any],
    limits: Limits = _LIMITS,
    *,
    since: int = 0,
    rules: Sequence[Rule] = RULES,
) -> Diagnosis:
    """What a run suffers from at the end of its trace, the gravest first.

    Args:
        trace: what was recorded.
        settings: the recipe's fields by dotted name, as a file holds them: ``dynamics.alternating.optimizer.adam.lr``;
            lists are as they are. ``steps`` is needed to know how far the run is, the others for remedies.
        limits: the lines.
        since: the step to which the run last went back; for a while after it, only what is not finite is judged.
        rules: one for each disorder.

    Example:
        >>> diagnose(Trace(), {"steps": 100}).state
        'too early to say'
        >>> bad = Trace(({"step": 7, "cost/generator": float("nan")},))
        >>> print(diagnose(bad, {"steps": 100, "dynamics.alternating.optimizer.adam.lr": 0.01}).failing)
        divergence since step 7: the generator's cost is not finite. Lower the learning rate: --lr 0.002
    """
    case = Case(trace, settings, limits, since)
    verdicts = tuple(verdict for rule in rules if (verdict := rule(case)) is not None)
    return Diagnosis(step=trace.step, verdicts=verdicts, known=case.known or bool(verdicts))


def at_a_glance(record: Mapping[str, Any], settings: Mapping[str, Any], limits: Limits = _LIMITS) -> Diagnosis:
    """What a single look suggests: the verdicts on a run that had looked so for a while, dated now.

    What lasts cannot be told from what passes, nor a run that never started from one that has lost its way.

    Args:
        record: what the probe took, with its step.
        settings: as in `diagnose`.
        limits: the lines.

    Example:
        >>> look = {"step": 900, "watch/diversity": 0.1, "watch/distance": 0.6}
        >>> [(verdict.disorder, verdict.began) for verdict in at_a_glance(look, {"steps": 1000}).verdicts]
        [('mode collapse', 900)]
    """
    step = int(record["step"])
    apart = 1 + math.ceil(limits.window * max(int(settings.get("steps") or 0), step))
    looks = limits.least + limits.persist + limits.smooth
    lasting = Trace(tuple({**record, "step": step - apart * ago} for ago in reversed(range(looks))))
    found = diagnose(lasting, settings, limits, rules=[rule for rule in RULES if rule is not dead_start])
    return replace(found, verdicts=tuple(replace(verdict, began=step, seen=step) for verdict in found.verdicts))
