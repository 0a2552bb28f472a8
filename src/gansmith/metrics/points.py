"""Sets of points: how metrics take them, and an order that does not depend on the one in which they came."""

from __future__ import annotations

import torch
from torch import Tensor

from gansmith.types import key_seed

__all__ = ["as_points", "canonical_order", "same_space", "shuffled"]

CHUNK = 500


def as_points(points: Tensor, *, least: int = 1) -> Tensor:
    """Points (n, d) as float64 on the CPU.

    Raises:
        ValueError: another shape, fewer than `least` of them, or values that are not finite.

    Example:
        >>> as_points(torch.ones(2, 1))
        tensor([[1.],
                [1.]], dtype=torch.float64)
    """
    if points.ndim != 2 or not points.shape[1]:
        raise ValueError(f"points are (n, d); got {tuple(points.shape)}")
    if len(points) < least:
        raise ValueError(f"at least {least} points are needed; got {len(points)}")
    x = points.detach().to("cpu", torch.float64)
    if not x.isfinite().all():
        raise ValueError(f"{int((~x.isfinite().all(1)).sum())} of {len(x)} points have values that are not finite")
    return x


def same_space(x: Tensor, y: Tensor, *, least: int = 1) -> tuple[Tensor, Tensor]:
    """Two sets of points (n, d) and (m, d) as float64 on the CPU, both moved by the same vector so that x has mean 0.

    Distances by inner products lose digits far from the origin, which is why they are moved.

    Raises:
        ValueError: points of different lengths, or what `as_points` refuses.

    Example:
        >>> x, y = same_space(torch.tensor([[5.0], [7.0]]), torch.tensor([[6.0]]))
        >>> x.flatten().tolist(), y.flatten().tolist()
        ([-1.0, 1.0], [0.0])
    """
    x, y = as_points(x, least=least), as_points(y, least=least)
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"points of {x.shape[1]} and of {y.shape[1]} numbers lie in different spaces")
    centre = x[canonical_order(x)].mean(0)
    return x - centre, y - centre


def canonical_order(rows: Tensor) -> Tensor:
    """Indices (n,) that put rows into an order of their own, the same for every order in which they come.

    What is then chosen at random from a seed is chosen by what the rows are, not by where they stood. They are sorted
    along one random direction, so that features which were computed in other batches, and rounded otherwise, end up in
    the same places but for a pair of neighbours here and there.

    Args:
        rows: (n, …), of any type.

    Example:
        >>> rows = torch.tensor([[3], [1], [2]], dtype=torch.uint8)
        >>> torch.equal(rows[canonical_order(rows)], rows.flip(0)[canonical_order(rows.flip(0))])
        True
    """
    flat = rows.detach().flatten(1)
    generator = torch.Generator().manual_seed(key_seed("canonical order"))
    direction = torch.randn(flat.shape[1], generator=generator, dtype=torch.float64)
    along = [part.to("cpu", torch.float64) @ direction for part in torch.split(flat, CHUNK)]
    return torch.cat(along).argsort(stable=True)


def shuffled(rows: Tensor, *key: object) -> Tensor:
    """Indices (n,) of a random order that is a function of `key` and of what the rows are.

    Example:
        >>> rows = torch.arange(5.0)[:, None]
        >>> torch.equal(rows[shuffled(rows, 0)], rows.flip(0)[shuffled(rows.flip(0), 0)])
        True
    """
    generator = torch.Generator().manual_seed(key_seed("points", *key))
    return canonical_order(rows)[torch.randperm(len(rows), generator=generator)]
