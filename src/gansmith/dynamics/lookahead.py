"""Slow weights that every few steps follow the fast ones a part of the way, all players together."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gansmith.dynamics.alternating import Alternating
from gansmith.dynamics.field import beside, trainable
from gansmith.dynamics.wrapping import inside, outside
from gansmith.types import Draw, Dynamics, Engine, Game, Players, Result, State

__all__ = ["Lookahead"]


@dataclass(frozen=True, kw_only=True)
class Lookahead:
    """Lookahead-minimax (Chavdarova et al. 2021, algorithm 1) around any dynamics.

    Every k steps all players go back together: w ← w_s + α(w − w_s), and the slow weights w_s stay there. The
    optimisers keep what they have learned. A `Lookahead` around a `Lookahead` is the paper's nested form.

    Where the dynamics inside multiplies by λ a step, this one multiplies by 1 − α + αλᵏ in k steps: it turns rotation,
    also growing rotation, into contraction.

    Args:
        dynamics: how the fast weights move.
        every: k, the steps after which they go back, ≥ 1.
        alpha: α, the share of the way that is kept, in (0, 1]; 1 changes nothing.

    Raises:
        ValueError: a value is outside its range.

    Example:
        >>> from gansmith.dynamics import SGD, Simultaneous, play
        >>> from gansmith.games import bilinear
        >>> from gansmith.networks import Point
        >>> players, inner = {"x": Point(1.0), "y": Point(0.0)}, Simultaneous(optimizer=SGD(lr=0.5))
        >>> state = play(bilinear(), Lookahead(dynamics=inner, every=2), players, steps=2)
        >>> players["x"]().item(), players["y"]().item()  # half-way from (1, 0) to where two steps lead, (3/4, 1)
        (0.875, 0.5)
    """

    dynamics: Dynamics = Alternating()
    every: int = 5
    alpha: float = 0.5

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"every must be at least 1 step, not {self.every}")
        if not 0 < self.alpha <= 1:
            raise ValueError(f"alpha must be in (0, 1], not {self.alpha:g}")

    def init(self, game: Game, players: Players) -> State:
        within = self.dynamics.init(game, players)  # first, because it may move weights to where they are allowed
        slow = [w.detach().clone() for w in _everybodys(game, players)]
        return outside(within) | {"slow": slow, "steps": 0}

    def step(self, game: Game, players: Players, state: State, draw: Draw, engine: Engine) -> tuple[State, Result]:
        within, result = self.dynamics.step(game, players, inside(state), draw, engine)
        steps, slow = state["steps"] + 1, state["slow"]
        if steps % self.every == 0:
            slow = _met(_everybodys(game, players), slow, self.alpha)
        return state | outside(within) | {"slow": slow, "steps": steps}, result


def _everybodys(game: Game, players: Players) -> list[Tensor]:
    """All parameters that are trained, those that players share once."""
    return list({id(p): p for mine in trainable(players, game.players).values() for p in mine}.values())


@torch.no_grad()
def _met(fast: list[Tensor], slow: list[Tensor], alpha: float) -> list[Tensor]:
    there = torch._foreach_lerp(beside(fast, slow), fast, alpha)
    torch._foreach_copy_(fast, there)
    return list(there)
