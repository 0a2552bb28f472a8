"""What labels add: whether samples are what they were asked to be, and as good class by class."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from torch import Tensor

from gansmith.metrics.estimate import Estimate, wilson
from gansmith.metrics.examination import Examination
from gansmith.metrics.frechet import frechet_distance, frechet_influence
from gansmith.metrics.labelled import Labels, softmax_regression
from gansmith.metrics.score import Figure
from gansmith.metrics.statistics import GaussianStatistics

__all__ = ["Asked", "WithinClasses"]


@final
@dataclass(frozen=True, kw_only=True)
class Asked:
    """Classifiers of features trained on one set and asked about another (Shmelkov et al. 2018, sect. 3).

    - *as asked*: the share of samples that one trained on real images calls what they were asked to be ("GAN-test"):
      low where samples of a class do not look like it.
    - *learnt from samples*: the share of real images that one trained on samples calls rightly ("GAN-train"; Ravuri &
      Vinyals 2019 name it classification accuracy score): low also where samples of a class lack variety.
    - *learnt from real*: the same, trained on real images, which is what the other two are to reach; where there are
      held-out images to ask about.

    All are multinomial logistic regressions on the extractor's features; the images asked about are the held-out ones
    where they have labels, otherwise the reference, which only the sampler was trained on.

    Args:
        ridge: the weight of the regressions' penalty, at least 0.
    """

    ridge: float = 1e-3

    def __call__(self, seen: Examination) -> dict[str, Figure]:
        if seen.labels is None:
            return {}
        labels, by = seen.labels, f"({seen.protocol.extractor})"
        real, samples = (seen.real.features, labels.real), (seen.samples.features, labels.samples)
        held = None if seen.held_out is None or labels.held_out is None else (seen.held_out.features, labels.held_out)
        figures = {
            f"as asked {by}": self._share(real, samples, labels, "samples"),
            f"learnt from samples {by}": self._share(samples, held or real, labels, "real images"),
        }
        if held:
            figures[f"learnt from real {by}"] = self._share(real, held, labels, "real images")
        return figures

    def _share(self, known: tuple[Tensor, Tensor], asked: tuple[Tensor, Tensor], labels: Labels, what: str) -> Figure:
        found = softmax_regression(*known, asked[0], classes=len(labels.names), ridge=self.ridge).argmax(1)
        right, count = int((found == asked[1]).sum()), len(found)
        low, high = wilson(right, count)
        interval = f"Wilson, {count:,} {what}; taught by {len(known[1]):,}"
        return Figure(value=right / count, low=low, high=high, better="higher", interval=interval)


@final
@dataclass(frozen=True, kw_only=True)
class WithinClasses:
    """The mean over classes of the Fréchet distance within each ("intra-FID"; Miyato & Koyama 2018).

    It sees a class whose samples are all alike, and samples of another class than they were asked to be, which the
    distance over all classes does not. With as few images as a class has it is biased upwards, so it compares with
    others of the same counts only. A class of too few images for a covariance leaves it out altogether.
    """

    def __call__(self, seen: Examination) -> dict[str, Figure]:
        if seen.labels is None:
            return {}
        samples, real = seen.samples.features, seen.real.features
        distances, errors, fewest = [], [], min(len(samples), len(real))
        for number in range(len(seen.labels.names)):
            mine, theirs = samples[seen.labels.samples == number], real[seen.labels.real == number]
            fewest = min(fewest, len(mine), len(theirs))
            if fewest <= samples.shape[1]:
                return {}
            a, b = GaussianStatistics.of(mine), GaussianStatistics.of(theirs)
            distances.append(frechet_distance(a, b))
            errors.append(float(frechet_influence(mine, a, b).std()) / len(mine) ** 0.5)
        classes = len(distances)
        mean = Estimate(math.fsum(distances) / classes, math.hypot(*errors) / classes)
        low, high = mean.interval()
        interval = f"infinitesimal jackknife; mean of {classes} classes, at least {fewest:,} images of each"
        return {
            f"{seen.frechet_name} within classes ({seen.protocol.extractor})": Figure(
                value=mean.value, low=max(0.0, low), high=high, better="lower", interval=interval
            )
        }
