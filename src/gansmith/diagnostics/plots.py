"""What a verdict rests on, drawn: each signal over the run with its line, and the step at which it began."""

from __future__ import annotations

import io
import math
from pathlib import Path
from statistics import median
from textwrap import wrap
from typing import TYPE_CHECKING

from gansmith.diagnostics.trace import Series, Trace
from gansmith.diagnostics.verdict import Evidence, Verdict
from gansmith.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["INK", "plain", "plot_verdict"]

TITLES = {
    "watch/accuracy": "How often the discriminator is right",
    "watch/accuracy_held_out": "How often it is right about held-out images",
    "watch/batch_correlation": "Variance of samples explained by their batch",
    "watch/class_agreement": "Samples that look like the class that was asked for",
    "watch/classes_missed": "Share of real images in classes without samples",
    "watch/dead/discriminator": "Dead units of the discriminator",
    "watch/dead/generator": "Dead units of the generator",
    "watch/distance": "Energy distance of samples to the data",
    "watch/diversity": "Distance between samples, over that between real images",
    "watch/diversity_within": "Distance between samples of a class, over that between real images of it",
    "watch/gradient/discriminator": "Norm of the discriminator's gradient",
    "watch/gradient/generator": "Norm of the generator's gradient",
    "watch/gradient_ratio": "Norm of the generator's gradient over the discriminator's",
    "watch/grid": "Variance of samples in a grid",
    "watch/images": "Training images",
    "watch/kl": "Divergence of the samples' kinds from those of real images",
    **{
        f"watch/live/centre/{i}": f"Mean sample along the {axis} axis of the real images"
        for i, axis in enumerate(("first", "second", "third", "fourth"), 1)
    },
    "watch/live/diversity": "Distance between samples of a training batch, over that between real images",
    "watch/local_diversity": "Distance to the nearest fellow, over that of real images",
    "watch/logit_gap": "Scores of real images minus scores of samples",
    "watch/logit_gap_held_out": "Scores of held-out images minus scores of samples",
    "watch/logits": "Size of the scores",
    "watch/missed": "Share of real images without samples near them",
    "watch/nearest": "Distance to the training images, over that of unseen ones",
    "watch/non_finite": "Gradients that are not finite",
    "watch/overfitting": "Share of the logit gap gone on held-out images",
    "watch/reach": "Gradient at the samples",
    "watch/rotation": "Share of the change of gradients along the way that turns and leads nowhere",
    "watch/saturated": "Samples on which the generator's cost is flat",
    "watch/weights/discriminator": "Norm of the discriminator's weights",
    "watch/weights/generator": "Norm of the generator's weights",
}
FIXED = ("watch/images",)  # a number, which is said and need not be drawn beside curves
LINE, BAD, INK, FAINT = "#2f6db3", "#d8652a", "#333333", "#dddddd"


def plot_verdict(verdict: Verdict, trace: Trace, path: Path | str) -> Path:
    """Draw what a verdict rests on as one PNG, a panel for each signal; return its path.

    The line is the median that was judged by, the points are what was taken. The bound is dashed, with the bad side
    shaded, and the step at which it began is marked. Values that are not finite are crosses at the top.

    Args:
        verdict: what was found.
        trace: where the signals are.
        path: where to.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    moving = [item for item in verdict.evidence if item.signal not in FIXED] or list(verdict.evidence)
    count = max(1, len(moving))
    columns = min(2, count)
    rows = -(-count // columns)
    width = 5.6 * max(columns, 1.3)
    words = wrap(_capitalised(str(verdict)), int(width * 14.5))
    height = 2.9 * rows + 0.25 * len(words) + 0.3
    figure = Figure(figsize=(width, height), dpi=120, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    cells = figure.add_gridspec(rows, columns)
    for place, item in enumerate(moving):
        alone = place == count - 1 and place % columns == 0
        across = slice(0, columns) if alone else slice(place % columns, place % columns + 1)
        _draw(figure.add_subplot(cells[place // columns, across]), item, trace[item.signal], verdict)
    figure.suptitle("\n".join(words), fontsize=9, color=INK, x=0.01, ha="left")
    out = io.BytesIO()
    figure.savefig(out, format="png")
    return write_atomically(Path(path), out.getvalue())


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _draw(axes: Axes, item: Evidence, series: Series, verdict: Verdict) -> None:
    from matplotlib.ticker import FuncFormatter

    taken = [(step, value) for step, value in zip(*series, strict=True) if math.isfinite(value)]
    steps, values = [step for step, _ in taken], [value for _, value in taken]
    smooth = [median(values[max(0, i - item.over + 1) : i + 1]) for i in range(len(values))]
    axes.plot(steps, values, ".", color=LINE, alpha=0.35, markersize=4)
    axes.plot(steps, smooth, color=LINE, linewidth=1.8)
    axes.axhline(item.bound, color=INK, linewidth=0.9, linestyle=(0, (4, 4)))
    if values and min(values) > 0 and max(values) > 300 * min(values):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    low, high = axes.get_ylim()
    axes.axhspan(*((item.bound, high) if item.above else (low, item.bound)), color=BAD, alpha=0.08, linewidth=0)
    axes.set_ylim(low, high)
    axes.axvline(verdict.began, color=BAD, linewidth=1.4)
    axes.annotate(
        f" since {verdict.began:,}", (verdict.began, high), va="top", fontsize=8, color=BAD, annotation_clip=False
    )
    if broken := [step for step, value in zip(*series, strict=True) if not math.isfinite(value)]:
        axes.plot(broken, [high] * len(broken), "x", color=BAD, markersize=6, clip_on=False)
    plain(axes, TITLES.get(item.signal, item.signal))


def plain(axes: Axes, title: str) -> None:
    """What curves over the steps of a run have in common: a title, steps below, faint lines behind."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.set_title(title, fontsize=10, color=INK, loc="left")
    axes.set_xlabel("step", fontsize=8, color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    axes.tick_params(which="both", labelsize=8, colors=INK, length=0)
    axes.grid(color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(INK)
