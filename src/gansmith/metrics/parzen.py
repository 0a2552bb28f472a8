"""The likelihood that a Parzen window over samples gives to other points: how the first GANs were judged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gansmith.metrics.sampling import batches
from gansmith.types import Sampler

__all__ = ["SIGMAS", "Parzen", "parzen_estimate", "parzen_log_likelihood", "parzen_sigma"]

SIGMAS = tuple(10 ** (place / 9 - 1) for place in range(10))
"""The widths that are tried: ten from 0.1 to 1, evenly spaced in their logarithm."""

SAMPLES, POINTS = 2_000, 500
"""Rows that are worked on at a time: their distances fit into a core's cache."""


class Parzen(NamedTuple):
    """A mean log-likelihood in nats, its standard error over the points, and the window's width.

    Example:
        >>> Parzen(225.0, 2.0, 0.2).sigma
        0.2
    """

    value: float
    error: float
    sigma: float


def parzen_estimate(
    source: Sampler | Tensor,
    validation: Tensor,
    test: Tensor,
    *,
    n: int = 10_000,
    seed: int = 0,
    sigmas: Sequence[float] = SIGMAS,
) -> Parzen:
    """The mean log-likelihood of test images under a Parzen window over samples, its width chosen on other images.

    Pixels count from 0 to 1. On MNIST the published protocol is 10,000 samples, validation by the first 1,000 of the
    last 10,000 training images, and all 10,000 test images. It is a poor measure, as its authors said: the variance is
    high, and in many dimensions centres of clusters beat real images (Theis et al. 2016, section 3.2).

    Args:
        source: a sampler; or images, of which the first `n` are the samples.
        validation: images (v, c, h, w), uint8 or in [-1, 1], on which the width is chosen.
        test: images (t, c, h, w), the same for both, at least two.
        n: how many samples.
        seed: of the samples.
        sigmas: widths to choose from, each above 0.

    Raises:
        ValueError: too few test images, a width that is none, or images that do not fit together.

    From Goodfellow et al. 2014, section 5; the window is that of Breuleux et al. 2011.

    Example:
        >>> images = torch.rand(300, 1, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1
        >>> found = parzen_estimate(images[:100], images[100:200], images[200:], n=100)
        >>> round(found.value, 1), round(found.sigma, 2)
        (-5.0, 0.28)
    """
    if len(test) < 2:
        raise ValueError(f"a standard error needs at least 2 test images, not {len(test)}")
    samples = _pixels(source, n=n, seed=seed)
    sigma = parzen_sigma(samples, _pixels(validation), sigmas=sigmas)
    likelihoods = parzen_log_likelihood(samples, _pixels(test), sigma)
    return Parzen(likelihoods.mean().item(), likelihoods.std().item() / len(test) ** 0.5, sigma)


def parzen_sigma(samples: Tensor, validation: Tensor, *, sigmas: Sequence[float] = SIGMAS) -> float:
    """The width under which validation points have the greatest mean log-likelihood.

    Args:
        samples: (m, ...).
        validation: (v, ...), points of the same shape.
        sigmas: widths to choose from, each above 0.

    Raises:
        ValueError: as in `parzen_log_likelihood`, or there is no width.

    Example:
        >>> x = torch.randn(2000, 1, generator=torch.Generator().manual_seed(0))
        >>> parzen_sigma(x[:1000], x[1000:], sigmas=(0.01, 0.3, 3.0))
        0.3
    """
    if not sigmas:
        raise ValueError("there is no width to choose from; give sigmas such as (0.1, 0.2)")
    found = _log_likelihoods(samples, validation, sigmas).mean(1)
    return float(sigmas[int(found.argmax())])


def parzen_log_likelihood(samples: Tensor, points: Tensor, sigma: float) -> Tensor:
    r"""The log-density at points of the mixture of Gaussians of one width, one around each sample.

    .. math:: \log p(x) = \log \frac1m \sum_{i=1}^m \exp\left(-\frac{\|x - \mu_i\|^2}{2\sigma^2}\right)
        - d \log(\sigma\sqrt{2\pi})

    In float64; samples and points are worked off some at a time, so that their number does not matter to memory.

    Args:
        samples: μ, (m, ...), each of d numbers.
        points: x, (n, ...), each of d numbers.
        sigma: σ > 0.

    Returns:
        (n,) float64, in nats.

    Raises:
        ValueError: there are no samples or points, they differ in shape, or σ is not above 0.

    From Goodfellow et al. 2014, section 5.

    Example:
        >>> parzen_log_likelihood(torch.zeros(1, 2), torch.tensor([[0.0, 0.0], [0.0, 2.0]]), 1.0)
        tensor([-1.8379, -3.8379], dtype=torch.float64)
    """
    return _log_likelihoods(samples, points, (sigma,))[0]


def _log_likelihoods(samples: Tensor, points: Tensor, sigmas: Sequence[float]) -> Tensor:
    """For each width the log-density at each point, (widths, n), from one pass over the distances."""
    if samples.shape[1:] != points.shape[1:] or not len(samples) or not len(points):
        shapes = tuple(samples.shape), tuple(points.shape)
        raise ValueError(
            f"samples are (m, ...) and points (n, ...), of the same shape each; got {shapes[0]}, {shapes[1]}"
        )
    for sigma in sigmas:
        if not 0 < sigma < math.inf:
            raise ValueError(f"the width of a Parzen window is {sigma}; it must be above 0")
    samples, points = samples.detach().flatten(1), points.detach().flatten(1)
    centre = samples.mean(0, dtype=torch.float64)  # distances by inner products lose digits far from the origin
    parts = [_summed(samples, part.double() - centre, centre, sigmas) for part in torch.split(points, POINTS)]
    width = torch.tensor(sigmas, dtype=torch.float64, device=points.device).unsqueeze(1)
    scale = math.log(len(samples)) + points.shape[1] * (width * math.sqrt(2 * math.pi)).log()
    return torch.cat(parts, 1) - scale


def _summed(samples: Tensor, points: Tensor, centre: Tensor, sigmas: Sequence[float]) -> Tensor:
    """For each width the logarithm of the sum over all samples, (widths, n)."""
    total = points.new_full((len(sigmas), len(points)), -math.inf)
    for part in torch.split(samples, SAMPLES):
        mu = part.double() - centre
        norms = points.square().sum(1, keepdim=True) + mu.square().sum(1)
        squares = torch.addmm(norms, points, mu.T, alpha=-2).clamp_(min=0)
        new = torch.stack([(squares * (-0.5 / sigma**2)).logsumexp(1) for sigma in sigmas])
        total = torch.logaddexp(total, new)
    return total


def _pixels(source: Sampler | Tensor, *, n: int | None = None, seed: int = 0) -> Tensor:
    """Images as vectors (n, d) of pixels from 0 to 1."""
    return torch.cat([(images.flatten(1) + 1) / 2 for images in batches(source, n=n, seed=seed)]).cpu()
