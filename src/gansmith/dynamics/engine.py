"""The plain engine: gradients on the spot, in the networks' own precision, in one process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from gansmith.types import Costs, Players, Round

__all__ = ["LocalEngine", "gradients", "hypothetical"]


def gradients(
    costs: Costs, parameters: Mapping[str, Sequence[Tensor]], *, differentiable: bool = False
) -> dict[str, tuple[Tensor, ...]]:
    """∂costs[p]/∂parameters[p] for each player p in `parameters`, from graphs that may share nodes.

    Asking autograd for a player's own parameters keeps it from computing anybody else's. A parameter on which the cost
    does not depend gets zeros. With `differentiable`, the graphs stay and the gradients have graphs of their own.

    Example:
        >>> x, y = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)
        >>> found = gradients({"one": x * y, "other": -x * y}, {"one": [x], "other": [y]})
        >>> found["one"][0].item(), found["other"][0].item()
        (3.0, -2.0)
    """
    found: dict[str, tuple[Tensor, ...]] = dict.fromkeys(parameters, ())
    asked = [player for player, mine in parameters.items() if mine]
    for player in asked:
        mine = parameters[player]
        raw = torch.autograd.grad(
            costs[player],
            list(mine),
            retain_graph=differentiable or player != asked[-1],
            create_graph=differentiable,
            allow_unused=True,
        )
        found[player] = tuple(
            torch.zeros_like(p, requires_grad=differentiable) if g is None else laid_out(g, p)
            for g, p in zip(raw, mine, strict=True)
        )
    return found


def laid_out(gradient: Tensor, parameter: Tensor) -> Tensor:
    """`gradient`, in the memory layout of `parameter`."""
    # Fused optimisers walk through both memories side by side and take for granted that they have the same layout;
    # with another one they move the wrong weights, and say nothing.
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)


@contextmanager
def hypothetical(players: Players) -> Iterator[None]:
    """A look ahead without a trace: buffers and random state are afterwards what they were before.

    Inside, the players have copies of their buffers, so that the originals are never written to.

    Example:
        >>> norm = torch.nn.BatchNorm1d(2)
        >>> with hypothetical({"one": norm}):
        ...     _ = norm(torch.ones(3, 2))
        >>> norm.num_batches_tracked.item()
        0
    """
    modules = [module for player in players.values() for module in player.modules()]
    homes = [(m, name, b) for m in modules for name, b in m.named_buffers(recurse=False, remove_duplicate=False)]
    copies = {id(buffer): buffer.clone() for _, _, buffer in homes}
    devices = {p.device.index for player in players.values() for p in player.parameters() if p.device.type == "cuda"}
    with torch.random.fork_rng(sorted(devices)):
        for module, name, buffer in homes:
            setattr(module, name, copies[id(buffer)])
        try:
            yield
        finally:
            for module, name, buffer in homes:
                setattr(module, name, buffer)


@dataclass(frozen=True)
class LocalEngine:
    """One process, no autocast, the whole batch at once.

    Example:
        >>> w = torch.tensor(3.0, requires_grad=True)
        >>> found, costs = LocalEngine().gradient(lambda round: {"one": w * w}, {"one": [w]}, Round())
        >>> found["one"][0].item(), costs["one"].item()
        (6.0, 9.0)
    """

    pieces: int = 1

    def gradient(
        self,
        cost: Callable[[Round], Costs],
        parameters: Mapping[str, Sequence[Tensor]],
        round: Round,
        *,
        differentiable: bool = False,
    ) -> tuple[Mapping[str, Sequence[Tensor]], Costs]:
        costs = cost(round)
        found = gradients(costs, parameters, differentiable=differentiable)
        return found, {player: value.detach() for player, value in costs.items()}

    hypothetical = staticmethod(hypothetical)
