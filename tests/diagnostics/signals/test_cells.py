"""Cells of the data, and what of them samples miss, where both are planted."""

import math

import pytest
import torch

from gansmith.diagnostics.signals import Cells, missed
from gansmith.metrics import share_divergence

MODES = 8


def ring(n: int, modes: range) -> torch.Tensor:
    """n points on each of some modes of a ring of eight, 30 standard deviations apart."""
    angles = torch.tensor([2 * math.pi * m / MODES for m in modes]).repeat_interleave(n)
    return 10 * torch.stack((angles.cos(), angles.sin()), 1) + 0.25 * torch.randn(len(angles), 2)


def test_the_cells_of_a_ring_are_its_modes():
    centres = Cells.of(ring(50, range(MODES)), MODES).centres
    truth = 10 * torch.tensor([[math.cos(2 * math.pi * m / 8), math.sin(2 * math.pi * m / 8)] for m in range(MODES)])
    assert torch.cdist(truth, centres).amin(1).amax() < 0.5


@pytest.mark.analytic
@pytest.mark.parametrize("there", [8, 6, 4, 1])
def test_what_is_missed_is_the_share_of_the_modes_without_samples(there):
    """k of K equal modes: 1 − k/K of the mass is missed, and KL = log(K/k)."""
    cells = Cells.of(ring(50, range(MODES)), MODES)
    counts = cells.counts(ring(40, range(there)))
    assert missed(counts, cells.shares) == pytest.approx(1 - there / MODES)
    assert share_divergence(counts, cells.shares).value == pytest.approx(math.log(MODES / there), abs=1e-6)


def test_a_mode_with_almost_no_samples_counts_as_missed():
    """Of 1000 samples, 125 are due to each of eight modes; 20 are less than a quarter of that, 40 are not."""
    shares = torch.full((8,), 0.125)
    assert missed(torch.tensor([20, *[140] * 7]), shares) == pytest.approx(0.125)
    assert missed(torch.tensor([40, *[137] * 7]), shares) == 0.0


def test_the_same_seed_gives_the_same_cells():
    points = torch.randn(200, 5)
    assert torch.equal(Cells.of(points, 10, seed=3).centres, Cells.of(points, 10, seed=3).centres)
    assert not torch.equal(Cells.of(points, 10, seed=3).centres, Cells.of(points, 10, seed=4).centres)


def test_points_that_are_all_the_same_have_one_cell():
    cells = Cells.of(torch.ones(20, 3), 5)
    assert cells.shares.tolist() == [1.0]


def test_fewer_points_than_cells_have_a_cell_each():
    assert Cells.of(torch.arange(3.0).view(3, 1), 5).shares.tolist() == pytest.approx([1 / 3] * 3)
