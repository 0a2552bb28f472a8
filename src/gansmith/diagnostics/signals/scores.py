"""What the discriminator's scores say: whether it tells real from generated, and whether it only remembers."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["accuracy", "logit_gap", "overfitting"]


def accuracy(real: Tensor, fake: Tensor) -> float:
    """How often a real sample is scored above a generated one, over all pairs, ties as halves: 1/2 is no difference.

    It is the area under the ROC curve, which no threshold enters.

    Args:
        real: scores (n,) of real samples.
        fake: scores (m,) of generated ones.

    Example:
        >>> accuracy(torch.tensor([1.0, 3.0]), torch.tensor([0.0, 2.0]))
        0.75
    """
    ranked = fake.sort().values
    below, up_to = (torch.searchsorted(ranked, real.contiguous(), right=ties) for ties in (False, True))
    return float((below + up_to).double().mean()) / (2 * len(fake))


def logit_gap(real: Tensor, fake: Tensor) -> float:
    """E D(real) − E D(fake), in the discriminator's own units.

    Example:
        >>> logit_gap(torch.tensor([2.0, 4.0]), torch.tensor([-1.0]))
        4.0
    """
    return float(real.double().mean() - fake.double().mean())


def overfitting(train: Tensor, held_out: Tensor, fake: Tensor) -> float:
    """How much of the gap between real and generated is gone on images that the discriminator has not seen.

        r = (E D(train) − E D(held out)) / (E D(train) − E D(fake))

    0: it does not matter which real images it is shown; 1: real images that it has not seen are generated ones to it.
    From Karras et al. 2020, "Training generative adversarial networks with limited data", equation 1 (r_v).

    Args:
        train: scores (n,) of training images.
        held_out: scores (m,) of real images that were held out.
        fake: scores (k,) of samples.

    Returns:
        r, cut to [−1, 2], because the denominator is near zero where the discriminator sees no difference; 0 where it
        scores training images no higher than samples, so that there is no gap to be gone.

    Example:
        >>> overfitting(torch.tensor([3.0]), torch.tensor([0.0]), torch.tensor([-1.0]))
        0.75
    """
    gap = logit_gap(train, fake)
    if gap <= 0:
        return 0.0
    return min(2.0, max(-1.0, logit_gap(train, held_out) / gap))
