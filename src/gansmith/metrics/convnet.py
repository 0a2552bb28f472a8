"""The small convolutional network behind the shipped extractor and the shipped digit classifier."""

from torch import Tensor, nn

__all__ = ["SmallConvNet"]

FEATURES = 64


def _block(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel_size=3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


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
            _block(1, 32, stride=1),
            _block(32, 32, stride=2),
            _block(32, 64, stride=1),
            _block(64, 64, stride=2),
            _block(64, 64, stride=2),
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
