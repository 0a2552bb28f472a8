"""Prepared images on disk: written once and whole, checked by their SHA-256 whenever they are opened."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gansmith.data.images import DataError, ImageSet, apart, digest_of, fingerprint_of
from gansmith.files import cache_folder, sync_directory
from gansmith.lock import held

__all__ = ["Built", "Pixels", "cached", "one_channel", "require_room", "writable_cache", "write_pixels"]

FORMAT = 1  # of the files below; a cache of another format is made anew
VARIABLE = "GANSMITH_CACHE"


@dataclass(frozen=True, kw_only=True)
class Pixels:
    """A file of `count` images of one shape (H, W, C), one after another, and its SHA-256."""

    path: Path
    shape: tuple[int, int, int]
    count: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Built:
    """What a builder made: the pixels on disk, and the rest of an `ImageSet`."""

    pixels: Pixels
    labels: npt.NDArray[np.int64] | None
    classes: tuple[str, ...]
    notes: tuple[str, ...]
    preparation: dict[str, Any]


def cached(root: Path, key: str, build: Callable[[Path], Built], *, name: str) -> ImageSet:
    """The image set stored under `key`; where there is none, or a damaged one, it is built and stored first.

    Only one process builds a key; others wait and read. A build that is killed leaves a temporary directory,
    which the next build of the key removes; the final directory appears by a rename, whole or not at all.

    Args:
        root: cache directory.
        key: SHA-256 of everything that the result depends on.
        build: writes the pixels to the given path and returns them with the rest.
        name: what the set is called in messages.

    Raises:
        DataError: the cache cannot be written (disk full, read-only, …), and whatever `build` raises.
    """
    directory = root / "prepared" / key[:32]
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        found = _load(directory, key, name)
        if found is not None:
            return found
        with held(directory.with_suffix(".lock"), wait=True):
            found = _load(directory, key, name)  # another process may have built it while this one waited
            if found is not None:
                return found
            damaged = directory.exists()
            _store(directory, key, build)
            made = _load(directory, key, name)
    except OSError as error:
        raise DataError(
            f"The prepared images cannot be written to {root}: {error.strerror or error}. "
            f"Make room there, or set {VARIABLE} to a directory on another disk."
        ) from error
    if made is None:
        raise DataError(
            f"The prepared images in {directory} read back differently from what was written: check that disk."
        )
    note = "The prepared images in the cache were damaged and were made again from the originals."
    return replace(made, notes=(*made.notes, note)) if damaged else made


def write_pixels(path: Path, shape: tuple[int, int, int], images: Iterable[npt.NDArray[np.uint8]]) -> Pixels:
    """Write images, each (H, W, C) or several (n, H, W, C), as they come, hashing along the way."""
    sha, count = hashlib.sha256(), 0
    with path.open("wb") as file:
        for image in images:
            data = np.ascontiguousarray(image, dtype=np.uint8).reshape(-1, *shape)
            sha.update(data.data)
            file.write(data.data)
            count += len(data)
    return Pixels(path=path, shape=shape, count=count, sha256=sha.hexdigest())


def one_channel(pixels: Pixels) -> Pixels:
    """The same images with their first channel alone: for images that all turned out to be grey."""
    colour = np.memmap(pixels.path, dtype=np.uint8, mode="r", shape=(pixels.count, *pixels.shape))
    parts = (colour[start : start + 1024, ..., :1] for start in range(0, pixels.count, 1024))
    slim = write_pixels(pixels.path.with_suffix(".grey"), (*pixels.shape[:2], 1), parts)
    return replace(slim, path=slim.path.replace(pixels.path))


def require_room(root: Path, needed: int) -> None:
    """Refuse early, not at the end of an hour's decoding.

    Raises:
        DataError: fewer than `needed` bytes are free where `root` lies.
    """
    free = shutil.disk_usage(root).free
    if free < needed:
        raise DataError(
            f"The prepared images need {needed / 1e9:.2f} GB in {root}, where {free / 1e9:.2f} GB are free. "
            f"Make room there, choose a smaller size, or set {VARIABLE} to a directory on another disk."
        )


def writable_cache(asked: Path | None = None) -> tuple[Path, tuple[str, ...]]:
    """The cache directory, created, with a note if it is not the one that was meant.

    The one asked for, else the variable GANSMITH_CACHE, else ~/.cache/gansmith; where that cannot be written, a
    temporary directory.
    """
    wanted = asked or cache_folder()
    try:
        wanted.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=wanted):
            return wanted, ()
    except OSError as error:
        fallback = _private_temporary()
        reason = error.strerror or str(error)
        note = f"The cache directory {wanted} cannot be written ({reason}), so {fallback} is used instead."
        return fallback, (f"{note} Set {VARIABLE} to choose another.",)


def _store(directory: Path, key: str, build: Callable[[Path], Built]) -> None:
    for stale in directory.parent.glob(f"{directory.name}.tmp-*"):
        shutil.rmtree(stale, ignore_errors=True)
    temporary = Path(tempfile.mkdtemp(dir=directory.parent, prefix=f"{directory.name}.tmp-"))
    try:
        built = build(temporary / "images.bin")
        labels_sha = None
        if built.labels is not None:
            data = built.labels.astype("<i8").tobytes()
            labels_sha = hashlib.sha256(data).hexdigest()
            (temporary / "labels.bin").write_bytes(data)
        manifest = _manifest(key, built, labels_sha)
        text = json.dumps({"manifest": manifest, "sha256": digest_of(manifest)}, indent=1)
        (temporary / "manifest.json").write_text(text, encoding="utf-8")
        for file in temporary.iterdir():
            with file.open("r+b") as handle:
                os.fsync(handle.fileno())
        sync_directory(temporary)
        shutil.rmtree(directory, ignore_errors=True)
        temporary.rename(directory)
        sync_directory(directory.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _manifest(key: str, built: Built, labels_sha: str | None) -> dict[str, Any]:
    shape = (built.pixels.count, *built.pixels.shape)
    return {
        "format": FORMAT,
        "key": key,
        "shape": list(shape),
        "images_sha256": built.pixels.sha256,
        "labels_sha256": labels_sha,
        "classes": list(built.classes),
        "notes": list(built.notes),
        "preparation": built.preparation,
        "fingerprint": fingerprint_of(
            images=built.pixels.sha256,
            labels=labels_sha,
            shape=shape,
            classes=built.classes,
            preparation=built.preparation,
        ),
    }


def _load(directory: Path, key: str, name: str) -> ImageSet | None:
    """The stored set, or None where anything is missing, cut short or altered."""
    try:
        document = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
        manifest = document["manifest"]
        if digest_of(manifest) != document["sha256"] or manifest["format"] != FORMAT or manifest["key"] != key:
            return None
        labels = None
        if manifest["labels_sha256"] is not None:
            _check(directory / "labels.bin", manifest["labels_sha256"])
            labels = np.fromfile(directory / "labels.bin", dtype="<i8").astype(np.int64)
            labels.flags.writeable = False
        _check(directory / "images.bin", manifest["images_sha256"])
        images = np.memmap(directory / "images.bin", dtype=np.uint8, mode="r", shape=tuple(manifest["shape"]))
        every, some = apart(labels)
        classes, notes = tuple(manifest["classes"]), tuple(manifest["notes"])
        return ImageSet(name, images, every, classes, manifest["fingerprint"], notes, some)
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return None


def _check(path: Path, sha256: str) -> None:
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise ValueError(f"{path} does not have the SHA-256 that its manifest names")


def _private_temporary() -> Path:
    """A directory of this user's own, the same at every call where that is safe."""
    user = getattr(os, "getuid", lambda: 0)()
    path = Path(tempfile.gettempdir()) / f"gansmith-cache-{user}"
    with contextlib.suppress(OSError):
        path.mkdir(mode=0o700, exist_ok=True)
        if path.stat().st_uid == user and not path.is_symlink():
            return path
    return Path(tempfile.mkdtemp(prefix="gansmith-cache-"))
