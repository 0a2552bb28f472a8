"""The sliced Wasserstein distance: closed forms, and scipy on the line."""

import math
from statistics import fmean, variance

import pytest
import torch
from scipy.stats import wasserstein_distance
from torch import Tensor

from gansmith.metrics import sliced_wasserstein


def normal(n: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.reference
@pytest.mark.parametrize("sizes", [(40, 40), (40, 27), (7, 90)])
def test_on_the_line_it_is_scipys(sizes: tuple[int, int]) -> None:
    x, y = normal(sizes[0], 1, 0), 2 * normal(sizes[1], 1, 1) + 1
    expected = wasserstein_distance(x[:, 0].numpy(), y[:, 0].numpy())
    found = sliced_wasserstein(x, y, p=1, projections=2)
    assert found.value == pytest.approx(expected, rel=1e-12)
    assert found.error < 1e-12  # both directions of the line tell the same


@pytest.mark.analytic
@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
def test_different_sizes_are_as_if_every_point_were_repeated(p: float) -> None:
    x, y = normal(6, 3, 2), normal(4, 3, 3)
    repeated = sliced_wasserstein(x.repeat(2, 1), y.repeat(3, 1), p=p)
    assert sliced_wasserstein(x, y, p=p) == pytest.approx(repeated, rel=1e-12)


@pytest.mark.analytic
@pytest.mark.parametrize("d", [2, 10])
def test_a_shift(d: int) -> None:
    # Each projection moves by θ·m, and E(θ·m)² = ‖m‖²/d; with E(θ·m)⁴ = 3‖m‖⁴/(d(d + 2)) the error is known too.
    x, shift = normal(50, d, 4), torch.arange(1.0, d + 1)
    length = shift.norm().item()
    found = sliced_wasserstein(x, x + shift, projections=4000)
    expected = length / math.sqrt(d)
    assert abs(found.value - expected) < 3 * found.error
    deviation = length**2 * math.sqrt(3 / (d * (d + 2)) - 1 / d**2)
    assert found.error == pytest.approx(deviation / math.sqrt(4000) / (2 * expected), rel=0.1)


@pytest.mark.analytic
def test_the_error_of_few_directions_is_not_too_small() -> None:
    # With p = 1 the value is a mean over directions, so the squared errors are, on average, its variance over seeds;
    # without Bessel's correction they would be half of it for two directions. 600 squares are known to about 6 %.
    x, y = normal(5, 3, 10), normal(5, 3, 11) + 1
    found = [sliced_wasserstein(x, y, projections=2, p=1, seed=seed) for seed in range(600)]
    assert fmean(error**2 for _, error in found) == pytest.approx(variance(value for value, _ in found), rel=0.25)


@pytest.mark.analytic
def test_gaussians() -> None:
    # Projections of N(0, I) and N(m, s²I) are N(0, 1) and N(θ·m, s²): SW₂² = ‖m‖²/d + (s − 1)².
    x, y = normal(8000, 3, 5), 1.5 * normal(8000, 3, 6) + torch.tensor([1.0, -1.0, 0.5])
    found = sliced_wasserstein(x, y, projections=200)
    assert found.value == pytest.approx(math.sqrt(2.25 / 3 + 0.25), abs=3 * found.error + 0.02)


@pytest.mark.identity
def test_neither_chunks_nor_order_nor_a_common_rotation_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = normal(40, 3, 7), normal(30, 3, 8) + 0.5
    expected = sliced_wasserstein(x, y, projections=60)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(0))
    assert sliced_wasserstein(x[order], y.flip(0), projections=60) == pytest.approx(expected, rel=1e-12)
    assert sliced_wasserstein(y, x, projections=60) == pytest.approx(expected, rel=1e-12)
    turn = torch.linalg.qr(normal(3, 3, 9)).Q
    turned = sliced_wasserstein(x @ turn, y @ turn, projections=4000)
    straight = sliced_wasserstein(x, y, projections=4000)
    assert abs(turned.value - straight.value) < 3 * math.hypot(turned.error, straight.error)
    assert sliced_wasserstein(x, x) == (0, 0)
    monkeypatch.setitem(sliced_wasserstein.__globals__, "CHUNK", 7)
    assert sliced_wasserstein(x, y, projections=60) == pytest.approx(expected, rel=1e-12)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="projections=1 with p=2"):
        sliced_wasserstein(torch.rand(3, 2), torch.rand(3, 2), projections=1)
    with pytest.raises(ValueError, match=r"with p=0\.5"):
        sliced_wasserstein(torch.rand(3, 2), torch.rand(3, 2), p=0.5)
