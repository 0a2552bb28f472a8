"""The plot at the end of a run: costs, scores, penalties, and how good the samples got."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gansmith.diagnostics.plots import INK, plain
from gansmith.files import write_atomically
from gansmith.training.display import duration

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_history"]

BOOKKEEPING = frozenset({"step", "seconds", "seconds_left", "images_per_second"})
COLOURS = {
    "cost/generator": "#2f6db3",
    "cost/discriminator": "#d8652a",
    "fake_score": "#2f6db3",
    "real_score": "#4b4b4b",
    "accuracy": "#d8652a",
}
OTHERS = ("#2f6db3", "#d8652a", "#2f8f5b", "#8a5bb0", "#b58900", "#4b4b4b")
MANY = 60
"""Points from which a line is drawn faint with the mean of its neighbourhood over it."""

Record = Mapping[str, Any]


@dataclass(frozen=True)
class _Panel:
    title: str
    names: tuple[str, ...]
    level: float | None = None
    limits: tuple[float, float] | None = None


def plot_history(records: Sequence[Record], path: Path | str) -> Path:
    """Draw the records of ``metrics.jsonl`` as one PNG, a panel for each kind of figure in them; return its path.

    ``cost/*`` are costs, ``*_score`` scores, ``accuracy`` how often the discriminator is right, ``quality/*`` measures
    of the samples, and any other number is a penalty or a further signal; those that begin with ``watch/`` are the
    doctor's, and are left out. Values that are not finite are gaps.

    Args:
        records: mappings with ``step`` and any numbers.
        path: where to.

    Raises:
        ValueError: there is nothing to draw.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = _panels(records)
    if not panels:
        raise ValueError("there are no figures to plot: metrics.jsonl holds no records yet")
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(5.4 * columns, 3.1 * rows + 0.5), dpi=120, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    cells = figure.add_gridspec(rows, columns)
    for place, panel in enumerate(panels):
        # A last panel without a neighbour takes the whole row.
        alone = place == len(panels) - 1 and place % columns == 0
        across = slice(0, columns) if alone else slice(place % columns, place % columns + 1)
        _draw(figure.add_subplot(cells[place // columns, across]), panel, records)
    figure.suptitle(_summary(records), fontsize=9, color=INK, x=0.01, ha="left")
    out = io.BytesIO()
    figure.savefig(out, format="png")
    return write_atomically(Path(path), out.getvalue())


def _panels(records: Sequence[Record]) -> list[_Panel]:
    there = dict.fromkeys(k for r in records for k in r if k not in BOOKKEEPING and not k.startswith("watch/"))
    names = [name for name in there if _series(records, name)[1]]
    costs = tuple(sorted((n for n in names if n.startswith("cost/")), reverse=True))
    scores = tuple(sorted((n for n in names if n.endswith("_score")), reverse=True))
    quality = [n for n in names if n.startswith("quality/")]
    others = tuple(n for n in names if n not in {*costs, *scores, *quality, "accuracy"})
    panels = [
        _Panel("What each player pays", costs),
        _Panel("Mean score of the discriminator", scores),
        _Panel("How often the discriminator is right", ("accuracy",) if "accuracy" in names else (), 0.5, (0, 1.02)),
        _Panel("Penalties and other signals", others),
        *(_Panel(name.removeprefix("quality/"), (name,)) for name in quality),
    ]
    return [panel for panel in panels if panel.names]


def _series(records: Sequence[Record], name: str) -> tuple[list[float], list[float]]:
    """The steps and values of the records that have a finite number under that name."""
    pairs = [(r["step"], r[name]) for r in records if isinstance(r.get(name), int | float) and math.isfinite(r[name])]
    return [float(step) for step, _ in pairs], [float(value) for _, value in pairs]


def _smooth(values: Sequence[float]) -> list[float]:
    """The mean of each value and its neighbours on both sides, as far as there are any."""
    reach = len(values) // 30
    windows = [values[max(0, i - reach) : i + reach + 1] for i in range(len(values))]
    return [sum(window) / len(window) for window in windows]


def _draw(axes: Axes, panel: _Panel, records: Sequence[Record]) -> None:
    from matplotlib.ticker import FuncFormatter

    shown: list[float] = []
    for place, name in enumerate(panel.names):
        steps, values = _series(records, name)
        colour = COLOURS.get(name, OTHERS[place % len(OTHERS)])
        label = name.removeprefix("cost/").removeprefix("quality/").replace("_", " ")
        if len(values) >= MANY:
            axes.plot(steps, values, color=colour, alpha=0.25, linewidth=0.8)
            values = _smooth(values)
        axes.plot(
            steps,
            values,
            color=colour,
            linewidth=1.8,
            label=label,
            marker="o" if len(values) < 8 else None,
            markersize=4,
        )
        shown += values
    if min(shown) > 0 and max(shown) > 100 * min(shown):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    if panel.level is not None:
        axes.axhline(panel.level, color=INK, linewidth=0.8, linestyle=(0, (4, 4)))
    if panel.limits is not None:
        axes.set_ylim(*panel.limits)
    plain(axes, panel.title)
    if len(panel.names) > 1 or panel.title.startswith("Penalties"):
        axes.legend(fontsize=8, frameon=False, labelcolor=INK, ncols=2)


def _summary(records: Sequence[Record]) -> str:
    """How long it was, in words; the clock starts again when a run is resumed."""
    seconds, before = 0.0, 0.0
    for now in (float(record["seconds"]) for record in records if "seconds" in record):
        seconds, before = seconds + (now - before if now >= before else now), now
    text = f"{int(records[-1]['step']):,} steps"
    return f"{text} in {duration(seconds)}" if seconds else text
