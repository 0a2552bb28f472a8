"""The Gaussian that a set of features is summed up by, gathered piece by piece in float64."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor

from gansmith.metrics.features import Extractor
from gansmith.metrics.sampling import batches
from gansmith.types import Sampler

__all__ = ["GaussianStatistics", "collect"]


@dataclass(frozen=True, eq=False)
class GaussianStatistics:
    """Count, mean and scatter of features; two of them add up to those of both sets together.

        μ = Σ x_i / n,      S = Σ (x_i − μ)(x_i − μ)ᵀ,      Σ = S / (n − 1)

    Sums are kept about the running mean, not about zero, so that nothing cancels when the mean is large.

    Args:
        count: n.
        mean: (d,) float64.
        scatter: (d, d) float64.

    Example:
        >>> some = torch.tensor([[0.0, 1.0], [2.0, 1.0], [4.0, 4.0]])
        >>> GaussianStatistics.of(some).covariance.tolist()
        [[4.0, 3.0], [3.0, 3.0]]
        >>> both = GaussianStatistics.of(some[:1]) + GaussianStatistics.of(some[1:])
        >>> torch.allclose(both.covariance, GaussianStatistics.of(some).covariance)
        True
    """

    count: int
    mean: Tensor
    scatter: Tensor

    @classmethod
    def of(cls, features: Tensor) -> GaussianStatistics:
        """Count, mean and scatter of features (n, d).

        Raises:
            ValueError: another shape, no features, or features that are not finite.
        """
        if features.ndim != 2 or not len(features):
            raise ValueError(f"features are (n, d) with n > 0; got {tuple(features.shape)}")
        x = features.detach().to("cpu", torch.float64)
        if not x.isfinite().all():
            raise ValueError(
                f"{int((~x.isfinite().all(1)).sum())} of {len(x)} samples have features that are not finite"
            )
        mean = x.mean(0)
        centred = x - mean
        return cls(len(x), mean, centred.T @ centred)

    @property
    def covariance(self) -> Tensor:
        """The unbiased covariance (d, d).

        Raises:
            ValueError: fewer than two features.
        """
        if self.count < 2:
            raise ValueError(f"a covariance needs at least 2 samples; got {self.count}")
        return self.scatter / (self.count - 1)

    def __add__(self, other: GaussianStatistics) -> GaussianStatistics:
        """Statistics of both sets (Chan, Golub and LeVeque 1979).

        Raises:
            ValueError: features of different lengths.
        """
        if self.mean.shape != other.mean.shape:
            raise ValueError(f"features of {len(self.mean)} and of {len(other.mean)} numbers have no common statistics")
        count = self.count + other.count
        gap = other.mean - self.mean
        between = torch.outer(gap, gap) * (self.count * other.count / count)
        return GaussianStatistics(
            count, self.mean + gap * (other.count / count), self.scatter + other.scatter + between
        )


def collect(
    source: Sampler | Tensor, extractor: Extractor, *, n: int | None = None, seed: int = 0, batch: int = 256
) -> GaussianStatistics:
    """Statistics of a sampler's images, or of given ones, under an extractor, without keeping the features.

    Args:
        source: a sampler, or images (N, c, h, w), uint8 or floats in [-1, 1].
        extractor: images to features.
        n: how many; None means every image of a tensor.
        seed: for a sampler.
        batch: how many at a time; changes no result beyond rounding.

    Example:
        >>> from gansmith.metrics import pixels
        >>> collect(torch.zeros(10, 1, 2, 2), pixels(), batch=3).count
        10
    """
    parts = (GaussianStatistics.of(extractor(images)) for images in batches(source, n=n, seed=seed, batch=batch))
    return reduce(GaussianStatistics.__add__, parts)
