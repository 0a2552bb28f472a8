"""Content hashes of many files, remembered between runs so that an unchanged folder is not read again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import stat
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from io import BufferedReader
from pathlib import Path
from typing import TypeVar

from gansmith.files import write_atomically

__all__ = ["Progress", "file_hashes", "in_order", "open_regular"]

Progress = Callable[[str, int, int], None]

THREADS = 2
_SETTLED = 2.0  # seconds: a file may change again unnoticed within one tick of its clock
_In = TypeVar("_In")
_Out = TypeVar("_Out")


def file_hashes(
    folder: Path, names: tuple[str, ...], *, cache: Path, progress: Progress | None = None
) -> dict[str, str]:
    """SHA-256 of every named file of a folder.

    A hash is taken from the last run where size, modification time and change time are still the same (the change time
    cannot be set back by copying or by `touch`) and were already some seconds old when it was made.

    Args:
        folder: where the names are.
        names: relative paths.
        cache: cache directory; whether it can be written does not matter.
        progress: called with ("reading", done, total).

    Returns:
        name → hexadecimal hash; files that cannot be read get the hash "unreadable".
    """
    memory = cache / "hashes" / f"{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:32]}.json"
    known = _remembered(memory)
    fresh: dict[str, list[object]] = {}
    result: dict[str, str] = {}
    now = time.time()

    def hash_one(name: str) -> tuple[str, list[int], str]:
        path = folder / name
        try:
            found = path.stat()
            stamp = [found.st_size, found.st_mtime_ns, found.st_ctime_ns]
            old = known.get(name)
            if old is not None and old[:3] == stamp:
                return name, stamp, str(old[3])
            with open_regular(path) as file:
                return name, stamp, hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return name, [], "unreadable"

    for done, (name, stamp, sha) in enumerate(in_order(hash_one, names), 1):
        result[name] = sha
        if stamp and max(stamp[1:]) / 1e9 < now - _SETTLED:
            fresh[name] = [*stamp, sha]
        if progress is not None:
            progress("reading", done, len(names))
    if fresh != known:
        with contextlib.suppress(OSError):  # a memory that cannot be kept costs only time
            write_atomically(memory, json.dumps(fresh).encode())
    return result


def open_regular(path: Path) -> BufferedReader:
    """A file opened for reading; a pipe or a socket, which would keep the reader waiting, is refused.

    Raises:
        OSError: no such file, not a regular one, or not readable.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(None, "not a regular file")
    return path.open("rb")


def in_order(function: Callable[[_In], _Out], items: Iterable[_In], *, ahead: int = 32) -> Iterator[_Out]:
    """`map` on two threads, in order, with at most `ahead` results waiting, so that memory stays bounded.

    Example:
        >>> list(in_order(abs, [-3, 1, -2]))
        [3, 1, 2]
    """
    pool = ThreadPoolExecutor(THREADS)
    waiting: deque[Future[_Out]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _remembered(path: Path) -> dict[str, list[object]]:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): list(entry) for name, entry in known.items() if len(entry) == 4}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
