"""Nearest neighbours, and the order that sets of points are put into."""

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from gansmith.metrics import nearest, nearest_others
from gansmith.metrics.points import as_points, canonical_order, same_space, shuffled


def points(n: int, seed: int, d: int = 3) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.reference
@pytest.mark.parametrize("k", [1, 4])
def test_against_a_tree(k: int) -> None:
    queries, these = points(120, seed=0), points(90, seed=1)
    distances, indices = cKDTree(these.numpy()).query(queries.numpy(), k=k)
    ours = nearest(queries, these, k=k)
    np.testing.assert_array_equal(ours.indices.numpy(), indices.reshape(-1, k))
    np.testing.assert_allclose(ours.distances.numpy(), distances.reshape(-1, k), rtol=1e-12)
    distances, indices = cKDTree(these.numpy()).query(these.numpy(), k=k + 1)  # of which the first is the point itself
    others = nearest_others(these, k=k)
    np.testing.assert_array_equal(others.indices.numpy(), indices[:, 1:])
    np.testing.assert_allclose(others.distances.numpy(), distances[:, 1:], rtol=1e-12)


@pytest.mark.analytic
def test_copies_are_at_exactly_zero_however_far_from_the_origin() -> None:
    these = 1e6 + points(700, seed=2, d=64)
    found = nearest(these[:30], these)
    assert (found.distances == 0).all()
    assert found.indices.flatten().tolist() == list(range(30))
    # A point is not its own neighbour, but its duplicate is.
    twice = torch.cat((these, these[:5]))
    assert (nearest_others(twice).distances == 0).flatten().nonzero().flatten().tolist() == [
        *range(5),
        *range(700, 705),
    ]


@pytest.mark.identity
def test_neither_chunks_nor_order_nor_the_origin_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    queries, these = points(50, seed=3), points(40, seed=4)
    expected = nearest(queries, these, k=3)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(5))
    shuffled_points = nearest(queries, these[order], k=3)
    assert torch.equal(shuffled_points.distances, expected.distances)
    assert torch.equal(order[shuffled_points.indices], expected.indices)
    alone = nearest_others(these, k=2)
    # Far from the origin squared distances as differences of squared lengths, here of 1e16, would have no digit left.
    far = nearest(queries + 1e8, these + 1e8, k=3), nearest_others(these + 1e8, k=2)
    for found, near in zip(far, (expected, alone), strict=True):
        assert torch.equal(found.indices, near.indices)
        torch.testing.assert_close(found.distances, near.distances, rtol=1e-6, atol=1e-6)
    monkeypatch.setitem(nearest.__globals__, "CHUNK", 7)
    assert all(torch.equal(a, b) for a, b in zip(nearest(queries, these, k=3), expected, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(nearest_others(these, k=2), alone, strict=True))


@pytest.mark.identity
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.uint8])
def test_the_canonical_order_depends_on_the_rows_alone(dtype: torch.dtype) -> None:
    rows = (20 * points(60, seed=6)).abs().to(dtype).view(60, 1, 3)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(7))
    for place in (canonical_order, shuffled):
        assert torch.equal(rows[place(rows)], rows[order][place(rows[order])])
        assert sorted(place(rows).tolist()) == list(range(60))
    assert not torch.equal(shuffled(rows, 0), shuffled(rows, 1))


@pytest.mark.identity
def test_rounding_moves_hardly_a_row() -> None:
    # Along a direction 10,000 rows are some 3e-4 of their spread apart, and single precision moves them by 1e-7 of it.
    rows = points(10_000, seed=8, d=64)
    assert (canonical_order(rows) == canonical_order(rows.float())).double().mean() > 0.99


def test_refusals() -> None:
    with pytest.raises(ValueError, match="points of 3 and of 2 numbers"):
        nearest(points(4, seed=0, d=2), points(4, seed=0))
    with pytest.raises(ValueError, match=r"\[1, 4\], as many points as there are; got 5"):
        nearest(points(4, seed=0), points(4, seed=0), k=5)
    with pytest.raises(ValueError, match=r"\[1, 3\], as many other points"):
        nearest_others(points(4, seed=0), k=4)
    with pytest.raises(ValueError, match=r"are \(n, d\); got \(4,\)"):
        as_points(torch.zeros(4))
    with pytest.raises(ValueError, match="at least 2 points are needed; got 1"):
        same_space(torch.zeros(1, 2), torch.zeros(4, 2), least=2)
    with pytest.raises(ValueError, match="1 of 2 points have values that are not finite"):
        as_points(torch.tensor([[0.0], [torch.nan]]))
