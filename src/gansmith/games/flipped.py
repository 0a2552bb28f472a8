"""Label flipping: now and then the discriminator is told that what is real was generated, and the other way round."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from gansmith.games.wrapping import Around, discriminators
from gansmith.types import Costs, Outcome

__all__ = ["Flipped"]

REAL, FAKE = "real_scores", "fake_scores"


@dataclass(frozen=True)
class Flipped(Around):
    """A game whose discriminators are lied to: in a share p of the pairs, real and generated change places.

    With cross-entropy, which is linear in its targets, the cost is on average that of two-sided smoothing with targets
    1 − p and p: D* = ((1−p)·p_data + p·p_g)/(p_data + p_g). Unlike smoothing, flipping suits every loss. Nobody else is
    lied to, and penalties are about the true points. Which pairs change places is a function of the round and the row.

    Args:
        game: the game inside. Its outcomes hold scores ``real_scores`` and ``fake_scores``, also with a prefix in
            front, and its discriminators' names begin with ``discriminator``.
        share: p, in [0, 1/2); at 1/2 there would be nothing to learn.

    Raises:
        ValueError: the share is outside its range; when it is played, the outcome holds no such scores.

    Example:
        >>> from gansmith.games import AdversarialGame, Wasserstein
        >>> from gansmith.types import Round
        >>> game = Flipped(AdversarialGame(Wasserstein()), share=0.25)
        >>> scores = {"real_scores": torch.ones(1000), "fake_scores": torch.zeros(1000)}
        >>> outcome = Outcome(Round({"real": torch.zeros(1000)}), scores, dict.fromkeys(scores, frozenset()))
        >>> round(game.costs(outcome, of=["discriminator"])["discriminator"].item(), 1)  # (1−p)·(0−1) + p·(1−0)
        -0.5
    """

    share: float = field(default=0.05, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.share < 0.5:
            raise ValueError(f"share is {self.share}; the share of flipped labels must be in [0, 1/2)")

    def costs(self, outcome: Outcome, of: Collection[str]) -> Costs:
        fooled = discriminators(of)
        others = [player for player in of if player not in fooled]
        truly = self.game.costs(outcome, others) if others else {}
        told = self.game.costs(self._told(outcome), fooled) if fooled else {}
        return {**truly, **told}

    def _told(self, outcome: Outcome) -> Outcome:
        """The outcome as the discriminators are told of it."""
        values = dict(outcome.values)
        pairs = [(name, name.removesuffix(REAL) + FAKE) for name in values if name.endswith(REAL)]
        pairs = [pair for pair in pairs if pair[1] in values]
        if not pairs:
            raise ValueError(
                f"there are no labels to flip: the outcome of {type(self.game).__name__} holds no {REAL} and {FAKE}"
            )
        for real, fake in pairs:
            lie = self._lies(outcome, values[real])
            x, y = values[real], values[fake]
            values[real], values[fake] = torch.where(lie, y, x), torch.where(lie, x, y)
        return replace(outcome, values=values)

    def _lies(self, outcome: Outcome, scores: Tensor) -> Tensor:
        chance = outcome.round.uniform("flipped")
        # Where a score is about several rows, its first row decides.
        return chance[:: max(1, chance.shape[0] // scores.shape[0])] < self.share
