"""The classifier two-sample test: best accuracies that are known, guessing, and scipy's logistic regression."""

import math
from statistics import NormalDist, fmean

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.spatial import cKDTree
from scipy.stats import norm
from torch import Tensor

from gansmith.metrics import logistic, neighbour_vote, two_sample_test, wilson

PHI = NormalDist().cdf


def normal(n: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.analytic
@pytest.mark.parametrize("teller", [logistic, neighbour_vote])
def test_shifted_gaussians(teller) -> None:
    # The best rule cuts half-way between the means: right in Φ(‖shift‖/2) of the cases. One learned from 3,000 points
    # falls short of it by less than 0.01.
    shift = torch.tensor([1.2, -0.9])  # of length 1.5
    found = two_sample_test(normal(3000, 2, 0), normal(3000, 2, 1) + shift, teller=teller)
    assert found.low - 0.01 < PHI(0.75) < found.high + 0.01
    assert found.p_value < 1e-12
    assert found.held_out == 3000


@pytest.mark.analytic
def test_gaussians_of_different_widths_with_the_same_mean() -> None:
    # The densities of N(0, 1) and N(0, s²) cross at |x| = c with c² = 2s²·log s/(s² − 1): the best rule takes what lies
    # farther out for a sample. A learned one falls short of it by less than 0.01.
    s = 2.0
    c = math.sqrt(2 * s * s * math.log(s) / (s * s - 1))
    best = 0.5 * (2 * PHI(c) - 1) + 0.5 * (2 - 2 * PHI(c / s))
    found = two_sample_test(normal(4000, 1, 2), s * normal(4000, 1, 3))
    assert found.low - 0.01 < best < found.high + 0.01


@pytest.mark.analytic
def test_the_same_distribution() -> None:
    # Guessing: the interval holds ½ in about 95 of 100 tests, and p-values are spread evenly, with mean ½ ± 0.05 each.
    found = [two_sample_test(normal(200, 3, 2 * i), normal(260, 3, 2 * i + 1)) for i in range(100)]
    assert sum(test.low <= 0.5 <= test.high for test in found) >= 88
    assert fmean(test.p_value for test in found) == pytest.approx(0.5, abs=4 * math.sqrt(1 / 12 / 100))
    assert 1 <= sum(test.p_value < 0.1 for test in found) <= 22


@pytest.mark.analytic
@pytest.mark.parametrize("teller", [logistic, neighbour_vote])
def test_a_set_against_itself_and_against_one_far_away(teller) -> None:
    x = normal(101, 3, 4)
    itself = two_sample_test(x, x.flip(0), teller=teller)
    assert (itself.accuracy, itself.p_value) == (0.5, 0.5)
    assert two_sample_test(x, x + 30, teller=teller).accuracy == 1
    constant = torch.ones(20, 2)  # no feature has a spread
    assert two_sample_test(constant, constant, teller=teller).accuracy == 0.5


@pytest.mark.reference
def test_logistic_regression_is_the_minimum_that_scipy_finds() -> None:
    x, y = normal(80, 2, 5).numpy(), np.repeat([0, 1], 40)
    x[40:] = 1.5 * x[40:] + 0.5
    unseen = normal(9, 2, 6).numpy()

    def design(points: np.ndarray) -> np.ndarray:
        z, seen = ((p - x.mean(0)) / x.std(0, ddof=1) for p in (points, x))
        squares = (z**2 - (seen**2).mean(0)) / (seen**2).std(0, ddof=1)
        return np.concatenate((z, squares, np.ones((len(z), 1))), axis=1)

    def loss(w: np.ndarray) -> float:
        return np.logaddexp(0, -(2 * y - 1) * (design(x) @ w)).mean() + 0.01 / 2 * (w[:-1] ** 2).sum()

    expected = design(unseen) @ minimize(loss, np.zeros(5), tol=1e-10).x
    ours = logistic(torch.from_numpy(x), torch.from_numpy(y), torch.from_numpy(unseen), ridge=0.01)
    np.testing.assert_allclose(ours.numpy(), expected, atol=1e-5)


@pytest.mark.reference
def test_the_vote_is_the_mean_label_of_the_neighbours_in_scipys_tree() -> None:
    x, y = normal(70, 2, 9), normal(70, 2, 10)[:, 0] > 0.3
    unseen = normal(40, 2, 11)
    _, nearest = cKDTree(x.numpy()).query(unseen.numpy(), k=9)  # √70 = 8.4, and 8 is even
    expected = y.double().numpy()[nearest].mean(1) - 0.5
    np.testing.assert_allclose(neighbour_vote(x, y.long(), unseen).numpy(), expected, rtol=0, atol=1e-12)


@pytest.mark.analytic
def test_it_is_fitted_to_one_half_and_asked_about_the_other() -> None:
    # Points are numbers, those of samples from 100 on. Whoever takes what is below 110 for real is wrong about those of
    # the samples 100 to 109 that are asked about, and about nothing else.
    asked: list[float] = []

    def teller(points: Tensor, labels: Tensor, others: Tensor) -> Tensor:
        known, unknown = ((15 + each[:, 0]).round() for each in (points, others))  # without the real ones' mean
        assert torch.equal(known >= 100, labels == 1)
        assert not torch.isin(unknown, known).any()
        asked.extend(unknown.tolist())
        return (unknown >= 110).double() - 0.5

    x = torch.arange(31.0)[:, None]
    found = two_sample_test(x, x + 100, teller=teller)
    wrong = sum(100 <= point < 110 for point in asked)
    assert 0 < wrong < 10
    assert found.held_out == len(asked) == 2 * 16
    assert found.accuracy == 1 - wrong / 32
    # How often a fair coin would be right as often, in the normal approximation: its share has the deviation ½/√n.
    assert found.p_value == pytest.approx(norm.sf((found.accuracy - 0.5) / (0.5 / math.sqrt(32))), rel=1e-12)
    assert (found.low, found.high) == wilson(32 - wrong, 32)


@pytest.mark.identity
def test_neither_order_nor_a_common_scale_matters() -> None:
    x, y = normal(150, 3, 7), normal(130, 3, 8) + 0.4
    order = torch.randperm(150, generator=torch.Generator().manual_seed(0))
    expected = two_sample_test(x, y)
    assert two_sample_test(x[order], y.flip(0)) == expected
    assert two_sample_test(8 * x, 8 * y) == expected  # by a power of 2: no rounding
    with torch.no_grad():
        assert two_sample_test(x, y) == expected
    assert two_sample_test(x, y, seed=1) != expected


def test_refusals() -> None:
    with pytest.raises(ValueError, match="at least 4 points are needed; got 3"):
        two_sample_test(normal(3, 2, 0), normal(9, 2, 0))
