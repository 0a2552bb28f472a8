"""From arrays of any usual kind to prepared images in the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from gansmith.data.build import Wanted, has_colour, natural_size
from gansmith.data.cache import Built, cached, require_room, write_pixels
from gansmith.data.hashes import Progress, in_order
from gansmith.data.images import UNKNOWN, DataError, ImageSet, numbered_classes
from gansmith.data.prepare import VERSION, fit, to_plain

__all__ = ["Arrays", "as_arrays", "from_arrays"]

_CHUNK = 256


@dataclass(frozen=True, eq=False, kw_only=True)
class Arrays:
    """Decoded images before they are fitted to a size: (N, H, W, C) uint8 with 1 to 4 channels, and their labels."""

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64] | None = None
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def from_arrays(
    name: str,
    load: Callable[[], Arrays],
    content: str,
    wanted: Wanted,
    *,
    cache: Path,
    progress: Progress | None,
) -> ImageSet:
    """Fit arrays into the cache, or find them there without loading them.

    Args:
        name: of the set.
        load: gives the arrays; called only when the cache does not have them.
        content: SHA-256 of all that `load` depends on.
        wanted: size and channels.
        cache: cache directory.
        progress: called with ("preparing", done, total).

    Raises:
        DataError: what `load` raises, and no images.
    """

    def build(path: Path) -> Built:
        arrays = load()
        count, height, width, depth = arrays.images.shape
        if count == 0:
            raise DataError(f"{name!r} holds no images.")
        size = wanted.size or natural_size([(height, width)])
        coloured = depth > 2 and any(has_colour(part[..., :3]) for part in _parts(arrays.images))
        channels = wanted.channels or (3 if coloured else 1)
        require_room(cache, count * size[0] * size[1] * channels)
        pixels = write_pixels(path, (*size, channels), _fitted(arrays.images, size, channels, progress))
        note = (
            f"Images of {height}×{width} were cropped at the centre and resized to {size[0]}×{size[1]} (height×width)."
        )
        return Built(
            pixels=pixels,
            labels=arrays.labels,
            classes=arrays.classes,
            notes=arrays.notes if size == (height, width) else (*arrays.notes, note),
            preparation={"kind": "arrays", "version": VERSION, "size": list(size), "channels": channels},
        )

    return cached(cache, wanted.key("arrays", content), build, name=name)


def as_arrays(images: npt.NDArray[np.generic], labels: npt.NDArray[np.generic] | None, *, where: str) -> Arrays:
    """Arrays of any usual shape and number type as bytes.

    Args:
        images: (N, H, W), (N, H, W, C) or (N, C, H, W) with 1 to 4 channels; whole numbers up to 255 or 65535, or
            floating point in [0, 1], [−1, 1] or [0, 255].
        labels: (N,) or (N, 1) whole numbers, −1 where one is not known, (N, K) one-hot, or names; or None.
        where: file name for messages.

    Raises:
        DataError: anything else.

    Example:
        >>> as_arrays(np.array([[[-1.0, 1.0]]]), None, where="x").images.ravel().tolist()
        [0, 255]
    """
    shape = images.shape
    if images.ndim == 3:
        images = images[..., None]
    elif images.ndim == 4 and shape[-1] > 4 and shape[1] <= 4:
        images = np.moveaxis(images, 1, -1)
    if images.ndim != 4 or not 1 <= images.shape[-1] <= 4:
        raise DataError(
            f"The images in {where} have shape {shape}: they should be (N, H, W), (N, H, W, C) or (N, C, H, W)."
        )
    numbers, classes = (None, ()) if labels is None else _labels(labels, len(images), where)
    return Arrays(images=_bytes(images, where), labels=numbers, classes=classes)


def _fitted(
    images: npt.NDArray[np.uint8], size: tuple[int, int], channels: int, progress: Progress | None
) -> Iterator[npt.NDArray[np.uint8]]:
    if images.shape[1:] == (*size, channels):
        parts: Iterator[npt.NDArray[np.uint8]] = _parts(images)
    else:
        parts = in_order(
            lambda part: np.stack([_fit(image, size, channels) for image in part]), _parts(images), ahead=4
        )
    done = 0
    for part in parts:
        yield part
        done += len(part)
        if progress is not None:
            progress("preparing", done, len(images))


def _fit(image: npt.NDArray[np.uint8], size: tuple[int, int], channels: int) -> npt.NDArray[np.uint8]:
    picture = Image.fromarray(np.ascontiguousarray(image[..., 0] if image.shape[-1] == 1 else image))
    return fit(to_plain(picture), height=size[0], width=size[1], channels=channels)


def _parts(images: npt.NDArray[np.uint8]) -> Iterator[npt.NDArray[np.uint8]]:
    return (images[start : start + _CHUNK] for start in range(0, len(images), _CHUNK))


def _bytes(images: npt.NDArray[np.generic], where: str) -> npt.NDArray[np.uint8]:
    if images.dtype == np.uint8:
        return images  # type: ignore[return-value]
    if images.dtype.kind not in "biuf":
        raise DataError(f"The images in {where} are {images.dtype}, not numbers.")
    if images.size == 0:
        return images.astype(np.uint8)
    low, high = float(images.min()), float(images.max())
    if images.dtype.kind == "b":
        scale, shift = 255.0, 0.0
    elif images.dtype.kind == "f" and -1 <= low < 0 and high <= 1:
        scale, shift = 127.5, 127.5
    elif images.dtype.kind == "f" and low >= 0 and high <= 1:
        scale, shift = 255.0, 0.0
    elif low >= 0 and high <= 255:
        scale, shift = 1.0, 0.0
    elif images.dtype.kind in "iu" and low >= 0 and high <= 65535:
        scale, shift = 255 / 65535, 0.0
    else:
        raise DataError(
            f"The images in {where} go from {low:g} to {high:g}: scale them to 0 … 255, 0 … 1 or −1 … 1 first."
        )
    out = np.empty(images.shape, np.uint8)
    for start in range(0, len(images), _CHUNK):
        part = images[start : start + _CHUNK].astype(np.float64)
        out[start : start + _CHUNK] = np.rint(part * scale + shift)
    return out


def _labels(labels: npt.NDArray[np.generic], count: int, where: str) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    if labels.ndim == 2 and labels.shape[1] > 1 and labels.dtype.kind in "biuf" and _one_hot(labels):
        labels = labels.argmax(axis=1)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.shape != (count,) or labels.dtype.kind not in "iuSU":
        raise DataError(
            f"The labels in {where} have shape {labels.shape} and type {labels.dtype}: "
            f"they should be {count} whole numbers or names, one for each image."
        )
    if labels.dtype.kind in "SU":
        names, numbers = np.unique(labels.astype(str), return_inverse=True)
        return numbers.astype(np.int64), tuple(names.tolist())
    numbers = labels.astype(np.int64)
    if count and numbers.min() < UNKNOWN:
        raise DataError(
            f"The labels in {where} start at {numbers.min()}: number the classes from 0, and write -1 where a label is "
            "not known."
        )
    if count and numbers.max() < 0:
        raise DataError(f"The labels in {where} are all -1: leave them out, or name some.")
    return numbers, numbered_classes(int(numbers.max(initial=-1)))


def _one_hot(labels: npt.NDArray[np.generic]) -> bool:
    values = labels.astype(np.float64)
    return bool(((values == 0) | (values == 1)).all() and (values.sum(axis=1) == 1).all())
