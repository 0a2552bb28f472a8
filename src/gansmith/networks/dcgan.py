"""The deep convolutional pair of Radford et al. (2016), at every size that halves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, get_args

import torch
from torch import nn

from gansmith.networks.conditional import Concatenation, Projection
from gansmith.networks.layers import Double, Flatten, Halve, Start, normalise_spectrally
from gansmith.networks.minibatch import MinibatchDeviation, MinibatchDiscrimination
from gansmith.networks.norms import Norm, VirtualBatchNorm, norm
from gansmith.networks.players import Discriminator, Generator, Known, check_counts, check_sizes
from gansmith.networks.shapes import Shape, check_image_shape, stage_widths, start_grid

__all__ = ["DCGAN"]

SLOPE = 0.2
STD = 0.02
Judging = Literal["batch", "layer", "instance", "pixel", "none", "spectral"]
Variety = Literal["none", "discrimination", "deviation"]
Initial = Literal["normal", "he"]
Told = Literal["projection", "concatenation"]
KERNELS, CALIBRATED = 100, 100  # both as Salimans et al. (2016) have them
UNBIASED = ("none", "pixel")  # kinds without a bias of their own


@dataclass(frozen=True, kw_only=True)
class DCGAN:
    """Strided 4x4 convolutions from a start grid to the image and back (Radford, Metz & Chintala 2016, fig. 1).

    Weights start from N(0, 0.02²). Batch norm, or another, stands everywhere but at the generator's output and the
    discriminator's input. With the default fields at 64 px the channels are Radford's 512-256-128-64; with
    ``bias=False`` the layers are those of PyTorch's DCGAN tutorial, one for one, the outermost (4x4 grid to 1x1)
    written as linear maps.
    Labels come in as an embedding beside z and as `labels` says.

    Args:
        width: channels of the finest hidden layer; they double at every halving of the sides.
        max_width: where the doubling stops.
        generator_norm: of the generator; see `Norm`.
        discriminator_norm: of the discriminator: one without a reference batch, or "spectral" (Miyato et al. 2018),
            which keeps every layer's largest singular value at 1. All but "batch" treat samples apart, as gradient
            penalties want it.
        reference: latents in the reference batch of "virtual" and "reference" norm; they are computed with every batch.
        minibatch: what the discriminator is told of how its samples lie to each other: nothing; how close the others
            are, by `MinibatchDiscrimination` of its features; or how much groups of four vary, by `MinibatchDeviation`.
        discriminator_init: initial weights of the discriminator: "normal" is Radford's N(0, 0.02²), with which a signal
            loses two thirds at every narrow layer; "he" keeps its size (He et al. 2015, sect. 2.2), so that the
            discriminator learns from the first step on, at any learning rate.
        bias: biases where no batch norm follows.
        embedding: length of a label's embedding in the generator.
        labels: how the discriminator is told the label, where it is: by "projection" of its features (Miyato & Koyama
            2018), or by "concatenation" with them before a joint layer (Mirza & Osindero 2014), which is refused where
            it is not told.

    Raises:
        ValueError: A field is out of range; on building, an image size that cannot be halved (the message names one
            that can).

    Example:
        >>> import torch
        >>> _ = torch.manual_seed(0)
        >>> pair = DCGAN(width=8)
        >>> images = pair.generator((1, 28, 28), latent=16)(torch.randn(2, 16))
        >>> images.shape, pair.discriminator((1, 28, 28))(images).shape
        (torch.Size([2, 1, 28, 28]), torch.Size([2]))
    """

    width: int = 64
    max_width: int = 512
    generator_norm: Norm = "batch"
    discriminator_norm: Judging = "batch"
    reference: int = 64
    minibatch: Variety = "none"
    discriminator_init: Initial = "normal"
    bias: bool = True
    embedding: int = 32
    labels: Told = "projection"

    def __post_init__(self) -> None:
        check_sizes(self, "width", "max_width", "embedding", "reference")
        choices = {
            "generator_norm": Norm,
            "discriminator_norm": Judging,
            "minibatch": Variety,
            "discriminator_init": Initial,
            "labels": Told,
        }
        for name, kinds in ((name, get_args(choice)) for name, choice in choices.items()):
            if getattr(self, name) not in kinds:
                raise ValueError(f"DCGAN {name} is {getattr(self, name)!r}; it must be one of {', '.join(kinds)}")

    def generator(self, shape: Shape, *, latent: int, classes: int = 0) -> Generator:
        """Build the generator; see ``Generator`` for what it takes and gives."""
        channels, height, width = check_image_shape(shape)
        check_counts(latent=latent, classes=classes)
        h0, w0, doublings = start_grid(height, width)
        widths = stage_widths(self.width, self.max_width, doublings)
        kind = self.generator_norm
        bias = self.bias and kind in UNBIASED
        reference = self.reference if kind in ("virtual", "reference") else 0
        layers: list[nn.Module] = [Start(latent + (self.embedding if classes else 0), widths[0], (h0, w0), bias=bias)]
        layers += _after(widths[0], kind, nn.ReLU(inplace=True), reference)
        for coarse, fine in pairwise(widths):
            layers += [Double(coarse, fine, bias=bias), *_after(fine, kind, nn.ReLU(inplace=True), reference)]
        layers.append(Double(widths[-1], channels, bias=self.bias))
        body = nn.Sequential(*layers).apply(_initialise)
        return Generator(
            body, shape=shape, latent=latent, classes=classes, embedding=self.embedding, reference=reference
        )

    def discriminator(self, shape: Shape, *, classes: int = 0) -> Discriminator:
        """Build the discriminator; see ``Discriminator`` for what it takes and gives."""
        channels, height, width = check_image_shape(shape)
        check_counts(classes=classes)
        h0, w0, doublings = start_grid(height, width)
        widths = stage_widths(self.width, self.max_width, doublings)[::-1]
        kind: Norm = "none" if self.discriminator_norm == "spectral" else self.discriminator_norm
        layers: list[nn.Module] = [Halve(channels, widths[0], bias=self.bias), nn.LeakyReLU(SLOPE, inplace=True)]
        for fine, coarse in pairwise(widths):
            layers.append(Halve(fine, coarse, bias=self.bias and kind in UNBIASED))
            layers += _after(coarse, kind, nn.LeakyReLU(SLOPE, inplace=True))
        features = h0 * w0 * widths[-1]
        if self.minibatch == "deviation":
            layers, features = [*layers, MinibatchDeviation()], features + h0 * w0
        layers.append(Flatten())
        if self.minibatch == "discrimination":
            layers, features = [*layers, MinibatchDiscrimination(features, kernels=KERNELS)], features + KERNELS
        he = self.discriminator_init == "he"
        body = nn.Sequential(*layers).apply(_keep_size if he else _initialise)
        head: Projection | Concatenation
        if self.labels == "concatenation" and not classes:
            raise ValueError(
                "DCGAN labels is 'concatenation', and this discriminator is told no labels; leave it out, or give it "
                "classes"
            )
        if self.labels == "concatenation":
            head = Concatenation(features, classes=classes, embedding=self.embedding, bias=self.bias)
        else:
            head = Projection(features, classes=classes, std=1 / math.sqrt(features) if he else STD, bias=self.bias)
        if self.discriminator_norm == "spectral":
            normalise_spectrally(body)
            normalise_spectrally(head)
        return Discriminator(body, head, shape=shape, classes=classes)

    def fit(self, generator: nn.Module, discriminator: nn.Module, known: Known) -> None:
        """Calibrate minibatch discrimination on real images, if there is any; see `Fitting`."""
        if self.minibatch != "discrimination":
            return
        body: Any = discriminator.body
        *before, layer = body
        with torch.no_grad():
            layer.calibrate(nn.Sequential(*before)(known.some(CALIBRATED)))


def _after(channels: int, kind: Norm, activation: nn.Module, reference: int = 0) -> list[nn.Module]:
    return [activation] if kind == "none" else [norm(kind, channels, reference=reference), activation]


def _initialise(layer: nn.Module) -> None:
    if isinstance(layer, Start | Halve | Double):
        nn.init.normal_(layer.weight, 0.0, STD)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    elif isinstance(layer, nn.BatchNorm2d | nn.GroupNorm | nn.InstanceNorm2d | VirtualBatchNorm):
        nn.init.normal_(layer.weight, 1.0, STD)


def _keep_size(layer: nn.Module) -> None:
    _initialise(layer)
    if isinstance(layer, Halve):
        nn.init.kaiming_normal_(layer.weight, SLOPE, nonlinearity="leaky_relu")
