"""A modern residual pair without normalisation, in the spirit of R3GAN (Huang et al. 2024)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from gansmith.networks.conditional import Projection
from gansmith.networks.layers import Conv, Flatten, Start
from gansmith.networks.players import Discriminator, Generator, check_counts, check_sizes
from gansmith.networks.shapes import Shape, check_image_shape, stage_widths, start_grid

__all__ = ["Block", "Residual"]

SLOPE = 0.2


@dataclass(frozen=True, kw_only=True)
class Residual:
    """Inverted bottlenecks 1-3-1 with a grouped middle, leaky ReLU, no normalisation (Huang et al. 2024, sect. 4).

    The sides double (halve) between stages by bilinear resampling, with a 1x1 convolution where the channels change.
    Fix-up initialisation (Zhang, Dauphin & Ma 2019): the last layer of every block starts at zero and the others are
    scaled by L^(-1/4), L being the number of blocks, so that depth costs nothing at the start. It is meant for the
    paired relativistic loss with both R1 and R2. Labels come in as an embedding beside z and as a projection.

    The defaults suit a CPU at 28 and 32 px, where the finest stage takes most of the time. On a GPU raise ``width``
    (64) and ``max_width`` (512), then ``blocks`` (2). Cost grows with the blocks and, once the layers are wide, with
    the square of the width.

    Args:
        width: channels at full resolution; they double at every halving of the sides.
        max_width: where the doubling stops.
        blocks: blocks per stage.
        expansion: how many times wider than the stage the middle of a block is.
        group_size: channels per group of the 3x3 convolutions; it must divide the middle's channels.
        embedding: length of a label's embedding in the generator.

    Raises:
        ValueError: A field is out of range or the group size does not divide; on building, an image size that cannot
            be halved (the message names one that can).

    Example:
        >>> import torch
        >>> _ = torch.manual_seed(0)
        >>> pair = Residual(width=8, max_width=16)
        >>> images = pair.generator((3, 32, 32), latent=16)(torch.randn(2, 16))
        >>> images.shape, pair.discriminator((3, 32, 32))(images).shape
        (torch.Size([2, 3, 32, 32]), torch.Size([2]))
    """

    width: int = 16
    max_width: int = 256
    blocks: int = 1
    expansion: int = 2
    group_size: int = 16
    embedding: int = 32

    def __post_init__(self) -> None:
        check_sizes(self, "width", "max_width", "blocks", "expansion", "group_size", "embedding")
        for name in ("width", "max_width"):
            middle = getattr(self, name) * self.expansion
            if middle % self.group_size:
                raise ValueError(
                    f"Residual {name} {getattr(self, name)} times expansion {self.expansion} is {middle}, which is "
                    f"not a multiple of group_size {self.group_size}; change one of the three"
                )

    def generator(self, shape: Shape, *, latent: int, classes: int = 0) -> Generator:
        """Build the generator; see ``Generator`` for what it takes and gives."""
        channels, height, width = check_image_shape(shape)
        check_counts(latent=latent, classes=classes)
        h0, w0, doublings = start_grid(height, width)
        widths = stage_widths(self.width, self.max_width, doublings + 1)
        scale = self._scale(doublings)
        layers: list[nn.Module] = [Start(latent + (self.embedding if classes else 0), widths[0], (h0, w0))]
        layers += self._stage(widths[0], scale)
        for coarse, fine in pairwise(widths):
            # The 1x1 convolution and the resampling commute; the coarse grid is the cheaper place for the former.
            layers += [*_change(coarse, fine), _Upsample(), *self._stage(fine, scale)]
        layers.append(_conv(widths[-1], channels, 1, gain=1.0))
        return Generator(nn.Sequential(*layers), shape=shape, latent=latent, classes=classes, embedding=self.embedding)

    def discriminator(self, shape: Shape, *, classes: int = 0) -> Discriminator:
        """Build the discriminator; see ``Discriminator`` for what it takes and gives."""
        channels, height, width = check_image_shape(shape)
        check_counts(classes=classes)
        h0, w0, doublings = start_grid(height, width)
        widths = stage_widths(self.width, self.max_width, doublings + 1)[::-1]
        scale = self._scale(doublings)
        layers: list[nn.Module] = [_conv(channels, widths[0], 1, gain=1.0), *self._stage(widths[0], scale)]
        for fine, coarse in pairwise(widths):
            layers += [nn.AvgPool2d(2), *_change(fine, coarse), *self._stage(coarse, scale)]
        features = h0 * w0 * widths[-1]
        head = Projection(features, classes=classes, std=1.0 / math.sqrt(features))
        return Discriminator(nn.Sequential(*layers, Flatten()), head, shape=shape, classes=classes)

    def _scale(self, doublings: int) -> float:
        return 1.0 / math.sqrt(math.sqrt((doublings + 1) * self.blocks))

    def _stage(self, channels: int, scale: float) -> list[nn.Module]:
        middle = channels * self.expansion
        return [Block(channels, middle, groups=middle // self.group_size, scale=scale) for _ in range(self.blocks)]


class Block(nn.Module):
    r"""A grouped inverted bottleneck beside an identity.

    .. math:: x + W_3\,\phi(W_2 * \phi(W_1 x))

    with :math:`W_1` 1x1 and widening, :math:`W_2` 3x3 and grouped, :math:`W_3` 1x1 and zero at the start, and
    :math:`\phi` a leaky ReLU of slope 0.2.

    Args:
        channels: channels of x (n, channels, H, W).
        middle: channels between :math:`W_1` and :math:`W_3`.
        groups: groups of :math:`W_2`; they divide ``middle``.
        scale: the factor by which fix-up initialisation shrinks :math:`W_1` and :math:`W_2`.

    Example:
        >>> import torch
        >>> x = torch.ones(1, 4, 8, 8)
        >>> bool((Block(4, 8, groups=2, scale=1.0)(x) == x).all())
        True
    """

    def __init__(self, channels: int, middle: int, *, groups: int, scale: float) -> None:
        super().__init__()
        gain = scale * nn.init.calculate_gain("leaky_relu", SLOPE)
        self.expand = _conv(channels, middle, 1, gain=gain)
        self.mix = _conv(middle, middle, 3, gain=gain, groups=groups)
        self.project = _conv(middle, channels, 1, gain=0.0, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of x's shape."""
        y = F.leaky_relu(self.expand(x), SLOPE, inplace=True)
        y = F.leaky_relu(self.mix(y), SLOPE, inplace=True)
        residual: Tensor = self.project(y)
        return x + residual


class _Upsample(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        doubled: Tensor = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        return doubled


def _conv(inputs: int, outputs: int, kernel: int, *, gain: float, groups: int = 1, bias: bool = True) -> Conv:
    layer = Conv(inputs, outputs, kernel, groups=groups, bias=bias)
    nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(inputs // groups * kernel**2))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def _change(inputs: int, outputs: int) -> list[nn.Module]:
    return [] if inputs == outputs else [_conv(inputs, outputs, 1, gain=1.0, bias=False)]
