"""Tables of the guides, from results small enough to be worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

Benchmark = Callable[[str], ModuleType]


def cells(text: str, first: str) -> list[list[str]]:
    """The rows of a table whose first cell is that."""
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return [line for line in lines if line[0] == first]


def trick(row: str, seed: int, steps: int, score: float | None, **more: Any) -> dict[str, Any]:
    found = {"row": row, "seed": seed, "steps": steps, "score": score, "machine": "A, 2 cores", "milliseconds": 10.0}
    return found | ({} if score is None else {"sure": 1.0, "recall": 0.5, "precision": 0.5, "rarest": 0.1}) | more


@pytest.mark.analytic
def test_tricks_of_the_full_length_and_what_they_cost_on_the_same_machine(benchmark: Benchmark) -> None:
    tricks, tables = benchmark("tricks"), benchmark("tables")
    smooth = "bare + one-sided label smoothing, 0.9"
    runs = [
        trick("bare", 0, 5000, 10.0),
        trick("bare", 1, 5000, 14.0, machine="B, 2 cores", milliseconds=40.0),
        trick(smooth, 0, 5000, 8.0, milliseconds=15.0),  # one and a half times as long as bare on A
        trick(smooth, 1, 5000, 8.0, machine="B, 2 cores", milliseconds=100.0),  # two and a half times on B
        trick(smooth, 2, 5000, None),
        trick("bare", 0, 100, 999.0),
    ]
    result = {
        "runs": dict(enumerate(runs)),
        "table": tricks.table(dict(enumerate(runs))),
        "protocol": {"steps": 5000},
        "control": {"score": 0.4, "sure": 1.0, "recall": 1.0, "rarest": 0.1},
    }
    text = tables.tricks(result)
    (bare,) = cells(text, "bare")
    assert bare[1:4] == ["2", "12.0 ± 2.8", "1.00 ± 0.00"]  # the deviation of 10 and 14 is the root of 8
    (row,) = cells(text, smooth)
    assert (row[1], row[2], row[6]) == ("3, 1 broke down", "8.0 ± 0.0", "2.00")
    assert "999" not in text
    assert "A, 2 cores and B, 2 cores" in text


@pytest.mark.analytic
def test_few_pictures(benchmark: Benchmark) -> None:
    small, tables = benchmark("small_data"), benchmark("tables")
    base = {"data": "avatars", "count": 100, "coverage": 0.5, "authentic": 0.25, "machine": "A", "warned": None}
    runs = {
        "a": {**base, "method": "few", "seed": 0, "steps": 8000, "score": 2.0, "warned": 400},
        "b": {**base, "method": "few", "seed": 1, "steps": 8000, "score": 4.0},
        "c": {**base, "method": "textbook", "seed": 0, "steps": 8000, "score": 9.0},
        "d": {**base, "method": "few", "seed": 0, "steps": 40, "score": 777.0},
    }
    real = {"avatars 100": {"score": 1.0, "coverage": 0.9, "authentic": 0.6}}
    text = tables.small_data({"runs": runs, "table": small.table(runs, real), "protocol": {"steps": 8000}})
    few, textbook = cells(text, "avatars")
    assert few[2:7] == ["few", "2", "3.0 ± 1.4", "1.0", "0.50 ± 0.00"]
    assert few[-1] == "400, –"
    assert textbook[2:5] == ["textbook", "1", "9.0 ± 0.0"]
    assert "777" not in text


@pytest.mark.analytic
def test_features_put_to_use(benchmark: Benchmark) -> None:
    reuse, tables = benchmark("feature_reuse"), benchmark("tables")

    def run(seed: int, wrong: float, steps: int) -> dict[str, Any]:
        errors = {str(count): {"error": wrong} for count in reuse.LABELLED}
        return {"seed": seed, "steps": steps, "machine": "A", "errors": {"pixels": errors | {"features": 784}}}

    length = reuse.RECIPE.steps
    runs = [run(0, 0.1, length), run(1, 0.2, length), run(0, 0.9, 10)]
    result = {"runs": runs, "table": reuse.table(runs), "protocol": {"labels": list(reuse.LABELLED)}}
    (row,) = cells(tables.feature_reuse(result), "pixels")
    assert row == ["pixels", "784", "15.0% ± 7.1%", "15.0% ± 7.1%"]
