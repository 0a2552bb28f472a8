"""The players move as they like, and the average of where they have been is kept beside them."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gansmith.dynamics.alternating import Alternating
from gansmith.dynamics.field import beside, trainable
from gansmith.dynamics.wrapping import inside, outside
from gansmith.types import Draw, Dynamics, Engine, Game, Players, Result, State

__all__ = ["Averaged", "averaged"]


@dataclass(frozen=True, kw_only=True)
class Averaged:
    """The average of the iterates of any dynamics (Bruck 1977; for GANs, Yazıcı et al. 2019).

    Uniform, w̄ₜ = (w₁ + … + wₜ) / t: where the players circle an equilibrium, it goes there like 1/t. Exponential,
    w̄ₜ = β·w̄ₜ₋₁ + (1 − β)·wₜ from w̄₀ = w₀, forgets the beginning. The players themselves move as without it; `averaged`
    gives copies of them that stand at the average.

    Args:
        dynamics: how the players move.
        decay: β in [0, 1) for the exponential average; none for the uniform one.
        start: steps that are made before the average begins, ≥ 0; until then it is where the players are.

    Raises:
        ValueError: a value is outside its range.

    Example:
        >>> from gansmith.dynamics import SGD, Simultaneous, play
        >>> from gansmith.games import bilinear
        >>> from gansmith.networks import Point
        >>> players, inner = {"x": Point(1.0), "y": Point(0.0)}, Simultaneous(optimizer=SGD(lr=0.5))
        >>> state = play(bilinear(), Averaged(dynamics=inner), players, steps=2)
        >>> [point().item() for point in averaged(players, state).values()]  # of (1, 1/2) and (3/4, 1)
        [0.875, 0.75]
    """

    dynamics: Dynamics = Alternating()
    decay: float | None = None
    start: int = 0

    def __post_init__(self) -> None:
        if self.decay is not None and not 0 <= self.decay < 1:
            raise ValueError(f"decay must be in [0, 1), or none for the uniform average, not {self.decay:g}")
        if self.start < 0:
            raise ValueError(f"start must be at least 0, not {self.start}")

    def init(self, game: Game, players: Players) -> State:
        within = self.dynamics.init(game, players)  # first, because it may move weights to where they are allowed
        average = {name: [w.detach().clone() for w in mine] for name, mine in trainable(players, game.players).items()}
        return outside(within) | {"average": average, "steps": 0}

    def step(self, game: Game, players: Players, state: State, draw: Draw, engine: Engine) -> tuple[State, Result]:
        within, result = self.dynamics.step(game, players, inside(state), draw, engine)
        steps = state["steps"] + 1
        counted = steps - self.start
        weight = 1.0 if counted <= 0 else 1 / counted if self.decay is None else 1 - self.decay
        average = {
            name: _followed(beside(mine, state["average"][name]), mine, weight)
            for name, mine in trainable(players, game.players).items()
        }
        return state | outside(within) | {"average": average, "steps": steps}, result


def averaged(players: Players, state: State) -> dict[str, nn.Module]:
    """Copies of the players that stand at the average; buffers are as they are now.

    Args:
        players: the networks, which are left as they are.
        state: of an `Averaged`, or of a dynamics around one.

    Raises:
        ValueError: the state holds no average, or one of other parameters.

    Example:
        >>> player = torch.nn.Linear(1, 1, bias=False)
        >>> copies = averaged({"one": player}, {"average": {"one": [torch.full((1, 1), 7.0)]}})
        >>> copies["one"].weight.item(), player.weight.item() == 7.0
        (7.0, False)
    """
    while "average" not in state and "inner" in state:
        state = state["inner"]
    if "average" not in state:
        raise ValueError("the state holds no average; let Averaged(dynamics=...) play")
    copies = copy.deepcopy(dict(players))
    with torch.no_grad():
        for name, values in state["average"].items():
            mine = trainable(copies, [name])[name]
            for parameter, value in zip(mine, beside(mine, values), strict=True):
                parameter.copy_(value)
    return copies


@torch.no_grad()
def _followed(average: list[Tensor], now: list[Tensor], weight: float) -> list[Tensor]:
    return list(torch._foreach_lerp(average, now, weight))
