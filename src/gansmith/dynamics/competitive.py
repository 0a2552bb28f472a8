"""Competitive gradient descent: every player answers the others' answers, to all orders at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from gansmith.dynamics.descent import Descent
from gansmith.dynamics.field import beside
from gansmith.dynamics.jacobian import Linearisation
from gansmith.dynamics.optimizers import SGD, OptimizerFactory
from gansmith.types import Draw, Engine, Game, Players, Result, State

__all__ = ["Competitive", "conjugate_gradients"]

Product = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Competitive(Descent):
    """w ← w − h(I + hJₒ)⁻¹F, Jₒ being J without its diagonal blocks (Schäfer and Anandkumar 2019, algorithm 1).

    Each step is the equilibrium of a local game in which everybody's cost is bilinear and moving costs ‖Δ‖²/2h. With
    more than two players it is that of the polymatrix game (Ma et al. 2021); one player descends its gradient. Where
    the players' step sizes differ, h is the diagonal matrix of theirs. On V(x, y) = xy the norm shrinks by 1/√(1+h²) a
    step, for every h > 0.

    The linear system is solved densely in a small game, else by conjugate gradients on its normal equations, which
    need no more than that it has one solution; they begin from a multiple of the last step's. The local game says
    how far everybody moves, so the optimiser is plain `SGD`, whose learning rate is h; rates and schedule are those of
    `Descent`. With `decay` it is adaptive (ACGD; Schäfer et al. 2020, algorithm 1): each parameter's h is divided by
    √v̂ + ε, v̂ being the mean of its squared gradients so far, corrected for its beginning at 0.

    Args:
        decay: what stays of v at a step, in [0, 1); none for steps that do not adapt.
        eps: ε, > 0.
        tolerance: the iterations end when the residual's norm is this part of the field's, > 0.
        iterations: how many at most, ≥ 1; the signals ``solve_residual`` and ``solve_iterations`` say how it went.
        dense: the most parameters, of all players together, for which the system is solved densely; 0 for never.

    Raises:
        ValueError: a value is outside its range; when it begins, `rates` names somebody who does not play, or the
            optimiser is another one; during a step, a dense system has no unique solution.

    Example:
        >>> from gansmith.dynamics import SGD, play
        >>> from gansmith.games import bilinear
        >>> from gansmith.networks import Point
        >>> players = {"x": Point(1.0), "y": Point(0.0)}
        >>> state = play(bilinear(), Competitive(optimizer=SGD(lr=0.5)), players, steps=1)
        >>> round(players["x"]().item(), 9), round(players["y"]().item(), 9)  # (1, h)/(1 + h²)
        (0.8, 0.4)
    """

    optimizer: OptimizerFactory = SGD()
    decay: float | None = None
    eps: float = 1e-5
    tolerance: float = 1e-6
    iterations: int = 100
    dense: int = 64

    def __post_init__(self) -> None:
        if self.decay is not None and not 0 <= self.decay < 1:
            raise ValueError(f"decay must be in [0, 1), or none for steps that do not adapt, not {self.decay:g}")
        for name, value in (("eps", self.eps), ("tolerance", self.tolerance)):
            if not 0 < value < math.inf:
                raise ValueError(f"{name} must be above 0, not {value:g}")
        if self.iterations < 1 or self.dense < 0:
            raise ValueError(
                f"iterations must be at least 1 and dense at least 0, not {self.iterations} and {self.dense}"
            )

    def init(self, game: Game, players: Players) -> State:
        state = super().init(game, players)
        for player, optimizer in state["optimizers"].items():
            groups = optimizer.param_groups
            if type(optimizer) is not torch.optim.SGD or any(g["momentum"] or g["weight_decay"] for g in groups):
                raise ValueError(
                    f"the {player} has another optimiser than SGD without momentum; competitive descent computes the "
                    "whole step by itself, so use SGD(lr=...)"
                )
        owned = [p for o in state["optimizers"].values() for group in o.param_groups for p in group["params"]]
        nothing = torch.cat([torch.zeros_like(p).reshape(-1) for p in owned])
        return state | {"solution": nothing} | ({} if self.decay is None else {"squares": nothing.clone()})

    def step(self, game: Game, players: Players, state: State, draw: Draw, engine: Engine) -> tuple[State, Result]:
        at = Linearisation(game, players, draw(0).recall(state["memory"]), engine)
        h = self._rates(game, state)
        scale, kept = self._scale(at.flat(at.field), state)
        solution, residual, count = self._solve(at, h * scale, *beside([h], [state["solution"]]))
        self._move(game, state, at.shaped(scale * solution))
        how = {"solve_residual": residual, "solve_iterations": count}
        return self._ended(game, state | kept | {"solution": solution}, at.costs, at.outcome, **how)

    def _rates(self, game: Game, state: State) -> Tensor:
        """The learning rate of each parameter."""
        factor = self.schedule(state["steps"])
        groups = [group for player in game.players for group in state["optimizers"][player].param_groups]
        rates = [torch.full_like(p, group["base_lr"] * factor) for group in groups for p in group["params"]]
        return torch.cat([rate.reshape(-1) for rate in rates])

    def _scale(self, F: Tensor, state: State) -> tuple[Tensor, State]:
        """By what each parameter's learning rate is multiplied, and what is remembered for it."""
        if self.decay is None:
            return torch.ones_like(F), {}
        (squares,) = beside([F], [state["squares"]])
        squares = torch.lerp(F.square(), squares, self.decay)
        corrected = squares / (1 - self.decay ** (state["steps"] + 1))
        return 1 / (corrected.sqrt() + self.eps), {"squares": squares}

    def _solve(self, at: Linearisation, h: Tensor, start: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Solve (I + Jₒh)x = F, from which Δ = −hx: x, its relative residual, and the iterations made."""
        F = at.flat(at.field)
        if at.size > self.dense:
            return conjugate_gradients(
                lambda x: x + at.flat(at.jvp(at.shaped(h * x), across=True)),
                lambda r: r + h * at.flat(at.vjp(at.shaped(r), across=True)),
                F,
                start,
                tolerance=self.tolerance,
                iterations=self.iterations,
            )
        system = torch.eye(len(F)).to(F) + at.matrix(across=True) * h
        solution, singular = torch.linalg.solve_ex(system, F)
        if singular:
            raise ValueError("the players' local game has no equilibrium at this learning rate; choose a smaller one")
        return solution, _part(F - system @ solution, F), F.new_zeros(())


def conjugate_gradients(
    forward: Product, transposed: Product, b: Tensor, start: Tensor, *, tolerance: float, iterations: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Solve Mx = b by conjugate gradients on MᵀMx = Mᵀb, without forming MᵀM (Hestenes and Stiefel 1952).

    Args:
        forward: x ↦ Mx.
        transposed: r ↦ Mᵀr.
        b: the right-hand side, (n,).
        start: where to begin, up to a factor, (n,).
        tolerance: the end, as a part of ‖b‖.
        iterations: the most iterations.

    Returns:
        x, the relative residual ‖b − Mx‖/‖b‖, and the number of iterations.

    Example:
        >>> M = torch.tensor([[1.0, 2.0], [-2.0, 1.0]])
        >>> x, _, _ = conjugate_gradients(
        ...     M.mv, M.T.mv, torch.tensor([5.0, 0.0]), torch.zeros(2), tolerance=1e-6, iterations=9
        ... )
        >>> x.tolist()
        [1.0, 2.0]
    """
    image = forward(start)
    # The multiple of the start that fits best: never worse than beginning from zero.
    scale = (image @ b) / (image @ image).clamp_min(torch.finfo(b.dtype).tiny)
    x, r = scale * start, b - scale * image
    s = transposed(r)
    p, gamma, made = s, s @ s, 0
    # Written so that numbers that are no numbers end the loop as well.
    while made < iterations and bool(_part(r, b) > tolerance) and bool(gamma > 0):
        q = forward(p)
        alpha = gamma / (q @ q)
        x, r = x + alpha * p, r - alpha * q
        s = transposed(r)
        gamma, last = s @ s, gamma
        p, made = s + (gamma / last) * p, made + 1
    return x, _part(r, b), b.new_tensor(float(made))


def _part(residual: Tensor, b: Tensor) -> Tensor:
    part: Tensor = residual.norm() / b.norm().clamp_min(torch.finfo(b.dtype).tiny)
    return part
