"""The moving average: its rate, its start, and what it carries along."""

import pytest
import torch
from torch import nn

from gansmith.training import Averaging
from gansmith.training.average import MovingAverage


def constant(value):
    layer = nn.Linear(2, 2)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.fill_(value)
    return layer


@pytest.mark.analytic
@pytest.mark.parametrize("half_life", [1.0, 10.0, 500.0])
def test_an_old_value_counts_half_after_the_half_life(half_life):
    """From 0 towards 1: after h updates 1 − (2^(−1/h))^h = 1/2 is reached, and after 2h it is 3/4."""
    average, target = MovingAverage(constant(0.0), Averaging(half_life=half_life, ramp=1e9)), constant(1.0)
    for reached in (0.5, 0.75):
        for _ in range(int(half_life)):
            average.update(target, step=1)
        assert average.module.weight[0, 0].item() == pytest.approx(reached, abs=1e-4)


@pytest.mark.analytic
def test_early_on_the_half_life_is_a_share_of_the_steps():
    """With ramp 0.05 and at step 40 it is 2 steps: one update goes 1 − 2^(−1/2) of the way."""
    average = MovingAverage(constant(0.0), Averaging(half_life=500, ramp=0.05))
    average.update(constant(1.0), step=40)
    assert average.module.weight[0, 0].item() == pytest.approx(1 - 2**-0.5, abs=1e-6)


def test_a_half_life_of_nothing_keeps_the_newest():
    average = MovingAverage(constant(0.0), Averaging(half_life=0))
    average.update(constant(3.0), step=10)
    assert torch.equal(average.module.weight, constant(3.0).weight)


def test_statistics_are_averaged_and_counts_are_copied():
    norm = nn.BatchNorm1d(1)
    average = MovingAverage(norm, Averaging(half_life=1, ramp=1e9))
    norm(torch.full((4, 1), 10.0))  # momentum 0.1: the running mean becomes 1
    average.update(norm, step=1)
    assert average.module.running_mean.item() == pytest.approx(0.5)
    assert average.module.num_batches_tracked.item() == 1


def test_it_is_a_network_in_evaluation_mode_that_nobody_trains():
    source = constant(1.0)
    average = MovingAverage(source, Averaging())
    assert not average.module.training
    assert not any(p.requires_grad for p in average.module.parameters())
    assert source.training
    assert all(p.requires_grad for p in source.parameters())
