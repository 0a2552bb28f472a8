"""Samplers of things that are not samples, to see what a score can tell and what it cannot."""

from dataclasses import dataclass

import torch
from torch import Tensor

from gansmith.metrics.images import as_images

__all__ = ["Blends", "Halves", "Noise"]


@dataclass(frozen=True)
class Noise:
    """Pixels drawn uniformly from [-1, 1], each apart.

    Args:
        shape: (channels, height, width).

    Example:
        >>> Noise((1, 8, 8)).sample(3, seed=0).shape
        torch.Size([3, 1, 8, 8])
    """

    shape: tuple[int, int, int]

    def sample(self, n: int, *, seed: int = 0, labels: Tensor | None = None) -> Tensor:
        """`n` images of noise; labels mean nothing to them."""
        return 2 * torch.rand(n, *self.shape, generator=torch.Generator().manual_seed(seed)) - 1


@dataclass(frozen=True, eq=False)
class Halves:
    """The upper half of an image over the lower half of one of another class.

    Args:
        images: (N, c, h, w), uint8 or floats in [-1, 1].
        labels: (N,) classes, at least two.

    Raises:
        ValueError: labels of another length, or of one class only.

    Example:
        >>> half = Halves(torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1).expand(2, 1, 4, 1), torch.tensor([0, 1]))
        >>> sorted(half.sample(1, seed=0).flatten().tolist())
        [-1.0, -1.0, 1.0, 1.0]
    """

    images: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        _check(self.images, self.labels)

    def sample(self, n: int, *, seed: int = 0, labels: Tensor | None = None) -> Tensor:
        """`n` images made of two halves; labels mean nothing to them."""
        first, second = _pairs(self.labels, n, seed)
        middle = self.images.shape[2] // 2
        return as_images(torch.cat((self.images[first, :, :middle], self.images[second, :, middle:]), dim=2))


@dataclass(frozen=True, eq=False)
class Blends:
    """The pixelwise mean of two images of different classes.

    Args:
        images: (N, c, h, w), uint8 or floats in [-1, 1].
        labels: (N,) classes, at least two.

    Raises:
        ValueError: labels of another length, or of one class only.

    Example:
        >>> blends = Blends(torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1), torch.tensor([0, 1]))
        >>> blends.sample(2, seed=0).flatten().tolist()
        [0.0, 0.0]
    """

    images: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        _check(self.images, self.labels)

    def sample(self, n: int, *, seed: int = 0, labels: Tensor | None = None) -> Tensor:
        """`n` means of two images; labels mean nothing to them."""
        first, second = _pairs(self.labels, n, seed)
        return (as_images(self.images[first]) + as_images(self.images[second])) / 2


def _check(images: Tensor, labels: Tensor) -> None:
    if labels.shape != images.shape[:1] or len(torch.unique(labels)) < 2:
        raise ValueError(
            f"images of two classes are put together: give a label for each of the {len(images)} images and at least "
            f"two classes; got {tuple(labels.shape)} labels of {len(torch.unique(labels))} classes"
        )


def _pairs(labels: Tensor, n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Rows of `n` pairs of different classes: the first uniform, the second uniform over all other classes."""
    generator = torch.Generator().manual_seed(seed)
    order = labels.argsort(stable=True)
    _, group, sizes = torch.unique(labels, return_inverse=True, return_counts=True)
    starts = sizes.cumsum(0) - sizes
    first = torch.randint(len(labels), (n,), generator=generator)
    first_group = group[order[first]]
    own_size, own_start = sizes[first_group], starts[first_group]
    others = len(labels) - own_size
    # float64 carries every row number below 2^53, and u < 1 keeps the product below `others`
    second = (torch.rand(n, generator=generator, dtype=torch.float64) * others).long()
    second = torch.where(second < own_start, second, second + own_size)  # skip over the first one's own class
    return order[first], order[second]
