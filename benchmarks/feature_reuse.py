"""What a discriminator has learnt to see without labels, put to use: a linear classifier on its features.

    python benchmarks/feature_reuse.py                              # three seeds; half an hour
    python benchmarks/feature_reuse.py --seeds 0 --steps 1000       # shorter

The protocol of Radford et al. 2016 (sections 5.1 and 5.2), on clothes: the recipe `fashion` is trained on the 60,000
training images without any label; the outputs of all convolutions of its discriminator, pooled to their maxima on 4 by
4 places, are the features of a linear support vector machine with squared hinge loss. It is trained on some of the
training images with their labels, as many of each class, and its constant C is chosen on 5,000 other training images.
Errors are on the test set. Beside them: the same machine on pixels, and on the same discriminator before its training.

Finished runs are kept in benchmarks/results/feature_reuse.json and not made again; the table is of those of full
length.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gansmith as gs

DATA, TEST = "fashion-mnist", "fashion-mnist-test"
LABELLED, VALIDATION = (1_000, 10_000), 5_000
CONSTANTS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
RECIPE = replace(gs.RECIPES["fashion"], conditional=False, held_out=0.0)


def features(extractor: Any, images: Any) -> Any:
    """Features (n, F) of images (n, c, h, w) of bytes, as an array."""
    import torch

    return torch.cat([extractor(part.float() / 127.5 - 1) for part in images.split(500)]).numpy()


def balanced(labels: Any, count: int, seed: int) -> tuple[Any, Any]:
    """Rows with as many of each class, `count` in all, and as many others as the validation takes."""
    import numpy as np

    order = np.random.default_rng(seed).permutation(len(labels))
    kinds = np.unique(labels)
    chosen = np.concatenate([order[labels[order] == kind][: count // len(kinds)] for kind in kinds])
    others = order[~np.isin(order, chosen)]
    return chosen, others[:VALIDATION]


def errors(train: Any, labels: Any, test: Any, answers: Any, *, count: int, seed: int) -> dict[str, float]:
    """The share of wrong answers on the test set, with the constant that is best on the validation set."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    chosen, others = balanced(labels, count, seed)
    machines = [make_pipeline(StandardScaler(), LinearSVC(C=c, random_state=seed)) for c in CONSTANTS]
    scores = [m.fit(train[chosen], labels[chosen]).score(train[others], labels[others]) for m in machines]
    best = scores.index(max(scores))
    wrong = 1 - machines[best].score(test, answers)
    return {"C": CONSTANTS[best], "validation_error": round(1 - scores[best], 4), "error": round(wrong, 4)}


def discriminators(seed: int, steps: int) -> tuple[dict[str, Any], float]:
    """The recipe's discriminator before and after its training, and the seconds that took."""
    recipe = replace(
        RECIPE,
        steps=steps,
        seed=seed,
        every=replace(RECIPE.every, sample=10**9, save=steps),
        run=replace(RECIPE.run, threads=1),
    )
    with tempfile.TemporaryDirectory() as folder:
        fresh = gs.load_discriminator(gs.train(replace(recipe, steps=0), out=Path(folder) / "fresh").path)
        started = time.perf_counter()
        done = gs.train(recipe, out=Path(folder) / "run")
        seconds = time.perf_counter() - started
        if done.step < done.steps:
            raise KeyboardInterrupt(f"the run was stopped at step {done.step}")
        trained = gs.load_discriminator(done.path)
    return {"before training": fresh, "after training": trained}, seconds


def run(seed: int, steps: int) -> dict[str, Any]:
    """One seed: every kind of features with every number of labels."""
    from gansmith.applications import discriminator_features
    from gansmith.metrics import pixels

    images, held = gs.open_images(DATA), gs.open_images(TEST)
    networks, seconds = discriminators(seed, steps)
    extractors = {"pixels": pixels(), **{name: discriminator_features(d) for name, d in networks.items()}}
    found: dict[str, Any] = {"seed": seed, "steps": steps, "seconds": round(seconds, 1), "errors": {}}
    for name, extractor in extractors.items():
        train, test = (features(extractor, part.pixels()) for part in (images, held))
        found["errors"][name] = {
            str(count): errors(train, images.labels, test, held.labels, count=count, seed=seed) for count in LABELLED
        } | {"features": train.shape[1]}
        print(f"seed {seed}, {name}: {found['errors'][name]}", flush=True)
    return found


def table(every: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of runs of the recipe's own length: means and deviations over seeds."""
    runs, rows = [found for found in every if found["steps"] == RECIPE.steps], []
    if not runs:
        return []
    for name in runs[0]["errors"]:
        row: dict[str, Any] = {"features": name, "dimensions": runs[0]["errors"][name]["features"], "seeds": len(runs)}
        for count in LABELLED:
            values = [found["errors"][name][str(count)]["error"] for found in runs]
            spread = statistics.stdev(values) if len(values) > 1 else 0.0
            row[str(count)] = {"error": round(statistics.fmean(values), 4), "std": round(spread, 4)}
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=RECIPE.steps)
    args = parser.parse_args()

    from report import BEGUN_AT, RESULTS, where, write_result

    protocol = {
        "recipe": repr(RECIPE),
        "classifier": "linear SVM, squared hinge, features standardised, C chosen on 5,000 training images",
        "labels": list(LABELLED),
        "error": "of the 10,000 test images",
    }
    path = RESULTS / "feature_reuse.json"
    runs = json.loads(path.read_text(encoding="utf-8"))["runs"] if path.is_file() else []
    for seed in args.seeds:
        if any((found["seed"], found["steps"]) == (seed, args.steps) for found in runs):
            continue
        runs.append({**run(seed, args.steps), "commit": BEGUN_AT, "machine": where()})
        write_result("feature_reuse", {"protocol": protocol, "table": table(runs), "runs": runs})


if __name__ == "__main__":
    main()
