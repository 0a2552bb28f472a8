"""Discrepancies under kernels: closed forms of Gaussians, enumeration, and torchmetrics on the same features."""

import math
from itertools import combinations, product
from statistics import fmean, stdev

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist, pdist
from torch import Tensor

from gansmith.metrics import kernel_distance, mmd
from gansmith.metrics.discrepancy import unbiased_mmd
from gansmith.metrics.kernel import _cubic, _subsets


def normal(n: int, d: int, seed: int, shift: float = 0.0) -> Tensor:
    return shift + torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gaussian_mmd(d: int, h: float, shift: float, s: float, t: float) -> float:
    """Between N(0, s²I) and N(shift·1, t²I): for δ ~ N(μ, v·I), E k(δ) = (h²/(h²+v))^{d/2} exp(−‖μ‖²/2(h²+v))."""

    def expected(mean_square: float, v: float) -> float:
        return (h * h / (h * h + v)) ** (d / 2) * math.exp(-mean_square / (2 * (h * h + v)))

    return expected(0, 2 * s * s) + expected(0, 2 * t * t) - 2 * expected(d * shift**2, s * s + t * t)


def cubic_mmd(d: int, shift: float) -> float:
    """Between N(0, I) and N(m, I) under (a·b/d + 1)³, from the first three moments of a·b; M is ‖m‖²."""
    M = d * shift**2
    moments = {
        "xx": (0, d, 0),
        "xy": (0, d + M, 0),  # a·b has mean 0 and no third moment, as a is symmetric about 0
        "yy": (M, M**2 + 2 * M + d, M**3 + 6 * M**2 + 3 * M * d + 6 * M),
    }
    k = {pair: 1 + 3 * s1 / d + 3 * s2 / d**2 + s3 / d**3 for pair, (s1, s2, s3) in moments.items()}
    return k["xx"] + k["yy"] - 2 * k["xy"]


@pytest.mark.analytic
@pytest.mark.parametrize(("shift", "t"), [(0.0, 1.0), (0.7, 1.0), (0.0, 2.0)])
def test_gaussians_under_a_gaussian_kernel(shift: float, t: float) -> None:
    # The mean of 150 estimates is within four of its standard errors of the closed form: there is no bias. And the
    # jackknife's error is the spread that they have; where the distributions are the same, it is above it.
    found = [mmd(normal(40, 2, i), shift + t * normal(60, 2, 1000 + i), bandwidth=1.5) for i in range(150)]
    spread = stdev(estimate.value for estimate in found)
    expected = gaussian_mmd(2, 1.5, shift, 1.0, t)
    assert fmean(estimate.value for estimate in found) == pytest.approx(expected, abs=4 * spread / math.sqrt(150))
    ratio = fmean(estimate.error for estimate in found) / spread
    assert 0.8 < ratio < 1.25 if (shift, t) != (0.0, 1.0) else 1 < ratio < 2


@pytest.mark.analytic
@pytest.mark.parametrize("shift", [0.0, 0.5])
@pytest.mark.parametrize("size", [10, 30])
def test_gaussians_under_the_cubic_kernel(shift: float, size: int) -> None:
    # No bias at any size of the subsets; the error tells how the values of repeated experiments spread.
    found = [
        kernel_distance(normal(60, 3, i), normal(60, 3, 1000 + i, shift), subsets=12, size=size) for i in range(150)
    ]
    spread = stdev(estimate.value for estimate in found)
    assert fmean(estimate.value for estimate in found) == pytest.approx(
        cubic_mmd(3, shift), abs=4 * spread / math.sqrt(150)
    )
    ratio = fmean(estimate.error for estimate in found) / spread
    assert 0.8 < ratio < 1.4 if shift else 1 < ratio < 2.5


@pytest.mark.analytic
def test_the_mean_over_all_subsets_is_the_value_of_the_whole() -> None:
    x, y = normal(5, 2, 0), normal(6, 2, 1, shift=0.3)
    parts = [
        unbiased_mmd(x[list(a)], y[list(b)], _cubic).value
        for a, b in product(combinations(range(5), 3), combinations(range(6), 4))
    ]
    assert kernel_distance(x, y, subsets=None).value == pytest.approx(fmean(parts), rel=1e-12)


@pytest.mark.analytic
def test_the_jackknife_is_the_variance_of_leaving_out() -> None:
    x, y = normal(7, 2, 2), normal(5, 2, 3, shift=1.0)
    variance = 0.0
    for side, points in enumerate((x, y)):
        n = len(points)
        sets = [[x, y] for _ in range(n)]
        for i in range(n):
            sets[i][side] = torch.cat((points[:i], points[i + 1 :]))
        variance += (n - 1) * float(np.var([unbiased_mmd(*pair, _cubic).value for pair in sets]))
    assert kernel_distance(x, y, subsets=None).error == pytest.approx(math.sqrt(variance), rel=1e-10)


@pytest.mark.reference
def test_mmd_is_the_mean_of_the_kernel_over_different_points() -> None:
    # The kernel of scipy's squared distances, written out.
    x, y = normal(40, 3, 10), normal(30, 3, 11, shift=0.5)
    of_x, of_y, across = (np.exp(-cdist(a, b, "sqeuclidean") / (2 * 0.8**2)) for a, b in ((x, x), (y, y), (x, y)))
    expected = (of_x.sum() - 40) / (40 * 39) + (of_y.sum() - 30) / (30 * 29) - 2 * across.mean()  # k(a, a) is 1
    assert mmd(x, y, bandwidth=0.8).value == pytest.approx(expected, rel=1e-9)


@pytest.mark.reference
def test_kernel_distance_against_torchmetrics() -> None:
    kid = pytest.importorskip("torchmetrics.image.kid")
    real, fake = normal(90, 16, 4), normal(120, 16, 5, shift=0.2)
    whole = kernel_distance(real, fake[:90], subsets=None)
    assert whole.value == pytest.approx(kid.poly_mmd(real, fake[:90]).item(), rel=1e-10)
    ours = kernel_distance(real, fake, subsets=7, size=40, seed=3)
    sets = zip(_subsets(real, 7, 40, 3, "real"), _subsets(fake, 7, 40, 3, "fake"), strict=True)
    assert ours.value == pytest.approx(fmean(kid.poly_mmd(a, b).item() for a, b in sets), rel=1e-10)


@pytest.mark.identity
def test_subsets_of_all_points_are_the_whole_however_many() -> None:
    # Used again, points tell nothing new: neither the value nor the error changes.
    x, y = normal(30, 3, 12), normal(30, 3, 13, shift=0.5)
    expected = kernel_distance(x, y, subsets=None)
    for subsets in (1, 4):
        assert kernel_distance(x, y, subsets=subsets, size=30) == pytest.approx(expected, rel=1e-9)


@pytest.mark.analytic
def test_subsets_deal_every_point_once_before_any_again() -> None:
    x = normal(20, 1, 6)
    assert sorted(torch.cat([*_subsets(x, 4, 5, 0)]).flatten().tolist()) == sorted(x.flatten().tolist())
    assert all(len(part.unique()) == 6 for part in _subsets(x, 10, 6, 0))


@pytest.mark.identity
def test_neither_chunks_nor_order_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = normal(50, 4, 7), normal(40, 4, 8, shift=0.4)
    order = torch.randperm(50, generator=torch.Generator().manual_seed(9))

    def figures(x: Tensor) -> list[float]:
        return [*mmd(x, y), *kernel_distance(x, y, subsets=5, size=20), *kernel_distance(x, y, subsets=None)]

    expected = figures(x)
    assert figures(x[order]) == pytest.approx(expected, rel=1e-10)
    monkeypatch.setitem(unbiased_mmd.__globals__, "CHUNK", 7)
    assert figures(x) == pytest.approx(expected, rel=1e-10)


@pytest.mark.analytic
def test_the_bandwidth_is_the_median_distance() -> None:
    # Of all pairs of both sets together, an odd number of them.
    x, y = normal(200, 2, 15), normal(203, 2, 16, shift=1.0)
    median = float(np.median(pdist(torch.cat((x, y)))))
    assert mmd(x, y) == pytest.approx(mmd(x, y, bandwidth=median), rel=1e-9)


def test_refusals() -> None:
    x = normal(10, 2, 0)
    with pytest.raises(ValueError, match="at least 3 points are needed; got 2"):
        mmd(x[:2], x)
    with pytest.raises(ValueError, match=r"bandwidth is 0\.0; it must be above 0"):
        mmd(torch.zeros(9, 2), torch.zeros(9, 2))
    with pytest.raises(ValueError, match=r"subsets=100 of size=1000: take at least 1, of 3 to 10 points"):
        kernel_distance(x, x)
    with pytest.raises(ValueError, match="features of 2 and of 3 numbers"):
        kernel_distance(x, normal(10, 3, 0))
