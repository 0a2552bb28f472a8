"""What the units of a network say: which of them always say the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from gansmith.networks.maxout import LinearMaxout

__all__ = ["DeadUnits", "watched"]

HIDDEN = (
    nn.ReLU,
    nn.ReLU6,
    nn.LeakyReLU,
    nn.PReLU,
    nn.ELU,
    nn.SELU,
    nn.CELU,
    nn.GELU,
    nn.SiLU,
    nn.Mish,
    nn.Softplus,
    LinearMaxout,
)
"""Activations of hidden layers; a tanh or a sigmoid is left out, because at an output a constant may be right."""

SMALL = 1e-6
"""Of a layer's largest value: a variation below it is rounding."""


class DeadUnits:
    """Which units of a network are constant over all that it is shown.

    A unit is a feature of a vector or a channel of a picture; a channel is constant when it is so at every place. A
    rectifier that is never on is constant, and so is any unit behind weights of 0; a leaky rectifier on its lower
    branch is not, since it still says something.
    """

    def __init__(self) -> None:
        self._ranges: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    @property
    def share(self) -> float | None:
        """The share of dead units; None where no activation was seen."""
        varied = [_varies(low, high) for low, high in self._ranges.values()]
        return float((~torch.cat(varied)).double().mean()) if varied else None

    def __call__(self, module: nn.Module, inputs: Any, output: Tensor) -> None:
        """Take in the output (n, c, ...) of an activation; a forward hook."""
        if output.dim() < 2 or len(output) < 2:
            return
        low, high = torch.aminmax(output.detach(), dim=0)
        if module in self._ranges and self._ranges[module][0].shape == low.shape:
            before = self._ranges[module]
            low, high = torch.minimum(low, before[0]), torch.maximum(high, before[1])
        self._ranges[module] = low, high


def _varies(low: Tensor, high: Tensor) -> Tensor:
    """Which units (c,) vary; one that is not a number counts as alive, since another signal speaks of those."""
    width = high - low
    widest = width.flatten(1).amax(1) if width.dim() > 1 else width
    return ~(widest <= SMALL * torch.maximum(high.abs().amax(), low.abs().amax()))


@contextmanager
def watched(players: Mapping[str, nn.Module]) -> Iterator[dict[str, DeadUnits]]:
    """Inside, what the players' activations say at every call is counted; afterwards nothing of it is left in them.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> net = nn.Sequential(nn.Linear(2, 4), nn.ReLU())
        >>> _ = nn.init.constant_(net[0].bias[:3], -100.0)
        >>> with watched({"net": net}) as counts:
        ...     _ = net(torch.randn(8, 2))
        >>> counts["net"].share
        0.75
    """
    counts = {name: DeadUnits() for name in players}
    handles = [
        module.register_forward_hook(counts[name])
        for name, player in players.items()
        for module in player.modules()
        if isinstance(module, HIDDEN)
    ]
    try:
        yield counts
    finally:
        for handle in handles:
            handle.remove()
