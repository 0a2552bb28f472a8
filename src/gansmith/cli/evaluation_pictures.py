"""The pictures of an evaluation, as PNG."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gansmith.metrics import Examination, Report, nearest, wilson
from gansmith.metrics.images import as_images
from gansmith.training.pictures import grid
from gansmith.tutorial.studio import sheet
from gansmith.tutorial.style import FAINT, INK, MADE, REAL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Picture", "pictures"]

SHOWN, COLUMNS = 64, 8
CLOSEST = 10
POINTS = 1_500
DOTS = 144


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture with what it shows.

    Args:
        name: of its file, without ``.png``.
        title: half a sentence.
        caption: what it shows, how it was chosen, and how to read it.
        png: the file.
        width: in pixels of a page; the file has about twice as many, for fine screens.
    """

    name: str
    title: str
    caption: str
    png: bytes
    width: int


def pictures(seen: Examination, report: Report, classes: Sequence[str] = ()) -> Iterator[Picture]:
    """All pictures of an evaluation.

    Args:
        seen: what was gathered.
        report: what was measured.
        classes: the names of the classifier's classes, where they are known.
    """
    yield from _samples(seen)
    yield _plane(seen, report)
    if seen.samples.calls is not None:
        yield _class_counts(seen, classes)


def _samples(seen: Examination) -> Iterator[Picture]:
    by, kept = seen.protocol.extractor, len(seen.real.rows)
    among = f"{kept:,} of the {seen.real.count:,}" if kept < seen.real.count else f"all {kept:,}"
    found = nearest(seen.samples.features[: seen.protocol.neighbours], seen.real.features)
    matches = found.indices[:, 0]
    n = min(SHOWN, len(matches))
    yield _grid(
        seen.samples.pictures[:n],
        name="samples",
        title="Samples, none picked out",
        caption=f"{n} of the {seen.samples.count:,} samples, drawn by lot before anybody saw them.",
    )
    yield _grid(
        seen.real.pictures[matches[:n]],
        name="nearest",
        title="The nearest real image of each",
        caption=f"In the same places: the nearest of {among} reference images, by the features of {by}. "
        "Like is good, the same is copying.",
    )
    closest = found.distances[:, 0].argsort()[:CLOSEST]
    yield _grid(
        torch.cat((seen.samples.pictures[closest], seen.real.pictures[matches[closest]])),
        columns=len(closest),
        name="closest",
        title="The samples that come closest to a real image",
        caption=f"These were picked out, as the likeliest copies of {len(matches):,} samples: above the samples, below "
        f"their nearest reference images, by the features of {by}.",
    )


def _grid(images: Tensor, *, name: str, title: str, caption: str, columns: int = COLUMNS) -> Picture:
    drawn, file = grid(as_images(images), columns=columns), io.BytesIO()
    drawn.save(file, "PNG")
    return Picture(name=name, title=title, caption=caption, png=file.getvalue(), width=drawn.width * 3 // 5)


def _plane(seen: Examination, report: Report) -> Picture:
    """Real images and samples where real images vary most, beside precision and recall."""
    real, fake = (features[:POINTS].double() for features in seen.features())
    centre = real.mean(0)
    directions = torch.linalg.svd(real - centre, full_matrices=False)
    axes = directions.Vh[:2].T
    share = float(directions.S[:2].square().sum() / directions.S.square().sum().clamp(min=1e-12))
    file = io.BytesIO()
    with sheet(file, DOTS, columns=2, size=(9.6, 4.4), widths=(1.25, 1)) as (left, right):
        for points, colour, name in ((real, REAL, "real"), (fake, MADE, "samples")):
            x = ((points - centre) @ axes).numpy()
            y = x[:, 1] if x.shape[1] > 1 else x[:, 0] * 0
            left.scatter(x[:, 0], y, s=7, color=colour, alpha=0.4, linewidths=0, label=name)
        left.set(xticks=[], yticks=[], xlabel="first component of the real images", ylabel="second component")
        left.grid(visible=False)
        left.set_aspect("equal", adjustable="datalim")
        for handle in left.legend(loc="best", markerscale=2.5).legend_handles:
            if handle is not None:
                handle.set_alpha(1)
        _shares(right, report)
    by = seen.protocol.extractor
    return Picture(
        name="precision-recall",
        title="Where samples and real images lie",
        caption=f"Left: {len(fake):,} samples and {len(real):,} real images in the plane of the features of {by} in "
        f"which real images vary most. It shows {share:.0%} of their variance, so a sample that looks at home here may "
        "be a stranger in another direction. Right: what is measured in all directions, with 95 % intervals: precision "
        "and density say how many samples lie where real images do, recall and coverage how many real images lie where "
        "samples do.",
        png=file.getvalue(),
        width=780,
    )


def _shares(axes: Axes, report: Report) -> None:
    names = [name for name in ("precision", "density", "recall", "coverage") if _has(report, name)]
    for place, name in enumerate(names):
        figure = report.figure(name)
        axes.barh(place, figure.value, color=MADE, height=0.55, zorder=2)
        if figure.low is not None and figure.high is not None:
            axes.plot([figure.low, figure.high], [place, place], color=INK, linewidth=2.5, zorder=3)
        axes.text(max(figure.value, figure.high or 0) + 0.02, place, f"{figure.value:.3f}", va="center")
    most = max([1.0, *(max(f.value, f.high or 0) for f in map(report.figure, names))])  # density may exceed 1
    axes.set(yticks=range(len(names)), yticklabels=names, xlim=(0, most + 0.15))
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.axvline(1, color=FAINT, zorder=1)


def _has(report: Report, name: str) -> bool:
    return any(known.partition(" (")[0] == name for known in report.figures)


def _class_counts(seen: Examination, classes: Sequence[str]) -> Picture:
    """How often each class is the most probable, among samples and among real images."""
    file, sets = io.BytesIO(), (("real", seen.real.called, REAL), ("samples", seen.samples.called, MADE))
    number = 0 if seen.real.called is None else len(seen.real.called)
    with sheet(file, DOTS, size=(max(6.0, 0.75 * number), 3.4)) as (axes,):
        for side, (name, called, colour) in zip((-0.2, 0.2), sets, strict=True):
            if called is None:
                continue
            total = int(called.sum())
            for label, count in enumerate(called.tolist()):
                low, high = wilson(count, total)
                axes.bar(label + side, count / total, width=0.36, color=colour, label=name if not label else None)
                axes.plot([label + side] * 2, [low, high], color="#999999", linewidth=2)
        names = classes if len(classes) == number else [str(label) for label in range(number)]
        axes.set(xticks=range(number), xticklabels=names, ylabel="share")
        axes.grid(visible=False, axis="x")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.16), ncols=2)
    return Picture(
        name="classes",
        title="How often each class is drawn",
        caption=f"The most probable class by the classifier {seen.protocol.classifier}, of {seen.samples.count:,} "
        f"samples and of {seen.real.count:,} real images, with 95 % intervals. A class that the samples lack was "
        "forgotten.",
        png=file.getvalue(),
        width=int(72 * max(6.0, 0.75 * number)),
    )
