"""How labels enter a network: an embedding beside the latent; in the discriminator a projection, or a joint layer."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Concatenation", "Projection", "check_label", "embed"]

SLOPE = 0.2


def check_label(label: Tensor | None, samples: int, classes: int) -> None:
    """Check that a label is given exactly where a network is conditional, one int64 per sample.

    Raises:
        ValueError: the label is missing, not expected, or not an int64 tensor of shape (n,).
    """
    if classes == 0:
        if label is not None:
            raise ValueError("this network was built with classes=0 and takes no label; build it with classes=K")
        return
    if label is None:
        raise ValueError(f"this network was built for {classes} classes: pass label, an int64 tensor of shape (n,)")
    if label.dtype != torch.int64 or label.shape != (samples,):
        raise ValueError(
            f"label is {label.dtype} of shape {tuple(label.shape)}; it must be int64 of shape ({samples},)"
        )


def embed(table: nn.Embedding, label: Tensor) -> Tensor:
    """Return the rows of ``table`` that the labels name, shape (n, dimensions).

    A label outside 0..K-1 raises on the CPU, where the look-up notices it anyway. On CUDA it is a device-side
    assertion: looking first would make the processor wait for the device at every step.

    Raises:
        ValueError: A label is out of range (CPU only).
    """
    try:
        return table(label)  # type: ignore[no-any-return]
    except IndexError as error:
        last = table.num_embeddings - 1
        wrong = label[(label < 0) | (label > last)][0].item()
        raise ValueError(f"label {wrong} is out of range: this network knows classes 0 to {last}") from error


class Projection(nn.Module):
    r"""The last layer of a discriminator: a linear score, and with classes the projection of Miyato & Koyama (2018).

    .. math:: s(h, y) = \langle w, h\rangle + b + \langle e_y, h\rangle

    (their eq. 3, with a linear :math:`\psi`). The score is computed in float32 at least, also under autocast: eight
    bits of a logit are too few for a loss that subtracts two of them.

    Args:
        features: length of h.
        classes: number of classes K; 0 leaves the second product out.
        std: standard deviation of the initial w and e.
        bias: whether there is a b.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> Projection(8, classes=3)(torch.ones(2, 8), torch.tensor([0, 2])).shape
        torch.Size([2])
    """

    def __init__(self, features: int, *, classes: int = 0, std: float = 0.02, bias: bool = True) -> None:
        super().__init__()
        self.score = nn.Linear(features, 1, bias=bias)
        nn.init.normal_(self.score.weight, 0.0, std)
        if self.score.bias is not None:
            nn.init.zeros_(self.score.bias)
        self.embedding = nn.Embedding(classes, features) if classes else None
        if self.embedding is not None:
            nn.init.normal_(self.embedding.weight, 0.0, std)

    def forward(self, h: Tensor, label: Tensor | None = None) -> Tensor:
        """Return scores of shape (n,) for features h (n, features) and labels (n,)."""
        check_label(label, len(h), 0 if self.embedding is None else self.embedding.num_embeddings)
        with torch.autocast(h.device.type, enabled=False):
            h = h.to(torch.promote_types(h.dtype, torch.float32))
            weight, bias = self.score.weight.to(h.dtype), self.score.bias
            score = torch.nn.functional.linear(h, weight, None if bias is None else bias.to(h.dtype)).squeeze(1)
            if self.embedding is not None and label is not None:
                score = score + (embed(self.embedding, label) * h).sum(1)
        return score


class Concatenation(nn.Module):
    r"""The last layers of a discriminator that joins features and label (Mirza & Osindero 2014, sect. 3.2).

    .. math:: s(h, y) = \langle w, \mathrm{lrelu}(W\,[h, e_y])\rangle + b

    Without the hidden layer the label would shift the score and no more. The score is computed in float32 at least.

    Args:
        features: length of h.
        classes: number of classes K, at least 1.
        embedding: length of :math:`e_y`.
        units: length of the joint layer.
        bias: whether there is a b.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> Concatenation(8, classes=3)(torch.ones(2, 8), torch.tensor([0, 2])).shape
        torch.Size([2])
    """

    def __init__(
        self, features: int, *, classes: int, embedding: int = 32, units: int = 128, bias: bool = True
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(classes, embedding)
        self.joint = nn.Linear(features + embedding, units)
        self.score = nn.Linear(units, 1, bias=bias)
        for layer, gain in ((self.joint, 1.0), (self.score, nn.init.calculate_gain("leaky_relu", SLOPE))):
            nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(layer.in_features))
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def forward(self, h: Tensor, label: Tensor | None = None) -> Tensor:
        """Return scores of shape (n,) for features h (n, features) and labels (n,)."""
        check_label(label, len(h), self.embedding.num_embeddings)
        with torch.autocast(h.device.type, enabled=False):
            told = embed(self.embedding, label)  # type: ignore[arg-type]  # it has just been checked
            h = h.to(torch.promote_types(h.dtype, told.dtype))
            joint = F.leaky_relu(self.joint(torch.cat((h, told.to(h.dtype)), 1)), SLOPE)
            scores: Tensor = self.score(joint).squeeze(1)
        return scores
