"""Traces as values that grow."""

import tracemalloc
from typing import Any

import pytest

from gansmith.diagnostics import Trace


def record(step: int) -> dict[str, Any]:
    return {"step": step, "loss": float(step)}


def test_a_trace_stays_what_it_was_when_it_is_given_more() -> None:
    """Also when two traces go on from the same one."""
    first = Trace((record(1),)).given(record(2))
    one, other = first.given(record(3)), first.given(record(4))
    longer = one.given(record(5))
    assert [trace["loss"].steps for trace in (first, one, other, longer)] == [
        (1, 2),
        (1, 2, 3),
        (1, 2, 4),
        (1, 2, 3, 5),
    ]
    assert (len(first.records), first.step, first.records[-1], first.records[:9]) == (2, 2, record(2), [*first.records])
    with pytest.raises(IndexError):
        first.records[2]


def test_a_run_of_any_length_holds_its_records_once() -> None:
    """3,000 traces, each one longer than the last, would be 36 MB of places if each had its own."""
    traces = [Trace()]
    one = record(0)
    tracemalloc.start()
    try:
        for _ in range(3_000):
            traces.append(traces[-1].given(one))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [len(trace.records) for trace in traces] == list(range(3_001))
    assert most < 3e6
