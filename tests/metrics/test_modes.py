"""Counting modes, and measuring each."""

import math

import pytest
import torch
from torch import Tensor

from gansmith.metrics import mode_report

GRID = torch.cartesian_prod(torch.arange(-4.0, 5, 2), torch.arange(-4.0, 5, 2))


def around(mode: Tensor, n: int, std: float = 0.05, seed: int = 0) -> Tensor:
    return mode + std * torch.randn(n, 2, generator=torch.Generator().manual_seed(seed))


@pytest.mark.analytic
def test_the_data_itself() -> None:
    # In the plane P(‖x‖ ≤ 3σ) = 1 − exp(−9/2) = 0.9889; all else is 1 or 0 up to the noise of 4,000 samples a mode.
    samples = torch.cat([around(mode, 4000, seed=i) for i, mode in enumerate(GRID)])
    report = mode_report(samples, GRID, 0.05)
    assert (report.found, report.of) == (25, 25)
    assert report.high_quality == pytest.approx(1 - math.exp(-4.5), abs=0.001)
    assert torch.allclose(torch.tensor(report.weights), torch.ones(25), atol=0.01)
    assert torch.allclose(torch.tensor(report.spreads), torch.ones(25, 2), atol=0.05)
    assert max(report.offsets) < 0.08
    assert report.faithful(0.05)


@pytest.mark.analytic
def test_counted_by_hand() -> None:
    modes = torch.tensor([[0.0, 0.0], [10.0, 0.0], [20.0, 0.0]])
    # Distances to the nearest mode: 0, 2.9, 3.1, 0, 5, so three good samples; two modes have one.
    samples = torch.tensor([[0.0, 0.0], [1.74, 2.32], [0.0, 3.1], [10.0, 0.0], [15.0, 0.0]])
    report = mode_report(samples, modes, 1.0, shares=[2, 1, 1])
    inside = 1 - math.exp(-4.5)
    assert report.found == 2
    assert report.high_quality == 0.6
    assert report.weights == pytest.approx((2 / (5 * 0.5 * inside), 1 / (5 * 0.25 * inside), 0))
    assert report.offsets == pytest.approx((1.45, 0, 0))  # the mean of 0 and (1.74, 2.32), which is 2.9 long
    variance = (1 - 5.5 * math.exp(-4.5)) / inside  # along an axis, of a standard Gaussian cut at 3
    assert report.spreads[0] == pytest.approx((0, 1.45 / math.sqrt(variance)))
    assert not report.faithful()


@pytest.mark.analytic
def test_what_counting_does_not_see() -> None:
    narrow = torch.cat([around(mode, 1000, std=0.025, seed=i) for i, mode in enumerate(GRID)])
    report = mode_report(narrow, GRID, 0.05)
    assert report.found == 25
    assert report.high_quality > 0.999  # above the data
    assert not report.faithful()
    # Half as wide as the data and hardly cut, beside the data cut at 3, whose variance is the one by hand above.
    kept = math.sqrt((1 - 5.5 * math.exp(-4.5)) / (1 - math.exp(-4.5)))
    assert torch.tensor(report.spreads).mean().item() == pytest.approx(0.5 / kept, abs=0.01)
    flat = torch.cat([around(mode, 1000, seed=i) * torch.tensor([1.0, 0.0]) + mode * torch.tensor([0.0, 1.0])
                      for i, mode in enumerate(GRID)])  # fmt: skip
    assert max(axes[0] for axes in mode_report(flat, GRID, 0.05).spreads) < 1e-6


@pytest.mark.analytic
def test_modes_of_different_widths() -> None:
    modes, std = torch.tensor([[0.0, 0.0], [1.0, 0.0]]), torch.tensor([0.2, 0.02])
    samples = torch.cat([around(mode, 5000, s.item(), i) for i, (mode, s) in enumerate(zip(modes, std, strict=True))])
    assert mode_report(samples, modes, std).faithful(0.1)  # nearest in standard deviations, not in distance


@pytest.mark.identity
def test_order_and_scale_do_not_matter() -> None:
    samples = torch.cat([around(mode, 50, seed=i) for i, mode in enumerate(GRID[:20])])
    shuffled = samples[torch.randperm(len(samples), generator=torch.Generator().manual_seed(0))]
    a, b = mode_report(samples, GRID, 0.05), mode_report(8 * shuffled, 8 * GRID, 0.4)  # by a power of 2: no rounding
    assert (a.found, a.high_quality) == (b.found, b.high_quality) == (20, a.high_quality)
    assert a.spreads[3] == pytest.approx(b.spreads[3])


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"samples have shape \(4, 3\); they must be \(n, 2\)"):
        mode_report(torch.zeros(4, 3), GRID, 0.05)
    with pytest.raises(ValueError, match=r"modes have shape \(0, 2\)"):
        mode_report(torch.zeros(4, 2), GRID[:0], 0.05)
    with pytest.raises(ValueError, match="each of the 25 modes"):
        mode_report(torch.zeros(4, 2), GRID, 0.05, shares=[1.0])
    with pytest.raises(ValueError, match="above 0"):
        mode_report(torch.zeros(4, 2), GRID, 0.0)
