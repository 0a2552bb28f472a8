"""`gansmith compare`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gansmith.cli.parser import Parser, existing

if TYPE_CHECKING:
    from gansmith.metrics.comparison import Comparison, Entry
    from gansmith.metrics.score import Protocol, Report

__all__ = ["compare"]


def compare(arguments: Sequence[str]) -> int:
    """``gansmith compare RUN RUN ...``: scores side by side, and which differences are more than noise."""
    parser = Parser(
        prog="gansmith compare",
        description="Put the scores of runs side by side, and say which differences are more than noise. Runs that "
        "differ by their seed alone are taken together, as mean ± standard deviation.",
    )
    parser.add_argument("runs", nargs="*", metavar="RUN", help="a run, a model, or what gansmith evaluate wrote")
    parser.add_argument("--each", action="store_true", help="compare every run for itself, whatever its seed")
    parser.add_argument(
        "--despite", action="append", default=[], metavar="FIELD", help="compare although protocols differ in FIELD"
    )
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON")
    given = parser.read(arguments)
    from gansmith.metrics.comparison import compare as side_by_side

    if len(given.runs) < 2:
        raise ValueError(f"a comparison needs at least two runs; got {len(given.runs)}")
    reports = dict(zip(_names(given.runs), map(_report, given.runs), strict=True))
    entries = _entries(reports, each=given.each)
    if len(entries) < 2:
        raise ValueError("these runs differ by their seed alone; add --each to compare them with each other")
    found = side_by_side(entries, despite=given.despite)
    protocol = entries[0].reports[0].protocol
    if given.json:
        facts = {entry.name: [dict(report.about) for report in entry.reports] for entry in entries}
        print(json.dumps({**found.to_dict(), "runs": facts}, indent=2, ensure_ascii=False))
    else:
        _show(found, entries, protocol)
    return 0


def _names(runs: Sequence[str]) -> list[str]:
    """The shortest ends of the paths that tell them apart.

    Raises:
        ValueError: a run was given twice.
    """
    paths = [Path(run).expanduser().absolute() for run in runs]
    for path in paths:
        if paths.count(path) > 1:
            raise ValueError(f"{path.name} was given twice; a comparison is of different runs")
    parts = [path.parent.parts if path.name == "evaluation.json" else path.parts for path in paths]
    for length in range(1, max(map(len, parts)) + 1):
        names = [str(Path(*part[-length:])) for part in parts]
        if len(set(names)) == len(names):
            return names
    return list(runs)


def _report(run: str) -> Report:
    """The report of a run or a model, of a folder of an evaluation, or in a file.

    Raises:
        ValueError: there is none, or it is not one.
    """
    from gansmith.metrics.score import Report

    file = _file(run)
    try:
        found: Any = json.loads(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not a report of gansmith evaluate: it is no text") from error
    except ValueError as error:
        raise ValueError(f"{file} is not a report of gansmith evaluate ({error})") from error
    if file.name == "config.json" and isinstance(found, dict):
        found = found.get("evaluation")
        if found is None:
            raise ValueError(f"{run} was never judged: export its run once more after gansmith evaluate RUN")
    try:
        return Report.from_dict(found)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error


def _file(run: str) -> Path:
    """Where the report is: a model carries it in its description."""
    from gansmith.training.pretrained import SHIPPED, shipped

    path = (
        SHIPPED / run
        if not Path(run).expanduser().exists() and run in shipped()
        else existing(run, "run, model or evaluation")
    )
    if not path.is_dir():
        return path
    file = next((path / name for name in ("evaluation.json", "config.json") if (path / name).is_file()), None)
    if file is None:
        raise ValueError(f"{run} has no scores: {_cure(run, path)}")
    return file


def _cure(run: str, path: Path) -> str:
    """How to come by scores: those of images do not stay beside them."""
    from gansmith.cli.judged import holds_images

    if holds_images(path):
        return f"judge its images with gansmith evaluate {run} --data SPEC, and compare the folder that this writes"
    return f"gansmith evaluate {run} measures them"


def _entries(reports: dict[str, Report], *, each: bool) -> list[Entry]:
    """Runs of one recipe and different seeds together, all others apart."""
    from gansmith.metrics.comparison import Entry

    groups: dict[tuple[object, ...], list[str]] = {}
    for name, report in reports.items():
        recipe, seed = report.about.get("recipe_digest"), report.about.get("training_seed")
        key: tuple[object, ...] = (name,) if each or recipe is None else (recipe, report.protocol.ema)
        seeds = [reports[other].about.get("training_seed") for other in groups.get(key, [])]
        groups.setdefault((name,) if seed in seeds else key, []).append(name)
    return [Entry(_called(names), tuple(reports[name] for name in names)) for names in groups.values()]


def _called(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _show(found: Comparison, entries: Sequence[Entry], protocol: Protocol) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    table.add_column("score")
    for name in found.entries:
        table.add_column(name, justify="right")
    for score, levels in found.levels.items():
        cells = [_cell(str(level), level.best, level.behind) for level in levels]
        table.add_row(Text(score), *(Text(text, style=style) for text, style in cells))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 40 + 34 * len(found.entries))
    console.print(table)
    for sentence in (*found.sentences(), *found.notes, _kind_of_noise(entries), *protocol.lines()):
        console.print(sentence, markup=False, soft_wrap=True)


def _cell(text: str, best: bool, behind: bool | None) -> tuple[str, str]:
    """A level with its mark: ``*`` is the best, ``~`` not told from it by more than the noise."""
    mark = "*" if best else {True: " ", False: "~", None: " "}[behind]
    return f"{text} {mark}", "bold" if best else ""


def _kind_of_noise(entries: Sequence[Entry]) -> str:
    several = [entry for entry in entries if len(entry.reports) > 1]
    marks = "* is the best, ~ is not told from it by more than the noise"
    if len(several) == len(entries):
        return f"{marks}; values are mean ± standard deviation over trainings"
    single = "± is the 95 % interval of sampling, so the noise of training is not in it: train several seeds to know it"
    if several:
        return f"{marks}; for several trainings ± is their standard deviation, for one {single[2:]}"
    return f"{marks}; {single}"
