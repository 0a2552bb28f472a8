"""Precision and recall: the share of each set that lies where the other one lives."""

from typing import NamedTuple

import torch
from torch import Tensor

from gansmith.metrics.points import same_space

__all__ = ["PrecisionRecall", "nearest_radii", "precision_recall"]

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
        precision=_covered(fake, real, nearest_radii(real, k=k)),
        recall=_covered(real, fake, nearest_radii(fake, k=k)),
    )


def nearest_radii(points: Tensor, *, k: int) -> Tensor:
    """Each point's distance (n,) to its k-th nearest other point.

    Args:
        points: (n, d).
        k: at least 1.

    Raises:
        ValueError: k below 1, or not more than k points.

    Example:
        >>> nearest_radii(torch.tensor([[0.0], [1.0], [3.0]]), k=1)
        tensor([1., 1., 2.])
    """
    if not 1 <= k < len(points):
        raise ValueError(f"k must be at least 1 and below the number of points, {len(points)}; got {k}")
    radii = []
    for start in range(0, len(points), CHUNK):
        distances = torch.cdist(points[start : start + CHUNK], points)
        distances.diagonal(start).fill_(torch.inf)
        radii.append(distances.kthvalue(k, dim=1).values)
    return torch.cat(radii)


def _covered(points: Tensor, centres: Tensor, radii: Tensor) -> float:
    inside = [(torch.cdist(part, centres) <= radii).any(1) for part in torch.split(points, CHUNK)]
    return float(torch.cat(inside).double().mean())
