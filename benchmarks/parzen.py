"""The headline table of the first adversarial networks: Parzen-window log-likelihood on MNIST, over seeds.

    python benchmarks/parzen.py --runs runs/parzen                          # everything; hours
    python benchmarks/parzen.py --runs runs/parzen --seeds 0 --epochs 50    # some of it
    python benchmarks/parzen.py --runs runs/parzen --epochs 0               # write down what is there

Trains the recipe goodfellow2014-mnist, whose networks, optimiser, schedules and costs are those of the authors' code,
and the default recipe for digits on the same 50,000 images; both through the public API. The protocol is that of
Goodfellow et al. 2014: 10,000 samples, the window's width chosen on 1,000 images that nobody was trained on, the mean
over all 10,000 test images. The epoch is chosen on those 1,000 images too. Their code names no end of training. Besides
the moving average of the generator, which the authors did not have and whose half-life was chosen on the same 1,000
images, the generator as trained is judged. Training images in the place of samples, and centres of clusters of training
images, show what the measure is worth (Theis et al. 2016, section 3.2).

Runs are kept in the folder --runs, each with what was measured of it; a command that was stopped goes on, and a larger
--epochs goes on from there. Several commands may share the folder.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import gansmith as gs
from gansmith.data import open_images
from gansmith.metrics import Parzen, parzen_estimate
from gansmith.recipes import get
from gansmith.training import Recipe, resume, train
from gansmith.training.checkpoints import Checkpoints
from gansmith.types import Sampler

PAPER, DEFAULT = "goodfellow2014-mnist", "digits"
EPOCH, EVERY = 500, 10  # steps in an epoch of the paper's recipe, and epochs between two looks
SAMPLES, CENTRES, ROUNDS = 10_000, 10_000, 5
PUBLISHED = {"Goodfellow et al. 2014": 225, "true data, Theis et al. 2016": 243, "k-means, Theis et al. 2016": 313}


class Judge:
    """The validation and the test images, and what they say of a sampler."""

    def __init__(self) -> None:
        self.validation = open_images("mnist:50000-51000").pixels()
        self.test = open_images("mnist-test").pixels()

    def __call__(self, source: Sampler | Tensor) -> dict[str, float]:
        """The likelihood of either set, each under the width that is best on the validation images."""
        started = time.perf_counter()
        found: Parzen = parzen_estimate(source, self.validation, self.test, n=SAMPLES)
        valid = parzen_estimate(source, self.validation, self.validation, n=SAMPLES, sigmas=(found.sigma,))
        seconds = time.perf_counter() - started
        return {"validation": valid.value, "test": found.value, "error": found.error, "sigma": found.sigma} | {
            "seconds": seconds
        }


def recipe(name: str, seed: int) -> Recipe:
    """What is trained, for no step yet."""
    base = get(name)
    every = replace(base.every, sample=EVERY * EPOCH, save=5 * EPOCH)
    return replace(base, data="mnist:50000", held_out=0.0, seed=seed, every=every)


def marks(name: str, epochs: int) -> Iterator[int]:
    """The steps at which a run is looked at: the default recipe is as long as it is, and judged at its end."""
    if name == PAPER:
        yield from range(EVERY * EPOCH, epochs * EPOCH + 1, EVERY * EPOCH)
    elif epochs:
        yield get(name).steps


def run(name: str, seed: int, epochs: int, folder: Path, judge: Judge) -> None:
    """Train to every mark that was not reached before, and write down what was found there."""
    path = folder / f"{name}-{seed}"
    notes = path / "parzen.json"
    found: dict[str, Any] = json.loads(notes.read_text(encoding="utf-8")) if notes.exists() else {}
    for steps in marks(name, epochs):
        if str(steps) in found:
            continue
        started, cpu = time.perf_counter(), time.process_time()
        if path.exists():
            ended = resume(path, steps=steps)
        else:
            ended = train(replace(recipe(name, seed), steps=steps), out=path)
        if ended.step < steps:
            raise SystemExit(f"stopped at step {ended.step:,}; the same command goes on from there")
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        model = gs.load(path)
        looks = {"averaged": judge(model), "as trained": judge(as_trained(model, path))}
        found[str(steps)] = {**looks, "training_seconds": seconds, "training_cpu_seconds": cpu}
        notes.write_text(json.dumps(found, indent=1), encoding="utf-8")
        print(f"{name} seed {seed} step {steps:,}: {json.dumps(found[str(steps)])}", flush=True)


def as_trained(model: gs.Model, path: Path) -> gs.Model:
    """The model with the generator's newest weights in the place of their moving average."""
    checkpoints = Checkpoints(path / "checkpoints")
    newest = checkpoints.latest()
    if newest is None:
        raise SystemExit(f"{path} holds no checkpoint")
    tree, _ = checkpoints.load(newest)
    generator = model.recipe.networks.generator(model.shape, latent=model.latent, classes=len(model.classes))
    generator.load_state_dict(tree["players"]["generator"])
    return replace(model, generator=generator.eval().requires_grad_(False))


def k_means(images: Tensor, centres: int, *, rounds: int, seed: int = 0) -> Tensor:
    """Centres (k, d) after some rounds of Lloyd's algorithm, begun at points chosen at random; no cluster runs empty
    for good, because an empty one keeps its centre.
    """
    points = images.flatten(1)
    mean = torch.randperm(len(points), generator=torch.Generator().manual_seed(seed))[:centres]
    at = points[mean].clone()
    for _ in range(rounds):
        nearest = torch.cat([(at.square().sum(1) - 2 * part @ at.T).argmin(1) for part in points.split(1000)])
        count = torch.bincount(nearest, minlength=centres).unsqueeze(1)
        sums = torch.zeros_like(at).index_add_(0, nearest, points)
        at = torch.where(count > 0, sums / count.clamp(min=1), at)
    return at


def controls(judge: Judge, path: Path) -> dict[str, Any]:
    """What is no generator: training images, and centres of clusters of them."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    images = open_images("mnist:50000").pixels()
    sources: dict[str, Callable[[], Tensor]] = {
        "training images": lambda: images[:SAMPLES],
        "k-means centres": lambda: k_means(images.float() / 127.5 - 1, CENTRES, rounds=ROUNDS).view(
            -1, *images.shape[1:]
        ),
    }
    for name, source in sources.items():
        if name not in found:
            found[name] = judge(source())
            path.write_text(json.dumps(found, indent=1), encoding="utf-8")
            print(f"{name}: {json.dumps(found[name])}", flush=True)
    return found


def chosen(looks: dict[str, Any], which: str) -> dict[str, Any]:
    """The look at which the validation images were likeliest, with its step."""
    steps = max(looks, key=lambda at: looks[at][which]["validation"])
    return {"step": int(steps), **looks[steps][which]}


def row(runs: dict[str, dict[str, Any]], which: str) -> dict[str, Any]:
    """What a table says of a recipe: the test likelihoods of its seeds, each at its own best epoch."""
    best = {seed: chosen(looks, which) for seed, looks in runs.items() if looks}
    values = [look["test"] for look in best.values()]
    spread = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": statistics.fmean(values), "std": spread, "core_minutes": core_minutes(runs), "seeds": best}


def core_minutes(runs: dict[str, dict[str, Any]]) -> dict[str, float]:
    """What one core takes for all steps of a run; a look whose training was resumed on the way counts too little."""
    found = {}
    for seed, looks in runs.items():
        steps = [0, *map(int, looks)]
        spans = [last - first for first, last in pairwise(steps)]
        each = [look["training_cpu_seconds"] / span for look, span in zip(looks.values(), spans, strict=True)]
        found[seed] = statistics.median_high(each or [0.0]) * steps[-1] / 60
    return found


def gathered(folder: Path) -> dict[str, dict[str, Any]]:
    """All that was measured of the runs in the folder, by recipe and seed."""
    found: dict[str, dict[str, Any]] = {}
    for notes in sorted(folder.glob("*/parzen.json")):
        name, _, seed = notes.parent.name.rpartition("-")
        found.setdefault(name, {})[seed] = json.loads(notes.read_text(encoding="utf-8"))
    return found


def payload(runs: dict[str, dict[str, Any]], others: dict[str, Any]) -> dict[str, Any]:
    return {
        "protocol": {
            "samples": SAMPLES,
            "training": "MNIST, the first 50,000 training images",
            "validation_images": 1_000,
            "validation": "the next 1,000 training images; they choose the width, of ten from 0.1 to 1, and the epoch, "
            "and before all seeds the half-life of the average",
            "test": "all 10,000 test images",
            "pixels": "0 to 1",
            "error": "standard error of the mean over the test images",
            "k-means": f"{CENTRES} centres, {ROUNDS} rounds of Lloyd's algorithm from random images",
        },
        "published": PUBLISHED,
        "table": {
            f"{name}, {which}": row(seeds, which)
            for name, seeds in runs.items()
            for which in ("averaged", "as trained")
        },
        "controls": others,
        "runs": runs,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=Path, required=True, metavar="DIR", help="where runs are kept")
    parser.add_argument("--recipes", nargs="+", choices=[PAPER, DEFAULT], default=[PAPER, DEFAULT])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=200, help="of the paper's recipe; 0 trains nothing")
    args = parser.parse_args()

    judge = Judge()
    args.runs.mkdir(parents=True, exist_ok=True)
    for name in args.recipes:
        for seed in args.seeds:
            run(name, seed, args.epochs, args.runs, judge)
    from report import write_result

    write_result("parzen", payload(gathered(args.runs), controls(judge, args.runs / "controls.json")))


if __name__ == "__main__":
    main()
