"""Pseudo-random numbers as a pure function of (seed, stream, index), the same on every machine and library version."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["Endless", "hash64", "permutation"]

GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


def hash64(index: npt.NDArray[np.uint64], *, seed: int, stream: int = 0) -> npt.NDArray[np.uint64]:
    """SplitMix64's output number `index` + 1 of the generator whose state is derived from (seed, stream).

    Counter-based, so any element is had without the ones before it. NumPy's and torch's own generators may change
    between versions; this may not, because the order of the data is part of what an exact resume restores.

    Args:
        index: positions in the sequence, any shape.
        seed: any integer; taken modulo 2^64.
        stream: which of the independent sequences of this seed.

    Returns:
        Uniform 64-bit integers, the shape of `index`.

    From: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014 (the mixer of section 5).

    Example:
        >>> [hex(int(x)) for x in hash64(np.arange(2, dtype=np.uint64), seed=0)]
        ['0xe220a8397b1dcdaf', '0x6e789e6aa1b965f4']
    """
    start = seed & _MASK if stream == 0 else _mix(np.uint64((seed + stream * GOLDEN) & _MASK))
    with np.errstate(over="ignore"):
        return _mix(np.uint64(start) + (index.astype(np.uint64) + np.uint64(1)) * np.uint64(GOLDEN))


def permutation(n: int, *, seed: int, stream: int = 0) -> npt.NDArray[np.int64]:
    """A permutation of 0 … n − 1: the order that sorts n hashed keys.

    Example:
        >>> sorted(permutation(5, seed=1).tolist())
        [0, 1, 2, 3, 4]
    """
    return np.argsort(hash64(np.arange(n, dtype=np.uint64), seed=seed, stream=stream), kind="stable")


class Endless:
    """The endless sequence of one permutation of 0 … n − 1 after another, each made from the seed and its number.

    Args:
        n: how many there are, at least 1.
        seed: any integer.

    Example:
        >>> sequence = Endless(3, seed=0)
        >>> first, second = sequence(np.arange(6)).reshape(2, 3).tolist()
        >>> sorted(first), sorted(second)
        ([0, 1, 2], [0, 1, 2])
    """

    def __init__(self, n: int, *, seed: int) -> None:
        self.n, self.seed = n, seed
        self._orders: dict[int, npt.NDArray[np.int64]] = {}

    def __call__(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """What stands at these positions, counted from 0."""
        epochs, offsets = np.divmod(positions, self.n)
        found = np.empty_like(positions)
        for epoch in np.unique(epochs).tolist():
            inside = epochs == epoch
            found[inside] = self._order(epoch)[offsets[inside]]
        return found

    def _order(self, epoch: int) -> npt.NDArray[np.int64]:
        """The permutation of an epoch; the last two are kept, since making one takes longer than a batch."""
        order = self._orders.get(epoch)
        if order is None:
            order = permutation(self.n, seed=self.seed, stream=epoch + 1)
            self._orders = {**dict(list(self._orders.items())[-1:]), epoch: order}
        return order


def _mix(z: npt.NDArray[np.uint64] | np.uint64) -> npt.NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        z = np.asarray(z, dtype=np.uint64)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))
