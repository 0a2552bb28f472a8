"""The two players: what every generator and every discriminator of this room shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol, final, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gansmith.networks.conditional import Concatenation, Projection, check_label, embed
from gansmith.networks.shapes import Shape, check_shape

__all__ = [
    "Architecture",
    "Discriminator",
    "Fitting",
    "Generator",
    "Known",
    "check_counts",
    "check_sizes",
    "samplewise",
]


class Architecture(Protocol):
    """A value that builds the two players for a shape; ``MLP``, ``DCGAN`` and ``Residual`` are such values.

    Weights are drawn from torch's global random state: the same seed gives the same network.
    """

    def generator(self, shape: Shape, *, latent: int, classes: int = 0) -> nn.Module:
        """Build a module that maps z (n, latent) [and label (n,)] to samples (n, *shape)."""
        ...

    def discriminator(self, shape: Shape, *, classes: int = 0) -> nn.Module:
        """Build a module that maps x (n, *shape) [and label (n,)] to scores (n,)."""
        ...


class Known(NamedTuple):
    """What an architecture may ask of the data; nothing is worked out before it is asked.

    Args:
        mean: works out the mean image (C, H, W).
        some: gives so many of what the discriminator is shown, (n, *shape), images in [-1, 1].
    """

    mean: Callable[[], Tensor]
    some: Callable[[int], Tensor]


@runtime_checkable
class Fitting(Protocol):
    """An architecture some of whose initial weights are taken from the data, such as `Maxout`."""

    def fit(self, generator: nn.Module, discriminator: nn.Module, known: Known) -> None:
        """Change weights of new networks, before they are trained.

        Args:
            generator: one that this architecture built.
            discriminator: likewise.
            known: what may be asked of the data.
        """
        ...


def samplewise(module: nn.Module) -> bool:
    """Say whether a module treats the samples of a batch apart: without batch norm, and layers that say otherwise.

    A layer says so by ``samplewise = False`` in its class.

    Example:
        >>> samplewise(nn.Linear(2, 2)), samplewise(nn.Sequential(nn.BatchNorm1d(2)))
        (True, False)
    """
    return not any(
        isinstance(part, _BatchNorm) or getattr(type(part), "samplewise", True) is False for part in module.modules()
    )


def check_counts(*, latent: int | None = None, classes: int = 0) -> None:
    """Check the size of the latent space and the number of classes.

    Raises:
        ValueError: ``latent`` is below 1, or ``classes`` below 0.
    """
    if latent is not None and latent < 1:
        raise ValueError(f"latent is {latent}; it must be at least 1")
    if classes < 0:
        raise ValueError(f"classes is {classes}; it must be 0 (no labels) or the number of classes")


def check_sizes(architecture: object, *names: str) -> None:
    """Check that the fields of these names are counts of something that is there.

    Raises:
        ValueError: one of them is below 1.
    """
    for name in names:
        if (size := getattr(architecture, name)) < 1:
            raise ValueError(f"{type(architecture).__name__} {name} is {size}; it must be at least 1")


@final
class Generator(nn.Module):
    r"""A map from latents, and labels if there are classes, to samples.

    .. math:: G(z, y) = \tanh f([z, e_y])

    with :math:`e_y` a learned embedding of the label. The tanh is for images only: a vector is left as it comes.
    Samples have the latent's precision, also where autocast computes f in less.

    Args:
        body: f, from (n, latent [+ embedding]) to (n, *shape).
        shape: shape of one sample: an image (C, H, W) or a vector (d,).
        latent: length of z.
        classes: number of classes K; 0 for none.
        embedding: length of the embedding; unused without classes.
        reference: latents that stand before those of every batch inside f, for a body with `VirtualBatchNorm`; 0 for
            none. `refer` says which; until then they are zeros.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> g = Generator(nn.Linear(3, 2), shape=(2,), latent=3)
        >>> g(torch.randn(5, 3)).shape
        torch.Size([5, 2])
    """

    def __init__(
        self,
        body: nn.Module,
        *,
        shape: Shape,
        latent: int,
        classes: int = 0,
        embedding: int = 0,
        reference: int = 0,
    ) -> None:
        super().__init__()
        check_counts(latent=latent, classes=classes)
        self.shape, self.latent, self.classes = check_shape(shape), latent, classes
        self.embedding = nn.Embedding(classes, embedding) if classes else None
        self.body = body
        self.reference = reference
        self.reference_latent: Tensor | None
        self.reference_label: Tensor | None
        self.register_buffer("reference_latent", torch.zeros(reference, latent) if reference else None)
        labels = torch.zeros(reference, dtype=torch.long) if reference and classes else None
        self.register_buffer("reference_label", labels)

    @property
    def samplewise(self) -> bool:
        """Whether every sample depends on its own latent alone."""
        return samplewise(self)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Return samples (n, *shape), images in [-1, 1], for latents z (n, latent) and labels (n,)."""
        if z.ndim != 2 or z.shape[1] != self.latent:
            raise ValueError(f"z has shape {tuple(z.shape)}; this generator takes (n, {self.latent})")
        check_label(label, z.shape[0], self.classes)
        code = z
        if self.reference_latent is not None:
            code = torch.cat((self.reference_latent.to(z.dtype), z))
        if self.embedding is not None and label is not None:
            asked = label if self.reference_label is None else torch.cat((self.reference_label, label))
            code = torch.cat((code, embed(self.embedding, asked).to(z.dtype)), 1)
        sample: Tensor = self.body(code).to(z.dtype)
        if self.reference:
            sample = sample[self.reference :]
        return sample.tanh() if len(self.shape) == 3 else sample

    def refer(self, z: Tensor, label: Tensor | None = None) -> None:
        """Set the reference batch: latents (reference, latent) and, with classes, labels (reference,).

        Raises:
            ValueError: their shapes are others, or there is no reference batch.
        """
        if self.reference_latent is None or z.shape != self.reference_latent.shape:
            raise ValueError(f"z has shape {tuple(z.shape)}; the reference batch is ({self.reference}, {self.latent})")
        check_label(label, self.reference, self.classes)
        self.reference_latent.copy_(z)
        if self.reference_label is not None and label is not None:
            self.reference_label.copy_(label)


@final
class Discriminator(nn.Module):
    r"""A map from samples, and labels if there are classes, to scores: features h = f(x), then mostly a projection.

    .. math:: D(x, y) = \langle w + e_y, f(x)\rangle + b

    Scores are logits, in float32 at least.

    Args:
        body: f, from (n, *shape) to features (n, F).
        head: from features (and labels) to scores.
        shape: shape of one sample: an image (C, H, W) or a vector (d,).
        classes: number of classes K; 0 for none.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> d = Discriminator(nn.Linear(2, 8), Projection(8), shape=(2,))
        >>> d(torch.randn(5, 2)).shape
        torch.Size([5])
    """

    def __init__(self, body: nn.Module, head: Projection | Concatenation, *, shape: Shape, classes: int = 0) -> None:
        super().__init__()
        check_counts(classes=classes)
        self.shape, self.classes = check_shape(shape), classes
        self.body, self.head = body, head

    @property
    def samplewise(self) -> bool:
        """Whether every score depends on its own sample alone."""
        return samplewise(self)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """Return scores (n,) for samples x (n, *shape) and labels (n,)."""
        scores: Tensor = self.head(self.features(x), label)
        return scores

    def features(self, x: Tensor) -> Tensor:
        """Return what the scores are worked out from, (n, F), for samples x (n, *shape)."""
        if x.shape[1:] != self.shape:
            raise ValueError(
                f"x has shape {tuple(x.shape)}; this discriminator takes (n, {', '.join(map(str, self.shape))})"
            )
        found: Tensor = self.body(x)
        return found
