"""What a run wrote down, as series over its steps."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

__all__ = ["PREFIX", "Series", "Trace"]

PREFIX = "watch/"
"""Begins the names of all that a probe takes."""


class Series(NamedTuple):
    """One signal: its values at the steps at which it was taken; a value may be infinite or not a number."""

    steps: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Trace:
    """The records of a run, in the order in which they were made.

    Args:
        records: mappings with ``step`` and any figures, as in ``metrics.jsonl``.

    Example:
        >>> trace = Trace.read(['{"step": 1, "loss": 0.5}', '{"step": 2, "loss": "nan"}', '{"step": 2, "other": 1}'])
        >>> trace["loss"], trace.until(1)["loss"].values, trace["absent"].steps
        (Series(steps=(1, 2), values=(0.5, nan)), (0.5,), ())
    """

    records: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def read(cls, lines: Iterable[str]) -> Trace:
        """The trace of a run from the lines of its ``metrics.jsonl``; a line that a crash tore is left out."""
        return cls(tuple(record for line in lines if (record := _record(line)) is not None))

    @property
    def step(self) -> int:
        """The last step that was recorded; 0 where none was."""
        return max((int(record["step"]) for record in self.records), default=0)

    def __getitem__(self, name: str) -> Series:
        taken = [(int(r["step"]), number) for r in self.records if (number := _number(r.get(name))) is not None]
        return Series(tuple(step for step, _ in taken), tuple(value for _, value in taken))

    def until(self, step: int) -> Trace:
        """The trace as it was at that step."""
        return Trace(tuple(record for record in self.records if record["step"] <= step))

    def given(self, record: Mapping[str, Any]) -> Trace:
        """The trace with one more record."""
        return Trace((*self.records, record))


def _record(line: str) -> Mapping[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and "step" in record else None


def _number(value: object) -> float | None:
    """A figure; JSON holds those that are not finite as text."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    return float(value) if value in ("nan", "inf", "-inf") and isinstance(value, str) else None
