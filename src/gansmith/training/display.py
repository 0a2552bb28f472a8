"""What a person sees while a run goes on: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

__all__ = ["Display", "LiveDisplay", "PlainDisplay", "Silent", "duration", "preparing", "shown_here", "state_in_words"]

SOON, OFTEN, SELDOM = 2.0, 2.0, 30.0
"""Seconds until preparations are spoken of, and at first and at last between two lines about them."""

Record = Mapping[str, Any]


class Display(Protocol):
    """Is told what happens in a run."""

    def start(self, step: int, steps: int) -> None: ...
    def update(self, record: Record) -> None: ...
    def say(self, text: str) -> None: ...
    def stop(self) -> None: ...


def duration(seconds: float) -> str:
    """Seconds as people say them.

    Example:
        >>> duration(42), duration(199), duration(7300)
        ('42 s', '3 min 19 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def state_in_words(record: Record) -> str:
    """How the run is, in plain words: what the doctor last said, or else the balance of the game.

    The balance is told from how often the discriminator is right about a fresh batch.

    Example:
        >>> state_in_words({"accuracy": 0.7, "state": "mode collapse since step 1,200"})
        'mode collapse since step 1,200'
        >>> state_in_words({"accuracy": 0.7}), state_in_words({"accuracy": 1.0})
        ('balanced', 'the discriminator is far ahead')
    """
    if "state" in record:
        return str(record["state"])
    accuracy = record.get("accuracy")
    if accuracy is None:
        return "playing"
    if accuracy > 0.98:
        return "the discriminator is far ahead"
    if accuracy > 0.85:
        return "the discriminator leads"
    if accuracy < 0.45:
        return "the generator leads"
    return "balanced"


def _costs(record: Record) -> str:
    return "  ".join(
        f"{name.removeprefix('cost/')} {f'{value:.3f}' if abs(value) < 1000 else f'{value:.3g}'}"
        for name, value in record.items()
        if name.startswith("cost/")
    )


class Silent:
    """Shows nothing."""

    def start(self, step: int, steps: int) -> None: ...
    def update(self, record: Record) -> None: ...
    def say(self, text: str) -> None: ...
    def stop(self) -> None: ...


class PlainDisplay:
    """One line now and then on standard error, for logs and pipes."""

    def __init__(self, lines: int = 20) -> None:
        self.lines, self.steps, self.next = lines, 0, 0

    def start(self, step: int, steps: int) -> None:
        self.steps, self.next = steps, step

    def update(self, record: Record) -> None:
        if record["step"] < self.next and record["step"] < self.steps:
            return
        self.next = int(record["step"]) + max(1, self.steps // self.lines)
        self.say(
            f"step {record['step']:>{len(str(self.steps))}}/{self.steps}  {record['images_per_second']:.0f} images/s  "
            f"{duration(record['seconds_left'])} left  {_costs(record)}  {state_in_words(record)}"
        )

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def stop(self) -> None: ...


class LiveDisplay:
    """A progress bar with the costs and the state of the game, on a terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = (BarColumn(bar_width=24), MofNCompleteColumn(), TextColumn("{task.fields[text]}"))
        self.progress = Progress(*columns, console=Console(stderr=True, highlight=False))
        self.task = self.progress.add_task("", total=None, text="")

    def start(self, step: int, steps: int) -> None:
        self.progress.update(self.task, total=steps, completed=step)
        self.progress.start()

    def update(self, record: Record) -> None:
        text = (
            f"{record['images_per_second']:.0f} images/s  {duration(record['seconds_left'])} left  "
            f"[dim]{_costs(record)}[/]  {state_in_words(record)}"
        )
        self.progress.update(self.task, completed=record["step"], text=text)

    def say(self, text: str) -> None:
        self.progress.console.print(text, markup=False)

    def stop(self) -> None:
        self.progress.stop()


def shown_here(display: Display | None = None) -> Display:
    """`display`, or what suits where standard error goes; of several processes only the first shows anything."""
    if os.environ.get("RANK", "0") != "0":
        return Silent()
    if display is not None:
        return display
    return LiveDisplay() if sys.stderr.isatty() else PlainDisplay()


@contextmanager
def preparing(display: Display) -> Iterator[Callable[[str, int, int], None]]:
    """A way to tell (what is being done, how many are done, of how many), which is shown if it takes long.

    A terminal gets a bar that vanishes at the end, anything else a line now and then.
    """
    if not isinstance(display, LiveDisplay):
        yield _now_and_then(display)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (BarColumn(bar_width=24), MofNCompleteColumn(), TextColumn("{task.description}"))
    bar = Progress(*columns, console=display.progress.console, transient=True)
    task, begin = bar.add_task("", total=None), time.monotonic()

    def show(stage: str, done: int, total: int) -> None:
        bar.update(task, description=stage, completed=done, total=total)
        if time.monotonic() - begin > SOON / 4:
            bar.start()

    try:
        yield show
    finally:
        bar.stop()


def _now_and_then(display: Display) -> Callable[[str, int, int], None]:
    due, pause = time.monotonic() + SOON, OFTEN

    def show(stage: str, done: int, total: int) -> None:
        nonlocal due, pause
        if time.monotonic() > due and done < total:
            pause = min(1.5 * pause, SELDOM)
            due = time.monotonic() + pause
            display.say(f"{stage} {done:,} of {total:,}")

    return show
