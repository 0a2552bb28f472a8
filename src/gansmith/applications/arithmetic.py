"""Sums and differences of latents: what one face has and another lacks, given to a third."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gansmith.latent import EDGE, Noise
from gansmith.types import key_seed

__all__ = ["around", "combined"]

SPREAD = 0.25
"""Of the noise around a combined latent, as Radford et al. have it."""


def combined(terms: Sequence[tuple[int, Tensor]]) -> Tensor:
    r"""The latent :math:`\sum_i \pm \bar z_i`, with the mean of each term's latents (Radford et al. 2016, sect. 6.3.2).

    A single latent holds more than what it is taken for; the mean of several, less of it. Three latents in each of
    three terms give a sum that is as long as a sample's latent; the more there are, the clearer the difference and the
    shorter, and so the more average, the sum.

    Args:
        terms: signs, 1 or −1, with latents (k, d) each.

    Raises:
        ValueError: there are no terms, a sign is another number, or shapes do not fit.

    Example:
        >>> men_with, men, women = torch.tensor([[1.0, 1.0]]), torch.tensor([[0.0, 1.0]]), torch.tensor([[0.0, -1.0]])
        >>> combined([(1, men_with), (-1, men), (1, women)]).tolist()
        [1.0, -1.0]
    """
    if not terms:
        raise ValueError("there is nothing to add up: give at least one term")
    shapes = {tuple(latents.shape[1:]) for _, latents in terms}
    if len(shapes) > 1 or any(latents.ndim != 2 or not len(latents) for _, latents in terms):
        raise ValueError("each term takes latents (k, d) with k at least 1 and the same d")
    if any(sign not in (1, -1) for sign, _ in terms):
        raise ValueError("a term's sign is 1 or -1")
    return torch.stack([sign * latents.mean(0) for sign, latents in terms]).sum(0)


def around(latent: Tensor, n: int, *, noise: Noise = "normal", spread: float = SPREAD, seed: int = 0) -> Tensor:
    """Latents (n, d): the given one, then it with uniform noise of ±`spread` standard deviations, as in the paper.

    Args:
        latent: (d,).
        n: how many, at least 1.
        noise: what latents are drawn from; those of uniform noise stay in its cube.
        spread: at least 0.
        seed: of the noise.

    Example:
        >>> around(torch.zeros(2), 3).abs().amax(1) <= 0.25
        tensor([True, True, True])
    """
    generator = torch.Generator().manual_seed(key_seed("around", seed))
    moved = latent + spread * (2 * torch.rand(n, len(latent), generator=generator) - 1)
    moved[0] = latent
    return moved if noise == "normal" else moved.clamp(-EDGE, EDGE)
