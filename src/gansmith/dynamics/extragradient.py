"""Every player first steps to where it would be, and then moves from where it is by the gradient found there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from gansmith.dynamics.descent import Descent
from gansmith.dynamics.field import beside, field, live, trainable
from gansmith.types import Costs, Draw, Engine, Game, Outcome, Players, Result, State

__all__ = ["Extragradient"]

Gradients = Mapping[str, Sequence[Tensor]]


@dataclass(frozen=True, kw_only=True)
class Extragradient(Descent):
    """The extragradient method (Korpelevich 1976; Gidel et al. 2019, algorithms 2 to 4).

    w½ = w − h·F(w), then w ← w − h·F(w½), for all players together. With another optimiser than SGD both steps are that
    optimiser's, and both teach it its moments, as in ExtraAdam. With `past`, the first step goes along the gradient of
    the step before, −h·F(w½ of then), which saves an evaluation (Popov 1980).

    On V(x, y) = xy a step shrinks the norm by √(1 − h² + h⁴). Costs and signals, and what the game and the players'
    buffers remember, are those where the players are; from the past, those at w½, for there is no other evaluation.

    The optimisers, their rates and their schedule are those of `Descent`.

    Args:
        past: extrapolate along the gradient of the step before.
        share: find both gradients on one round (Mishchenko et al. 2020); otherwise each has a fresh one, as published.

    Example:
        >>> from gansmith.dynamics import SGD, play
        >>> from gansmith.games import bilinear
        >>> from gansmith.networks import Point
        >>> players = {"x": Point(1.0), "y": Point(0.0)}
        >>> state = play(bilinear(), Extragradient(optimizer=SGD(lr=0.5)), players, steps=1)
        >>> players["x"]().item(), players["y"]().item()  # (1 − h², h)
        (0.75, 0.5)
    """

    past: bool = False
    share: bool = False

    def init(self, game: Game, players: Players) -> State:
        state = super().init(game, players)
        if not self.past:
            return state
        return state | {"past": {p: [torch.zeros_like(w) for w in trainable(players, [p])[p]] for p in game.players}}

    def step(self, game: Game, players: Players, state: State, draw: Draw, engine: Engine) -> tuple[State, Result]:
        with live(players, game.players):
            extrapolate = self._from_the_past if self.past else self._from_here
            gradients, costs, outcome = extrapolate(game, players, state, draw, engine)
        # Some optimisers write into the gradients that they are given.
        past = {p: [g.clone() for g in gradients[p]] for p in game.players} if self.past else {}
        self._move(game, state, gradients)
        return self._ended(game, state | ({"past": past} if self.past else {}), costs, outcome)

    def _from_here(
        self, game: Game, players: Players, state: State, draw: Draw, engine: Engine
    ) -> tuple[Gradients, Costs, Outcome]:
        first = draw(0).recall(state["memory"])
        here, costs, outcome = field(game, players, first, engine, game.players)
        second = first if self.share else draw(1).recall(state["memory"])
        with returning(players, game.players), engine.hypothetical(players):
            self._move(game, state, here)
            ahead, _, _ = field(game, players, second, engine, game.players)
        return ahead, costs, outcome

    def _from_the_past(
        self, game: Game, players: Players, state: State, draw: Draw, engine: Engine
    ) -> tuple[Gradients, Costs, Outcome]:
        past = {p: beside(trainable(players, [p])[p], state["past"][p]) for p in game.players}
        with returning(players, game.players):
            self._move(game, state, past)
            return field(game, players, draw(0).recall(state["memory"]), engine, game.players)


@contextmanager
def returning(players: Players, names: Sequence[str]) -> Iterator[None]:
    """Moves made inside are taken back: the named players' parameters are afterwards what they were, to the last bit.

    Example:
        >>> player = torch.nn.Linear(1, 1, bias=False)
        >>> before = player.weight.item()
        >>> with returning({"one": player}, ["one"]):
        ...     _ = torch.nn.init.constant_(player.weight, before + 1)
        >>> player.weight.item() == before
        True
    """
    parameters = [p for mine in trainable(players, names).values() for p in mine]
    before = [p.detach().clone() for p in parameters]
    try:
        yield
    finally:
        with torch.no_grad():
            for parameter, value in zip(parameters, before, strict=True):
                parameter.copy_(value)
