"""The birthday paradox: how many different samples there are, from how soon two of them are the same."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from gansmith.metrics.distances import nearest_others
from gansmith.metrics.estimate import Estimate, wilson
from gansmith.metrics.points import same_space, shuffled

__all__ = ["Birthday", "birthday", "duplicate_distance"]

CHUNK = 500
SLACK = 1e-6
NONE_SEEN = -math.log(0.025)


class Birthday(NamedTuple):
    """What duplicates say.

    Args:
        probability: the share of batches in which two samples are the same.
        probability_interval: its 95 % interval.
        support: how many outcomes, all equally likely, would give as many duplicates; infinite where there are none.
        support_interval: its 95 % interval.
    """

    probability: float
    probability_interval: tuple[float, float]
    support: float
    support_interval: tuple[float, float]


def duplicate_distance(real: Tensor, *, share: float = 0.01) -> float:
    """The distance within which only a small share of real points have another: nearer samples count as the same.

    It is a quantile of the distances to the nearest other point, so it shrinks as the number of points grows. By it the
    real set has a support too, of about n/share outcomes for n points; say it beside the samples'.

    Args:
        real: (n, d), n ≥ 2.
        share: in [0, 1].

    Raises:
        ValueError: another shape, values that are not finite, or a share outside its range.

    Example:
        >>> duplicate_distance(torch.tensor([[0.0], [1.0], [3.0], [9.0]]), share=0.0)
        1.0
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share}; it must be in [0, 1]")
    return nearest_others(real).distances.flatten().quantile(share).item()


def birthday(samples: Tensor, *, threshold: float, size: int = 400, seed: int = 0) -> Birthday:
    """Estimate the size of a generator's support from duplicates among its samples.

        P(two of s are the same) = 1 − Π_{i<s} (1 − i/N)  for N equally likely outcomes;      N̂ = 1/ρ̂,
        ρ̂ = 2/(n(n − 1)) · Σ_{i<j} 1[‖x_i − x_j‖ ≤ threshold]

    So with a duplicate in every second batch of s there are about s²/1.4 outcomes. The paper looks at batches by eye;
    the estimate here takes all pairs, of which batches hold few. It is Σp² that duplicates tell: where outcomes are not
    equally likely there are more of them than N̂, and N̂ is how many matter. Its interval is normal for log ρ̂ with the
    variance of a U-statistic, and Poisson's where there are no duplicates.

    Args:
        samples: (n, d) features of samples, n ≥ 3.
        threshold: the largest distance between samples that are the same, ≥ 0; see `duplicate_distance`.
        size: s, of a batch, in [2, n].
        seed: of the batches, into which samples are dealt by what they are, not by their place.

    Raises:
        ValueError: another shape, values that are not finite, or a value outside its range.

    From Arora, Risteski and Zhang 2018, "Do GANs learn the distribution? Some theory and empirics", section 3.

    Example:
        >>> outcomes = torch.randint(500, (2000, 1), generator=torch.Generator().manual_seed(0)).float()
        >>> low, high = birthday(outcomes, threshold=0.5, size=20).support_interval
        >>> low < 500 < high
        True
    """
    x, _ = same_space(samples, samples, least=3)
    if not 2 <= size <= len(x):
        raise ValueError(f"size is {size}; it must be in [2, {len(x)}], the number of samples")
    if not threshold >= 0:
        raise ValueError(f"threshold is {threshold}; it must be at least 0")
    batches = torch.split(x[shuffled(x, "birthday", seed)][: len(x) // size * size], size)
    hits = sum(bool(_duplicates(batch, threshold).any()) for batch in batches)
    rate = _pair_rate(_duplicates(x, threshold))
    if rate.value == 0:
        support, interval = math.inf, (math.comb(len(x), 2) / NONE_SEEN, math.inf)
    else:
        low, high = Estimate(-math.log(rate.value), rate.error / rate.value).interval()
        support, interval = 1 / rate.value, (math.exp(low), math.exp(high))
    return Birthday(hits / len(batches), wilson(hits, len(batches)), support, interval)


def _pair_rate(degrees: Tensor) -> Estimate:
    """ρ̂ and its error: Var = (4(n − 2)·ζ₁ + 2·ζ₂) / n(n − 1) (Hoeffding 1948), from each sample's duplicates."""
    n, t = len(degrees), degrees.double()
    rate = t.mean().item() / (n - 1)
    shared = max(0.0, (t * (t - 1)).mean().item() / ((n - 1) * (n - 2)) - rate**2)
    variance = (4 * (n - 2) * shared + 2 * rate * (1 - rate)) / (n * (n - 1))
    return Estimate(rate, math.sqrt(variance))


def _duplicates(x: Tensor, threshold: float) -> Tensor:
    """For each point (n,) how many others are no farther than the threshold."""
    slack = SLACK * x.norm(dim=1).max().item()
    counts = []
    for start in range(0, len(x), CHUNK):
        part = x[start : start + CHUNK]
        distances = torch.cdist(part, x)
        if ((distances - threshold).abs() <= slack).any():  # by inner products, they round
            distances = torch.cdist(part, x, compute_mode="donot_use_mm_for_euclid_dist")
        distances.diagonal(start).fill_(torch.inf)
        counts.append((distances <= threshold).sum(1))
    return torch.cat(counts)
