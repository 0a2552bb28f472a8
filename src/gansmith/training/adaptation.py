"""Augmentation that follows the discriminator: more of it while it is right too often."""

from __future__ import annotations

from torch import Tensor

from gansmith.networks import Augmented
from gansmith.training.processes import Processes
from gansmith.types import Result

__all__ = ["adapted"]

RISE = 100_000
"""Images in which the share rises from 0 to 1 under a discriminator that is always right."""

MOST = 0.8
"""Above it, generators begin to draw transformed images (Karras et al. 2020, section 2.2)."""


def adapted(judge: Augmented, result: Result, *, target: float, images: int, processes: Processes) -> Result:
    """A step's result with the share of images that are transformed, after that share has been moved.

    It moves by (accuracy − target)/(1 − target) · images/100,000, and down no faster than up, and stays in [0, 0.8].

    Args:
        judge: an adaptive one; its ``strength`` changes in place.
        result: of the step.
        target: the accuracy at which the share stays.
        images: in a step.
        processes: which share the batch, and have one share in common.

    Raises:
        ValueError: the game does not say how often the discriminator is right.
    """
    accuracy, strength = result.signals.get("accuracy"), judge.strength
    if accuracy is None or strength is None:
        raise ValueError(
            "augment.adaptive follows how often the discriminator is right, which this game does not say; leave it out"
        )
    seen: Tensor = accuracy.detach().float().clone()
    processes.average_([seen])
    excess = ((seen - target) / (1 - target)).clamp(-1, 1)
    strength.add_(excess.to(strength) * (images / RISE)).clamp_(0, MOST)
    return Result(result.costs, {**result.signals, "augmented": strength.clone()})
