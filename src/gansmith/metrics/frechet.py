"""The Fréchet distance between two Gaussians."""

import torch
from torch import Tensor

from gansmith.metrics.statistics import GaussianStatistics

__all__ = ["frechet_distance"]


def frechet_distance(a: GaussianStatistics, b: GaussianStatistics) -> float:
    """The squared Fréchet (2-Wasserstein) distance between the Gaussians of two sets of features.

        d² = ‖μ_a − μ_b‖² + Tr Σ_a + Tr Σ_b − 2 Tr (Σ_a Σ_b)^½,      Tr (Σ_a Σ_b)^½ = ‖Σ_a^½ Σ_b^½‖_*

    The trace is taken as the sum of the singular values of a product of symmetric square roots: squaring never happens,
    so singular covariances lose no digits. It is "FID" only under the published Inception weights; under any other
    extractor it goes by the extractor's name, and values under different extractors are not comparable.

    Args:
        a: statistics of one set, of at least two samples.
        b: statistics of the other, in the same feature space.

    Raises:
        ValueError: feature spaces of different sizes, or fewer than two samples.

    From Dowson and Landau 1982, equation 4; for samples of generators, Heusel et al. 2017, equation 6.

    Example:
        >>> x = torch.randn(500, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        >>> round(frechet_distance(GaussianStatistics.of(x), GaussianStatistics.of(x + 2)), 9)
        12.0
    """
    if a.mean.shape != b.mean.shape:
        raise ValueError(f"features of {len(a.mean)} and of {len(b.mean)} numbers lie in different spaces")
    shift = (a.mean - b.mean).square().sum()
    cross = torch.linalg.svdvals(_square_root(a.covariance) @ _square_root(b.covariance)).sum()
    spread = a.covariance.trace() + b.covariance.trace() - 2 * cross
    return max(0.0, float(shift + spread))


def _square_root(covariance: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance)
    root: Tensor = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    return root
