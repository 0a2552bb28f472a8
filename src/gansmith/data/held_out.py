"""Images that are kept from the players, so that there is something to hold what they learnt against."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gansmith.data.images import ImageSet
from gansmith.data.mixing import permutation
from gansmith.types import key_seed

__all__ = ["FEWEST", "MOST", "parted"]

FEWEST = 20
"""Below as many images, none is spared."""

MOST = 256
"""As many held-out images are enough to tell whether others were learnt by heart."""


def parted(images: ImageSet, share: float) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The rows that are trained on and those that are held out, both in ascending order.

    Which ones is decided by the images alone: runs with other seeds, and processes that share a run, hold out the same.

    Args:
        images: the whole set.
        share: of the images, in [0, 1); at most `MOST` are held out, and at least one of `FEWEST` or more.

    Raises:
        ValueError: a share outside [0, 1).

    Example:
        >>> from gansmith.data import from_array
        >>> train, unseen = parted(from_array(np.zeros((40, 8, 8), np.uint8)), 0.1)
        >>> len(train), len(unseen), len(set(train) & set(unseen))
        (36, 4, 0)
    """
    if not 0 <= share < 1:
        raise ValueError(f"held_out is {share}: it must be a share of the images, at least 0 and below 1")
    n = len(images)
    count = min(MOST, max(1, int(share * n))) if share and n >= FEWEST else 0
    order = permutation(n, seed=key_seed("held out", images.fingerprint))
    return np.sort(order[count:]), np.sort(order[:count])
