"""Nearest neighbours: which training images the samples are closest to."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gansmith.metrics.points import same_space

__all__ = ["Nearest", "nearest", "nearest_others"]

CHUNK = 500


class Nearest(NamedTuple):
    """For each query its neighbours, the nearest first: distances (n, k) in float64 and indices (n, k) in int64."""

    distances: Tensor
    indices: Tensor


def nearest(queries: Tensor, points: Tensor, *, k: int = 1) -> Nearest:
    """The k points nearest to each query.

    They are found a few hundred queries at a time by inner products, which round; the distances that are returned are
    taken again from differences. So a copy is at exactly 0.

    Args:
        queries: (n, d), for instance features of samples.
        points: (m, d), for instance features of the training set.
        k: how many neighbours, in [1, m].

    Raises:
        ValueError: shapes that do not fit, values that are not finite, or a k outside its range.

    Example:
        >>> distances, indices = nearest(torch.tensor([[0.9], [4.0]]), torch.tensor([[0.0], [1.0], [4.0]]), k=2)
        >>> distances.numpy().round(2).tolist(), indices.tolist()
        ([[0.1, 0.9], [0.0, 3.0]], [[1, 0], [2, 1]])
    """
    points, queries = same_space(points, queries)
    if not 1 <= k <= len(points):
        raise ValueError(f"k must be in [1, {len(points)}], as many points as there are; got {k}")
    return _search(queries, points, k, itself=True)


def nearest_others(points: Tensor, *, k: int = 1) -> Nearest:
    """The k nearest other points of each point; a duplicate is another point.

    Args:
        points: (n, d).
        k: in [1, n − 1].

    Raises:
        ValueError: another shape, values that are not finite, or a k outside its range.

    Example:
        >>> nearest_others(torch.tensor([[0.0], [1.0], [3.0]])).indices.flatten().tolist()
        [1, 0, 1]
    """
    points, _ = same_space(points, points)
    if not 1 <= k < len(points):
        raise ValueError(f"k must be in [1, {len(points) - 1}], as many other points as there are; got {k}")
    return _search(points, points, k, itself=False)


def _search(queries: Tensor, points: Tensor, k: int, *, itself: bool) -> Nearest:
    distances, indices = [], []
    for start in range(0, len(queries), CHUNK):
        part = queries[start : start + CHUNK]
        rough = torch.cdist(part, points)
        if not itself:
            rough.diagonal(start).fill_(torch.inf)
        found = rough.topk(k, dim=1, largest=False).indices
        exact = (points[found] - part[:, None]).square().sum(2).sqrt()
        order = exact.argsort(dim=1, stable=True)
        distances.append(exact.gather(1, order))
        indices.append(found.gather(1, order))
    return Nearest(torch.cat(distances), torch.cat(indices))
