"""A run examined from its directory, while it goes on or after it ended; nothing but the report is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from html import escape
from itertools import accumulate
from pathlib import Path
from typing import Any

from PIL import Image

from gansmith.diagnostics import Diagnosis, Limits, Trace, Verdict, at_a_glance, diagnose
from gansmith.diagnostics.plots import TITLES, plot_verdict
from gansmith.diagnostics.trace import PREFIX
from gansmith.files import write_atomically
from gansmith.page import page, picture
from gansmith.training.config import flattened, parse
from gansmith.training.display import state_in_words
from gansmith.training.history import plot_history
from gansmith.training.quality import Quality
from gansmith.training.rundir import RunDirectory, plain_record
from gansmith.training.runs import looked_at
from gansmith.training.treatment import went_back_to

__all__ = ["Checkup", "checkup"]

WORSE = 1.5
"""The rough quality over the best one so far from which a run that nobody watched is said to have got worse."""


@dataclass(frozen=True)
class Checkup:
    """What is known of a run.

    Args:
        path: the run's directory.
        steps: how many steps it is to make.
        trace: what it wrote down.
        diagnosis: what it suffers from.
        notes: what else can be said, in sentences.
        decisions: what the run did about its disorders by itself.
    """

    path: Path
    steps: int
    trace: Trace
    diagnosis: Diagnosis
    notes: tuple[str, ...] = ()
    decisions: tuple[Mapping[str, Any], ...] = ()

    @property
    def headline(self) -> str:
        """One line that says it all."""
        return f"{self.path} at step {self.trace.step:,} of {self.steps:,}: {self.diagnosis.state}"

    @property
    def signals(self) -> dict[str, float]:
        """The doctor's last figures."""
        names = dict.fromkeys(name for record in self.trace.records for name in record if name.startswith(PREFIX))
        return {name: series.values[-1] for name in names if (series := self.trace[name]).values}

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "run": str(self.path),
            "step": self.trace.step,
            "steps": self.steps,
            "state": self.diagnosis.state,
            "known": self.diagnosis.known,
            "failing": self.diagnosis.failing is not None,
            "verdicts": [verdict.to_dict() for verdict in self.diagnosis.verdicts],
            "notes": list(self.notes),
            "decisions": [dict(decision) for decision in self.decisions],
            "signals": plain_record(self.signals),
        }

    def lines(self) -> list[str]:
        """What a person is told."""
        found = [self.headline]
        for verdict in self.diagnosis.verdicts:
            found += ["", f"{verdict.disorder}, since step {verdict.began:,}, certain at step {verdict.seen:,}"]
            found += [f"  {item.sentence}" for item in verdict.evidence]
            found.append(f"  what to do: {verdict.remedy.sentence}")
        told = [*self.notes, *map(_in_words, self.decisions)]
        return [*found, "", *told] if told else found

    def write(self, folder: Path) -> Path:
        """Write the evidence as plots and a page that needs nothing but itself; return the page."""
        pictures = []
        for place, verdict in enumerate(self.diagnosis.verdicts, 1):
            name = f"{place}-{verdict.disorder.replace(' ', '-')}.png"
            pictures.append((verdict, plot_verdict(verdict, self.trace, folder / name)))
        history = None
        if any(name not in ("step", "state") for record in self.trace.records for name in record):
            history = _tried(lambda: plot_history(list(self.trace.records), folder / "history.png"))
        return write_atomically(folder / "index.html", _page(self, pictures, history).encode())


def checkup(path: Path | str, *, probe: bool = False, allow_code: bool = False) -> Checkup:
    """Examine a run.

    Args:
        path: the run's directory.
        probe: also load the newest checkpoint and the data, and take the signals now.
        allow_code: with `probe`, import the pieces of one's own that the recipe names.

    Raises:
        ValueError: there is no such run, or, with `probe`, no checkpoint or not the same data.
    """
    directory = RunDirectory.open(Path(path).expanduser())
    settings, decisions = flattened(parse(directory.config())), tuple(directory.decisions())
    for decision in decisions:
        settings |= decision.get("settings", {})
    trace, notes = directory.trace(), []
    watched = any(name.startswith(PREFIX) for record in trace.records for name in record)
    if probe:
        look = looked_at(directory.path, allow_code=allow_code)
        trace = replace(trace, records=(*trace.until(look["step"]).records, look))
    elif not watched:
        notes.append(
            "The run took no signals (--every.watch), so costs and quality are all that there is to judge by; "
            f"gansmith doctor {path} --probe takes them now, of the newest checkpoint."
        )
    if not watched:
        notes += _from_figures(trace)
    diagnosis = diagnose(trace, settings, since=went_back_to(decisions) or 0)
    if probe and not diagnosis.known and len(trace[f"{PREFIX}distance"].steps) < Limits().least:
        diagnosis = at_a_glance(look, settings)
        notes.append("This rests on one look; whether it lasts is seen in a run that is watched (--every.watch).")
    return Checkup(directory.path, int(settings.get("steps", 0)), trace, diagnosis, tuple(notes), decisions)


def _from_figures(trace: Trace) -> list[str]:
    """What costs and quality alone say."""
    if not trace.records:
        return ["It has written nothing down yet."]
    said = []
    quality = trace[Quality.name]
    if quality.values:
        best = list(accumulate(quality.values, min))[-1]
        at, now = quality.steps[quality.values.index(best)], quality.values[-1]
        worse = now > WORSE * best
        then = f"It was best at step {at:,}, {best:.3g}, and is {now:.3g} now"
        said.append(
            f"{then}: it has got worse (rough Fréchet distance). Take that one: --checkpoint best"
            if worse
            else f"{then} (rough Fréchet distance)."
        )
    if (accuracy := trace["accuracy"]).values:
        said.append(f"The balance of the game: {state_in_words({'accuracy': accuracy.values[-1]})}.")
    return said


def _in_words(decision: Mapping[str, Any]) -> str:
    when, why = f"At step {decision['step']:,} the run", f"({decision['disorder']})"
    if decision["what"] == "stopped":
        return f"{when} was stopped {why}."
    back = f"{when} went back to step {decision['to']:,} {why}"
    return f"{back}: {decision['remedy']}." if decision.get("settings") else f"{back}, with other noise alone."


def _tried(draw: Callable[[], Path]) -> Path | None:
    try:
        return draw()
    except ValueError:  # there is nothing to draw
        return None


def _page(found: Checkup, pictures: list[tuple[Verdict, Path]], history: Path | None) -> str:
    parts = [f"<h1>{escape(found.headline)}</h1>"]
    for verdict, plot in pictures:
        shown = "".join(f"<li>{escape(item.sentence)}</li>" for item in verdict.evidence)
        title = f"{verdict.disorder[:1].upper()}{verdict.disorder[1:]}, since step {verdict.began:,}"
        parts += [
            f"<h2>{escape(title)}</h2><ul>{shown}</ul>",
            f"<p><strong>What to do:</strong> {_flagged(verdict.remedy.sentence)}</p>",
            _image(plot, f"The signals behind it: {', '.join(item.signal for item in verdict.evidence)}"),
        ]
    parts += [f"<p>{escape(text)}</p>" for text in (*found.notes, *map(_in_words, found.decisions))]
    if history is not None:
        parts.append(f"<h2>The run</h2>{_image(history, 'What the run wrote down, step by step')}")
    rows = "".join(
        f'<tr><td><code>{escape(name)}</code></td><td class="number">{value:.4g}</td>'
        f'<td class="soft line">{escape(TITLES.get(name, ""))}</td></tr>'
        for name, value in found.signals.items()
    )
    if rows:
        parts.append(f"<h2>Its signals now</h2><table>{rows}</table>")
    return page(found.headline, "".join(parts), style="code { white-space: nowrap; }")


def _flagged(sentence: str) -> str:
    """A sentence as HTML in which flags are code, which no line ends within."""
    return re.sub(r"--[\w.-]+(?: (?!--)[^\s;]+)*", r"<code>\g<0></code>", escape(sentence))


def _image(path: Path, alt: str) -> str:
    with Image.open(path) as plot:
        width = round(0.75 * plot.width)
    return picture(path.read_bytes(), alt=alt, width=width)
