"""What the doctor says: a disorder, when it began, what shows it, and the setting that helps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Diagnosis", "Evidence", "Remedy", "Verdict"]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A signal that crossed a line.

    Args:
        signal: its name in the run's records.
        bound: the line.
        above: whether values above the line are the bad ones.
        sentence: what it shows, with the figures: "samples are 0.1 times as far apart as real images".
        over: the number of values over whose median it was judged.
    """

    signal: str
    bound: float
    above: bool
    sentence: str
    over: int = 1


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """What to do about it.

    Args:
        sentence: in words, with the flags as they are typed: "lower the learning rate: --lr 0.0005".
        settings: the fields of the recipe to change, by dotted name, as a file would hold them; empty where nothing
            that can be set during a run helps.
    """

    sentence: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A disorder of a run.

    Args:
        disorder: its name: "mode collapse".
        began: the step from which on its signals were past their lines.
        seen: the step at which it was certain.
        evidence: what shows it.
        remedy: what to do about it.
        failure: whether the run fails by it; otherwise it is a warning.
    """

    disorder: str
    began: int
    seen: int
    evidence: tuple[Evidence, ...]
    remedy: Remedy
    failure: bool = True

    def __str__(self) -> str:
        shown = "; ".join(item.sentence for item in self.evidence)
        return f"{self.disorder} since step {self.began:,}: {shown}. {self.remedy.sentence}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """All verdicts on a run at a step, the gravest first.

    Args:
        step: how far the run was.
        verdicts: what it suffers from; empty for a healthy run.
        known: whether there was enough to judge by.
    """

    step: int
    verdicts: tuple[Verdict, ...] = ()
    known: bool = True

    @property
    def failing(self) -> Verdict | None:
        """The gravest verdict by which the run fails, if any."""
        return next((verdict for verdict in self.verdicts if verdict.failure), None)

    @property
    def onset(self) -> int | None:
        """The step since which the run fails, by whichever verdict is the oldest; None if it does not.

        Example:
            >>> remedy = Remedy(sentence="")
            >>> said = [("divergence", 90), ("oscillation", 20)]
            >>> ill = [Verdict(disorder=name, began=at, seen=100, evidence=(), remedy=remedy) for name, at in said]
            >>> Diagnosis(step=100, verdicts=tuple(ill)).onset
            20
        """
        return min((verdict.began for verdict in self.verdicts if verdict.failure), default=None)

    @property
    def state(self) -> str:
        """A few plain words: "healthy", "mode collapse since step 1,200"."""
        if not self.known:
            return "too early to say"
        if not self.verdicts:
            return "healthy"
        first = self.verdicts[0]
        return f"{first.disorder} since step {first.began:,}"
