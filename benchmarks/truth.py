"""Whether a run fails, and since when: measured on real images that neither its players nor the doctor see.

Nothing here is read by the doctor. The score is a Fréchet distance between pixels, along the principal axes of the
held-out images and in units of their variance: 0 is the data, 1 about as bad as one grey picture. Kinds of pictures are
told apart by what the pictures are (`shapes.py`) or by the shipped classifier of digits.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

import gansmith as gs
from gansmith.metrics import GaussianStatistics, digits, frechet_distance
from gansmith.training.model import Model
from gansmith.training.session import Session
from gansmith.types import key_seed

SAMPLES, AXES, PAIRS = 600, 24, 300
FAILS, HEALTHY = 2.5, 1.6  # times the normal score at that step
LEVEL = 0.02  # added to both scores: below it, all are good
KINDS_FAIL, KINDS_HEALTHY = 0.6, 0.8  # of the normal number of kinds
COPIES_FAIL, COPIES_HEALTHY = 0.5, 0.7  # of the distance that unseen images have
BATCH_FAILS, BATCH_HEALTHY = 0.15, 0.05  # share of a sample's variance that comes with its batch
GRID_FAILS, GRID_HEALTHY = 0.1, 0.04  # strength of a chessboard, of a range of 2
LEARNT = 0.5  # a score below it is better than anything that has learnt nothing
COMING = 0.85  # a score that is below this part of what it was a fifth of the run before is getting better
LINES = {
    "score": f"Fréchet distance of {SAMPLES} samples to held-out images, along {AXES} principal axes of their pixels, "
    "over their variance",
    "quality": f"score + {LEVEL} above {FAILS} times the median base run's at that step, and not falling by "
    f"{1 - COMING:.0%} in a fifth of the run; healthy below {HEALTHY} times",
    "kinds": f"exp of the entropy of the kinds below {KINDS_FAIL} times the base runs'; healthy from {KINDS_HEALTHY}",
    "copies": f"distance to the nearest training image below {COPIES_FAIL} times that to as many unseen ones; "
    f"healthy from {COPIES_HEALTHY}",
    "batch": f"share of a sample's variance, over latents, that comes with its batch: {BATCH_FAILS}, {BATCH_HEALTHY}",
    "grid": f"strength of a chessboard in the samples: {GRID_FAILS}, {GRID_HEALTHY}",
    "fails": "past a line at the last three marks; the onset is the first mark since which it was, but for single "
    f"ones, and not before the base runs' score has fallen to {LEARNT}",
    "recovers": "past a line at two marks or more in a row, after that, but not at the end",
}


@dataclass(frozen=True, kw_only=True)
class Data:
    """Pictures of known kinds.

    Args:
        about: in a line.
        steps: of a run.
        train: the images that players are given.
        held: images that only the truth sees.
        kinds: (n, c, h, w) to the kind (n,) of each.
        count: how many kinds there are.
        varied: pictures of a class differ in more than noise, so that one for each class is a failure.
    """

    about: str
    steps: int
    train: Callable[[], Any]
    held: Callable[[], Any]
    kinds: Callable[[Tensor], Tensor]
    count: int
    varied: bool = True


def _spots(seed: int) -> Callable[[], Any]:
    def make() -> Any:
        from shapes import spots

        return spots(2_000, seed=seed)

    return make


def _shapes(seed: int) -> Callable[[], Any]:
    def make() -> Any:
        from shapes import shapes

        return shapes(3_000, side=16, modes=6, seed=seed)

    return make


def _place(images: Tensor) -> Tensor:
    from shapes import spots_told_apart

    return spots_told_apart(images)[0]


def _shape(images: Tensor) -> Tensor:
    from shapes import told_apart

    return told_apart(images)[0]


def _digits(part: int) -> Callable[[], Any]:
    return lambda: gs.open_images("digits").split(1_000)[part]


def _digit(images: Tensor) -> Tensor:
    return digits().probabilities(images).argmax(1)


DATA = {
    "spots": Data(
        about="2,000 pictures of a soft spot at one of 8 places, 16 px",
        steps=1_000,
        train=_spots(0),
        held=_spots(1),
        kinds=_place,
        count=8,
        varied=False,
    ),
    "digits": Data(
        about="4,000 of the embedded digits, 28 px; 1,000 held out",
        steps=2_500,
        train=_digits(0),
        held=_digits(1),
        kinds=_digit,
        count=10,
    ),
    "shapes": Data(
        about="3,000 drawings of 6 shapes, 16 px",
        steps=1_000,
        train=_shapes(0),
        held=_shapes(1),
        kinds=_shape,
        count=10,
    ),
}


@dataclass(frozen=True, eq=False)
class Truth:
    """What is known of held-out images, and how samples compare with it."""

    data: Data
    held: Tensor
    axes: Tensor
    statistics: GaussianStatistics
    variance: float

    @classmethod
    def of(cls, data: str) -> Truth:
        return _truth(data)

    def judge(self, sampler: Any, seed: int = 0) -> dict[str, float]:
        """Score, kinds and chessboard of a sampler."""
        return self._look(sampler.sample(SAMPLES, seed=key_seed("truth", seed)))

    def mark(self, session: Session, trained_on: Any) -> dict[str, float]:
        """All that is true of a run at a step."""
        with torch.random.fork_rng(devices=[]):
            samples = Model.of(session).sample(SAMPLES, seed=key_seed("truth", session.step))
            found = {"step": session.step, **self._look(samples)}
            if not found["finite"]:
                return found
            found["copies"] = self._copies(samples, trained_on)
            found["batch"] = _batch_share(session)
        return found

    def _look(self, samples: Tensor) -> dict[str, float]:
        if not bool(samples.isfinite().all()):
            return {"finite": 0.0}
        at = GaussianStatistics.of(samples.flatten(1).double() @ self.axes)
        shares = torch.bincount(self.data.kinds(samples), minlength=self.data.count).double() / len(samples)
        rows, columns = torch.arange(samples.shape[-2])[:, None], torch.arange(samples.shape[-1])
        board = 1.0 - 2.0 * ((rows + columns) % 2)
        return {
            "finite": 1.0,
            "score": frechet_distance(at, self.statistics) / self.variance,
            "kinds": float(torch.special.entr(shares).sum().exp()),
            "grid": abs(float((samples * board).mean())),
        }

    def _copies(self, samples: Tensor, trained_on: Any) -> float:
        known = trained_on.pixels()[: len(self.held)].flatten(1) / 127.5 - 1
        unseen = self.held[: len(known)]
        few = samples[:PAIRS].flatten(1)
        near, far = (torch.cdist(few, images).min(1).values.median() for images in (known, unseen))
        return float(near / far.clamp(min=1e-9))


@cache
def _truth(data: str) -> Truth:
    held = DATA[data].held().pixels().flatten(1) / 127.5 - 1
    centred = held.double() - held.double().mean(0)
    *_, directions = torch.linalg.svd(centred, full_matrices=False)
    axes = directions[:AXES].T
    known = GaussianStatistics.of(held.double() @ axes)
    return Truth(DATA[data], held, axes, known, float(known.covariance.trace()))


@torch.no_grad()
def _batch_share(session: Session, latents: int = 6, batches: int = 3) -> float:
    """What part of the variance of samples comes with the batch that they are made in: each latent in several."""
    network, recipe = session.players["generator"], session.recipe
    if recipe.conditional:
        return 0.0
    buffers = {name: value.clone() for name, value in network.named_buffers()}
    source = torch.Generator().manual_seed(key_seed("batches", session.step))
    fixed, made = torch.randn(latents, recipe.latent, generator=source), []
    for _ in range(batches):
        others = torch.randn(latents, recipe.batch - 1, recipe.latent, generator=source)
        made.append(
            torch.stack([network(torch.cat([z[None], rest]))[0] for z, rest in zip(fixed, others, strict=True)])
        )
    for name, value in network.named_buffers():
        value.copy_(buffers[name])
    x = torch.stack(made).flatten(2)
    return float(x.var(0).mean() / x.flatten(0, 1).var(0).mean().clamp(min=1e-9))


def conditions(mark: Mapping[str, float], normal: Mapping[str, float], earlier: float) -> dict[str, float]:
    """How far past each line a mark is: at most 0 is healthy, from 1 on it fails, between them it is unclear."""

    def between(value: float, well: float, ill: float) -> float:
        return (value - well) / (ill - well)

    if not mark["finite"]:
        return {"divergence": 1.0}
    ratio = (mark["score"] + LEVEL) / (normal["score"] + LEVEL)
    coming = mark["score"] < COMING * earlier
    return {
        "quality": min(0.9, between(ratio, HEALTHY, FAILS)) if coming else between(ratio, HEALTHY, FAILS),
        "dropped modes": between(mark["kinds"] / normal["kinds"], KINDS_HEALTHY, KINDS_FAIL),
        "overfitting": between(mark["copies"], COPIES_HEALTHY, COPIES_FAIL),
        "intra-batch correlation": between(mark["batch"], BATCH_HEALTHY, BATCH_FAILS),
        "checkerboard artefacts": between(mark["grid"], GRID_HEALTHY, GRID_FAILS),
    }


def state_of(
    found: Mapping[str, Any], normal: list[Mapping[str, float]], *, from_step: int
) -> tuple[str, int | None, list[str]]:
    """Whether a run fails, recovers, is healthy or unclear; since when, and by what, if it fails."""
    if found["broken"]:
        return "fails", max(from_step, found["broken"]), ["divergence"]
    marks = found["truth"]
    fifth = len(marks) // 5
    past = [
        conditions(mark, normal[i], marks[max(0, i - fifth)].get("score", float("inf"))) for i, mark in enumerate(marks)
    ]
    at_the_end = {name: statistics.median(_past(row, name) for row in past[-3:]) for name in past[-1]}
    failing = [name for name, value in at_the_end.items() if value >= 1]
    # Until a normal run has learnt something, none is behind it.
    learnt = next((mark["step"] for mark in normal if mark["score"] < LEARNT), normal[-1]["step"])
    if not failing:
        worst = [max(row.values()) >= 1 for mark, row in zip(marks, past, strict=True) if mark["step"] >= learnt]
        if any(all(pair) for pair in pairwise(worst)):
            return "recovers", None, []
        return ("unclear" if max(at_the_end.values()) > 0 else "healthy"), None, []
    since = {name: marks[_since([_past(row, name) >= 1 for row in past])]["step"] for name in failing}
    return "fails", max(from_step, learnt, min(since.values())), sorted(since, key=lambda name: since[name])


def _past(row: Mapping[str, float], name: str) -> float:
    """How far past a line a mark is; one that is not finite is past all of them."""
    return 1.0 if "divergence" in row else row.get(name, -1.0)


def _since(flags: list[bool]) -> int:
    """The first place from which on no two in a row are false."""
    first = len(flags) - 1
    while first > 0 and (flags[first - 1] or (first > 1 and flags[first - 2])):
        first -= 1
    return first if flags[first] else first + 1


def ended_well(final: Mapping[str, Any], normal: Mapping[str, float]) -> bool:
    """Whether a run's last state is that of a healthy one."""
    if not final["finite"]:
        return False
    ratio = (final["score"] + LEVEL) / (normal["score"] + LEVEL)
    return bool(ratio < FAILS and final["kinds"] > KINDS_FAIL * normal["kinds"])
