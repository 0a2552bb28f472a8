"""Precision and recall: the share of each set that lies where the other one lives."""

from typing import NamedTuple

import torch
from torch import Tensor

from gansmith.metrics.distances import nearest_others
from gansmith.metrics.points import same_space

__all__ = ["PrecisionRecall", "precision_recall"]

CHUNK = 500


class PrecisionRecall(NamedTuple):
    """Shares in [0, 1]: of the samples that look real, and of the real images that the samples cover."""

    precision: float
    recall: float


def precision_recall(real: Tensor, fake: Tensor, *, k: int = 3) -> PrecisionRecall:
    """Improved precision and recall of features.

        precision = 1/|F| Σ_{f ∈ F} 1[∃ r ∈ R: ‖f − r‖ ≤ ‖r − NN_k(r, R)‖],      recall with R and F exchanged

    A point is not its own neighbour. Distances are float64 and worked off a few hundred rows at a time, so ten thousand
    against ten thousand needs about 200 MB.

    Args:
        real: (n, d) features of real images.
        fake: (m, d) features of samples.
        k: which neighbour sets the radius, at least 1.

    Raises:
        ValueError: shapes that do not fit, values that are not finite, or not more than k points in a set.

    From Kynkäänniemi et al. 2019, "Improved precision and recall metric for assessing generative models", section 2.

    Example:
        >>> x = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
        >>> precision_recall(x, x)
        PrecisionRecall(precision=1.0, recall=1.0)
        >>> precision_recall(x, x + 100)
        PrecisionRecall(precision=0.0, recall=0.0)
    """
    real, fake = same_space(real, fake)
    return PrecisionRecall(
        precision=_covered(fake, real, nearest_others(real, k=k).distances[:, -1]),
        recall=_covered(real, fake, nearest_others(fake, k=k).distances[:, -1]),
    )


def _covered(points: Tensor, centres: Tensor, radii: Tensor) -> float:
    inside = [(torch.cdist(part, centres) <= radii).any(1) for part in torch.split(points, CHUNK)]
    return float(torch.cat(inside).double().mean())
