"""Layers that are the usual convolutions, computed in the form that is fastest."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from gansmith.networks.convolution import conv2d

__all__ = ["Conv", "Double", "Flatten", "Halve", "Start", "channels_last", "linear", "normalise_spectrally"]

# On a grid this small, a convolution with this many weights spends much of its time on rearranging them; a matrix
# product over patches takes them as they lie. Where that pays depends on the processor: these are rules of thumb.
SMALL_GRID = 32
MANY_WEIGHTS = 256 * 256 * 16


def channels_last(weight: Tensor) -> bool:
    """Say whether a four-dimensional tensor is stored channels-last, and not both ways at once."""
    return weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()


def normalise_spectrally(network: nn.Module) -> None:
    """Divide every weight by its largest singular value, by PyTorch's own parametrisation (Miyato et al. 2018).

    The vectors of the power iteration are buffers: checkpoints hold them, and a look ahead leaves them alone.

    Example:
        >>> layer = nn.Linear(2, 2, bias=False)
        >>> _ = layer.weight.data.copy_(torch.diag(torch.tensor([3.0, 1.0])))
        >>> normalise_spectrally(layer)
        >>> [round(x, 3) for x in layer.eval().weight.diagonal().tolist()]
        [1.0, 0.333]
    """
    for layer in list(network.modules()):
        if isinstance(layer, nn.Conv2d | nn.Linear | nn.Embedding):
            spectral_norm(layer)


def linear(inputs: int, outputs: int, *, std: float, bias: bool = True) -> nn.Linear:
    """A linear map whose weights start normal, of standard deviation `std`, and whose biases start at 0.

    Example:
        >>> linear(3, 2, std=0.02).bias.tolist()
        [0.0, 0.0]
    """
    layer = nn.Linear(inputs, outputs, bias=bias)
    nn.init.normal_(layer.weight, 0.0, std)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer


class Start(nn.Module):
    """The first layer of a generator: a linear map from a code (n, k) to a grid (n, C, h, w).

    It is the transposed convolution of a 1x1 image by an h x w kernel, weight for weight, as one matrix product.

    Args:
        code: length k of the code.
        channels: channels C of the grid.
        grid: height and width of the grid.
        bias: whether every channel has a bias.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> Start(3, 8, (4, 6))(torch.randn(2, 3)).shape
        torch.Size([2, 8, 4, 6])
    """

    def __init__(self, code: int, channels: int, grid: tuple[int, int], *, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(code, channels, *grid))
        self.bias = nn.Parameter(torch.zeros(channels)) if bias else None
        nn.init.normal_(self.weight, 0.0, 1.0 / math.sqrt(code))

    def forward(self, code: Tensor) -> Tensor:
        """Return the grid (n, C, h, w), stored as the weight is (channels-last or not)."""
        _, channels, height, width = self.weight.shape
        # The product runs over the weight as it lies in memory, so that neither it nor the grid is copied.
        if channels_last(self.weight):
            flat = self.weight.permute(0, 2, 3, 1).flatten(1)
            grid = (code @ flat).view(-1, height, width, channels).permute(0, 3, 1, 2)
        else:
            grid = (code @ self.weight.flatten(1)).view(-1, channels, height, width)
        return grid if self.bias is None else grid + self.bias.to(grid.dtype).view(1, -1, 1, 1)


class Flatten(nn.Module):
    """A grid (n, C, h, w) as vectors (n, h·w·C), in the order that costs no copy when channels come last."""

    def forward(self, grid: Tensor) -> Tensor:
        """Return the vectors."""
        return grid.permute(0, 2, 3, 1).flatten(1)


class Conv(nn.Conv2d):
    """A convolution that keeps the sides of an image and is quick to differentiate twice; see ``conv2d``.

    Args:
        in_channels: channels of x (n, in, H, W).
        out_channels: channels of the output.
        kernel: side of the kernel, odd.
        groups: number of groups.
        bias: whether there is a bias.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> Conv(2, 4, 3)(torch.randn(1, 2, 5, 5)).shape
        torch.Size([1, 4, 5, 5])
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int, *, groups: int = 1, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, kernel, padding=kernel // 2, groups=groups, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, out, H, W) for x (n, in, H, W)."""
        return conv2d(x, self.weight, self.bias, padding=self.kernel_size[0] // 2, groups=self.groups)


class Halve(nn.Conv2d):
    """A 4x4 convolution of stride 2 and padding 1: it halves both sides."""

    def __init__(self, in_channels: int, out_channels: int, *, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, 4, stride=2, padding=1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, out, H/2, W/2) for x (n, in, H, W)."""
        height, width = x.shape[2] // 2, x.shape[3] // 2
        if not _as_product(x, height * width, self.in_channels * self.out_channels * 16):
            return super().forward(x)
        patches: Tensor = _Patches.apply(x.permute(0, 2, 3, 1))  # type: ignore[no-untyped-call]
        weight = self.weight.permute(0, 2, 3, 1).flatten(1)
        return F.linear(patches.flatten(3), weight, self.bias).permute(0, 3, 1, 2)


class Double(nn.ConvTranspose2d):
    """A 4x4 transposed convolution of stride 2 and padding 1: it doubles both sides."""

    def __init__(self, in_channels: int, out_channels: int, *, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, 4, stride=2, padding=1, bias=bias)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Return (n, out, 2H, 2W) for x (n, in, H, W)."""
        if not _as_product(x, x.shape[2] * x.shape[3], self.in_channels * self.out_channels * 16):
            return super().forward(x, output_size)
        weight = self.weight.permute(0, 2, 3, 1).flatten(1)
        patches = x.permute(0, 2, 3, 1) @ weight
        image: Tensor = _Overlap.apply(patches.view(*patches.shape[:3], 4, 4, self.out_channels))  # type: ignore[no-untyped-call]
        image = image.permute(0, 3, 1, 2)
        return image if self.bias is None else image + self.bias.to(image.dtype).view(1, -1, 1, 1)


def _as_product(x: Tensor, positions: int, weights: int) -> bool:
    # Exports and compilers know convolutions better than patches.
    return (
        x.device.type == "cpu"
        and positions <= SMALL_GRID
        and weights >= MANY_WEIGHTS
        and torch.is_grad_enabled()
        and not torch.compiler.is_compiling()
    )


def _gather(x: Tensor) -> Tensor:
    n, height, width, channels = x.shape
    padded = F.pad(x, (0, 0, 1, 1, 1, 1))
    size = (n, height // 2, width // 2, 4, 4, channels)
    s0, s1, s2, s3 = padded.stride()
    return padded.as_strided(size, (s0, 2 * s1, 2 * s2, s1, s2, s3)).contiguous()


def _scatter(patches: Tensor) -> Tensor:
    n, height, width, _, _, channels = patches.shape
    image = patches.new_zeros(n, 2 * height + 2, 2 * width + 2, channels)
    cells = image.view(n, height + 1, 2, width + 1, 2, channels).permute(0, 1, 3, 2, 4, 5)
    for i in (0, 1):
        for j in (0, 1):
            cells[:, i : height + i, j : width + j] += patches[:, :, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
    return image[:, 1:-1, 1:-1]


class _Patches(torch.autograd.Function):
    """The 4x4 patches of x (n, H, W, C) at stride 2, padding 1: (n, H/2, W/2, 4, 4, C)."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return _gather(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return _Overlap.apply(grad)  # type: ignore[no-any-return,no-untyped-call]

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor) -> Tensor:
        return _Patches.apply(tangent)  # type: ignore[no-any-return,no-untyped-call]


class _Overlap(torch.autograd.Function):
    """The adjoint of the patches: their overlapping sum, (n, 2h, 2w, C) for (n, h, w, 4, 4, C)."""

    generate_vmap_rule = True

    @staticmethod
    def forward(patches: Tensor) -> Tensor:
        return _scatter(patches)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return _Patches.apply(grad)  # type: ignore[no-any-return,no-untyped-call]

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor) -> Tensor:
        return _Overlap.apply(tangent)  # type: ignore[no-any-return,no-untyped-call]
