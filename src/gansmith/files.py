"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["cache_folder", "replacing", "sync_directory", "write_atomically"]


def cache_folder() -> Path:
    """Where gansmith keeps what it can make again: the variable GANSMITH_CACHE, else ~/.cache/gansmith."""
    return Path(os.environ.get("GANSMITH_CACHE") or "~/.cache/gansmith").expanduser()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; what was written there takes its place at the end, unless something went wrong.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with replacing(Path(folder, "a.txt")) as temporary:
        ...         _ = temporary.write_text("all of it")
        ...     [p.name for p in Path(folder).iterdir()]
        ['a.txt']
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The ending is kept: some writers choose a format by it.
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield temporary
        with temporary.open("r+b") as file:  # Windows flushes only what may be written to
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        if error.filename == str(temporary):
            error.filename = str(path)  # the name that whoever reads of it knows
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: Path, data: bytes) -> Path:
    """Write `data` to `path` as one whole file, or leave what was there; return the path."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    return path


def sync_directory(path: Path) -> None:
    """Make a rename survive a power cut; systems that cannot sync a directory need not."""
    with suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
