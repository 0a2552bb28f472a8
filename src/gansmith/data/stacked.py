"""Stacked MNIST: three digits in the colours of one picture, a thousand modes that are known and even."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gansmith.data.arrays import Arrays
from gansmith.data.images import digest_of
from gansmith.data.mixing import hash64

__all__ = ["COUNT", "STACKED", "read_stacked", "stacked_content"]

STACKED = "stacked-mnist"
COUNT = 128_000
"""Pictures in the protocol of Srivastava et al. (2017)."""

CHANNELS, DIGITS = 3, 10
_VERSION = 1


def read_stacked(count: int, *, seed: int, digits: Callable[[], Arrays]) -> Arrays:
    """Pictures (count, 28, 28, 3) of three digits drawn with replacement (Metz et al. 2017, sect. 3.3.1).

    The label is the number that red, green and blue write in this order, "000" to "999".

    Args:
        count: at least 1.
        seed: of the draw; a larger `count` goes on where a smaller one ended.
        digits: gives MNIST's training set.

    Raises:
        ValueError: fewer than one picture.
    """
    if count < 1:
        raise ValueError(f"{STACKED}:{count}: the number of pictures must be at least 1")
    known = digits()
    place = np.arange(CHANNELS * count, dtype=np.uint64)
    drawn = (
        (hash64(place, seed=seed, stream=7) % np.uint64(len(known.images))).astype(np.int64).reshape(count, CHANNELS)
    )
    assert known.labels is not None
    labels = known.labels[drawn] @ np.array([DIGITS**2, DIGITS, 1])
    images = np.empty((count, *known.images.shape[1:3], CHANNELS), np.uint8)
    for channel in range(CHANNELS):
        images[..., channel] = known.images[drawn[:, channel], ..., 0]
    return Arrays(images=images, labels=labels, classes=tuple(f"{number:03}" for number in range(DIGITS**CHANNELS)))


def stacked_content(count: int, seed: int, digits: str) -> str:
    """SHA-256 of all that the pictures depend on, among it that of the digits."""
    return digest_of([_VERSION, count, seed, digits])
