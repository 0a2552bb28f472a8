"""Differentiable augmentation of whatever a discriminator is shown."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gansmith.networks.draws import uniforms
from gansmith.networks.players import samplewise

__all__ = ["Augmented", "blank", "recolour", "shift"]


class Augmented(nn.Module):
    r"""A discriminator that sees every image, real or generated, through a random transformation T.

    .. math:: D'(x, y) = D(T(x), y)

    T is differentiable and drawn anew for every sample and every call, so gradients, gradient penalties included,
    pass through it (Zhao et al. 2020, eq. 3-5; the ranges are theirs). It acts in training mode only, as dropout
    does. In training its randomness belongs to the rows of the batch, so it is the same for any number of processes
    (`drawing`); elsewhere it is torch's global state: seed that, and it repeats.

    Args:
        discriminator: any module from x (n, C, H, W) (and a label) to scores (n,).
        flip: mirror left and right with probability 1/2.
        colour: shift brightness by U(-0.5, 0.5), scale saturation by U(0, 2) and contrast by U(0.5, 1.5).
        translation: shift by up to this share of each side (0 to 1; Zhao et al. use 0.125), filling with zeros.
        cutout: blank a rectangle of this share of each side (0 to 1; Zhao et al. use 0.5) with zeros.
        channels: of one image, where several lie one behind the other along C, as packs do: each is transformed by
            itself; 0 for one image.
        adaptive: each of these is done to a share of the images only, the buffer ``strength``, which begins at 0
            (Karras et al. 2020, sect. 3).

    Raises:
        ValueError: A share is outside 0 to 1.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> see = Augmented(nn.Flatten(), flip=True)
        >>> sorted(see(torch.tensor([[[[1.0, 2.0]]]])).flatten().tolist())
        [1.0, 2.0]
    """

    def __init__(
        self,
        discriminator: nn.Module,
        *,
        flip: bool = False,
        colour: bool = False,
        translation: float = 0.0,
        cutout: float = 0.0,
        channels: int = 0,
        adaptive: bool = False,
    ) -> None:
        super().__init__()
        for name, share in (("translation", translation), ("cutout", cutout)):
            if not 0.0 <= share <= 1.0:
                raise ValueError(f"{name} is {share}; it is a share of the image's sides, from 0 to 1")
        self.discriminator = discriminator
        self.flip, self.colour, self.translation, self.cutout = flip, colour, translation, cutout
        self.channels = channels
        self.strength: Tensor | None
        self.register_buffer("strength", torch.zeros(()) if adaptive else None)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return self.discriminator.shape  # type: ignore[return-value]

    @property
    def classes(self) -> int:
        """Number of classes; 0 for none."""
        return self.discriminator.classes  # type: ignore[return-value]

    @property
    def samplewise(self) -> bool:
        """Whether every score depends on its own sample alone."""
        return samplewise(self.discriminator)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """Return the discriminator's scores (n,) of the transformed images."""
        if self.training:
            x = self.transform(x)
        scores: Tensor = self.discriminator(x) if label is None else self.discriminator(x, label)
        return scores

    def features(self, x: Tensor) -> Tensor:
        """Return the discriminator's features (n, F) of the transformed images, where it has a method for them."""
        inside: Any = self.discriminator
        found: Tensor = inside.features(self.transform(x) if self.training else x)
        return found

    def logits(self, x: Tensor) -> Tensor:
        """Return the logits (n, K) of the transformed images, where the discriminator has a method for them."""
        inside: Any = self.discriminator
        found: Tensor = inside.logits(self.transform(x) if self.training else x)
        return found

    def transform(self, x: Tensor) -> Tensor:
        """Return the images x (n, C, H, W), each transformed at random."""
        shape = x.shape
        if self.channels:
            x = x.reshape(-1, self.channels, *shape[2:])
        if self.colour:
            x = self._sometimes(x, recolour(x, *uniforms(3, x)))
        if self.flip or self.translation:
            chance, down, right = uniforms(3, x)
            mirrored = (chance < 0.5) if self.flip else torch.zeros_like(chance, dtype=torch.bool)
            height, width = x.shape[2:]
            rows, columns = (_whole(u, self.translation * side) for u, side in ((down, height), (right, width)))
            x = self._sometimes(x, shift(x, rows, columns, mirrored))
        if self.cutout:
            vertical, horizontal = uniforms(2, x)
            x = self._sometimes(x, blank(x, vertical, horizontal, self.cutout))
        return x.reshape(shape)

    def _sometimes(self, x: Tensor, transformed: Tensor) -> Tensor:
        """The transformed images in as large a share as `strength` says, and the others as they are."""
        if self.strength is None:
            return transformed
        chosen = uniforms(1, x)[0] < self.strength
        return torch.where(chosen.view(-1, 1, 1, 1), transformed, x)


def recolour(x: Tensor, brightness: Tensor, saturation: Tensor, contrast: Tensor) -> Tensor:
    """Change brightness, saturation and contrast of x (n, C, H, W), each strength (n,) in [0, 1], 0.5 for none."""
    brightness, saturation, contrast = (u.to(x.dtype).view(-1, 1, 1, 1) for u in (brightness, saturation, contrast))
    x = x + (brightness - 0.5)
    grey = x.mean(1, keepdim=True)
    x = torch.lerp(grey, x, 2 * saturation)
    mean = x.mean((1, 2, 3), keepdim=True)
    return torch.lerp(mean, x, contrast + 0.5)


def shift(x: Tensor, rows: Tensor, columns: Tensor, mirrored: Tensor) -> Tensor:
    """Move x (n, C, H, W) down and right by whole pixels (n,), zeros coming in, after mirroring where told (n,)."""
    height, width = x.shape[2:]
    down = _selection(torch.arange(height, device=x.device) - rows.view(-1, 1), height, x)
    source = torch.arange(width, device=x.device) - columns.view(-1, 1)
    right = _selection(torch.where(mirrored.view(-1, 1), width - 1 - source, source), width, x)
    # Products with selection matrices, not indexing: their gradients are products again, deterministic on every
    # device, and of any order. Autocast would round the pixels.
    with torch.autocast(x.device.type, enabled=False):
        return down.unsqueeze(1) @ x @ right.mT.unsqueeze(1)


def blank(x: Tensor, vertical: Tensor, horizontal: Tensor, share: float) -> Tensor:
    """Set a rectangle of x (n, C, H, W) to zero, its centre at the given heights and widths (n,) in [0, 1)."""
    inside = [
        ((torch.arange(side, device=x.device) + 0.5 - (u * side).view(-1, 1)).abs() < share * side / 2)
        for u, side in ((vertical, x.shape[2]), (horizontal, x.shape[3]))
    ]
    hole = inside[0].unsqueeze(2) & inside[1].unsqueeze(1)
    return x * (~hole).unsqueeze(1).to(x.dtype)


def _whole(u: Tensor, reach: float) -> Tensor:
    """Turn u in [0, 1) into whole numbers from -reach to reach, each as likely as the next."""
    most = int(reach + 0.5)
    return (u * (2 * most + 1)).floor().clamp(max=2 * most).long() - most


def _selection(source: Tensor, side: int, like: Tensor) -> Tensor:
    """Return the (n, side, side) matrices whose row i picks position ``source[:, i]``, or nothing outside."""
    return (source.unsqueeze(2) == torch.arange(side, device=source.device)).to(like.dtype)
