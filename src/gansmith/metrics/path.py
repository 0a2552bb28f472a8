"""Path length: how much the images change for a small step in the latent space."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from gansmith.metrics.estimate import Estimate
from gansmith.types import key_seed

__all__ = ["path_length", "spherical"]

DRAW = 250

Between = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Latents (n, d), other latents (n, d) and t (n, 1), 0 at the first and 1 at the others, to latents (n, d)."""


def spherical(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """The point on the arc from a to b: sin((1 − t)·Ω)/sin Ω · a + sin(t·Ω)/sin Ω · b, with Ω the angle between them.

    Where they lie on one line there is no arc, and the point is on the chord.

    Args:
        a: (n, d).
        b: (n, d).
        t: (n, 1), any numbers.

    From Shoemake 1985.

    Example:
        >>> spherical(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]), torch.tensor([[0.5]]))
        tensor([[0.7071, 0.7071]])
    """
    angle = torch.nn.functional.cosine_similarity(a, b, dim=1).clamp(-1, 1).acos()[:, None]
    flat = (angle < 1e-4) | (angle > math.pi - 1e-4)
    safe = torch.where(flat, 1.0, angle)
    first = torch.where(flat, 1 - t, ((1 - t) * safe).sin() / safe.sin())
    last = torch.where(flat, t, (t * safe).sin() / safe.sin())
    return first * a + last * b


@torch.no_grad()
def path_length(
    model: Callable[[Tensor], Tensor],
    extractor: Callable[[Tensor], Tensor],
    *,
    latent: int,
    n: int = 10_000,
    epsilon: float = 1e-4,
    mapping: Callable[[Tensor], Tensor] | None = None,
    between: Between = spherical,
    batch: int = 250,
    dtype: torch.dtype = torch.float32,
    seed: int = 0,
) -> Estimate:
    """The mean squared speed of the features along paths between random latents.

        l = E[ 1/ε² · ‖φ(G(s(z₁, z₂; t))) − φ(G(s(z₁, z₂; t + ε)))‖² ],      z₁, z₂ ~ N(0, I),      t ~ U(0, 1)

    It is "perceptual path length" only under the features that the paper takes. Its authors' code leaves out the
    shortest and the longest hundredth of the paths; nothing is left out here.

    Args:
        model: G, latents (n, d) to images; with classes, a function that holds the class.
        extractor: φ, images to features (n, f).
        latent: d.
        n: how many paths, at least 2.
        epsilon: ε, above 0. In single precision a much smaller one measures rounding.
        mapping: what the ends go through before the path is laid between them, for a generator with a mapping network;
            then `model` is the rest, and `between=torch.lerp` the paper's path.
        between: s, of latents, others and t.
        batch: how many images at a time; changes no result beyond rounding.
        dtype: of the model's latents.
        seed: of the ends and of t.

    Raises:
        ValueError: a value outside its range.

    From Karras, Laine and Aila 2019, "A style-based generator architecture for generative adversarial networks",
    equations 2 and 3.

    Example:
        >>> from gansmith.metrics import pixels
        >>> flat = path_length(lambda z: 3 * z.view(-1, 1, 2, 2), pixels(), latent=4, n=2000, between=torch.lerp)
        >>> abs(flat.value - 72) < 3 * flat.error  # E‖3·(z₂ − z₁)‖² = 9·2·4
        True
    """
    if n < 2 or latent < 1 or batch < 1 or not epsilon > 0:
        raise ValueError(
            f"n={n}, latent={latent}, batch={batch}, epsilon={epsilon}: "
            "an estimate needs 2 paths, and the others are above 0"
        )
    found = []
    for block, start in enumerate(range(0, n, DRAW)):
        generator = torch.Generator().manual_seed(key_seed("path length", seed, block))
        count = min(DRAW, n - start)
        ends = torch.randn(DRAW, 2, latent, generator=generator, dtype=torch.float64)[:count]
        t = torch.rand(DRAW, 1, generator=generator, dtype=torch.float64)[:count]
        for part, at in zip(torch.split(ends, batch), torch.split(t, batch), strict=True):
            a, b = (z if mapping is None else mapping(z.to(dtype)).double() for z in part.unbind(1))
            here, there = (extractor(model(between(a, b, s).to(dtype))).double() for s in (at, at + epsilon))
            found.append((there - here).flatten(1).square().sum(1).cpu() / epsilon**2)
    speed = torch.cat(found)
    return Estimate(speed.mean().item(), speed.std().item() / math.sqrt(n))
