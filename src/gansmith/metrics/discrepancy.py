"""The maximum mean discrepancy: how far apart two sets of points lie in the feature space of a kernel."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from gansmith.metrics.estimate import Estimate
from gansmith.metrics.points import same_space, shuffled

__all__ = ["Discrepancy", "Kernel", "mmd", "unbiased_mmd"]

Kernel = Callable[[Tensor, Tensor], Tensor]
"""Points (n, d) and (m, d) to k(x_i, y_j), (n, m); symmetric."""

CHUNK = 500
MEDIAN_OF = 500


class Discrepancy(NamedTuple):
    """The squared discrepancy of two samples, and what the choice of each adds to its variance."""

    value: float
    variance_x: float
    variance_y: float


def mmd(x: Tensor, y: Tensor, *, bandwidth: float | None = None) -> Estimate:
    """The squared maximum mean discrepancy under a Gaussian kernel, without bias.

        MMD² = E k(x, x′) + E k(y, y′) − 2·E k(x, y),      k(a, b) = exp(−‖a − b‖² / 2h²)

    Its expectation is 0 where the distributions are the same, so it is negative about half the time there. The error is
    the jackknife's.

    Args:
        x: (n, d), n ≥ 3.
        y: (m, d), m ≥ 3.
        bandwidth: h > 0; None takes the median distance between 500 points of either set. Values under different
            bandwidths do not compare, so give it where several sets are judged.

    Raises:
        ValueError: shapes that do not fit, values that are not finite, or a bandwidth that is not above 0.

    From Gretton et al. 2012, "A kernel two-sample test", equation 3; the median, section 8.

    Example:
        >>> g = torch.Generator().manual_seed(0)
        >>> x, y = torch.randn(500, 2, generator=g), torch.randn(500, 2, generator=g) + torch.tensor([1.0, 0.0])
        >>> found = mmd(x, y, bandwidth=1.0)  # 2/3·(1 − exp(−1/6)) = 0.1023
        >>> found.value - 2 * found.error < 0.1023 < found.value + 2 * found.error
        True
    """
    x, y = same_space(x, y, least=3)
    h = _median_distance(x, y) if bandwidth is None else bandwidth
    if not 0 < h < math.inf:
        raise ValueError(f"the bandwidth is {h}; it must be above 0: give it, if most of the points are the same")
    found = unbiased_mmd(x, y, lambda a, b: (torch.cdist(a, b).square() / (-2 * h * h)).exp())
    return Estimate(found.value, math.sqrt(found.variance_x + found.variance_y))


def unbiased_mmd(x: Tensor, y: Tensor, kernel: Kernel) -> Discrepancy:
    """The squared discrepancy under any kernel, a U-statistic, with the jackknife's variance.

        Σ_{i≠j} k(x_i, x_j) / n(n−1) + Σ_{i≠j} k(y_i, y_j) / m(m−1) − 2·Σ_{i,j} k(x_i, y_j) / nm

    The kernel is asked for a few hundred rows at a time. Leaving a point out needs only the sums of its row.

    Args:
        x: (n, d), n ≥ 3.
        y: (m, d), m ≥ 3.
        kernel: k.

    Example:
        >>> x, y = torch.tensor([[0.0], [0.0], [0.0]]), torch.tensor([[1.0], [1.0], [1.0]])
        >>> unbiased_mmd(x, y, lambda a, b: a @ b.T)  # the squared distance of the means
        Discrepancy(value=1.0, variance_x=0.0, variance_y=0.0)
    """
    n, m = len(x), len(y)
    within_x, within_y = _row_sums(x, kernel), _row_sums(y, kernel)
    rows, columns = [], x.new_zeros(m)
    for part in torch.split(x, CHUNK):
        across = kernel(part, y)
        rows.append(across.sum(1))
        columns += across.sum(0)
    across_x = torch.cat(rows)
    value = within_x.sum() / (n * (n - 1)) + within_y.sum() / (m * (m - 1)) - 2 * across_x.sum() / (n * m)
    return Discrepancy(value.item(), _variance(within_x, across_x / m), _variance(within_y, columns / n))


def _row_sums(x: Tensor, kernel: Kernel) -> Tensor:
    """Σ_{j≠i} k(x_i, x_j) for each i."""
    sums = []
    for start in range(0, len(x), CHUNK):
        values = kernel(x[start : start + CHUNK], x)
        values.diagonal(start).fill_(0)
        sums.append(values.sum(1))
    return torch.cat(sums)


def _variance(within: Tensor, across: Tensor) -> float:
    """The jackknife's variance: (n−1)/n · Σ (θ_i − θ̄)², with θ_i the value without point i, up to what is common."""
    n = len(within)
    without = 2 * across / (n - 1) - 2 * within / ((n - 1) * (n - 2))
    return ((n - 1) / n * (without - without.mean()).square().sum()).item()


def _median_distance(x: Tensor, y: Tensor) -> float:
    some = torch.cat([points[shuffled(points)[:MEDIAN_OF]] for points in (x, y)])
    return torch.pdist(some).median().item()
