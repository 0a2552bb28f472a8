"""What dynamics with an optimiser for each player have in common: how they begin, move, and end a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from gansmith.dynamics.field import Signals, beginning, move
from gansmith.dynamics.optimizers import Adam, OptimizerFactory, Schedule
from gansmith.types import Costs, Game, Outcome, Players, Result, State

__all__ = ["Descent"]


@dataclass(frozen=True, kw_only=True)
class Descent:
    """Players whom optimisers move; a dynamics made of it says along what.

    Args:
        optimizer: builds each player's optimiser.
        rates: factors on a player's learning rate, by name (two time scales, Heusel et al. 2017).
        schedule: the factor on all learning rates as a function of the step.

    Raises:
        ValueError: when it begins, `rates` names somebody who does not play.

    Example:
        >>> from gansmith.dynamics import SGD
        >>> from gansmith.games import bilinear
        >>> from gansmith.networks import Point
        >>> players = {"x": Point(1.0), "y": Point(0.0)}
        >>> state = Descent(optimizer=SGD(lr=0.1), rates={"y": 2.0}).init(bilinear(), players)
        >>> state["optimizers"]["y"].param_groups[0]["lr"], state["steps"]
        (0.2, 0)
    """

    optimizer: OptimizerFactory = Adam()
    rates: Mapping[str, float] = field(default_factory=dict)
    schedule: Schedule = Schedule()

    def init(self, game: Game, players: Players) -> State:
        return beginning(self.optimizer, self.rates, game, players)

    def _move(self, game: Game, state: State, along: Mapping[str, Sequence[Tensor]]) -> None:
        """Every player's optimiser makes its step along what it is given."""
        factor = self.schedule(state["steps"])
        for player in game.players:
            move(state["optimizers"][player], along[player], factor=factor, step=state["steps"])

    def _ended(
        self, game: Game, state: State, costs: Costs, outcome: Outcome, **signals: Tensor
    ) -> tuple[State, Result]:
        """The state after a step with one real evaluation, and what is reported: the game's signals, and more."""
        outcome = outcome.detached()
        after = {"memory": game.remember(state["memory"], outcome), "steps": state["steps"] + 1}
        said = Signals(game, outcome)
        return state | after, Result(costs, {**said, **signals} if signals else said)
