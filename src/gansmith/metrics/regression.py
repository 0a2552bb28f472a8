"""What regressions on features share: how features are scaled, and how a convex cost is brought down."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

__all__ = ["minimise", "standardised"]


def standardised(points: Tensor, known: Tensor) -> Tensor:
    """Points (n, d) with the mean and the deviation of the known ones (m, d) taken out; a constant is left unscaled.

    Example:
        >>> standardised(torch.tensor([[4.0, 6.0]]), torch.tensor([[-1.0, 5.0], [0.0, 5.0], [1.0, 5.0]])).tolist()
        [[4.0, 1.0]]
    """
    scale = known.std(0)
    return (points - known.mean(0)) / torch.where(scale > 0, scale, 1.0)


def minimise(cost: Callable[[], Tensor], weights: Sequence[Tensor], *, steps: int, tolerance: float) -> None:
    """Move weights to where a convex cost of theirs is least, by L-BFGS.

    Args:
        cost: works the cost () out from `weights`.
        weights: leaves with a gradient; changed in place.
        steps: at most so many.
        tolerance: of the largest slope, at which it ends.

    Example:
        >>> w = torch.zeros(1, dtype=torch.float64, requires_grad=True)
        >>> minimise(lambda: (w - 3).square().sum(), [w], steps=50, tolerance=1e-9)
        >>> round(w.item(), 6)
        3.0
    """
    search = torch.optim.LBFGS(
        list(weights), max_iter=steps, tolerance_grad=tolerance, tolerance_change=0.0, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        search.zero_grad()
        value = cost()
        value.backward()  # type: ignore[no-untyped-call, unused-ignore]
        return value

    with torch.enable_grad():
        search.step(closure)  # type: ignore[no-untyped-call, unused-ignore]
