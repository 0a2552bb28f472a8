"""Which trick is worth what: each put on a bare GAN, and each taken from the recipe that has many, over seeds.

    python benchmarks/tricks.py                                        # everything; hours
    python benchmarks/tricks.py --only bare "bare + R1" --seeds 0 1    # some of it
    python benchmarks/tricks.py --minutes 60 --workers 2

On the embedded digits, at the same number of steps. *Bare* is the pair of Radford et al. 2016 with the first cost that
one reads about, constant rates and nothing else; what is drawn from is the generator as it is after the last step. The
*recipe* is `digits`, the default.

Each generator is asked for 10,000 samples, which are compared with MNIST's test set: the Fréchet distance in the
features of the shipped extractor; how many samples the calibrated classifier is sure of, relative to real digits
(quality); recall and the rarest class (diversity). The cost is processor time a step, over bare's: roughly, because
the runs are not interleaved.

Labels are a trick as well: the recipe has all 5,000; without any, with one or ten of each class (told to the
discriminator alone, which learns to classify), and told in other ways.

For norms by a reference batch, the samples are drawn a second time with another reference batch in its place: a
generator that has overfitted to its own is worse with any other (the warning in Goodfellow 2016, section 4.4).

Finished runs are kept in benchmarks/results/tricks.json and not made again, so the command can be stopped and
repeated.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gansmith as gs

RECIPE = gs.RECIPES["digits"]
ADAM = gs.Adam(lr=1e-3, beta1=0.5, beta2=0.99)
BARE = replace(
    RECIPE,
    name="bare",
    conditional=False,
    networks=gs.DCGAN(width=32),
    game=gs.AdversarialGame(gs.NonSaturating()),
    dynamics=gs.Alternating(optimizer=ADAM),
    augment=gs.Augmentation(),
    average=gs.Averaging(half_life=0),
)
SAMPLES, TEST = 10_000, "mnist-test"


def networks(recipe: gs.Recipe, **fields: Any) -> gs.Recipe:
    """A recipe whose networks have other fields."""
    return replace(recipe, networks=replace(recipe.networks, **fields))


def game(recipe: gs.Recipe, **fields: Any) -> gs.Recipe:
    """A recipe whose game has other fields."""
    return replace(recipe, game=replace(recipe.game, **fields))


def tricks() -> dict[str, gs.Recipe]:
    """Every row: bare, bare with one thing, the recipe without one thing, and the recipe."""
    from apart import KeptApart

    plain, steps = BARE.game, BARE.steps
    alone = networks(BARE, discriminator_norm="none")
    added = {
        "one-sided label smoothing, 0.9": game(BARE, loss=gs.NonSaturating(real_target=0.9)),
        "labels flipped, 5 %": replace(BARE, game=gs.Flipped(plain, share=0.05)),
        "instance noise that fades": replace(BARE, game=gs.InstanceNoise(plain, std=gs.Fade(first=0.3, steps=steps))),
        "historical averaging": replace(BARE, game=gs.HistoricalAveraging(plain, weight=1e-3)),
        "feature matching": replace(BARE, game=gs.FeatureMatching(plain)),
        "minibatch discrimination": networks(BARE, minibatch="discrimination"),
        "minibatch deviation": networks(BARE, minibatch="deviation"),
        "packs of 2": replace(BARE, game=gs.Packed(plain, size=2), batch=2 * BARE.batch),
        "similar samples kept out of the batch": replace(BARE, game=KeptApart(plain)),
        "generator: virtual batch norm": networks(BARE, generator_norm="virtual"),
        "generator: reference batch norm": networks(BARE, generator_norm="reference"),
        "generator: pixel norm": networks(BARE, generator_norm="pixel"),
        "generator: layer norm": networks(BARE, generator_norm="layer"),
        "generator: instance norm": networks(BARE, generator_norm="instance"),
        "generator: no norm": networks(BARE, generator_norm="none"),
        "discriminator: no norm": alone,
        "discriminator: no norm, He's weights": networks(alone, discriminator_init="he"),
        "discriminator: layer norm": networks(BARE, discriminator_norm="layer"),
        "discriminator: instance norm": networks(BARE, discriminator_norm="instance"),
        "discriminator: spectral norm": networks(BARE, discriminator_norm="spectral"),
        "discriminator: no norm, R1 at 1": game(alone, penalties=(gs.R1(gamma=1.0),)),
        "discriminator: no norm, DRAGAN": game(alone, penalties=(gs.DRAGAN(),)),
        "discriminator: no norm, Wasserstein with gradient penalty": game(
            alone, loss=gs.Wasserstein(), penalties=(gs.WGANGP(),)
        ),
        "LeCam": game(BARE, penalties=(gs.LeCam(),)),
        "two steps of the discriminator": replace(BARE, dynamics=replace(BARE.dynamics, discriminator_steps=2)),
        "discriminator twice as fast": replace(BARE, dynamics=replace(BARE.dynamics, rates={"discriminator": 2.0})),
        "both move at once": replace(BARE, dynamics=gs.Simultaneous(optimizer=ADAM)),
        "rates that fall": replace(BARE, dynamics=replace(BARE.dynamics, schedule=RECIPE.dynamics.schedule)),
        "moving average": replace(BARE, average=RECIPE.average),
        "shifted images": replace(BARE, augment=RECIPE.augment),
        "labels": replace(BARE, conditional=True),
    }
    adam = RECIPE.dynamics.optimizer
    taken = {
        "labels": replace(RECIPE, conditional=False),
        "R1": game(RECIPE, penalties=()),
        "He's weights": networks(RECIPE, discriminator_init="normal"),
        "shifted images": replace(RECIPE, augment=gs.Augmentation()),
        "rates that fall": replace(RECIPE, dynamics=gs.Alternating(optimizer=adam)),
        "moving average": replace(RECIPE, average=gs.Averaging(half_life=0)),
        "batch norm in the generator": networks(RECIPE, generator_norm="none"),
    }
    unlabelled = taken["labels"]
    told = {
        "10 labels": replace(unlabelled, labels_per_class=1),
        "100 labels": replace(unlabelled, labels_per_class=10),
        "labels by concatenation": networks(RECIPE, labels="concatenation"),
        "labels by an auxiliary classifier": replace(RECIPE, game=gs.AuxiliaryClassifier(RECIPE.game)),
    }
    return {
        "bare": BARE,
        **{f"bare + {name}": recipe for name, recipe in added.items()},
        "recipe": RECIPE,
        **{f"recipe - {name}": recipe for name, recipe in taken.items()},
        **{f"recipe, {name}": recipe for name, recipe in told.items()},
    }


@dataclass(frozen=True)
class Job:
    """One training."""

    row: str
    seed: int
    steps: int

    @property
    def key(self) -> str:
        return f"{self.row}, seed {self.seed}, {self.steps} steps"


def sized(recipe: gs.Recipe, steps: int) -> gs.Recipe:
    """A recipe with so many steps, of which what is counted in steps keeps its share."""
    share = steps / recipe.steps
    played = recipe.game
    if isinstance(played, gs.InstanceNoise):
        played = replace(played, std=replace(played.std, steps=round(share * played.std.steps)))
    average = replace(recipe.average, half_life=share * recipe.average.half_life)
    return replace(recipe, game=played, average=average, steps=steps)


def judged(sampler: Any) -> dict[str, float]:
    """What 10,000 samples score."""
    import torch
    from picture import Real, judge

    data = gs.open_images(TEST)
    report = judge(sampler, Real(data.pixels(), torch.tensor(data.labels)), n=SAMPLES, seed=0)
    named = {
        "score": report["Fréchet distance"],
        "sure": report["relative share"],
        "recall": report["recall"],
        "precision": report["precision"],
        "rarest": min(value for name, value in report.values.items() if name.startswith("share of class ")),
    }
    return {name: round(value, 4) for name, value in named.items()}


def run(job: Job) -> dict[str, Any]:
    """One training and its judgement; one that breaks down has no score, and says why."""
    from gansmith.training.errors import TrainingError

    recipe = sized(tricks()[job.row], job.steps)
    recipe = replace(
        recipe,
        seed=job.seed,
        every=replace(recipe.every, sample=10**9, save=job.steps),
        run=replace(recipe.run, threads=1),
    )
    found: dict[str, Any] = {"recipe": repr(recipe)}
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = gs.train(recipe, out=Path(folder) / "run")
        except TrainingError as error:
            return {**found, "score": None, "error": str(error)}
        if done.step < done.steps:
            raise KeyboardInterrupt(f"the run was stopped at step {done.step}")
        found["milliseconds"] = round(1000 * (time.process_time() - started) / job.steps, 2)
        model = gs.load(done.path)
        found |= judged(model)
        if getattr(model.generator, "reference", 0):
            found["elsewhere"] = judged(referred(model))["score"]
    return found


def referred(model: Any) -> Any:
    """The model with another reference batch than the one it was trained with."""
    import torch

    dice = torch.Generator().manual_seed(1)
    model.generator.refer(torch.randn(*model.generator.reference_latent.shape, generator=dice))
    return model


def table(runs: dict[str, Any]) -> list[dict[str, Any]]:
    """A line for each row: means, and deviations over seeds."""
    groups: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for found in runs.values():
        groups.setdefault((found["row"], found["steps"]), []).append(found)
    order = list(tricks())
    lines = []
    for (row, steps), every in sorted(groups.items(), key=lambda item: (item[0][1], order.index(item[0][0]))):
        well = [found for found in every if found["score"] is not None]
        line: dict[str, Any] = {"row": row, "steps": steps, "seeds": len(every), "broke_down": len(every) - len(well)}
        for name in ("score", "sure", "precision", "recall", "rarest", "elsewhere"):
            if values := [found[name] for found in well if name in found]:
                line[name] = round(statistics.fmean(values), 4)
                line[f"{name}_std"] = round(statistics.stdev(values), 4) if len(values) > 1 else 0.0
        if (over := cost(well, groups.get(("bare", steps), []))) is not None:
            line["cost"] = round(over, 2)
        lines.append(line)
    return lines


def cost(mine: list[dict[str, Any]], bare: list[dict[str, Any]]) -> float | None:
    """The time of a step over bare's on the same machine, the mean over machines; None where none made both."""
    ratios = []
    for machine in {found["machine"] for found in mine}:
        times = [
            [found["milliseconds"] for found in runs if found["machine"] == machine and "milliseconds" in found]
            for runs in (mine, bare)
        ]
        if all(times):
            ratios.append(statistics.median(times[0]) / statistics.median(times[1]))
    return statistics.fmean(ratios) if ratios else None


def protocol() -> dict[str, Any]:
    return {
        "data": "5,000 embedded digits, 28 px",
        "judged": f"{SAMPLES} samples against MNIST's test set: Fréchet distance (grey28), share of confident calls "
        "over that of real digits, precision and recall (k = 3), rarest class",
        "elsewhere": "the Fréchet distance with another reference batch than the one of the training",
        "cost": "processor time a step, over bare's on the same machine",
        "steps": RECIPE.steps,
        "bare": repr(BARE),
    }


def wanted(only: list[str] | None, seeds: list[int], steps: int) -> Iterator[Job]:
    """The jobs, seed by seed, so that what is there first is every row."""
    rows = list(tricks())
    if unknown := [name for name in only or [] if name not in rows]:
        raise SystemExit(f"there is no row {unknown[0]!r}; there are: {'; '.join(rows)}")
    return (Job(row, seed, steps) for seed in seeds for row in only or rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="+", metavar="ROW", help="these rows; by default all")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=RECIPE.steps)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no run after this time")
    parser.add_argument("--workers", type=int, default=1, help="runs at a time, of one thread each")
    args = parser.parse_args()

    from pool import finished
    from report import BEGUN_AT, RESULTS, where, write_result

    path = RESULTS / "tricks.json"
    kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"runs": {}}
    runs: dict[str, Any] = kept["runs"]
    real = kept.get("control") or judged(gs.open_images("digits").pixels())
    jobs = [job for job in wanted(args.only, args.seeds, args.steps) if job.key not in runs]
    for job, found in finished(run, jobs, workers=args.workers, minutes=args.minutes):
        runs[job.key] = {
            "row": job.row,
            "seed": job.seed,
            "steps": job.steps,
            **found,
            "commit": BEGUN_AT,
            "machine": where(),
        }
        told = found["error"] if found["score"] is None else f"{found['score']:.2f}, recall {found['recall']:.2f}"
        print(f"{job.key}: {told}", flush=True)
        write_result("tricks", {"protocol": protocol(), "control": real, "table": table(runs), "runs": runs})
    for line in table(runs):
        print(json.dumps(line, ensure_ascii=False))


if __name__ == "__main__":
    main()
