"""How fast are small games? Eight Gaussians, two hidden layers of 128 units, against the textbook's eager loop.

    toy_speed.py --batches 512 64         ratios of time; writes results/toy_speed.json
    toy_speed.py --only simultaneous seeds

Each alternative lives in a process of its own, which makes a round of steps whenever it is its turn; a ratio is that
of the medians over rounds. gansmith runs through `gansmith.play` with rounds from `gansmith.Stream`. "compiled" is
`gansmith.Compiled`, whose compile time stands beside; "seeds" plays 32 seeds at once, and its unit is the step of one
seed. Unrolled moves look through ten steps of the discriminator's Adam, and have a textbook of their own. The
discriminator judges real and generated samples in one pass (``joint``) where that is faster: not with seeds, and in
simultaneous moves, which do with one backward pass else, only in small batches that are not compiled.
"""

import argparse
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

SEEDS, UNROLLED = 32, 10
TRIED = 10  # steps that say how many make a round
ROUND = 0.4  # seconds, about: so long that what a process finds cold when its turn comes does not count
ALTERNATIVES = (
    "textbook",
    "alternating",
    "simultaneous",
    "alternating-compiled",
    "simultaneous-compiled",
    "seeds",
    "seeds-compiled",
    "unrolled-textbook",
    "unrolled",
    "unrolled-compiled",
)

# The discriminator of these judges real and generated samples in one pass; simultaneous moves do in small batches.
JOINT, SMALL = ("alternating", "alternating-compiled", "unrolled", "unrolled-compiled"), 64


def prepared(alternative: str, batch: int) -> tuple[Callable[[int], None], Callable[[], float]]:
    """What makes some steps of an alternative, and what says how long it took to compile."""
    kind, _, how = alternative.partition("-")
    if "textbook" in (kind, how):
        from textbook import TextbookToy

        loop = TextbookToy(batch=batch, unrolled=UNROLLED if kind == "unrolled" else 0)
        return lambda n: [loop.step() for _ in range(n)] and None, lambda: 0.0

    import gansmith as gs

    dynamics: Any = {"alternating": gs.Alternating(), "unrolled": gs.Unrolled(steps=UNROLLED)}.get(
        kind, gs.Simultaneous()
    )
    dynamics = gs.Compiled(dynamics=dynamics) if how == "compiled" else dynamics
    joint = alternative in JOINT or (alternative == "simultaneous" and batch <= SMALL)
    game: Any = gs.AdversarialGame(gs.NonSaturating(), joint=joint)
    streams = [gs.Stream(gs.Ring(), batch=batch, latent=2, seed=seed) for seed in range(SEEDS)]
    players, draws = networks(0), streams[0]
    if kind == "seeds":
        players, draws = gs.stacked([networks(seed) for seed in range(SEEDS)]), gs.together(streams)
        game = gs.Seeds(game, SEEDS)
    state: dict[str, Any] = dynamics.init(game, players)

    def make(n: int) -> None:
        nonlocal state
        state = gs.play(game, dynamics, players, draws, steps=n, state=state, first=state["steps"])

    return make, lambda: float(state.get("compile_seconds", 0.0))


def networks(seed: int) -> dict[str, Any]:
    import torch
    from textbook import mlp

    torch.manual_seed(seed)
    return {"generator": mlp(2, 2, 128), "discriminator": mlp(2, 1, 128)}


def worker(alternative: str, batch: int, pipe: Connection) -> None:
    """Make a round of steps whenever asked to, and say how many seconds it took by the clock and of the processor."""
    make, compiling = prepared(alternative, batch)
    make(4)  # a compiled step is recorded at the second and compiled at the third
    began = time.perf_counter()
    make(TRIED)
    steps = max(1, round(ROUND * TRIED / (time.perf_counter() - began)))
    pipe.send(compiling())
    while pipe.recv():
        began, cpu = time.perf_counter(), time.process_time()
        make(steps)
        seeds = SEEDS if alternative.startswith("seeds") else 1
        pipe.send([(time.perf_counter() - began) / steps / seeds, (time.process_time() - cpu) / steps / seeds])


def measure(batch: int, rounds: int, alternatives: tuple[str, ...]) -> dict[str, Any]:
    """Interleaved rounds; the first of each alternative warms it up and is left out."""
    context = multiprocessing.get_context("spawn")
    pipes, processes, compiling = {}, [], {}
    for alternative in alternatives:
        pipes[alternative], theirs = context.Pipe()
        process = context.Process(target=worker, args=(alternative, batch, theirs), daemon=True)
        process.start()
        processes.append(process)
        compiling[alternative] = pipes[alternative].recv()
    times: dict[str, list[list[float]]] = {alternative: [] for alternative in alternatives}
    for turn in range(rounds + 1):
        for alternative, pipe in pipes.items():
            pipe.send(True)
            seconds = pipe.recv()
            if turn:
                times[alternative].append(seconds)
    for pipe in pipes.values():
        pipe.send(False)
    for process in processes:
        process.join(60)
    return {name: summary(times, name, compiling[name]) for name in alternatives}


def summary(times: dict[str, list[list[float]]], name: str, compiling: float) -> dict[str, Any]:
    base = "unrolled-textbook" if name.startswith("unrolled") else "textbook"
    (mine, cpu), (theirs, their_cpu) = (np.array(times[alternative]).T for alternative in (name, base))
    spread = np.quantile(theirs / mine, (0.1, 0.9))
    return {
        "us_per_step": round(statistics.median(mine) * 1e6, 1),
        "ratio": round(statistics.median(theirs) / statistics.median(mine), 3),
        "ratio_spread": [round(float(q), 3) for q in spread],
        "ratio_of_processor_time": round(statistics.median(their_cpu) / statistics.median(cpu), 3),
        "compile_seconds": round(compiling, 1),
    }


def main() -> None:
    from report import write_result

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, nargs="+", default=[512, 64])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--only", nargs="+", default=list(ALTERNATIVES), choices=ALTERNATIVES)
    options = parser.parse_args()
    wanted = set(options.only) | {"textbook"}
    wanted |= {"unrolled-textbook"} if any(name.startswith("unrolled") for name in wanted) else set()
    alternatives = tuple(name for name in ALTERNATIVES if name in wanted)
    results: dict[str, Any] = {}
    for batch in options.batches:
        results[str(batch)] = measure(batch, options.rounds, alternatives)
        print(f"\nbatch {batch}, {os.getloadavg()[0]:.1f} load")
        for name, row in results[str(batch)].items():
            took = f"  compiled in {row['compile_seconds']:.0f} s" if row["compile_seconds"] else ""
            print(
                f"  {name:22} {row['us_per_step']:9.0f} us  {row['ratio']:.2f}x "
                f"({row['ratio_spread'][0]:.2f} to {row['ratio_spread'][1]:.2f}; "
                f"processor time {row['ratio_of_processor_time']:.2f}x){took}"
            )
    protocol = {
        "data": "8 Gaussians on a circle",
        "networks": "two hidden layers of 128 rectifiers, generator and discriminator",
        "optimizer": "Adam, 2e-4, (0.5, 0.999)",
        "seeds_at_once": SEEDS,
        "unrolled_steps": UNROLLED,
        "rounds": options.rounds,
        "seconds_in_a_round": ROUND,
        "statistic": "medians over interleaved rounds; spread: 10th and 90th percentile of paired ratios",
        "unit": "one step of one seed; unrolled: against unrolled-textbook, all else against textbook",
    }
    if set(alternatives) == set(ALTERNATIVES):
        print(write_result("toy_speed", {"protocol": protocol, "results": results}))


if __name__ == "__main__":
    main()
