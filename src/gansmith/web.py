"""Files from the web: read in blocks, never longer than announced, kept only when they are what was published."""

from __future__ import annotations

import hashlib
import http.client
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from gansmith.files import replacing

__all__ = ["fetch", "received"]

TIMEOUT = 30.0  # seconds without an answer
_BLOCK = 1 << 18

Progress = Callable[[str, int, int], None]


def received(address: str, *, limit: int, told: Callable[[int, int], None] | None = None) -> Iterator[bytes]:
    """What an address serves, block by block.

    Args:
        address: https:// or http://.
        limit: the most bytes that an honest answer may have.
        told: called with (bytes so far, bytes in all).

    Raises:
        ValueError: no web address, or more than `limit` bytes.
        EOFError: the connection ended before the announced length.
        OSError: no connection, or the server refused.
    """
    if not address.startswith(("https://", "http://")):
        raise ValueError("not a web address")
    with urllib.request.urlopen(address, timeout=TIMEOUT) as answer:
        total, count = int(answer.headers.get("Content-Length") or 0), 0
        while block := answer.read(_BLOCK):
            count += len(block)
            if count > limit:
                raise ValueError(f"longer than the {limit} bytes it may have")
            yield block
            if told is not None:
                told(count, max(total, count))
    if count < total:
        raise EOFError(f"the connection ended after {count} of {total} bytes")


def fetch(address: str, path: Path, *, sha256: str, size: int, progress: Progress | None = None) -> Path:
    """Download one file to `path`, whole and as published, or leave nothing there; return the path.

    Args:
        address: https:// or http://.
        path: where to; its directory is made.
        sha256: of the published file.
        size: its bytes.
        progress: called with (what is being done, bytes so far, bytes in all).

    Raises:
        ValueError: it could not be had, or is another file; the message says why.
    """
    digest = hashlib.sha256()

    def told(count: int, total: int) -> None:
        if progress is not None:
            progress(f"downloading {path.name}", count, total)

    try:
        with replacing(path) as temporary:
            with temporary.open("wb") as file:
                for block in received(address, limit=size, told=told):
                    digest.update(block)
                    file.write(block)
            if digest.hexdigest() != sha256:
                raise ValueError("the content is not the published one (its SHA-256 differs)")
    except (OSError, ValueError, EOFError, http.client.HTTPException) as error:
        raise ValueError(f"{address}: {getattr(error, 'reason', None) or error}") from error
    return path
