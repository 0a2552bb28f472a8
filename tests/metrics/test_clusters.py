"""k-means: the best partition by enumeration, and its invariances."""

from itertools import product

import pytest
import torch
from torch import Tensor

from gansmith.metrics import kmeans
from gansmith.metrics.clusters import _start


def blobs(n: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    return (centres[:, None] + torch.randn(3, n, 2, generator=generator)).flatten(0, 1)


def spread(points: Tensor, cells: Tensor) -> float:
    return sum((points[cells == c] - points[cells == c].mean(0)).square().sum().item() for c in cells.unique())


@pytest.mark.analytic
def test_the_best_of_all_partitions() -> None:
    points = blobs(2, seed=0)
    best = min(spread(points, torch.tensor(cells)) for cells in product(range(3), repeat=6))
    found = kmeans(points, 3)
    assert spread(points, found.cells) == pytest.approx(best, rel=1e-6)
    assert torch.allclose(found.centres[found.cells[0]], points[:2].double().mean(0))


@pytest.mark.analytic
def test_every_point_is_in_the_nearest_cell_and_every_centre_is_a_mean() -> None:
    points = blobs(100, seed=1)
    centres, cells = kmeans(points, 7)
    assert torch.equal(torch.cdist(points.double(), centres).argmin(1), cells)
    means = torch.stack([points[cells == cell].double().mean(0) for cell in range(7)])
    assert torch.allclose(centres, means, atol=1e-9)


@pytest.mark.analytic
def test_the_start_is_drawn_by_squared_distances() -> None:
    # Of 0, 1 and 3, the first uniform: 0 and 1 are chosen with (1/10 + 1/5)/3, 1 and 3 with (4/5 + 4/13)/3.
    x, generator = torch.tensor([[0.0], [1.0], [3.0]]), torch.Generator().manual_seed(0)
    sums = torch.stack([_start(x, 2, generator).sum() for _ in range(1000)])
    for total, chance in ((1, (1 / 10 + 1 / 5) / 3), (4, (4 / 5 + 4 / 13) / 3)):
        error = (chance * (1 - chance) / 1000) ** 0.5
        assert (sums == total).double().mean().item() == pytest.approx(chance, abs=4 * error)


@pytest.mark.identity
def test_order_does_not_matter() -> None:
    points = blobs(50, seed=2)
    order = torch.randperm(150, generator=torch.Generator().manual_seed(0))
    found, other = kmeans(points, 5), kmeans(points[order], 5)
    assert torch.equal(found.centres, other.centres)
    assert torch.equal(found.cells[order], other.cells)
    assert not torch.equal(kmeans(points, 5, seed=1).centres, found.centres)


@pytest.mark.analytic
def test_as_many_cells_as_points_and_fewer_different_points_than_cells() -> None:
    points = torch.arange(6.0)[:, None]
    assert sorted(kmeans(points, 6).cells.tolist()) == list(range(6))
    assert kmeans(torch.ones(9, 2), 3).centres.unique().tolist() == [1.0]


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"k=7 with rounds=100: k must be in \[1, 6\]"):
        kmeans(torch.rand(6, 2), 7)
