"""The sliced Wasserstein distance: how far two sets of points are apart, seen from many directions."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gansmith.metrics.estimate import Estimate
from gansmith.metrics.points import same_space
from gansmith.types import key_seed

__all__ = ["sliced_wasserstein"]

CHUNK = 50


def sliced_wasserstein(x: Tensor, y: Tensor, *, projections: int = 1000, p: float = 2.0, seed: int = 0) -> Estimate:
    """The Wasserstein distance of projections onto random directions, averaged.

        SW_p = ( E_θ W_p^p(θ·x, θ·y) )^{1/p},      W_p^p(a, b) = ∫₀¹ |F_a⁻¹(u) − F_b⁻¹(u)|^p du

    Each distance on a line is exact, also for sets of different sizes. The error is that of the choice of directions,
    not of the points: two samples of one distribution are at a distance above 0, which shrinks with their number.

    Args:
        x: (n, d).
        y: (m, d).
        projections: directions, at least 2.
        p: at least 1.
        seed: of the directions.

    Raises:
        ValueError: shapes that do not fit, values that are not finite, or a value outside its range.

    From Bonneel et al. 2015, "Sliced and Radon Wasserstein barycenters of measures", section 2.

    Example:
        >>> x = torch.randn(100, 2, generator=torch.Generator().manual_seed(0))
        >>> value, error = sliced_wasserstein(x, x + torch.tensor([3.0, 4.0]))
        >>> abs(value - 5 / 2**0.5) < 3 * error  # ‖shift‖/√d
        True
    """
    x, y = same_space(x, y)
    if projections < 2 or not 1 <= p < math.inf:
        raise ValueError(f"projections={projections} with p={p}: take at least 2 directions, and a p of at least 1")
    generator = torch.Generator().manual_seed(key_seed("sliced wasserstein", seed))
    directions = torch.randn(projections, x.shape[1], generator=generator, dtype=x.dtype)
    directions = directions / directions.norm(dim=1, keepdim=True)
    of_x, of_y, mass = _coupling(len(x), len(y))
    powers = []
    for part in torch.split(directions, CHUNK):
        a, b = ((part @ points.T).sort(dim=1).values for points in (x, y))
        powers.append((a[:, of_x] - b[:, of_y]).abs().pow(p) @ mass)
    power = torch.cat(powers)
    mean, error = power.mean().item(), power.std().item() / math.sqrt(projections)
    value = mean ** (1 / p)
    return Estimate(value, error * value / (p * mean) if mean > 0 else 0.0)


def _coupling(n: int, m: int) -> tuple[Tensor, Tensor, Tensor]:
    """Which of n and of m sorted points share mass, and how much: both quantile functions are constant in between."""
    steps = torch.unique(torch.cat((torch.arange(1, n + 1) * m, torch.arange(1, m + 1) * n)))  # in units of 1/nm
    mass = torch.diff(steps, prepend=steps.new_zeros(1)).double() / (n * m)
    return (steps - 1) // m, (steps - 1) // n, mass
