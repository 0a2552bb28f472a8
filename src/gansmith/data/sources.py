"""A source: named image files that can be opened, wherever they lie; and how their labels are found."""

from __future__ import annotations

import io
import json
import os
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from gansmith.data.hashes import open_regular
from gansmith.data.images import UNKNOWN, DataError, digest_of, numbered_classes
from gansmith.data.prepare import MAGIC, SUFFIXES

__all__ = ["Source", "folder_source", "opened", "zip_source"]

STYLEGAN_LABELS = "dataset.json"
_SPLITS = frozenset(("train", "training", "test", "testing", "val", "valid", "validation", "dev"))
_UNLABELLED = frozenset(("unlabelled", "unlabeled"))
_HUGE = 1 << 30  # bytes that one zip member may unpack to


@dataclass(frozen=True, kw_only=True)
class Source:
    """Image files by name, not yet opened.

    Args:
        name: of the folder or archive.
        files: relative names of the images, sorted.
        ignored: relative names of files that are no images.
        labels: the class of each file, −1 where it is not known, or None.
        classes: names of the classes.
        notes: plain sentences on labels that were not taken.
        open: a file by name, to be read and closed.
    """

    name: str
    files: tuple[str, ...]
    ignored: tuple[str, ...]
    labels: tuple[int, ...] | None
    classes: tuple[str, ...]
    notes: tuple[str, ...]
    open: Callable[[str], BinaryIO]

    def digest(self, hashes: dict[str, str]) -> str:
        """SHA-256 over the names, contents and labels of all images."""
        contents = [[name, hashes[name]] for name in self.files]
        return digest_of([contents, self.labels, list(self.classes)])


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """The images below a folder or inside a zip archive, which stays open meanwhile.

    Raises:
        DataError: no image there, or an archive that cannot be read.
    """
    if path.is_dir():
        yield folder_source(path)
    else:
        with zip_source(path) as source:
            yield source


def folder_source(path: Path) -> Source:
    """The images below a folder, at any depth; hidden files and folders are left out.

    Raises:
        DataError: no image among the files.
    """
    names = sorted(_walk(path))
    images = tuple(name for name in names if _is_image(name, path))
    labels_file = path / STYLEGAN_LABELS
    document = labels_file.read_bytes() if labels_file.is_file() else None
    return _source(
        path.resolve().name or str(path), path, names, images, document, lambda name: open_regular(path / name)
    )


@contextmanager
def zip_source(path: Path) -> Iterator[Source]:
    """The images in a zip archive, which stays open meanwhile.

    A single folder around everything is taken off the names.

    Raises:
        DataError: not a zip archive, an encrypted one, or no image inside.
    """
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise DataError(f"{path} is not a readable zip archive ({error}). Was it downloaded whole?") from error
    with archive:
        members = {i.filename: i for i in archive.infolist() if not i.is_dir() and not _hidden(i.filename)}
        if any(info.flag_bits & 1 for info in members.values()):
            raise DataError(f"{path} is encrypted: unpack it and give the folder.")
        tops = {name.split("/")[0] for name in members}
        prefix = f"{next(iter(tops))}/" if len(tops) == 1 and all("/" in name for name in members) else ""
        names = sorted(name.removeprefix(prefix) for name in members)
        images = tuple(name for name in names if PurePosixPath(name).suffix.lower() in SUFFIXES)
        document = archive.read(prefix + STYLEGAN_LABELS) if prefix + STYLEGAN_LABELS in members else None

        def open_member(name: str) -> BinaryIO:
            if members[prefix + name].file_size > _HUGE:
                raise OSError(None, f"unpacks to more than {_HUGE >> 30} GiB")
            try:
                return io.BytesIO(
                    archive.read(prefix + name)
                )  # to the end, so that the member's own checksum is compared
            except (zipfile.BadZipFile, NotImplementedError, zlib.error, EOFError) as error:
                raise OSError(None, f"damaged inside the archive: {error}") from error

        yield _source(path.stem, path, names, images, document, open_member)


def _source(
    name: str,
    path: Path,
    names: list[str],
    images: tuple[str, ...],
    document: bytes | None,
    opener: Callable[[str], BinaryIO],
) -> Source:
    ignored = tuple(sorted(set(names) - set(images) - {STYLEGAN_LABELS}))
    if not images:
        raise DataError(_nothing(path, ignored))
    labels, classes, notes = _labels_from_document(document, images) if document else _labels_from_folders(images)
    return Source(name=name, files=images, ignored=ignored, labels=labels, classes=classes, notes=notes, open=opener)


_Labels = tuple[tuple[int, ...] | None, tuple[str, ...], tuple[str, ...]]


def _labels_from_folders(images: tuple[str, ...]) -> _Labels:
    """First-level folders are classes, if every image is in one, there are several, and they are not a split.

    One that is called "unlabelled" holds images whose class is not known.
    """
    tops = [name.split("/")[0] if "/" in name else "" for name in images]
    found = sorted(set(tops))
    if found == [""] or len(found) == 1:
        return None, (), ()
    if "" in found:
        note = f"The subfolders are not taken as classes, because not every image is in one ({tops.count('')} outside)."
        return None, (), (note,)
    classes = [top for top in found if top.lower() not in _UNLABELLED]
    if not classes:
        return None, (), ()
    if {top.lower() for top in classes} <= _SPLITS:
        note = f"The subfolders {', '.join(found)} are parts of a split, so they are not taken as classes."
        return None, (), (note,)
    if all(top.isdecimal() for top in classes):
        classes.sort(key=int)
    number = {top: i for i, top in enumerate(classes)}
    return tuple(number.get(top, UNKNOWN) for top in tops), tuple(classes), ()


def _labels_from_document(document: bytes, images: tuple[str, ...]) -> _Labels:
    """StyleGAN's dataset.json: {"labels": [[file, number], …]} or {"labels": null}."""
    try:
        pairs = json.loads(document)["labels"]
        if pairs is None:
            return None, (), ()
        table = {str(name): label for name, label in pairs}
    except (ValueError, KeyError, TypeError):
        return None, (), (f"{STYLEGAN_LABELS} could not be read as a list of labels, so the images have none.",)
    values = [table.get(name) for name in images]
    known = [value for value in values if value is not None]
    if not known:
        return None, (), (f"{STYLEGAN_LABELS} has no label for any of the {len(images)} images.",)
    if not all(type(value) is int and value >= 0 for value in known):
        return None, (), (f"The labels in {STYLEGAN_LABELS} are not whole numbers from 0 on, so they are not used.",)
    missing = len(values) - len(known)
    note = f"{STYLEGAN_LABELS} has no label for {missing} of {len(images)} images, which count as unlabelled."
    labels = tuple(UNKNOWN if value is None else cast(int, value) for value in values)
    return labels, numbered_classes(max(labels)), (note,) if missing else ()


def _walk(top: Path) -> Iterator[str]:
    """Relative names of all files; links to folders are followed, but no folder is entered twice."""
    seen: set[tuple[int, int]] = set()
    for folder, below, files in os.walk(top, followlinks=True):
        stat = Path(folder).stat()
        if (stat.st_dev, stat.st_ino) in seen:
            below.clear()
            continue
        seen.add((stat.st_dev, stat.st_ino))
        below[:] = sorted(name for name in below if not _hidden(name))
        relative = Path(folder).relative_to(top)
        yield from ((relative / name).as_posix() for name in files if not _hidden(name))


def _hidden(name: str) -> bool:
    """Dot files, and what macOS puts beside the real ones ("._photo.jpg", "__MACOSX/")."""
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def _is_image(name: str, folder: Path) -> bool:
    """By suffix; a name without a known one is judged by the first bytes of the file."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in SUFFIXES:
        return True
    if suffix:
        return False
    try:
        with open_regular(folder / name) as file:
            start = file.read(16)
    except OSError:
        return False
    return start.startswith(MAGIC) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP")


def _nothing(path: Path, ignored: tuple[str, ...]) -> str:
    if not ignored:
        return f"{path} holds no files. Give a folder or an archive of images."
    kinds = Counter(PurePosixPath(name).suffix.lower() or "no suffix" for name in ignored)
    listed = ", ".join(f"{count} × {kind}" for kind, count in kinds.most_common(4))
    advice = "Convert them to JPEG or PNG first." if {".heic", ".heif"} & set(kinds) else "Give a folder of images."
    return f"{path} holds no image that can be read, only other files ({listed}). {advice}"
