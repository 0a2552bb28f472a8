"""Labels of samples and of real images, and what a linear classifier of features learns from either."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from gansmith.metrics.regression import minimise, standardised
from gansmith.metrics.sampling import drawn_labels

__all__ = ["Labels", "labels_of", "softmax_regression"]


class Labels(NamedTuple):
    """The classes of what was kept of samples and of real images, by number.

    Args:
        samples: (n,) what the samples were asked to be.
        real: (m,) of the reference.
        held_out: (h,) of the held-out images; None where there are none with these classes.
        names: of the classes, at least 2.
    """

    samples: Tensor
    real: Tensor
    held_out: Tensor | None
    names: tuple[str, ...]


def labels_of(source: Any, names: tuple[str, ...], *, n: int, seed: int) -> Tensor | None:
    """The classes (n,) of a source's images, if it has just these; of a sampler, those of the `n` that `draw` draws.

    Example:
        >>> from gansmith.data import from_array
        >>> import numpy as np
        >>> labels_of(from_array(np.zeros((2, 8, 8), np.uint8), labels=[1, 0]), ("0", "1"), n=2, seed=0).tolist()
        [1, 0]
    """
    if tuple(getattr(source, "classes", ())) != names:
        return None
    labels = getattr(source, "labels", None)
    if callable(labels):
        return drawn_labels(source, n, seed=seed)
    return labels if labels is None or isinstance(labels, Tensor) else torch.tensor(labels)


def softmax_regression(points: Tensor, labels: Tensor, others: Tensor, *, classes: int, ridge: float = 1e-3) -> Tensor:
    r"""The multinomial logistic regression on standardised features, fitted to convergence.

    .. math:: \min_{W, b}\; \mathrm{mean}\,[-\log \mathrm{softmax}(W x + b)_y] + \tfrac{\text{ridge}}{2}\,\|W\|^2

    Args:
        points: (n, d).
        labels: (n,) int64 in [0, classes).
        others: (m, d).
        classes: K.
        ridge: at least 0.

    Returns:
        Logits (m, K) of the others, in float64.

    Example:
        >>> x, y = torch.tensor([[-1.0], [1.0], [-2.0], [2.0]]), torch.tensor([0, 1, 0, 1])
        >>> softmax_regression(x, y, torch.tensor([[-3.0], [3.0]]), classes=2).argmax(1).tolist()
        [0, 1]
    """
    points, others = points.double(), others.double()
    design, unseen = standardised(points, points), standardised(others, points)
    weight = torch.zeros(classes, design.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(classes, dtype=torch.float64, requires_grad=True)

    def cost() -> Tensor:
        return F.cross_entropy(F.linear(design, weight, bias), labels) + ridge / 2 * weight.square().sum()

    minimise(cost, [weight, bias], steps=200, tolerance=1e-6)
    return F.linear(unseen, weight, bias).detach()
