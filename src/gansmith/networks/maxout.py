"""The first adversarial networks: a generator of rectifiers, and a discriminator of maxout units."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor, nn

from gansmith.networks.conditional import Projection
from gansmith.networks.layers import linear
from gansmith.networks.players import Discriminator, Generator, check_counts, check_sizes
from gansmith.networks.shapes import Shape, check_shape

__all__ = ["LinearMaxout", "Maxout"]


class LinearMaxout(nn.Module):
    r"""A layer of units that take the largest of several linear maps (Goodfellow et al. 2013, section 2).

    .. math:: h_i(x) = \max_j \; \langle w_{ij}, x\rangle + b_{ij}

    Args:
        inputs: length of x (n, inputs).
        outputs: number of units.
        pieces: linear maps for each unit, at least 1.
        std: standard deviation of the initial weights; biases start at 0.

    Raises:
        ValueError: there are fewer than 1 pieces.

    Example:
        >>> import torch
        >>> layer = LinearMaxout(1, 1, pieces=2)
        >>> layer.linear.weight.data = torch.tensor([[1.0], [-1.0]])
        >>> layer(torch.tensor([[-3.0], [2.0]])).flatten().tolist()  # |x|
        [3.0, 2.0]
    """

    def __init__(self, inputs: int, outputs: int, *, pieces: int, std: float = 0.02) -> None:
        super().__init__()
        if pieces < 1:
            raise ValueError(f"pieces is {pieces}; a maxout unit has at least 1")
        self.pieces = pieces
        self.linear = linear(inputs, outputs * pieces, std=std)

    def forward(self, x: Tensor) -> Tensor:
        """Return the units' values (n, outputs)."""
        return self.linear(x).unflatten(-1, (self.pieces, -1)).max(-2).values  # type: ignore[no-any-return]


@dataclass(frozen=True, kw_only=True)
class Maxout:
    """Fully connected players: rectifiers against maxout units, for images (C, H, W) and for vectors (d,).

    The defaults are the sizes that Goodfellow et al. 2014 used on MNIST. For mixtures in the plane, Lin et al. 2018
    (PacGAN, section 4.1) take ``Maxout(width=400, depth=4, batch_norm=True, units=200, layers=3)``. Labels come in as
    in `MLP`.

    Args:
        width: units in each hidden layer of the generator.
        depth: the generator's hidden layers.
        batch_norm: batch normalisation in the generator's hidden layers, which then have no biases of their own.
        units: maxout units in each hidden layer of the discriminator.
        pieces: linear maps for each maxout unit.
        layers: the discriminator's hidden layers.
        input_dropout: share of the discriminator's inputs that are dropped, in [0, 1); 0.2 in 2014.
        dropout: share of its hidden units that are dropped, in [0, 1); 0.5 in 2014.
        std: standard deviation of all initial weights, > 0.
        embedding: length of a label's embedding in the generator.

    Raises:
        ValueError: a value is outside its range.

    Example:
        >>> import torch
        >>> _ = torch.manual_seed(0)
        >>> networks = Maxout(width=16, units=8)
        >>> x = networks.generator((2,), latent=4)(torch.randn(3, 4))
        >>> x.shape, networks.discriminator((2,))(x).shape
        (torch.Size([3, 2]), torch.Size([3]))
    """

    width: int = 1200
    depth: int = 2
    batch_norm: bool = False
    units: int = 240
    pieces: int = 5
    layers: int = 2
    input_dropout: float = 0.0
    dropout: float = 0.0
    std: float = 0.02
    embedding: int = 32

    def __post_init__(self) -> None:
        check_sizes(self, "width", "depth", "units", "pieces", "layers", "embedding")
        for name in ("input_dropout", "dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"Maxout {name} is {getattr(self, name)}; it must be in [0, 1)")
        if not 0 < self.std < math.inf:
            raise ValueError(f"Maxout std is {self.std}; it must be above 0")

    def generator(self, shape: Shape, *, latent: int, classes: int = 0) -> Generator:
        """Build the generator; see ``Generator`` for what it takes and gives."""
        shape = check_shape(shape)
        check_counts(latent=latent, classes=classes)
        layers: list[nn.Module] = []
        for inputs in (latent + (self.embedding if classes else 0), *[self.width] * (self.depth - 1)):
            layers.append(linear(inputs, self.width, std=self.std, bias=not self.batch_norm))
            layers += [nn.BatchNorm1d(self.width)] if self.batch_norm else []
            layers.append(nn.ReLU(inplace=True))
        body = nn.Sequential(*layers, linear(self.width, math.prod(shape), std=self.std), nn.Unflatten(1, shape))
        return Generator(body, shape=shape, latent=latent, classes=classes, embedding=self.embedding)

    def discriminator(self, shape: Shape, *, classes: int = 0) -> Discriminator:
        """Build the discriminator; see ``Discriminator`` for what it takes and gives."""
        shape = check_shape(shape)
        check_counts(classes=classes)
        layers: list[nn.Module] = [nn.Flatten()]
        drops = (self.input_dropout, *[self.dropout] * self.layers)
        for i, inputs in enumerate((math.prod(shape), *[self.units] * (self.layers - 1))):
            layers += [nn.Dropout(drops[i])] if drops[i] else []
            layers.append(LinearMaxout(inputs, self.units, pieces=self.pieces, std=self.std))
        layers += [nn.Dropout(self.dropout)] if self.dropout else []
        head = Projection(self.units, classes=classes, std=self.std)
        return Discriminator(nn.Sequential(*layers), head, shape=shape, classes=classes)
