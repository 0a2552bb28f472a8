"""k-means: a set of points cut into cells."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gansmith.metrics.distances import nearest
from gansmith.metrics.points import as_points, canonical_order
from gansmith.types import key_seed

__all__ = ["Clusters", "kmeans"]


class Clusters(NamedTuple):
    """Centres (k, d) in float64, and the index (n,) of each point's."""

    centres: Tensor
    cells: Tensor


def kmeans(points: Tensor, k: int, *, seed: int = 0, rounds: int = 100) -> Clusters:
    """Cut points into k cells, each point in that of the nearest centre, each centre the mean of its cell.

    It starts from k points that are chosen one after another, each with a probability in proportion to its squared
    distance to those before, and goes on until no point changes its cell. The result does not depend on the order of
    the points.

    Args:
        points: (n, d).
        k: in [1, n].
        seed: of the start.
        rounds: at most so many, at least 1.

    Raises:
        ValueError: another shape, values that are not finite, or a value outside its range.

    From Lloyd 1982; the start, Arthur and Vassilvitskii 2007, "k-means++", section 2.2.

    Example:
        >>> centres, cells = kmeans(torch.tensor([[0.0], [9.0], [1.0], [8.0]]), 2)
        >>> sorted(centres.flatten().tolist()), bool(cells[0] == cells[2] != cells[1])
        ([0.5, 8.5], True)
    """
    x = as_points(points)
    if not 1 <= k <= len(x) or rounds < 1:
        raise ValueError(f"k={k} with rounds={rounds}: k must be in [1, {len(x)}], and rounds at least 1")
    order = canonical_order(x)
    x = x[order]
    centres = _start(x, k, torch.Generator().manual_seed(key_seed("k-means", seed)))
    cells = nearest(x, centres).indices[:, 0]
    for _ in range(rounds):
        sums = torch.zeros_like(centres).index_add_(0, cells, x)
        counts = torch.bincount(cells, minlength=k)[:, None]
        centres = torch.where(counts > 0, sums / counts.clamp(min=1), centres)
        before, cells = cells, nearest(x, centres).indices[:, 0]
        if torch.equal(before, cells):
            break
    return Clusters(centres, torch.empty_like(cells).index_copy_(0, order, cells))


def _start(x: Tensor, k: int, generator: torch.Generator) -> Tensor:
    chosen = [torch.randint(len(x), (), generator=generator)]
    distance = (x - x[chosen[0]]).square().sum(1)
    for _ in range(k - 1):
        # Where all points are chosen already, any will do.
        weight = distance if distance.sum() > 0 else torch.ones_like(distance)
        place = torch.rand((), generator=generator, dtype=x.dtype) * weight.sum()
        chosen.append(torch.searchsorted(weight.cumsum(0), place, right=True).clamp(max=len(x) - 1))
        distance = torch.minimum(distance, (x - x[chosen[-1]]).square().sum(1))
    return x[torch.stack(chosen)]
