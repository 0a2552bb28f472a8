"""Symplectic gradient adjustment: the rotating part of the field is turned inwards."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from gansmith.dynamics.descent import Descent
from gansmith.dynamics.jacobian import Linearisation, Vectors, inner
from gansmith.types import Draw, Engine, Game, Players, Result, State

__all__ = ["SymplecticAdjustment"]

EPSILON = 0.1
"""Decides for attraction where the two inner products of the aligned sign are small, as in the paper."""


@dataclass(frozen=True, kw_only=True)
class SymplecticAdjustment(Descent):
    """Simultaneous descent along F + λAᵀF with A = ½(J − Jᵀ) (Balduzzi et al. 2018, algorithm 1).

    A is the part of the Jacobian that makes the players circle; in a game with a common cost it is zero, and so is the
    adjustment. On V(x, y) = xy the norm shrinks by √((1−hλ)²+h²) a step.

    With `align`, λ takes the sign of ⟨F, ∇H⟩⟨AᵀF, ∇H⟩/n + 1/10, where H = ½‖F‖², ∇H = JᵀF and n counts the parameters:
    towards equilibria that attract, and away from those that repel.

    The optimisers, their rates and their schedule are those of `Descent`.

    Args:
        weight: λ ≥ 0; 0 is simultaneous descent.
        align: whether λ takes that sign at every step.

    Raises:
        ValueError: λ is negative.

    Example:
        >>> from gansmith.dynamics import SGD, play
        >>> from gansmith.games import bilinear
        >>> from gansmith.networks import Point
        >>> players = {"x": Point(1.0), "y": Point(0.0)}
        >>> state = play(bilinear(), SymplecticAdjustment(optimizer=SGD(lr=0.5)), players, steps=1)
        >>> players["x"]().item(), players["y"]().item()  # the first column of [[1−hλ, −h], [h, 1−hλ]]
        (0.5, 0.5)
    """

    weight: float = 1.0
    align: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.weight < math.inf:
            raise ValueError(f"weight must be a number that is not negative, not {self.weight:g}")

    def step(self, game: Game, players: Players, state: State, draw: Draw, engine: Engine) -> tuple[State, Result]:
        at = Linearisation(game, players, draw(0).recall(state["memory"]), engine)
        F = at.field
        forward, uphill = at.jvp(F), at.vjp(F, keep=False)
        turn = {p: [(u - f) / 2 for u, f in zip(uphill[p], forward[p], strict=True)] for p in F}
        signals = {"symplectic_sign": _sign(F, turn, uphill, at.size)} if self.align else {}
        weight = self.weight * signals.get("symplectic_sign", 1.0)
        self._move(game, state, {p: [g + weight * t for g, t in zip(F[p], turn[p], strict=True)] for p in F})
        return self._ended(game, state, at.costs, at.outcome, **signals)


def _sign(F: Vectors, turn: Vectors, uphill: Vectors, n: int) -> Tensor:
    return (inner(F, uphill) * inner(turn, uphill) / n + EPSILON).sign()
