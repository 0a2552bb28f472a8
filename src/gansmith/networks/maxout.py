"""The first adversarial networks: a generator of rectifiers, and a discriminator of maxout units."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gansmith.networks.conditional import Projection
from gansmith.networks.layers import linear
from gansmith.networks.players import Discriminator, Generator, Known, check_counts, check_sizes
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
        # Where pieces tie, as in bfloat16 they do, they share the gradient.
        return self.linear(x).unflatten(-1, (self.pieces, -1)).amax(-2)  # type: ignore[no-any-return]


class Affine(nn.Module):
    """The map x ↦ scale·x + shift.

    Args:
        scale: what numbers are multiplied with.
        shift: what is added to them.

    Example:
        >>> import torch
        >>> Affine(0.5, 0.5)(torch.tensor([-1.0, 1.0])).tolist()
        [0.0, 1.0]
    """

    def __init__(self, scale: float, shift: float = 0.0) -> None:
        super().__init__()
        self.scale, self.shift = scale, shift

    def forward(self, x: Tensor) -> Tensor:
        """Return numbers of the shape of x."""
        return self.scale * x + self.shift


@dataclass(frozen=True, kw_only=True)
class Maxout:
    """Fully connected players: rectifiers against maxout units, for images (C, H, W) and for vectors (d,).

    The defaults are the sizes that Goodfellow et al. 2014 used on MNIST; the recipe ``goodfellow2014-mnist`` has all of
    their settings. For mixtures in the plane, Lin et al. 2018
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
        generator_range: the generator's weights start uniform within ± this instead; 0 leaves it at `std`.
        discriminator_range: the same for the discriminator's.
        unit_pixels: inside, pixels go from 0 to 1, as they did in 2014: images come out of a logistic function, and a
            pixel that the discriminator drops is black.
        marginals: the output's biases start so that they alone would give the mean of the data.
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
    generator_range: float = 0.0
    discriminator_range: float = 0.0
    unit_pixels: bool = False
    marginals: bool = False
    embedding: int = 32

    def __post_init__(self) -> None:
        check_sizes(self, "width", "depth", "units", "pieces", "layers", "embedding")
        for name in ("generator_range", "discriminator_range"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"Maxout {name} is {getattr(self, name)}; it must be at least 0, which takes std")
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
        layers += [linear(self.width, math.prod(shape), std=self.std), nn.Unflatten(1, shape)]
        if self._halves(shape):
            layers.append(Affine(0.5))  # tanh(a/2) = 2·σ(a) − 1
        body = _spread(nn.Sequential(*layers), self.generator_range)
        return Generator(body, shape=shape, latent=latent, classes=classes, embedding=self.embedding)

    def discriminator(self, shape: Shape, *, classes: int = 0) -> Discriminator:
        """Build the discriminator; see ``Discriminator`` for what it takes and gives."""
        shape = check_shape(shape)
        check_counts(classes=classes)
        layers: list[nn.Module] = [nn.Flatten(), *([Affine(0.5, 0.5)] if self._halves(shape) else [])]
        drops = (self.input_dropout, *[self.dropout] * self.layers)
        for i, inputs in enumerate((math.prod(shape), *[self.units] * (self.layers - 1))):
            layers += [nn.Dropout(drops[i])] if drops[i] else []
            layers.append(LinearMaxout(inputs, self.units, pieces=self.pieces, std=self.std))
        layers += [nn.Dropout(self.dropout)] if self.dropout else []
        body, head = nn.Sequential(*layers), Projection(self.units, classes=classes, std=self.std)
        _spread(nn.ModuleList([body, head]), self.discriminator_range)
        return Discriminator(body, head, shape=shape, classes=classes)

    def fit(self, generator: nn.Module, discriminator: nn.Module, known: Known) -> None:
        """Set the biases that start from the data, if `marginals` asks for it; see `Fitting`."""
        if not self.marginals:
            return
        *_, output = (layer for layer in generator.modules() if isinstance(layer, nn.Linear))
        # Pixels that are the same in all images would have infinite biases; the authors' code cut at this too.
        wanted = known.mean().double().clamp(2e-7 - 1, 1 - 2e-7).atanh() / (0.5 if self.unit_pixels else 1.0)
        with torch.no_grad():
            output.bias.copy_(wanted.flatten())

    def _halves(self, shape: tuple[int, ...]) -> bool:
        return self.unit_pixels and len(shape) == 3


def _spread(network: nn.Module, reach: float) -> nn.Module:
    """Draw all weights of linear layers anew, uniform within ± `reach`, unless that is 0."""
    for layer in network.modules() if reach else ():
        if isinstance(layer, nn.Linear | nn.Embedding):
            nn.init.uniform_(layer.weight, -reach, reach)
    return network
