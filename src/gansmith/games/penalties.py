"""Terms that a player adds to its cost: here, bounds on the discriminator's slope.

A penalty is any object with a `name`, the points whose input gradient it reads (`at`), and a call
``(critic, round) -> (n,)`` that returns per-sample terms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from torch import Tensor

from gansmith.games.critic import Critic, input_gradient
from gansmith.types import Round

__all__ = ["R1", "R2", "WGANGP", "Penalty", "squared_norm"]


class Penalty(Protocol):
    """A term of the discriminator's cost."""

    @property
    def name(self) -> str: ...
    @property
    def at(self) -> frozenset[str]: ...
    def __call__(self, critic: Critic, round: Round) -> Tensor: ...


def squared_norm(gradient: Tensor) -> Tensor:
    """‖g_i‖² for each sample: ``(n, ...) -> (n,)``, summed in at least single precision."""
    return (
        gradient.float().flatten(1).square().sum(1)
        if gradient.dtype.itemsize < 4
        else gradient.flatten(1).square().sum(1)
    )


@dataclass(frozen=True, kw_only=True)
class R1:
    """γ/2·‖∇D(x)‖² on real samples (Mescheder et al. 2018, eq. 9).

    Args:
        gamma: the weight γ ≥ 0; it grows with the resolution (Karras et al. 2020 take 0.0002·pixels/batch).
    """

    gamma: float = 1.0
    name: ClassVar[str] = "r1"
    at: ClassVar[frozenset[str]] = frozenset({"real"})

    def __call__(self, critic: Critic, round: Round) -> Tensor:
        return 0.5 * self.gamma * squared_norm(critic.gradient("real"))


@dataclass(frozen=True, kw_only=True)
class R2:
    """γ/2·‖∇D(G(z))‖² on generated samples (Mescheder et al. 2018, eq. 10).

    Args:
        gamma: the weight γ ≥ 0.
    """

    gamma: float = 1.0
    name: ClassVar[str] = "r2"
    at: ClassVar[frozenset[str]] = frozenset({"fake"})

    def __call__(self, critic: Critic, round: Round) -> Tensor:
        return 0.5 * self.gamma * squared_norm(critic.gradient("fake"))


@dataclass(frozen=True, kw_only=True)
class WGANGP:
    """λ·(‖∇D(x̂)‖ − 1)² at x̂ = εx + (1−ε)G(z), ε uniform per sample (Gulrajani et al. 2017, eq. 3).

    Args:
        weight: λ ≥ 0.
        target: the slope to which the gradient's norm is pulled; 0 gives the zero-centred variant.
    """

    weight: float = 10.0
    target: float = 1.0
    name: ClassVar[str] = "wgan_gp"
    at: ClassVar[frozenset[str]] = frozenset()

    def __call__(self, critic: Critic, round: Round) -> Tensor:
        real, fake = critic.points["real"], critic.points["fake"]
        epsilon = round.uniform(self.name, *([1] * (real.dim() - 1))).to(real.dtype)
        mixed = epsilon * real + (1 - epsilon) * fake
        if not mixed.requires_grad:
            mixed.requires_grad_()
        slope = (squared_norm(input_gradient(critic(mixed, like="real"), mixed)) + 1e-12).sqrt()
        return self.weight * (slope - self.target).square()
