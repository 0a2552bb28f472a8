"""What a checkpoint says about itself: its version, its step, and the SHA-256 of everything in it."""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

__all__ = [
    "FORMAT",
    "MIGRATIONS",
    "CheckpointError",
    "DamagedError",
    "facts_of",
    "manifest_of",
    "seems_whole",
    "verified",
    "why",
]

FORMAT = 1
"""The version of the format that is written."""

Migration = Callable[[dict[str, Any], dict[str, Any]], tuple[dict[str, Any], dict[str, Any]]]
MIGRATIONS: dict[int, Migration] = {}
"""For an old version, the function that makes the tree and the facts of the next one from its own."""

MANIFEST = "manifest.json"
_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "a file grew beyond the size limit",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "writing there is not permitted",
    errno.EPERM: "writing there is not permitted",
    errno.EIO: "the disk reported an input/output error",
}


class CheckpointError(ValueError):
    """A checkpoint cannot be saved or read; the message says why and what to do."""


class DamagedError(CheckpointError):
    """A checkpoint is not what was saved; the message names the file."""


def why(error: OSError) -> str:
    """What the system says went wrong, in plain words.

    Example:
        >>> why(OSError(errno.ENOSPC, "No space left on device"))
        'the disk is full'
    """
    return _REASONS.get(error.errno or 0) or (error.strerror or str(error)).lower()


def manifest_of(step: int, facts: Mapping[str, Any], contents: Mapping[str, bytes]) -> bytes:
    """The sealed manifest of a checkpoint that holds these files.

    Raises:
        ValueError: the facts hold something that JSON cannot.
    """
    files = {n: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for n, data in contents.items()}
    manifest = {"format": FORMAT, "step": step, "facts": dict(facts), "files": files}
    try:
        return json.dumps({**manifest, "seal": _seal(manifest)}, indent=2).encode()
    except TypeError as error:
        raise ValueError(f"the facts of a checkpoint must be what JSON can hold: {error}") from error


def _seal(manifest: Mapping[str, Any]) -> str:
    """The manifest's own SHA-256: of its canonical JSON without the seal, in this and every later version."""
    rest = {key: value for key, value in manifest.items() if key != "seal"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _read(file: Path) -> bytes:
    """A checkpoint's file, of which only the absence of the whole checkpoint is no damage."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        if not file.parent.is_dir():
            raise
        raise DamagedError(f"{file} is missing") from None
    except OSError as error:
        raise DamagedError(f"{file} cannot be read ({why(error)})") from error


def _read_manifest(path: Path) -> dict[str, Any]:
    """The sealed manifest of a checkpoint, of a version that can be read.

    Raises:
        FileNotFoundError: there is no checkpoint at all.
        CheckpointError: it is damaged, or from a version that cannot be read.
    """
    data = _read(path / MANIFEST)
    try:
        manifest = json.loads(data)
        intact = manifest["seal"] == _seal(manifest)
    except (ValueError, KeyError, TypeError):
        intact = False
    if not intact:
        raise DamagedError(f"{path / MANIFEST} is damaged: it is not what was saved")
    version = manifest["format"]
    if version > FORMAT:
        raise CheckpointError(
            f"{path} was written in checkpoint format {version} by a newer gansmith; this one reads up to {FORMAT}: "
            "upgrade gansmith to go on with this run"
        )
    if any(old not in MIGRATIONS for old in range(version, FORMAT)):
        raise CheckpointError(
            f"{path} is in checkpoint format {version}, which this gansmith no longer reads; go on with the version "
            "that wrote it, or start from its weights with --init-from"
        )
    return dict(manifest)


def facts_of(path: Path) -> dict[str, Any]:
    """What a sealed manifest says about its checkpoint; empty where it cannot be read."""
    try:
        return dict(_read_manifest(path)["facts"])
    except (CheckpointError, OSError):
        return {}


def verified(path: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The manifest and the contents of a checkpoint: the very bytes that were checked.

    Raises:
        FileNotFoundError: there is no checkpoint at all.
        CheckpointError: it is damaged, or from a version that cannot be read.
    """
    manifest = _read_manifest(path)
    contents = {}
    for name, expected in manifest["files"].items():
        file = path / Path(name).name
        data = _read(file)
        if len(data) != expected["bytes"]:
            raise DamagedError(f"{file} is damaged: it has {len(data)} bytes of {expected['bytes']}")
        if hashlib.sha256(data).hexdigest() != expected["sha256"]:
            raise DamagedError(f"{file} is damaged: its SHA-256 is not the one that was saved")
        contents[name] = data
    return manifest, contents


def seems_whole(path: Path) -> bool:
    """Whether the manifest is sealed and every file has its size: cheap enough for every save."""
    try:
        files = _read_manifest(path)["files"]
        return all((path / name).stat().st_size == expected["bytes"] for name, expected in files.items())
    except DamagedError:
        return False
    except CheckpointError:
        return True
    except OSError:
        return False
