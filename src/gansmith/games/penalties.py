"""Terms that a player adds to its cost: here, bounds on the discriminator's slope.

A penalty is any object with a `name`, the points whose input gradient it reads (`at`), and a call
``(critic, round) -> (n,)`` that returns per-sample terms. One that reads scores only, and no slope, may say so with
``slope = False``: networks can then be compiled. One that remembers something between steps has ``init`` and
``remember`` besides, and finds it in ``round.memory``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from torch import Tensor

from gansmith.games.critic import Critic, input_gradient
from gansmith.types import Outcome, Round, State, widened

__all__ = ["DRAGAN", "R1", "R2", "WGANGP", "Penalty", "Remembering", "check_weight", "squared_norm"]

PIXELS = 2048
"""Pixels per unit of γ. Huang et al. (2024) begin CIFAR-10 with γ = 0.05 and FFHQ at 256 px with γ = 150, which are
20,480 and 437 of them."""


class Penalty(Protocol):
    """A term of the discriminator's cost, called as ``penalty(critic, round) -> (n,)``."""

    @property
    def name(self) -> str: ...
    @property
    def at(self) -> frozenset[str]: ...
    def __call__(self, critic: Critic, round: Round) -> Tensor: ...


@runtime_checkable
class Remembering(Penalty, Protocol):
    """A penalty with a memory of its own, which the game keeps under the penalty's name and checkpoints hold."""

    def init(self) -> State:
        """What it remembers before the first step."""
        ...

    def remember(self, memory: State, outcome: Outcome) -> State:
        """What it remembers after a move of the discriminator that really happened; the outcome is detached."""
        ...


def squared_norm(gradient: Tensor) -> Tensor:
    """‖g_i‖² for each sample: ``(n, ...) -> (n,)``, summed in at least single precision."""
    return widened(gradient).flatten(1).square().sum(1)


def check_weight(name: str, weight: float) -> None:
    """Refuse what is no weight of a penalty."""
    if not 0 <= weight < float("inf"):
        raise ValueError(f"{name} is {weight}; a penalty's weight must be a number that is not negative")


class _Slope:
    """γ/2 times the squared slope at a named point."""

    gamma: float | None

    def __post_init__(self) -> None:
        if self.gamma is not None:
            check_weight("gamma", self.gamma)

    def weight_for(self, shape: Sequence[int]) -> float:
        """The weight γ for samples of this shape: as given, else by resolution."""
        if self.gamma is not None:
            return self.gamma
        return shape[-1] * shape[-2] / PIXELS if len(shape) == 3 else 1.0

    def _term(self, gradient: Tensor) -> Tensor:
        return 0.5 * self.weight_for(gradient.shape[1:]) * squared_norm(gradient)


@dataclass(frozen=True, kw_only=True)
class R1(_Slope):
    """γ/2·‖∇D(x)‖² on real samples (Mescheder et al. 2018, eq. 9).

    Args:
        gamma: the weight γ ≥ 0; None chooses by resolution, pixels/2048 for images (2 at 64 px) and 1 for vectors. A
            slope is felt over a distance, and the square of that between images grows with their number of pixels.

    Raises:
        ValueError: γ is negative.

    Example:
        >>> R1().weight_for((3, 64, 64)), R1(gamma=10.0).weight_for((3, 64, 64))
        (2.0, 10.0)
    """

    gamma: float | None = None
    name: ClassVar[str] = "r1"
    at: ClassVar[frozenset[str]] = frozenset({"real"})

    def __call__(self, critic: Critic, round: Round) -> Tensor:
        return self._term(critic.gradient("real"))


@dataclass(frozen=True, kw_only=True)
class R2(_Slope):
    """γ/2·‖∇D(G(z))‖² on generated samples (Mescheder et al. 2018, eq. 10).

    Args:
        gamma: the weight γ ≥ 0; None as in `R1`.

    Raises:
        ValueError: γ is negative.

    Example:
        >>> import torch
        >>> points = {"real": torch.zeros(3, 1), "fake": torch.ones(3, 1)}
        >>> critic = Critic(torch.nn.Linear(1, 1, bias=False), points, differentiable=["fake"])
        >>> _ = torch.nn.init.constant_(critic.module.weight, 3.0)
        >>> R2(gamma=1.0)(critic, Round(points)).tolist()  # half of 3² at every sample
        [4.5, 4.5, 4.5]
    """

    gamma: float | None = None
    name: ClassVar[str] = "r2"
    at: ClassVar[frozenset[str]] = frozenset({"fake"})

    def __call__(self, critic: Critic, round: Round) -> Tensor:
        return self._term(critic.gradient("fake"))


@dataclass(frozen=True, kw_only=True)
class WGANGP:
    """λ·(‖∇D(x̂)‖ − 1)² at x̂ = εx + (1−ε)G(z), ε uniform per sample (Gulrajani et al. 2017, eq. 3).

    Args:
        weight: λ ≥ 0.
        target: the slope to which the gradient's norm is pulled; 0 gives the zero-centred variant.

    Raises:
        ValueError: λ is negative.

    Example:
        >>> import torch
        >>> points = {"real": torch.zeros(2, 1), "fake": torch.ones(2, 1)}
        >>> critic = Critic(torch.nn.Linear(1, 1, bias=False), points)
        >>> _ = torch.nn.init.constant_(critic.module.weight, 3.0)
        >>> WGANGP(weight=10.0)(critic, Round(points)).tolist()  # 10·(3 − 1)²
        [40.0, 40.0]
    """

    weight: float = 10.0
    target: float = 1.0
    name: ClassVar[str] = "wgan_gp"
    at: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        check_weight("weight", self.weight)

    def __call__(self, critic: Critic, round: Round) -> Tensor:
        real, fake = critic.points["real"], critic.points["fake"]
        epsilon = round.uniform(self.name, *([1] * (real.dim() - 1))).to(real.dtype)
        mixed = epsilon * real + (1 - epsilon) * fake
        return self.weight * (_slope(critic, mixed) - self.target).square()


@dataclass(frozen=True, kw_only=True)
class DRAGAN:
    """λ·(‖∇D(x + δ)‖ − k)² around real samples, δ normal noise (Kodali et al. 2017).

    Args:
        weight: λ ≥ 0.
        target: k, the slope to which the gradient's norm is pulled.
        std: the standard deviation of δ, ≥ 0, in the data's units; half of the data's own is the usual size.

    Raises:
        ValueError: λ or the standard deviation is negative.

    Example:
        >>> import torch
        >>> points = {"real": torch.zeros(2, 1), "fake": torch.ones(2, 1)}
        >>> critic = Critic(torch.nn.Linear(1, 1, bias=False), points)
        >>> _ = torch.nn.init.constant_(critic.module.weight, 3.0)
        >>> DRAGAN(weight=10.0)(critic, Round(points)).tolist()  # 10·(3 − 1)², the same slope everywhere
        [40.0, 40.0]
    """

    weight: float = 10.0
    target: float = 1.0
    std: float = 0.25
    name: ClassVar[str] = "dragan"
    at: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        check_weight("weight", self.weight)
        check_weight("std", self.std)

    def __call__(self, critic: Critic, round: Round) -> Tensor:
        real = critic.points["real"]
        around = real + self.std * round.normal(self.name, *real.shape[1:]).to(real.dtype)
        return self.weight * (_slope(critic, around) - self.target).square()


def _slope(critic: Critic, x: Tensor) -> Tensor:
    """‖∇D‖ at points `x` that were made from the real ones, which lend them their labels."""
    if not x.requires_grad:
        x.requires_grad_()
    # The square root has no slope at 0, which is where a critic that is flat puts it.
    return (squared_norm(input_gradient(critic(x, like="real"), x)) + 1e-12).sqrt()
