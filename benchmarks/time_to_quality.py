"""Which gets to good samples first? Quality against seconds of training, on one machine, in one run.

    python benchmarks/time_to_quality.py --data digits fashion-mnist --seeds 0 1 2 --peers peers/bin/python

The default recipe, the textbook loop (`textbook.py`), and, where an environment for them is given (see
`peers.py`), torchgan and vegans. Each is trained alone, in turn, seed by seed, on `--threads` cores. At each mark
5,000 samples are drawn while its clock stands still; afterwards all are judged together: the Fréchet distance
under the shipped extractor to the training set, and for digits the share that the calibrated classifier calls
with confidence, relative to real digits. gansmith's clock also covers its checkpoints, grids and quick scores;
everybody's starts when the first batch is asked for. Writes benchmarks/results/time_to_quality.json and a plot
beside it.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

SAMPLES = 5000
RECIPES = {"digits": "digits", "fashion-mnist": "fashion"}


def save(folder: Path, mark: float, model: Any, seed: int, steps: int) -> None:
    pixels = ((model.sample(SAMPLES, seed=seed) + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    np.savez(folder / f"{mark:g}.npz", images=pixels.numpy(), steps=steps)


def gansmith(data: str, folder: Path, marks: list[float], seed: int) -> None:
    """The recipe as it stands; at a mark the newest checkpoint is sampled."""
    import gansmith as gs

    recipe = gs.RECIPES[RECIPES[data]]
    recipe = replace(recipe, seed=seed, every=replace(recipe.every, save=100))
    left, clock = list(marks), {"spent": 0.0, "since": time.perf_counter()}

    def watch(record: Any) -> None:
        now = clock["spent"] + time.perf_counter() - clock["since"]
        while left and now >= left[0] and (folder / "run" / "checkpoints").is_dir():
            clock["spent"] += time.perf_counter() - clock["since"]
            model = gs.load(folder / "run")
            save(folder, left.pop(0), model, seed, model.step)
            clock["since"] = time.perf_counter()
            if not left:
                os.kill(os.getpid(), signal.SIGTERM)  # the run stops as it does for anybody

    run = gs.train(recipe, out=folder / "run", data=gs.open_images(data), loggers=[watch])
    for mark in left:  # the recipe was done before the mark
        save(folder, mark, gs.load(run.path), seed, run.step)


def textbook(data: str, folder: Path, marks: list[float], seed: int) -> None:
    from textbook import Textbook

    import gansmith as gs

    images = gs.open_images(data).pixels().float() / 127.5 - 1
    loop = Textbook(images, width=32, batch=64, latent=100, seed=seed)
    spent, steps = 0.0, 0
    for mark in marks:
        since = time.perf_counter()
        while spent + time.perf_counter() - since < mark:
            loop.step()
            steps += 1
        spent += time.perf_counter() - since
        save(folder, mark, loop, seed, steps)


def judge(data: str, samples: Path) -> dict[str, float]:
    """What the shipped extractor and classifier make of the samples of a file."""
    import gansmith as gs
    from gansmith.metrics import Images, digits, evaluate, grey28, measures

    real = gs.open_images(data)
    reference = real.pixels()[:10_000]
    images = Images(torch.from_numpy(np.load(samples)["images"]))
    classifier = digits() if data == "digits" else None
    wanted = (measures.Frechet(), measures.Manifold(), measures.Confidence())
    report = evaluate(images, reference, extractor=grey28(), classifier=classifier, n=SAMPLES, measures=wanted)
    names = {
        "frechet_distance": "Fréchet distance (grey28)",
        "precision": "precision (grey28)",
        "recall": "recall (grey28)",
    }
    found = {short: report[name] for short, name in names.items()}
    if classifier is not None:
        found["relative_share"] = report[f"relative share ({classifier.name})"]
    return found | {"steps": float(np.load(samples)["steps"])}


def summarise(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mean and standard deviation over seeds, for each data set, alternative and mark."""
    keys = sorted({(r["data"], r["alternative"], r["seconds"]) for r in rows})
    table = []
    for data, alternative, seconds in keys:
        mine = [r for r in rows if (r["data"], r["alternative"], r["seconds"]) == (data, alternative, seconds)]
        row: dict[str, Any] = {"data": data, "alternative": alternative, "seconds": seconds, "seeds": len(mine)}
        for name in sorted(set(mine[0]) - {"data", "alternative", "seconds", "seed"}):
            values = [r[name] for r in mine]
            row[name] = {"mean": statistics.mean(values), "std": statistics.stdev(values) if len(values) > 1 else 0.0}
        table.append(row)
    return table


def plot(table: list[dict[str, Any]], path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = sorted({row["data"] for row in table})
    figure = Figure(figsize=(5.2 * len(names), 3.6), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    for axes, data in zip(np.atleast_1d(figure.subplots(1, len(names))), names, strict=True):
        for alternative in sorted({row["alternative"] for row in table}):
            mine = [row for row in table if (row["data"], row["alternative"]) == (data, alternative)]
            seconds = [row["seconds"] for row in mine]
            mean = np.array([row["frechet_distance"]["mean"] for row in mine])
            std = np.array([row["frechet_distance"]["std"] for row in mine])
            axes.fill_between(seconds, np.maximum(mean - std, 1e-3), mean + std, alpha=0.2)
            axes.plot(seconds, mean, marker="o", markersize=3, label=alternative)
        axes.set(
            title=data, xlabel="seconds of training", ylabel="Fréchet distance (grey28)", xscale="log", yscale="log"
        )
        marks = sorted({row["seconds"] for row in table})
        axes.set_xticks(marks, [f"{mark:g}" for mark in marks])
        axes.set_xticks([], minor=True)
        axes.grid(alpha=0.3)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right center", frameon=False)
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=["digits", "fashion-mnist"], choices=sorted(RECIPES))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--marks", type=float, nargs="+", default=[10, 20, 40, 80, 160, 240])
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of every alternative")
    parser.add_argument("--peers", type=Path, help="a Python with torchgan and vegans (see peers.py)")
    parser.add_argument("--redraw", action="store_true", help="only the plot, from the results that are there")
    parser.add_argument("--one", nargs=4, metavar=("ALTERNATIVE", "DATA", "SEED", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        alternative, data, seed, folder = options.one
        {"gansmith": gansmith, "textbook": textbook}[alternative](data, Path(folder), options.marks, int(seed))
        return

    from report import RESULTS, write_result

    if options.redraw:
        found = json.loads((RESULTS / "time_to_quality.json").read_text(encoding="utf-8"))
        plot(found["table"], RESULTS / "time_to_quality.png")
        return

    import gansmith as gs

    os.environ["OMP_NUM_THREADS"] = str(options.threads)  # of the processes that are started here
    alternatives = ["gansmith", "textbook", *(["torchgan", "vegans"] if options.peers else [])]
    marks = [str(mark) for mark in options.marks]
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        for data in options.data:
            np.save(Path(scratch) / f"{data}.npy", gs.open_images(data).images[..., 0])
        for seed in options.seeds:
            for data in options.data:
                for alternative in alternatives:
                    folder = Path(scratch) / f"{data}-{alternative}-{seed}"
                    folder.mkdir()
                    if alternative in ("gansmith", "textbook"):
                        own = ["--one", alternative, data, str(seed), str(folder)]
                        command = [sys.executable, __file__, *own, "--marks", *marks]
                    else:
                        common = ["--images", f"{scratch}/{data}.npy", "--out", str(folder), "--seed", str(seed)]
                        command = [
                            str(options.peers),
                            str(Path(__file__).parent / "peers.py"),
                            alternative,
                            *common,
                            "--marks",
                            *marks,
                        ]
                    # Said only if it fails: none of them is quiet.
                    done = subprocess.run(command, check=False, capture_output=True, text=True)
                    if done.returncode:
                        sys.exit(f"{alternative} failed on {data}:\n{done.stderr[-2000:]}")
                    for mark in options.marks:
                        found = judge(data, folder / f"{mark:g}.npz")
                        rows.append({"data": data, "alternative": alternative, "seed": seed, "seconds": mark, **found})
                    print(json.dumps(rows[-1]), flush=True)
    table = summarise(rows)
    protocol = {"samples": SAMPLES, "marks": options.marks, "threads": options.threads}
    print(write_result("time_to_quality", {"protocol": protocol, "table": table, "rows": rows}))
    plot(table, RESULTS / "time_to_quality.png")


if __name__ == "__main__":
    main()
