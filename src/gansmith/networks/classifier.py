"""A discriminator that also classifies: K classes, and one more for what was generated."""

from __future__ import annotations

import math
from typing import Any, final

import torch
from torch import Tensor, nn

from gansmith.networks.players import Discriminator, samplewise
from gansmith.networks.shapes import Shape, check_shape

__all__ = ["Classifier", "classifier"]


@final
class Classifier(nn.Module):
    r"""K logits, and the score that follows from them (Salimans et al. 2016, sect. 5).

    With K + 1 classes, of which the last is "generated" and has the logit 0, the probability of being real is
    Z/(Z + 1) with Z the sum of exp l_k. Its logit is

    .. math:: D(x) = \log \sum_{k=1}^{K} \exp l_k(x)

    which is what a call returns, so that every loss and penalty takes this discriminator as it takes any other. With a
    head of its own for the score, the classes say nothing of being real (Odena et al. 2017).

    Args:
        body: features f, from (n, *shape) to (n, F).
        head: from features (n, F) to logits (n, K), such as a linear map.
        shape: shape of one sample: an image (C, H, W) or a vector (d,).
        classes: K, at least 2.
        score: from features (n, F) to scores (n,); none makes them follow from the logits.

    Raises:
        ValueError: there are fewer than 2 classes.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> d = Classifier(nn.Linear(2, 8), nn.Linear(8, 3), shape=(2,), classes=3)
        >>> x = torch.randn(5, 2)
        >>> d(x).shape, d.logits(x).shape, bool((d(x) == d.logits(x).logsumexp(1)).all())
        (torch.Size([5]), torch.Size([5, 3]), True)
    """

    def __init__(
        self, body: nn.Module, head: nn.Module, *, shape: Shape, classes: int, score: nn.Module | None = None
    ) -> None:
        super().__init__()
        if classes < 2:
            raise ValueError(f"classes is {classes}; there is nothing to tell apart with fewer than 2")
        self.shape, self.classes = check_shape(shape), classes
        self.body, self.head, self.score = body, head, score

    @classmethod
    def of(cls, discriminator: nn.Module, *, classes: int, scored: bool = False) -> Classifier:
        """The classifier with the body of a `Discriminator` and a new linear head.

        Args:
            discriminator: one without classes of its own.
            classes: K, at least 2.
            scored: keep the discriminator's head for the score.

        Raises:
            ValueError: it is another discriminator, or there are fewer than 2 classes.
        """
        if not isinstance(discriminator, Discriminator):
            raise ValueError(
                f"{type(discriminator).__name__} cannot be made to classify: only a Discriminator's head is known; "
                "give the architecture a method classifier(shape, *, classes)"
            )
        body, shape = discriminator.body, discriminator.shape
        features = discriminator.head.score.in_features
        head = nn.Linear(features, classes)
        nn.init.normal_(head.weight, 0.0, 1 / math.sqrt(head.in_features))
        nn.init.zeros_(head.bias)
        return cls(body, head, shape=shape, classes=classes, score=discriminator.head if scored else None)

    @property
    def samplewise(self) -> bool:
        """Whether every score depends on its own sample alone."""
        return samplewise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Return scores (n,) for samples x (n, *shape)."""
        if self.score is None:
            return self.logits(x).logsumexp(1)
        found: Tensor = self.score(self.features(x))
        return found

    def logits(self, x: Tensor) -> Tensor:
        """Return the logits (n, K) of the classes, in float32 at least."""
        h = self.features(x)
        with torch.autocast(h.device.type, enabled=False):
            found: Tensor = self.head(h.to(torch.promote_types(h.dtype, torch.float32)))
        return found

    def features(self, x: Tensor) -> Tensor:
        """Return what the logits are a map of, (n, F)."""
        if x.shape[1:] != self.shape:
            raise ValueError(
                f"x has shape {tuple(x.shape)}; this classifier takes (n, {', '.join(map(str, self.shape))})"
            )
        found: Tensor = self.body(x)
        return found


def classifier(networks: Any, shape: Shape, *, classes: int, scored: bool = False) -> nn.Module:
    """A discriminator that classifies: the architecture's own, or its plain one with another head.

    Args:
        networks: an architecture; its method ``classifier`` is asked, if it has one.
        shape: of a sample.
        classes: K, at least 2.
        scored: give the score a head of its own, the plain discriminator's.

    Raises:
        ValueError: there are fewer than 2 classes, or the plain discriminator is not made of a body and a head.

    Example:
        >>> from gansmith.networks import MLP
        >>> type(classifier(MLP(width=8), (2,), classes=3)).__name__
        'Classifier'
    """
    own = getattr(networks, "classifier", None)
    if own is None or scored:
        return Classifier.of(networks.discriminator(shape), classes=classes, scored=scored)
    found: nn.Module = own(shape, classes=classes)
    return found
