"""Games that hold another game, and what they leave to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from gansmith.games.adversarial import DISCRIMINATOR, AdversarialGame
from gansmith.types import Costs, Game, Outcome, Players, Round, State, check_piece

__all__ = ["Around", "Holding", "check_adversarial", "discriminators", "holds", "judged"]


def discriminators(names: Collection[str]) -> list[str]:
    """Those of the players who judge: whose names begin with ``discriminator``.

    Example:
        >>> discriminators(["discriminator_x", "discriminator_y", "generator_x", "generator_y"])
        ['discriminator_x', 'discriminator_y']
    """
    return [name for name in names if name.startswith(DISCRIMINATOR)]


def judged(game: Game, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of what a game's discriminator is shown, for samples of a shape: the same, unless the game says other.

    Example:
        >>> judged(AdversarialGame(), (1, 28, 28))
        (1, 28, 28)
    """
    own = getattr(game, "judged", None)
    return shape if own is None else own(shape)


def holds(game: Game, kind: type) -> bool:
    """Whether a game, or one inside it, is of a kind.

    Example:
        >>> holds(Around(AdversarialGame()), AdversarialGame), holds(AdversarialGame(), Around)
        (True, False)
    """
    inside: Game | None = getattr(game, "game", None)
    return isinstance(game, kind) or (inside is not None and holds(inside, kind))


def check_adversarial(game: Game, around: object) -> AdversarialGame:
    """The game inside one that goes around an `AdversarialGame` only, because it judges in that game's place.

    Raises:
        ValueError: it is another game.
    """
    check_piece(game, Game, "the game inside", "AdversarialGame()")
    if not isinstance(game, AdversarialGame):
        name = type(around).__name__
        raise ValueError(f"{name} goes around an AdversarialGame, not {type(game).__name__}; put that around {name}")
    return game


class Holding:
    """A game that is made of another one, ``game``, whose memory and penalties are its own."""

    game: Game

    @property
    def samplewise(self) -> bool:
        return self.game.samplewise

    @property
    def penalties(self) -> tuple[Any, ...]:
        """Those of the game inside, if it has any."""
        return getattr(self.game, "penalties", ())

    def judged(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of what the discriminator is shown, for samples of a shape."""
        return judged(self.game, shape)

    def init(self, players: Players) -> State:
        return self.game.init(players)

    def remember(self, memory: State, outcome: Outcome) -> State:
        return self.game.remember(memory, outcome)


@dataclass(frozen=True)
class Around(Holding):
    """The game inside, handed through; the base of games that change one thing about another.

    Args:
        game: the game inside.

    Raises:
        ValueError: it is no game.
    """

    game: Game = AdversarialGame()

    def __post_init__(self) -> None:
        check_piece(self.game, Game, "the game inside", "AdversarialGame()")

    @property
    def players(self) -> tuple[str, ...]:
        return self.game.players

    def play(self, players: Players, round: Round, of: Collection[str]) -> Outcome:
        return self.game.play(players, round, of)

    def costs(self, outcome: Outcome, of: Collection[str]) -> Costs:
        return self.game.costs(outcome, of)

    def signals(self, outcome: Outcome) -> Mapping[str, Tensor]:
        return self.game.signals(outcome)
