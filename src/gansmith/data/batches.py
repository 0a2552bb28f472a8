"""Batches as a pure function of (seed, step): no workers, no state, nothing to lose."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from gansmith.data.images import DataError, ImageSet
from gansmith.data.mixing import Endless, hash64

__all__ = ["Batches"]

_FLIPS = 1 << 40  # a stream of its own, far from the epochs' streams


class Batches:
    """The batch of every step, drawn from one permutation of the images after another.

    Position p = step · batch + i of the endless sequence lies in epoch ⌊p / N⌋, and image i of the batch is

        x_i = images[π_epoch(p mod N)] / 127.5 − 1,      π_epoch = a permutation made from (seed, epoch).

    So an image is not seen again before all the others were; a batch may span epochs, several of them when there are
    fewer images than a batch holds; and the same (seed, step) gives the same batch after a resume, and whatever number
    of processes shares it.

    Args:
        images: where to draw from.
        batch: images in a (global) batch, at least 1.
        seed: any integer.
        flip: mirror each drawn image left to right with probability one half.
        rows: the images to draw from; None is all of them.

    Raises:
        ValueError: a batch below 1.
        DataError: no images.

    Example:
        >>> from gansmith.data import from_array
        >>> batches = Batches(from_array(np.zeros((10, 8, 8), np.uint8)), batch=4, seed=0)
        >>> images, labels = batches(0)
        >>> tuple(images.shape), images.min().item(), labels
        ((4, 1, 8, 8), -1.0, None)
    """

    def __init__(
        self,
        images: ImageSet,
        *,
        batch: int,
        seed: int,
        flip: bool = False,
        rows: npt.NDArray[np.int64] | None = None,
    ) -> None:
        if batch < 1:
            raise ValueError(f"batch is {batch}: it must be at least 1")
        if len(images) == 0 or (rows is not None and len(rows) == 0):
            raise DataError(f"{images.name!r} holds no images, so there is nothing to draw batches from")
        self.images, self.batch, self.seed, self.flip = images, batch, seed, flip
        self._drawn = rows
        self._sequence = Endless(len(images) if rows is None else len(rows), seed=seed)
        self._pixels = images.pixels().permute(0, 2, 3, 1).flatten(1)
        self._labels = None if images.answers is None else torch.tensor(images.answers)

    def __call__(self, step: int, part: slice = slice(None)) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The images (n, C, H, W), float32 in [−1, 1], channels last in memory, and their labels (n,) int64, −1 where
        one is not known, or None.

        Args:
            step: how many batches were drawn before this one.
            part: this process's share of the global batch.

        Raises:
            ValueError: a negative step.
        """
        if step < 0:
            raise ValueError(f"step is {step}: steps are counted from 0")
        positions = np.arange(step * self.batch, (step + 1) * self.batch, dtype=np.int64)[part]
        places = self._sequence(positions)
        rows = torch.from_numpy(places if self._drawn is None else self._drawn[places])
        channels, height, width = self.images.shape
        pixels = self._pixels.index_select(0, rows).view(-1, height, width, channels)
        if self.flip:
            self._mirror(pixels, positions)
        # 127.5 is taken away first because that is exact: black and white come out as −1 and 1 to the bit.
        images = torch.sub(pixels, 127.5).mul_(1 / 127.5).permute(0, 3, 1, 2)
        return images, None if self._labels is None else self._labels.index_select(0, rows)

    def _mirror(self, pixels: torch.Tensor, positions: npt.NDArray[np.int64]) -> None:
        coins = hash64(positions.astype(np.uint64), seed=self.seed, stream=_FLIPS) >> np.uint64(63)
        chosen = torch.from_numpy(np.flatnonzero(coins))
        pixels.index_copy_(0, chosen, pixels.index_select(0, chosen).flip(2))
