"""What it costs to be watched: a look of the doctor, in training steps of the same recipe.

python benchmarks/watch_cost.py

Steps and looks take turns in one process, so that a change of the machine's load meets both. That looks leave no trace
is tested elsewhere; here they only cost.
"""

import argparse
import statistics
import time
from dataclasses import replace
from typing import Any

import torch
from report import write_result

from gansmith.data import open_images
from gansmith.recipes import get
from gansmith.training.engine import DeviceEngine, pick_device, pick_precision
from gansmith.training.model import Model
from gansmith.training.recipe import settled
from gansmith.training.session import Session
from gansmith.training.watch import probe_of

CASES = {"digits": "digits", "avatars": "avatars:2000"}  # recipes, and images for them
WARM, STEPS = 5, 10


def measure(name: str, data: str, rounds: int) -> dict[str, Any]:
    """Milliseconds of a step and of a look, medians over rounds of some steps and one look each."""
    device = pick_device("auto")
    images = open_images(data)
    recipe = settled(replace(get(name), data=data))
    session = Session.start(recipe, images, DeviceEngine(device, pick_precision("auto", device)))
    probe = probe_of(session)
    steps, looks = [], []
    for number in range(-1, rounds):
        started = clock(device)
        for _ in range(WARM if number < 0 else STEPS):
            session.advance()
        stepped = clock(device)
        probe(
            session.recipe.game,
            session.players,
            Model.of(session),
            step=session.step,
            memory=session.dynamics.get("memory"),
        )
        looked = clock(device)
        if number >= 0:
            steps.append((stepped - started) / STEPS)
            looks.append(looked - stepped)
    step, look = statistics.median(steps), statistics.fmean(looks)
    return {
        "step_ms": round(1e3 * step, 2),
        "look_ms": round(1e3 * look, 1),
        "look_in_steps": round(look / step, 2),
        "every": recipe.every.watch,
        "share": round(look / (look + recipe.every.watch * step), 4),
    }


def clock(device: torch.device) -> float:
    """Seconds; on the processor those that this process really had it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        return time.perf_counter()
    return time.process_time()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--recipes", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--rounds", type=int, default=40, help="looks; a few of them are dearer than the others")
    args = parser.parse_args()
    results = {}
    for name in args.recipes:
        results[name] = measure(name, CASES[name], args.rounds)
        print(name, results[name], flush=True)
    protocol = (
        f"{args.rounds} rounds of {STEPS} steps and one look; the median step, and the mean look, because what is dear "
        "is left out of most looks. On a CPU, processor time."
    )
    write_result("watch_cost", {"protocol": protocol, "results": results})


if __name__ == "__main__":
    main()
