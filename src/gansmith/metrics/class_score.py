"""The class score: how sure a classifier is of each sample, and how many classes it sees in all of them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gansmith.metrics.estimate import Estimate
from gansmith.metrics.points import as_points, shuffled

__all__ = ["inception_score"]


def inception_score(probabilities: Tensor, *, splits: int = 10, seed: int = 0) -> Estimate:
    """The exponential of what a sample tells about its class, averaged over parts of the samples.

        exp( 1/n Σ_i KL(p(y|x_i) ‖ p̄(y)) ),      p̄ = 1/n Σ_i p(y|x_i)

    It lies between 1, for samples that are all called alike, and the number of classes. It is the "Inception score"
    only where the classifier is Inception with the published weights; under any other it goes by the classifier's name.
    It sees no variety within a class, and nothing of the data: one good picture of each class gets the best score.

    The samples are dealt into parts at random, by what their probabilities are and not by their place. A part of few
    samples scores too low, so the number of parts belongs to the protocol. The error is that of the mean over parts;
    papers print the standard deviation between parts, which is about √splits times as large.

    Args:
        probabilities: p(y|x), (n, K), rows adding up to 1.
        splits: how many parts, each of at least 2 samples; 1 is the score of all samples at once.
        seed: of the parts.

    Raises:
        ValueError: another shape, rows that are no probabilities, or too few samples for the parts.

    From Salimans et al. 2016, "Improved techniques for training GANs", section 4.

    Example:
        >>> round(inception_score(torch.eye(10).repeat(20, 1), splits=1).value, 9)
        10.0
        >>> inception_score(torch.full((100, 10), 0.1)).value
        1.0
    """
    p = as_points(probabilities)
    if (p < 0).any() or not torch.allclose(p.sum(1), torch.ones(len(p), dtype=p.dtype), atol=1e-4):
        raise ValueError("probabilities are (n, K), none below 0, and each row adds up to 1: apply a softmax to logits")
    if splits < 1 or len(p) < 2 * splits:
        raise ValueError(f"{len(p)} samples cannot be dealt into {splits} parts of at least 2 each")
    scores, errors = zip(*(_score(part) for part in p[shuffled(p, seed)].tensor_split(splits)), strict=True)
    return Estimate(math.fsum(scores) / splits, math.hypot(*errors) / splits)


def _score(p: Tensor) -> tuple[float, float]:
    """The score of a part and its error: that p̄ was estimated adds nothing to first order."""
    information = (torch.special.xlogy(p, p) - torch.special.xlogy(p, p.mean(0))).sum(1)
    score = information.mean().exp().item()
    return score, score * information.std().item() / math.sqrt(len(p))
