"""What a run wrote down, as series over its steps."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple, overload

__all__ = ["PREFIX", "Series", "Trace"]

Record = Mapping[str, Any]

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

    records: Sequence[Record] = ()

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

    def given(self, record: Record) -> Trace:
        """The trace with one more record; this one stays as it is."""
        before = self.records if isinstance(self.records, _Begun) else _Begun(list(self.records))
        return Trace(before.given(record))


class _Begun(Sequence[Record]):
    """The records that a list begins with, to which longer traces of the same run append: none of them is a copy."""

    def __init__(self, shared: list[Record]) -> None:
        self.shared, self.length = shared, len(shared)

    def given(self, record: Record) -> _Begun:
        """These and one more, in the same list unless that goes on in another way."""
        shared = self.shared if len(self.shared) == self.length else list(self)
        shared.append(record)
        return _Begun(shared)

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Record]:
        return islice(self.shared, self.length)

    @overload
    def __getitem__(self, place: int) -> Record: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Record]: ...
    def __getitem__(self, place: int | slice) -> Record | Sequence[Record]:
        return self.shared[: self.length][place] if isinstance(place, slice) else self.shared[range(self.length)[place]]


def _record(line: str) -> Record | None:
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
