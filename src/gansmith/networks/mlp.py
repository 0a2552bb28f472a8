"""Multi-layer perceptrons, for any shape."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import nn

from gansmith.networks.conditional import Projection
from gansmith.networks.layers import linear, normalise_spectrally
from gansmith.networks.players import Discriminator, Generator, check_counts, check_sizes
from gansmith.networks.shapes import Shape, check_shape

__all__ = ["MLP"]

SLOPE = 0.2


@dataclass(frozen=True, kw_only=True)
class MLP:
    """Fully connected players with leaky ReLU, for images (C, H, W) and for vectors (d,).

    Labels come in as an embedding beside z and as a projection in the discriminator (Miyato & Koyama 2018).

    Args:
        width: units of each hidden layer.
        depth: number of hidden layers.
        embedding: length of a label's embedding in the generator.
        spectral: spectral normalisation of the discriminator, which keeps every layer's largest singular value at 1.

    Raises:
        ValueError: A field is below 1.

    Example:
        >>> import torch
        >>> _ = torch.manual_seed(0)
        >>> MLP(width=16).generator((2,), latent=4)(torch.randn(3, 4)).shape
        torch.Size([3, 2])
    """

    width: int = 256
    depth: int = 3
    embedding: int = 32
    spectral: bool = False

    def __post_init__(self) -> None:
        check_sizes(self, "width", "depth", "embedding")

    def generator(self, shape: Shape, *, latent: int, classes: int = 0) -> Generator:
        """Build the generator; see ``Generator`` for what it takes and gives."""
        shape = check_shape(shape)
        check_counts(latent=latent, classes=classes)
        hidden = self._hidden(latent + (self.embedding if classes else 0))
        body = nn.Sequential(
            *hidden, linear(self.width, math.prod(shape), std=1.0 / math.sqrt(self.width)), nn.Unflatten(1, shape)
        )
        return Generator(body, shape=shape, latent=latent, classes=classes, embedding=self.embedding)

    def discriminator(self, shape: Shape, *, classes: int = 0) -> Discriminator:
        """Build the discriminator; see ``Discriminator`` for what it takes and gives."""
        shape = check_shape(shape)
        check_counts(classes=classes)
        body = nn.Sequential(nn.Flatten(), *self._hidden(math.prod(shape)))
        head = Projection(self.width, classes=classes, std=1.0 / math.sqrt(self.width))
        if self.spectral:
            normalise_spectrally(body)
            normalise_spectrally(head)
        return Discriminator(body, head, shape=shape, classes=classes)

    def _hidden(self, inputs: int) -> list[nn.Module]:
        gain = nn.init.calculate_gain("leaky_relu", SLOPE)
        layers: list[nn.Module] = []
        for fan_in in (inputs, *[self.width] * (self.depth - 1)):
            # The first layer's input has had no rectifier that would have to be made up for.
            std = (gain if layers else 1.0) / math.sqrt(fan_in)
            layers += [linear(fan_in, self.width, std=std), nn.LeakyReLU(SLOPE, inplace=True)]
        return layers
