"""What the features of samples say: how different they are, how near to the data, and whether they hang together."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = [
    "diversity",
    "energy_distance",
    "intraclass_correlation",
    "local_diversity",
    "mean_distance",
    "nearest_distances",
    "within_diversity",
]


def mean_distance(x: Tensor, y: Tensor | None = None) -> float:
    """The mean distance between a row of `x` and one of `y`; without `y`, between two different rows of `x`.

    Args:
        x: features (n, d).
        y: features (m, d).

    Example:
        >>> mean_distance(torch.tensor([[0.0], [1.0], [3.0]]))
        2.0
    """
    if y is not None:
        return float(torch.cdist(x, y).double().mean())
    return float(torch.pdist(x).double().mean()) if len(x) > 1 else 0.0


def diversity(samples: Tensor, real: Tensor) -> float:
    """How far apart samples are, over how far apart real images are: 0 where all are the same, 1 as the data.

    Args:
        samples: features (n, d), n ≥ 2.
        real: features (m, d), m ≥ 2.

    Example:
        >>> real = torch.tensor([[0.0], [2.0]])
        >>> diversity(torch.ones(3, 1), real), diversity(real / 2, real)
        (0.0, 0.5)
    """
    return mean_distance(samples) / max(mean_distance(real), 1e-12)


def within_diversity(
    samples: Tensor, classes: Tensor, real: Tensor, real_classes: Tensor, *, least: float = 0.0
) -> float:
    """`diversity` within classes, the mean over those that both have twice: what a mean over all pairs would hide.

    A generator that makes the same picture of every class for any latent has many far pairs, and a within-class
    diversity of 0.

    Args:
        samples: features (n, d).
        classes: the class (n,) that each sample was asked for.
        real: features (m, d).
        real_classes: classes (m,).
        least: the mean distance within real classes below which they have hardly anything to vary.

    Returns:
        The ratio of the means; not a number where no class is there twice, or real images vary less than that.

    Example:
        >>> x, y = torch.tensor([[0.0], [0.0], [9.0], [9.0]]), torch.tensor([0, 0, 1, 1])
        >>> within_diversity(x, y, torch.tensor([[0.0], [1.0], [8.0], [9.0]]), y)
        0.0
    """
    pairs = []
    for label in sorted(set(classes.tolist())):
        mine, theirs = samples[classes == label], real[real_classes == label]
        if len(mine) > 1 and len(theirs) > 1:
            pairs.append((mean_distance(mine), mean_distance(theirs)))
    usual = sum(theirs for _, theirs in pairs)
    if not pairs or usual < least * len(pairs):
        return float("nan")
    return sum(mine for mine, _ in pairs) / max(usual, 1e-12)


def nearest_distances(x: Tensor, y: Tensor | None = None) -> Tensor:
    """For each row of `x`, the distance (n,) to the nearest row of `y`; without `y`, to the nearest other row.

    Example:
        >>> nearest_distances(torch.tensor([[0.0], [1.0], [3.0]])).tolist()
        [1.0, 1.0, 2.0]
    """
    distances = torch.cdist(x, x if y is None else y)
    if y is None:
        distances.fill_diagonal_(torch.inf)
    return distances.amin(1)


def local_diversity(samples: Tensor, real: Tensor) -> float:
    """The mean distance of samples to their nearest fellow, over that of equally many real images.

    Samples that sit on a few points have fellows at no distance, however far the points are from each other. As many
    of either are looked at as the smaller set has, because among more of them a nearer fellow is found.

    Args:
        samples: features (n, d), n ≥ 2.
        real: features (m, d), m ≥ 2.

    Example:
        >>> real = torch.arange(6.0).view(6, 1)
        >>> local_diversity(torch.tensor([[0.0], [0.0], [5.0], [5.0]]), real)
        0.0
    """
    n = min(len(samples), len(real))
    close, apart = (float(nearest_distances(x[:n]).double().mean()) for x in (samples, real))
    return close / max(apart, 1e-12)


def energy_distance(samples: Tensor, real: Tensor, *, within: float | None = None) -> float:
    """How unlike two sets are, from distances alone: 0 for one distribution, 1 for two that share nothing.

        (2 E‖x − y‖ − E‖x − x'‖ − E‖y − y'‖) / (2 E‖x − y‖)

    Pairs of a set with itself are left out, so the numerator has no bias by the number of samples and may fall a
    little below 0. Székely & Rizzo 2013, their coefficient of inhomogeneity H.

    Args:
        samples: features (n, d).
        real: features (m, d).
        within: E‖y − y'‖, where it is known.

    Example:
        >>> energy_distance(torch.zeros(2, 1), torch.ones(2, 1))
        1.0
    """
    between = 2 * mean_distance(samples, real)
    own = mean_distance(samples) + (mean_distance(real) if within is None else within)
    return (between - own) / max(between, 1e-12)


def intraclass_correlation(batches: Sequence[Tensor]) -> float:
    """The share of the samples' variance that is explained by the batch in which they were made.

        ρ = (MSB − MSW) / (MSB + (n − 1)·MSW)

    with the mean squares between and within batches, summed over the features: a one-way analysis of variance. Samples
    that are made apart have ρ = 0, up to noise on both sides; batch normalisation in training mode ties those of a
    batch together (Goodfellow 2016, tutorial, section 4.4).

    Args:
        batches: features (n, d) of at least two batches, each of the same n ≥ 2.

    Raises:
        ValueError: fewer than two batches, or of different size.

    Example:
        >>> intraclass_correlation([torch.zeros(4, 1), torch.ones(4, 1)])
        1.0
    """
    sizes = {len(batch) for batch in batches}
    if len(batches) < 2 or len(sizes) != 1 or min(sizes) < 2:
        raise ValueError(f"batches of {sorted(sizes)} samples cannot be compared; give at least two of one size ≥ 2")
    x = torch.stack([batch.double() for batch in batches])
    k, n, _ = x.shape
    means = x.mean(1)
    between = float((means - means.mean(0)).square().sum()) * n / (k - 1)
    inside = float((x - means.unsqueeze(1)).square().sum()) / (k * (n - 1))
    return (between - inside) / max(between + (n - 1) * inside, 1e-24)
