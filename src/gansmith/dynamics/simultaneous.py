"""All players move at once, each down its own cost as it stood before anyone moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from dataclasses import field as default

from gansmith.dynamics.border import Border, across, searched
from gansmith.dynamics.field import Signals, beginning, field, live, move
from gansmith.dynamics.optimizers import Adam, OptimizerFactory, Schedule
from gansmith.types import Draw, Engine, Game, Players, Result, State

__all__ = ["Simultaneous"]


@dataclass(frozen=True, kw_only=True)
class Simultaneous:
    """Simultaneous gradient descent: θ ← θ − h·F(θ) for all players together.

    One evaluation serves all players: the generator runs once, and so does the discriminator. Where it is exact, one
    backward pass serves them too (`gansmith.dynamics.border` says where). On V(x, y) = xy the norm
    grows by √(1+h²) a step, where the flow itself would circle (Goodfellow 2016, exercise 7.2); it is the noise and the
    curvature of real games that make it usable.

    Args:
        optimizer: builds each player's optimiser.
        rates: factors on a player's learning rate, by name (two time scales).
        schedule: the factor on all learning rates as a function of the step.

    Raises:
        ValueError: when it begins, `rates` names somebody who does not play.

    Example:
        >>> import torch
        >>> from gansmith.dynamics import SGD, LocalEngine
        >>> from gansmith.games import AdversarialGame, Wasserstein
        >>> from gansmith.types import Round
        >>> _ = torch.manual_seed(0)
        >>> players = {"generator": torch.nn.Linear(3, 2), "discriminator": torch.nn.Linear(2, 1)}
        >>> game, dynamics = AdversarialGame(Wasserstein()), Simultaneous(optimizer=SGD(lr=0.1))
        >>> round = Round({"real": torch.ones(4, 2), "latent": torch.randn(4, 3)})
        >>> state = dynamics.init(game, players)
        >>> state, result = dynamics.step(game, players, state, lambda substep: round, LocalEngine())
        >>> sorted(result.costs), state["steps"]
        (['discriminator', 'generator'], 1)
    """

    optimizer: OptimizerFactory = Adam()
    rates: Mapping[str, float] = default(default_factory=dict)
    schedule: Schedule = Schedule()

    def init(self, game: Game, players: Players) -> State:
        return beginning(self.optimizer, self.rates, game, players)

    def step(self, game: Game, players: Players, state: State, draw: Draw, engine: Engine) -> tuple[State, Result]:
        factor, round = self.schedule(state["steps"]), draw(0).recall(state["memory"])
        with live(players, game.players):
            known = state.get("border")
            if known:
                gradients, costs, outcome = across(Border(**known), game, players, round, engine)
            elif known is not None or round.device.type != "cpu":  # elsewhere, looking at a factor means waiting for it
                gradients, costs, outcome = field(game, players, round, engine, game.players)
            else:
                gradients, costs, outcome, border = searched(game, players, round, engine)
                state = state | {"border": asdict(border) if border else {}}
        for player in game.players:
            move(state["optimizers"][player], gradients[player], factor=factor)
        outcome = outcome.detached()
        after = state | {"memory": game.remember(state["memory"], outcome), "steps": state["steps"] + 1}
        return after, Result(costs, Signals(game, outcome))
