"""From a source of files to prepared images in the cache."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from gansmith.data.cache import Built, cached, one_channel, require_room, write_pixels
from gansmith.data.hashes import Progress, in_order
from gansmith.data.images import DataError, ImageSet, digest_of
from gansmith.data.prepare import VERSION, CorruptImageError, Header, decode, decoding, probe
from gansmith.data.sources import Source

__all__ = [
    "Wanted",
    "counted",
    "from_files",
    "has_colour",
    "listed",
    "natural_size",
    "printable",
    "settle",
    "too_corrupt",
]

CORRUPT_SHARE, CORRUPT_FILES = 0.05, 10  # more than both stops
KEPT_SIZE = 256  # images that are all of one size up to this keep it
SIDES = (16, 256)
LISTED = 20  # files named in a message


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The output that was asked for; None leaves the choice to the data.

    Raises:
        ValueError: a size below 1 or above 4096, or channels other than 1 and 3.
    """

    size: tuple[int, int] | None
    channels: int | None

    def __post_init__(self) -> None:
        if self.size is not None and (len(self.size) != 2 or not all(1 <= side <= 4096 for side in self.size)):
            raise ValueError(f"size is {self.size}: give (height, width), each between 1 and 4096")
        if self.channels not in (None, 1, 3):
            raise ValueError(f"channels is {self.channels}: images have 1 (grey) or 3 (colour)")

    def key(self, kind: str, content: str) -> str:
        """SHA-256 of everything that the prepared images depend on."""
        return digest_of([kind, content, VERSION, self.size, self.channels])


@dataclass
class _Tally:
    """What was met while the files were decoded."""

    corrupt: list[tuple[str, str]] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    traits: Counter[str] = field(default_factory=Counter)
    sizes: set[tuple[int, int]] = field(default_factory=set)
    coloured: bool = False


def from_files(source: Source, content: str, wanted: Wanted, *, cache: Path, progress: Progress | None) -> ImageSet:
    """Decode every file of a source into the cache, or find it there.

    Args:
        source: the files.
        content: SHA-256 of all that they hold.
        wanted: size and channels.
        cache: cache directory.
        progress: called with ("measuring" or "preparing", done, total).

    Raises:
        DataError: no readable image; or more than 5 % of the files, and more than 10, are corrupt.
    """

    def build(path: Path) -> Built:
        with decoding():
            size, channels = settle(source, wanted, progress)
            require_room(cache, len(source.files) * size[0] * size[1] * channels)
            tally = _Tally()
            pixels = write_pixels(path, (*size, channels), _decoded(source, size, channels, tally, progress))
        _refuse_if_corrupt(tally.corrupt, len(source.files), source.name)
        if wanted.channels is None and channels == 3 and not tally.coloured:
            pixels = one_channel(pixels)
        labels = None if source.labels is None else np.array(source.labels, dtype=np.int64)[tally.kept]
        return Built(
            pixels=pixels,
            labels=labels,
            classes=source.classes,
            notes=_notes(tally, len(source.files), pixels.shape),
            preparation={"kind": "files", "version": VERSION, "size": list(size), "channels": pixels.shape[2]},
        )

    prepared = cached(cache, wanted.key("files", content), build, name=source.name)
    return replace(prepared, notes=(*source.notes, *_ignored(source.ignored), *prepared.notes))


def settle(source: Source, wanted: Wanted, progress: Progress | None = None) -> tuple[tuple[int, int], int]:
    """The size and channels to decode to: those asked for, else chosen from the files' headers."""
    if wanted.size is not None and wanted.channels is not None:
        return wanted.size, wanted.channels
    headers = []
    for done, header in enumerate(in_order(lambda name: _probe(source, name), source.files), 1):
        if header is not None:
            headers.append(header)
        if progress is not None:
            progress("measuring", done, len(source.files))
    if not headers:
        return (16, 16), 3  # every file is corrupt, which decoding will say with the reasons
    size = wanted.size or natural_size([(header.height, header.width) for header in headers])
    return size, wanted.channels or (1 if all(header.grey for header in headers) else 3)


def natural_size(sizes: list[tuple[int, int]]) -> tuple[int, int]:
    """The common size if there is one up to 256; else a square.

    Its side is the largest power of two up to the median smaller side, between 16 and 256.

    Example:
        >>> natural_size([(48, 64), (48, 64)]), natural_size([(100, 150), (140, 90), (500, 500)])
        ((48, 64), (64, 64))
        >>> natural_size([(900, 600)])
        (256, 256)
    """
    if len(set(sizes)) == 1 and max(sizes[0]) <= KEPT_SIZE:
        return sizes[0]
    median = float(np.median([min(size) for size in sizes]))
    side = 1 << max(0, int(np.floor(np.log2(median))))
    side = min(max(side, SIDES[0]), SIDES[1])
    return side, side


def _probe(source: Source, name: str) -> Header | None:
    """A file's header, or None for a corrupt file."""
    try:
        with source.open(name) as file:
            return probe(file)
    except (CorruptImageError, OSError):
        return None


def has_colour(pixels: npt.NDArray[np.uint8]) -> bool:
    """Whether any pixel of (…, C) is not grey.

    Example:
        >>> has_colour(np.full((2, 2, 3), 7, np.uint8)), has_colour(np.eye(3, dtype=np.uint8)[None])
        (False, True)
    """
    return bool((pixels[..., 1:] != pixels[..., :1]).any())


def counted(number: int, noun: str) -> str:
    """A number with its noun.

    Example:
        >>> counted(1, "file"), counted(2, "file")
        ('1 file', '2 files')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(files: list[tuple[str, str]]) -> str:
    """File names with reasons, the first of them only if there are many."""
    text = printable(", ".join(f"{name} ({reason})" for name, reason in files[:LISTED]))
    return text if len(files) <= LISTED else f"{text} and {len(files) - LISTED} more"


def printable(text: str) -> str:
    r"""File names need not be valid text; what cannot be encoded is shown as a question mark.

    Example:
        >>> printable("caf\udce9.png")
        'caf?.png'
    """
    return text.encode("utf-8", "replace").decode("utf-8")


def too_corrupt(corrupt: int, files: int) -> bool:
    """Whether so many files are corrupt that nobody should train on the rest unknowingly."""
    return corrupt > CORRUPT_FILES and corrupt > CORRUPT_SHARE * files


def _decoded(
    source: Source, size: tuple[int, int], channels: int, tally: _Tally, progress: Progress | None
) -> Iterator[npt.NDArray[np.uint8]]:
    def one(name: str) -> tuple[npt.NDArray[np.uint8], Header] | str:
        try:
            with source.open(name) as file:
                return decode(file, height=size[0], width=size[1], channels=channels)
        except CorruptImageError as error:
            return str(error)
        except OSError as error:
            return error.strerror or str(error)

    for index, result in enumerate(in_order(one, source.files)):
        if isinstance(result, str):
            tally.corrupt.append((source.files[index], result))
        else:
            pixels, header = result
            tally.kept.append(index)
            tally.traits.update(header.traits)
            tally.sizes.add((header.height, header.width))
            tally.coloured = tally.coloured or has_colour(pixels)
            yield pixels
        if progress is not None:
            progress("preparing", index + 1, len(source.files))


def _refuse_if_corrupt(corrupt: list[tuple[str, str]], files: int, name: str) -> None:
    if len(corrupt) < files and not too_corrupt(len(corrupt), files):
        return
    share = "None" if len(corrupt) == files else f"Only {files - len(corrupt):,}"
    raise DataError(
        f"{share} of the {files:,} image files in {name!r} can be read. Corrupt: {listed(corrupt)}. "
        "Remove or replace them, then start again.",
        files=tuple(corrupt),
    )


_CONVERSIONS = {
    "palette": "palette",
    "transparency": "transparency (put on white)",
    "16-bit": "16-bit (scaled to 8)",
    "floating point": "floating point (scaled to 8 bits)",
    "CMYK": "CMYK (to RGB)",
    "other colour space": "other colour space (to RGB)",
    "animated": "animated (first frame)",
    "rotated by EXIF": "rotated by EXIF (turned upright)",
}


def _notes(tally: _Tally, files: int, shape: tuple[int, int, int]) -> tuple[str, ...]:
    notes = []
    if tally.corrupt:
        were = "was" if len(tally.corrupt) == 1 else "were"
        notes.append(
            f"{len(tally.corrupt):,} of {counted(files, 'image file')} could not be read and {were} skipped: "
            f"{listed(tally.corrupt)}."
        )
    if tally.traits:
        parts = [f"{tally.traits[trait]:,} {words}" for trait, words in _CONVERSIONS.items() if tally.traits[trait]]
        notes.append(f"Converted: {', '.join(parts)}.")
    if tally.sizes != {shape[:2]}:
        low, high = ("×".join(map(str, side)) for side in (min(tally.sizes), max(tally.sizes)))
        span = f"of {low}" if low == high else f"of {len(tally.sizes)} sizes ({low} to {high})"
        notes.append(f"Images {span} were cropped at the centre and resized to {shape[0]}×{shape[1]} (height×width).")
    return tuple(notes)


def _ignored(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        return ()
    kinds = sorted({PurePosixPath(name).suffix.lower() or "no suffix" for name in names})
    what = "file that is no image was" if len(names) == 1 else "files that are no images were"
    return (f"{len(names):,} {what} left out ({', '.join(kinds[:6])}).",)
