"""`gansmith doctor`: what a run suffers from; without a run, whether this machine is ready to train.

Nothing that may be broken is imported for the machine: PyTorch, and what needs it, is tried in processes of its own.
"""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from gansmith.cli import probes
from gansmith.cli.app import FAILED, FAILING, YOUR_INPUT
from gansmith.cli.parser import Parser
from gansmith.cli.probes import FAIL, NOTE, OK, Check

if TYPE_CHECKING:
    from gansmith.training.checkup import Checkup

__all__ = ["doctor"]

MARKS = {OK: "ok", NOTE: "note", FAIL: "FAIL"}


def doctor(arguments: Sequence[str]) -> int:
    """``gansmith doctor [RUN] [--json] [--probe | --quick]``."""
    parser = Parser(
        prog="gansmith doctor",
        description="Say what a run suffers from, with the evidence and what to do.\n"
        "Without a run, say whether this machine is ready to train.",
        epilog=f"exit codes: 0 no failure is seen, {FAILING} the run is failing, {YOUR_INPUT} there is no such run or "
        f"flag,\n            {FAILED} something else failed, or the machine is not ready",
    )
    parser.add_argument("run", nargs="?", metavar="RUN", help="a run's directory; it may still be going on")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")
    parser.add_argument("--probe", action="store_true", help="of a run: also look at its newest checkpoint now")
    parser.add_argument(
        "--allow-code", action="store_true", help="with --probe: import the pieces of your own that the run names"
    )
    parser.add_argument("--quick", action="store_true", help="of the machine: leave out the five-second training")
    given = parser.read(arguments)
    if given.run is None and (given.probe or given.allow_code):
        raise ValueError("--probe and --allow-code need a run: gansmith doctor RUN --probe")
    if given.run is not None and given.quick:
        raise ValueError("--quick is of the machine: leave it out, or the run")
    if given.run is not None:
        return _run(given)
    return _machine(given)


def _run(given: Namespace) -> int:
    """Examine a run, and write its page."""
    from gansmith.cli.models import code_beside
    from gansmith.training.checkup import checkup

    code_beside(given.allow_code)
    found = checkup(given.run, probe=given.probe, allow_code=given.allow_code)
    page = _page(found)
    if given.json:
        print(json.dumps({**found.to_dict(), "page": page and str(page)}, indent=2, ensure_ascii=False))
    else:
        _print("\n".join([*found.lines(), *(["", f"With pictures: {page}"] if page else [])]))
    return 0 if found.diagnosis.failing is None else FAILING


def _page(found: Checkup) -> Path | None:
    """Write the page; whose disk is full, or who may only read the run, is still told what it suffers from."""
    try:
        return found.write(found.path / "doctor")
    except OSError as error:
        print(f"gansmith: the page could not be written to {found.path / 'doctor'}: {error.strerror}", file=sys.stderr)
        return None


def _machine(given: Namespace) -> int:
    checks = []
    for check in _checks(quick=given.quick):
        checks.append(check)
        if not given.json:
            _show(check)
    failed = [check.name for check in checks if check.state == FAIL]
    if given.json:
        print(
            json.dumps({"ok": not failed, "checks": [asdict(check) for check in checks]}, indent=2, ensure_ascii=False)
        )
    else:
        print(f"Not ready: {', '.join(failed)}." if failed else "Ready: gansmith train")
    return FAILED if failed else 0


def _checks(*, quick: bool) -> Iterator[Check]:
    yield probes.python()
    yield from probes.hardware()
    yield from probes.disks()
    torch = list(probes.torch())
    yield from torch
    yield from probes.packages()
    if not quick:
        yield probes.training() if torch[0].state == OK else Check("training", NOTE, "not tried, because PyTorch fails")


def _show(check: Check) -> None:
    line = f"{MARKS[check.state]:>4}  {check.name:<14}{check.found}" + (
        f"\n      {'':<14}{check.fix}" if check.fix else ""
    )
    _print(line)


def _print(text: str) -> None:
    encoding = sys.stdout.encoding or "ascii"
    print(text.encode(encoding, "replace").decode(encoding), flush=True)
