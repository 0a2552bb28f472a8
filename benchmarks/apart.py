"""What the notes' words on minibatch GAN are sometimes taken to mean: a batch without samples that are too similar."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from gansmith.games.adversarial import GENERATOR, AdversarialGame
from gansmith.games.wrapping import Around, check_adversarial
from gansmith.types import Game, Outcome, Players, Round


@dataclass(frozen=True)
class KeptApart(Around):
    """A game played with those samples of a batch that are no nearer to an earlier one than real samples are.

    Of the generated samples one after the other is kept if its distance to all that were kept is at least `reach` times
    the mean distance of a real sample of the batch to its nearest other. Those that are kept take the places of the
    others in turn, so that the batch is as large as ever and the cost is nearly a mean over the kept ones.

    Args:
        game: what is played.
        reach: in mean distances of real samples to their nearest; 0 keeps all.
    """

    game: Game = AdversarialGame()
    reach: float = field(default=0.5, kw_only=True)

    def __post_init__(self) -> None:
        check_adversarial(self.game, self)
        if self.reach < 0:
            raise ValueError(f"reach is {self.reach}; it must be at least 0")

    @property
    def samplewise(self) -> bool:
        return False

    def play(self, players: Players, round: Round, of: Collection[str]) -> Outcome:
        if "label" in round:
            raise ValueError("samples are kept apart without labels, which would have to change places with them")
        if "fake" in round:  # an earlier move's, kept apart already
            return self.game.play(players, round, of)
        fake = check_adversarial(self.game, self).generate(players[GENERATOR], round)
        kept = apart(fake.detach().flatten(1), self.reach * nearest(round["real"].flatten(1)).mean())
        rows = kept[torch.arange(len(fake), device=fake.device) % len(kept)]
        return replace(self.game.play(players, round.given(fake=fake[rows]), of), round=round)


def nearest(x: Tensor) -> Tensor:
    """The distance of each row of x (n, d) to the nearest other, (n,)."""
    return torch.cdist(x, x).fill_diagonal_(torch.inf).amin(1)


def apart(x: Tensor, least: Tensor) -> Tensor:
    """The rows of x (n, d) that are at least so far from every earlier one that is kept; the first always is."""
    near = (torch.cdist(x, x) < least).tolist()
    kept: list[int] = []
    for row in range(len(x)):
        if not any(near[row][other] for other in kept):
            kept.append(row)
    return torch.tensor(kept, device=x.device)
