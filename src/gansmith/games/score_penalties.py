"""Penalties on the discriminator's scores themselves, which cost no second derivative."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from gansmith.games.critic import Critic
from gansmith.games.penalties import check_weight
from gansmith.games.transformations import Shift, Transformation
from gansmith.types import Outcome, Round, State

__all__ = ["Consistency", "LeCam"]


@dataclass(frozen=True, kw_only=True)
class LeCam:
    """λ·(max(0, D(x) − α_F)² + max(0, α_R − D(G(z)))²), α the moving averages of the other side's mean score.

    It keeps the scores of real and generated samples from drifting apart where data are few (Tseng et al. 2021). The
    one-sided squares are those of the authors' code; ``hinged=False`` gives the paper's plain ones. The averages move
    when the discriminator has moved, are corrected for their beginning at 0, and are remembered by the game; before
    the first move there is nothing to pay.

    Args:
        weight: λ ≥ 0.
        decay: what stays of an average at a move, in [0, 1).
        hinged: pay only for scores on the far side of the average.

    Raises:
        ValueError: λ is negative or the decay outside its range; when it is called, nothing is remembered for it.

    Example:
        >>> lecam, points = LeCam(weight=1.0, hinged=False), {"real": torch.ones(2, 1), "fake": torch.zeros(2, 1)}
        >>> round = Round(points, memory={"real": torch.tensor(0.3), "fake": torch.tensor(-0.1), "moves": 10_000})
        >>> lecam(Critic(torch.nn.Flatten(0), points), round)  # (1 + 0.1)² + (0 − 0.3)²
        tensor([1.3000, 1.3000])
    """

    weight: float = 0.3
    decay: float = 0.99
    hinged: bool = True
    name: ClassVar[str] = "lecam"
    at: ClassVar[frozenset[str]] = frozenset()
    slope: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_weight("weight", self.weight)
        if not 0 <= self.decay < 1:
            raise ValueError(f"decay is {self.decay}; it must be in [0, 1)")

    def init(self) -> State:
        return {"real": torch.zeros(()), "fake": torch.zeros(()), "moves": 0}

    def __call__(self, critic: Critic, round: Round) -> Tensor:
        if "moves" not in round.memory:
            raise ValueError(
                "nothing is remembered for LeCam; play on round.recall(memory), beginning with the memory that the "
                "game's init returns, in a game that keeps its penalties' memory"
            )
        real, fake, moves = critic.scores("real"), critic.scores("fake"), round.memory["moves"]
        if not moves:
            # With a graph like that of every later step: a dynamics may look once at what depends on what.
            return 0 * (real + fake)
        share = 1 - self.decay**moves
        above: Tensor = real - round.memory["fake"] / share
        below: Tensor = round.memory["real"] / share - fake
        if self.hinged:
            above, below = above.relu(), below.relu()
        return self.weight * (above.square() + below.square())

    def remember(self, memory: State, outcome: Outcome) -> State:
        mean, kept = outcome.round.mean, self.decay
        newest = {name: mean(outcome[f"{name}_scores"]) for name in ("real", "fake")}
        return {name: kept * memory[name] + (1 - kept) * score for name, score in newest.items()} | {
            "moves": memory["moves"] + 1
        }


@dataclass(frozen=True, kw_only=True)
class Consistency:
    """λ·(D(x) − D(T(x)))² + μ·(D(G(z)) − D(T(G(z))))²: what does not change a sample should not change its score.

    With μ = 0 it is CR (Zhang et al. 2020), with both bCR (Zhao et al. 2021).

    Args:
        real: λ ≥ 0.
        fake: μ ≥ 0.
        transformation: T, which draws its noise from the round: `Shift`, `Jitter`, or any function
            ``(x, round, name) -> x'``.

    Raises:
        ValueError: a weight is negative.

    Example:
        >>> points = {"real": torch.ones(2, 1), "fake": torch.zeros(2, 1)}
        >>> twice = Consistency(real=3.0, transformation=lambda x, round, name: 2 * x)
        >>> twice(Critic(torch.nn.Flatten(0), points), Round(points)).tolist()  # 3·(1 − 2)²
        [3.0, 3.0]
    """

    real: float = 10.0
    fake: float = 0.0
    transformation: Transformation = Shift()
    name: ClassVar[str] = "consistency"
    at: ClassVar[frozenset[str]] = frozenset()
    slope: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_weight("real", self.real)
        check_weight("fake", self.fake)

    def __call__(self, critic: Critic, round: Round) -> Tensor:
        terms = torch.zeros_like(critic.scores("real"))
        for point, weight in (("real", self.real), ("fake", self.fake)):
            if weight:
                changed = self.transformation(critic.points[point], round, f"{self.name}/{point}")
                terms = terms + weight * (critic.scores(point) - critic(changed, like=point)).square()
        return terms
