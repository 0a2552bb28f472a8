"""Pictures whose modes are known: ten drawn shapes, anywhere near the middle and of slightly different sizes.

What a generator makes of them is told apart by the pictures themselves: a sample belongs to the shape that it matches
best, at any place and size that the data have, and is good if little of it is left unexplained. No network judges.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Array = npt.NDArray[np.float64]

SHIFT, SIZES = 0.06, (0.26, 0.34)  # of the middle and the radius, as shares of the side
GOOD = 0.12  # the most of a drawing's ink that a good sample may leave unexplained; the data leave 0.09 at most


def _triangle(x: Array, y: Array) -> Array:
    return np.maximum(y - 0.7, np.abs(x) * 0.9 - (y + 1) * 0.5)


SHAPES: Mapping[str, Callable[[Array, Array], Array]] = {  # below 0 is ink; in units of the radius
    "ring": lambda x, y: np.abs(np.hypot(x, y) - 0.75) - 0.2,
    "plus": lambda x, y: np.maximum(np.minimum(np.abs(x), np.abs(y)) - 0.25, np.maximum(np.abs(x), np.abs(y)) - 1),
    "triangle": _triangle,
    "rows": lambda x, y: np.maximum(np.abs(np.abs(y) - 0.6) - 0.22, np.abs(x) - 1),
    "columns": lambda x, y: np.maximum(np.abs(np.abs(x) - 0.6) - 0.22, np.abs(y) - 1),
    "square": lambda x, y: np.maximum(np.abs(x), np.abs(y)) - 0.8,
    "times": lambda x, y: np.maximum(np.minimum(np.abs(x - y), np.abs(x + y)) - 0.35, np.hypot(x, y) - 1.1),
    "disc": lambda x, y: np.hypot(x, y) - 0.9,
    "funnel": lambda x, y: _triangle(x, -y),
    "frame": lambda x, y: np.abs(np.maximum(np.abs(x), np.abs(y)) - 0.75) - 0.2,
}


def drawn(shape: str, side: int, shift: tuple[float, float], radius: float) -> Array:
    """One shape as (side, side) in [0, 1], its edge a pixel wide."""
    place = (np.arange(side) + 0.5) / side - 0.5
    x, y = np.meshgrid((place - shift[0]) / radius, (place - shift[1]) / radius)
    return np.clip(0.5 - SHAPES[shape](x, y) * radius * side, 0, 1)


def shapes(n: int, *, side: int = 28, modes: int = 10, seed: int = 0) -> Any:
    """`n` pictures of the first `modes` shapes as an `ImageSet`, labelled, each shape as often."""
    from gansmith.data import from_array

    random, names = np.random.default_rng([seed, side, modes]), list(SHAPES)[:modes]
    labels = np.arange(n) % modes
    pictures = [
        drawn(names[label], side, tuple(random.uniform(-SHIFT, SHIFT, 2)), random.uniform(*SIZES)) for label in labels
    ]
    pixels = np.round(255 * np.stack(pictures)).astype(np.uint8)[..., None]
    return from_array(pixels, labels, name=f"shapes-{modes}x{side}", classes=tuple(names))


@cache
def _templates(side: int) -> Tensor:
    """Every shape at every place and size, (shapes · places, side²)."""
    steps = np.linspace(-1, 1, 7) * SHIFT
    places = list(product(steps, steps, np.linspace(*SIZES, 4)))
    every = [drawn(name, side, (x, y), radius) for name in SHAPES for x, y, radius in places]
    return torch.from_numpy(np.stack(every)).float().flatten(1)


def told_apart(images: Tensor) -> tuple[Tensor, Tensor]:
    """For images (n, 1, side, side) in [-1, 1]: the shape that each is nearest to, and whether it is a good one."""
    bank = _templates(images.shape[-1])
    ink, x = bank.square().sum(1), (images.flatten(1).float() + 1) / 2
    left = (x.square().sum(1, keepdim=True) - 2 * x @ bank.T + ink).clamp(min=0) / ink
    share, nearest = left.min(1)
    return nearest // (len(bank) // len(SHAPES)), share <= GOOD


def spots(n: int, *, side: int = 16, modes: int = 8, seed: int = 0) -> Any:
    """`n` pictures of one soft spot, at one of `modes` places on a circle, as an `ImageSet`: quickly learnt."""
    from gansmith.data import from_array

    random, labels = np.random.default_rng([seed, side, modes]), np.arange(n) % modes
    centres = _places(modes)[labels] + random.normal(0, 0.015, (n, 2))
    radius, place = random.uniform(0.09, 0.13, (n, 1, 1)), (np.arange(side) + 0.5) / side - 0.5
    x, y = place[None, None, :] - centres[:, 0, None, None], place[None, :, None] - centres[:, 1, None, None]
    pixels = np.round(255 * np.exp(-(x**2 + y**2) / (2 * radius**2))).astype(np.uint8)[..., None]
    return from_array(pixels, labels, name=f"spots-{modes}x{side}", classes=tuple(map(str, range(modes))))


def spots_told_apart(images: Tensor, modes: int = 8) -> tuple[Tensor, Tensor]:
    """For images (n, 1, side, side) in [-1, 1]: the place that each is nearest to, and whether one spot is there."""
    side, ink = images.shape[-1], (images[:, 0].double() + 1) / 2
    place = (torch.arange(side) + 0.5).double() / side - 0.5
    weight = ink.sum((1, 2)).clamp(min=1e-6)
    centre = torch.stack([(ink * place).sum((1, 2)), (ink * place[:, None]).sum((1, 2))], 1) / weight[:, None]
    spread = (ink * ((place - centre[:, :1, None]) ** 2 + (place[:, None] - centre[:, 1:, None]) ** 2)).sum((1, 2))
    distance, nearest = torch.cdist(centre, torch.from_numpy(_places(modes))).min(1)
    return nearest, (distance < 0.09) & ((spread / weight).sqrt() < 0.24) & (ink.amax((1, 2)) > 0.5)


def _places(modes: int) -> Array:
    angle = 2 * np.pi * np.arange(modes) / modes
    return 0.28 * np.stack([np.cos(angle), np.sin(angle)], 1)
