"""Failures of content that no score shows: how many samples count wrongly, miss the vanishing point, are lopsided?

    python benchmarks/content.py --seeds 0 1 2 --out runs/content
    python benchmarks/content.py --sets counting --steps 1000

For each drawn set and seed it trains the recipe for drawn pictures through the public command line, draws 10,000
samples of the averaged generator, none left out, and asks of each whether it keeps the set's rule. Beside it stand the
same test on as many real pictures that were not trained on (the control), the share of planted errors that the test
finds, and the Fréchet distance, which knows nothing of the rule. With --out a run that is there already is resumed or
taken as it is. Writes benchmarks/results/content.json and content.png, on which the wrong pictures are framed.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

import gansmith
from gansmith.data import open_images
from gansmith.data.drawn import DRAWN, drawings
from gansmith.metrics import ContentCheck, Images, evaluate, grey28, wilson
from gansmith.metrics.content import CHECKS
from gansmith.metrics.measures import Content, Frechet
from gansmith.training.pictures import grid
from gansmith.types import Sampler

SHOWN = 12  # pictures of each kind in the figure
UNSEEN = 1  # the seed of the real pictures that samples are compared with; runs train on seed 0


def train(name: str, seed: int, steps: int, directory: Path) -> float | None:
    """Train as a user would; the seconds it took, or None where a run that was there went on."""
    words, resumed = ["resume", str(directory)], (directory / "config.yaml").is_file()
    if not resumed:
        words = ["train", "--data", name, "--steps", str(steps), "--seed", str(seed), "--out", str(directory)]
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "gansmith", *words], check=True, stdout=subprocess.DEVNULL)
    return None if resumed else round(time.perf_counter() - started)


def real(name: str, n: int) -> Tensor:
    """Real pictures (n, 1, 32, 32) uint8 that no run has seen."""
    return open_images(f"{name}:{n}:{UNSEEN}").pixels()


def judge(sampler: Sampler, name: str, n: int) -> dict[str, Any]:
    """The figures of a sampler: the share that gets it wrong, the control, and the Fréchet distance."""
    report = evaluate(
        sampler,
        real(name, n),
        extractor=grey28(),
        n=n,
        resize=True,
        split=f"{name}:{n}:{UNSEEN}",
        measures=(Frechet(), Content()),
    )
    return dict(report.to_dict())


def planted(check: ContentCheck, n: int) -> dict[str, Any]:
    """How many pictures with a planted error the test finds."""
    images = drawings(check.name, np.arange(n), seed=UNSEEN, broken=True)
    found = int(check.wrong(torch.from_numpy(images)[:, None]).sum())
    return {"found": found / n, "interval": list(wilson(found, n)), "of": n}


def row(check: ContentCheck, images: Tensor) -> Image.Image:
    """Pictures side by side, a frame around each that the test calls wrong."""
    picture = grid(images, columns=SHOWN, scale=2).convert("RGB")
    draw, width = ImageDraw.Draw(picture), picture.width // SHOWN
    for place in check.wrong(images).nonzero().flatten().tolist():
        draw.rectangle((place * width + 1, 1, (place + 1) * width, picture.height - 2), outline="#e4572e", width=2)
    return picture


def figure(rows: list[Image.Image]) -> Image.Image:
    """Rows below each other: for every set real pictures, then samples."""
    canvas = Image.new("RGB", (rows[0].width, sum(r.height for r in rows) + 8 * (len(rows) // 2 - 1)), "white")
    y = 0
    for number, part in enumerate(rows):
        canvas.paste(part, (0, y))
        y += part.height + (8 if number % 2 else 0)
    return canvas


def of_set(name: str, args: argparse.Namespace, directory: Path) -> tuple[dict[str, Any], list[Image.Image]]:
    """Everything about one set, and its two rows of the figure."""
    check = CHECKS[name]
    unseen = real(name, args.samples)
    runs: dict[str, Any] = {}
    rows = [row(check, unseen[:SHOWN].float() / 127.5 - 1)]
    for seed in args.seeds:
        run = directory / f"{name}-{seed}"
        seconds = train(name, seed, args.steps, run)
        model = gansmith.load(run)
        runs[f"seed {seed}"] = {"seconds": seconds, "step": model.step, **judge(model, name, args.samples)}
        figures = runs[f"seed {seed}"]["scores"]
        print(f"{name}, seed {seed}, step {model.step:,}: {summary(figures)}", flush=True)
        if seed == args.seeds[0]:
            rows.append(row(check, model.sample(SHOWN, seed=0)))
    trained_on = Images(open_images(name).pixels())
    found = {
        "rule": check.rule,
        "runs": runs,
        "control": judge(trained_on, name, args.samples),
        "planted": planted(check, args.samples),
    }
    print(f"{name}, real pictures: {summary(found['control']['scores'])}; planted: {found['planted']}", flush=True)
    return found, rows


def summary(scores: dict[str, Any]) -> str:
    """The figures in a line."""
    plain = {name: score["value"] if isinstance(score, dict) else score for name, score in scores.items()}
    return ", ".join(f"{name} {value:.4f}" for name, value in plain.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sets", nargs="+", choices=list(DRAWN), default=list(DRAWN))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep the runs here; by default they are thrown away")
    args = parser.parse_args()

    results, rows = {}, []
    with tempfile.TemporaryDirectory() as scratch:
        for name in args.sets:
            results[name], more = of_set(name, args, args.out or Path(scratch))
            rows += more
    from report import RESULTS, write_result

    protocol = {
        "recipe": "drawn; how many steps is said with each run",
        "seeds": args.seeds,
        "samples": args.samples,
        "real pictures": f"{args.samples:,} of seed {UNSEEN}, not trained on",
    }
    write_result("content", {"protocol": protocol, "results": results})
    figure(rows).save(RESULTS / "content.png")


if __name__ == "__main__":
    main()
