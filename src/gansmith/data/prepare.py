"""One file of any size and mode becomes one array of the wanted size: upright, on white, cropped, resized."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

__all__ = [
    "MAGIC",
    "SUFFIXES",
    "VERSION",
    "CorruptImageError",
    "Header",
    "decode",
    "decoding",
    "fit",
    "probe",
    "to_plain",
]

VERSION = 1  # of the conversion: raise it when the same file would come out different, so that caches are made anew

# Only formats that are plain raster images: the others Pillow knows are rare, ambiguous, or start another program.
FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000")
_PLAIN_SUFFIXES = (".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".bmp", ".tif", ".tiff")
SUFFIXES = frozenset((*_PLAIN_SUFFIXES, ".ppm", ".pgm", ".pbm", ".pnm", ".avif", ".jp2"))
MAGIC = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*")

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112
_TRANSPARENT = frozenset(("LA", "La", "PA", "RGBA", "RGBa"))
_GREY_MODES = frozenset(("1", "L", "LA", "La", "I", "F"))


@dataclass(frozen=True)
class Header:
    """What a file says about its image before it is decoded.

    Args:
        height: in pixels, once upright.
        width: in pixels, once upright.
        mode: pillow's name of the pixel format.
        grey: whether the format has no colour.
        traits: what is out of the ordinary: palette, transparency, 16-bit, CMYK, animated, rotated by EXIF, …
    """

    height: int
    width: int
    mode: str
    grey: bool
    traits: tuple[str, ...]


class CorruptImageError(ValueError):
    """A file that cannot be decoded; the message is the reason alone."""


@contextmanager
def decoding() -> Iterator[None]:
    """While files are decoded: Pillow's remarks on metadata are silenced, its warning of huge images is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def probe(file: BinaryIO) -> Header:
    """The header alone, which is quick.

    Raises:
        CorruptImageError: no image.

    Example:
        >>> import io
        >>> buffer = io.BytesIO()
        >>> Image.new("RGBA", (30, 20)).save(buffer, "PNG")
        >>> probe(buffer)
        Header(height=20, width=30, mode='RGBA', grey=False, traits=('transparency',))
    """
    with _reasons(), _open(file) as image:
        return _header(image, to_the_end=False)


def decode(file: BinaryIO, *, height: int, width: int, channels: int) -> tuple[npt.NDArray[np.uint8], Header]:
    """The image as (height, width, channels) uint8.

    Turned upright, first frame, 16 bits scaled to 8, transparency composited on white, cropped at the centre to
    the wanted aspect, then resized with Lanczos' filter; an image that has the wanted size keeps its pixels to the bit.

    Args:
        file: open for reading, able to seek.
        height: wanted, in pixels.
        width: wanted, in pixels.
        channels: 1 (grey) or 3 (RGB).

    Raises:
        CorruptImageError: truncated, empty, not an image, or too large to be decoded safely.

    Example:
        >>> import io
        >>> buffer = io.BytesIO()
        >>> Image.new("LA", (30, 20), (0, 0)).save(buffer, "PNG")     # black, but wholly transparent
        >>> decode(buffer, height=8, width=8, channels=1)[0].min().item()
        255
    """
    with _reasons(), _open(file) as image:
        header = _header(image, to_the_end=True)
        turn = _UPRIGHT.get(_orientation(image))
        swapped = (image.height, image.width) != (header.height, header.width)
        _draft(image, *((width, height) if swapped else (height, width)))
        plain = to_plain(image)
        if turn is not None:
            plain = plain.transpose(turn)
        return fit(plain, height=height, width=width, channels=channels), header


def fit(image: Image.Image, *, height: int, width: int, channels: int) -> npt.NDArray[np.uint8]:
    """An L or RGB image cropped at the centre to the aspect of (height, width), and resized to it."""
    if channels == 1:
        image = image.convert("L")
    if image.size != (width, height):
        scale = min(image.width / width, image.height / height)
        left, top = (image.width - width * scale) / 2, (image.height - height * scale) / 2
        box = (left, top, left + width * scale, top + height * scale)
        image = image.resize((width, height), Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)
    if channels == 3:
        image = image.convert("RGB")
    return np.asarray(image, dtype=np.uint8).reshape(height, width, channels)


def to_plain(image: Image.Image) -> Image.Image:
    """Any mode as L or RGB: full range kept, transparency on white.

    Raises:
        CorruptImageError: numbers whose white level nobody can know.
    """
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return Image.fromarray(_to_bytes(np.asarray(image), image.mode))
    if "transparency" in image.info or image.mode in _TRANSPARENT:
        rgba = image.convert("RGBA")
        composite = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
        return composite.convert("L" if image.mode in _GREY_MODES else "RGB")
    if image.mode == "1":
        return image.convert("L")
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def _to_bytes(values: npt.NDArray[np.generic], mode: str) -> npt.NDArray[np.uint8]:
    """16-bit integers, or fractions of one, as 8 bits by scaling: Pillow's own conversion clips instead."""
    numbers = values.astype(np.float64)
    low, high = float(numbers.min()), float(numbers.max())
    if not (math.isfinite(low) and math.isfinite(high)) or low < 0 or high > 65535:
        raise CorruptImageError(f"its values go from {low:g} to {high:g}, which has no known black and white")
    white = 65535.0
    if mode == "F":
        white = 1.0 if high <= 1 else 255.0 if high <= 255 else 65535.0
    return np.rint(numbers * (255 / white)).astype(np.uint8)


def _draft(image: Image.Image, height: int, width: int) -> None:
    """Let a big JPEG be decoded at a half, a quarter or an eighth, never below twice the wanted size."""
    if image.format in ("JPEG", "MPO"):
        scale = max(height / image.height, width / image.width)
        image.draft(None, (math.ceil(2 * scale * image.width), math.ceil(2 * scale * image.height)))


def _header(image: Image.Image, *, to_the_end: bool) -> Header:
    traits = [name for name, there in _traits(image).items() if there]
    stored = _orientation(image)
    if (image.format == "TIFF" and stored > 1) or (image.format == "PNG" and to_the_end):
        # Pillow turns a TIFF upright itself while it loads it, and forgets that it was not; a PNG may say it last.
        image.load()
    turn = _orientation(image)
    width, height = image.size[::-1] if turn >= 5 else image.size
    if max(stored, turn) > 1:
        traits.append("rotated by EXIF")
    grey = image.mode in _GREY_MODES or image.mode.startswith("I;16") or _grey_palette(image)
    return Header(height, width, image.mode, grey, tuple(traits))


def _traits(image: Image.Image) -> dict[str, bool]:
    mode = image.mode
    # Pillow gives a 16-bit colour PNG as 8-bit RGB; only the decoder's arguments still tell.
    stored = " ".join(str(tile[3]) for tile in getattr(image, "tile", ()))
    return {
        "palette": mode in ("P", "PA"),
        "transparency": mode in _TRANSPARENT or "transparency" in image.info,
        "16-bit": mode == "I" or mode.startswith("I;16") or ";16" in stored,
        "floating point": mode == "F",
        "CMYK": mode == "CMYK",
        "other colour space": mode in ("YCbCr", "LAB", "HSV"),
        # A phone's JPEG may hold a preview as a second picture (MPO): that is no animation.
        "animated": image.format != "MPO" and getattr(image, "is_animated", False),
    }


def _grey_palette(image: Image.Image) -> bool:
    if image.mode != "P" or image.palette is None:
        return False
    colours = np.array(image.getpalette() or [], dtype=np.uint8).reshape(-1, 3)
    return bool((colours == colours[:, :1]).all())


def _orientation(image: Image.Image) -> int:
    if image.format == "PNG" and not any(key in image.info for key in ("exif", "xmp", "Raw profile type exif")):
        return 1  # asking would decode the whole file
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # unreadable EXIF data is no reason to lose the picture
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


@cache
def _formats() -> tuple[str, ...]:
    """Those of `FORMATS` that this build of Pillow has."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _open(file: BinaryIO) -> Image.Image:
    file.seek(0)
    if not file.read(1):
        raise CorruptImageError("empty file")
    file.seek(0)
    return Image.open(file, formats=_formats())


@contextmanager
def _reasons() -> Iterator[None]:
    """Whatever a decoder throws at a damaged file becomes one exception with a short reason."""
    try:
        yield
    except CorruptImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        limit = (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000
        raise CorruptImageError(
            f"more than {limit} megapixels once unpacked, refused as a decompression bomb"
        ) from error
    except UnidentifiedImageError as error:
        raise CorruptImageError("not an image that can be read") from error
    except Exception as error:  # decoders raise SyntaxError, struct.error, zlib.error, IndexError and more
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise CorruptImageError(reason.rstrip(".")) from error
