"""Every player moves as if the change in the others' last move would repeat itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim import Optimizer

from gansmith.dynamics.descent import Descent
from gansmith.dynamics.field import beside, field, live, move, trainable
from gansmith.types import Draw, Engine, Game, Players, Result, State

__all__ = ["Optimistic"]


@dataclass(frozen=True, kw_only=True)
class Optimistic(Descent):
    """Optimistic mirror descent, and with Adam optimistic Adam (Daskalakis et al. 2018, algorithm 1).

    With uₜ the move that the optimiser makes, w ← w + 2uₜ − uₜ₋₁ for all players together, and u₀ = 0; with SGD that
    is w − 2h·Fₜ + h·Fₜ₋₁. One evaluation a step. Its iterates are the extrapolated points of `Extragradient` from the
    past, with SGD and a constant learning rate.

    On V(x, y) = xy a step shrinks the norm by √(½ + ½√(1 − 4h²)) in the long run, for h ≤ ½.

    The optimisers, their rates and their schedule are those of `Descent`.

    Example:
        >>> from gansmith.dynamics import SGD, play
        >>> from gansmith.games import bilinear
        >>> from gansmith.networks import Point
        >>> players = {"x": Point(1.0), "y": Point(0.0)}
        >>> state = play(bilinear(), Optimistic(optimizer=SGD(lr=0.125)), players, steps=1)
        >>> players["x"]().item(), players["y"]().item()  # (1, 2h)
        (1.0, 0.25)
    """

    def init(self, game: Game, players: Players) -> State:
        still = {p: [torch.zeros_like(w) for w in trainable(players, [p])[p]] for p in game.players}
        return super().init(game, players) | {"moves": still}

    def step(self, game: Game, players: Players, state: State, draw: Draw, engine: Engine) -> tuple[State, Result]:
        step = state["steps"]
        with live(players, game.players):
            gradients, costs, outcome = field(game, players, draw(0).recall(state["memory"]), engine, game.players)
        moves = {}
        for p in game.players:
            mine = trainable(players, [p])[p]
            last = beside(mine, state["moves"][p])
            moves[p] = _hopeful(mine, state["optimizers"][p], gradients[p], last, self.schedule(step), step)
        return self._ended(game, state | {"moves": moves}, costs, outcome)


@torch.no_grad()
def _hopeful(
    parameters: Sequence[Tensor],
    optimizer: Optimizer,
    gradients: Sequence[Tensor],
    last: Sequence[Tensor],
    factor: float,
    step: int,
) -> list[Tensor]:
    """Move by 2uₜ − uₜ₋₁, and return uₜ, the optimiser's own move."""
    before = [p.clone() for p in parameters]
    move(optimizer, gradients, factor=factor, step=step)
    moves = [p - b for p, b in zip(parameters, before, strict=True)]
    for parameter, now, then in zip(parameters, moves, last, strict=True):
        parameter.add_(now - then)
    return moves
