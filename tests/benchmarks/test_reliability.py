from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch

Benchmark = Callable[[str], ModuleType]
REAL = {"held out": {"classes": [0.5, 0.5]}, "training images": {"coverage": 0.9}}


@pytest.mark.analytic
def test_wilson(benchmark: Benchmark) -> None:
    # Solved by hand: |p - 0.5| = 1.96 sqrt(p (1 - p) / 10) has the roots 0.2366 and 0.7634; 0 of n begins at 0.
    low, high = benchmark("report").wilson(5, 10)
    assert (low, high) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert benchmark("report").wilson(0, 10)[0] == 0
    assert benchmark("report").wilson(0, 0) == (0, 1)


@pytest.mark.identity
def test_the_spread_of_any_length_is_the_beginning_of_a_longer_one(benchmark: Benchmark) -> None:
    reliability = benchmark("reliability")

    def of(spread: int) -> list[object]:
        size = {"seeds": 2, "data": ["digits", "shapes"], "methods": ["gansmith"], "steps": 5}
        return list(reliability.settings(spread=spread, **size))

    assert of(20)[: len(of(7))] == of(7)
    factors = sorted(setting.factor for setting in of(40) if setting.factor != 1)
    assert 0.25 <= factors[0] < 0.3
    assert 3.4 < factors[-1] <= 4
    assert {setting.batch for setting in of(40)} == set(reliability.BATCHES)


@pytest.mark.analytic
@pytest.mark.parametrize(
    ("run", "well"),
    [
        ({"score": 12.0, "classes": [0.25, 0.7]}, True),  # both bounds are met exactly
        ({"score": 12.1, "classes": [0.5, 0.5]}, False),
        ({"score": 5.0, "classes": [0.24, 0.7]}, False),  # a class has less than half its share
        ({"score": 5.0, "coverage": 0.45}, True),
        ({"score": 5.0, "coverage": 0.44}, False),  # less than half of what training images cover
        ({"score": None, "error": "not finite"}, False),
    ],
)
def test_what_ends_well(benchmark: Benchmark, run: dict[str, object], well: bool) -> None:
    assert benchmark("reliability").ends_well(run, 12.0, REAL) is well


@pytest.mark.analytic
def test_the_bar_is_that_of_the_best_seed_with_nothing_changed(benchmark: Benchmark) -> None:
    reliability = benchmark("reliability")
    runs = [
        {"data": "digits", "steps": 9, "factor": factor, "batch": batch, "score": score}
        for factor, batch, score in [(1.0, 64, 10.0), (1.0, 64, 20.0), (2.0, 64, 1.0), (1.0, 32, 1.0), (1.0, 64, None)]
    ]
    assert reliability.bar(runs, "digits", 9) == 12.0


@pytest.mark.smoke
@pytest.mark.parametrize("method", ["gansmith", "textbook"])
def test_a_training_of_each(benchmark: Benchmark, method: str, tmp_path: Path) -> None:
    reliability = benchmark("reliability")
    setting = reliability.Setting(method=method, data="shapes", factor=0.5, batch=16, seed=3, steps=2)
    sampler = reliability.trained(setting, tmp_path)
    images = sampler.sample(2, seed=0)
    assert images.shape == (2, 1, 28, 28)
    assert not torch.equal(images, torch.zeros_like(images))


@pytest.mark.identity
@pytest.mark.parametrize("side", [16, 28])
def test_shapes_are_told_apart_and_mixtures_are_none(benchmark: Benchmark, side: int) -> None:
    shapes = benchmark("shapes")
    images = shapes.shapes(200, side=side, seed=7)
    x = images.pixels() / 127.5 - 1
    modes, good = shapes.told_apart(x)
    assert modes.tolist() == images.labels.tolist()
    assert good.all()
    assert not shapes.told_apart(-x)[1].any()
    assert shapes.told_apart((x[:-2] + x[2:]) / 2)[1].float().mean() < 0.2  # two different shapes, half of each
