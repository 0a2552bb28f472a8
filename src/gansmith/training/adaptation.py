"""Augmentation that follows the discriminator: more of it while it is right too often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from gansmith.games.wrapping import Around
from gansmith.networks import Augmented
from gansmith.training.processes import Processes
from gansmith.types import Outcome, Result

__all__ = ["Ranked", "adapted"]

POINTS = ("real", "fake")

RISE = 100_000
"""Images in which the share rises from 0 to 1 under a discriminator that is always right."""

MOST = 0.8
"""Above it, generators begin to draw transformed images (Karras et al. 2020, section 2.2)."""


@dataclass(frozen=True)
class Ranked(Around):
    """A game that also says how often a real sample is scored above the generated one of its row, ties as halves.

    Over all pairs of a batch the discriminator's accuracy is the surer figure; but this one is a mean over rows, so
    that it is the same for any number of processes.

    Example:
        >>> import torch
        >>> from gansmith.types import Round
        >>> scores = {"real_scores": torch.tensor([1.0, 2.0]), "fake_scores": torch.tensor([0.0, 2.0])}
        >>> Ranked().signals(Outcome(Round(), scores, dict.fromkeys(scores, frozenset())))["ranked"].item()
        0.75
    """

    def signals(self, outcome: Outcome) -> Mapping[str, Tensor]:
        said, real, fake = dict(self.game.signals(outcome)), *(outcome.values.get(f"{x}_scores") for x in POINTS)
        if real is not None and fake is not None:
            said["ranked"] = ((real > fake).float() + (real >= fake).float()).mean() / 2
        return said


def adapted(judge: nn.Module, result: Result, target: float, *, images: int, among: Processes) -> Result:
    """A step's result with the share of images that are transformed, after that share has been moved.

    It moves by (r − target)/(1 − target) · images/100,000, with r how often the discriminator is right, and down no
    faster than up, and stays in [0, 0.8].

    Args:
        judge: an adaptive `Augmented`, whose ``strength`` changes in place.
        result: of the step, of a `Ranked` game.
        target: at which r the share stays.
        images: in a step.
        among: the processes that share the batch.

    Raises:
        ValueError: the game has no scores of real and of generated samples.

    Example:
        >>> import torch
        >>> judge = Augmented(nn.Identity(), colour=True, adaptive=True)
        >>> right = Result({}, {"ranked": torch.tensor(1.0)})
        >>> round(adapted(judge, right, 0.8, images=1000, among=Processes()).signals["augmented"].item(), 3)
        0.01
    """
    said = dict(result.signals)
    strength = judge.strength if isinstance(judge, Augmented) else None
    if "ranked" not in said or strength is None:
        raise ValueError(
            "augment.adaptive follows how often the discriminator is right, which this game does not say; leave it out"
        )
    right = said.pop("ranked").detach().to(strength, copy=True)
    among.average_([right])
    strength.add_(((right - target) / (1 - target)).clamp(-1, 1) * (images / RISE)).clamp_(0, MOST)
    return Result(result.costs, {**said, "augmented": strength.clone()})
