"""A thousand modes: how many numbers of stacked MNIST a generator draws, and how evenly, method by method.

    python benchmarks/stacked_mnist.py                                     # everything; many hours
    python benchmarks/stacked_mnist.py --methods r1 --seeds 0 --workers 2  # some of it
    python benchmarks/stacked_mnist.py --methods dcgan --steps 1000        # shorter

By the protocol of the literature (Metz et al. 2017, section 3.3.1; Lin et al. 2018, section 4.2): three MNIST digits in
the colours of a picture, 128,000 pictures; 26,000 samples, of which a classifier tells the digit in each colour; the
modes are the numbers that were drawn at all, and the divergence is that of their shares from those of the training
pictures. No method is told a label, and no latent knows the modes. Beside them stands what 26,000 real pictures score.

Finished runs are kept in benchmarks/results/stacked_mnist.json and not made again, so the command can be stopped and
repeated.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gansmith as gs

DATA, SAMPLES, CONTROL = "stacked-mnist", 26_000, "stacked-mnist:26000:1"
PLAIN = gs.Recipe(
    name="dcgan",
    data=DATA,
    networks=gs.DCGAN(width=32),
    latent=100,
    game=gs.AdversarialGame(gs.NonSaturating()),
    dynamics=gs.Alternating(optimizer=gs.Adam(lr=2e-4, beta1=0.5)),
    batch=64,
    steps=10_000,
    average=gs.Averaging(half_life=0),
    held_out=0.0,
)
OURS = replace(gs.RECIPES[DATA], held_out=0.0)


@dataclass(frozen=True, kw_only=True)
class Method:
    """A recipe and what is to be said of it."""

    about: str
    recipe: gs.Recipe


def _relativistic() -> gs.Recipe:
    game = gs.AdversarialGame(gs.RelativisticPaired(), penalties=(gs.R1(gamma=1.0), gs.R2(gamma=1.0)), joint=True)
    return replace(OURS, game=game)


METHODS = {
    "dcgan": Method(about="plain: batch norm in both, Adam 2e-4, no average", recipe=PLAIN),
    "minibatch": Method(
        about="the same with minibatch discrimination",
        recipe=replace(PLAIN, networks=replace(PLAIN.networks, minibatch="discrimination")),
    ),
    "packed": Method(about="the same in packs of 2", recipe=replace(PLAIN, game=gs.Packed(PLAIN.game, size=2))),
    "unrolled": Method(
        about="the same, unrolled by 5 steps of the discriminator",
        recipe=replace(PLAIN, dynamics=gs.Unrolled(optimizer=PLAIN.dynamics.optimizer, steps=5), steps=2_000),
    ),
    "r1": Method(about="the recipe stacked-mnist: R1, a falling rate, an average", recipe=OURS),
    "relativistic": Method(about="the same, paired relativistic with R1 and R2", recipe=_relativistic()),
}


@dataclass(frozen=True)
class Job:
    """One training."""

    method: str
    seed: int
    steps: int

    @property
    def key(self) -> str:
        return f"{self.method}, seed {self.seed}, {self.steps} steps"


def judged(sampler: Any, seed: int) -> dict[str, Any]:
    """How many modes there are among the samples, and how far their shares are from those of the training pictures."""
    import torch

    from gansmith.metrics import class_counts, share_divergence, stacked_digits
    from gansmith.metrics.counts import found_modes
    from gansmith.metrics.sampling import batches

    reference = class_counts(torch.tensor(gs.open_images(DATA).labels), [1000])
    called = torch.zeros_like(reference)
    for images in batches(sampler, n=SAMPLES, seed=seed):
        called += class_counts(stacked_digits().probabilities(images), [1000])
    modes, _ = found_modes(called, reference)
    kl, error = share_divergence(called, reference)
    return {"modes": modes, "kl": round(kl, 4), "kl_error": round(error, 4)}


def run(job: Job) -> dict[str, Any]:
    """One training and its judgement."""
    recipe = METHODS[job.method].recipe
    # What is counted in steps keeps its share of the run.
    share = job.steps / recipe.steps
    recipe = replace(
        recipe,
        steps=job.steps,
        seed=job.seed,
        average=replace(recipe.average, half_life=share * recipe.average.half_life),
        every=replace(recipe.every, sample=10**9, save=job.steps),
        run=replace(recipe.run, threads=1),
    )
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        done = gs.train(recipe, out=Path(folder) / "run")
        seconds = time.perf_counter() - started
        if done.step < done.steps:
            raise KeyboardInterrupt(f"the run was stopped at step {done.step}")
        found = judged(gs.load(done.path), job.seed)
    images = recipe.batch * job.steps
    return {"seconds": round(seconds, 1), "images": images, "recipe": repr(recipe), **found}


def control(_: str) -> dict[str, Any]:
    """What 26,000 real pictures score."""
    return judged(gs.open_images(CONTROL).pixels(), 0)


def table(runs: dict[str, Any]) -> list[dict[str, Any]]:
    groups: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for found in runs.values():
        groups.setdefault((found["method"], found["steps"]), []).append(found)
    order = list(METHODS)
    return [
        {
            "method": method,
            "steps": steps,
            "images": every[0]["images"],
            "seeds": len(every),
            "modes": [row["modes"] for row in every],
            "kl": round(statistics.fmean(row["kl"] for row in every), 4),
            "kl_std": round(statistics.stdev(row["kl"] for row in every), 4) if len(every) > 1 else 0.0,
            "minutes": round(statistics.median(row["seconds"] for row in every) / 60, 1),
        }
        for (method, steps), every in sorted(groups.items(), key=lambda item: (order.index(item[0][0]), item[0][1]))
    ]


def protocol() -> dict[str, Any]:
    return {
        "data": "128,000 pictures of three MNIST training digits, drawn with replacement",
        "samples": SAMPLES,
        "classifier": "the shipped classifier of digits, in each colour",
        "kl": "of the samples' shares of the 1,000 numbers from those of the training pictures' labels, in nats",
        "control": "26,000 other pictures of three MNIST training digits",
        "methods": {name: method.about for name, method in METHODS.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, help="of every run; by default each method's own")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no run after this time")
    parser.add_argument("--workers", type=int, default=1, help="runs at a time, of one thread each")
    args = parser.parse_args()

    from pool import finished
    from report import BEGUN_AT, RESULTS, write_result

    path = RESULTS / "stacked_mnist.json"
    kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"runs": {}, "control": None}
    runs: dict[str, Any] = kept["runs"]
    gs.open_images(DATA)  # once, before several processes ask for it
    real = kept["control"] or dict(finished(control, ["real"], workers=1))["real"]
    print(f"real pictures: {real}", flush=True)
    wanted = [Job(name, seed, args.steps or METHODS[name].recipe.steps) for seed in args.seeds for name in args.methods]
    jobs = [job for job in wanted if job.key not in runs]
    for job, found in finished(run, jobs, workers=args.workers, minutes=args.minutes):
        runs[job.key] = {"method": job.method, "seed": job.seed, "steps": job.steps, **found, "commit": BEGUN_AT}
        print(f"{job.key}: {found['modes']} modes, KL {found['kl']} in {found['seconds']:.0f} s", flush=True)
        write_result("stacked_mnist", {"protocol": protocol(), "control": real, "table": table(runs), "runs": runs})
    for row in table(runs):
        print(json.dumps(row))


if __name__ == "__main__":
    main()
