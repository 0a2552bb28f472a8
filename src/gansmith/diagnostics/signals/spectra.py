"""What the spectrum of pictures says: whether there is a grid of the size of a stride in them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Comb", "grid_share"]

PERIOD = 4
"""Pixels; frequencies of this period and of its half are looked at, which strides of 2 leave, once or twice."""


@dataclass(frozen=True)
class Comb:
    """Power of pictures at the frequencies of a grid, and around them.

    Args:
        peaks: mean power (p,) of the 3×3 bins at each frequency whose two coordinates are multiples of 1/4, but 0.
        around: mean power (p,) of the bins at a distance of 2 and 3 from them.
        total: power of everything but the mean grey, on average over as many bins as there are.
        bins: how many.
    """

    peaks: Tensor
    around: Tensor
    total: float
    bins: int

    @classmethod
    def of(cls, images: Tensor) -> Comb:
        """The powers of images (n, c, h, w), whose channels are added up; sides of at least 16.

        Raises:
            ValueError: the images are too small for neighbouring frequencies to be told apart.
        """
        height, width = (side - side % PERIOD for side in images.shape[2:])
        if min(height, width) < 16:
            raise ValueError(
                f"images of {tuple(images.shape[2:])} pixels are too small for a spectrum; 16 is the least"
            )
        cut = images[..., :height, :width].float()
        power = _power(cut).mean((0, 1))
        power[0, 0] = 0
        peaks, around = [], []
        for i in range(PERIOD):
            for j in range(PERIOD):
                if (i, j) != (0, 0):
                    near, ring = _near(power, i * height // PERIOD, j * width // PERIOD)
                    peaks.append(near)
                    around.append(ring)
        return cls(torch.stack(peaks), torch.stack(around), float(power.sum()), power.numel())


def _power(images: Tensor) -> Tensor:
    """|FFT|² of images (n, c, h, w), from one half: that of real numbers has the other at the opposite frequencies."""
    half = torch.view_as_real(torch.fft.rfft2(images, norm="ortho")).square().sum(-1)
    width = images.shape[-1]
    opposite = half[..., 1 : width - width // 2].flip(-1)
    return torch.cat([half, opposite.roll(-1, -2).flip(-2)], -1)


def _near(power: Tensor, row: int, column: int) -> tuple[Tensor, Tensor]:
    """The mean power in the 3×3 bins around a frequency, and in the frame of width 2 around these."""
    rows = (torch.arange(row - 3, row + 4) % power.shape[0]).to(power.device)
    columns = (torch.arange(column - 3, column + 4) % power.shape[1]).to(power.device)
    block = power[rows][:, columns]
    inner = block[2:5, 2:5].sum()
    return inner / 9, (block.sum() - inner) / 40


def grid_share(samples: Comb, real: Comb) -> float:
    """The share of the samples' variance that lies in a grid of period 2 or 4 beyond what the spectrum around tells.

    At each frequency of the grid, the power that real images have there over that around it says what is to be
    expected; what is more is the grid's. 0 for pictures like the real ones and for noise of any smooth spectrum; a
    checkerboard over everything has 1. Transposed convolutions leave such grids (Odena, Dumoulin & Olah 2016).

    Args:
        samples: powers of samples.
        real: powers of real images of the same size.

    Example:
        >>> draw = torch.Generator().manual_seed(0)
        >>> noise, board = torch.randn(64, 1, 16, 16, generator=draw), torch.ones(1, 1, 16, 16)
        >>> board[..., ::2, 1::2] = board[..., 1::2, ::2] = -1
        >>> real = Comb.of(noise)
        >>> round(grid_share(Comb.of(noise + board), real), 1), grid_share(real, real)
        (0.5, 0.0)
    """
    usual = (real.peaks / real.around.clamp(min=1e-12)).clamp(min=1.0)
    excess = (samples.peaks - usual * samples.around).clamp(min=0.0)
    return float(9 * excess.sum()) / max(samples.total, 1e-12)
