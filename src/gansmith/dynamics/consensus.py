"""Consensus optimisation: all players also make the vector field itself small."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gansmith.dynamics.descent import Descent
from gansmith.dynamics.jacobian import Linearisation, inner
from gansmith.types import Draw, Engine, Game, Players, Result, State

__all__ = ["Consensus"]


@dataclass(frozen=True, kw_only=True)
class Consensus(Descent):
    """Simultaneous descent along F + γJᵀF: every player also pays γ/2·‖F‖² (Mescheder et al. 2017, algorithm 2).

    The addition is the gradient of half the squared norm of the whole field, so it draws the players to where nobody
    wants to move, and damps the rotation around it: J gets the eigenvalues λ + γ|λ|² where it is antisymmetric. On
    V(x, y) = xy the norm shrinks by √((1−hγ)²+h²) a step. It draws to maxima and saddles of the costs as well.

    The optimisers, their rates and their schedule are those of `Descent`.

    Args:
        gamma: the weight γ of the field's norm, ≥ 0; 0 is simultaneous descent.

    Raises:
        ValueError: γ is negative.

    Example:
        >>> from gansmith.dynamics import SGD, play
        >>> from gansmith.games import bilinear
        >>> from gansmith.networks import Point
        >>> players = {"x": Point(1.0), "y": Point(0.0)}
        >>> state = play(bilinear(), Consensus(optimizer=SGD(lr=0.5), gamma=1.0), players, steps=1)
        >>> players["x"]().item(), players["y"]().item()  # the first column of [[1−hγ, −h], [h, 1−hγ]]
        (0.5, 0.5)
    """

    gamma: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.gamma < math.inf:
            raise ValueError(f"gamma must be a number that is not negative, not {self.gamma:g}")

    def step(self, game: Game, players: Players, state: State, draw: Draw, engine: Engine) -> tuple[State, Result]:
        at = Linearisation(game, players, draw(0).recall(state["memory"]), engine)
        F, towards = at.field, at.vjp(at.field, keep=False)
        adjusted = {p: [g.add(r, alpha=self.gamma) for g, r in zip(F[p], towards[p], strict=True)] for p in F}
        self._move(game, state, adjusted)
        return self._ended(game, state, at.costs, at.outcome, field_norm=inner(F, F).sqrt())
