"""What a loss is, and a loss of one's own.

A loss is any object with two functions of the scores of real and generated samples, both of shape ``(n,)``::

    loss.discriminator(real, fake) -> (n,)        loss.generator(real, fake) -> (n,)

Scores are logits: the discriminator's probability of "real" is ``sigmoid(score)``. A loss of one's own is an
`Adversarial` holding two functions; the built-in ones are in `gansmith.games.losses`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["Adversarial", "Loss", "Mean", "check_apart"]

Mean = Callable[[Tensor], Tensor]
"""The mean over the first dimension of the whole batch, however many share it."""


class Loss(Protocol):
    """Two functions of the scores.

    `relative` says that the generator's function reads the real scores as well, `batchwise` that both functions take a
    third argument, the mean over the whole batch.
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
        batchwise: both functions take a third argument, the mean over the whole batch. A term that reads the scores of
            other samples is only right through it: ``real.mean()`` would be the mean of what is here, which is a part
            where a batch is split or shared by several processes. `AdversarialGame` refuses such functions.

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


def check_apart(loss: Loss) -> None:
    """Check that a loss which is not `batchwise` makes each term of that sample's scores alone.

    It is found out by changing the scores of all samples but one, whose term must stay what it was.

    Raises:
        ValueError: a function mixes samples.

    Example:
        >>> check_apart(Adversarial(lambda r, f: f - r, lambda r, f: -f))
        >>> check_apart(Adversarial(lambda r, f: f - r.mean(), lambda r, f: -f))  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: the loss's discriminator function mixes samples: ...
    """
    if loss.batchwise:
        return
    real, fake = torch.tensor([0.3, -0.7, 1.9, -1.1]), torch.tensor([-0.2, 0.5, -1.6, 2.3])
    shifts = torch.tensor([1.3, 1.7, -2.9, 3.1]) * (1 - torch.eye(4))  # row i leaves sample i alone
    for player in ("discriminator", "generator"):
        function = getattr(loss, player)
        before = _probed(function, real, fake)
        after = torch.stack([_probed(function, real + shift, fake - shift) for shift in shifts]).diagonal()
        if not torch.isclose(before, after, equal_nan=True).all():
            raise ValueError(
                f"the loss's {player} function mixes samples: a term changes with the scores of other samples. "
                "Set batchwise=True and take averages through its third argument, as in "
                "lambda real, fake, mean: fake - mean(real)"
            )


def _probed(function: Callable[..., Tensor], real: Tensor, fake: Tensor) -> Tensor:
    """The terms, with the same draws at every call where the function draws any."""
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        terms = function(real, fake)
    return terms if terms.shape == real.shape else torch.zeros_like(real)  # another shape is the game's to refuse
