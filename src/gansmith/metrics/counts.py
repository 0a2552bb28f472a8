"""Which classes of labelled or stacked data the samples have, and how far their shares are from the data's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gansmith.metrics.estimate import Estimate

__all__ = ["ModeCounts", "class_counts", "found_modes", "mode_counts", "share_divergence"]


class ModeCounts(NamedTuple):
    """Modes with a sample, modes that the data have, and the divergence of the samples' shares from the data's."""

    found: int
    of: int
    kl: float


def class_counts(classes: Tensor, shape: Sequence[int]) -> Tensor:
    """How often each class, or each combination of classes, occurs.

    Args:
        classes: (n,) int64, or (n, c) with one for each of c channels, as for stacked digits; or probabilities, with a
            last axis of classes, of which the likeliest counts.
        shape: the number of classes, (K,), or of each channel's, (K₁, …, K_c).

    Returns:
        Counts of that shape, int64.

    Raises:
        ValueError: another shape, or a class that there is not.

    Example:
        >>> class_counts(torch.tensor([[0, 1], [1, 1], [0, 1]]), (2, 2)).tolist()
        [[0, 2], [0, 1]]
    """
    labels = classes.detach().cpu()
    if labels.is_floating_point():
        if labels.shape[-1:] != tuple(shape)[-1:] or len(set(shape)) > 1:
            raise ValueError(f"probabilities {tuple(classes.shape)} do not fit classes {tuple(shape)}")
        labels = labels.argmax(-1)
    labels = labels[:, None] if labels.ndim == 1 else labels
    if labels.ndim != 2 or labels.shape[1] != len(shape) or not len(labels):
        raise ValueError(f"classes have shape {tuple(classes.shape)}; for counts {tuple(shape)} give (n, {len(shape)})")
    sizes = torch.tensor(tuple(shape))
    if (labels < 0).any() or (labels >= sizes).any():
        raise ValueError(f"classes go from 0 to {[size - 1 for size in shape]}; got {_outside(labels, sizes)}")
    index = torch.zeros(len(labels), dtype=torch.int64)
    for column, size in zip(labels.unbind(1), shape, strict=True):
        index = index * size + column
    return torch.bincount(index, minlength=math.prod(shape)).view(*shape)


def mode_counts(classes: Tensor, reference: Tensor) -> ModeCounts:
    """Count the modes that samples have, and compare the shares of all with the data's by `share_divergence`.

    For stacked digits, three in the channels of a picture, a classifier tells the digit in each channel, and the modes
    are the 1,000 numbers. Protocols differ in the number of samples (26,000 by custom), on which both figures depend.

    Args:
        classes: of the samples: (n,), (n, c), or probabilities (n, K) or (n, c, K), as in `class_counts`.
        reference: counts in the data, (K,) or (K, …, K) with c axes: `class_counts` of the training set.

    Raises:
        ValueError: shapes that do not fit, a class that there is not, or a reference without counts.

    From Metz et al. 2017, "Unrolled generative adversarial networks", section 3.3; Lin et al. 2018, "PacGAN",
    section 4.2.

    Example:
        >>> mode_counts(torch.tensor([0, 0, 1, 1]), torch.tensor([50, 50, 50, 50]))  # log 2
        ModeCounts(found=2, of=4, kl=0.6931471805599453)
    """
    known = reference.detach().cpu()
    counts = class_counts(classes, known.shape)
    return ModeCounts(*found_modes(counts, known), share_divergence(counts, known).value)


def found_modes(counts: Tensor, reference: Tensor) -> tuple[int, int]:
    """How many of the data's classes the samples have, and how many the data have, from the counts of both.

    Example:
        >>> found_modes(torch.tensor([3, 0, 1, 2]), torch.tensor([1, 1, 1, 0]))
        (2, 3)
    """
    return int(((counts > 0) & (reference > 0)).sum()), int((reference > 0).sum())


def share_divergence(counts: Tensor, reference: Tensor) -> Estimate:
    """How far the samples' shares of the classes are from the data's, with its error for n samples by the delta method.

        KL(q ‖ p) = Σ_c q_c · log(q_c / p_c),      q the samples' shares, p the data's

    It is ≥ 0, and infinite where samples have a class that the data lack. With n samples, even right shares give about
    (classes − 1) / 2n.

    Args:
        counts: of the samples, of any shape, with a sum of at least 1.
        reference: counts in the data, of the same shape, which are taken for exact.

    Raises:
        ValueError: a reference without counts.

    Example:
        >>> kl, error = share_divergence(torch.tensor([30, 10]), torch.tensor([50, 50]))
        >>> round(kl, 4), round(error, 4)  # ¾·log 3/2 + ¼·log ½, and √(¾·¼/40)·log 3
        (0.1308, 0.0752)
    """
    if (reference < 0).any() or not reference.sum() > 0:
        raise ValueError("the reference holds no counts: give those of the training set, of which none is below 0")
    q, p = (each[counts > 0].double() / each.sum() for each in (counts, reference))
    # Each sample adds log q/p of its own class, and what q itself owes to chance cancels in the first order.
    terms = (q / p).log()
    kl = max(0.0, (q * terms).sum().item())
    variance = (q * (terms - kl).square()).sum().item() if math.isfinite(kl) else math.inf
    return Estimate(kl, math.sqrt(variance / counts.sum().item()))


def _outside(labels: Tensor, sizes: Tensor) -> int:
    return int(labels[(labels < 0) | (labels >= sizes)][0])
