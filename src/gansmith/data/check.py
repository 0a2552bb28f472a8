"""What is wrong with a folder, an archive or an array file of images, before anything is trained on it."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from gansmith.data.archives import read_npz
from gansmith.data.build import CORRUPT_FILES, CORRUPT_SHARE, counted, has_colour, natural_size, printable, too_corrupt
from gansmith.data.hashes import Progress, in_order
from gansmith.data.images import UNKNOWN, DataError
from gansmith.data.prepare import CorruptImageError, Header, decode, decoding
from gansmith.data.sources import Source, opened

__all__ = ["Report", "check_images"]

TINY = 16  # pixels of the smaller side below which an image can only be blown up
_SHOWN = 10
_LOOK = 64  # pixels to which a file is decoded for the look; big JPEGs are then decoded at a fraction


@dataclass(frozen=True, kw_only=True)
class Report:
    """What `check_images` found.

    Args:
        path: what was looked at.
        images: files (or array entries) that can be read.
        corrupt: (file, reason) of those that cannot.
        duplicates: groups of files with exactly the same content.
        tiny: files whose smaller side is below 16 pixels.
        traits: what is out of the ordinary (palette, transparency, 16-bit, CMYK, animated, rotated by EXIF, …) → files.
        modes: pixel format → number of files.
        sizes: "height×width" → number of files.
        ignored: suffix → number of files that are no images.
        classes: class → number of its files; empty when unlabelled.
        unlabelled: files without a class, where others have one.
        size: (height, width) that suits the images: what `open_images` chooses where none is given.
        channels: 1 or 3, chosen in the same way.
        notes: further remarks, in plain sentences.
    """

    path: str
    images: int
    corrupt: tuple[tuple[str, str], ...] = ()
    duplicates: tuple[tuple[str, ...], ...] = ()
    tiny: tuple[str, ...] = ()
    traits: dict[str, tuple[str, ...]] = field(default_factory=dict)
    modes: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    ignored: dict[str, int] = field(default_factory=dict)
    classes: dict[str, int] = field(default_factory=dict)
    unlabelled: int = 0
    size: tuple[int, int] | None = None
    channels: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether training would start on this."""
        return self.images > 0 and not too_corrupt(len(self.corrupt), self.images + len(self.corrupt))

    def to_dict(self) -> dict[str, Any]:
        """Everything, as plain values for JSON."""
        return {**asdict(self), "usable": self.usable}

    def __str__(self) -> str:
        return printable("\n".join(self._lines()))

    def _lines(self) -> Iterable[str]:
        yield f"{self.path}: {counted(self.images, 'image')}"
        if self.classes:
            few, many = min(self.classes.values()), max(self.classes.values())
            yield f"  {len(self.classes)} classes of {few:,} to {many:,} images: {_some(self.classes)}"
        if self.unlabelled:
            yield f"  without a label: {counted(self.unlabelled, 'image')}"
        if self.sizes:
            yield f"  sizes (height×width): {_some([f'{size} ({n:,})' for size, n in self.sizes.items()])}"
        if self.modes:
            yield f"  pixel formats: {_some([f'{mode} ({n:,})' for mode, n in self.modes.items()])}"
        yield f"  corrupt: {_found([f'{name} ({reason})' for name, reason in self.corrupt])}"
        yield f"  duplicated: {_found([' = '.join(group) for group in self.duplicates])}"
        yield f"  tiny (below {TINY} pixels): {_found(self.tiny)}"
        yield from (f"  {trait}: {_found(files)}" for trait, files in self.traits.items())
        if self.ignored:
            yield f"  no images: {_some([f'{n:,} × {suffix}' for suffix, n in self.ignored.items()])}"
        yield from (f"  {note}" for note in self.notes)
        yield f"  {self._verdict()}"

    def _verdict(self) -> str:
        if self.images == 0:
            return "Not usable: no image can be read."
        if not self.usable:
            return (
                f"Not usable: more than {CORRUPT_SHARE:.0%} of the files, and more than {CORRUPT_FILES}, are corrupt. "
                "Remove or replace them."
            )
        if self.size is None:
            return "Usable."
        colour = "grey" if self.channels == 1 else "colour"
        skipped = "; the corrupt files will be skipped" if self.corrupt else ""
        return f"Usable: {self.size[0]}×{self.size[1]} pixels suit it, in {colour}{skipped}."


def check_images(path: str | Path, *, progress: Progress | None = None) -> Report:
    """Decode everything below a folder or in a .zip or .npz, and say what was met. Nothing is written.

    Args:
        path: the folder or archive.
        progress: called with ("checking", done, total).

    Raises:
        DataError: nothing there, no file that could be an image, or an archive that cannot be read.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("P", (40, 30)).save(f"{folder}/a.png")
        ...     report = check_images(folder)
        >>> report.images, report.traits, report.size
        (1, {'palette': ('a.png',)}, (30, 40))
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise DataError(f"There is no {path} to check.")
    if path.suffix.lower() == ".npz":
        return _check_arrays(path)
    if path.is_file() and path.suffix.lower() != ".zip":
        raise DataError(f"{path} is a single file: give a folder of images, a .zip or a .npz.")
    with opened(path) as source, decoding():
        return _check_files(str(path), source, progress)


def _check_files(path: str, source: Source, progress: Progress | None) -> Report:
    corrupt: list[tuple[str, str]] = []
    headers: dict[str, Header] = {}
    coloured = False
    same: dict[str, list[str]] = {}
    results = in_order(lambda name: _look(source, name), source.files)
    for done, (name, (sha, header, colour)) in enumerate(zip(source.files, results, strict=True), 1):
        if isinstance(header, str):
            corrupt.append((name, header))
        else:
            headers[name] = header
            coloured = coloured or colour
        if sha:
            same.setdefault(sha, []).append(name)
        if progress is not None:
            progress("checking", done, len(source.files))
    traits: dict[str, list[str]] = {}
    for name, header in headers.items():
        for trait in header.traits:
            traits.setdefault(trait, []).append(name)
    classes, unlabelled = _class_counts(source, headers)
    return Report(
        path=path,
        images=len(headers),
        corrupt=tuple(corrupt),
        duplicates=tuple(tuple(group) for group in same.values() if len(group) > 1),
        tiny=tuple(name for name, header in headers.items() if min(header.height, header.width) < TINY),
        traits={trait: tuple(files) for trait, files in sorted(traits.items())},
        modes=_counts(header.mode for header in headers.values()),
        sizes=_counts(f"{header.height}×{header.width}" for header in headers.values()),
        ignored=_counts(PurePosixPath(name).suffix.lower() or "no suffix" for name in source.ignored),
        classes=classes,
        unlabelled=unlabelled,
        size=natural_size([(header.height, header.width) for header in headers.values()]) if headers else None,
        channels=(3 if coloured else 1) if headers else None,
        notes=source.notes,
    )


def _look(source: Source, name: str) -> tuple[str, Header | str, bool]:
    """A file's hash, its header or what is wrong with it, and whether it has colour."""
    sha = ""
    try:
        with source.open(name) as file:
            data = file.read()
        sha = hashlib.sha256(data).hexdigest()
        pixels, header = decode(io.BytesIO(data), height=_LOOK, width=_LOOK, channels=3)
    except CorruptImageError as error:
        return sha, str(error), False
    except OSError as error:
        return sha, error.strerror or str(error), False
    return sha, header, not header.grey and has_colour(pixels)


def _check_arrays(path: Path) -> Report:
    arrays = read_npz(path)
    count, height, width, depth = arrays.images.shape
    same: dict[bytes, list[str]] = {}
    for number, image in enumerate(arrays.images):
        same.setdefault(hashlib.sha256(np.ascontiguousarray(image).data).digest(), []).append(f"image {number}")
    known = np.zeros(0, np.int64) if arrays.labels is None else arrays.labels[arrays.labels != UNKNOWN]
    counts = np.bincount(known, minlength=len(arrays.classes)).tolist()
    coloured = depth > 2 and has_colour(arrays.images[..., :3])
    return Report(
        path=str(path),
        images=count,
        duplicates=tuple(tuple(group) for group in same.values() if len(group) > 1),
        tiny=tuple(f"image {number}" for number in range(count)) if min(height, width) < TINY else (),
        sizes={f"{height}×{width}": count},
        modes={("L", "LA", "RGB", "RGBA")[depth - 1]: count},
        classes=dict(zip(arrays.classes, counts, strict=True)),
        unlabelled=0 if arrays.labels is None else count - len(known),
        size=natural_size([(height, width)]),
        channels=3 if coloured else 1,
    )


def _class_counts(source: Source, readable: Iterable[str]) -> tuple[dict[str, int], int]:
    """How many readable files there are of each class, and of none where others have one."""
    if source.labels is None:
        return {}, 0
    kept = set(readable)
    counts = Counter(label for name, label in zip(source.files, source.labels, strict=True) if name in kept)
    return {name: counts[number] for number, name in enumerate(source.classes)}, counts[UNKNOWN]


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(Counter(values).most_common())


def _some(items: Iterable[str]) -> str:
    texts = list(items)
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return ", ".join(texts[:_SHOWN]) + more


def _found(items: Sequence[str]) -> str:
    return f"{len(items):,}: {_some(items)}" if items else "none"
