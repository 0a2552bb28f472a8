"""The page of an evaluation: one HTML file that needs nothing from anywhere else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from gansmith.metrics.score import Figure, Report
from gansmith.page import page, picture

if TYPE_CHECKING:
    from gansmith.cli.evaluation_pictures import Picture

__all__ = ["as_page"]

STYLE = """
.pictures { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start; }
figure h3 { font-size: 1rem; margin: 0 0 .4rem; }
figure.half { flex: 1 1 24rem; max-width: 31rem; } figure.whole { flex: 1 1 100%; }
table { width: 100%; } td.about { color: var(--soft); font-size: .85rem; }
"""

ABOUT = {
    "Fréchet distance": "how far the samples' features are from the real ones', as Gaussians; 0 is equal",
    "FID": "the Fréchet distance under the published Inception network; 0 is equal",
    "kernel distance": "how far the two distributions of features are apart, without bias; about 0 is equal",
    "precision": "the share of samples that lie where real images do: fidelity",
    "recall": "the share of real images that lie where samples do: variety",
    "density": "how crowded with real images the places of samples are; 1 is as for real images",
    "coverage": "the share of real images with a sample in their neighbourhood",
    "told apart": "how often a simple classifier tells samples from real images; 0.5 is chance",
    "confident share": "the share of samples that the classifier calls with confidence",
    "confident share of real": "the same of real images",
    "relative share": "the ratio of the two; 1 is as good as real",
    "samples that get it wrong": "the share of samples that break the rule of their data set",
    "real pictures that seem wrong": "the same of real pictures, as a control",
    "share of class": "how often the classifier calls samples this class with confidence",
    "class score": "how sure the classifier is of each sample and how varied over all; at most the number of classes",
    "classes found": "classes of which there are samples",
    "KL of class shares": "how far the shares of the classes are from the real ones'; 0 is equal",
    "as asked": "the share of samples of a class that a classifier taught by real images finds to be of it",
    "learnt from samples": "the share of real images that a classifier taught by samples alone calls rightly",
    "learnt from real": "the same of one taught by real images, which the two above are to reach",
    "Fréchet distance within classes": "the mean of the distances of each class by itself",
    "FID within classes": "the mean of the distances of each class by itself",
    "MS-SSIM of samples": "how alike two samples of a class are; well above real images means too little variety",
    "MS-SSIM of real": "the same of real images",
    "support by birthdays": "about how many different samples there are, from repetitions among them",
    "authentic": "the share of samples that are no copies of the reference",
    "authentic of held-out": "the same of real images that were held out: what to expect of samples that are new",
    "copying, C_T": "well below 0, samples are nearer to the reference than new real images are: copying",
}


def as_page(title: str, lead: str, report: Report, pictures: Sequence[Picture]) -> str:
    """The page as HTML.

    Args:
        title: what was judged.
        lead: a sentence about it.
        report: what was measured.
        pictures: to show, in their order.
    """
    figures = "".join(map(_figure, pictures))
    body = (
        f'<h1>{escape(title)}</h1><p class="soft">{escape(lead)}</p><div class="pictures">{figures}</div>'
        f"<h2>Scores</h2>{_scores(report)}<h2>Protocol</h2>{_protocol(report)}"
    )
    return page(f"{title}: evaluation", body, style=STYLE)


def _figure(shown: Picture) -> str:
    size = "half" if shown.width < 480 else "whole"
    return (
        f'<figure class="{size}"><h3>{escape(shown.title)}</h3>'
        f"{picture(shown.png, alt=shown.title, width=shown.width)}"
        f"<figcaption>{escape(shown.caption)}</figcaption></figure>"
    )


def _scores(report: Report) -> str:
    head = (
        '<tr><th>score</th><th class="number">value</th><th class="number">95 % interval</th>'
        "<th>better</th><th>what it says</th></tr>"
    )
    rows = "".join(_row(name, figure) for name, figure in report.figures.items())
    return (
        f"<table>{head}{rows}</table>"
        '<p class="soft">Intervals hold what sampling alone would give: other samples of the same generator, '
        "judged in the same way. What another training would give varies more; train several seeds to know.</p>"
    )


def _row(name: str, figure: Figure) -> str:
    value, _, interval = str(figure).partition("  ")
    kind = "share of class" if name.startswith("share of class ") else name.partition(" (")[0]
    about = ABOUT.get(kind, "")
    return (
        f'<tr><td class="line">{escape(name)}</td><td class="number">{value}</td><td class="number">{interval}</td>'
        f'<td data-of="better">{figure.better}</td><td class="about line">{escape(about)}</td></tr>'
    )


def _protocol(report: Report) -> str:
    items = "".join(f"<dt>{escape(key)}</dt><dd>{escape(text)}</dd>" for key, text in _facts(report))
    intervals: dict[str, dict[str, None]] = {}  # of each measure, every way once, in order
    for figure in report.figures.values():
        intervals.setdefault(figure.measure, {})[figure.interval or "no interval"] = None
    measures = "".join(
        f"<dt><code>{escape(name)}</code></dt><dd>{escape('; '.join(ways))}</dd>" for name, ways in intervals.items()
    )
    return (
        f"<dl>{items}</dl><h2>How each was measured</h2><dl>{measures}</dl>"
        '<p class="soft">Scores compare with those of the same protocol and of no other: <code>gansmith compare RUN RUN'
        "</code> sees to that.</p>"
    )


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    protocol = report.protocol
    network = {True: "the averaged weights", False: "the weights as trained", None: "no network average"}[protocol.ema]
    yield "samples", f"{protocol.samples:,}, seed {protocol.seed}; {network}"
    yield "reference", f"{protocol.reference:,} images of {protocol.split}, SHA-256 {protocol.reference_digest}"
    if protocol.held_out:
        yield "held out", f"{protocol.held_out:,} real images, SHA-256 {protocol.held_out_digest}"
    yield "features", f"{protocol.extractor}, SHA-256 {protocol.extractor_digest}"
    if protocol.classifier is not None:
        yield "classifier", f"{protocol.classifier}, SHA-256 {protocol.classifier_digest}"
    yield "resize", protocol.resize
    yield "single images", f"at most {protocol.neighbours:,} of either set are compared one by one, chosen by lot"
    yield "gansmith", protocol.version
