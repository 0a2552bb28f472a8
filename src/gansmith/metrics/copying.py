"""Whether samples are copies: authenticity, and whether they are nearer to the training set than new data are."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from gansmith.metrics.clusters import kmeans
from gansmith.metrics.distances import nearest
from gansmith.metrics.estimate import Estimate
from gansmith.metrics.points import canonical_order, same_space

__all__ = ["Copying", "TooFewError", "authenticity", "copying_test", "mann_whitney"]


class TooFewError(ValueError):
    """No cell has enough points to be judged by; nothing is wrong with them."""


class Copying(NamedTuple):
    """What the test found.

    Args:
        z: the mean of the cells' figures, weighted by their held-out points. Far below 0 is copying, far above it
            samples that keep farther from the training set than new data do.
        error: the standard deviation of z where samples are distributed as new data are.
        cells: each cell's Z, standard normal where samples are distributed as new data are; NaN where it was left out.
        judged: the share of held-out points in cells that were not left out.
    """

    z: float
    error: float
    cells: tuple[float, ...]
    judged: float


def authenticity(train: Tensor, fake: Tensor) -> Estimate:
    """The share of samples that are no copies.

    A sample is authentic if it is farther from the nearest training point than that point is from its own nearest other
    training point. Of new data a third are authentic on the line, 0.38 in the plane and half in many dimensions, so say
    it beside the share of held-out images. The error is the binomial one, and 0 where the share is 0 or 1.

    Args:
        train: (n, d) features of the training set, n ≥ 2.
        fake: (m, d) features of samples.

    Raises:
        ValueError: shapes that do not fit, or values that are not finite.

    From Alaa et al. 2022, "How faithful is your synthetic data?", section 3.3.

    Example:
        >>> train = torch.tensor([[0.0], [1.0], [5.0]])
        >>> authenticity(train, torch.tensor([[0.1], [-1.5], [5.0], [7.0]])).value  # −1.5 is: 0 is only 1 from 1
        0.25
    """
    train, fake = same_space(train, fake)
    distances, indices = nearest(fake, train)
    if len(train) < 2:
        raise ValueError("a single training point has no other one: authenticity needs at least 2")
    known, which = torch.unique(indices[:, 0], return_inverse=True)
    own = nearest(train[known], train, k=2).distances[:, 1]  # the nearest is the point itself, or one just like it
    share = (distances[:, 0] > own[which]).double().mean().item()
    return Estimate(share, math.sqrt(share * (1 - share) / len(fake)))


def copying_test(
    train: Tensor,
    held_out: Tensor,
    fake: Tensor,
    *,
    cells: int = 10,
    least: int = 20,
    components: int | None = None,
    seed: int = 0,
) -> Copying:
    """Whether samples lie nearer to the training set than held-out data do, cell by cell.

        C_T = Σ_π P(π)·Z(π) / Σ_π P(π),      Z = (U − nm/2) / √(nm(n + m + 1)/12)

    with P(π) the share of held-out points in cell π, and U the number of pairs of a held-out point and a sample there
    of which the sample is farther from its nearest training point in the cell. Cells are by k-means on the training
    set: without them, samples that are far off in one region would make up for copies in another.

    Args:
        train: (N, d) features of the training set.
        held_out: (n, d) features of other data of the same kind, which training did not see.
        fake: (m, d) features of samples.
        cells: how many.
        least: samples and held-out points without which a cell is left out; the paper asks it of samples only.
        components: principal components of the training set to keep first; None keeps the features. The paper takes 64.
        seed: of k-means.

    Raises:
        TooFewError: no cell has enough points; fewer cells may.
        ValueError: shapes that do not fit, or values that are not finite or outside their range.

    From Meehan, Chaudhuri and Dasgupta 2020, "A non-parametric test to detect data-copying in generative models",
    section 3.

    Example:
        >>> g = torch.Generator().manual_seed(0)
        >>> train, held_out, new = (torch.randn(500, 2, generator=g) for _ in range(3))
        >>> new, copied = (copying_test(train, held_out, samples, cells=3) for samples in (new, train))
        >>> abs(new.z) < 2, copied.z < -10
        (True, True)
    """
    held_out, fake = (same_space(train, points)[1] for points in (held_out, fake))
    train, _ = same_space(train, train)
    if len(train) < cells:
        raise TooFewError(f"{len(train)} training points make no {cells} cells: take fewer cells")
    if components is not None:
        axes = _principal_axes(train, components)
        train, held_out, fake = train @ axes, held_out @ axes, fake @ axes
    centres, of_train = kmeans(train, cells, seed=seed)
    of_held_out, of_fake = (nearest(points, centres).indices[:, 0] for points in (held_out, fake))
    found, weights = [math.nan] * cells, [0.0] * cells
    for cell in range(cells):
        new, made, known = held_out[of_held_out == cell], fake[of_fake == cell], train[of_train == cell]
        if min(len(new), len(made)) < max(least, 1) or not len(known):
            continue
        far, near = (nearest(points, known).distances[:, 0] for points in (made, new))
        found[cell], weights[cell] = mann_whitney(far, near), len(new) / len(held_out)
    if not any(weights):
        raise TooFewError(f"none of {cells} cells has {least} samples and {least} held-out points: take fewer cells")
    judged = sum(weights)
    z = sum(z * weight for z, weight in zip(found, weights, strict=True) if weight) / judged
    return Copying(z, math.hypot(*weights) / judged, tuple(found), judged)


def mann_whitney(x: Tensor, y: Tensor) -> float:
    """The Mann–Whitney statistic as a standard normal Z: above 0 where x tends to be larger than y.

    Pairs of equal values count half, and the variance is corrected for them; where all values are equal it is 0.

    Args:
        x: (n,).
        y: (m,).

    From Mann and Whitney 1947.

    Example:
        >>> round(mann_whitney(torch.tensor([3.0, 4.0]), torch.tensor([1.0, 2.0])), 4)  # (4 − 2) / √(4·5/12)
        1.5492
    """
    n, m = len(x), len(y)
    ordered = y.sort().values
    below = [torch.searchsorted(ordered, x.contiguous(), right=right).sum().item() for right in (False, True)]
    ties = torch.unique(torch.cat((x, y)), return_counts=True)[1].double()
    variance = n * m / 12 * (n + m + 1 - (ties**3 - ties).sum().item() / ((n + m) * (n + m - 1)))
    return (sum(below) / 2 - n * m / 2) / math.sqrt(variance) if variance > 0 else 0.0


def _principal_axes(points: Tensor, count: int) -> Tensor:
    """The `count` directions (d, count) along which centred points vary most."""
    if not 1 <= count <= points.shape[1]:
        raise ValueError(f"components is {count}; it must be in [1, {points.shape[1]}], the number of features")
    points = points[canonical_order(points)]
    axes: Tensor = torch.linalg.eigh(points.T @ points).eigenvectors
    return axes[:, -count:]
