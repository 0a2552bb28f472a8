"""Each failure as a picture, what the doctor says of it, and the signal that it says it by: for the guide.

    python benchmarks/failures.py
    python benchmarks/failures.py --disorders "mode collapse" oscillation
    python benchmarks/failures.py --write        # only the guide, from what was found before

Each disorder is planted in one of the ways of `scenarios.py` in a short training. The samples are the first ones at the
last look by which the doctor named it, not chosen. Pictures go to docs/pictures/failures/, what was said to
benchmarks/results/failures.json, and from there between the marks in docs/my-gan-collapsed.md.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from doctor import Job, course
from scenarios import SCENARIOS
from truth import DATA

GUIDE = Path(__file__).parent.parent / "docs" / "my-gan-collapsed.md"
PICTURES = GUIDE.parent / "pictures" / "failures"
SHOWN, COLUMNS = 30, 10
STEPS = 1_000
PLANTED = {  # on which data, and how
    "healthy": ("digits", "base"),
    "mode collapse": ("digits", "two latents"),
    "dropped modes": ("digits", "two of the classes from 0.4"),
    "discriminator has won": ("digits", "minimax, discriminator rate x5, generator rate / 20"),
    "discriminator too weak": ("digits", "discriminator frozen at 0.2"),
    "oscillation": ("spots", "Adam with beta1 0.9, rate x4, no penalty"),
    "divergence": ("digits", "rate x100 from 0.4"),
    "dead start": ("digits", "rectifiers that are off"),
    "overfitting": ("digits", "40 images"),
    "getting worse since its best": ("digits", "shuffled images from the middle"),
    "checkerboard artefacts": ("digits", "chessboard of 0.4"),
    "intra-batch correlation": ("digits", "latents that lean on their batch"),
}
WHAT = {"digits": "digits", "spots": "pictures of one of eight spots"}


def made(disorder: str, seed: int) -> dict[str, Any]:
    """Plant it, and keep the last look by which the doctor named it: the samples then, and what it said."""
    from gansmith.diagnostics import Trace, diagnose, plot_verdict
    from gansmith.training.config import flattened
    from gansmith.training.model import Model
    from gansmith.training.pictures import save_grid

    data, scenario = PLANTED[disorder]
    job = Job(data, scenario, seed, STEPS)
    trace, found = Trace(), {"planted": scenario, "data": WHAT[data], "steps": job.steps, "step": 0, "said": ""}
    name = disorder.replace(" ", "-")
    PICTURES.mkdir(parents=True, exist_ok=True)
    for now in course(job, SCENARIOS[scenario].images(DATA[data].train())):
        for record in now.records:
            trace = trace.given(record)
        if not now.records:
            continue
        diagnosis = diagnose(trace, {**flattened(now.session.recipe), "steps": job.steps})
        said = {verdict.disorder: verdict for verdict in diagnosis.verdicts} or {diagnosis.state: None}
        if disorder in said:
            verdict = said[disorder]
            found |= {"step": now.session.step, "said": diagnosis.state if verdict is None else str(verdict)}
            save_grid(Model.of(now.session).sample(SHOWN, seed=0), PICTURES / f"{name}.png", columns=COLUMNS)
            if verdict is not None:
                plot_verdict(verdict, trace, PICTURES / f"{name}-signals.png")
    return found


def told(disorder: str, found: dict[str, Any]) -> str:
    """A failure in the guide: samples, signals and words."""
    name = disorder.replace(" ", "-")
    pictures = [f"![Samples: {disorder}](pictures/failures/{name}.png)"]
    if (PICTURES / f"{name}-signals.png").is_file():
        pictures.append(f"![What shows it: {disorder}](pictures/failures/{name}-signals.png)")
    where = f"At step {found['step']:,} of {found['steps']:,} on {found['data']}"
    planted = "" if disorder == "healthy" else f", planted by *{found['planted']}*"
    words = f"{where}{planted}. It says:\n\n> {found['said']}"
    return "\n\n".join([*pictures, words])


def written(text: str, result: dict[str, Any]) -> str:
    """The guide with what was found between its marks.

    Raises:
        ValueError: a failure has no place there.
    """
    for disorder, found in result["results"].items():
        begins, ends = f"<!-- failure: {disorder} -->", "<!-- /failure -->"
        block = f"{begins}\n\n{told(disorder, found)}\n\n{ends}"
        before, begun, rest = text.partition(begins)
        _, ended, after = rest.partition(ends)
        if not (begun and ended):
            raise ValueError(f"{GUIDE.name} has no {begins} … {ends}")
        text = before + block + after
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--disorders", nargs="+", choices=list(PLANTED), default=list(PLANTED), metavar="NAME")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help="train nothing")
    args = parser.parse_args()

    from report import RESULTS, write_result

    path = RESULTS / "failures.json"
    results = json.loads(path.read_text(encoding="utf-8"))["results"] if path.is_file() else {}
    for disorder in [] if args.write else args.disorders:
        results[disorder] = made(disorder, args.seed)
        if not results[disorder]["said"]:
            raise SystemExit(f"it was never named {disorder!r}; plant it in another way")
        print(f"{disorder}: {json.dumps(results[disorder])}", flush=True)
        protocol = {"seed": args.seed, "shown": f"the first {SHOWN} samples at the last look that named it"}
        ordered = {name: results[name] for name in PLANTED if name in results}
        write_result("failures", {"protocol": protocol, "results": ordered})
    text = written(GUIDE.read_text(encoding="utf-8"), json.loads(path.read_text(encoding="utf-8")))
    GUIDE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
