"""All players move at once, each down its own cost as it stood before anyone moved."""

from __future__ import annotations

from dataclasses import dataclass

from gansmith.dynamics.border import across, border_of
from gansmith.dynamics.descent import Descent
from gansmith.dynamics.field import field, live
from gansmith.types import Draw, Engine, Game, Players, Result, State

__all__ = ["Simultaneous"]


@dataclass(frozen=True, kw_only=True)
class Simultaneous(Descent):
    """Simultaneous gradient descent: θ ← θ − h·F(θ) for all players together.

    One evaluation serves all players: the generator runs once, and so does the discriminator. Where it is exact, one
    backward pass serves them too (`gansmith.dynamics.border` says where). On V(x, y) = xy the norm grows by √(1+h²) a
    step, where the flow itself would circle (Goodfellow 2016, exercise 7.2); it is the noise and the curvature of real
    games that make it usable. The optimisers, their rates and their schedule are those of `Descent`.

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

    def step(self, game: Game, players: Players, state: State, draw: Draw, engine: Engine) -> tuple[State, Result]:
        round = draw(0).recall(state["memory"])
        with live(players, game.players):
            border = None
            if round.device.type == "cpu":  # elsewhere it was never measured
                border = border_of(game, players, state, round, engine)
            if border:
                gradients, costs, outcome = across(border, game, players, round, engine)
            else:
                gradients, costs, outcome = field(game, players, round, engine, game.players)
        self._move(game, state, gradients)
        return self._ended(game, state, costs, outcome)
