"""The class score: known cases, torchmetrics, and what the error means."""

import math
from statistics import fmean, stdev

import numpy as np
import pytest
import torch
from torch import Tensor

from gansmith.metrics import inception_score
from gansmith.metrics.points import shuffled


def some(n: int, classes: int, seed: int) -> Tensor:
    return (2 * torch.randn(n, classes, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)).softmax(1)


@pytest.mark.analytic
def test_known_cases() -> None:
    # Sure of one of K classes, all equally often: KL(δ ‖ uniform) = log K. Never sure: p = p̄, so exp 0.
    assert inception_score(torch.eye(7).repeat(30, 1), splits=1).value == pytest.approx(7, rel=1e-12)
    assert inception_score(some(1, 5, 0).expand(50, 5)).value == pytest.approx(1, rel=1e-12)
    # Two classes as 1 : 3, always sure: the exponential of the entropy of (¼, ¾).
    unequal = torch.eye(2)[[0, 1, 1, 1] * 10]
    assert inception_score(unequal, splits=1).value == pytest.approx(4 / 3**0.75, rel=1e-12)


@pytest.mark.reference
@pytest.mark.filterwarnings("ignore:Metric `InceptionScore`", "ignore:std")  # of memory, and of one part's deviation
def test_against_torchmetrics_on_the_same_logits() -> None:
    metric = pytest.importorskip("torchmetrics.image.inception").InceptionScore(feature=torch.nn.Identity(), splits=1)
    logits = some(200, 10, 1).log()
    metric.update(logits)
    expected = metric.compute()[0].item()
    assert inception_score(logits.softmax(1), splits=1).value == pytest.approx(expected, rel=1e-12)


@pytest.mark.analytic
def test_parts_by_hand() -> None:
    p = some(103, 6, 2)
    parts = np.array_split(p[shuffled(p, 4)].numpy(), 5)
    told = [(part * np.log(part / part.mean(0))).sum(1) for part in parts]
    scores = [math.exp(each.mean()) for each in told]
    # d exp(m) = exp(m)·dm: the error of a mean of n terms, times the score; that of a mean of parts adds in squares.
    errors = [score * each.std(ddof=1) / math.sqrt(len(each)) for score, each in zip(scores, told, strict=True)]
    expected = fmean(scores), math.sqrt(sum(error**2 for error in errors)) / 5
    assert inception_score(p, splits=5, seed=4) == pytest.approx(expected, rel=1e-12)


@pytest.mark.analytic
@pytest.mark.parametrize("splits", [1, 4])
def test_the_error_is_the_spread_of_repeated_experiments(splits: int) -> None:
    # The spread of 150 values is known to 6 %, of which three are allowed.
    found = [inception_score(some(200, 5, seed), splits=splits) for seed in range(150)]
    ratio = fmean(estimate.error for estimate in found) / stdev(estimate.value for estimate in found)
    assert 0.85 < ratio < 1.2


@pytest.mark.identity
def test_order_does_not_matter() -> None:
    p = some(90, 4, 3)
    order = torch.randperm(90, generator=torch.Generator().manual_seed(0))
    assert inception_score(p[order]) == inception_score(p, splits=10)  # the paper's number of parts is the default
    assert inception_score(p, seed=1) != inception_score(p)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="apply a softmax"):
        inception_score(torch.randn(50, 4))
    with pytest.raises(ValueError, match="19 samples cannot be dealt into 10 parts"):
        inception_score(some(19, 4, 0))
