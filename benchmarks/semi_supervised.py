"""Semi-supervised learning: errors on the test set from few labels, with and without the images that have none.

    python benchmarks/semi_supervised.py                                        # everything; days of two cores
    python benchmarks/semi_supervised.py --data mnist --labels 100 --seeds 3    # 180,000 steps, as the paper has it
    python benchmarks/semi_supervised.py --labels 100 --steps 20000 --minutes 60 --workers 2

The networks, the optimiser and the protocol are those of Salimans et al. (2016): so many labels of each class, drawn by
the seed; the whole training set without labels; feature matching; the discriminator's average after the last step.
Nothing is chosen by the test set. The baseline is the same network, which is given the labelled samples only.

Runs are kept in benchmarks/results/semi_supervised.json and not made again: the command can be stopped and repeated.
Of the tables from scikit-learn, half is kept for the test, drawn by the seed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent))  # for whoever imports this file rather than runs it

import numpy as np

import gansmith as gs
from gansmith.applications import SemiSupervisedClassifier
from gansmith.games import SemiSupervised
from gansmith.networks import NoisyMLP

IMAGES = {"mnist": "mnist-test", "fashion-mnist": "fashion-mnist-test"}
TABLES = ("digits-8x8", "breast-cancer")
LABELS = {"mnist": (20, 50, 100, 200), "fashion-mnist": (100, 200), "digits-8x8": (50, 100), "breast-cancer": (20, 40)}
STEPS = {"mnist": 180_000, "fashion-mnist": 180_000, "digits-8x8": 20_000, "breast-cancer": 5_000}
METHODS = {"semi-supervised": 0.5, "labels alone": 0.0}  # the weight of the game
PUBLISHED = {20: (1677, 452), 50: (221, 136), 100: (93, 6.5), 200: (90, 4.2)}  # Salimans et al. (2016), table 1


class Job(NamedTuple):
    """One training.

    Args:
        data: one of `LABELS`.
        labels: how many are known, over all classes.
        method: one of `METHODS`.
        seed: draws the labels, and decides everything else.
        steps: of each player.
    """

    data: str
    labels: int
    method: str
    seed: int
    steps: int

    @property
    def key(self) -> str:
        return " ".join(map(str, self))


class Split(NamedTuple):
    """Samples (n, ...) and classes (n,) to learn from and to be tested on."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def data(name: str, seed: int) -> Split:
    """A data set; of one without a test set of its own, half is held out."""
    if name in IMAGES:
        parts = [gs.open_images(one) for one in (name, IMAGES[name])]
        (X, y), (X_test, y_test) = ((part.pixels().flatten(1).numpy(), np.asarray(part.labels)) for part in parts)
        return Split(X, y, X_test, y_test)
    from sklearn.datasets import load_breast_cancer, load_digits
    from sklearn.model_selection import train_test_split

    X, y = (load_digits if name == "digits-8x8" else load_breast_cancer)(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, random_state=seed, stratify=y)
    return Split(X, y, X_test, y_test)


def chosen(y: np.ndarray, labels: int, seed: int) -> np.ndarray:
    """The rows whose label is known: the same number of each class, drawn by the seed."""
    order = np.random.RandomState(seed).permutation(len(y))
    each = labels // len(np.unique(y))
    return np.concatenate([order[y[order] == kind][:each] for kind in np.unique(y)])


def run(job: Job) -> dict[str, Any]:
    """One training, and its errors on the test set."""
    started, split = time.perf_counter(), data(job.data, job.seed)
    known = chosen(split.y, job.labels, job.seed)
    told = np.full(len(split.y), -1)
    told[known] = split.y[known]
    settings: dict[str, Any] = {"game": SemiSupervised(weight=METHODS[job.method]), "random_state": job.seed}
    if job.data in IMAGES:
        settings["image_shape"] = (1, 28, 28)
    else:
        settings |= {"networks": NoisyMLP(width=100, layers=(200, 100, 100)), "batch": 50, "half_life": 1_000.0}
    model = SemiSupervisedClassifier(steps=job.steps, device="auto", **settings)
    rows = slice(None) if METHODS[job.method] else known
    model.fit(split.X[rows], told[rows])
    errors = int((model.predict(split.X_test) != split.y_test).sum())
    return {
        **job._asdict(),
        "errors": errors,
        "of": len(split.y_test),
        "seconds": round(time.perf_counter() - started, 1),
    }


def table(runs: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """For each data set, number of labels, method and length: errors over the seeds."""
    rows = []
    for key in sorted({tuple(run[name] for name in ("data", "labels", "method", "steps")) for run in runs}):
        mine = [r for r in runs if tuple(r[name] for name in ("data", "labels", "method", "steps")) == key]
        errors = [run["errors"] for run in mine]
        rows.append(
            {
                **dict(zip(("data", "labels", "method", "steps"), key, strict=True)),
                "seeds": len(mine),
                "mean": round(statistics.fmean(errors), 1),
                "std": round(statistics.stdev(errors), 1) if len(errors) > 1 else None,
                "of": mine[0]["of"],
                "minutes": round(statistics.median(run["seconds"] for run in mine) / 60, 1),
                "published": PUBLISHED.get(key[1]) if key[0] == "mnist" and key[2] == "semi-supervised" else None,
            }
        )
    return rows


def protocol() -> dict[str, Any]:
    return {
        "networks and optimiser": "those of Salimans et al. (2016) for digits; smaller ones for tables",
        "labels": "the same number of each class, drawn by the seed; seeds from 1",
        "without labels": "the whole training set",
        "labels alone": "the same discriminator, given the labelled samples only",
        "selection": "none: the discriminator's moving average after the last step",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", nargs="+", choices=list(LABELS), default=list(LABELS))
    parser.add_argument("--labels", nargs="+", type=int, help="by default each data set's own numbers")
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--seeds", type=int, default=10, help="from 1 to this one")
    parser.add_argument("--steps", type=int, help="of every run; by default each data set's own number")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no run after this time")
    parser.add_argument("--workers", type=int, default=1, help="runs at a time, of one thread each")
    args = parser.parse_args()

    from pool import finished
    from report import BEGUN_AT, RESULTS, write_result

    path = RESULTS / "semi_supervised.json"
    runs = {run["key"]: run for run in json.loads(path.read_text("utf-8"))["runs"]} if path.is_file() else {}
    every = [
        Job(name, labels, method, seed, args.steps or STEPS[name])
        for seed in range(1, args.seeds + 1)
        for name in args.data
        for labels in args.labels or LABELS[name]
        for method in args.methods
    ]
    missing = [job for job in every if job.key not in runs]
    for job, found in finished(run, missing, workers=args.workers, minutes=args.minutes):
        runs[job.key] = {"key": job.key, **found, "commit": BEGUN_AT}
        print(f"{job.key}: {found['errors']} errors of {found['of']:,} in {found['seconds']:.0f} s", flush=True)
        rows = table(list(runs.values()))
        write_result("semi_supervised", {"protocol": protocol(), "table": rows, "runs": list(runs.values())})
    for row in table(list(runs.values())):
        print(row)


if __name__ == "__main__":
    main()
