"""`gansmith data check`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from shlex import quote
from typing import TYPE_CHECKING

from gansmith.cli.parser import Parser, existing, one_of

if TYPE_CHECKING:
    from gansmith.data import Report

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
    if not given.json and report.usable:
        print("\n".join(_next(given.path, report)))
    return 0 if report.usable else 1


def _next(path: str, report: Report) -> list[str]:
    """The command that comes next, and what it does with the sizes and the classes."""
    from gansmith.recipes import suited

    recipe = suited(path)
    taken, suits = _written(recipe.size or report.size), _written(report.size)
    others = (
        f"--size {suits} is nearer to yours" if suits != taken and _halves(report.size) else "--size HxW takes others"
    )
    lines = [f"  Next: gansmith train --data {quote(path)}", f"  It takes {taken} pixels; {others}."]
    if report.unlabelled and len(report.classes) > 1:
        lines.append("  With --labels-per-class N it learns to classify from the images that have a label.")
    elif report.classes and not report.unlabelled and not recipe.conditional:
        lines.append("  With --conditional it learns the classes, so that each can be asked for.")
    return lines


def _written(size: tuple[int, int] | None) -> str:
    return "x".join(map(str, size or ()))


def _halves(size: tuple[int, int] | None) -> bool:
    """Whether the networks can be built for images of that size."""
    from gansmith.networks.shapes import start_grid

    try:
        return size is not None and bool(start_grid(*size))
    except ValueError:
        return False


def _progress(what: str, done: int, total: int) -> None:
    if done % 100 == 0 or done == total:
        print(f"\r{what} {done:,} of {total:,}", end="", file=sys.stderr, flush=True)
