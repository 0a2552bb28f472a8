"""Whether samples can be told from real images, and whether they are copies of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import Tensor

from gansmith.metrics.copying import TooFewError, authenticity, copying_test
from gansmith.metrics.estimate import Estimate, wilson
from gansmith.metrics.examination import Examination
from gansmith.metrics.score import Figure
from gansmith.metrics.two_sample import two_sample_test

__all__ = ["Authentic", "Copied", "ToldApart"]


@final
@dataclass(frozen=True, kw_only=True)
class ToldApart:
    """How often a classifier tells real images and samples apart; see `gansmith.metrics.two_sample_test`.

    Args:
        most: so many of either are taken at most.
    """

    most: int = 5_000

    def __call__(self, seen: Examination) -> dict[str, Figure]:
        real, fake = (features[: self.most] for features in seen.features())
        if min(len(real), len(fake)) < 4:
            return {}
        found = two_sample_test(real, fake)
        interval = f"Wilson, {found.held_out:,} that it was not fitted to; ½ is chance"
        name = f"told apart ({seen.protocol.extractor})"
        return {name: Figure(value=found.accuracy, low=found.low, high=found.high, better="lower", interval=interval)}


@final
@dataclass(frozen=True, kw_only=True)
class Authentic:
    """The share of samples that are no copies of the reference, and that of held-out images where there are some.

    See `gansmith.metrics.authenticity`.

    Args:
        most: so many samples at most are compared with all of the reference that was kept.
    """

    most: int = 2_000

    def __call__(self, seen: Examination) -> dict[str, Figure]:
        if seen.real.count < 2:
            return {}
        by = f"({seen.protocol.extractor})"
        figures = {f"authentic {by}": self._share(seen.real.features, seen.samples.features, better="higher")}
        if seen.held_out is not None:
            figures[f"authentic of held-out {by}"] = self._share(seen.real.features, seen.held_out.features)
        return figures

    def _share(self, real: Tensor, others: Tensor, *, better: str = "") -> Figure:
        n = min(len(others), self.most)
        share = authenticity(real, others[:n]).value
        low, high = wilson(round(share * n), n)
        return Figure(value=share, low=low, high=high, better=better, interval=f"Wilson, {n:,} images")


@final
@dataclass(frozen=True, kw_only=True)
class Copied:
    """Whether samples are nearer to the reference than held-out images are; see `gansmith.metrics.copying_test`.

    Without held-out images there is nothing to compare with.

    Args:
        cells: into which the reference is divided.
    """

    cells: int = 10

    def __call__(self, seen: Examination) -> dict[str, Figure]:
        if seen.held_out is None:
            return {}
        real, fake = seen.features()
        try:
            found = copying_test(real, seen.held_out.features[: seen.protocol.neighbours], fake, cells=self.cells)
        except TooFewError:
            return {}
        low, high = Estimate(found.z, found.error).interval()
        about = "normal, as wide as for new images, which have 0; below, samples are nearer to the reference"
        return {f"copying, C_T ({seen.protocol.extractor})": Figure(value=found.z, low=low, high=high, interval=about)}
