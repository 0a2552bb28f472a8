"""`gansmith data check`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from gansmith.cli.parser import Parser, existing, one_of

__all__ = ["data"]


def data(arguments: Sequence[str]) -> int:
    """``gansmith data check PATH``: say what is corrupt, duplicated, tiny, of odd mode; fails where training would."""
    parser = Parser(
        prog="gansmith data",
        usage="gansmith data check PATH [--json]",
        description="Say what is corrupt, duplicated, tiny, of an unusual kind or rotated. Nothing is written.",
    )
    parser.add_argument("action", type=one_of("check"), metavar="check", help="what to do")
    parser.add_argument("path", metavar="PATH", help="a folder of images, a .zip or a .npz")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    given = parser.read(arguments)
    path = existing(given.path, "folder or file")
    from gansmith.data import check_images

    report = check_images(path, progress=None if given.json or not sys.stderr.isatty() else _progress)
    if not given.json and sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    print(json.dumps(report.to_dict(), indent=2, ensure_ascii=False) if given.json else report)
    return 0 if report.usable else 1


def _progress(what: str, done: int, total: int) -> None:
    if done % 100 == 0 or done == total:
        print(f"\r{what} {done:,} of {total:,}", end="", file=sys.stderr, flush=True)
