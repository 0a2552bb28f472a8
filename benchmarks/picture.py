"""Does the default command's grid show digits that a person reads? Measured, over seeds, beside controls.

    python benchmarks/picture.py --seeds 0 1 2 3 4
    python benchmarks/picture.py --runs runs/00001-digits runs/00002-digits

The first form trains the default recipe through the public command line, once for each seed; the second judges runs
that are already there. From each run 10,000 samples of the averaged generator are drawn, none left out, and judged
against the embedded digits, which neither the extractor nor the classifier was trained on. Noise, two half digits put
together, blends of two digits, and real digits go the same way, so that the figures can be read. Writes
benchmarks/results/picture.json.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import gansmith
from gansmith.data import open_images
from gansmith.metrics import Blends, Halves, Images, Noise, Report, digits, evaluate, grey28, measures
from gansmith.types import Sampler

AT_LEAST = 0.9  # of the confident share of real digits
EACH_CLASS = 0.05  # of all samples
MINUTES = 5


@dataclass(frozen=True)
class Real:
    """Real digits: what samples are compared with."""

    images: Tensor
    labels: Tensor


def real_digits() -> Real:
    """The embedded set, which the shipped extractor and classifier never saw."""
    data = open_images("digits")
    if data.labels is None:
        raise SystemExit("the embedded digits came without labels: reinstall gansmith")
    return Real(data.pixels(), torch.tensor(data.labels))


def train(seed: int, directory: Path) -> float:
    """Train the default recipe as a user would; the seconds it took, from the command to its end."""
    command = [sys.executable, "-m", "gansmith", "train", "--seed", str(seed), "--out", str(directory)]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def judge(sampler: Sampler, real: Real, *, n: int, seed: int, ema: bool | None = None) -> Report:
    return evaluate(
        sampler,
        real.images,
        extractor=grey28(),
        classifier=digits(),
        n=n,
        seed=seed,
        split="embedded digits (5,000 of MNIST's training set)",
        ema=ema,
        measures=(measures.Frechet(), measures.Manifold(), measures.Confidence()),
    )


def controls(real: Real) -> dict[str, Sampler]:
    """What is not made by a generator, from the best to the worst."""
    channels, height, width = real.images.shape[1:]
    return {
        "real digits": Images(real.images),
        "two half digits": Halves(real.images, real.labels),
        "blends of two": Blends(real.images, real.labels),
        "noise": Noise((channels, height, width)),
    }


def passed(report: Report, classes: int = 10) -> bool:
    shares = [report[f"share of class {label}"] for label in range(classes)]
    return report["relative share"] >= AT_LEAST and min(shares) >= EACH_CLASS


def summary(reports: list[Report]) -> dict[str, dict[str, float]]:
    """Mean, standard deviation over seeds, lowest and highest of every score."""
    result = {}
    for name in reports[0].values:
        values = [report.values[name] for report in reports]
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        result[name] = {"mean": statistics.fmean(values), "std": spread, "min": min(values), "max": max(values)}
    return result


COLUMNS = ("relative share", "smallest class", "precision", "recall", "Fréchet distance")


def line(name: str, report: Report) -> str:
    smallest = min(value for score, value in report.values.items() if score.startswith("share of class "))
    values = [smallest if column == "smallest class" else report[column] for column in COLUMNS]
    return f"{name:<16}" + "".join(f"{value:>18.3f}" for value in values)


def trained(args: argparse.Namespace, directory: Path) -> list[tuple[str, Path, float | None]]:
    """The runs to judge: (name, directory, seconds of training), trained now unless given."""
    if args.runs:
        return [(run.name, run, None) for run in args.runs]
    runs = []
    for seed in args.seeds:
        run = directory / f"seed-{seed}"
        runs.append((f"seed {seed}", run, train(seed, run)))
        print(f"seed {seed}: trained in {runs[-1][2]:.0f} s", flush=True)
    return runs


def payload(
    runs: list[tuple[str, Path, float | None]], reports: Mapping[str, Report], others: Mapping[str, Report]
) -> dict[str, Any]:
    seconds = {name: taken for name, _, taken in runs}
    every = list(reports.values())
    return {
        "criterion": {"relative share at least": AT_LEAST, "each class at least": EACH_CLASS, "minutes": MINUTES},
        "passed": f"{sum(map(passed, every))} of {len(every)}",
        "runs": {
            name: {"passed": passed(report), "seconds": seconds[name], **report.to_dict()}
            for name, report in reports.items()
        },
        "summary": summary(every),
        "controls": {name: report.to_dict() for name, report in others.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--runs", type=Path, nargs="+", metavar="RUN", help="judge these instead of training")
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep the runs here; by default they are thrown away")
    args = parser.parse_args()

    real = real_digits()
    with tempfile.TemporaryDirectory() as scratch:
        runs = trained(args, args.out or Path(scratch))
        print(" " * 16 + "".join(f"{column:>18}" for column in COLUMNS))
        reports, others = {}, {}
        for name, run, _ in runs:
            reports[name] = judge(gansmith.load(run), real, n=args.samples, seed=0, ema=True)
            print(line(name, reports[name]), flush=True)
        for name, sampler in controls(real).items():
            others[name] = judge(sampler, real, n=args.samples, seed=0)
            print(line(name, others[name]), flush=True)
    from report import write_result

    result = payload(runs, reports, others)
    print(f"\n{result['passed']} runs pass: relative share at least {AT_LEAST}, every class at least {EACH_CLASS}")
    write_result("picture", result)


if __name__ == "__main__":
    main()
