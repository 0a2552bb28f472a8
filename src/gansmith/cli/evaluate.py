"""`gansmith evaluate`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gansmith.cli.judged import Judged, find_judged
from gansmith.cli.models import add_model
from gansmith.cli.parser import Parser, whole

if TYPE_CHECKING:
    from argparse import Namespace

    from gansmith.data import ImageSet
    from gansmith.metrics import Classifier, Examination, Report
    from gansmith.metrics.gathering import Progress

__all__ = ["evaluate"]

SAMPLES = 10_000
DIGITS = ("digits", "mnist", "mnist-test")


def evaluate(arguments: Sequence[str]) -> int:
    """``gansmith evaluate RUN|FOLDER|FILE.npz``: how close samples are to real images, as figures and as a page."""
    given = _parser().read(arguments)
    from gansmith.metrics import report_on
    from gansmith.training.display import preparing, shown_here

    if given.out is not None and given.out.exists() and not given.out.is_dir():
        raise ValueError(f"--out is the folder of the page, and {given.out} is a file; give another name")
    shown = shown_here()
    with preparing(shown) as progress:
        judged = find_judged(given, progress=progress)
        images, held_out = _real(given, judged, progress)
    with preparing(shown) as progress:
        seen = _examined(given, judged, images, held_out, progress)
        report = replace(report_on(seen, progress=progress), about=judged.facts)
    found = json.dumps(report.to_dict(), indent=2, ensure_ascii=False) + "\n"
    if given.json:
        print(found, end="")
    elif sys.stdout.isatty():
        from rich.console import Console

        Console().print(report)
    else:
        print(report)
    # What was measured is said first: it is not lost where the page cannot be written.
    page = _kept(given, judged, seen, report, images.classes, found)
    if page is not None:
        print(page, file=sys.stderr if given.json else sys.stdout)
    return 0


def _parser() -> Parser:
    parser = Parser(
        prog="gansmith evaluate",
        description="Measure how close samples are to real images: those of a run or a model, or images that are there "
        "already. Shows a table, and writes a page with pictures.",
    )
    add_model(parser, or_else="; with --data also images: a folder, a .npz or a .zip")
    parser.add_argument("--data", metavar="SPEC", help="the real images to compare with [the run's own]")
    parser.add_argument("--held-out", metavar="SPEC", help="real images of the same kind that nobody has trained on")
    parser.add_argument("-n", type=whole(least=1), metavar="N", help="how many samples [10000, or all that are given]")
    parser.add_argument("--seed", type=whole(), default=0, metavar="S", help="of the samples [0]")
    parser.add_argument(
        "--extractor",
        default="grey28",
        metavar="SPEC",
        help="grey28, pixels, imagenet, inception:FILE, or module:attribute of your own [grey28]",
    )
    parser.add_argument(
        "--classifier",
        metavar="SPEC",
        help="digits, stacked-digits, imagenet, inception:FILE or none [of digits their own]",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the page goes [RUN/evaluation]")
    parser.add_argument("--no-report", action="store_true", help="write no page")
    parser.add_argument("--json", action="store_true", help="print the scores and their protocol as JSON")
    parser.add_argument(
        "--allow-few", action="store_true", help="permit fewer than 2,048 samples: the distance is then biased"
    )
    return parser


def _real(given: Namespace, judged: Judged, progress: Progress) -> tuple[ImageSet, ImageSet | None]:
    """The reference and the held-out images, of the samples' shape; and a refusal before anything takes long."""
    from gansmith.data import open_images
    from gansmith.metrics.evaluation import ENOUGH

    channels, height, width = judged.shape
    images, held_out = (
        None if spec is None else open_images(spec, size=(height, width), channels=channels, progress=progress)
        for spec in (given.data or judged.data, given.held_out)
    )
    if images is None:
        raise ValueError(f"{judged.name} names no data of its own; say with --data SPEC which are meant")
    n = judged.count or given.n or SAMPLES
    if min(n, len(images)) < ENOUGH and not given.allow_few:
        raise ValueError(
            f"the Fréchet distance of {n:,} samples and {len(images):,} real images is badly biased: it wants "
            f"{ENOUGH:,} of both; --allow-few measures nevertheless"
        )
    return images, held_out


def _examined(
    given: Namespace, judged: Judged, images: ImageSet, held_out: ImageSet | None, progress: Progress
) -> Examination:
    from gansmith.files import cache_folder
    from gansmith.metrics import examine, named_extractor

    return examine(
        judged.source,
        images,
        extractor=named_extractor(given.extractor, allow_code=given.allow_code, progress=progress),
        classifier=_classifier(given, judged, images, progress),
        held_out=held_out,
        n=given.n or SAMPLES,
        seed=given.seed,
        resize=True,
        allow_few=given.allow_few,
        split=images.name,
        ema=judged.ema,
        cache=cache_folder(),
        progress=progress,
    )


def _classifier(given: Namespace, judged: Judged, images: ImageSet, progress: Progress) -> Classifier | None:
    """The one that was asked for; else the shipped one, where it knows what the images show."""
    from gansmith.data.stacked import STACKED
    from gansmith.metrics import digits, named_classifier, stacked_digits

    if given.classifier is None:
        if images.name == STACKED and judged.shape[0] == 3:
            return stacked_digits()
        return digits() if images.name in DIGITS and judged.shape == (1, 28, 28) else None
    return None if given.classifier == "none" else named_classifier(given.classifier, progress=progress)


def _kept(
    given: Namespace, judged: Judged, seen: Examination, report: Report, classes: Sequence[str], found: str
) -> Path | None:
    """Write the scores and the page; the page's path, if there is one.

    What a run says of its own data stays with it as ``evaluation.json``, where its model card finds it.
    """
    from gansmith.files import write_atomically

    if given.data is None and judged.folder is not None and (judged.folder / "config.yaml").is_file():
        write_atomically(judged.folder / "evaluation.json", found.encode())
    if given.no_report:
        return None
    from gansmith.cli.evaluation_page import as_page
    from gansmith.cli.evaluation_pictures import pictures

    folder = given.out or _place(given, judged)
    shown = tuple(pictures(seen, report, classes))
    for picture in shown:
        write_atomically(folder / f"{picture.name}.png", picture.png)
    write_atomically(folder / "evaluation.json", found.encode())
    step = f" after {judged.facts['step']:,} steps" if "step" in judged.facts else ""
    protocol = report.protocol
    lead = f"{protocol.samples:,} samples{step}, beside {protocol.reference:,} images of {protocol.split}"
    return write_atomically(folder / "index.html", as_page(judged.name, lead, report, shown).encode())


def _place(given: Namespace, judged: Judged) -> Path:
    """The run's own folder where it has one and is judged by its own data; else a folder here."""
    data = "" if given.data is None else "-" + (Path(given.data).name or "data").replace(":", "-")
    if judged.folder is not None and (judged.folder / "config.yaml").is_file():
        return judged.folder / f"evaluation{data}"
    return Path(f"evaluation-{Path(judged.name).stem}{data}")
