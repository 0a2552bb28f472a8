"""A set of images in memory or in a memory map, and what can be asked of it without knowing where it came from."""

from __future__ import annotations

import hashlib
import json
import tempfile
import warnings
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from gansmith.data.mixing import permutation

__all__ = ["UNKNOWN", "DataError", "ImageSet", "apart", "digest_of", "fingerprint_of", "from_array", "numbered_classes"]

IN_MEMORY_BYTES = 1 << 30
MOST_CLASSES = 1 << 16
UNKNOWN = -1
"""In the place of a label that is not known."""

_Array = TypeVar("_Array", bound=npt.NDArray[Any])


class DataError(ValueError):
    """The data cannot be used as it is; the message says what is wrong with it and what to do.

    `files` lists what was wrong with which file, where single files are to blame.
    """

    def __init__(self, message: str, *, files: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.files = files


@dataclass(frozen=True, eq=False, repr=False)
class ImageSet:
    """Images of one size, as bytes, with their labels if they have any.

    Args:
        name: what the set is called in messages.
        images: (N, H, W, C) uint8, usually a read-only memory map; 0 is black, 255 is white.
        labels: (N,) int64 in [0, len(classes)), or None, as it is too where only some are known.
        classes: the names of the labels; empty when unlabelled.
        fingerprint: SHA-256 of the images, the labels and their preparation: equal only for equal sets.
        notes: plain sentences on what was skipped or converted on the way here.
        some_labels: (N,) int64 in [−1, len(classes)) where only some labels are known, −1 for the others; else None.

    Raises:
        ValueError: shapes, types or labels that do not fit together.

    Example:
        >>> digits = from_array(np.zeros((10, 28, 28), np.uint8), np.arange(10) % 2, name="blank")
        >>> digits, len(digits), digits.shape
        (ImageSet('blank', 10 images of 1×28×28, 2 classes), 10, (1, 28, 28))
    """

    name: str
    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64] | None
    classes: tuple[str, ...]
    fingerprint: str
    notes: tuple[str, ...] = ()
    some_labels: npt.NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.dtype != np.uint8:
            raise ValueError(f"images must be (N, H, W, C) uint8, not {self.images.shape} {self.images.dtype}")
        if self.labels is not None and self.some_labels is not None:
            raise ValueError("labels are known of all images or of some, and both were given")
        if (labels := self.answers) is None:
            if self.classes:
                raise ValueError(f"{len(self.classes)} class names were given for images without labels")
            return
        if labels.shape != (len(self.images),) or labels.dtype != np.int64:
            raise ValueError(f"labels must be ({len(self.images)},) int64, not {labels.shape} {labels.dtype}")
        least = 0 if self.some_labels is None else UNKNOWN
        if len(labels) and not least <= labels.min() <= labels.max() < len(self.classes):
            span = f"{labels.min()} to {labels.max()}"
            raise ValueError(f"labels go from {span}, but there are names for {len(self.classes)} classes")

    @property
    def answers(self) -> npt.NDArray[np.int64] | None:
        """The labels that are known, −1 where one is not; None if none is.

        Example:
            >>> images = from_array(np.zeros((3, 8, 8), np.uint8), [0, -1, 1])
            >>> images.labels, images.answers.tolist()
            (None, [0, -1, 1])
        """
        return self.some_labels if self.labels is None else self.labels

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of one image."""
        _, height, width, channels = self.images.shape
        return channels, height, width

    def __len__(self) -> int:
        return len(self.images)

    def pixels(self) -> torch.Tensor:
        """All images as one tensor (N, c, h, w) uint8, without a copy: it is to be read, as the images are.

        Example:
            >>> from_array(np.zeros((3, 8, 4), np.uint8)).pixels().shape
            torch.Size([3, 1, 8, 4])
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of memory that cannot be written to
            return torch.from_numpy(np.ascontiguousarray(self.images)).permute(0, 3, 1, 2)

    def mean(self) -> torch.Tensor:
        """The mean image (c, h, w), float64 in [-1, 1].

        Example:
            >>> from_array(np.zeros((3, 8, 4), np.uint8)).mean().unique().tolist()
            [-1.0]
        """
        return torch.from_numpy(self.images.mean(0, dtype=np.float64)).permute(2, 0, 1) / 127.5 - 1

    def __repr__(self) -> str:
        size = "×".join(map(str, self.shape))
        classes = f", {len(self.classes)} classes" if self.classes else ""
        if self.some_labels is not None:
            classes += f", {np.count_nonzero(self.some_labels != UNKNOWN):,} with a label"
        return f"ImageSet({self.name!r}, {len(self)} images of {size}{classes})"

    def split(self, held_out: int, *, seed: int = 0) -> tuple[ImageSet, ImageSet]:
        """A training part and a held-out part of `held_out` images, in the original order, without overlap.

        Labelled sets are split in proportion to their classes. The same (set, held_out, seed) gives the same parts on
        every machine.

        Raises:
            ValueError: unless 0 < held_out < N.

        Example:
            >>> train, test = from_array(np.zeros((10, 8, 8), np.uint8), np.arange(10) % 2).split(4)
            >>> len(train), len(test), np.bincount(test.labels).tolist()
            (6, 4, [2, 2])
        """
        if not 0 < held_out < len(self):
            raise ValueError(f"held_out is {held_out}: it must be between 1 and {len(self) - 1} for {len(self)} images")
        chosen = np.zeros(len(self), bool)
        chosen[self._held_out(held_out, seed)] = True
        return self._part(np.flatnonzero(~chosen), "train", held_out, seed), self._part(
            np.flatnonzero(chosen), "held-out", held_out, seed
        )

    def _held_out(self, count: int, seed: int) -> npt.NDArray[np.int64]:
        order = permutation(len(self), seed=seed)
        if self.labels is None:
            return order[:count]
        sizes = np.bincount(self.labels, minlength=len(self.classes))
        exact = sizes * count / len(self)
        quota = np.floor(exact).astype(np.int64)
        by_remainder = np.argsort(quota - exact, kind="stable")
        quota[by_remainder[: count - quota.sum()]] += 1
        shuffled = self.labels[order]
        return np.concatenate([order[shuffled == label][: quota[label]] for label in range(len(sizes))])

    def _part(self, rows: npt.NDArray[np.int64], part: str, held_out: int, seed: int) -> ImageSet:
        return ImageSet(
            name=f"{self.name}/{part}",
            images=_take(self.images, rows),
            labels=None if self.labels is None else _frozen(self.labels[rows]),
            classes=self.classes,
            fingerprint=digest_of([self.fingerprint, part, held_out, seed]),
            notes=self.notes,
            some_labels=None if self.some_labels is None else _frozen(self.some_labels[rows]),
        )


def from_array(
    images: npt.ArrayLike,
    labels: npt.ArrayLike | None = None,
    *,
    classes: tuple[str, ...] = (),
    name: str = "array",
) -> ImageSet:
    """An `ImageSet` of arrays that you already have.

    Args:
        images: (N, H, W) or (N, H, W, C) uint8.
        labels: (N,) integers, −1 where one is not known, or None.
        classes: names of the labels; by default their numbers.
        name: what to call the set.

    Raises:
        ValueError: anything but uint8 images of that shape, or labels that do not fit.

    Example:
        >>> from_array(np.zeros((3, 8, 4), np.uint8))
        ImageSet('array', 3 images of 1×8×4)
    """
    array = np.asarray(images)
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4 or array.dtype != np.uint8:
        raise ValueError(f"images must be (N, H, W) or (N, H, W, C) uint8, not {np.shape(images)} {array.dtype}")
    array = np.ascontiguousarray(array)
    numbers = None if labels is None else _as_labels(labels)
    if numbers is not None and len(numbers) and numbers.max() < 0:
        raise ValueError("all labels are -1: leave them out, or name some")
    if numbers is not None and not classes:
        classes = numbered_classes(int(numbers.max(initial=-1)))
    fingerprint = fingerprint_of(
        images=hashlib.sha256(array.data).hexdigest(),
        labels=None if numbers is None else hashlib.sha256(numbers.data).hexdigest(),
        shape=array.shape,
        classes=classes,
        preparation={"kind": "as given"},
    )
    every, some = apart(numbers if numbers is None else _frozen(numbers))
    return ImageSet(name, _frozen(array.view()), every, classes, fingerprint, some_labels=some)


def apart(
    labels: npt.NDArray[np.int64] | None,
) -> tuple[npt.NDArray[np.int64] | None, npt.NDArray[np.int64] | None]:
    """Labels of all images, and of some, one of which there is not: a set's ``labels`` and ``some_labels``.

    Example:
        >>> apart(np.array([0, -1]))
        (None, array([ 0, -1]))
    """
    partly = labels is not None and len(labels) > 0 and labels.min() < 0
    return (None, labels) if partly else (labels, None)


def numbered_classes(highest: int) -> tuple[str, ...]:
    """Names for labels that are only numbers: "0" to the highest.

    Raises:
        DataError: a label so high that it cannot be the number of a class.

    Example:
        >>> numbered_classes(2)
        ('0', '1', '2')
    """
    if highest >= MOST_CLASSES:
        raise DataError(
            f"The highest label is {highest}, more than {MOST_CLASSES - 1}: number the classes from 0 without gaps."
        )
    return tuple(map(str, range(highest + 1)))


def fingerprint_of(
    *,
    images: str,
    labels: str | None,
    shape: tuple[int, ...],
    classes: tuple[str, ...],
    preparation: dict[str, Any],
) -> str:
    """SHA-256 over all that a run can see of its data: two content hashes, the shape, the classes, the preparation."""
    return digest_of([images, labels, list(shape), list(classes), preparation])


def digest_of(value: object) -> str:
    """SHA-256 (hexadecimal) of a value's canonical JSON.

    Example:
        >>> digest_of({"b": 1, "a": 2}) == digest_of({"a": 2, "b": 1})
        True
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _as_labels(labels: npt.ArrayLike) -> npt.NDArray[np.int64]:
    array = np.asarray(labels)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(f"labels must be whole numbers, one for each image, not {array.shape} {array.dtype}")
    return np.array(array, dtype=np.int64)


def _take(images: npt.NDArray[np.uint8], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Copied rows; past a gigabyte in an unnamed temporary file, which the system reclaims with the last reference."""
    shape = (len(rows), *images.shape[1:])
    if np.prod(shape, dtype=np.int64) <= IN_MEMORY_BYTES:
        return _frozen(images[rows])
    with tempfile.TemporaryFile() as file:
        out = np.memmap(file, dtype=np.uint8, mode="w+", shape=shape)
        for start in range(0, len(rows), 4096):
            out[start : start + 4096] = images[rows[start : start + 4096]]
    return _frozen(out)


def _frozen(array: _Array) -> _Array:
    array.flags.writeable = False
    return array
