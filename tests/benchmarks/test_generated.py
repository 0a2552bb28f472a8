"""What is made from results stands in the README and the guides as the results say."""

import json
import sys
from collections.abc import Callable
from types import ModuleType

import pytest

Benchmark = Callable[[str], ModuleType]


def test_the_tables_of_the_readme(benchmark: Benchmark, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["readme.py", "--check"])
    assert benchmark("readme").main() == 0


def test_the_failures_of_the_guide(benchmark: Benchmark) -> None:
    failures, results = benchmark("failures"), benchmark("report").RESULTS
    text = failures.GUIDE.read_text(encoding="utf-8")
    found = json.loads((results / "failures.json").read_text(encoding="utf-8"))
    assert failures.written(text, found) == text
    assert set(found["results"]) == set(failures.PLANTED)
    with pytest.raises(ValueError, match="has no <!-- failure: "):
        failures.written("", found)
