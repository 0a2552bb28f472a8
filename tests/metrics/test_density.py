"""Density and coverage against the definition, and where the answer is known."""

from math import comb
from statistics import fmean

import numpy as np
import pytest
import torch
from torch import Tensor

from gansmith.metrics import density_coverage


def points(n: int, seed: int, d: int = 3) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def defined(real: Tensor, fake: Tensor, k: int) -> tuple[float, float]:
    """All pairs at once, in NumPy."""

    def distances(a: Tensor, b: Tensor) -> np.ndarray:
        return np.sqrt(np.square(a.numpy()[:, None] - b.numpy()[None]).sum(2))

    radii = np.sort(distances(real, real), axis=1)[:, k]  # the nearest is the point itself
    inside = distances(real, fake) < radii[:, None]
    return inside.sum() / (k * len(fake)), inside.any(1).mean()


@pytest.mark.analytic
@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize(("spread", "shift"), [(1.0, 0.0), (0.3, 0.0), (1.0, 1.0)])
def test_against_the_definition(k: int, spread: float, shift: float) -> None:
    real, fake = points(60, seed=0), spread * points(47, seed=1) + shift
    ours = density_coverage(real, fake, k=k)
    assert tuple(ours) == pytest.approx(defined(real, fake, k), abs=1e-12)
    assert ours.density > 0
    assert 0 < ours.coverage < 1


@pytest.mark.analytic
@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("d", [2, 50])
def test_a_set_judged_by_itself(k: int, d: int) -> None:
    # Each ball holds its own centre and k − 1 others, as the k-th lies on the sphere: n·k pairs in all.
    x = 100 + points(700, seed=2, d=d)
    assert density_coverage(x, x.flip(0), k=k) == (1, 1)


@pytest.mark.analytic
@pytest.mark.parametrize("k", [1, 3])
def test_another_sample_of_the_same_distribution(k: int) -> None:
    # By exchangeability each of n − 1 others and n samples is equally likely among the k nearest of a real point; it is
    # covered unless all of the k nearest are real: C(n − 1, k) / C(2n − 1, k). The samples nearer than the k-th other
    # real point are k · n / n in expectation.
    n = 60
    found = [density_coverage(points(n, seed=2 * i), points(n, seed=2 * i + 1), k=k) for i in range(120)]
    assert fmean(f.coverage for f in found) == pytest.approx(1 - comb(n - 1, k) / comb(2 * n - 1, k), abs=0.015)
    assert fmean(f.density for f in found) == pytest.approx(1, abs=0.03)


@pytest.mark.identity
def test_neither_chunks_nor_order_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = points(60, seed=5), 0.7 * points(50, seed=6)
    expected = density_coverage(real, fake, k=5)  # the paper's k, and ours unless told otherwise
    order = torch.randperm(60, generator=torch.Generator().manual_seed(7))
    assert density_coverage(real[order], fake.flip(0)) == expected
    monkeypatch.setitem(density_coverage.__globals__, "CHUNK", 7)
    assert density_coverage(real, fake) == expected


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"k must be in \[1, 4\]"):
        density_coverage(points(5, seed=0), points(9, seed=0))
    with pytest.raises(ValueError, match="points of 3 and of 2 numbers"):
        density_coverage(points(9, seed=0), points(9, seed=0, d=2))
