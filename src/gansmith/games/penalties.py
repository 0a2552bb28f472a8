"""Terms that a player adds to its cost: here, bounds on the discriminator's slope.

A penalty is any object with a `name`, the points whose input gradient it reads (`at`), and a call
``(critic, round) -> (n,)`` that returns per-sample terms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from torch import Tensor

from gansmith.games.critic import Critic, input_gradient
from gansmith.types import Round, widened

__all__ = ["R1", "R2", "WGANGP", "Penalty", "squared_norm"]

PIXELS = 2048
"""Pixels per unit of γ, between the settings that Huang et al. (2024) publish for 32 to 256 px."""


class Penalty(Protocol):
    """A term of the discriminator's cost, called as ``penalty(critic, round) -> (n,)``."""

    @property
    def name(self) -> str: ...
    @property
    def at(self) -> frozenset[str]: ...
    def __call__(self, critic: Critic, round: Round) -> Tensor: ...


def squared_norm(gradient: Tensor) -> Tensor:
    """‖g_i‖² for each sample: ``(n, ...) -> (n,)``, summed in at least single precision."""
    return widened(gradient).flatten(1).square().sum(1)


def _check_weight(name: str, weight: float) -> None:
    if not 0 <= weight < float("inf"):
        raise ValueError(f"{name} is {weight}; a penalty's weight must be a number that is not negative")


class _Slope:
    """γ/2 times the squared slope at a named point."""

    gamma: float | None

    def __post_init__(self) -> None:
        if self.gamma is not None:
            _check_weight("gamma", self.gamma)

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
            slope is felt over a distance, and the distance between images grows with their number of pixels.

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
        _check_weight("weight", self.weight)

    def __call__(self, critic: Critic, round: Round) -> Tensor:
        real, fake = critic.points["real"], critic.points["fake"]
        epsilon = round.uniform(self.name, *([1] * (real.dim() - 1))).to(real.dtype)
        mixed = epsilon * real + (1 - epsilon) * fake
        if not mixed.requires_grad:
            mixed.requires_grad_()
        # The square root has no slope at 0, which is where a critic that is flat puts it.
        slope = (squared_norm(input_gradient(critic(mixed, like="real"), mixed)) + 1e-12).sqrt()
        return self.weight * (slope - self.target).square()
