"""Intervals: their closed forms, and scipy's."""

import pytest
from scipy.stats import binomtest

from gansmith.metrics import Estimate, wilson


@pytest.mark.analytic
def test_the_normal_interval() -> None:
    # 95 % of a standard normal lie within 1.95996, 68.27 % within 1.
    assert Estimate(1.0, 2.0).interval() == pytest.approx((1 - 3.919928, 1 + 3.919928), abs=1e-6)
    assert Estimate(1.0, 2.0).interval(confidence=0.6826894921) == pytest.approx((-1, 3), abs=1e-8)


@pytest.mark.reference
@pytest.mark.parametrize(("successes", "trials"), [(0, 7), (1, 30), (480, 1000), (12, 12)])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_wilson_is_scipys(successes: int, trials: int, confidence: float) -> None:
    expected = binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    low, high = wilson(successes, trials, confidence=confidence)
    assert (low, high) == pytest.approx(tuple(expected), abs=1e-12)
    assert 0 <= low <= successes / trials <= high <= 1  # without a rounding beyond an end


def test_refusals() -> None:
    with pytest.raises(ValueError, match="5 successes in 4 trials"):
        wilson(5, 4)
    with pytest.raises(ValueError, match="0 successes in 0 trials"):
        wilson(0, 0)
    with pytest.raises(ValueError, match="confidence is 95"):
        Estimate(0.0, 1.0).interval(confidence=95)
