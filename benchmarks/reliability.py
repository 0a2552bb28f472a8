"""Trust over seeds: how many trainings end well, at the defaults and with settings that nobody tuned.

    python benchmarks/reliability.py                                  # everything; many hours
    python benchmarks/reliability.py --data digits shapes --spread 4 --minutes 90 --workers 2

Two parts. *Defaults*: the default recipe on the embedded digits, seed after seed. *Spread*: the same recipe with its
learning rate times 1/4 to 4, with batches of 16 to 256, and on data that it was not made for. The settings of the
spread are a fixed sequence that fills its ranges evenly, so any `--spread N` is its beginning; outside the digits every
fourth leaves rate and batch as they are. With smaller batches than the recipe's there are more steps, for as many
images in all, as `gansmith train --batch` does it. The textbook loop (`textbook.py`) goes through the same: the same
data, factors, batches, seeds and numbers of steps.

A run ends well if
- its score, the Fréchet distance of 50,000 samples to held-out images under the shipped extractor, is at most 1.2
  times the best seed's: the best of all runs on that data, whoever made it, with rate and batch as they are; and
- nothing is missing: of digits, every class has at least half its share of held-out images by what the calibrated
  classifier calls with confidence; of other data, the samples cover at least half as many held-out images as training
  images do (coverage, Naeem et al. 2020, k = 5, with 5,000 of each).

Held out are the test sets of MNIST and Fashion-MNIST, further avatars and further shapes. Finished runs are kept in
benchmarks/results/reliability.json and not made again, so the command can be stopped at any time and repeated.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # for whoever imports this file rather than runs it

import gansmith as gs
from gansmith.training.recipe import rebatched

SAMPLES, COVERED, NEIGHBOUR = 50_000, 5_000, 5
WITHIN, PRESENT = 1.2, 0.5
FACTOR, BATCHES = 4.0, (16, 32, 64, 128, 256)
METHODS = ("gansmith", "textbook")
DEFAULT = gs.RECIPES["digits"]
PIECES = ("networks", "latent", "noise", "game", "dynamics", "augment", "average", "conditional", "batch", "held_out")
WIDTH, LATENT = 32, 100  # of the textbook's networks: the recipe's width, the tutorial's latent
RATE = 2e-4  # the textbook's


@dataclass(frozen=True, kw_only=True)
class Data:
    """Images to train on and others to be judged by."""

    about: str
    open: Callable[[], tuple[Any, Any]]
    classified: bool = False


def _with_test(name: str, test: str) -> Callable[[], tuple[Any, Any]]:
    return lambda: (gs.open_images(name), gs.open_images(test))


def _avatars() -> tuple[Any, Any]:
    return gs.open_images("avatars:15000", size=(32, 32)).split(5_000)


def _shapes() -> tuple[Any, Any]:
    from shapes import shapes

    return shapes(5_000, seed=0), shapes(10_000, seed=1)


DATA = {
    "digits": Data(
        about="5,000 embedded digits; held out: MNIST's test set",
        open=_with_test("digits", "mnist-test"),
        classified=True,
    ),
    "fashion-mnist": Data(
        about="60,000 clothes, 28 px; held out: the test set", open=_with_test("fashion-mnist", "fashion-mnist-test")
    ),
    "avatars": Data(about="10,000 drawn faces in colour, 32 px; held out: 5,000 others", open=_avatars),
    "shapes": Data(about="5,000 drawings of ten shapes, 28 px; held out: 10,000 others", open=_shapes),
}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One training.

    Args:
        method: one of `METHODS`.
        data: one of `DATA`.
        factor: on the learning rate.
        batch: images in a step.
        seed: decides everything else.
        steps: how many; of batches smaller than the recipe's there are as many more, for as many images.
    """

    method: str
    data: str
    factor: float
    batch: int
    seed: int
    steps: int

    @property
    def key(self) -> str:
        return " ".join(str(value) for value in asdict(self).values())


def settings(*, seeds: int, spread: int, data: list[str], methods: list[str], steps: int) -> Iterator[Setting]:
    """All trainings, in the order in which they are made: the defaults first, then the spread over all data."""
    for seed in range(seeds):
        yield Setting(method="gansmith", data="digits", factor=1.0, batch=DEFAULT.batch, seed=seed, steps=steps)
    for index in range(spread):
        for name in data:
            for method in methods:
                factor, batch = varied(index, sorted(DATA).index(name), untuned=name != "digits")
                yield Setting(method=method, data=name, factor=factor, batch=batch, seed=index, steps=steps)
    for seed in range(seeds if "textbook" in methods else 0):
        yield Setting(method="textbook", data="digits", factor=1.0, batch=DEFAULT.batch, seed=seed, steps=steps)


def varied(index: int, data: int, *, untuned: bool) -> tuple[float, int]:
    """The factor and the batch of the spread's setting number `index`: points of a Halton sequence."""
    if untuned and index % 4 == 0:
        return 1.0, DEFAULT.batch
    place = 1 + index + 64 * data
    across = FACTOR ** (2 * radical_inverse(place, 2) - 1)
    return float(f"{across:.3g}"), BATCHES[int(len(BATCHES) * radical_inverse(place, 3))]


def radical_inverse(n: int, base: int) -> float:
    """The digits of n mirrored at the point: evenly spread over [0, 1) whatever n ends at."""
    value, unit = 0.0, 1.0 / base
    while n:
        n, digit = divmod(n, base)
        value, unit = value + digit * unit, unit / base
    return value


def recipe(setting: Setting) -> Any:
    """The default recipe, with what the setting changes, as the command line would change it."""
    base = rebatched(replace(DEFAULT, steps=setting.steps), setting.batch)
    optimizer = replace(base.dynamics.optimizer, lr=base.dynamics.optimizer.lr * setting.factor)
    return replace(
        base,
        dynamics=replace(base.dynamics, optimizer=optimizer),
        seed=setting.seed,
        every=replace(base.every, sample=10**9, save=max(1, base.steps)),
        run=replace(DEFAULT.run, threads=1),
    )


def trained(setting: Setting, folder: Path) -> Any:
    """The sampler that a training ends with."""
    images, _ = DATA[setting.data].open()
    if setting.method == "gansmith":
        done = gs.train(recipe(setting), data=images, out=folder / "run")
        if done.step < done.steps:
            raise KeyboardInterrupt(f"the run was stopped at step {done.step}")
        return gs.load(done.path)
    from textbook import Textbook

    pixels = images.pixels().float() / 127.5 - 1
    loop = Textbook(pixels, width=WIDTH, batch=setting.batch, latent=LATENT, seed=setting.seed)
    for optimizer in (loop.optimizer_d, loop.optimizer_g):
        for group in optimizer.param_groups:
            group["lr"] = RATE * setting.factor
    for _ in range(recipe(setting).steps):
        loop.step()
    return loop


def judge(sampler: Any, data: str, seed: int) -> dict[str, Any]:
    """The score, the coverage and, where there is a classifier, each class's confident share.

    Raises:
        ValueError: samples that are not finite.
    """
    import torch

    from gansmith.metrics import GaussianStatistics, calls, digits, draw, frechet_distance, grey28, nearest_others
    from gansmith.metrics.images import as_images, fit

    extractor, classifier = grey28(), digits()
    held = DATA[data].open()[1].pixels()
    order = torch.randperm(len(held), generator=torch.Generator().manual_seed(0))
    features, confident = [], []
    for part in draw(sampler, SAMPLES, seed=seed):
        small = fit(as_images(part), (1, 28, 28))
        features.append(extractor(small).double())
        confident.append(classifier.probabilities(small))
    samples = torch.cat(features)
    real = torch.cat([extractor(fit(as_images(part), (1, 28, 28))).double() for part in held[order].split(500)])
    score = frechet_distance(GaussianStatistics.of(samples), GaussianStatistics.of(real))
    real = real[:COVERED]
    radii = nearest_others(real, k=NEIGHBOUR).distances[:, -1]
    nearest = torch.cat([torch.cdist(part, samples[:COVERED]).min(1).values for part in real.split(500)])
    found: dict[str, Any] = {"score": round(score, 4), "coverage": round((nearest <= radii).double().mean().item(), 4)}
    if DATA[data].classified:
        found["classes"] = [round(share, 4) for share in calls(torch.cat(confident)).class_shares]
    return found


def run(setting: Setting) -> dict[str, Any]:
    """One training and its judgement."""
    from gansmith.training.errors import TrainingError

    started = time.perf_counter()
    found: dict[str, Any]
    with tempfile.TemporaryDirectory() as folder:
        try:
            sampler = trained(setting, Path(folder))
            seconds = time.perf_counter() - started
            found = judge(sampler, setting.data, setting.seed)
        except (TrainingError, ValueError) as error:  # a run that broke down has ended, and badly
            seconds, found = time.perf_counter() - started, {"score": None, "error": str(error)}
    return {**asdict(setting), "made_of": made_of(setting.method), "seconds": round(seconds, 1), **found}


def control(data: str) -> dict[str, Any]:
    """What real images score: the training images, and the held-out ones, which say what classes there are."""
    from gansmith.metrics import Images

    images, held = DATA[data].open()
    return {
        "training images": judge(Images(images.pixels()), data, 0),
        "held out": judge(Images(held.pixels()), data, 0),
    }


@cache
def made_of(method: str) -> str:
    """A digest of what is judged, and by how much: a run of an earlier recipe or loop is made again."""
    if method == "textbook":
        text = Path(__file__).with_name("textbook.py").read_text(encoding="utf-8")
    else:
        text = repr([getattr(DEFAULT, name) for name in PIECES])
    return hashlib.sha256(f"{SAMPLES} {text}".encode()).hexdigest()[:12]


def bar(runs: list[Mapping[str, Any]], data: str, steps: int) -> float:
    """The highest score with which a run on this data ends well."""
    scores = [r["score"] for r in runs if r["data"] == data and r["steps"] == steps and is_unchanged(r)]
    return WITHIN * min((score for score in scores if score is not None), default=float("nan"))


def is_unchanged(run: Mapping[str, Any]) -> bool:
    """Whether rate and batch are the recipe's, or the textbook's."""
    return run["factor"] == 1.0 and run["batch"] == DEFAULT.batch


def complete(run: Mapping[str, Any], real: Mapping[str, Any]) -> bool:
    """Whether nothing is missing from the samples: all classes, or else enough of what training images cover."""
    if "classes" in run:
        pairs = zip(run["classes"], real["held out"]["classes"], strict=True)
        return all(share >= PRESENT * due for share, due in pairs)
    return bool(run["coverage"] >= PRESENT * real["training images"]["coverage"])


def ends_well(run: Mapping[str, Any], highest: float, real: Mapping[str, Any]) -> bool:
    """The one definition; it asks neither for the method nor for the settings."""
    return run["score"] is not None and run["score"] <= highest and complete(run, real)


def table(runs: list[Mapping[str, Any]], controls: Mapping[str, Any]) -> list[dict[str, Any]]:
    """For each part, data and method: how many ended well, and how far the scores lie apart."""
    from report import wilson

    rows = []
    for steps in sorted({run["steps"] for run in runs}):
        for part, data in [("defaults", "digits"), *(("spread", name) for name in DATA), ("spread", None)]:
            for method in METHODS:
                mine = [
                    run
                    for run in runs
                    if run["method"] == method
                    and run["steps"] == steps
                    and data in (run["data"], None)
                    and (part == "defaults") == (is_unchanged(run) and run["data"] == "digits")
                ]
                if not mine:
                    continue
                bars = {name: bar(runs, name, steps) for name in DATA}
                well = [ends_well(run, bars[run["data"]], controls[run["data"]]) for run in mine]
                over = [run["score"] / (bars[run["data"]] / WITHIN) for run in mine if run["score"] is not None]
                scores = [run["score"] for run in mine if run["score"] is not None] if data else []
                rows.append(
                    {
                        "part": part,
                        "data": data or "all",
                        "method": method,
                        "steps": steps,
                        "runs": len(mine),
                        "ended_well": sum(well),
                        "interval": [round(limit, 3) for limit in wilson(sum(well), len(mine))],
                        "complete": sum(r["score"] is not None and complete(r, controls[r["data"]]) for r in mine),
                        "broke_down": sum(run["score"] is None for run in mine),
                        "score": _spread(scores),
                        "over_the_best_seed": _spread(over),
                        "seconds": round(statistics.median(run["seconds"] for run in mine), 1),
                    }
                )
    return rows


def _spread(values: list[float]) -> dict[str, float] | None:
    if not values:
        return None
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    found = {
        "median": statistics.median(values),
        "mean": statistics.fmean(values),
        "std": deviation,
        "min": min(values),
        "max": max(values),
    }
    return {name: round(value, 3) for name, value in found.items()}


def protocol() -> dict[str, Any]:
    return {
        "default recipe": repr(DEFAULT),
        "textbook": f"width {WIDTH}, latent {LATENT}, Adam {RATE} and beta1 0.5; see textbook.py",
        "data": {name: data.about for name, data in DATA.items()},
        "score": f"Fréchet distance (grey28) of {SAMPLES:,} samples to held-out images, as 28-px grey pictures",
        "ends well": f"score at most {WITHIN} times the best of all runs on that data with rate and batch as they are, "
        f"and every class at {PRESENT} of its share of held-out images (digits), or coverage (k={NEIGHBOUR}, "
        f"{COVERED:,} of each) at {PRESENT} of the training images'",
        "spread": f"learning rate times 1/{FACTOR:g} to {FACTOR:g}, batches {BATCHES}, on each data set; Halton points",
        "intervals": "Wilson, 95 %",
    }


def line(row: Mapping[str, Any]) -> str:
    low, high = row["interval"]
    ratio = row["over_the_best_seed"]
    spread = f"{ratio['median']:.2f} ({ratio['min']:.2f} to {ratio['max']:.2f}) times the best seed's" if ratio else ""
    return (
        f"{row['part']:9}{row['data']:14}{row['method']:10}{row['steps']:>6} steps  "
        f"{row['ended_well']:>3} of {row['runs']:<3} end well ({low:.2f} to {high:.2f})  {spread}"
    )


def load() -> tuple[dict[str, Any], dict[str, Any]]:
    """The runs that are there, by key, and the controls."""
    from report import RESULTS

    path = RESULTS / "reliability.json"
    if not path.is_file():
        return {}, {}
    kept = json.loads(path.read_text(encoding="utf-8"))
    runs = {run_["key"]: run_ for run_ in kept["runs"] if run_["made_of"] == made_of(run_["method"])}
    return runs, kept["controls"]


def save(runs: Mapping[str, Any], controls: Mapping[str, Any]) -> None:
    from report import write_result

    rows = table(list(runs.values()), controls)
    write_result(
        "reliability",
        {"protocol": protocol(), "table": rows, "controls": controls, "runs": list(runs.values())},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=32, help="of the default recipe at its defaults")
    parser.add_argument("--spread", type=int, default=12, help="settings of the spread on each data set")
    parser.add_argument("--data", nargs="+", choices=list(DATA), default=list(DATA), help="of the spread")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--steps", type=int, default=DEFAULT.steps, help="of every run")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no run after this time")
    parser.add_argument("--workers", type=int, default=1, help="runs at a time, of one thread each")
    args = parser.parse_args()

    from pool import finished
    from report import BEGUN_AT

    runs, controls = load()
    wanted = settings(seeds=args.seeds, spread=args.spread, data=args.data, methods=args.methods, steps=args.steps)
    jobs = [setting for setting in dict.fromkeys(wanted) if setting.key not in runs]
    unknown = [data for data in dict.fromkeys(job.data for job in jobs) if data not in controls]
    controls |= dict(finished(control, unknown, workers=args.workers))
    for setting, found in finished(run, jobs, workers=args.workers, minutes=args.minutes):
        runs[setting.key] = {"key": setting.key, **found, "commit": BEGUN_AT}
        print(f"{setting.key}: {found['score']} in {found['seconds']:.0f} s", flush=True)
        save(runs, controls)
    for row in table(list(runs.values()), controls):
        print(line(row))


if __name__ == "__main__":
    main()
