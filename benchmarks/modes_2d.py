"""Mode collapse, measured: eight Gaussians on a ring and twenty-five on a grid, method by method, over seeds.

    python benchmarks/modes_2d.py                                        # everything; hours
    python benchmarks/modes_2d.py --methods gan best --data ring-8       # some of it
    python benchmarks/modes_2d.py --methods gan --steps 100000 400000    # the published length, and how it gets there

The distributions, the networks and the optimiser are those of Lin et al. 2018 (PacGAN, section 4.1), except in the best
recipe, which is free in all but this: the latent is Gaussian; there are no labels, no rejection and no truncation; and
nothing in the generator knows the modes. Every generator is judged twice: by the published count on 2,500 samples, and
on 50,000 samples by the share, weight and spread of each mode. A run is judged at several lengths, since nothing in the
published configuration depends on how long it will be; the best recipe's does.

Finished runs are kept in the file of results, benchmarks/results/modes_2d.json, and not made again: the command can be
stopped and repeated, and --again makes them anew.
"""

import argparse
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import gansmith as gs
from gansmith.networks import Architecture
from gansmith.types import Dynamics, Game

COUNTED, TRUTH = 2_500, 50_000
CHUNK = 50  # steps between two changes of an annealed game
HIGH_QUALITY, TOLERANCE = 0.97, 0.25  # what the best recipe is to reach
PUBLISHED_STEPS = 400_000  # 400 epochs of 100,000 samples in batches of 100
PUBLISHED_NETWORKS = gs.Maxout(width=400, depth=4, batch_norm=True, units=200, pieces=5, layers=3, std=0.02)
ADAM = gs.Adam(lr=1e-4, beta1=0.8, beta2=0.999)
PUBLISHED = {  # modes, high quality in per cent; Lin et al. 2018, table 1
    "ring-8": {"gan": (6.3, 98.2), "packed-2": (7.9, 95.6), "packed-4": (7.8, 95.9)},
    "grid-25": {"gan": (17.3, 94.8), "packed-2": (23.8, 91.3), "packed-4": (24.8, 93.6)},
}


@dataclass(frozen=True, kw_only=True)
class Method:
    """What is played, how, and by whom.

    Args:
        about: in a line.
        game: as a function of how far the run is, in [0, 1].
        dynamics: how they move.
        networks: who plays; the discriminator is built for packs.
        pack: samples that the discriminator judges at a time; a batch holds that many times more.
        batch: scores in a batch.
        latent: dimension of z, which is Gaussian.
        steps: after how many it is judged, the last being the end, unless --steps says otherwise.
        half_life: of the generator's moving average, in steps; 0 takes the generator as it is.
        rates: each player's learning rate as a function of how far the run is; none leaves them alone.
        growth: how far the run is when the batch doubles; 1 is never.
    """

    about: str
    game: Callable[[float], Game]
    dynamics: Dynamics = gs.Simultaneous(optimizer=ADAM)
    networks: Architecture = PUBLISHED_NETWORKS
    pack: int = 1
    batch: int = 100
    latent: int = 2
    steps: tuple[int, ...] = (5_000, 10_000)
    half_life: float = 0.0
    rates: Callable[[float], Mapping[str, float]] = lambda progress: {}
    growth: float = 1.0


def still(game: Game) -> Callable[[float], Game]:
    return lambda progress: game


GAN = gs.AdversarialGame(gs.NonSaturating())


def between(progress: float, begins: float, ends: float) -> float:
    """How far one is on the way that begins and ends there, from 0 to 1."""
    return min(1.0, max(0.0, (progress - begins) / (ends - begins)))


def coarse_to_fine(scale: float) -> Callable[[float], Game]:
    """The paired relativistic game with R1 and R2, whose weight falls by five decades.

    √γ is the length below which such a discriminator cannot see. While it is long, mass moves freely between modes
    and their weights come out right; when it is short, each mode gets its shape.
    """

    def game(progress: float) -> Game:
        gamma = scale**2 * 1e-5 ** between(progress, 0.05, 0.8)
        return gs.AdversarialGame(
            gs.RelativisticPaired(), penalties=(gs.R1(gamma=gamma), gs.R2(gamma=gamma)), joint=True
        )

    return game


def settling(progress: float) -> Mapping[str, float]:
    """The generator slows down more than the discriminator, which is then ever nearer to its best answer.

    A generator that jumps about is answered on average, by a discriminator that lags behind: then it is the average
    over time that matches the data, and each single generator is too narrow. It is slow before γ is short, because
    from then on little tells it where weights have drifted to.
    """
    way, end = between(progress, 0.1, 0.5), between(1 - progress, 0, 0.2)
    return {"generator": 2e-3 * 0.01**way * end, "discriminator": 2e-3 * 0.15**way * max(end, 0.1)}


def best(scale: float) -> Method:
    return Method(
        about="paired relativistic, R1 and R2 from coarse to fine, plateaus against Fourier features, moving average",
        game=coarse_to_fine(scale),
        dynamics=gs.Alternating(optimizer=gs.Adam(lr=2e-3, beta1=0.0, beta2=0.99)),
        networks=gs.Multiscale(scale=scale),
        batch=256,
        latent=8,
        steps=(16_000,),
        half_life=500,
        rates=settling,
        growth=0.4,
    )


METHODS: dict[str, Method] = {
    "gan": Method(about="non-saturating, simultaneous", game=still(GAN)),
    "unrolled": Method(
        about="the same, unrolled by 5 steps",
        game=still(GAN),
        dynamics=gs.Unrolled(optimizer=ADAM, steps=5),
        steps=(5_000,),
    ),
    "packed-2": Method(about="the same, in packs of 2", game=still(gs.Packed(GAN, size=2)), pack=2),
    "packed-4": Method(about="the same, in packs of 4", game=still(gs.Packed(GAN, size=4)), pack=4),
    "r1": Method(
        about="the same, with R1 at 0.1",
        game=still(gs.AdversarialGame(gs.NonSaturating(), penalties=(gs.R1(gamma=0.1),), joint=True)),
    ),
    "relativistic": Method(
        about="paired relativistic, with R1 and R2 at 0.1",
        game=still(
            gs.AdversarialGame(gs.RelativisticPaired(), penalties=(gs.R1(gamma=0.1), gs.R2(gamma=0.1)), joint=True)
        ),
    ),
    "extragradient": Method(
        about="the first game, by extragradient",
        game=still(GAN),
        dynamics=gs.Extragradient(optimizer=ADAM),
    ),
    "best": best(1.0),
}
SCALE = {"ring-8": 1.0, "grid-25": 4.0}  # the greatest coordinate of a mode: the unit of length


def method_for(data: str, name: str) -> Method:
    return best(SCALE[data]) if name == "best" else METHODS[name]


def train(data: str, method: Method, seed: int, lengths: Sequence[int]) -> Iterator[Any]:
    """The generator after each of these numbers of steps, or its moving average."""
    import torch

    from gansmith.dynamics import play
    from gansmith.training.average import MovingAverage

    distribution = gs.toy(data)
    torch.manual_seed(seed)
    players = {
        "generator": method.networks.generator((distribution.dimensions,), latent=method.latent),
        "discriminator": method.networks.discriminator((method.pack * distribution.dimensions,)),
    }
    streams = [
        gs.Stream(distribution, batch=times * method.pack * method.batch, latent=method.latent, seed=seed)
        for times in (1, 2)
    ]
    average = (
        MovingAverage(players["generator"], gs.Averaging(half_life=method.half_life)) if method.half_life else None
    )
    state, (*_, end) = method.dynamics.init(method.game(0.0), players), lengths
    for first in range(0, end, CHUNK):
        if first in lengths:
            yield players["generator"]
        progress = first / end
        for player, rate in method.rates(progress).items():
            for group in state["optimizers"][player].param_groups:
                group["base_lr"] = rate
        state = play(
            method.game(progress),
            method.dynamics,
            players,
            streams[progress >= method.growth],
            steps=min(CHUNK, end - first),
            state=state,
            first=first,
            watch=average and (lambda step, result: average.update(players["generator"], step + 1)),
        )
    yield average.module if average else players["generator"]


def judge(data: str, generator: Any, latent: int, seed: int) -> dict[str, Any]:
    """The published count, the truth, and whether it is what the best recipe is to reach."""
    import torch

    from gansmith.metrics import mode_report
    from gansmith.types import key_seed

    distribution = gs.toy(data)
    source = torch.Generator().manual_seed(key_seed(seed, "judged"))
    with torch.no_grad():
        samples = generator(torch.randn(TRUTH, latent, generator=source))
    counted, truth = (mode_report(samples[:n], distribution.modes, distribution.std) for n in (COUNTED, TRUTH))
    axes = [value for spread in truth.spreads for value in spread]
    return {
        "modes": counted.found,
        "high_quality": round(counted.high_quality, 4),
        "truth": {
            "modes": truth.found,
            "high_quality": round(truth.high_quality, 4),
            "weights": [round(min(truth.weights), 3), round(max(truth.weights), 3)],
            "spreads": [round(min(axes), 3), round(max(axes), 3)],
            "offset": round(max(truth.offsets), 3),
        },
        "passed": counted.found == truth.found == truth.of
        and min(counted.high_quality, truth.high_quality) >= HIGH_QUALITY
        and truth.faithful(TOLERANCE),
    }


def run(data: str, name: str, seed: int, lengths: Sequence[int], pictures: Path | None) -> list[dict[str, Any]]:
    """One training, in a process of its own with one thread: how it stands at each length."""
    import torch

    torch.set_num_threads(1)
    method, found, seconds, started = method_for(data, name), [], 0.0, time.perf_counter()
    for steps, generator in zip(lengths, train(data, method, seed, lengths), strict=True):
        seconds += time.perf_counter() - started
        if pictures is not None:
            draw(data, generator, method.latent, pictures / f"{data}-{name}-{seed}-{steps}.png")
        found.append({"steps": steps, "seconds": round(seconds, 1), **judge(data, generator, method.latent, seed)})
        started = time.perf_counter()
    return found


def draw(data: str, generator: Any, latent: int, path: Path) -> None:
    """The published number of samples as points, over the modes."""
    import torch
    from matplotlib.figure import Figure

    with torch.no_grad():
        x = generator(torch.randn(COUNTED, latent, generator=torch.Generator().manual_seed(0)))
    modes = gs.toy(data).modes
    axes = Figure(figsize=(4, 4), layout="constrained").add_subplot()
    axes.scatter(modes[:, 0], modes[:, 1], s=60, facecolors="none", edgecolors="tab:orange")
    axes.scatter(x[:, 0], x[:, 1], s=1, c="black")
    axes.set_aspect("equal")
    path.parent.mkdir(parents=True, exist_ok=True)
    axes.figure.savefig(path, dpi=120)


def real(data: str) -> dict[str, Any]:
    """What the data itself scores."""

    class Data:
        def __call__(self, z: Any) -> Any:
            import torch

            return gs.toy(data).sample(len(z), torch.Generator().manual_seed(0))

    return judge(data, Data(), 1, 0)


def table(runs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row for each method and number of steps: means over seeds, and how many reach what the best recipe is to."""
    rows = []
    for (name, steps), every in sorted(grouped(runs).items()):
        row = {
            "method": name,
            "steps": steps,
            "seeds": len(every),
            "modes": round(statistics.fmean(run["modes"] for run in every), 2),
            "high_quality": round(statistics.fmean(run["high_quality"] for run in every), 4),
            "weights": [min(run["truth"]["weights"][0] for run in every), max(r["truth"]["weights"][1] for r in every)],
            "spreads": [min(run["truth"]["spreads"][0] for run in every), max(r["truth"]["spreads"][1] for r in every)],
            "passed": f"{sum(run['passed'] for run in every)} of {len(every)}",
            "seconds": round(statistics.median(run["seconds"] for run in every), 1),
        }
        rows.append(row)
    return rows


def grouped(runs: Mapping[str, Any]) -> dict[tuple[str, int], list[Any]]:
    """The runs of a data set by method and number of steps."""
    groups: dict[tuple[str, int], list[Any]] = {}
    for name, by_key in runs.items():
        for run in by_key.values():
            groups.setdefault((name, run["steps"]), []).append(run)
    return groups


def protocol() -> dict[str, Any]:
    return {
        "distributions": {name: repr(gs.toy(name)) for name in PUBLISHED},
        "counted": f"{COUNTED} samples; a mode is found if a sample lies within 3σ; high quality is within 3σ",
        "truth": f"{TRUTH} samples; weights and spreads are over the data's, spreads along each mode's principal axes",
        "passed": f"all modes, high quality ≥ {HIGH_QUALITY}, weights and spreads within {TOLERANCE} of 1",
        "published networks": asdict(PUBLISHED_NETWORKS),
        "published optimizer": asdict(ADAM),
        "published steps": PUBLISHED_STEPS,
        "published": "Lin et al. 2018, table 1: modes and high quality in per cent, means over 10 runs",
        "methods": {name: method.about for name, method in METHODS.items()},
        "best": {
            "networks": asdict(METHODS["best"].networks),
            "scale": SCALE,
            "gamma": "scale² · 1e-5^((t − 0.05) / 0.75), t the progress, held before 0.05 and after 0.8",
            "learning rates": "2e-3; from t = 0.1 to 0.5 down to 0.01 of it (generator), 0.15 (discriminator); 0 at 1",
            "batch": "256, from t = 0.4 on 512",
            "latent": "8 standard normal numbers",
            "optimizer": "Adam with β₁ = 0, β₂ = 0.99; alternating; moving average of half-life 500",
        },
    }


def key(seed: int, steps: int) -> str:
    return f"seed {seed}, {steps} steps"


def pending(args: argparse.Namespace, results: Mapping[str, Any]) -> list[tuple[str, str, int, Sequence[int]]]:
    """The runs that are still to be made: (data, method, seed, lengths)."""
    jobs = []
    for data in args.data:
        for name in args.methods:
            lengths = tuple(sorted(args.steps)) if args.steps else method_for(data, name).steps
            for seed in args.seeds:
                made = results.get(data, {}).get(name, {})
                if args.again or any(key(seed, steps) not in made for steps in lengths):
                    jobs.append((data, name, seed, lengths))
    return jobs


def save(results: Mapping[str, Any]) -> None:
    from report import write_result

    write_result(
        "modes_2d",
        {
            "protocol": protocol(),
            "data": {data: real(data) for data in results},
            "table": {data: table(runs) for data, runs in results.items()},
            "published": PUBLISHED,
            "runs": results,
        },
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--data", nargs="+", choices=list(PUBLISHED), default=list(PUBLISHED))
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(10)))
    parser.add_argument("--steps", type=int, nargs="+", help="lengths at which to judge; by default each method's own")
    parser.add_argument("--workers", type=int, default=1, help="runs at a time, of one thread each")
    parser.add_argument("--again", action="store_true", help="make finished runs anew")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="draw the samples of every run")
    args = parser.parse_args()

    from report import RESULTS, commit

    path = RESULTS / "modes_2d.json"
    results = json.loads(path.read_text(encoding="utf-8"))["runs"] if path.exists() else {}
    jobs, begun_at = pending(args, results), commit()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(args.workers, mp_context=spawn) as pool:
        made = {pool.submit(run, *job, args.pictures): job for job in jobs}
        for future in as_completed(made):
            data, name, seed, _ = made[future]
            for found in future.result():
                this = key(seed, found["steps"])
                results.setdefault(data, {}).setdefault(name, {})[this] = {**found, "commit": begun_at}
                print(f"{data:8} {name:14} {this}  {json.dumps(found)}", flush=True)
            save(results)
    for data, runs in results.items():
        for row in table(runs):
            print(f"{data:8} {json.dumps(row)}")


if __name__ == "__main__":
    main()
