"""The discriminator judges several samples at a time, so that it sees when they are too much alike."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from torch import Tensor

from gansmith.games.adversarial import DISCRIMINATOR, GENERATOR, AdversarialGame
from gansmith.games.wrapping import Around, check_adversarial
from gansmith.types import Game, Outcome, Players, Round

__all__ = ["Packed", "packed"]

_BOTH, _G, _D = frozenset({GENERATOR, DISCRIMINATOR}), frozenset({GENERATOR}), frozenset({DISCRIMINATOR})


def packed(x: Tensor, size: int) -> Tensor:
    """Samples in packs, laid one behind the other along the first axis of a sample: (n, c, ...) -> (n/m, m·c, ...).

    Raises:
        ValueError: the samples do not go into packs of `size` without a remainder.

    Example:
        >>> import torch
        >>> packed(torch.tensor([[1, 2], [3, 4], [5, 6], [7, 8]]), 2).tolist()
        [[1, 2, 3, 4], [5, 6, 7, 8]]
    """
    if x.shape[0] % size:
        raise ValueError(f"{x.shape[0]} samples do not go into packs of {size}; use a batch that is a multiple of it")
    return x.reshape(x.shape[0] // size, size * x.shape[1], *x.shape[2:])


@dataclass(frozen=True)
class Packed(Around):
    """An adversarial game whose discriminator is shown packs of m samples, all real or all generated (PacGAN).

        D(x₁, …, x_m) against D(G(z₁), …, G(z_m))

    The samples of a pack lie along the first axis of a sample: vectors (d,) become (m·d,), images (c, h, w) become
    (m·c, h, w), and the discriminator is to be built for that shape. Two densities that differ by missing modes differ
    far more as products, which is what the discriminator now compares (Lin et al. 2018, section 3). Penalties see packs
    as well. A batch of n samples makes n/m packs; to keep the number of scores, take m times the batch.

    Args:
        game: the loss and the penalties, for packs.
        size: samples in a pack, m ≥ 1.

    Raises:
        ValueError: `size` is below 1, or the game inside is no `AdversarialGame`; when it is played, a batch does not
            go into packs, or has labels.

    Example:
        >>> import torch
        >>> game = Packed(size=2)
        >>> players = {"generator": torch.nn.Linear(3, 2), "discriminator": torch.nn.Linear(4, 1)}
        >>> round = Round({"real": torch.zeros(6, 2), "latent": torch.zeros(6, 3)})
        >>> tuple(game.play(players, round, of=["discriminator"])["real_scores"].shape)
        (3,)
    """

    game: Game = AdversarialGame()
    size: int = 2

    def __post_init__(self) -> None:
        check_adversarial(self.game, self)
        if self.size < 1:
            raise ValueError(f"size is {self.size}; a pack holds at least 1 sample")

    @property
    def samplewise(self) -> bool:
        """Packs may not be torn apart, which splitting a batch anywhere would do."""
        return self.size == 1 and self.game.samplewise

    def judged(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of what the discriminator is shown, for samples of a shape."""
        return (self.size * shape[0], *shape[1:])

    def play(self, players: Players, round: Round, of: Collection[str]) -> Outcome:
        if "label" in round:
            raise ValueError(
                "a pack holds samples of several classes, so it has no label; leave labels out (--no-conditional)"
            )
        game = check_adversarial(self.game, self)
        fake = round["fake"] if "fake" in round else game.generate(players[GENERATOR], round)
        judged = DISCRIMINATOR in of
        points = {"real": round["real"], "fake": fake} if judged or game.loss.relative else {"fake": fake}
        packs = {name: packed(x, self.size) for name, x in points.items()}
        inside = replace(round, streams=packs, start=round.start // self.size, total=round.total // self.size)
        values = game.judge(players[DISCRIMINATOR], packs, inside, penalised=judged)
        makers = dict.fromkeys(values, _BOTH) | {"fake": _G}
        if "real_scores" in values and not game.joint:
            makers["real_scores"] = _D
        return Outcome(round, {"fake": fake} | values, makers)
