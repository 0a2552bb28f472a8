"""What the data fall into, and how much of it samples miss: cells of real features, found once by k-means."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gansmith.metrics import kmeans

__all__ = ["Cells", "missed"]

ROUNDS = 25
"""Of k-means; where a few points still change their cells after so many, it does not matter here."""


@dataclass(frozen=True)
class Cells:
    """A partition of the features' space, and the data's share in each part.

    Args:
        centres: (K, d).
        shares: of the data, (K,), which sum to 1.

    Example:
        >>> cells = Cells.of(torch.tensor([[0.0], [0.1], [5.0], [5.1]]), 2)
        >>> cells.shares.tolist(), cells.counts(torch.tensor([[4.0]])).sum().item()
        ([0.5, 0.5], 1.0)
    """

    centres: Tensor
    shares: Tensor

    @classmethod
    def of(cls, features: Tensor, cells: int, *, seed: int = 0) -> Cells:
        """The cells of real features (n, d); as many as there are points where that is fewer."""
        centres = kmeans(features, min(cells, len(features)), seed=seed, rounds=ROUNDS).centres.to(features)
        counts = _counts(features, centres)
        # A centre that nobody is nearest to would be missed by the data themselves.
        kept = counts > 0
        return cls(centres[kept], counts[kept] / counts.sum())

    def counts(self, features: Tensor) -> Tensor:
        """How many of the features (n, d) fall into each cell (K,)."""
        return _counts(features, self.centres)


def missed(counts: Tensor, shares: Tensor, *, least: float = 0.25) -> float:
    """The share of real mass in cells of which samples have almost nothing: less than `least` of what they should.

    Args:
        counts: samples in each cell (K,).
        shares: the data's share of each (K,), which sum to 1.
        least: a cell counts as missed below this part of the samples that it should have.

    Example:
        >>> missed(torch.tensor([50, 50, 0, 0]), torch.tensor([0.25, 0.25, 0.25, 0.25]))
        0.5
    """
    due = shares * counts.sum()
    return float(shares[counts < least * due].double().sum())


def _counts(features: Tensor, centres: Tensor) -> Tensor:
    owner = torch.cdist(features, centres).argmin(1)
    return torch.bincount(owner, minlength=len(centres)).to(centres.dtype)
