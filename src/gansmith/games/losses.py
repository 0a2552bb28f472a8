"""What the two players of the adversarial game want, as per-sample terms of the discriminator's scores.

A loss is any object with two functions of the scores of real and generated samples, both of shape ``(n,)``::

    loss.discriminator(real, fake) -> (n,)        loss.generator(real, fake) -> (n,)

Scores are logits: the discriminator's probability of "real" is ``sigmoid(score)``. The built-in losses are frozen dataclasses;
a loss of one's own is an `Adversarial` holding two functions. Every term is computed from logits through ``softplus``, so
that it is finite with a finite gradient for every finite score.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Protocol

import torch
from torch import Tensor
from torch.nn.functional import softplus

__all__ = [
    "Adversarial",
    "Hinge",
    "LeastSquares",
    "Loss",
    "Minimax",
    "NonSaturating",
    "RelativisticAverage",
    "RelativisticPaired",
    "Wasserstein",
]

Mean = Callable[[Tensor], Tensor]


class Loss(Protocol):
    """Two functions of the scores; `relative` says that the generator's reads the real scores, `batchwise` that both
    take a third argument, the mean over the whole batch.
    """

    @property
    def relative(self) -> bool: ...
    @property
    def batchwise(self) -> bool: ...
    @property
    def discriminator(self) -> Callable[..., Tensor]: ...
    @property
    def generator(self) -> Callable[..., Tensor]: ...


@dataclass(frozen=True)
class Adversarial:
    """A loss of one's own, from two functions.

    Args:
        discriminator: ``(real, fake) -> (n,)``, what the discriminator makes small.
        generator: ``(real, fake) -> (n,)``, what the generator makes small.
        batchwise: both functions take a third argument, the mean over the whole batch.

    Example:
        >>> least_squares = Adversarial(
        ...     discriminator=lambda real, fake: (real - 1).square() + fake.square(),
        ...     generator=lambda real, fake: (fake - 1).square(),
        ... )
        >>> least_squares.generator(None, torch.tensor([0.0, 1.0]))
        tensor([1., 0.])
        >>> least_squares.relative
        False
    """

    discriminator: Callable[..., Tensor]
    generator: Callable[..., Tensor]
    batchwise: bool = False

    @cached_property
    def relative(self) -> bool:
        """Whether the generator's function reads the real scores, found out by differentiating it."""
        real = torch.tensor([0.3, -0.7], requires_grad=True)
        fake = torch.tensor([-0.2, 0.5], requires_grad=True)
        arguments = (real, fake, torch.mean) if self.batchwise else (real, fake)
        with torch.enable_grad():
            cost = self.generator(*arguments).sum()
        if not cost.requires_grad:
            raise ValueError("the loss's generator function depends on neither score: it has no gradient to follow")
        return torch.autograd.grad(cost, [real], allow_unused=True)[0] is not None


class _Absolute:
    """The generator's term reads the generated samples' scores only."""

    relative: ClassVar[bool] = False
    batchwise: ClassVar[bool] = False


def _cross_entropy(score: Tensor, target: float) -> Tensor:
    """−t·log σ(s) − (1−t)·log(1−σ(s)), from the logit."""
    return softplus(score) - target * score


@dataclass(frozen=True, kw_only=True)
class Minimax(_Absolute):
    """The zero-sum game of Goodfellow et al. 2014, eq. 1: D minimises −log D(x) − log(1 − D(G(z))), G its negative.

    The generator's term is log(1 − D(G(z))): it saturates where the discriminator is sure, which is what the paper
    warns of below Algorithm 1.

    Args:
        real_target: the discriminator's target on real samples, in (0, 1]; 0.9 is one-sided label smoothing.

    Example:
        >>> Minimax().generator(torch.zeros(1), torch.zeros(1))  # log(1/2)
        tensor([-0.6931])
    """

    real_target: float = 1.0

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return _cross_entropy(real, self.real_target) + softplus(fake)

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return -softplus(fake)


@dataclass(frozen=True, kw_only=True)
class NonSaturating(_Absolute):
    """The heuristic game of Goodfellow et al. 2014, section 3: D as in `Minimax`, G minimises −log D(G(z)).

    Args:
        real_target: the discriminator's target on real samples, in (0, 1]; 0.9 is one-sided label smoothing
            (Salimans et al. 2016, section 3.4).

    Example:
        >>> NonSaturating().generator(torch.zeros(1), torch.zeros(1))
        tensor([0.6931])
    """

    real_target: float = 1.0

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return _cross_entropy(real, self.real_target) + softplus(fake)

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return softplus(-fake)


@dataclass(frozen=True, kw_only=True)
class LeastSquares(_Absolute):
    """Least squares (Mao et al. 2017, eq. 9 with a=0, b=c=1, without the halves): (D(x)−1)² + D(G(z))², (D(G(z))−1)²."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return (real - 1).square() + fake.square()

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return (fake - 1).square()


@dataclass(frozen=True, kw_only=True)
class Hinge(_Absolute):
    """The hinge game (Lim and Ye 2017; Miyato et al. 2018, eqs. 16 and 17): max(0, 1−D(x)) + max(0, 1+D(G(z))), −D(G(z))."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return (1 - real).relu() + (1 + fake).relu()

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return -fake


@dataclass(frozen=True, kw_only=True)
class Wasserstein(_Absolute):
    """The critic's game (Arjovsky et al. 2017, eq. 2): D(G(z)) − D(x), −D(G(z)); it needs a penalty or a clip on D."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return fake - real

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return -fake


@dataclass(frozen=True, kw_only=True)
class RelativisticPaired:
    """The paired relativistic game (Jolicoeur-Martineau 2018, eqs. 3 and 4; Huang et al. 2024 for its convergence).

    With softplus f: D minimises f(−(D(x) − D(G(z)))), G minimises f(−(D(G(z)) − D(x))). Use it with `R1` and `R2`
    together, at every step; either alone, or every few steps, does not converge.

    Example:
        >>> RelativisticPaired().discriminator(torch.tensor([2.0]), torch.tensor([2.0]))
        tensor([0.6931])
    """

    relative: ClassVar[bool] = True
    batchwise: ClassVar[bool] = False

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(fake - real)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(real - fake)


@dataclass(frozen=True, kw_only=True)
class RelativisticAverage:
    """The average relativistic game (Jolicoeur-Martineau 2018, eqs. 7 and 8): each score against the other side's mean.

    With r̄, f̄ the means over the batch: D minimises f(−(r − f̄)) + f(f − r̄), G minimises f(−(f − r̄)) + f(r − f̄).
    """

    relative: ClassVar[bool] = True
    batchwise: ClassVar[bool] = True

    def discriminator(self, real: Tensor, fake: Tensor, mean: Mean = torch.mean) -> Tensor:
        return softplus(mean(fake) - real) + softplus(fake - mean(real))

    def generator(self, real: Tensor, fake: Tensor, mean: Mean = torch.mean) -> Tensor:
        return softplus(mean(real) - fake) + softplus(real - mean(fake))
