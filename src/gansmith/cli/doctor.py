"""`gansmith doctor`: whether this machine is ready to train, and for whatever is not, what to do.

Nothing that may be broken is imported here: PyTorch, and everything that needs it, is tried in processes of its own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from gansmith.cli import probes
from gansmith.cli.parser import Parser
from gansmith.cli.probes import FAIL, NOTE, OK, Check

__all__ = ["doctor"]

MARKS = {OK: "ok", NOTE: "note", FAIL: "FAIL"}


def doctor(arguments: Sequence[str]) -> int:
    """``gansmith doctor [--json] [--quick]``: exit code 1 if something essential fails."""
    parser = Parser(
        prog="gansmith doctor", description="Say whether this machine is ready to train, and what to do if not."
    )
    parser.add_argument("--json", action="store_true", help="print the checks as JSON")
    parser.add_argument("--quick", action="store_true", help="leave out the five-second training")
    given = parser.read(arguments)
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
    return 1 if failed else 0


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
    encoding = sys.stdout.encoding or "ascii"
    line = f"{MARKS[check.state]:>4}  {check.name:<14}{check.found}" + (
        f"\n      {'':<14}{check.fix}" if check.fix else ""
    )
    print(line.encode(encoding, "replace").decode(encoding), flush=True)
