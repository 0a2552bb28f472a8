"""Distances between the features of samples and of real images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import Tensor

from gansmith.metrics.estimate import Estimate
from gansmith.metrics.examination import Examination
from gansmith.metrics.frechet import frechet_distance, frechet_influence
from gansmith.metrics.kernel import kernel_distance
from gansmith.metrics.score import Figure
from gansmith.metrics.statistics import GaussianStatistics

__all__ = ["Frechet", "Kernel"]


@final
@dataclass(frozen=True, kw_only=True)
class Frechet:
    """The Fréchet distance, of all samples and all real images; see `gansmith.metrics.frechet_distance`.

    Its interval holds what other samples of the same sampler would give against the same real images. It is symmetric
    around the value, so it holds the bias as well: a distance of few samples is too large, by about c / n, and so
    distances of different numbers of samples do not compare. How large the bias is, half as many samples tell.
    """

    def __call__(self, seen: Examination) -> dict[str, Figure]:
        a, b = seen.samples.statistics, seen.real.statistics
        value = frechet_distance(a, b)
        name = f"{seen.frechet_name} ({seen.protocol.extractor})"
        few = seen.features()[1]
        if len(few) < 4:
            return {name: Figure(value=value, better="lower")}
        error = float(frechet_influence(few, a, b).std()) / a.count**0.5
        low, high = Estimate(value, error).interval()
        about = f"infinitesimal jackknife over {len(few):,} samples; about {_bias(few, a, b):+.2g} of the value is bias"
        return {name: Figure(value=value, low=max(0.0, low), high=high, better="lower", interval=about)}


def _bias(few: Tensor, a: GaussianStatistics, b: GaussianStatistics) -> float:
    """What there is too much because samples are few: with a bias of c / n, half as many have c / n more."""
    first, second = GaussianStatistics.of(few[::2]), GaussianStatistics.of(few[1::2])
    halves = (frechet_distance(first, b) + frechet_distance(second, b)) / 2
    return (halves - frechet_distance(first + second, b)) * len(few) / a.count


@final
@dataclass(frozen=True, kw_only=True)
class Kernel:
    """The kernel distance, which has no bias; see `gansmith.metrics.kernel_distance`.

    Args:
        subsets: how many pairs of subsets are compared, 100 by custom; None compares all points, which is more exact
            and leaves nothing to a choice.
        size: points in each.
    """

    subsets: int | None = None
    size: int = 1000

    def __call__(self, seen: Examination) -> dict[str, Figure]:
        real, fake = seen.features()
        size = min(self.size, len(real), len(fake))
        if size < 3:
            return {}
        found = kernel_distance(real, fake, subsets=self.subsets, size=size)
        low, high = found.interval()
        of = "all points" if self.subsets is None else f"{self.subsets} subsets of {size:,}"
        about = f"jackknife over {of}, from {len(real):,} real images and {len(fake):,} samples"
        return {
            f"kernel distance ({seen.protocol.extractor})": Figure(
                value=found.value, low=low, high=high, better="lower", interval=about
            )
        }
