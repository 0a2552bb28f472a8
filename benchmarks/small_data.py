"""A hundred to two thousand pictures, the case that people really have: which recipe, and when does it copy?

    python benchmarks/small_data.py                                          # everything; many hours
    python benchmarks/small_data.py --data fashion-mnist --counts 100 --methods few textbook --seeds 0
    python benchmarks/small_data.py --minutes 90 --workers 2

The first 100, 500 and 2,000 of 60,000 clothes at 28 px and of drawn faces at 32 px. `textbook` is the loop of
`textbook.py`; `few` the recipe of that name, and beside it `few` without its parts: with every image transformed,
none, and without the penalty. All make as many steps on batches of the same size, and all train on the 95 % of the
pictures that gansmith does not hold out.

Judged by 10,000 samples of the newest generator against pictures that nobody trained on (Fashion-MNIST's test set;
5,000 further faces): the Fréchet distance in the features of the shipped extractor, in grey at 28 px; coverage (Naeem
et al. 2020, k = 5); and the share of authentic samples (Alaa et al. 2022), which copies are not. Beside them stands
what the training pictures themselves score, and for authenticity what the new ones do. Of gansmith's runs it is noted
when the doctor first spoke of overfitting.

Finished runs are kept in benchmarks/results/small_data.json and not made again.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import gansmith as gs

COUNTS, STEPS, SAMPLES, NEIGHBOUR = (100, 500, 2_000), 8_000, 10_000, 5
FEW = gs.RECIPES["few"]
DATA = {
    "fashion-mnist": ("fashion-mnist:{}", "fashion-mnist-test", (28, 28)),
    "avatars": ("avatars:{}", "avatars:10000", (32, 32)),
}
METHODS = {
    "few": FEW,
    "every image transformed": replace(FEW, augment=replace(FEW.augment, adaptive=0.0)),
    "none transformed": replace(FEW, augment=gs.Augmentation(flip=True)),
    "no penalty": replace(FEW, game=replace(FEW.game, penalties=())),
}
TEXTBOOK = "textbook"
OVERFITTING = "overfitting"  # the verdict's name


@dataclass(frozen=True)
class Job:
    """One training."""

    method: str
    data: str
    count: int
    seed: int
    steps: int

    @property
    def key(self) -> str:
        return " ".join(map(str, asdict(self).values()))


@cache
def opened(data: str, count: int) -> tuple[Any, Any]:
    """The pictures to train on, (n, c, h, w) of bytes, and others to be judged by."""
    name, held, size = DATA[data]
    images = gs.open_images(name.format(count), size=size)
    others = gs.open_images(held, size=size).pixels()
    return images, others[-5_000:] if data == "avatars" else others


def seen(data: str, count: int) -> Any:
    """The pictures that are trained on: all but those that gansmith holds out, for everybody."""
    from gansmith.data import parted

    images, _ = opened(data, count)
    return images.pixels()[parted(images, FEW.held_out)[0]]


def features(images: Any) -> Any:
    """Of images in [-1, 1] or of bytes, in grey at 28 px."""
    import torch

    from gansmith.metrics import grey28
    from gansmith.metrics.images import as_images, fit

    extractor = grey28()
    return torch.cat([extractor(fit(as_images(part), (1, 28, 28))).double() for part in images.split(500)])


def scores(samples: Any, train: Any, others: Any) -> dict[str, float]:
    """What features of samples score against others, and as copies of those that were trained on."""
    from gansmith.metrics import GaussianStatistics, authenticity, density_coverage, frechet_distance

    k = min(NEIGHBOUR, len(others) - 1)
    found = {
        "score": frechet_distance(GaussianStatistics.of(samples), GaussianStatistics.of(others)),
        "coverage": density_coverage(others, samples[: len(others)], k=k).coverage,
        "authentic": authenticity(train, samples).value,
    }
    return {name: round(float(value), 4) for name, value in found.items()}


def trained(job: Job, folder: Path) -> tuple[Any, int | None]:
    """The sampler that a training ends with, and the step at which the doctor spoke of overfitting."""
    images, _ = opened(job.data, job.count)
    if job.method == TEXTBOOK:
        from textbook import Textbook

        pixels = seen(job.data, job.count).float() / 127.5 - 1
        loop = Textbook(pixels, width=FEW.networks.width, batch=FEW.batch, latent=100, seed=job.seed)
        for _ in range(job.steps):
            loop.step()
        return loop, None
    recipe = METHODS[job.method]
    recipe = replace(
        recipe,
        size=images.shape[1:],
        steps=job.steps,
        seed=job.seed,
        average=replace(recipe.average, half_life=job.steps / FEW.steps * recipe.average.half_life),
        every=replace(recipe.every, sample=10**9, save=job.steps),
        run=replace(recipe.run, threads=1),
    )
    done = gs.train(recipe, data=images, out=folder / "run")
    if done.step < done.steps:
        raise KeyboardInterrupt(f"the run was stopped at step {done.step}")
    lines = (done.path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    warned = [r["step"] for r in map(json.loads, lines) if OVERFITTING in str(r.get("state", ""))]
    return gs.load(done.path), min(warned, default=None)


def run(job: Job) -> dict[str, Any]:
    """One training and its judgement; one that breaks down has no score, and says why."""
    import torch

    from gansmith.metrics import draw
    from gansmith.training.errors import TrainingError

    others = opened(job.data, job.count)[1]
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        try:
            sampler, warned = trained(job, Path(folder))
        except TrainingError as error:
            return {**asdict(job), "score": None, "error": str(error)}
        seconds = time.perf_counter() - started
        samples = features(torch.cat(list(draw(sampler, SAMPLES, seed=job.seed))))
    found = scores(samples, features(seen(job.data, job.count)), features(others))
    return {**asdict(job), **found, "warned": warned, "seconds": round(seconds, 1)}


def controls(data: str, count: int) -> dict[str, Any]:
    """What the training pictures score in the place of samples, and how authentic new pictures are."""
    from gansmith.metrics import authenticity

    train, others = (features(x) for x in (seen(data, count), opened(data, count)[1]))
    found = scores(train, train, others)
    return {
        "score": found["score"],
        "coverage": found["coverage"],
        "authentic": round(authenticity(train, others).value, 4),
    }


def jobs(args: argparse.Namespace) -> Iterator[Job]:
    """Seed by seed, so that what is there first is every row."""
    return (
        Job(method, data, count, seed, args.steps)
        for seed in args.seeds
        for count in args.counts
        for data in args.data
        for method in args.methods
    )


def table(runs: dict[str, Any], real: dict[str, Any]) -> list[dict[str, Any]]:
    groups: dict[tuple[str, int, int, str], list[dict[str, Any]]] = {}
    for found in runs.values():
        groups.setdefault((found["data"], found["count"], found["steps"], found["method"]), []).append(found)
    order = [*METHODS, TEXTBOOK]
    rows = []
    for (data, count, steps, method), every in sorted(groups.items(), key=lambda g: (*g[0][:3], order.index(g[0][3]))):
        well = [found for found in every if found["score"] is not None]
        row: dict[str, Any] = {"data": data, "count": count, "steps": steps, "method": method, "seeds": len(every)}
        for name in ("score", "coverage", "authentic"):
            values = [found[name] for found in well]
            row[name] = round(statistics.fmean(values), 4) if values else None
            row[f"{name}_std"] = round(statistics.stdev(values), 4) if len(values) > 1 else 0.0
        row["warned"] = [found["warned"] for found in well]
        rows.append(row | {"real": real[f"{data} {count}"]})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", nargs="+", choices=list(DATA), default=list(DATA))
    parser.add_argument("--counts", type=int, nargs="+", default=list(COUNTS))
    parser.add_argument("--methods", nargs="+", choices=[*METHODS, TEXTBOOK], default=[*METHODS, TEXTBOOK])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no run after this time")
    parser.add_argument("--workers", type=int, default=1, help="runs at a time, of one thread each")
    args = parser.parse_args()

    from pool import finished
    from report import BEGUN_AT, RESULTS, where, write_result

    path = RESULTS / "small_data.json"
    kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"runs": {}, "controls": {}}
    runs, real = kept["runs"], kept["controls"]
    for data in args.data:
        for count in args.counts:
            real.setdefault(f"{data} {count}", controls(data, count))
    protocol = {
        "batch": FEW.batch,
        "steps": STEPS,
        "held_out": f"{FEW.held_out:.0%} of the pictures, from everybody",
        "samples": SAMPLES,
        "features": "grey28",
        "few": repr(FEW),
        "warned": "the first step whose record speaks of overfitting, of each seed",
    }
    todo = [job for job in jobs(args) if job.key not in runs]
    for job, found in finished(run, todo, workers=args.workers, minutes=args.minutes):
        runs[job.key] = {**found, "commit": BEGUN_AT, "machine": where()}
        told = {name: found.get(name) for name in ("score", "coverage", "authentic", "warned", "error")}
        print(f"{job.key}: {told}", flush=True)
        payload = {"protocol": protocol, "controls": real, "table": table(runs, real), "runs": runs}
        write_result("small_data", payload)
    for row in table(runs, real):
        print(json.dumps(row))


if __name__ == "__main__":
    main()
