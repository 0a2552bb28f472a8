"""What the two players of the adversarial game want, as per-sample terms of the discriminator's scores.

The built-in losses are frozen dataclasses with the two functions that `gansmith.games.loss` asks for. Terms are
computed from logits, never from probabilities, so that they and their gradients are finite wherever the exact values
fit the dtype, and nowhere NaN. Beyond, `MaximumLikelihood`, which grows exponentially, says where it is held; the
others are infinite there, `LeastSquares` from scores of 1.8·10¹⁹ on in float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from gansmith.games.loss import Mean
from gansmith.games.stable import held_exp, softplus

__all__ = [
    "Hinge",
    "LeastSquares",
    "MaximumLikelihood",
    "Minimax",
    "NonSaturating",
    "RelativisticAverage",
    "RelativisticPaired",
    "Wasserstein",
]


class _Absolute:
    """The generator's term reads the generated samples' scores only."""

    relative: ClassVar[bool] = False
    batchwise: ClassVar[bool] = False


@dataclass(frozen=True, kw_only=True)
class _CrossEntropy(_Absolute):
    """The discriminator classifies with targets α and β: it pays −α·log D(x) − (1−α)·log(1 − D(x)), and so for G(z)."""

    real_target: float = 1.0
    fake_target: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.real_target <= 1:
            raise ValueError(f"real_target is {self.real_target}; it must be in (0, 1], and 1 means no smoothing")
        if not 0 <= self.fake_target < self.real_target:
            raise ValueError(
                f"fake_target is {self.fake_target}; it must be at least 0, which means no smoothing, and below "
                f"real_target, which is {self.real_target}"
            )

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        # −t·log σ(s) − (1−t)·log(1−σ(s)) = softplus(−s) + (1−t)·s = softplus(s) − t·s, of which each form cancels
        # nothing where its target is at its end and s is large.
        terms = softplus(-real) + softplus(fake)
        if self.real_target < 1:
            terms = terms + (1 - self.real_target) * real
        return terms - self.fake_target * fake if self.fake_target else terms


@dataclass(frozen=True, kw_only=True)
class Minimax(_CrossEntropy):
    """The zero-sum game of Goodfellow et al. 2014, eq. 1: D minimises −log D(x) − log(1 − D(G(z))), G its negative.

    The generator's term is log(1 − D(G(z))), which is all of that negative that depends on G. It saturates where the
    discriminator is sure, which is what the paper warns of below Algorithm 1.

    Args:
        real_target: the discriminator's target on real samples, in (0, 1]; 0.9 is one-sided label smoothing.
        fake_target: its target on generated samples, from 0 to below `real_target`. Above 0 the smoothing is two-sided:
            the optimum D* = (α·p + β·q)/(p + q) has the generator's density in its numerator (Goodfellow 2016,
            section 4.2), so that generated samples far from the data are held where they are.

    Raises:
        ValueError: a target is outside its range.

    Example:
        >>> Minimax().generator(torch.zeros(1), torch.zeros(1))  # log(1/2)
        tensor([-0.6931])
    """

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return -softplus(fake)


@dataclass(frozen=True, kw_only=True)
class NonSaturating(_CrossEntropy):
    """The heuristic game of Goodfellow et al. 2014, section 3: D as in `Minimax`, G minimises −log D(G(z)).

    Args:
        real_target: the discriminator's target on real samples, in (0, 1]; 0.9 is one-sided label smoothing
            (Salimans et al. 2016, section 3.4).
        fake_target: its target on generated samples, from 0 to below `real_target`; 0 leaves the smoothing one-sided.

    Raises:
        ValueError: a target is outside its range.

    Example:
        >>> NonSaturating().generator(torch.zeros(1), torch.zeros(1))
        tensor([0.6931])
    """

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return softplus(-fake)


@dataclass(frozen=True, kw_only=True)
class MaximumLikelihood(_CrossEntropy):
    """The game whose generator descends KL(p‖q) (Goodfellow 2016, section 3.2.4): D as in `Minimax`, G −exp(σ⁻¹(D)).

    With the score s = σ⁻¹(D(G(z))) the generator's term is −eˢ = −D/(1 − D), which at the optimal D is −p/q. Its
    gradient comes from the few samples of highest score. Where −eˢ would leave the dtype, from s = 88.7 on in float32
    and s = 709.7 in float64, the term is held at the dtype's lowest number, with slope 0.

    Args:
        real_target: the discriminator's target on real samples, in (0, 1]; 0.9 is one-sided label smoothing.
        fake_target: its target on generated samples, from 0 to below `real_target`; 0 leaves the smoothing one-sided.

    Raises:
        ValueError: a target is outside its range.

    Example:
        >>> MaximumLikelihood().generator(None, torch.tensor([0.0, 1e4]))
        tensor([-1.0000e+00, -3.4028e+38])
    """

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return -held_exp(fake)


@dataclass(frozen=True, kw_only=True)
class LeastSquares(_Absolute):
    """Least squares (Mao et al. 2017, eq. 9, without the halves): D minimises (D(x)−1)² + D(G(z))², G (D(G(z))−1)².

    Example:
        >>> LeastSquares().discriminator(torch.tensor([3.0]), torch.tensor([2.0]))
        tensor([8.])
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return (real - 1).square() + fake.square()

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return (fake - 1).square()


@dataclass(frozen=True, kw_only=True)
class Hinge(_Absolute):
    """The hinge game: D minimises max(0, 1−D(x)) + max(0, 1+D(G(z))), G minimises −D(G(z)).

    From Lim and Ye 2017, and Miyato et al. 2018, eqs. 16 and 17.

    Example:
        >>> Hinge().discriminator(torch.tensor([0.5]), torch.tensor([-2.0]))
        tensor([0.5000])
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return (1 - real).relu() + (1 + fake).relu()

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return -fake


@dataclass(frozen=True, kw_only=True)
class Wasserstein(_Absolute):
    """The critic's game (Arjovsky et al. 2017, eq. 2): D minimises D(G(z)) − D(x), G minimises −D(G(z)).

    Nothing in it bounds D: it needs a penalty such as `WGANGP`.

    Example:
        >>> Wasserstein().discriminator(torch.tensor([3.0]), torch.tensor([2.0]))
        tensor([-1.])
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return fake - real

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return -fake


@dataclass(frozen=True, kw_only=True)
class RelativisticPaired:
    """The paired relativistic game (Jolicoeur-Martineau 2018): each real score against one generated score.

    With f = softplus: D minimises f(−(D(x) − D(G(z)))), G minimises f(−(D(G(z)) − D(x))). Use it with `R1` and `R2`
    together, at every step: Huang et al. 2024 find that R1 alone, or penalties at every few steps only, fail.

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
    """The average relativistic game (Jolicoeur-Martineau 2018): each score against the other side's mean.

    With r, s the real and the generated scores, r̄, s̄ their means over the whole batch and f = softplus: D minimises
    f(s̄ − r) + f(s − r̄), G minimises f(r̄ − s) + f(r − s̄).

    Example:
        >>> RelativisticAverage().discriminator(torch.tensor([1.0, 1.0]), torch.tensor([1.0, 1.0]))  # 2 log 2
        tensor([1.3863, 1.3863])
    """

    relative: ClassVar[bool] = True
    batchwise: ClassVar[bool] = True

    def discriminator(self, real: Tensor, fake: Tensor, mean: Mean = torch.mean) -> Tensor:
        return softplus(mean(fake) - real) + softplus(fake - mean(real))

    def generator(self, real: Tensor, fake: Tensor, mean: Mean = torch.mean) -> Tensor:
        return softplus(mean(real) - fake) + softplus(real - mean(fake))
