"""What a classifier makes of the samples: how sure it is, and of which classes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from gansmith.metrics.class_score import inception_score
from gansmith.metrics.counts import found_modes, share_divergence
from gansmith.metrics.estimate import wilson
from gansmith.metrics.examination import Examination
from gansmith.metrics.fidelity import Calls, relative_share
from gansmith.metrics.score import Figure

__all__ = ["ClassScore", "Classes", "Confidence"]

LISTED = 100
"""Classes whose shares are told one by one."""


@final
@dataclass(frozen=True, kw_only=True)
class Confidence:
    """The share of samples that the classifier calls with confidence, that of real images, and that of each class.

    Real images are the held-out ones where there are some, and otherwise the reference. They are taken as given, so the
    interval of the ratio is that of the share of samples. Of more than 100 classes the shares are left out.
    """

    def __call__(self, seen: Examination) -> dict[str, Figure]:
        of_samples, of_real = seen.samples.calls, (seen.held_out or seen.real).calls
        if of_samples is None or of_real is None:
            return {}
        by, share = f"({seen.protocol.classifier})", _share(of_samples, sum(of_samples.confident), better="higher")
        figures = {
            f"confident share {by}": share,
            f"confident share of real {by}": _share(of_real, sum(of_real.confident)),
        }
        if of_real.share:  # there is no ratio to real images of which the classifier knows none
            low, high = (None if end is None else end / of_real.share for end in (share.low, share.high))
            figures[f"relative share {by}"] = Figure(
                value=relative_share(of_samples, of_real), low=low, high=high, better="higher", interval=share.interval
            )
        if len(of_samples.confident) > LISTED:
            return figures
        classes = enumerate(of_samples.confident)
        return figures | {f"share of class {label} {by}": _share(of_samples, number) for label, number in classes}


@final
@dataclass(frozen=True, kw_only=True)
class ClassScore:
    """The inception-style score under the classifier; see `gansmith.metrics.inception_score`.

    Args:
        splits: parts into which the samples are dealt, 10 by custom; 1 takes all at once, so that nothing is left to
            how they are dealt.
    """

    splits: int = 1

    def __call__(self, seen: Examination) -> dict[str, Figure]:
        probabilities = seen.samples.probabilities
        if probabilities is None or len(probabilities) < 2 * self.splits:
            return {}
        found = inception_score(probabilities, splits=self.splits)
        low, high = found.interval()
        parts = f" in {self.splits} parts" if self.splits > 1 else ""
        interval = f"delta method, {len(probabilities):,} samples{parts}"
        return {
            f"class score ({seen.protocol.classifier})": Figure(
                value=found.value, low=max(1.0, low), high=high, better="higher", interval=interval
            )
        }


@final
@dataclass(frozen=True, kw_only=True)
class Classes:
    """How many of the reference's classes samples are called, and how far the shares of all are from the reference's.

    Whatever the classifier calls most probable counts, however sure it is, and all samples do; see
    `gansmith.metrics.mode_counts`.
    """

    def __call__(self, seen: Examination) -> dict[str, Figure]:
        called, reference = seen.samples.called, seen.real.called
        if called is None or reference is None:
            return {}
        found, of = found_modes(called, reference)
        by, n = f"({seen.protocol.classifier})", int(called.sum())
        counted = Figure(value=float(found), better="higher", interval=f"of {of} in the reference")
        divergence = share_divergence(called, reference)
        if not math.isfinite(divergence.value):  # samples of a class that the reference lacks
            return {f"classes found {by}": counted}
        low, high = divergence.interval()
        interval = f"delta method, {n:,} samples; about {(of - 1) / (2 * n):.2g} of the value is bias"
        return {
            f"classes found {by}": counted,
            f"KL of class shares {by}": Figure(
                value=divergence.value, low=max(0.0, low), high=high, better="lower", interval=interval
            ),
        }


def _share(calls: Calls, number: int, *, better: str = "") -> Figure:
    low, high = wilson(number, calls.count)
    return Figure(
        value=number / calls.count, low=low, high=high, better=better, interval=f"Wilson, {calls.count:,} images"
    )
