"""`gansmith classify`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gansmith.cli.models import add_model, find_model
from gansmith.cli.parser import Parser

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from gansmith.data import ImageSet
    from gansmith.training.model import Model

__all__ = ["classify"]

MISTAKEN = 5
"""Pairs of classes that are listed."""

ABOUT = (
    "Say how many images a run's classifier gets wrong. The run must have been taught: gansmith train "
    "--labels-per-class 10 --no-conditional.\nOf the run's own data, the images that it was taught by are left out."
)


def classify(arguments: Sequence[str]) -> int:
    """``gansmith classify RUN [--data SPEC] [--out FILE.npz] [--json]``."""
    parser = Parser(prog="gansmith classify", description=ABOUT)
    add_model(parser)
    parser.add_argument("--data", metavar="SPEC", help="images: a name, a folder, a .npz or a zip [the run's own]")
    parser.add_argument("--out", metavar="FILE.npz", help="write the probabilities (n, K) and the classes' names")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")
    given = parser.read(arguments)
    if given.out is not None and Path(given.out).suffix.lower() != ".npz":
        raise ValueError(f"--out {given.out} must end in .npz")
    from gansmith.data import open_images
    from gansmith.training.display import preparing, shown_here

    model = find_model(given)
    if model.classifier is None:
        raise ValueError(
            f"{given.run} was not taught to classify; train it with --labels-per-class 10 --no-conditional"
        )
    channels, height, width = model.shape
    with preparing(shown_here(None)) as progress:
        images = open_images(
            given.data or model.recipe.data, size=(height, width), channels=channels, progress=progress
        )
    answers = _answers(model, images)
    if answers is None and given.out is None:
        raise ValueError(f"{images.name} has no labels to compare with; write the answers down with --out FILE.npz")
    rows = _untaught(model, images)
    if answers is not None and given.out is None:
        rows = rows[answers[rows] >= 0]
        if not len(rows):
            raise ValueError(
                f"{images.name} has no labels but those that the run was taught by, and none is left to compare with; "
                "write the answers down with --out FILE.npz"
            )
    found = model.classify(images.pixels()[rows]).numpy()
    if given.out is not None:
        _write(Path(given.out).expanduser(), found, rows, model)
    report: dict[str, Any] = {"run": str(given.run), "step": model.step, "data": images.name, "images": len(rows)}
    if answers is not None:
        known = answers[rows] >= 0
        report |= {"labelled": int(known.sum())}
        report |= _compared(answers[rows][known], found.argmax(1)[known], model) if known.any() else {}
    print(json.dumps(report, indent=2, ensure_ascii=False) if given.json else "\n".join(_lines(report)))
    if given.out is not None and not given.json:
        print(Path(given.out).expanduser())
    return 0


def _answers(model: Model, images: ImageSet) -> npt.NDArray[np.int64] | None:
    """The labels as the model numbers them, −1 where one is not known."""
    import numpy as np

    if images.answers is None:
        return None
    if unknown := sorted(set(images.classes) - set(model.names)):
        raise ValueError(
            f"{images.name} has the class {unknown[0]!r}, and the run knows {', '.join(model.names[:12])}; "
            "name the folders alike"
        )
    places = np.array([*(model.names.index(name) for name in images.classes), -1], np.int64)
    found: npt.NDArray[np.int64] = places[images.answers]
    return found


def _untaught(model: Model, images: ImageSet) -> npt.NDArray[np.int64]:
    """The images that the run was not taught by."""
    import numpy as np

    from gansmith.training.session import taught

    everything = np.arange(len(images))
    if images.fingerprint != model.fingerprint:
        return everything
    return np.setdiff1d(everything, taught(model.recipe, images))


def _compared(answers: npt.NDArray[np.int64], found: npt.NDArray[np.int64], model: Model) -> dict[str, Any]:
    """How many are wrong, in all and of each class, and what is mistaken for what."""
    import numpy as np

    from gansmith.metrics.estimate import wilson

    wrong, n = int((answers != found).sum()), len(answers)
    counts = np.zeros((len(model.names),) * 2, np.int64)
    np.add.at(counts, (answers, found), 1)
    each = [
        {"class": name, "images": int(row.sum()), "wrong": int(row.sum() - row[number])}
        for number, (name, row) in enumerate(zip(model.names, counts, strict=True))
        if row.sum()
    ]
    np.fill_diagonal(counts, 0)
    worst = [divmod(int(place), len(counts)) for place in counts.argsort(axis=None, kind="stable")[::-1][:MISTAKEN]]
    mistaken = [
        {"class": model.names[a], "called": model.names[b], "images": int(counts[a, b])}
        for a, b in worst
        if counts[a, b]
    ]
    return {
        "taught": model.recipe.labels_per_class,
        "wrong": wrong,
        "error": wrong / n,
        "interval": list(wilson(wrong, n)),
        "classes": each,
        "mistaken": mistaken,
    }


def _lines(report: dict[str, Any]) -> list[str]:
    head = f"{report['run']} at step {report['step']:,}: {report['images']:,} images of {report['data']}"
    if "wrong" not in report:
        return [head]
    low, high = report["interval"]
    asked = "" if report["labelled"] == report["images"] else f", {report['labelled']:,} of them with a label"
    lines = [
        f"{head}{asked}, taught by up to {report['taught']} labels of each class",
        f"wrong  {report['wrong']:,} ({report['error']:.2%}; 95 % interval {low:.2%} to {high:.2%})",
    ]
    for row in report["classes"]:
        lines.append(f"  {row['class']:<12} {row['wrong']:>6,} of {row['images']:,}")
    lines += [f"  {row['images']:,} × {row['class']} called {row['called']}" for row in report["mistaken"]]
    return lines


def _write(out: Path, found: npt.NDArray[np.float64], rows: npt.NDArray[np.int64], model: Model) -> None:
    import io

    import numpy as np

    from gansmith.files import write_atomically

    buffer = io.BytesIO()
    np.savez_compressed(buffer, probabilities=found.astype(np.float32), rows=rows, classes=np.array(model.names))
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out, buffer.getvalue())
