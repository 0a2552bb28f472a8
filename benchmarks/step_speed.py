"""How fast is a training step, and is it as good? gansmith's `train` against the textbook loop on the same layers.

    step_speed.py speed --sides 28 32 64        ratios of time; writes results/step_speed.json
    step_speed.py quality --seeds 0 1 2 3 4     Fréchet distance after equal steps; …/step_quality.json
    step_speed.py speed --device cuda           images/s on a GPU, and the share of its matmul rate
    step_speed.py compile --sides 28 32         what torch.compile gains, and after how many steps it has paid

Each alternative lives in a process of its own, because an allocator is a property of the process. The processes
wait while one of them makes a round of steps, in turn, so that a machine that slows down slows them all; a ratio
is that of the medians over rounds. gansmith runs through `gansmith.train`, with its moving average, its log and
its finiteness check on; the handshake hangs on its logger.
"""

import argparse
import multiprocessing
import os
import resource
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

STEPS = {28: 10, 32: 10, 64: 2}  # in a round
WIDTH = {28: 32, 32: 32, 64: 64}  # Radford's at 64 px
CHANNELS = {28: 1, 32: 3, 64: 3}
BATCH, LATENT = 64, 100
COMPILED = ("alternating", "alternating-compiled")
ALTERNATIVES = ("textbook", "alternating", "simultaneous", "alternating-float32", "simultaneous-float32")


def data(side: int) -> Any:
    """Random bytes will do where only time is measured; nothing in a step depends on the content."""
    from gansmith.data import from_array

    pixels = np.random.default_rng(0).integers(0, 256, (1024, side, side, CHANNELS[side]), dtype=np.uint8)
    return from_array(pixels)


def recipe(side: int, alternative: str, steps: int, device: str, seed: int = 0) -> Any:
    """The textbook's layers and settings as a recipe."""
    import gansmith as gs

    dynamics, _, variant = alternative.partition("-")
    optimizer = gs.Adam(lr=2e-4, beta1=0.5, beta2=0.999)
    return gs.Recipe(
        name=alternative,
        networks=gs.DCGAN(width=WIDTH[side], bias=False),
        latent=LATENT,
        game=gs.AdversarialGame(gs.NonSaturating()),
        dynamics=gs.Simultaneous(optimizer=optimizer)
        if dynamics == "simultaneous"
        else gs.Alternating(optimizer=optimizer),
        batch=BATCH,
        steps=steps,
        seed=seed,
        run=gs.Execution(
            device=device, precision="float32" if variant == "float32" else "auto", compile=variant == "compiled"
        ),
        every=gs.Schedules(log=STEPS[side], sample=10**9, save=10**9),
    )


def worker(alternative: str, side: int, rounds: int, device: str, pipe: Connection) -> None:
    """Make a round of steps whenever asked to, and report the seconds that it took."""
    import torch

    def handshake() -> None:
        if device != "cpu":
            torch.cuda.synchronize()
        now = time.perf_counter()
        pipe.send((now - started[0], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
        pipe.recv()
        started[0] = time.perf_counter()

    started = [time.perf_counter()]
    if alternative == "textbook":
        from textbook import Textbook

        images = data(side).pixels().float() / 127.5 - 1
        loop = Textbook(images, width=WIDTH[side], batch=BATCH, latent=LATENT, seed=0, device=device)
        for _ in range(rounds):
            for _ in range(STEPS[side]):
                loop.step()
            handshake()
    else:
        import gansmith as gs

        class Quiet:
            """The display is not what is measured."""

            def start(self, step: int, steps: int) -> None: ...
            def update(self, record: Any) -> None: ...
            def say(self, text: str) -> None: ...
            def stop(self) -> None: ...

        def watch(record: Any) -> None:
            if "cost/generator" in record:  # and not the score of the samples at the end
                handshake()

        with tempfile.TemporaryDirectory() as folder:
            plan = recipe(side, alternative, rounds * STEPS[side], device)
            gs.train(plan, out=Path(folder) / "run", data=data(side), display=Quiet(), loggers=[watch])


def measure(side: int, rounds: int, device: str, alternatives: tuple[str, ...] = ALTERNATIVES) -> dict[str, Any]:
    """Interleaved rounds; the first two of each alternative warm it up and are left out."""
    context = multiprocessing.get_context("spawn")
    pipes, processes = {}, []
    first: dict[str, float] = {}
    for alternative in alternatives:
        pipes[alternative], theirs = context.Pipe()
        process = context.Process(target=worker, args=(alternative, side, rounds, device, theirs), daemon=True)
        process.start()
        processes.append(process)
        first[alternative], _ = pipes[alternative].recv()  # its first round, alone
    times: dict[str, list[float]] = {alternative: [] for alternative in alternatives}
    memory: dict[str, float] = {}
    for turn in range(1, rounds):
        for alternative in alternatives:
            pipes[alternative].send("go")
            seconds, peak = pipes[alternative].recv()
            memory[alternative] = peak / 2**20
            if turn > 1:
                times[alternative].append(seconds / STEPS[side])
    for pipe in pipes.values():
        pipe.send("end")
    for process in processes:
        process.join(60)
    base = statistics.median(times[alternatives[0]])
    return {
        alternative: {
            "ms_per_step": round(statistics.median(t) * 1e3, 2),
            "quartiles_ms": [round(float(q) * 1e3, 2) for q in np.quantile(t, (0.25, 0.75))],
            "images_per_second": round(BATCH / statistics.median(t), 1),
            "ratio": round(base / statistics.median(t), 3),
            "ratio_spread": [
                round(float(q), 3) for q in np.quantile(np.array(times[alternatives[0]]) / np.array(t), (0.1, 0.9))
            ],
            "first_round_s": round(first[alternative], 2),
            "peak_memory_gib": round(memory[alternative], 2),
        }
        for alternative, t in times.items()
    }


def flops(side: int) -> float:
    """Floating-point operations in the textbook's iteration: what a share of the chip's rate is counted against."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    sys.path.insert(0, str(Path(__file__).parent))
    from textbook import Textbook

    images = torch.zeros(BATCH, CHANNELS[side], side, side)
    loop = Textbook(images, width=WIDTH[side], batch=BATCH, latent=LATENT, seed=0)
    with FlopCounterMode(display=False) as counter:
        loop.step()
    return float(counter.get_total_flops())


def matmul_rate(device: str) -> float:
    """The chip's measured bfloat16 matrix rate in operations per second, the best of several."""
    import torch

    n = 8192 if device != "cpu" else 2048
    a, b = (torch.randn(n, n, device=device, dtype=torch.bfloat16) for _ in range(2))
    best = 0.0
    for _ in range(8):
        if device != "cpu":
            torch.cuda.synchronize()
        started = time.perf_counter()
        a @ b
        if device != "cpu":
            torch.cuda.synchronize()
        best = max(best, 2 * n**3 / (time.perf_counter() - started))
    return best


def speed(options: argparse.Namespace) -> None:
    from report import write_result

    results: dict[str, Any] = {}
    rate = matmul_rate(options.device)
    for side in options.sides:
        found = measure(side, options.rounds, options.device)
        work = flops(side)
        for row in found.values():
            row["share_of_matmul_rate"] = round(work / (row["ms_per_step"] / 1e3) / rate, 4)
        results[str(side)] = found
        print(f"\n{side} px, width {WIDTH[side]}, batch {BATCH}, {os.getloadavg()[0]:.1f} load")
        for alternative, row in found.items():
            print(
                f"  {alternative:22} {row['ms_per_step']:9.1f} ms  {row['ratio']:.2f}x  "
                f"({row['ratio_spread'][0]:.2f} to {row['ratio_spread'][1]:.2f})  "
                f"{row['images_per_second']:8.0f} images/s  {row['peak_memory_gib']:.1f} GiB"
            )
    protocol = {
        "batch": BATCH,
        "widths": WIDTH,
        "channels": CHANNELS,
        "latent": LATENT,
        "steps_per_round": STEPS,
        "rounds": options.rounds,
        "statistic": "medians over interleaved rounds; spread: 10th and 90th percentile of paired ratios",
        "matmul_rate_tflops": round(rate / 1e12, 3),
    }
    name = "step_speed" if options.device == "cpu" else f"step_speed_{options.device.replace(':', '')}"
    print(write_result(name, {"protocol": protocol, "results": results}))


def compiling(options: argparse.Namespace) -> None:
    from report import write_result

    results: dict[str, Any] = {}
    for side in options.sides:
        found = measure(side, options.rounds, options.device, COMPILED)
        plain, compiled = (found[name] for name in COMPILED)
        gain = (plain["ms_per_step"] - compiled["ms_per_step"]) / 1e3
        price = compiled["first_round_s"] - plain["first_round_s"]
        paid = round(price / gain) if gain > 0 else None
        results[str(side)] = {**found, "compile_seconds": round(price, 1), "paid_after_steps": paid}
        print(
            f"{side} px  {compiled['ratio']:.2f}x, {price:.0f} s to compile, "
            + (f"paid after {paid:,} steps" if paid else "never paid")
        )
    print(write_result("step_compile", {"protocol": {"batch": BATCH, "rounds": options.rounds}, "results": results}))


def trained(alternative: str, seed: int, steps: int) -> float:
    """The Fréchet distance of one training on the embedded digits; on one thread, as its time is not measured."""
    import torch
    from textbook import Textbook

    import gansmith as gs
    from gansmith.metrics import evaluate, grey28, measures

    torch.set_num_threads(1)
    images = gs.open_images("digits")
    pixels = images.pixels()
    if alternative == "textbook":
        model: Any = Textbook(pixels.float() / 127.5 - 1, width=32, batch=BATCH, latent=LATENT, seed=seed)
        for _ in range(steps):
            model.step()
    else:
        plan = recipe(28, alternative, steps, "cpu", seed)
        plan = replace(plan, data="digits", run=replace(plan.run, threads=1))
        with tempfile.TemporaryDirectory() as folder:
            model = gs.load(gs.train(plan, out=Path(folder) / "run", data=images).path)
    report = evaluate(model, pixels, extractor=grey28(), n=5000, seed=seed, measures=[measures.Frechet()])
    return report["Fréchet distance (grey28)"]


def quality(options: argparse.Namespace) -> None:
    from report import write_result

    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.workers, mp_context=context) as pool:
        futures = {
            (alternative, seed): pool.submit(trained, alternative, seed, options.steps)
            for seed in options.seeds
            for alternative in options.alternatives
        }
        rows: dict[str, list[float]] = {alternative: [] for alternative in options.alternatives}
        for (alternative, seed), future in futures.items():
            rows[alternative].append(future.result())
            print(f"seed {seed}  {alternative:14} Fréchet distance {rows[alternative][-1]:.3f}", flush=True)
    summary = {
        alternative: {
            "frechet_distance": row,
            "mean": statistics.mean(row),
            "std": statistics.stdev(row) if len(row) > 1 else 0.0,
            "ratio_of_means": statistics.mean(row) / statistics.mean(rows["textbook"]),
        }
        for alternative, row in rows.items()
    }
    protocol = {
        "data": "digits",
        "side": 28,
        "steps": options.steps,
        "batch": BATCH,
        "samples": 5000,
        "seeds": options.seeds,
    }
    print(write_result("step_quality", {"protocol": protocol, "results": summary}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("speed", help="time per step")
    one.add_argument("--sides", type=int, nargs="+", default=[28, 32, 64], choices=sorted(STEPS))
    one.add_argument("--rounds", type=int, default=14)
    one.add_argument("--device", default="cpu")
    one.set_defaults(run=speed)
    three = commands.add_parser("compile", help="whether compilation pays")
    three.add_argument("--sides", type=int, nargs="+", default=[28, 32], choices=sorted(STEPS))
    three.add_argument("--rounds", type=int, default=14)
    three.add_argument("--device", default="cpu")
    three.set_defaults(run=compiling)
    two = commands.add_parser("quality", help="quality after equal steps")
    two.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    two.add_argument("--steps", type=int, default=4000)
    two.add_argument("--alternatives", nargs="+", default=list(ALTERNATIVES[:3]), choices=ALTERNATIVES)
    two.add_argument("--workers", type=int, default=os.cpu_count(), help="trainings at once, each on one thread")
    two.set_defaults(run=quality)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
