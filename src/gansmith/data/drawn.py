"""Drawn pictures that are right or wrong: beetles that can be counted, corridors with a vanishing point, butterflies.

Each set has one rule that every picture of it keeps, and that a person sees at a glance: five spots, four edges that
meet in one point, two wings that mirror each other. All else differs from picture to picture.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from gansmith.data.arrays import Arrays
from gansmith.data.hashes import Progress
from gansmith.data.images import digest_of
from gansmith.data.mixing import hash64

__all__ = ["COUNT", "DRAWN", "SIDE", "drawings", "drawn_content", "read_drawn"]

COUNT, SIDE = 10_000, 32
SPOTS = 5

_VERSION = 1
_CHUNK = 1_000
_NOISE = 0.03

Array = npt.NDArray[np.float64]


def drawings(
    name: str, index: npt.NDArray[np.integer], *, seed: int = 0, broken: bool = False
) -> npt.NDArray[np.uint8]:
    """Pictures of a drawn set by number, each a function of (name, number, seed) alone.

    Args:
        name: "counting", "perspective" or "structure".
        index: (n,) numbers from 0 on.
        seed: which of the endlessly many such sets.
        broken: break the set's rule in every picture: four or six spots, an edge that misses the point, wings unlike.

    Returns:
        (n, 32, 32) uint8.

    Example:
        >>> whole, broken = (drawings("structure", np.arange(3), broken=b) for b in (False, True))
        >>> whole.shape, [bool((whole != broken)[:, :, half].any()) for half in (slice(13), slice(19, 32))]
        ((3, 32, 32), [False, True])
    """
    numbers = _Numbers(index.astype(np.uint64), seed)
    place: Array = np.arange(SIDE, dtype=np.float64) + 0.5
    picture = DRAWN[name](numbers, place[None, None, :], place[None, :, None], broken)
    pixels = picture + _NOISE * numbers.noise()
    return np.round(127.5 * (np.clip(pixels, -1, 1) + 1)).astype(np.uint8)


def read_drawn(name: str, count: int, *, seed: int = 0, progress: Progress | None = None) -> Arrays:
    """The first `count` pictures of a drawn set, without labels.

    Raises:
        ValueError: fewer than one picture.
    """
    if count < 1:
        raise ValueError(f"{name}:{count}: the number of pictures must be at least 1")
    images = np.empty((count, SIDE, SIDE, 1), np.uint8)
    for start in range(0, count, _CHUNK):
        index = np.arange(start, min(start + _CHUNK, count))
        images[index, :, :, 0] = drawings(name, index, seed=seed)
        if progress is not None:
            progress("drawing", int(index[-1]) + 1, count)
    return Arrays(images=images)


def drawn_content(name: str, count: int, seed: int) -> str:
    """SHA-256 of all that the pictures of a drawn set depend on."""
    return digest_of([_VERSION, name, count, seed])


class _Numbers:
    """Random numbers for pictures: every call gives one for each, of a stream of its own."""

    def __init__(self, index: npt.NDArray[np.uint64], seed: int) -> None:
        self.index, self.seed, self.stream = index, seed, 0

    def __call__(self, low: float, high: float) -> Array:
        """Uniform numbers in [low, high), (n, 1, 1)."""
        self.stream += 1
        return low + (high - low) * _unit(hash64(self.index, seed=self.seed, stream=self.stream))[:, None, None]

    def noise(self) -> Array:
        """Nearly normal numbers of mean 0 and deviation 1 for every pixel, (n, 32, 32)."""
        pixels = np.arange(SIDE * SIDE, dtype=np.uint64).reshape(1, SIDE, SIDE)
        index = self.index[:, None, None] * np.uint64(SIDE * SIDE) + pixels
        parts = [_unit(hash64(index, seed=self.seed, stream=1_000 + part)) for part in range(3)]
        return 2 * (parts[0] + parts[1] + parts[2] - 1.5)


def _unit(bits: npt.NDArray[np.uint64]) -> Array:
    """Numbers in [0, 1) of 64-bit integers."""
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _paint(picture: Array, distance: Array, shade: Array | float) -> Array:
    """The picture with a shape on it; its distance is in pixels, negative inside, and its edge is a pixel wide."""
    cover = np.clip(0.5 - distance, 0, 1)
    return picture + cover * (shade - picture)


def _beetles(numbers: _Numbers, x: Array, y: Array, broken: bool) -> Array:
    """A round body with a head and five bright spots, no two of which touch."""
    cx, cy, radius = numbers(14.5, 17.5), numbers(14.5, 17.5), numbers(11, 13)
    turn, body = numbers(0, 2 * np.pi), numbers(-0.5, 0.0)
    picture = np.broadcast_to(numbers(-1.0, -0.8), (len(cx), SIDE, SIDE))
    head = np.hypot(x - cx - radius * np.cos(turn), y - cy - radius * np.sin(turn)) - 3.5
    picture = _paint(picture, head, body - 0.25)
    picture = _paint(picture, np.hypot(x - cx, y - cy) - radius, body)
    places = _spread(numbers, SPOTS + 1, room=radius - 3.2, apart=6.2)
    looks = [(numbers(1.6, 2.1), numbers(0.75, 1.0)) for _ in places]
    count = SPOTS + broken * np.where(numbers(-1, 1) < 0, -1, 1)
    for spot, ((dx, dy), (size, shade)) in enumerate(zip(places, looks, strict=True)):
        there = np.where(spot < count, np.hypot(x - cx - dx, y - cy - dy) - size, np.inf)
        picture = _paint(picture, there, shade)
    return picture


def _spread(numbers: _Numbers, count: int, *, room: Array, apart: float, tries: int = 60) -> list[tuple[Array, Array]]:
    """Places (dx, dy) within a radius, none nearer to another than `apart`; on a regular polygon where chance fails."""
    n = len(room)
    chosen = np.full((n, count, 2), np.inf)
    placed = np.zeros(n, np.int64)
    rows = np.arange(n)
    for _ in range(tries):
        angle, reach = numbers(0, 2 * np.pi)[:, 0, 0], (room * np.sqrt(numbers(0, 1)))[:, 0, 0]
        candidate = np.stack((reach * np.cos(angle), reach * np.sin(angle)), 1)
        free = (np.hypot(*(chosen - candidate[:, None]).transpose(2, 0, 1)) >= apart).all(1) & (placed < count)
        chosen[rows[free], placed[free]] = candidate[free]
        placed += free
    turn, corner = numbers(0, 2 * np.pi)[:, 0], 2 * np.pi * np.arange(count) / count
    polygon = room[:, 0, :, None] * np.stack((np.cos(turn + corner), np.sin(turn + corner)), -1)
    chosen = np.where((placed < count)[:, None, None], polygon, chosen)
    return [(chosen[:, i, 0, None, None], chosen[:, i, 1, None, None]) for i in range(count)]


def _corridors(numbers: _Numbers, x: Array, y: Array, broken: bool) -> Array:
    """A corridor in one-point perspective: its four bright edges run from a dark end wall towards the viewer."""
    vx, vy, depth = numbers(12, 20), numbers(12, 20), numbers(0.3, 0.42)
    near, far, edge = numbers(-0.35, 0.0), numbers(-0.75, -0.6), numbers(0.75, 1.0)
    left, right, top, bottom = numbers(-5, 3), numbers(29, 37), numbers(-5, 3), numbers(29, 37)
    # How near a place is: 0 at the vanishing point, 1 where the corridor's cross-section is the outer rectangle.
    across = np.maximum((x - vx) / (right - vx), (x - vx) / (left - vx))
    along = np.maximum((y - vy) / (bottom - vy), (y - vy) / (top - vy))
    nearness = np.maximum(across, along)
    picture = far + (near - far) * np.clip((nearness - depth) / (1 - depth), 0, 1)
    which, miss = np.floor(numbers(0, 4)), np.where(numbers(-1, 1) < 0, -1, 1) * numbers(3.5, 6)
    for corner, (ox, oy) in enumerate(((left, top), (right, top), (right, bottom), (left, bottom))):
        dx, dy = ox - vx, oy - vy
        px, py = vx + depth * dx, vy + depth * dy  # the corner of the end wall, where the edge begins
        if broken:
            # Turned about its beginning, until its line passes the vanishing point at the distance `miss`.
            turn = np.where(which == corner, np.arcsin(np.clip(miss / np.hypot(px - vx, py - vy), -0.9, 0.9)), 0)
            dx, dy = dx * np.cos(turn) - dy * np.sin(turn), dx * np.sin(turn) + dy * np.cos(turn)
        length = np.hypot(dx, dy)
        forward = ((x - px) * dx + (y - py) * dy) / length
        aside = np.abs((x - px) * dy - (y - py) * dx) / length
        picture = _paint(picture, np.maximum(aside - 0.8, -forward), edge)
    pixels = 12  # a step in nearness, roughly: enough for the edge of the end wall
    return _paint(picture, (nearness - depth) * pixels, numbers(-1.0, -0.9))


def _butterflies(numbers: _Numbers, x: Array, y: Array, broken: bool) -> Array:
    """A butterfly with an upright axis: whatever is on one side of it is on the other, mirrored."""
    axis, cy = 16 + np.round(numbers(-2.5, 2.5)) / 2, numbers(14.5, 17.5)
    picture = np.broadcast_to(numbers(-1.0, -0.8), (len(axis), SIDE, SIDE))
    right = x > axis
    kind = np.floor(numbers(0, 3))  # of what is wrong on the right: a spot gone, a spot elsewhere, smaller wings
    wrong = right & broken
    for sign in (-1, 1):
        wx, wy, tilt = numbers(4.8, 6.5), sign * numbers(3.8, 5.8), sign * numbers(0.0, 0.8)
        wide, high, shade = numbers(4.4, 6.0), numbers(3.0, 4.4), numbers(-0.3, 0.3)
        u, v = np.abs(x - axis) - wx, y - cy - wy
        a, b = u * np.cos(tilt) + v * np.sin(tilt), v * np.cos(tilt) - u * np.sin(tilt)
        scale = np.where(wrong & (kind == 2), 0.7, 1.0)
        wing = (np.hypot(a / (wide * scale), b / (high * scale)) - 1) * high * scale
        picture = _paint(picture, wing, shade)
        sx, sy, size = numbers(-1.5, 1.5), numbers(-0.8, 0.8), numbers(1.3, 2.0)
        moved = np.where(wrong & (kind == 1), np.where(sx > 0, -3.5, 3.5), 0)
        spot = np.hypot(a - sx - moved, b - sy) - size
        spot = np.where(wrong & (kind == 0), np.inf, spot)
        picture = _paint(picture, np.maximum(spot, wing), np.where(numbers(-1, 1) < 0, -0.9, 0.95))
    body = np.hypot((x - axis) / 1.2, (y - cy) / numbers(6.5, 8.5)) - 1
    return _paint(picture, body * 1.2, 0.7)


DRAWN: Mapping[str, Callable[[_Numbers, Array, Array, bool], Array]] = MappingProxyType(
    {"counting": _beetles, "perspective": _corridors, "structure": _butterflies}
)
