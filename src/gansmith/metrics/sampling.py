"""Where images come from: one pass over a sampler or over a tensor, the same whatever the batch."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gansmith.metrics.images import as_images
from gansmith.types import Sampler, key_seed

__all__ = ["Images", "batches", "draw", "drawn_labels"]

DRAW = 250


def draw(sampler: Sampler, n: int, *, seed: int, labels: Tensor | None = None) -> Iterator[Tensor]:
    """`n` images of a sampler in blocks of at most 250, each from a seed of its own.

    The block's size is part of the definition: with it, the same (sampler, n, seed) gives the same images however many
    a metric works on at a time, and a million of them never lie in memory at once.

    Args:
        sampler: anything with `sample(n, seed=…, labels=…)`.
        n: how many, at least 1.
        seed: any integer.
        labels: (n,) classes to ask for; None leaves them to the sampler.

    Raises:
        ValueError: n below 1, labels of another length, or a sampler that returns another number of images than asked.

    Example:
        >>> [tuple(block.shape) for block in draw(Images(torch.zeros(10, 1, 4, 4)), 300, seed=0)]
        [(250, 1, 4, 4), (50, 1, 4, 4)]
    """
    if n < 1:
        raise ValueError(f"the number of samples must be at least 1; got {n}")
    if labels is not None and labels.shape != (n,):
        raise ValueError(f"labels must be ({n},), one for each sample; got {tuple(labels.shape)}")
    for block, start in enumerate(range(0, n, DRAW)):
        count = min(DRAW, n - start)
        wanted = None if labels is None else labels[start : start + count]
        images = sampler.sample(count, seed=key_seed("metrics", seed, block), labels=wanted)
        if len(images) != count:
            raise ValueError(f"the sampler was asked for {count} samples and returned {len(images)}")
        yield as_images(images.detach())


def drawn_labels(sampler: Any, n: int, *, seed: int) -> Tensor:
    """The classes (n,) of the images that `draw` gets from a sampler that is left to choose them.

    Args:
        sampler: one with `labels(n, seed=…)`, the classes of what `sample` draws with the same arguments.
        n: how many, at least 1.
        seed: any integer.
    """
    blocks = enumerate(range(0, n, DRAW))
    return torch.cat(
        [sampler.labels(min(DRAW, n - start), seed=key_seed("metrics", seed, block)) for block, start in blocks]
    )


def batches(
    source: Sampler | Tensor, *, batch: int = 256, n: int | None = None, seed: int = 0, labels: Tensor | None = None
) -> Iterator[Tensor]:
    """Images of a sampler, or of a tensor in its own order, at most `batch` at a time.

    Args:
        source: a sampler, or images (N, c, h, w), uint8 or floats in [-1, 1].
        batch: how many at a time; changes no result.
        n: how many in all; None means every image of a tensor.
        seed: for a sampler.
        labels: (n,) classes to ask a sampler for.

    Raises:
        ValueError: a batch or n below 1, or more images asked for than a tensor holds.

    Example:
        >>> [len(part) for part in batches(torch.zeros(5, 1, 4, 4), batch=2)]
        [2, 2, 1]
    """
    if batch < 1:
        raise ValueError(f"the batch must be at least 1; got {batch}")
    if isinstance(source, Tensor):
        count = len(source) if n is None else n
        if not 1 <= count <= len(source):
            raise ValueError(f"{count} images were asked for; {len(source)} are there")
        for part in torch.split(source[:count], batch):
            yield as_images(part)
        return
    if n is None:
        raise ValueError("say how many samples to draw from a sampler: n=10_000")
    for block in draw(source, n, seed=seed, labels=labels):
        yield from torch.split(block, batch)


@dataclass(frozen=True, eq=False)
class Images:
    """Given images as a sampler: drawn with replacement, of the asked class where labels are asked for.

    Args:
        images: (N, c, h, w), uint8 or floats in [-1, 1].
        labels: (N,) classes, needed only when samples are asked for by label.

    Raises:
        ValueError: no images, or labels of another length.

    Example:
        >>> digits = Images(torch.arange(4.0).view(4, 1, 1, 1) / 4, labels=torch.tensor([0, 1, 0, 1]))
        >>> digits.sample(3, seed=0, labels=torch.tensor([1, 1, 1])).unique().tolist()
        [0.25, 0.75]
    """

    images: Tensor
    labels: Tensor | None = None

    def __post_init__(self) -> None:
        if not len(self.images) or (self.labels is not None and self.labels.shape != self.images.shape[:1]):
            shapes = tuple(self.images.shape), None if self.labels is None else tuple(self.labels.shape)
            raise ValueError(f"a sampler of images needs images and as many labels; got {shapes[0]} and {shapes[1]}")

    def sample(self, n: int, *, seed: int = 0, labels: Tensor | None = None) -> Tensor:
        """`n` of the images (n, c, h, w) in [-1, 1].

        Raises:
            ValueError: a class was asked for that is not there.
        """
        generator = torch.Generator().manual_seed(seed)
        if labels is None:
            return as_images(self.images[torch.randint(len(self.images), (n,), generator=generator)])
        return as_images(self.images[self._of_class(labels, generator)])

    def _of_class(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        if self.labels is None:
            raise ValueError("these images have no labels, so they cannot be asked for by label")
        rows = torch.empty_like(labels)
        for label in torch.unique(labels).tolist():
            held = (self.labels == label).nonzero().squeeze(1)
            if not len(held):
                raise ValueError(f"none of the images has the label {label}")
            asked = labels == label
            rows[asked] = held[torch.randint(len(held), (int(asked.sum()),), generator=generator)]
        return rows
