from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch

Benchmark = Callable[[str], ModuleType]


def look(validation: float, test: float) -> dict[str, object]:
    of = {"validation": validation, "test": test, "error": 1.0, "sigma": 0.2}
    return {"averaged": of, "as trained": of, "training_seconds": 9.0, "training_cpu_seconds": 1800.0}


@pytest.mark.analytic
def test_the_epoch_is_chosen_on_the_validation_images_alone(benchmark: Benchmark) -> None:
    parzen = benchmark("parzen")
    runs = {"0": {"5000": look(1.0, 9.0), "10000": look(3.0, 4.0)}, "1": {"5000": look(2.0, 8.0)}, "2": {}}
    row = parzen.row(runs, "averaged")
    assert [(seed, at["step"], at["test"]) for seed, at in row["seeds"].items()] == [
        ("0", 10_000, 4.0),
        ("1", 5_000, 8.0),
    ]
    assert (row["mean"], row["std"]) == (6.0, pytest.approx(8**0.5))
    assert row["core_minutes"] == {"0": 60.0, "1": 30.0, "2": 0.0}


def test_only_what_was_not_looked_at_is_trained(benchmark: Benchmark) -> None:
    parzen = benchmark("parzen")
    assert list(parzen.marks(parzen.PAPER, 25)) == [5_000, 10_000]
    assert list(parzen.marks(parzen.PAPER, 0)) == list(parzen.marks(parzen.DEFAULT, 0)) == []
    assert list(parzen.marks(parzen.DEFAULT, 1)) == [5_000]


def test_measurements_are_gathered_from_the_folders(benchmark: Benchmark, tmp_path: Path) -> None:
    (tmp_path / "goodfellow2014-mnist-12").mkdir()
    (tmp_path / "goodfellow2014-mnist-12" / "parzen.json").write_text('{"5000": {}}')
    (tmp_path / "goodfellow2014-mnist-13").mkdir()
    assert benchmark("parzen").gathered(tmp_path) == {"goodfellow2014-mnist": {"12": {"5000": {}}}}


@pytest.mark.analytic
def test_centres_find_clusters(benchmark: Benchmark) -> None:
    noise = torch.randn(3, 100, 2, generator=torch.Generator().manual_seed(0))
    points = (torch.tensor([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]]).unsqueeze(1) + 0.1 * noise).view(300, 2)
    found = benchmark("parzen").k_means(points, 3, rounds=20, seed=1)
    expected = points.view(3, 100, 2).mean(1)
    assert torch.allclose(found[torch.cdist(expected, found).argmin(1)], expected, atol=1e-5)
    # An empty cluster keeps its centre: of four equal points and two centres, one has them all.
    assert torch.equal(benchmark("parzen").k_means(torch.ones(4, 2), 2, rounds=2), torch.ones(2, 2))
