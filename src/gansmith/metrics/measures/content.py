"""Whether samples keep the rule that every real picture of a drawn set keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import Tensor

from gansmith.metrics.content import ContentCheck, content_check
from gansmith.metrics.estimate import wilson
from gansmith.metrics.examination import Examination
from gansmith.metrics.score import Figure

__all__ = ["Content"]


@final
@dataclass(frozen=True, kw_only=True)
class Content:
    """The share of samples that break the rule of a drawn set, beside the control: real pictures in the same test.

    It measures where the reference is one of those sets, and nothing elsewhere; see `gansmith.metrics.content_check`.
    """

    def __call__(self, seen: Examination) -> dict[str, Figure]:
        check = content_check(seen.protocol.split)
        if check is None:
            return {}
        return {
            f"samples that get it wrong ({check.name})": _wrong(check, seen.samples.pictures, better="lower"),
            f"real pictures that seem wrong ({check.name})": _wrong(check, seen.real.pictures),
        }


def _wrong(check: ContentCheck, pictures: Tensor, *, better: str = "") -> Figure:
    wrong, count = int(check.wrong(pictures).sum()), len(pictures)
    low, high = wilson(wrong, count)
    return Figure(
        value=wrong / count, low=low, high=high, better=better, interval=f"Wilson, {count:,} images: {check.rule}"
    )
