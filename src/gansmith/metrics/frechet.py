"""The Fréchet distance between two Gaussians."""

import torch
from torch import Tensor

from gansmith.metrics.statistics import GaussianStatistics

__all__ = ["frechet_distance", "frechet_influence"]


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


def frechet_influence(points: Tensor, a: GaussianStatistics, b: GaussianStatistics) -> Tensor:
    """How much each point, as one of many whose statistics are `a`, moves the distance of `a` to `b`.

        ψ(x) = 2 (μ_a − μ_b)ᵀ(x − μ_a) + (x − μ_a)ᵀ(I − T)(x − μ_a) − Tr (I − T)Σ_a,
        T = Σ_a^{−½} (Σ_a^½ Σ_b Σ_a^½)^½ Σ_a^{−½}

    T is the linear map that carries the one Gaussian onto the other. The mean of ψ is 0, and its variance over n is, to
    first order, the variance of the distance of n samples, which a bootstrap would find by drawing them again and again
    (the infinitesimal jackknife). Where the distance itself is about 0 there is no first order.

    Args:
        points: (n, d).
        a: statistics of the samples from which the points are.
        b: statistics of the other set.

    Returns:
        ψ (n,) in float64.

    The derivative of Tr (Σ_a^½ Σ_b Σ_a^½)^½ with respect to Σ_a is T / 2 (Olkin and Pukelsheim 1982); the infinitesimal
    jackknife is of Jaeckel 1972.

    Example:
        >>> x = torch.randn(500, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        >>> a, b = GaussianStatistics.of(x), GaussianStatistics.of(x + torch.tensor([2.0, 0.0, 0.0]))
        >>> torch.allclose(frechet_influence(x, a, b), -4 * (x[:, 0] - a.mean[0]))  # T = I, so only the mean matters
        True
    """
    values, vectors = torch.linalg.eigh(a.covariance)
    roots = values.clamp(min=0).sqrt()
    # Where the samples do not reach there is nothing to be moved, and rounding would be divided by almost nothing.
    inverse = torch.where(values > values.max() * len(values) * torch.finfo(values.dtype).eps, 1 / roots, 0.0)
    inside = roots[:, None] * (vectors.T @ b.covariance @ vectors) * roots
    carried = inverse[:, None] * _square_root(inside) * inverse
    x = points.detach().to("cpu", torch.float64) - a.mean
    seen = x @ vectors
    square = x.square().sum(1) - ((seen @ carried) * seen).sum(1)
    mean_of_square = values.sum() - (carried.diagonal() * values).sum()
    influence: Tensor = 2 * (x @ (a.mean - b.mean)) + square - mean_of_square
    return influence


def _square_root(covariance: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance)
    root: Tensor = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    return root
