"""The plain engine: gradients on the spot, in the networks' own precision, in one process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from gansmith.types import Costs, Players, Round

__all__ = ["LocalEngine", "gradients", "hypothetical"]


def gradients(costs: Costs, parameters: Mapping[str, Sequence[Tensor]]) -> dict[str, tuple[Tensor, ...]]:
    """∂costs[p]/∂parameters[p] for each player p in `parameters`, from graphs that may share nodes.

    Asking autograd for a player's own parameters keeps it from computing anybody else's. A parameter on which the cost
    does not depend gets zeros.
    """
    found = {}
    for i, (player, mine) in enumerate(parameters.items()):
        again = i + 1 < len(parameters)
        found[player] = torch.autograd.grad(
            costs[player], list(mine), retain_graph=again, allow_unused=True, materialize_grads=True
        )
    return found


@contextmanager
def hypothetical(players: Players) -> Iterator[None]:
    """A look ahead without a trace: buffers and random state are put back afterwards."""
    buffers = [(b, b.clone()) for module in players.values() for b in module.buffers()]
    random = torch.get_rng_state()
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
        torch.set_rng_state(random)


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
        self, cost: Callable[[Round], Costs], parameters: Mapping[str, Sequence[Tensor]], round: Round
    ) -> tuple[Mapping[str, Sequence[Tensor]], Costs]:
        costs = cost(round)
        found = gradients(costs, parameters)
        return found, {player: value.detach() for player, value in costs.items()}

    hypothetical = staticmethod(hypothetical)
