"""`gansmith tutorial`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from gansmith.cli.parser import Parser, whole
from gansmith.tutorial import CHAPTERS, ITEMS, Performance, find

__all__ = ["tutorial"]

FAILED = 1

ABOUT = """Draw a figure of the literature and prove what it claims with a number.

  gansmith tutorial                lists them
  gansmith tutorial figure-1       draws one, in the folder tutorial
  gansmith tutorial --all          draws all, with index.html and README.md around them

exit code 1: a claim failed"""


def tutorial(arguments: Sequence[str]) -> int:
    """``gansmith tutorial [NAME] [--all]``: list the items, run one, or run them all."""
    parser = Parser(prog="gansmith tutorial", description=ABOUT)
    parser.add_argument("name", nargs="?", metavar="NAME", help="the item to draw")
    parser.add_argument("--all", action="store_true", help="draw all of them, and pages that show them")
    parser.add_argument("--out", default="tutorial", metavar="DIR", help="where pictures go [tutorial]")
    parser.add_argument("--seed", type=whole(), default=0, metavar="S", help="of everything that is random [0]")
    parser.add_argument(
        "--jobs", type=whole(least=1), metavar="N", help="items that run at once with --all [one a core]"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.read(arguments)
    if given.all and given.name is not None:
        raise ValueError(f"--all draws every item; leave out {given.name!r}, or --all")
    if given.all:
        return _all(Path(given.out), given.seed, given.jobs or _cores(), as_json=given.json)
    if given.name is None:
        return _list(as_json=given.json)
    return _one(given.name, Path(given.out), given.seed, as_json=given.json)


def _list(*, as_json: bool) -> int:
    if as_json:
        keys = ("name", "title", "source", "seconds")
        items = [
            {"chapter": chapter} | {key: getattr(item, key) for key in keys}
            for chapter, group in CHAPTERS.items()
            for item in group
        ]
        print(json.dumps(items, indent=2, ensure_ascii=False))
        return 0
    width = max(map(len, ITEMS))
    for chapter, group in CHAPTERS.items():
        print(f"{chapter}\n")
        for item in group:
            print(f"  {item.name:<{width}}  {item.title} ({item.source}; {item.seconds} s)")
        print()
    minutes = sum(item.seconds for item in ITEMS.values()) / 60
    print(f"gansmith tutorial NAME draws one, --all draws all {len(ITEMS)} ({minutes:.0f} minutes on one core)")
    return 0


def _one(name: str, out: Path, seed: int, *, as_json: bool) -> int:
    from gansmith.tutorial.folder import writable
    from gansmith.tutorial.item import perform

    item, out = find(name), writable(out)
    from gansmith.tutorial.studio import Studio

    if sys.stderr.isatty():
        print(f"{item.name} takes about {item.seconds} s on one core ...", file=sys.stderr, flush=True)
    told = perform(item, Studio(out, seed=seed))
    if as_json:
        print(json.dumps(told.to_dict(), indent=2, ensure_ascii=False))
    else:
        _print(told)
    return 0 if told.passed else FAILED


def _all(out: Path, seed: int, jobs: int, *, as_json: bool) -> int:
    from gansmith.tutorial.folder import writable

    out = writable(out)
    from gansmith.tutorial.gallery import PAGES, exhibit, run_all
    from gansmith.tutorial.pages import summary

    said = (lambda told: None) if as_json else _print
    told = run_all(list(ITEMS.values()), out, seed=seed, jobs=jobs, done=said)
    exhibit(told, out)
    if as_json:
        print(json.dumps([performance.to_dict() for performance in told], indent=2, ensure_ascii=False))
    else:
        print(f"{summary(told)}\n{', '.join(str(out / page) for page in PAGES)}")
    return 0 if all(performance.passed for performance in told) else FAILED


def _print(told: Performance) -> None:
    print(f"{told.item.name}: {told.item.title} ({told.item.source})")
    for claim in told.claims:
        print(f"  {claim}")
    if told.error:
        print(f"  FAIL  {told.error}")
    for picture in told.pictures:
        print(f"  {picture.path}")
    print(f"  {told.seconds:.1f} s, seed {told.seed}\n", flush=True)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
