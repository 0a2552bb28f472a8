"""The birthday paradox, by exact enumeration and by repeated experiments."""

import math
from itertools import product
from statistics import fmean, stdev

import pytest
import torch
from torch import Tensor

from gansmith.metrics import birthday, duplicate_distance


def outcomes(n: int, support: int, seed: int) -> Tensor:
    """As many points far from each other, drawn uniformly."""
    return torch.randint(support, (n, 1), generator=torch.Generator().manual_seed(seed)).double()


@pytest.mark.analytic
@pytest.mark.parametrize(("support", "size"), [(2, 3), (4, 4), (5, 3)])
def test_every_sequence_of_a_uniform_distribution(support: int, size: int) -> None:
    # Over all N^s equally likely sequences, batches with a duplicate are 1 − Π (1 − i/N), and the mean of ρ̂ is 1/N.
    found = [
        birthday(torch.tensor(sequence, dtype=torch.float64)[:, None], threshold=0.5, size=size)
        for sequence in product(range(support), repeat=size)
    ]
    expected = 1 - math.prod(1 - i / support for i in range(size))
    assert fmean(f.probability for f in found) == pytest.approx(expected, rel=1e-12)
    assert fmean(1 / f.support for f in found) == pytest.approx(1 / support, rel=1e-12)


@pytest.mark.analytic
def test_unequal_outcomes() -> None:
    # Over all sequences of three with p = (½, ¼, ¼), E ρ̂ = Σ p² = 3/8.
    p = (0.5, 0.25, 0.25)
    mean = sum(
        p[a] * p[b] * p[c] / birthday(torch.tensor([[a], [b], [c]]), threshold=0.0, size=2).support
        for a, b, c in product(range(3), repeat=3)
    )
    assert mean == pytest.approx(3 / 8, rel=1e-12)


@pytest.mark.analytic
@pytest.mark.parametrize("weights", [torch.ones(300), 1 / torch.arange(1, 300.0)], ids=["equal", "unequal"])
def test_intervals_hold_the_truth(weights: Tensor) -> None:
    # About 95 times in 100, whether outcomes are equally likely or some are much likelier than others.
    truth = (weights.sum().square() / weights.square().sum()).item()
    found = []
    for seed in range(100):
        generator = torch.Generator().manual_seed(seed)
        draws = torch.multinomial(weights, 300, replacement=True, generator=generator)[:, None].double()
        found.append(birthday(draws, threshold=0.5, size=100))
    assert sum(f.support_interval[0] <= truth <= f.support_interval[1] for f in found) >= 88
    # Its width is the spread of the logarithms, which 100 of them tell to 7 %.
    errors = [math.log(f.support_interval[1] / f.support_interval[0]) / (2 * 1.96) for f in found]
    assert fmean(errors) == pytest.approx(stdev(math.log(f.support) for f in found), rel=0.2)


@pytest.mark.analytic
def test_batches_against_the_formula() -> None:
    support, size = 1000, 30
    found = birthday(outcomes(3000, support, 0), threshold=0.5, size=size)
    low, high = found.probability_interval
    assert low <= 1 - math.prod(1 - i / support for i in range(size)) <= high


@pytest.mark.analytic
def test_no_duplicates_and_nothing_else() -> None:
    never = birthday(torch.arange(50.0)[:, None], threshold=0.5, size=10)
    assert (never.probability, never.support) == (0, math.inf)
    # 1225 pairs without one: at ρ = −log(0.025)/1225 that happens once in 40 times.
    low, high = never.support_interval
    assert (1 - 1 / low) ** 1225 == pytest.approx(0.025, rel=0.01)
    assert high == math.inf
    assert birthday(torch.ones(50, 2), threshold=0.0, size=10)[::2] == (1, 1)


@pytest.mark.analytic
def test_exact_duplicates_far_from_the_origin_are_the_same_at_threshold_zero() -> None:
    x = 1e4 + torch.randn(600, 32, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    twice = torch.cat((x, x[:1], x[:1] + 1e-9))
    assert 1 / birthday(twice, threshold=0.0).support == pytest.approx(1 / math.comb(602, 2), rel=1e-9)


@pytest.mark.analytic
def test_the_threshold_is_a_quantile_of_nearest_distances() -> None:
    x = torch.tensor([[0.0], [1.0], [3.0], [6.0], [10.0]])  # 1, 1, 2, 3, 4 to the nearest
    assert [duplicate_distance(x, share=share) for share in (0.0, 0.5, 1.0)] == [1, 2, 4]


@pytest.mark.identity
def test_neither_chunks_nor_order_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    x = outcomes(200, 500, 2) + 0.01 * outcomes(200, 9, 3)
    expected = birthday(x, threshold=0.05, size=20)
    order = torch.randperm(200, generator=torch.Generator().manual_seed(0))
    assert birthday(x[order], threshold=0.05, size=20) == expected
    monkeypatch.setitem(birthday.__globals__, "CHUNK", 7)
    assert birthday(x, threshold=0.05, size=20) == expected


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"size is 400; it must be in \[2, 9\]"):
        birthday(torch.rand(9, 2), threshold=0.1)
    with pytest.raises(ValueError, match=r"threshold is -0\.1"):
        birthday(torch.rand(9, 2), threshold=-0.1, size=3)
    with pytest.raises(ValueError, match=r"share is 1\.5"):
        duplicate_distance(torch.rand(9, 2), share=1.5)
