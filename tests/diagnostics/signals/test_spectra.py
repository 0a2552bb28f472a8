"""Grids that are planted in pictures."""

import pytest
import torch
from torch import nn

from gansmith.diagnostics.signals import Comb, grid_share


def smooth(n: int, side: int = 32) -> torch.Tensor:
    """Random pictures whose power falls with the frequency, as that of photographs does."""
    spectrum = torch.fft.fft2(torch.randn(n, 1, side, side))
    row = torch.fft.fftfreq(side).view(1, 1, -1, 1)
    column = torch.fft.fftfreq(side).view(1, 1, 1, -1)
    return torch.fft.ifft2(spectrum / (row.square() + column.square() + 1e-3).sqrt()).real


@pytest.mark.analytic
@pytest.mark.parametrize("period", [2, 4])
def test_a_grid_has_its_share_of_the_variance(period):
    """Pictures of variance 1 with a checkerboard of variance 0.25: 0.2 of the whole is the grid."""
    real, pictures = smooth(256), smooth(256)
    pictures = pictures / pictures.std()
    rows = torch.arange(32) // (period // 2)
    board = 0.5 * (1.0 - 2.0 * ((rows.view(-1, 1) + rows) % 2))
    found = grid_share(Comb.of(pictures + board), Comb.of(real))
    assert found == pytest.approx(0.2, abs=0.03)


def test_pictures_like_the_real_ones_and_plain_noise_have_no_grid():
    """The excess over what the spectrum around tells is sampling noise."""
    real = Comb.of(smooth(256))
    assert grid_share(Comb.of(smooth(256)), real) < 0.005
    assert grid_share(Comb.of(torch.randn(256, 1, 32, 32)), real) < 0.02


def test_a_transposed_convolution_with_an_odd_kernel_leaves_one_and_an_even_one_does_not():
    """Kernel 3 at stride 2 covers every other pixel more often than its neighbours; kernel 4 covers all alike."""
    x = smooth(128, side=16)
    shares = []
    for kernel, padding in ((3, 1), (4, 1)):
        layer = nn.ConvTranspose2d(1, 1, kernel, stride=2, padding=padding, bias=False)
        nn.init.constant_(layer.weight, 1.0)
        with torch.no_grad():
            shares.append(grid_share(Comb.of(layer(x + 3)[..., 1:29, 1:29]), Comb.of(smooth(128)[..., :28, :28])))
    assert shares[0] > 0.1 > 0.01 > shares[1]


def test_a_grid_that_real_pictures_have_too_is_none():
    board = torch.ones(1, 1, 32, 32)
    board[..., ::2, 1::2] = board[..., 1::2, ::2] = -1
    assert grid_share(Comb.of(smooth(256) + board), Comb.of(smooth(256) + board)) < 0.02


def test_small_pictures_are_refused():
    with pytest.raises(ValueError, match="too small"):
        Comb.of(torch.zeros(2, 1, 8, 8))
