"""How varied the samples are: among each other, and in how many of them the first repetition comes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from gansmith.metrics.examination import Examination
from gansmith.metrics.gathered import Gathered
from gansmith.metrics.score import Figure
from gansmith.metrics.similarity import WINDOW, ms_ssim_diversity
from gansmith.metrics.support import birthday, duplicate_distance

__all__ = ["Diversity", "Support"]


@final
@dataclass(frozen=True, kw_only=True)
class Diversity:
    """How alike two samples are, of one class where a classifier tells it, and two real images; lower is more varied.

    By `gansmith.metrics.ms_ssim_diversity`, on pictures of at most 64 pixels along a side.

    Args:
        pairs: how many are compared.
    """

    pairs: int = 1000

    def __call__(self, seen: Examination) -> dict[str, Figure]:
        if min(min(seen.samples.pictures.shape[2:]), min(seen.real.pictures.shape[2:])) < WINDOW:
            return {}
        return {
            f"MS-SSIM of {name}": self._of(kept)
            for name, kept in (("samples", seen.samples), ("real", seen.real))
            if len(kept.pictures) > 1
        }

    def _of(self, kept: Gathered) -> Figure:
        labels = None if kept.probabilities is None else kept.probabilities.argmax(1)
        if labels is not None and int(labels.bincount().max()) < 2:
            labels = None
        found = ms_ssim_diversity(kept.pictures, labels, pairs=self.pairs)
        low, high = found.interval()
        return Figure(value=found.value, low=max(0.0, low), high=high, interval=f"normal, {self.pairs:,} pairs")


@final
@dataclass(frozen=True, kw_only=True)
class Support:
    """How many different samples there are, from how many of them are the same; see `gansmith.metrics.birthday`.

    The same is what is nearer than only one in a hundred real images is to another.

    Args:
        share: of real images that may have another as near.
        most: so many samples at most are compared with each other.
    """

    share: float = 0.01
    most: int = 10_000

    def __call__(self, seen: Examination) -> dict[str, Figure]:
        real, fake = (features[: self.most] for features in seen.features())
        if min(len(real), len(fake)) < 3:
            return {}
        near = duplicate_distance(real, share=self.share)
        found = birthday(fake, threshold=near, size=min(400, len(fake)))
        name, of = f"support by birthdays ({seen.protocol.extractor})", f"{len(fake):,} samples nearer than {near:.4g}"
        low, high = found.support_interval
        if math.isinf(found.support):
            return {name: Figure(value=low, low=low, interval=f"a lower bound: no two of {of}")}
        return {name: Figure(value=found.support, low=low, high=high, interval=f"normal for its logarithm, {of}")}
