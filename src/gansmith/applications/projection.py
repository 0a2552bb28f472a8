"""Which latent a generator would draw a given picture from."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from gansmith.latent import EDGE, Noise
from gansmith.metrics.images import as_images

if TYPE_CHECKING:
    from gansmith.training.model import Labels, Model

__all__ = ["Projected", "project", "psnr"]

CANDIDATES, STARTS, LEVELS = 1024, 8, 3


class Projected(NamedTuple):
    """What a generator makes of given pictures.

    Args:
        latents: (n, d).
        labels: (n,) int64; None for a generator without classes.
        images: (n, c, h, w) in [-1, 1], what it draws there.
        errors: (n,) the mean squared differences of pixels in [-1, 1].
    """

    latents: Tensor
    labels: Tensor | None
    images: Tensor
    errors: Tensor


def project(
    model: Model,
    images: Tensor,
    *,
    labels: Labels | None = None,
    steps: int = 200,
    lr: float = 0.1,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Projected:
    r"""The latents at which a generator draws the given pictures most nearly (Creswell & Bharath 2019).

    .. math:: \min_{z \in Z} \sum_{s} \| A_s G(z) - A_s x \|^2 / |A_s x|

    with A_s the picture at full, half and quarter size, so that what is roughly in its place already counts. Of 1,024
    latents drawn as for samples, the eight nearest to each picture are where Adam starts, with a rate that falls to
    nothing as a cosine; the best end is taken. z is kept to where 99 % of the latents of samples lie: within a ball
    for normal noise, in the cube for uniform noise. Beyond, pictures that fit are found that the generator never draws.

    What is found differs with the seed, and a local minimum is what it may be: `errors` says how far off it is.

    Args:
        model: whose generator.
        images: (n, c, h, w), uint8 or floats in [-1, 1].
        labels: what the pictures are of, for all or one for each; with None, a generator with classes tries those of
            the latents it starts from.
        steps: of Adam, at least 0.
        lr: its learning rate, above 0.
        seed: of the latents tried first.
        progress: called with how many pictures are done, of how many.

    Raises:
        ValueError: pictures of another shape, or steps or lr out of range.

    Example:
        >>> from gansmith.training import load
        >>> model = load("digits")
        >>> found = project(model, model.sample(1, seed=3), steps=20)
        >>> found.latents.shape, found.labels.tolist() == model.labels(1, seed=3).tolist()
        (torch.Size([1, 64]), True)
    """
    if images.ndim != 4 or images.shape[1:] != model.shape:
        wanted = "×".join(map(str, model.shape))
        raise ValueError(f"images are {tuple(images.shape)}; this generator draws (n, c, h, w) of {wanted}")
    if steps < 0 or not lr > 0:
        raise ValueError(f"steps must be at least 0 and lr above 0; got steps={steps}, lr={lr}")
    given = None if labels is None else model.labels(len(images), labels=labels)
    latents, _ = model.noise(CANDIDATES, seed=seed)
    tried = model.labels(CANDIDATES, seed=seed)
    drawn = None if given is not None else model.draw(latents, tried)
    found = []
    for i, image in enumerate(as_images(images)):
        if progress is not None:
            progress(i, len(images))
        if given is not None:
            tried = given[i].expand(CANDIDATES)
        off = _unlike(model.draw(latents, tried) if drawn is None else drawn, image)
        best = off.topk(STARTS, largest=False).indices
        found.append(_descended(model, image, latents[best], None if tried is None else tried[best], steps, lr))
    if progress is not None:
        progress(len(images), len(images))
    z, errors = torch.stack([z for z, _, _ in found]), torch.stack([error for _, _, error in found])
    named = [label for _, label, _ in found if label is not None]
    y = torch.stack(named) if named else None
    return Projected(z, y, model.draw(z, y), errors)


def psnr(errors: Tensor) -> Tensor:
    """Peak signal-to-noise ratios in decibels for mean squared errors of pixels in [-1, 1]: 10·log₁₀(2²/e).

    Example:
        >>> psnr(torch.tensor([0.04])).item()
        20.0
    """
    return 10 * torch.log10(4 / errors)


def _descended(
    model: Model, image: Tensor, latents: Tensor, labels: Tensor | None, steps: int, lr: float
) -> tuple[Tensor, Tensor | None, Tensor]:
    """The best latent (d,) that is reached from several, its label () and its error ()."""
    device = model.device
    z = latents.to(device).clone().requires_grad_()
    y, x = None if labels is None else labels.to(device), image.to(device)
    adam = torch.optim.Adam([z], lr=lr)
    for step in range(steps):
        adam.param_groups[0]["lr"] = lr * (1 + math.cos(math.pi * step / steps)) / 2
        drawn = model.generator(z) if y is None else model.generator(z, y)
        [z.grad] = torch.autograd.grad(_unlike(drawn, x).sum(), [z])
        adam.step()
        with torch.no_grad():
            z.copy_(_kept(z, model.recipe.noise))
    z = z.detach().cpu()
    errors = (model.draw(z, labels) - image).square().flatten(1).mean(1)
    best = errors.argmin()
    return z[best], None if labels is None else labels[best], errors[best]


def _unlike(drawn: Tensor, image: Tensor) -> Tensor:
    """The sum over sizes of the mean squared differences between pictures (n, c, h, w) and one (c, h, w): (n,)."""
    total, off = drawn.new_zeros(len(drawn)), drawn - image
    for level in range(LEVELS):
        if level:
            if min(off.shape[2:]) < 2:
                break
            off = F.avg_pool2d(off, 2)
        total = total + off.square().flatten(1).mean(1)
    return total


def _kept(z: Tensor, noise: Noise) -> Tensor:
    """Latents (n, d), those that are where samples' latents are not brought back to the edge."""
    if noise == "uniform":
        return z.clamp(-EDGE, EDGE)
    shrunk: Tensor = z * (_radius(z.shape[1]) / z.norm(dim=1, keepdim=True).clamp(min=1e-12)).clamp(max=1)
    return shrunk


def _radius(d: int) -> float:
    """Within which 99 % of standard normal vectors lie: χ²'s quantile by Wilson & Hilferty (1931), to about 1 %."""
    return math.sqrt(d * (1 - 2 / (9 * d) + 2.326 * math.sqrt(2 / (9 * d))) ** 3)
