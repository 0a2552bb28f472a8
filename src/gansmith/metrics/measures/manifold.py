"""Precision and recall, density and coverage, from one look at all distances, each with its error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from torch import Tensor

from gansmith.metrics.density import INSIDE
from gansmith.metrics.distances import nearest_others
from gansmith.metrics.estimate import Estimate, wilson
from gansmith.metrics.examination import Examination
from gansmith.metrics.points import same_space
from gansmith.metrics.score import Figure

__all__ = ["Manifold", "Overlap", "overlap"]

CHUNK = 500
GROUPS = 20
SPARE = 12


class Overlap(NamedTuple):
    """How far samples and real images live in the same places; errors are those of drawing other samples."""

    precision: float
    recall: Estimate
    density: Estimate
    coverage: Estimate


def overlap(real: Tensor, fake: Tensor, *, k: int = 3, wide: int = 5) -> Overlap:
    """Precision and recall with `k` neighbours, density and coverage with `wide`.

    The values are those of `precision_recall` and `density_coverage`, for half of their work together. The real points
    are taken as given. Then density is a mean over samples, and recall and coverage, which are not, are measured again
    twenty times, each time without another twentieth of the samples (a jackknife over groups): real points that lie
    side by side are found or missed together, so an error that counts them as independent is too small.

    Args:
        real: (n, d).
        fake: (m, d), in random order.
        k: neighbours that set the radius for precision and recall.
        wide: neighbours that set the radius for density and coverage, at least k.

    Raises:
        ValueError: shapes that do not fit, a `wide` below `k`, or not more than `wide` points in a set.

    Example:
        >>> x = torch.randn(100, 2, generator=torch.Generator().manual_seed(0))
        >>> found = overlap(x, x)
        >>> found.precision, found.recall.value, found.coverage.value
        (1.0, 1.0, 1.0)
    """
    real, fake = same_space(real, fake)
    if not 1 <= k <= wide < min(len(real), len(fake)):
        raise ValueError(f"1 ≤ k ≤ wide < number of points; got {k}, {wide} and {len(real)}, {len(fake)} points")
    near = nearest_others(real, k=wide).distances
    narrow_radii, wide_radii = near[:, k - 1, None], INSIDE * near[:, wide - 1, None]
    group = torch.arange(len(fake)) % GROUPS
    radii = _radii(fake, group, k)

    inside, within = torch.zeros(len(fake), dtype=torch.bool), torch.zeros(len(fake), dtype=torch.float64)
    recalled, covered = torch.zeros(GROUPS + 1), torch.zeros(GROUPS + 1)
    for start in range(0, len(real), CHUNK):
        rows = slice(start, start + CHUNK)
        distances = torch.cdist(real[rows], fake)
        inside |= (distances <= narrow_radii[rows]).any(0)
        close = distances < wide_radii[rows]
        within += close.sum(0)
        recalled += torch.stack([(distances <= each).any(1).sum() for each in radii])
        each_group = torch.stack([close[:, g::GROUPS].any(1) for g in range(GROUPS)])
        found_by = each_group.sum(0)
        covered += torch.stack([(found_by > 0).sum(), *((found_by > own.long()).sum() for own in each_group)])
    return Overlap(
        precision=float(inside.double().mean()),
        recall=_jackknife(recalled.double() / len(real)),
        density=Estimate(float(within.mean()) / wide, float(within.std()) / wide / len(fake) ** 0.5),
        coverage=_jackknife(covered.double() / len(real)),
    )


def _radii(points: Tensor, group: Tensor, k: int) -> Tensor:
    """Distances to the k-th neighbour (1 + groups, n): among all, then without each group, whose own are below 0."""
    distances, indices = nearest_others(points, k=min(k + SPARE, len(points) - 1))
    radii = [distances[:, k - 1]]
    for left_out in range(GROUPS):
        kept = torch.where(group[indices] == left_out, torch.inf, distances)
        # So many spare neighbours leave k almost surely; where they do not, the farthest that is known will do.
        radius = kept.kthvalue(k, dim=1).values.clamp(max=distances[:, -1])
        radii.append(torch.where(group == left_out, -1.0, radius))
    return torch.stack(radii)


def _jackknife(values: Tensor) -> Estimate:
    """The first value, with the error that leaving out groups shows."""
    parts = values[1:]
    variance = (parts - parts.mean()).square().sum() * (len(parts) - 1) / len(parts)
    return Estimate(float(values[0]), float(variance.sqrt()))


@final
@dataclass(frozen=True, kw_only=True)
class Manifold:
    """Precision, recall, density and coverage; see `overlap`.

    Args:
        k: neighbours for precision and recall.
        wide: neighbours for density and coverage.
    """

    k: int = 3
    wide: int = 5

    def __call__(self, seen: Examination) -> dict[str, Figure]:
        real, fake = seen.features()
        if min(len(real), len(fake)) <= self.wide:
            return {}
        found, by = overlap(real, fake, k=self.k, wide=self.wide), f"({seen.protocol.extractor})"
        low, high = wilson(round(found.precision * len(fake)), len(fake))
        groups = f"jackknife over {GROUPS} groups of samples"
        return {
            f"precision {by}": Figure(
                value=found.precision, low=low, high=high, better="higher", interval=f"Wilson, {len(fake):,} samples"
            ),
            f"recall {by}": _share(found.recall, groups),
            f"density {by}": _figure(found.density, f"normal, {len(fake):,} samples"),
            f"coverage {by}": _share(found.coverage, groups),
        }


def _figure(found: Estimate, interval: str) -> Figure:
    low, high = found.interval()
    return Figure(value=found.value, low=max(0.0, low), high=high, better="higher", interval=interval)


def _share(found: Estimate, interval: str) -> Figure:
    low, high = found.interval()
    return Figure(value=found.value, low=max(0.0, low), high=min(1.0, high), better="higher", interval=interval)
