"""Each failure as a picture, what the doctor says of it, and the signal that it says it by: for the guide.

    python benchmarks/failures.py
    python benchmarks/failures.py --disorders "mode collapse" oscillation
    python benchmarks/failures.py --write        # only the guide, from what was found before

Each disorder is planted in one of the ways of `scenarios.py` in a short training on digits. The samples are the first
ones of the last step, not chosen. Pictures go to docs/pictures/failures/, what was said to
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
PLANTED = {
    "healthy": "base",
    "mode collapse": "slow discriminator, eight generator steps",
    "dropped modes": "half of the classes from the middle",
    "discriminator has won": "minimax, discriminator rate x5, generator rate / 20",
    "discriminator too weak": "discriminator rate / 500",
    "oscillation": "simultaneous, momentum 0.9, no penalty",
    "divergence": "rate x25",
    "dead start": "rectifiers that are off",
    "overfitting": "16 images",
    "getting worse since its best": "rate x40 from 0.7",
    "checkerboard artefacts": "chessboard of 0.4",
    "intra-batch correlation": "latents that lean on their batch",
}


def made(disorder: str, data: str, seed: int) -> dict[str, Any]:
    """Plant it, draw what comes of it, and ask the doctor."""
    from gansmith.diagnostics import Trace
    from gansmith.diagnostics.diagnose import diagnose
    from gansmith.diagnostics.plots import plot_verdict
    from gansmith.training.config import flattened
    from gansmith.training.model import Model
    from gansmith.training.pictures import save_grid

    job = Job(data, PLANTED[disorder], seed, DATA[data].steps)
    records: list[dict[str, Any]] = []
    for now in course(job, SCENARIOS[job.scenario].images(DATA[data].train())):
        session, records = now.session, [*records, *now.records]
    trace, name = Trace(tuple(records)), disorder.replace(" ", "-")
    PICTURES.mkdir(parents=True, exist_ok=True)
    save_grid(Model.of(session).sample(SHOWN, seed=0), PICTURES / f"{name}.png", columns=COLUMNS)
    verdicts = diagnose(trace, {**flattened(session.recipe), "steps": job.steps}).verdicts
    # Its own verdict, or else the gravest: what a user would read first.
    verdict = next((v for v in verdicts if v.disorder == disorder), verdicts[0] if verdicts else None)
    if verdict is not None:
        plot_verdict(verdict, trace, PICTURES / f"{name}-signals.png")
    return {
        "planted": job.scenario,
        "step": session.step,
        "named": verdict is not None and verdict.disorder == disorder,
        "all": [v.disorder for v in verdicts],
        "said": str(verdict) if verdict is not None else "healthy",
    }


def told(disorder: str, found: dict[str, Any], steps: int) -> str:
    """A failure in the guide: samples, signals and words."""
    name = disorder.replace(" ", "-")
    pictures = [f"![Samples: {disorder}](pictures/failures/{name}.png)"]
    if (PICTURES / f"{name}-signals.png").is_file():
        pictures.append(f"![What shows it: {disorder}](pictures/failures/{name}-signals.png)")
    words = f"Planted here, in {steps:,} steps on digits: *{found['planted']}*. It says:\n\n> {found['said']}"
    return "\n\n".join([*pictures, words])


def written(text: str, result: dict[str, Any]) -> str:
    """The guide with what was found between its marks.

    Raises:
        ValueError: a failure has no place there.
    """
    for disorder, found in result["results"].items():
        begins, ends = f"<!-- failure: {disorder} -->", "<!-- /failure -->"
        block = f"{begins}\n\n{told(disorder, found, result['protocol']['steps'])}\n\n{ends}"
        before, begun, rest = text.partition(begins)
        _, ended, after = rest.partition(ends)
        if not (begun and ended):
            raise ValueError(f"{GUIDE.name} has no {begins} … {ends}")
        text = before + block + after
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--disorders", nargs="+", choices=list(PLANTED), default=list(PLANTED), metavar="NAME")
    parser.add_argument("--data", choices=list(DATA), default="digits")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help="train nothing")
    args = parser.parse_args()

    from report import RESULTS, write_result

    path = RESULTS / "failures.json"
    results = json.loads(path.read_text(encoding="utf-8"))["results"] if path.is_file() else {}
    for disorder in [] if args.write else args.disorders:
        results[disorder] = made(disorder, args.data, args.seed)
        print(f"{disorder}: {json.dumps(results[disorder])}", flush=True)
        protocol = {"data": DATA[args.data].about, "steps": DATA[args.data].steps, "seed": args.seed, "shown": SHOWN}
        write_result(
            "failures", {"protocol": protocol, "results": {name: results[name] for name in PLANTED if name in results}}
        )
    text = written(GUIDE.read_text(encoding="utf-8"), json.loads(path.read_text(encoding="utf-8")))
    GUIDE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
