"""The classifier two-sample test: whether real images and samples can be told apart."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softplus

from gansmith.metrics.estimate import wilson
from gansmith.metrics.points import same_space, shuffled
from gansmith.metrics.regression import minimise, standardised

__all__ = ["Teller", "TwoSample", "logistic", "neighbour_vote", "two_sample_test"]

CHUNK = 500

Teller = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Points (n, d), their labels (n,), 0 for real and 1 for samples, and other points (m, d), to scores (m,), which are
above 0 where it takes a point for a sample."""


class TwoSample(NamedTuple):
    """How many held-out points were told apart.

    Args:
        accuracy: the share that was told right; ½ where nothing tells them apart, 1 where everything does.
        low: the lower end of its 95 % interval.
        high: the upper end.
        p_value: how often guessing would be right as often.
        held_out: points that it was asked about, of both sets together.
    """

    accuracy: float
    low: float
    high: float
    p_value: float
    held_out: int


def logistic(points: Tensor, labels: Tensor, others: Tensor, *, ridge: float = 1e-3) -> Tensor:
    """A logistic regression on the standardised features and their squares, fitted to convergence.

        min_w  mean log(1 + exp(−(2y − 1)·(w·φ(x) + b))) + ridge/2 · ‖w‖²

    The squares let it see that samples are too narrow, which no linear function of the features does; for Gaussians
    with independent features it is the best there is.

    Args:
        points: (n, d).
        labels: (n,), 0 or 1.
        others: (m, d).
        ridge: ≥ 0.

    Returns:
        Scores (m,) in float64.
    """
    design, unseen = _design(points, points), _design(points, others)
    sign = 2 * labels.to(design) - 1
    w = torch.zeros(design.shape[1], dtype=design.dtype, requires_grad=True)

    def cost() -> Tensor:
        return softplus(-sign * (design @ w)).mean() + ridge / 2 * w[:-1].square().sum()

    minimise(cost, [w], steps=300, tolerance=1e-8)
    return unseen @ w.detach()


def neighbour_vote(points: Tensor, labels: Tensor, others: Tensor) -> Tensor:
    """A vote among the nearest √n points, an odd number of them: blind to no difference, and slow to see it.

    Points at the same distance share what votes are left, so nothing depends on their order.

    Args:
        points: (n, d).
        labels: (n,), 0 or 1.
        others: (m, d).

    Returns:
        Scores (m,), the share of the votes for 1 minus a half.
    """
    points, others = same_space(points, others)
    k, votes = min(math.isqrt(len(points)) | 1, len(points)), labels.double()
    scores = []
    for part in torch.split(others, CHUNK):
        # Taken from differences: by inner products, two points that are the same are at distances that are not.
        distances = torch.cdist(part, points, compute_mode="donot_use_mm_for_euclid_dist")
        last = distances.kthvalue(k, dim=1, keepdim=True).values
        nearer, tied = (distances < last).double(), (distances == last).double()
        left = (k - nearer.sum(1)) * (tied @ votes) / tied.sum(1)
        scores.append((nearer @ votes + left) / k - 0.5)
    return torch.cat(scores)


def two_sample_test(real: Tensor, fake: Tensor, *, teller: Teller = logistic, seed: int = 0) -> TwoSample:
    """Train a classifier on half of both sets to tell them apart, and count how often it is right about the other half.

    The best classifier is right in (1 + TV)/2 of the cases, with TV the total variation distance of the distributions;
    any other sees less. As many points of either set are taken as the smaller has, chosen and halved by what they are,
    not by their place: a set and itself are told apart in exactly half of the cases. The p-value is the paper's,
    1 − Φ(2·√n·(accuracy − ½)) with n held-out points.

    Args:
        real: (n, d) features of real images, n ≥ 4.
        fake: (m, d) features of samples, m ≥ 4.
        teller: what tells them apart.
        seed: of the choice.

    Raises:
        ValueError: shapes that do not fit, too few points, or values that are not finite.

    From Lopez-Paz and Oquab 2017, "Revisiting classifier two-sample tests", section 3.

    Example:
        >>> g = torch.Generator().manual_seed(0)
        >>> x, y = torch.randn(2000, 2, generator=g), torch.randn(2000, 2, generator=g) + torch.tensor([2.0, 0.0])
        >>> found = two_sample_test(x, y)
        >>> found.low < 0.841 < found.high  # the best possible is Φ(1)
        True
    """
    real, fake = same_space(real, fake, least=4)
    count = min(len(real), len(fake))
    half = count // 2
    sets = [points[shuffled(points, "two samples", seed)[:count]] for points in (real, fake)]
    labels = torch.tensor([0, 1])
    seen, unseen = (torch.cat([points[part] for points in sets]) for part in (slice(half), slice(half, None)))
    truth = labels.repeat_interleave(count - half)
    right = int(((teller(seen, labels.repeat_interleave(half), unseen) > 0) == (truth > 0)).sum())
    accuracy = right / len(truth)
    p_value = 0.5 * math.erfc(math.sqrt(2 * len(truth)) * (accuracy - 0.5))
    return TwoSample(accuracy, *wilson(right, len(truth)), p_value, len(truth))


def _design(known: Tensor, points: Tensor) -> Tensor:
    """Features and squares, each standardised by the known points, and a column of ones."""
    first = standardised(points, known)
    second = standardised(first.square(), standardised(known, known).square())
    return torch.cat((first, second, first.new_ones(len(first), 1)), dim=1)
