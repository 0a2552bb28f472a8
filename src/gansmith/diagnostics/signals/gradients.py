"""What gradients say: how strong they are, whether they reach the generator, and whether the game turns in circles."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from gansmith.dynamics import LocalEngine
from gansmith.dynamics.jacobian import Linearisation, inner
from gansmith.types import Engine, Game, Players, Round

__all__ = ["norm", "non_finite", "reach", "rotation", "saturated"]

_LOCAL = LocalEngine()


def norm(tensors: Iterable[Tensor]) -> float:
    """The Euclidean norm of all tensors as one vector.

    Example:
        >>> norm([torch.tensor([3.0]), torch.tensor([[4.0]])])
        5.0
    """
    listed = [tensor.detach() for tensor in tensors]
    if not listed:
        return 0.0
    return float(torch.stack(torch._foreach_norm(listed)).double().norm())


def non_finite(tensors: Iterable[Tensor]) -> int:
    """How many of the tensors hold a value that is infinite or not a number.

    Example:
        >>> non_finite([torch.tensor([1.0, torch.nan]), torch.ones(2)])
        1
    """
    return sum(not bool(torch.isfinite(tensor.detach().sum(dtype=torch.float64))) for tensor in tensors)


def reach(gradient: Tensor) -> float:
    """How strong the generator's signal is at its samples: the mean over them of n·‖∂J_G/∂x_i‖.

    Args:
        gradient: ∂J_G/∂x (n, ...) of a cost that is a mean over n samples.

    Example:
        >>> reach(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
        5.0
    """
    return float(gradient.flatten(1).double().norm(dim=1).sum())


def saturated(slope: Tensor, undecided: Tensor, *, least: float = 0.05) -> float:
    """The share of samples on which the generator's cost is flat in the discriminator's score.

    A slope is flat where it is below `least` of what it would be at a score of 0, where the discriminator is in doubt.
    The minimax cost log(1 − σ(s)) is flat wherever the discriminator is sure (Goodfellow et al. 2014, section 3).

    Args:
        slope: ∂J_G/∂s (n,) at the samples' scores.
        undecided: the same at scores of 0.
        least: what counts as flat.

    Example:
        >>> saturated(torch.tensor([0.5, 0.001]), torch.tensor([0.5, 0.5]))
        0.5
    """
    return float((slope.abs() < least * undecided.abs()).double().mean())


def rotation(game: Game, players: Players, round: Round, engine: Engine = _LOCAL) -> float:
    """The share of the field's change along itself that turns rather than leads anywhere.

        ‖A F‖² / (‖S F‖² + ‖A F‖²),      S = (J + Jᵀ)/2,  A = (J − Jᵀ)/2

    with the game's vector field F and its Jacobian J (the two parts of Balduzzi et al. 2018, section 2.1). 1 for a
    bilinear game, whose flow circles; 0 where every player would descend one common function. It takes two products
    with the Jacobian.

    Returns:
        The share, in [0, 1]; not a number where the field does not change at all.

    Example:
        >>> from gansmith.games import bilinear
        >>> from gansmith.networks import Point
        >>> rotation(bilinear(), {"x": Point(2.0), "y": Point(3.0)}, Round())
        1.0
    """
    with engine.hypothetical(players):
        here = Linearisation(game, players, round, engine)
        forward = here.jvp(here.field)
        back = here.vjp(here.field, keep=False)
    # ‖(a ± b)/2‖² from three inner products.
    a, b, ab = (float(inner(u, v)) for u, v in ((forward, forward), (back, back), (forward, back)))
    turns, leads = max(0.0, a + b - 2 * ab), max(0.0, a + b + 2 * ab)
    return turns / (turns + leads) if turns + leads > 0 else float("nan")
