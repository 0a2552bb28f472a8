"""The few images whose labels are known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gansmith.data.images import ImageSet
from gansmith.data.mixing import permutation

__all__ = ["few_labelled"]


def few_labelled(
    images: ImageSet, per_class: int, *, seed: int, rows: npt.NDArray[np.int64] | None = None
) -> npt.NDArray[np.int64]:
    """The rows of `per_class` images of each class, drawn at random, in ascending order.

    Where only some labels are known, it is as many as there are of a class, if they are fewer.

    Args:
        images: a set with labels, or with some.
        per_class: how many of each class, at least 1.
        seed: of the draw; a larger `per_class` keeps those of a smaller one.
        rows: the images to draw from; None is all of them.

    Raises:
        ValueError: there are no labels, or fewer images of a class, or none where only some are known.

    Example:
        >>> from gansmith.data import from_array
        >>> images = from_array(np.zeros((10, 8, 8), np.uint8), labels=[0, 1] * 5)
        >>> images.labels[few_labelled(images, 2, seed=0)].tolist().count(1)
        2
    """
    if images.answers is None:
        raise ValueError(f"{images.name} has no labels to learn from; use class subfolders, or labels_per_class 0")
    order = permutation(len(images), seed=seed)
    if rows is not None:
        order = order[np.isin(order, rows)]
    labels, found = images.answers[order], []
    least = per_class if images.some_labels is None else 1
    for number, name in enumerate(images.classes):
        mine = order[labels == number]
        if len(mine) < least:
            raise ValueError(
                f"{images.name} has {len(mine)} labelled images of the class {name!r} to train on, and "
                f"{per_class} of each class are asked for"
            )
        found.append(mine[:per_class])
    return np.sort(np.concatenate(found))
