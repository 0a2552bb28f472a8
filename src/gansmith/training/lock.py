"""One process at a time: locks that the system takes back when their holder dies."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["alive", "exclusive", "held"]


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Wait for the lock of a folder, and hold it for a moment."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        _take(handle, wait=True)
        yield
    finally:
        os.close(handle)


@contextmanager
def held(file: Path) -> Iterator[None]:
    """Hold the lock of a file that names its holder.

    The file stays behind, which means nothing: the lock itself belongs to the open file, and ends with the process.

    Raises:
        BlockingIOError: another process holds it; the message says which.
        OSError: the file cannot be made.
    """
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            _take(handle, wait=False)
        except BlockingIOError:
            raise BlockingIOError(_holder(file)) from None
        with suppress(OSError):  # on a full disk the lock holds all the same
            os.truncate(handle, 0)
            os.pwrite(handle, json.dumps({"pid": os.getpid(), "host": platform.node()}).encode(), 0)
        yield
    finally:
        os.close(handle)


def alive(pid: int) -> bool:
    """Whether a process of this machine exists.

    Example:
        >>> alive(os.getpid())
        True
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _take(handle: int, *, wait: bool) -> None:
    try:
        import fcntl
    except ImportError:  # a system without such locks: go on without
        return
    fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


def _holder(file: Path) -> str:
    try:
        holder = json.loads(file.read_text(encoding="utf-8"))
        return f"process {holder['pid']} on {holder['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
