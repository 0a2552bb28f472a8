"""How labels enter a network: an embedding beside the latent, a projection in the discriminator."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["Projection", "check_label", "embed"]


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
