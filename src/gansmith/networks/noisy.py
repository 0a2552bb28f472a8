"""The fully connected networks of semi-supervised digits: noise before every layer of the discriminator."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gansmith.networks.classifier import Classifier
from gansmith.networks.conditional import Projection
from gansmith.networks.maxout import Affine
from gansmith.networks.players import Discriminator, Generator, Known, check_counts, check_sizes
from gansmith.networks.shapes import Shape, check_shape

__all__ = ["GaussianNoise", "NoisyMLP", "WeightNormLinear"]

CALIBRATED = 500  # real samples by which the first scales and biases are set


@dataclass(frozen=True, kw_only=True)
class NoisyMLP:
    """The players of Salimans et al. (2016) for digits, as their code has them.

    The discriminator's layers are weight-normalised (Salimans & Kingma 2016), with lengths and biases that are set by
    the data at the start; of the lengths only the last layer's are trained. Gaussian noise comes before each layer,
    while it trains. The generator has batch norm with a bias and no gain, and softplus. Pixels go from 0 to 1 inside.

    Args:
        width: units of the generator's hidden layers.
        depth: how many of them there are.
        layers: units of the discriminator's hidden layers.
        input_noise: standard deviation of the noise on pixels, at least 0.
        noise: on hidden units, at least 0.
        embedding: length of a label's embedding in the generator.

    Raises:
        ValueError: a value is outside its range.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> networks = NoisyMLP(width=16, layers=(32, 8))
        >>> x = networks.generator((1, 8, 8), latent=4)(torch.randn(3, 4))
        >>> x.shape, networks.classifier((1, 8, 8), classes=5).logits(x).shape
        (torch.Size([3, 1, 8, 8]), torch.Size([3, 5]))
    """

    width: int = 500
    depth: int = 2
    layers: tuple[int, ...] = (1000, 500, 250, 250, 250)
    input_noise: float = 0.3
    noise: float = 0.5
    embedding: int = 32

    def __post_init__(self) -> None:
        check_sizes(self, "width", "depth", "embedding")
        if not self.layers or min(self.layers) < 1:
            raise ValueError(f"NoisyMLP layers is {self.layers}; give the units of one hidden layer at least")
        for name in ("input_noise", "noise"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"NoisyMLP {name} is {getattr(self, name)}; it must be at least 0")

    def generator(self, shape: Shape, *, latent: int, classes: int = 0) -> Generator:
        """Build the generator; see ``Generator`` for what it takes and gives."""
        shape = check_shape(shape)
        check_counts(latent=latent, classes=classes)
        layers: list[nn.Module] = []
        for inputs in (latent + (self.embedding if classes else 0), *[self.width] * (self.depth - 1)):
            linear = nn.Linear(inputs, self.width, bias=False)
            nn.init.xavier_uniform_(linear.weight)
            layers += [linear, nn.BatchNorm1d(self.width, affine=False), _Bias(self.width), nn.Softplus()]
        layers += [WeightNormLinear(self.width, math.prod(shape)), nn.Unflatten(1, shape)]
        if len(shape) == 3:
            layers.append(Affine(0.5))  # tanh(a/2) = 2·σ(a) − 1
        return Generator(nn.Sequential(*layers), shape=shape, latent=latent, classes=classes, embedding=self.embedding)

    def discriminator(self, shape: Shape, *, classes: int = 0) -> Discriminator:
        """Build the discriminator; see ``Discriminator`` for what it takes and gives."""
        shape = check_shape(shape)
        check_counts(classes=classes)
        head = Projection(self.layers[-1], classes=classes, std=1 / math.sqrt(self.layers[-1]))
        return Discriminator(self._body(shape), head, shape=shape, classes=classes)

    def classifier(self, shape: Shape, *, classes: int) -> Classifier:
        """Build the discriminator of semi-supervised learning; see ``Classifier``."""
        shape = check_shape(shape)
        head = nn.Sequential(GaussianNoise(self.noise), WeightNormLinear(self.layers[-1], classes))
        return Classifier(self._body(shape), head, shape=shape, classes=classes)

    def fit(self, generator: nn.Module, discriminator: nn.Module, known: Known) -> None:
        """Set the discriminator's lengths and biases by real samples; see `Fitting`."""
        h = known.some(CALIBRATED)
        parts: list[Any] = [discriminator.body, discriminator.head if isinstance(discriminator, Classifier) else ()]
        with torch.no_grad():
            for layer in (layer for part in parts for layer in part):
                if isinstance(layer, WeightNormLinear):
                    layer.calibrate(h)
                h = layer(h)

    def _body(self, shape: Shape) -> nn.Sequential:
        layers: list[nn.Module] = [nn.Flatten(), *([Affine(0.5, 0.5)] if len(shape) == 3 else [])]
        inputs, noise = math.prod(shape), self.input_noise
        for units in self.layers:
            layers += [GaussianNoise(noise), WeightNormLinear(inputs, units, trained=False), nn.ReLU()]
            inputs, noise = units, self.noise
        return nn.Sequential(*layers)


@final
class GaussianNoise(nn.Module):
    """x + σ·n with standard normal n, in training; x itself in evaluation.

    Example:
        >>> layer = GaussianNoise(0.5)
        >>> 0.4 < layer(torch.zeros(1000)).std() < 0.6, layer.eval()(torch.zeros(2)).tolist()
        (tensor(True), [0.0, 0.0])
    """

    def __init__(self, std: float) -> None:
        super().__init__()
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        return x + self.std * torch.randn_like(x) if self.training and self.std else x

    def extra_repr(self) -> str:
        return f"{self.std:g}"


@final
class _Bias(nn.Module):
    """x + b, with b (n) along the second axis."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(units))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias


@final
class WeightNormLinear(nn.Module):
    r"""A linear map whose rows have a length of their own: w_k = s_k·v_k/‖v_k‖ (Salimans & Kingma 2016, eq. 2).

    Args:
        inputs: F, of x (n, F).
        outputs: rows.
        trained: the lengths s are parameters; else they stay as `calibrate` leaves them.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> layer = WeightNormLinear(3, 2)
        >>> [round(length, 6) for length in layer.weight.norm(dim=1).tolist()]
        [1.0, 1.0]
    """

    def __init__(self, inputs: int, outputs: int, *, trained: bool = True) -> None:
        super().__init__()
        self.direction = nn.Parameter(0.1 * torch.randn(outputs, inputs))
        self.length: Tensor
        if trained:
            self.length = nn.Parameter(torch.ones(outputs))
        else:
            self.register_buffer("length", torch.ones(outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    @property
    def weight(self) -> Tensor:
        """The rows, (outputs, inputs)."""
        rows: Tensor = self.direction * self._scale[:, None]
        return rows

    @property
    def _scale(self) -> Tensor:
        scale: Tensor = self.length / torch.linalg.vector_norm(self.direction, dim=1)
        return scale

    def forward(self, x: Tensor) -> Tensor:
        # The outputs are scaled, of which there are far fewer than weights.
        return F.linear(x, self.direction) * self._scale + self.bias

    @torch.no_grad()
    def calibrate(self, x: Tensor) -> None:
        """Set lengths and biases so that every output has mean 0 and variance 1 over x (n, F)."""
        std, mean = torch.std_mean(self(x) - self.bias, 0, correction=0)
        std = std.clamp_min(1e-6)
        self.length.div_(std)
        self.bias.copy_(-mean / std)
