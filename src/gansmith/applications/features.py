"""What a discriminator has learnt to see, as features for another task."""

from __future__ import annotations

import copy
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gansmith.metrics import NetworkExtractor
from gansmith.networks.layers import Flatten
from gansmith.networks.minibatch import MinibatchDeviation

__all__ = ["PooledConvolutions", "discriminator_features"]


@final
class PooledConvolutions(nn.Module):
    """The features of all convolutions of a discriminator, each pooled to a grid (Radford et al. 2016, sect. 5.1).

    What each convolutional layer hands to the next, after norm and activation, is pooled to its maxima on a grid of
    `side` times `side` places, or as many as it has, flattened, and joined with that of the others.

    Args:
        discriminator: one whose ``body`` is an ``nn.Sequential``, as those of `DCGAN` and `Residual` are.
        side: of the grid, at least 1.

    Raises:
        ValueError: it has no such body, or no convolutions in it, or `side` is below 1; when it is called, images of
            another shape.

    Example:
        >>> from gansmith.networks import DCGAN
        >>> seen = PooledConvolutions(DCGAN(width=8).discriminator((1, 28, 28)))
        >>> seen(torch.zeros(2, 1, 28, 28)).shape  # 8 channels at 14 px and 16 at 7 px, each on 4 times 4 places
        torch.Size([2, 384])
    """

    def __init__(self, discriminator: nn.Module, *, side: int = 4) -> None:
        super().__init__()
        if side < 1:
            raise ValueError(f"side is {side}; the grid has at least 1 place")
        body = getattr(discriminator, "body", None)
        if not isinstance(body, nn.Sequential) or not any(map(_convolves, body)):
            raise ValueError(
                f"{type(discriminator).__name__} has no convolutions one after the other to read features from; "
                "give the discriminator of DCGAN or Residual"
            )
        # A copy, because whoever trains on wants batch norm to go on as it was.
        self.body, self.side, self.shape = copy.deepcopy(body), side, getattr(discriminator, "shape", None)

    def forward(self, x: Tensor) -> Tensor:
        """Return features (n, F) for images x (n, c, h, w) in [-1, 1]."""
        if self.shape is not None and x.shape[1:] != self.shape:
            raise ValueError(
                f"x has shape {tuple(x.shape)}; this discriminator takes (n, {', '.join(map(str, self.shape))})"
            )
        found: list[Tensor] = []
        seen = x
        for place, layer in enumerate(self.body):
            if place and _convolves(layer):
                found.append(self._pooled(seen))
            if isinstance(layer, Flatten | MinibatchDeviation):  # places are lost, or other samples come in
                break
            seen = layer(seen)
        return torch.cat([*found, self._pooled(seen)], 1)

    def _pooled(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        return F.adaptive_max_pool2d(x, (min(self.side, height), min(self.side, width))).flatten(1)


def discriminator_features(discriminator: nn.Module, *, side: int = 4, name: str = "discriminator") -> NetworkExtractor:
    """The same as an extractor, which metrics take too.

    Args:
        discriminator: as in `PooledConvolutions`, such as what `load_discriminator` gives.
        side: of the grid, at least 1.
        name: what records call it.

    Raises:
        ValueError: as `PooledConvolutions`.

    Example:
        >>> from gansmith.networks import DCGAN
        >>> discriminator_features(DCGAN(width=8).discriminator((3, 32, 32)))(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 896])
    """
    return NetworkExtractor(name=name, network=PooledConvolutions(discriminator, side=side).eval())


def _convolves(layer: nn.Module) -> bool:
    return any(isinstance(part, nn.Conv2d) for part in layer.modules())
