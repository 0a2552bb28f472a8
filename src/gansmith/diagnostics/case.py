"""A run on the doctor's table: its signals side by side, and since when they have been past a line."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import median
from typing import Any

from gansmith.diagnostics.limits import Limits
from gansmith.diagnostics.trace import PREFIX, Trace
from gansmith.diagnostics.verdict import Evidence, Remedy, Verdict

__all__ = ["Case", "Rule", "Stretch"]


@dataclass(frozen=True)
class Stretch:
    """The last probes, as far back as something holds.

    Args:
        began: the step of the first of them.
        seen: the step at which there were enough.
    """

    began: int
    seen: int


@dataclass(frozen=True)
class Case:
    """A trace as rules read it; values are medians over the last few probes, and not numbers where nothing was taken.

    Args:
        trace: what was recorded.
        settings: the recipe's fields by dotted name.
        limits: the lines.
        since: the step to which the run last went back; a remedy takes as long to show as learning to begin.

    Example:
        >>> records = [{"step": step, "watch/diversity": 0.1 if step > 300 else 1.0} for step in range(0, 1000, 100)]
        >>> case = Case(Trace(tuple(records)), {"steps": 1000})
        >>> case.stretch(case.below("diversity", 0.5))
        Stretch(began=500, seen=800)
    """

    trace: Trace
    settings: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits = Limits()
    since: int = 0

    @cached_property
    def probes(self) -> tuple[Mapping[str, Any], ...]:
        """The records that a probe made."""
        return tuple(record for record in self.trace.records if any(name.startswith(PREFIX) for name in record))

    @cached_property
    def steps(self) -> tuple[int, ...]:
        """The probes' steps."""
        return tuple(int(record["step"]) for record in self.probes)

    @cached_property
    def total(self) -> int:
        """The steps that the run is to make; those that it has made where nothing says so."""
        return max(int(self.settings.get("steps") or 0), self.trace.step)

    @property
    def begin(self) -> float:
        """The step from which on the run is judged."""
        return self.since + max(self.limits.grace * self.total, self.limits.slowest)

    @cached_property
    def _kept(self) -> dict[str, tuple[float, ...]]:
        return {}

    @property
    def known(self) -> bool:
        """Whether there is enough to judge by."""
        return bool(self.steps) and self._judged(len(self.steps) - 1)

    def raw(self, name: str) -> tuple[float, ...]:
        """A signal as it was taken, one value for each probe."""
        taken = Trace(self.probes)[PREFIX + name]
        by_step = dict(zip(taken.steps, taken.values, strict=True))
        return tuple(by_step.get(step, math.nan) for step in self.steps)

    def __call__(self, name: str) -> tuple[float, ...]:
        """A signal's medians, one for each probe."""
        if name not in self._kept:
            self._kept[name] = self.over(name, self.limits.smooth)
        return self._kept[name]

    def over(self, name: str, probes: int) -> tuple[float, ...]:
        """A signal's medians over so many probes."""
        raw = self.raw(name)
        windows = [[v for v in raw[max(0, i - probes + 1) : i + 1] if not math.isnan(v)] for i in range(len(raw))]
        return tuple(median(window) if window else math.nan for window in windows)

    def last(self, name: str) -> float:
        """A signal's median now."""
        values = self(name)
        return values[-1] if values else math.nan

    def above(self, name: str, bound: float) -> list[bool]:
        """Where a signal is above a line; nowhere, where it was not taken."""
        return [value > bound for value in self(name)]

    def below(self, name: str, bound: float) -> list[bool]:
        """Where a signal is below a line; nowhere, where it was not taken."""
        return [value < bound for value in self(name)]

    @cached_property
    def stuck(self) -> list[bool]:
        """Where samples have come no nearer to the data lately."""
        distance, window, least = self("distance"), self.limits.window * self.total, 1 - self.limits.improving
        earlier = [self._before(i, step - window) for i, step in enumerate(self.steps)]
        return [e is not None and not d < least * e for d, e in zip(distance, earlier, strict=True)]

    def _before(self, place: int, step: float) -> float | None:
        """The distance that samples had at a step before that of the probe at a place."""
        there = bisect_right(self.steps, step, hi=place)
        return self("distance")[there - 1] if there else None

    @cached_property
    def poor(self) -> list[bool]:
        """Where samples are unlike the data."""
        return self.above("distance", self.limits.poor)

    def stretch(self, bad: Sequence[bool], *, once: Sequence[bool] | None = None) -> Stretch | None:
        """Since when something bad has held at every probe until now, if it has for long enough.

        Args:
            bad: where it holds.
            once: what must hold besides, twice in a row, for it to be said the first time. What was said is
                taken back when it holds no longer, or when samples have come much nearer to the data since.
        """
        if len(bad) != len(self.steps):
            return None
        limits, distance = self.limits, self("distance")
        first = said = -1
        for i, holds in enumerate(bad):
            recovered = once is not None and said >= 0 and distance[i] < limits.recovered * distance[said]
            if not holds or recovered:
                first = said = -1
            if holds and first < 0:
                first = i
            long = first >= 0 and i - first + 1 >= limits.persist and self._judged(i)
            if long and said < 0 and (once is None or all(once[i - 1 : i + 1])):
                said = i
        return Stretch(self.steps[first], self.steps[said]) if said >= 0 else None

    def _judged(self, place: int) -> bool:
        """Whether there is enough to judge by at the probe at a place."""
        return place + 1 >= self.limits.least and self.steps[place] >= self.begin

    def evidence(self, name: str, bound: float, sentence: str, *, above: bool) -> Evidence:
        """A signal that crossed its line; ``{}`` in the sentence is its value."""
        said = sentence.format(self.last(name))
        return Evidence(signal=PREFIX + name, bound=bound, above=above, sentence=said, over=self.limits.smooth)

    def verdict(
        self, disorder: str, when: Stretch | None, evidence: Sequence[Evidence], remedy: Remedy, *, failure: bool = True
    ) -> Verdict | None:
        """A verdict, where something has held for long enough."""
        if when is None:
            return None
        return Verdict(
            disorder=disorder,
            began=when.began,
            seen=when.seen,
            evidence=tuple(evidence),
            remedy=remedy,
            failure=failure,
        )


Rule = Callable[[Case], Verdict | None]
"""One disorder: what it finds in a case, if it is there."""


def every(*flags: Sequence[bool]) -> list[bool]:
    """Where all hold.

    Example:
        >>> every([True, True], [True, False])
        [True, False]
    """
    return [all(row) for row in zip(*flags, strict=True)]


def some(*flags: Sequence[bool]) -> list[bool]:
    """Where one holds.

    Example:
        >>> some([True, False], [False, False])
        [True, False]
    """
    return [any(row) for row in zip(*flags, strict=True)]
