"""Drawn faces: composed from parts by number, rendered to any size, with the parts as labels."""

from __future__ import annotations

import enum
import importlib
import io
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from gansmith.data.arrays import Arrays
from gansmith.data.hashes import Progress
from gansmith.data.images import DataError, digest_of
from gansmith.data.mixing import hash64
from gansmith.data.prepare import fit

__all__ = ["avatar", "avatars_content", "draw", "read_avatars"]

COUNT = 10_000
SIZE = (64, 64)
LABEL = "hair_color"
BACKGROUND = "#d1d4f9"

_VERSION = 1
# attribute → (class of python_avatars, parts left out: those that hide the face or the hair, or carry writing)
_PARTS: Mapping[str, tuple[str, frozenset[str]]] = MappingProxyType(
    {
        "top": ("HairType", frozenset(("NONE", "HAT", "ASTRONAUT", "BRIDE"))),
        "hair_color": ("HairColor", frozenset()),
        "skin_color": ("SkinColor", frozenset()),
        "eyebrows": ("EyebrowType", frozenset(("NONE",))),
        "eyes": ("EyeType", frozenset()),
        "nose": ("NoseType", frozenset()),
        "mouth": ("MouthType", frozenset(("VOMIT",))),
        "facial_hair": ("FacialHairType", frozenset()),
        "accessory": ("AccessoryType", frozenset()),
        "clothing": ("ClothingType", frozenset(("NONE", "GRAPHIC_SHIRT", "ASTRONAUT_SUIT"))),
        "clothing_color": ("ClothingColor", frozenset()),
    }
)
_MOSTLY_NONE = frozenset(("facial_hair", "accessory"))
ATTRIBUTES = tuple(_PARTS)


def avatar(index: int) -> dict[str, str]:
    """The attributes of face number `index`, chosen by a hash of the number.

    Uniformly, but for glasses and beards, which at least half the faces do without.

    Raises:
        DataError: the extra "avatars" is not installed.

    Example:
        >>> avatar(3)["hair_color"] == avatar(3)["hair_color"]
        True
    """
    draws = hash64(np.arange(2 * len(_PARTS), dtype=np.uint64), seed=index, stream=1)
    chosen = {}
    for i, (attribute, names) in enumerate(_choices().items()):
        none = attribute in _MOSTLY_NONE and int(draws[2 * i + 1]) >> 63
        chosen[attribute] = "NONE" if none else names[int(draws[2 * i]) % len(names)]
    return chosen


def draw(index: int, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Face number `index` as (height, width, 3) uint8 on a plain background.

    Raises:
        DataError: the extra "avatars" is not installed.

    Example:
        >>> draw(0, (16, 16)).shape
        (16, 16, 3)
    """
    library = _library()
    attributes = avatar(index)
    parts: dict[str, enum.Enum] = {key: getattr(library, _PARTS[key][0])[name] for key, name in attributes.items()}
    hair = parts["hair_color"]
    svg = library.Avatar(
        style=library.AvatarStyle.TRANSPARENT, facial_hair_color=hair, hat_color=hair, **parts
    ).render()
    side = max(size)
    png = bytes(_rasteriser().svg_to_bytes(svg_string=svg, width=side, background=BACKGROUND, skip_system_fonts=True))
    with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
        # The drawing is a little higher than wide; what is cut off is the shoulders.
        square = image.convert("RGB").crop((0, 0, side, side))
    return fit(square, height=size[0], width=size[1], channels=3)


def read_avatars(
    count: int, *, label: str = LABEL, size: tuple[int, int] = SIZE, progress: Progress | None = None
) -> Arrays:
    """The first `count` faces, labelled by one attribute.

    Raises:
        ValueError: fewer than one face.
        DataError: the extra "avatars" is not installed.
    """
    if count < 1:
        raise ValueError(f"avatars:{count}: the number of faces must be at least 1")
    names = _choices()[label]
    images = np.empty((count, *size, 3), np.uint8)
    labels = np.empty(count, np.int64)
    for index in range(count):
        images[index] = draw(index, size)
        labels[index] = names.index(avatar(index)[label])
        if progress is not None:
            progress("drawing", index + 1, count)
    return Arrays(images=images, labels=labels, classes=tuple(name.lower() for name in names))


def avatars_content(count: int, label: str, size: tuple[int, int]) -> str:
    """SHA-256 of all that the drawn faces depend on: their number and size, and the versions of what draws them.

    Raises:
        DataError: the extra "avatars" is not installed.
    """
    _library(), _rasteriser()
    return digest_of([_VERSION, count, label, size, version("python-avatars"), version("resvg-py")])


@cache
def _choices() -> Mapping[str, tuple[str, ...]]:
    library = _library()
    return MappingProxyType(
        {
            attribute: tuple(sorted(part.name for part in getattr(library, kind) if part.name not in left_out))
            for attribute, (kind, left_out) in _PARTS.items()
        }
    )


def _library() -> Any:
    return _imported("python_avatars")


def _rasteriser() -> Any:
    return _imported("resvg_py")


def _imported(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise DataError(
            "The set 'avatars' is drawn by two small packages that are not installed: pip install 'gansmith[avatars]'."
        ) from error
