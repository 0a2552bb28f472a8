"""Density and coverage: how deep the samples lie among real images, and how many real images have a sample near."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gansmith.metrics.distances import nearest_others
from gansmith.metrics.points import same_space

__all__ = ["DensityCoverage", "density_coverage"]

CHUNK = 500
INSIDE = 1 - 1e-6


class DensityCoverage(NamedTuple):
    """Density, about 1 for real images and not bounded by it, and coverage, a share in [0, 1]."""

    density: float
    coverage: float


def density_coverage(real: Tensor, fake: Tensor, *, k: int = 5) -> DensityCoverage:
    """Density and coverage of features, both by balls around the real points only.

        density  = 1/(k·|F|) Σ_{f ∈ F} Σ_{r ∈ R} 1[f ∈ B(r)],      coverage = 1/|R| Σ_{r ∈ R} 1[∃ f ∈ F: f ∈ B(r)]

    with B(r) the open ball around r that reaches to its k-th nearest other real point. One real image far from all
    others has a large ball, in which many samples count for little; in `precision_recall` each would count as good.

    A set judged by itself has density and coverage 1. Samples of the same distribution have, in expectation, density 1
    and coverage 1 − C(n−1, k)/C(n+m−1, k), about 1 − 2⁻ᵏ for as many points: 0.97 with k = 5.

    Args:
        real: (n, d) features of real images, n > k.
        fake: (m, d) features of samples.
        k: which neighbour sets the radius, at least 1.

    Raises:
        ValueError: shapes that do not fit, values that are not finite, or a k outside its range.

    From Naeem et al. 2020, "Reliable fidelity and diversity metrics for generative models", section 3.2.

    Example:
        >>> x = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
        >>> density_coverage(x, x)
        DensityCoverage(density=1.0, coverage=1.0)
        >>> density_coverage(x, x + 100)
        DensityCoverage(density=0.0, coverage=0.0)
    """
    real, fake = same_space(real, fake)
    # Shrunk by more than rounding, so that copies of real images, which lie on their neighbours' spheres, stay outside.
    radii = INSIDE * nearest_others(real, k=k).distances[:, -1]
    covered, pairs = torch.zeros(len(real), dtype=torch.bool), 0
    for part in torch.split(fake, CHUNK):
        inside = torch.cdist(part, real) < radii
        covered |= inside.any(0)
        pairs += int(inside.sum())
    return DensityCoverage(pairs / (k * len(fake)), covered.double().mean().item())
