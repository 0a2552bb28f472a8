"""Files of the MNIST family: found on this machine or downloaded once, and always checked by their known SHA-256."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gansmith.data.hashes import Progress
from gansmith.data.images import DataError
from gansmith.files import write_atomically
from gansmith.lock import held
from gansmith.web import received

__all__ = ["IdxFile", "IdxSet", "locate", "read_idx"]

VARIABLE = "GANSMITH_DATA"


@dataclass(frozen=True, kw_only=True)
class IdxFile:
    """One idx file, named without ".gz", with the SHA-256 and size of its uncompressed content.

    The content is what is checked, because it stays the same however a mirror compressed it.
    """

    name: str
    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True)
class IdxSet:
    """A pair of idx files and where they may be found.

    Args:
        name: as it is asked for on the command line.
        folder: name of its directory below GANSMITH_DATA and in the cache.
        images: the file of images.
        labels: the file of labels.
        classes: names of the classes.
        mirrors: base addresses that serve the files as NAME.gz.
        system: directory where a package of the system puts the files, and the name of that package.
    """

    name: str
    folder: str
    images: IdxFile
    labels: IdxFile
    classes: tuple[str, ...]
    mirrors: tuple[str, ...]
    system: tuple[Path, str] | None = None


def locate(
    idx: IdxSet, *, directory: Path | None, cache: Path, progress: Progress | None = None
) -> tuple[bytes, bytes]:
    """The checked contents of the two files (images, labels), from the first place that has them.

    In this order: the given directory (then nowhere else), the directory in the variable GANSMITH_DATA, the system's
    package, the cache, and last the mirrors, whose files are kept in the cache.

    Raises:
        DataError: the given directory lacks a file; a file is not the published one; or there is no network either.
    """
    if directory is not None:
        found = _in(idx, (directory, directory / "raw"))
        if found is None:
            names = f"{idx.images.name} and {idx.labels.name}"
            raise DataError(f"{directory} does not hold {names}, plain or with .gz, which {idx.name!r} is read from.")
        return found
    kept = cache / "downloads" / idx.folder
    found = _in(idx, (*_from_variable(idx), *((idx.system[0],) if idx.system else ())))
    if found is not None:
        return found
    kept.mkdir(parents=True, exist_ok=True)
    with held(kept / ".lock", wait=True):  # several processes must not download the same file
        return _kept(idx, idx.images, kept, progress), _kept(idx, idx.labels, kept, progress)


def read_idx(content: bytes, *, name: str) -> npt.NDArray[np.uint8]:
    """The array in an idx file of unsigned bytes: two zeros, type 8, the number of axes, the axes, the values.

    Raises:
        DataError: another type, or a length that does not match the axes.

    Example:
        >>> read_idx(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]), name="two").tolist()
        [7, 9]
    """
    axes = content[3] if len(content) > 3 else 0
    shape = [int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "big") for i in range(axes)]
    start = 4 + 4 * axes
    if content[:3] != b"\0\0\x08" or len(content) - start != int(np.prod(shape, dtype=object)):
        raise DataError(f"{name} is not an idx file of bytes.")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _from_variable(idx: IdxSet) -> Iterator[Path]:
    root = os.environ.get(VARIABLE)
    if root:
        base = Path(root).expanduser()
        yield from (base / idx.folder, base / idx.folder / "raw", base)


def _in(idx: IdxSet, directories: tuple[Path, ...]) -> tuple[bytes, bytes] | None:
    """Both files from the first directory that has both; a file of the right name with another content is an error."""
    for directory in directories:
        paths = [_path(directory, file) for file in (idx.images, idx.labels)]
        if all(paths):
            first, second = (
                _checked(path, file) for path, file in zip(paths, (idx.images, idx.labels), strict=True) if path
            )
            return first, second
    return None


def _path(directory: Path, file: IdxFile) -> Path | None:
    dotted = file.name.replace("-idx", ".idx")
    names = (file.name, f"{file.name}.gz", dotted, f"{dotted}.gz")
    return next((path for name in names if (path := directory / name).is_file()), None)


def _checked(path: Path, file: IdxFile) -> bytes:
    try:
        content = _content(path.read_bytes(), file)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    if content is None:
        raise DataError(
            f"{path} is not the published {file.name} (its SHA-256 differs): it is damaged, or of another data set. "
            "Remove it, or give another directory."
        )
    return content


def _content(data: bytes, file: IdxFile) -> bytes | None:
    """The uncompressed content if it is the published one. Never unpacks more than the published size."""
    if data[:2] == b"\x1f\x8b":
        try:
            data = zlib.decompressobj(wbits=31).decompress(data, file.size + 1)
        except zlib.error:
            return None
    return data if hashlib.sha256(data).hexdigest() == file.sha256 else None


def _kept(idx: IdxSet, file: IdxFile, kept: Path, progress: Progress | None) -> bytes:
    """A file from the cache, else from a mirror; one that was damaged in the cache is fetched again."""
    path = _path(kept, file)
    content = _content(path.read_bytes(), file) if path is not None else None
    if content is None:
        data, content = _fetch(idx, file, kept, progress)
        write_atomically(kept / f"{file.name}.gz", data)
    return content


def _fetch(idx: IdxSet, file: IdxFile, kept: Path, progress: Progress | None) -> tuple[bytes, bytes]:
    failures = []
    for mirror in idx.mirrors:
        address = f"{mirror.rstrip('/')}/{file.name}.gz"
        try:
            data = _download(address, file, progress)
        except (OSError, ValueError, EOFError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            failures.append(f"{address}: {reason}")
            continue
        content = _content(data, file)
        if content is not None:
            return (data if data[:2] == b"\x1f\x8b" else gzip.compress(data, mtime=0)), content
        failures.append(f"{address}: the content is not the published one (its SHA-256 differs)")
    ways = [
        f"give a directory that holds {file.name} (plain or .gz) as --data {idx.name}:DIRECTORY",
        f"set {VARIABLE} to a directory with a subdirectory {idx.folder} that holds it",
        f"put it in {kept}",
    ]
    if idx.system:
        ways[2:2] = [f"install the system package {idx.system[1]}"]
    raise DataError(
        f"{idx.name!r} could not be downloaded ({'; '.join(failures)}). Without a network, {len(ways)} ways remain: "
        + "; ".join(f"({number}) {way}" for number, way in enumerate(ways, 1))
        + ". The set called 'digits' needs none of this."
    )


def _download(address: str, file: IdxFile, progress: Progress | None) -> bytes:
    def told(count: int, total: int) -> None:
        if progress is not None:
            progress(f"downloading {file.name}", count, total)

    limit = file.size + (1 << 20)  # no compression makes an honest file longer than this
    return b"".join(received(address, limit=limit, told=told))
