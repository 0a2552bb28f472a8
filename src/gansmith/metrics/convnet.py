"""The small convolutional network behind the shipped extractor and the shipped digit classifier."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["SmallConvNet"]

FEATURES = 64


class _Block(nn.Sequential):
    """A convolution, batch norm and a rectifier, which in evaluation are one convolution and a rectifier in place."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel_size=3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            trained: Tensor = super().forward(x)  # type: ignore[no-untyped-call]
            return trained
        conv, norm = cast("nn.Conv2d", self[0]), cast("nn.BatchNorm2d", self[1])
        scale = norm.weight * torch.rsqrt(norm.get_buffer("running_var") + norm.eps)
        shift = norm.bias - scale * norm.get_buffer("running_mean")
        return F.conv2d(x, scale[:, None, None, None] * conv.weight, shift, conv.stride, conv.padding).relu_()


class SmallConvNet(nn.Module):
    """A five-block classifier of 28-px grey images: 28 → 28 → 14 → 14 → 7 → 4 pixels, then 64 features, then classes.

    The features are read before the last rectifier: their distribution is then closer to a Gaussian than after it,
    where much of the mass would sit at zero.

    Args:
        classes: number of classes.

    Example:
        >>> import torch
        >>> net = SmallConvNet(classes=20).eval()
        >>> net.features(torch.zeros(3, 1, 28, 28)).shape, net(torch.zeros(3, 1, 28, 28)).shape
        (torch.Size([3, 64]), torch.Size([3, 20]))
    """

    def __init__(self, *, classes: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            _Block(1, 32, stride=1),
            _Block(32, 32, stride=2),
            _Block(32, 64, stride=1),
            _Block(64, 64, stride=2),
            _Block(64, 64, stride=2),
        )
        self.project = nn.Linear(64 * 4 * 4, FEATURES)
        self.head = nn.Linear(FEATURES, classes)

    def features(self, images: Tensor) -> Tensor:
        """Images (n, 1, 28, 28) in [-1, 1] to features (n, 64)."""
        features: Tensor = self.project(self.blocks(images).flatten(1))
        return features

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, 1, 28, 28) in [-1, 1] to class logits (n, classes)."""
        logits: Tensor = self.head(self.features(images).relu())
        return logits
