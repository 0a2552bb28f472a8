"""How much memory this process has used and may use, as far as the system says; and that it keeps what it has."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from functools import cache
from importlib import import_module
from pathlib import Path

__all__ = ["allowed", "keep_memory", "peak"]

_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def peak() -> int | None:
    """The most bytes that this process has had at a time, or None where the system does not say.

    Example:
        >>> peak() != 0
        True
    """
    try:
        resource = import_module("resource")
    except ImportError:
        return None
    most: int = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def allowed() -> int | None:
    """Bytes that this process may use: the machine's, or what its control group allows; None where nobody says.

    Example:
        >>> allowed() != 0
        True
    """
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
    for limit in _LIMITS:
        try:
            total = min(total, int(limit.read_text()))
        except (OSError, ValueError):
            continue
    return total


@cache
def keep_memory() -> None:
    """Let glibc keep freed blocks: handing large ones back to the system costs a page fault per page and step."""
    if platform.system() == "Linux" and platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        trim_threshold, top_pad, mmap_max = -1, -2, -4
        # No block is mapped by itself: the threshold from which they are cannot be set above 32 MiB.
        libc.mallopt(mmap_max, 0)
        libc.mallopt(trim_threshold, 2**31 - 1)
        libc.mallopt(top_pad, 64 * 2**20)
