"""Latent arithmetic, measured: a face with A and B, less one with B alone, and one with neither, is to have A alone.

    python benchmarks/arithmetic.py                       # about a quarter of an hour
    python benchmarks/arithmetic.py --picture docs/pictures/arithmetic.png

The model is the one of avatars that travels along, which was never told an attribute. Small networks learn attributes
from other avatars, whose parts are known. One picks the exemplars of each group out of 8,000 samples; another, of
another seed, judges what is drawn at

    mean latent (A, B) − mean latent (not A, B) + mean latent (not A, not B)

with k exemplars in each mean (Radford et al. 2016, section 6.3.2, have k = 3, picked by eye). A draw is right if A is
there and B is not. Chance is how often that is so of samples that were not added up.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import gansmith as gs
from gansmith.applications.arithmetic import around, combined

SAMPLES, TRIALS, FACES, HELD_OUT, SIDE = 8_000, 200, 12_000, 2_000, 32
COUNTS = (3, 10, 30)
SURE = 2.2  # the logit of 0.9, from which on an exemplar is clear
EPOCHS, BATCH, LR = 8, 64, 4e-3
ATTRIBUTES = {
    "dark glasses": ("accessory", ("SUNGLASSES", "SUNGLASSES_2", "WAYFARERS", "WAYFARERS_2", "KURT")),
    "beard": ("facial_hair", ("BEARD_LIGHT", "BEARD_MAGESTIC", "BEARD_MEDIUM", "WICK_BEARD")),
    "open mouth": ("mouth", ("BIG_SMILE", "SCREAM_OPEN")),
    "pink hair": ("hair_color", ("PASTEL_PINK",)),
    "light hair": ("hair_color", ("PLATINUM", "SILVER_GRAY", "BLONDE")),
    "light clothes": ("clothing_color", ("WHITE", "PASTEL_YELLOW", "PASTEL_ORANGE", "PASTEL_GREEN")),
    "long hair": (
        "top",
        (
            *("BIG_HAIR", "BOB", "BRAIDS", "CURLY", "CURVY", "DREADS", "LONG_HAIR_CURLY", "LONG_NOT_TOO_LONG"),
            *("MIA_WALLACE", "STRAIGHT_1", "STRAIGHT_2", "STRAIGHT_STRAND", "TWIST_LONG_HAIR", "TWIST_LONG_HAIR_2"),
        ),
    ),
    "dark skin": ("skin_color", ("BLACK", "DARK_BROWN")),
}
NAMES = tuple(ATTRIBUTES)
OTHERS = ("dark skin", "long hair", "beard")


def faces() -> tuple[Tensor, Tensor]:
    """Avatars (n, 3, 32, 32) in [-1, 1] that the model was not trained on, and their attributes (n, A)."""
    import numpy as np

    from gansmith.data.avatars import avatar, draw

    numbers = range(1_000_000, 1_000_000 + FACES)
    pixels = torch.from_numpy(np.stack([draw(i, (SIDE, SIDE)) for i in numbers])).permute(0, 3, 1, 2)
    parts = [avatar(i) for i in numbers]
    known = [[face[part] in values for part, values in ATTRIBUTES.values()] for face in parts]
    return pixels.float() / 127.5 - 1, torch.tensor(known)


def taught(images: Tensor, known: Tensor, seed: int) -> nn.Module:
    """A network from images to the logits of their attributes."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for before, after in ((3, 32), (32, 64), (64, 96)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
    net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(96 * 16, 128), nn.ReLU(), nn.Linear(128, len(NAMES)))
    optimizer, steps = torch.optim.AdamW(net.parameters()), len(images) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LR, total_steps=EPOCHS * steps)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(images)).split(BATCH)[:steps]:
            loss = F.binary_cross_entropy_with_logits(net(images[rows]), known[rows].float())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return net.eval()


@torch.no_grad()
def seen(net: nn.Module, images: Tensor) -> Tensor:
    """The logits (n, A) of images of any size."""
    return torch.cat([net(F.interpolate(part, size=(SIDE, SIDE), mode="area")) for part in images.split(500)])


def groups(logits: Tensor, a: int, b: int) -> list[tuple[int, Tensor]]:
    """Signs, and the rows of clear exemplars, of (A, B), (not A, B) and (not A, not B)."""
    has, lacks = logits > SURE, logits < -SURE
    masks = [(1, has[:, a] & has[:, b]), (-1, lacks[:, a] & has[:, b]), (1, lacks[:, a] & lacks[:, b])]
    return [(sign, mask.nonzero().squeeze(1)) for sign, mask in masks]


def measured(model: Any, latents: Tensor, picked: Tensor, judge: nn.Module, seed: int) -> list[dict[str, Any]]:
    """For each pair of attributes and each number of exemplars, the share of right draws."""
    generator = torch.Generator().manual_seed(seed)
    rows = []
    for other in OTHERS:
        for name in (name for name in NAMES if name != other):
            a, b = NAMES.index(name), NAMES.index(other)
            found = groups(picked, a, b)
            for count in COUNTS:
                if min(len(members) for _, members in found) < count:
                    continue
                z = torch.stack(
                    [
                        combined([(sign, latents[_some(members, count, generator)]) for sign, members in found])
                        for _ in range(TRIALS)
                    ]
                )
                logits = seen(judge, model.draw(z))
                right = ((logits[:, a] > 0) & (logits[:, b] <= 0)).double().mean().item()
                rows.append({"a": name, "b": other, "exemplars": count, "seed": seed, "right": round(right, 3)})
    return rows


def _some(members: Tensor, count: int, generator: torch.Generator) -> Tensor:
    return members[torch.randperm(len(members), generator=generator)[:count]]


def draw(model: Any, latents: Tensor, picked: Tensor, path: Path, *, a: str, b: str) -> None:
    """The figure of the paper: exemplars as they come, what their means draw, and the sum with noise around it."""
    from gansmith.training import save_grid

    terms = [(sign, latents[rows[:8]]) for sign, rows in groups(picked, NAMES.index(a), NAMES.index(b))]
    rows = [torch.cat((z, z.mean(0, keepdim=True))) for _, z in terms]
    save_grid(model.draw(torch.cat([*rows, around(combined(terms), 9)])), path, columns=9)


def table(rows: list[dict[str, Any]], chance: dict[str, float]) -> list[dict[str, Any]]:
    """Means over seeds."""
    found: dict[tuple[str, str, int], list[float]] = {}
    for row in rows:
        found.setdefault((row["a"], row["b"], row["exemplars"]), []).append(row["right"])
    return [
        {
            "a": a,
            "b": b,
            "exemplars": count,
            "seeds": len(right),
            "right": round(statistics.fmean(right), 3),
            "std": round(statistics.stdev(right), 3) if len(right) > 1 else 0.0,
            "chance": chance[f"{a}, not {b}"],
        }
        for (a, b, count), right in found.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--picture", type=Path, help="draw the figure of dark glasses and dark skin")
    args = parser.parse_args()

    from report import write_result

    torch.set_num_threads(1)
    model = gs.load("avatars")
    images, known = faces()
    nets = [taught(images[HELD_OUT:], known[HELD_OUT:], seed) for seed in args.seeds]
    accuracy = [((seen(net, images[:HELD_OUT]) > 0) == known[:HELD_OUT]).double().mean(0) for net in nets]
    rows: list[dict[str, Any]] = []
    present: list[Tensor] = []
    for place, seed in enumerate(args.seeds):
        latents, _ = model.noise(SAMPLES, seed=seed)
        samples = torch.cat([model.draw(part) for part in latents.split(500)])
        picked, judge = seen(nets[place], samples), nets[(place + 1) % len(nets)]
        present.append(seen(judge, samples) > 0)
        rows += measured(model, latents, picked, judge, seed)
        if args.picture and not place:
            draw(model, latents, picked, args.picture, a="dark glasses", b="dark skin")
        print(f"seed {seed}: done", flush=True)
    every = torch.cat(present)
    chance = {
        f"{a}, not {b}": round((every[:, NAMES.index(a)] & ~every[:, NAMES.index(b)]).double().mean().item(), 3)
        for b in OTHERS
        for a in NAMES
    }
    attributes = {
        name: {
            "real faces": round(known[:, i].double().mean().item(), 3),
            "samples": round(every[:, i].double().mean().item(), 3),
            "judged rightly": round(min(found[i].item() for found in accuracy), 3),
        }
        for i, name in enumerate(NAMES)
    }
    found = table(rows, chance)
    protocol = {
        "model": "avatars, as it travels along: 64 px, 128 normal latents",
        "samples": SAMPLES,
        "trials": f"{TRIALS} sums for each seed, each of exemplars drawn anew from those that are clear (at least 0.9)",
        "judge": f"a network taught by {FACES - HELD_OUT:,} other avatars, not the one that picks exemplars; judged "
        f"rightly: of {HELD_OUT:,} more, the worst of {len(nets)} seeds",
        "right": "A is there and B is not",
        "chance": "how often that is so of the samples themselves",
    }
    write_result("arithmetic", {"protocol": protocol, "attributes": attributes, "table": found, "runs": rows})
    for row in found:
        print(f"{row['a']:14} − {row['b']:10} k={row['exemplars']:<3} {row['right']:.2f} ± {row['std']:.2f}")


if __name__ == "__main__":
    main()
