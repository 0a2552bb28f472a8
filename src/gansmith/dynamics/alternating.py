"""The players take turns, each answering the others' newest move."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from gansmith.dynamics.descent import Descent
from gansmith.dynamics.field import Signals, evaluated, live, move
from gansmith.types import Draw, Engine, Game, Outcome, Players, Result, Round, State, moved_with, parameters_of

__all__ = ["Alternating"]


@dataclass(frozen=True, kw_only=True)
class Alternating(Descent):
    """Algorithm 1 of Goodfellow et al. 2014: k steps of one player, then the other's, in the game's order of players.

    Every move of the same player sees a fresh round. When the turn passes to the next player, the round stays, and
    whatever did not depend on the player that moved is kept: the samples on which the discriminator has just been
    trained are those that the generator then improves, and they are made once. ``share=False`` draws anew, as the paper
    has it. The optimisers, their rates and their schedule are those of `Descent`.

    Args:
        discriminator_steps: moves of the discriminator in a step, ≥ 1.
        generator_steps: moves of the generator in a step, ≥ 1. Players of any other name move once.
        share: the turn passes on the same round, and evaluations that are still right are kept.

    Raises:
        ValueError: a player would not move at all.

    Example:
        >>> from gansmith.games import AdversarialGame
        >>> Alternating(discriminator_steps=2).turns(AdversarialGame())
        ['discriminator', 'discriminator', 'generator']
    """

    discriminator_steps: int = 1
    generator_steps: int = 1
    share: bool = True

    def __post_init__(self) -> None:
        if min(self.discriminator_steps, self.generator_steps) < 1:
            raise ValueError(
                f"every player moves at least once in a step, not discriminator_steps={self.discriminator_steps}, "
                f"generator_steps={self.generator_steps}"
            )

    def turns(self, game: Game) -> list[str]:
        """Who moves, in order, in one step."""
        times = {"discriminator": self.discriminator_steps, "generator": self.generator_steps}
        return [player for player in game.players for _ in range(times.get(player, 1))]

    def step(self, game: Game, players: Players, state: State, draw: Draw, engine: Engine) -> tuple[State, Result]:
        memory, factor = state["memory"], self.schedule(state["steps"])
        costs: dict[str, Tensor] = {}
        outcomes: list[Outcome] = []
        turns, owned = self.turns(game), parameters_of(players)
        drawn: Round | None = None
        known: dict[str, Tensor] = {}
        for substep, player in enumerate(turns):
            later = turns[substep + 1 :]
            passes_on = self.share and engine.pieces == 1 and later[:1] not in ([], [player])
            drawn = drawn or draw(substep)
            # What is kept must carry gradients to everybody who may still move on it.
            with live(players, {player, *later} if passes_on else {player}, owned):
                round, mine = drawn.given(**known).recall(memory), [p for p in owned[player] if p.requires_grad]
                gradients, cost, outcome = evaluated(game, players, round, engine, (player,), {player: mine})
            move(state["optimizers"][player], gradients[player], factor=factor, step=state["steps"])
            known = outcome.unmoved(*moved_with(players, player, owned)) if passes_on else {}
            drawn = drawn if passes_on else None
            outcomes.append(outcome.detached())
            memory = game.remember(memory, outcomes[-1])
            costs |= cost
        return state | {"memory": memory, "steps": state["steps"] + 1}, Result(costs, Signals(game, *outcomes))
