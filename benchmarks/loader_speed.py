"""Images per second that `Batches` hands out, from a prepared memory map to floats in [−1, 1], on one thread.

python benchmarks/loader_speed.py
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from report import write_result

from gansmith.data import Batches, open_images

ROUNDS, SECONDS = 9, 0.4
CASES = (  # images, height = width, channels
    (60_000, 28, 1),
    (20_000, 64, 3),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=64)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        alternatives = {
            f"{side} px, {channels} channel{'s' * (channels > 1)}{', flips' * flip}": batches(
                Path(folder), count, side, channels, flip=flip, batch=arguments.batch
            )
            for count, side, channels in CASES
            for flip in (False, True)
        }
        speeds: dict[str, list[tuple[float, float]]] = {name: [] for name in alternatives}
        for number in range(ROUNDS):  # interleaved, so that a change of the machine's load meets all of them
            for name, loader in alternatives.items():
                speeds[name].append(measure(loader, number))
    results = {name: summary(values) for name, values in speeds.items()}
    for name, result in results.items():
        print(
            f"{name:24} {result['images_per_second']:>10,} images/s ({result['lowest']:,} to {result['highest']:,}), "
            f"{result['images_per_processor_second']:,} per second of the processor"
        )
    protocol = (
        f"One thread, batch {arguments.batch}; uniform noise in the prepared cache, opened as a memory map; {ROUNDS} "
        f"rounds of {SECONDS} s each, the alternatives interleaved; median, lowest and highest round. Every round "
        "starts at another step; making the permutation of an epoch counts when it falls into it. Where other work "
        "shares the processor, the figure per second of processor time is the one that travels."
    )
    write_result("loader_speed", {"protocol": protocol, "batch": arguments.batch, "results": results})


def batches(folder: Path, count: int, side: int, channels: int, *, flip: bool, batch: int) -> Batches:
    archive = folder / f"{side}.npz"
    if not archive.exists():
        random = np.random.default_rng(0)
        np.savez(archive, images=random.integers(0, 256, (count, side, side, channels), dtype=np.uint8))
    images = open_images(str(archive), channels=channels, cache=folder / "cache")
    return Batches(images, batch=batch, seed=0, flip=flip)


def measure(loader: Batches, number: int) -> tuple[float, float]:
    """Images per second, and per second that this thread really had the processor."""
    first = number * 1_000_000
    for step in range(first, first + 20):
        loader(step)
    step, start, used = first, time.perf_counter(), time.thread_time()
    while (passed := time.perf_counter() - start) < SECONDS:
        loader(step)
        step += 1
    drawn = (step - first) * loader.batch
    return drawn / passed, drawn / (time.thread_time() - used)


def summary(values: list[tuple[float, float]]) -> dict[str, Any]:
    speeds = [speed for speed, _ in values]
    return {
        "images_per_second": round(statistics.median(speeds)),
        "lowest": round(min(speeds)),
        "highest": round(max(speeds)),
        "images_per_processor_second": round(statistics.median(own for _, own in values)),
    }


if __name__ == "__main__":
    main()
