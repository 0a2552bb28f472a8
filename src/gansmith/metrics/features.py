"""Feature extractors: what a picture is, to a distance between sets of pictures."""

from dataclasses import dataclass
from functools import cache
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from gansmith.metrics.convnet import SmallConvNet
from gansmith.metrics.images import beside, check_shape
from gansmith.metrics.shipped import WEIGHTS, load_weights, weights_digest

__all__ = ["Extractor", "NetworkExtractor", "frechet_name", "grey28", "pixels"]


@runtime_checkable
class Extractor(Protocol):
    """Images (n, c, h, w) in [-1, 1] to features (n, d), each image apart, under a name that the records carry."""

    @property
    def name(self) -> str:
        """What the records call it."""
        ...

    @property
    def digest(self) -> str:
        """SHA-256 of its weights."""
        ...

    @property
    def shape(self) -> tuple[int, int, int] | None:
        """(channels, height, width) of the images that it knows, or None for any."""
        ...

    def __call__(self, images: Tensor) -> Tensor:
        """Features (n, d) of images (n, c, h, w) in [-1, 1]."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class NetworkExtractor:
    """Any module as an extractor; its outputs are flattened. Put it into evaluation mode first.

    Args:
        name: what the records call it.
        network: images (n, c, h, w) in [-1, 1] to features (n, …).
        shape: (c, h, w) of the images it knows, or None for any.
        frechet_name: what the Fréchet distance between its features is called.

    Example:
        >>> extractor = NetworkExtractor(name="mean colour", network=nn.AdaptiveAvgPool2d(1).eval())
        >>> extractor(torch.ones(2, 3, 8, 8))
        tensor([[1., 1., 1.],
                [1., 1., 1.]])
    """

    name: str
    network: nn.Module
    shape: tuple[int, int, int] | None = None
    frechet_name: str = "Fréchet distance"

    @property
    def digest(self) -> str:
        """SHA-256 of the parameters and buffers."""
        return weights_digest(self.network.state_dict())

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """Features (n, d) of images (n, c, h, w) in [-1, 1].

        Raises:
            ValueError: images of another shape than the network knows, or a network that is still in training mode.
        """
        check_shape(images, self.shape, self.name)
        if self.network.training:
            raise ValueError(f"the network of {self.name!r} is in training mode: call .eval() on it first")
        features: Tensor = self.network(beside(self.network, images))
        return features.flatten(1)


def frechet_name(extractor: Extractor) -> str:
    """What the Fréchet distance between the features of an extractor is called: "FID" under one of them alone.

    Example:
        >>> frechet_name(pixels())
        'Fréchet distance'
    """
    name: str = getattr(extractor, "frechet_name", NetworkExtractor.frechet_name)
    return name


def pixels() -> NetworkExtractor:
    """The pixels themselves, for any size.

    Example:
        >>> pixels()(torch.zeros(2, 3, 4, 4)).shape
        torch.Size([2, 48])
    """
    return NetworkExtractor(name="pixels", network=nn.Flatten().eval())


class _Penultimate(SmallConvNet):
    def forward(self, images: Tensor) -> Tensor:
        return self.features(images)


@cache
def grey28() -> NetworkExtractor:
    """The shipped extractor of 28-px grey images: 64 features of a classifier of MNIST and Fashion-MNIST together.

    Trained by `benchmarks/train_extractor.py` on both training sets without the 5,000 digits of the embedded set;
    its accuracies are in `benchmarks/results/extractor.json`.

    Example:
        >>> grey28()(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 64])
    """
    tensors, _ = load_weights(WEIGHTS / "grey28.safetensors")
    network = _Penultimate(classes=20)
    network.load_state_dict(tensors)
    network.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return NetworkExtractor(name="grey28", network=network, shape=(1, 28, 28))
