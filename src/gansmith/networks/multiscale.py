"""Players for vectors whose density has structure at several scales, such as narrow modes far apart."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gansmith.networks.conditional import Projection
from gansmith.networks.layers import linear
from gansmith.networks.players import Discriminator, Generator, check_counts, check_sizes
from gansmith.networks.shapes import Shape, check_shape

__all__ = ["FourierFeatures", "Multiscale", "Plateaus", "Sloped"]

SLOPE = 0.2
EAGERNESS = 3.0  # how many times faster than a weight the logarithm of a slope moves


class FourierFeatures(nn.Module):
    r"""The input beside sines and cosines of it, at frequencies from low to high (Tancik et al. 2020, section 4).

    .. math:: x \mapsto \left[\frac{x}{s},\; a_i \sin\frac{\langle b_i, x\rangle}{s},\;
        a_i \cos\frac{\langle b_i, x\rangle}{s}\right], \qquad a_i = \min(1, k / \lVert b_i\rVert)

    The :math:`b_i` point everywhere, with lengths spread evenly in the logarithm, and are not trained. Above the knee k
    a feature's slope stays the same instead of its height: fine detail is within reach, but does not come first.

    Args:
        inputs: length of x (n, inputs).
        features: number of frequencies.
        low: the scale of the lowest frequency, in radians per s.
        high: that of the highest.
        knee: k.
        scale: s, a length over which the data varies.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> FourierFeatures(2, 16, low=1.0, high=100.0, knee=10.0)(torch.zeros(3, 2)).shape
        torch.Size([3, 34])
    """

    def __init__(self, inputs: int, features: int, *, low: float, high: float, knee: float, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale
        lengths = torch.logspace(math.log10(low), math.log10(high), features)
        # Parameters rather than buffers: they belong to the network's seed, and are stacked with it.
        self.frequencies = nn.Parameter(torch.randn(inputs, features) * lengths, requires_grad=False)
        self.heights = nn.Parameter((knee / self.frequencies.norm(dim=0)).clamp(max=1), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the features (n, inputs + 2·features)."""
        x = x / self.scale
        phase = x @ self.frequencies
        return torch.cat((x, self.heights * phase.sin(), self.heights * phase.cos()), 1)


class Sloped(nn.Module):
    r"""A hyperbolic tangent whose slope is trained (after Jagtap et al. 2020, section 2).

    .. math:: x \mapsto \tanh(e^{3 s} x)

    Every sample between two plateaus wants s to move the same way, so that it moves steadily where single weights
    follow the noise, and the slope grows by a factor in the time in which a weight grows by a summand.

    Example:
        >>> layer = Sloped()
        >>> torch.equal(layer(torch.ones(2)), torch.ones(2).tanh())
        True
    """

    def __init__(self) -> None:
        super().__init__()
        self.s = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the values, of the shape of x."""
        return ((EAGERNESS * self.s).exp() * x).tanh()


class Plateaus(nn.Module):
    r"""A map that can be nearly constant here and steep there: saturating layers beside a linear path.

    .. math:: f(z) = c\,\bigl(V z + W h(z)\bigr), \qquad h = \tanh \circ \dots \circ \tanh

    A steep place between two plateaus is one large slope here, where rectifiers need two that cancel; the linear path
    gives the plateaus their width, to which saturated units pass no gradient.

    Args:
        inputs: length of z (n, inputs).
        outputs: length of the output.
        width: units of each hidden layer.
        depth: number of hidden layers.
        scale: c, a length over which the data varies.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> Plateaus(4, 2, width=8, depth=2)(torch.randn(3, 4)).shape
        torch.Size([3, 2])
    """

    def __init__(self, inputs: int, outputs: int, *, width: int, depth: int, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale
        layers = [part for layer in hidden(inputs, width, depth) for part in (layer, Sloped())]
        self.steep = nn.Sequential(*layers, linear(width, outputs, std=1.0 / math.sqrt(width)))
        self.within = nn.Linear(inputs, outputs, bias=False)

    def forward(self, z: Tensor) -> Tensor:
        """Return the output (n, outputs)."""
        y: Tensor = self.steep(z) + self.within(z)
        return self.scale * y


@dataclass(frozen=True, kw_only=True)
class Multiscale:
    """A generator of plateaus against a discriminator that sees every scale, for vectors (d,).

    Args:
        width: units in each hidden layer of the generator.
        depth: the generator's hidden layers.
        units: units in each hidden layer of the discriminator.
        layers: the discriminator's hidden layers.
        features: the discriminator's frequencies.
        low: the scale of its lowest frequency, in radians per `scale`.
        high: that of its highest; details much finer than 1/high of `scale` are out of reach.
        knee: frequencies above it come in ever more faintly.
        scale: a length over which the data varies; 1 for standardised data.

    Raises:
        ValueError: a value is outside its range; when a player is built, the samples are images or have labels.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> networks = Multiscale(width=16, units=16)
        >>> x = networks.generator((2,), latent=4)(torch.randn(3, 4))
        >>> x.shape, networks.discriminator((2,))(x).shape
        (torch.Size([3, 2]), torch.Size([3]))
    """

    width: int = 128
    depth: int = 4
    units: int = 96
    layers: int = 3
    features: int = 48
    low: float = 2.0
    high: float = 200.0
    knee: float = 10.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        check_sizes(self, "width", "depth", "units", "layers", "features")
        for name in ("low", "high", "knee", "scale"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"Multiscale {name} is {getattr(self, name)}; it must be above 0")

    def generator(self, shape: Shape, *, latent: int, classes: int = 0) -> Generator:
        """Build the generator; see ``Generator`` for what it takes and gives."""
        length = self._length(shape, classes)
        check_counts(latent=latent)
        body = Plateaus(latent, length, width=self.width, depth=self.depth, scale=self.scale)
        return Generator(body, shape=(length,), latent=latent)

    def discriminator(self, shape: Shape, *, classes: int = 0) -> Discriminator:
        """Build the discriminator; see ``Discriminator`` for what it takes and gives."""
        length = self._length(shape, classes)
        features = FourierFeatures(
            length, self.features, low=self.low, high=self.high, knee=self.knee, scale=self.scale
        )
        inputs = length + 2 * self.features
        layers = [p for x in hidden(inputs, self.units, self.layers) for p in (x, nn.LeakyReLU(SLOPE, inplace=True))]
        head = Projection(self.units, std=1 / math.sqrt(self.units))
        return Discriminator(nn.Sequential(features, *layers), head, shape=(length,))

    def _length(self, shape: Shape, classes: int) -> int:
        shape = check_shape(shape)
        if len(shape) != 1 or classes:
            raise ValueError(
                f"Multiscale players are for vectors without labels, not for shape {shape} with {classes} classes; "
                "use MLP, DCGAN or Residual"
            )
        return shape[0]


def hidden(inputs: int, width: int, depth: int) -> list[nn.Linear]:
    """The linear parts of hidden layers, the first of them with offsets that spread its units over the input."""
    std = nn.init.calculate_gain("leaky_relu", SLOPE) / math.sqrt(width)
    first = linear(inputs, width, std=1.0 / math.sqrt(inputs))
    layers = [first, *(linear(width, width, std=std) for _ in range(depth - 1))]
    nn.init.normal_(first.bias, 0.0, 0.5)
    return layers
