"""The exponential moving average of a player."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from gansmith.training.recipe import Averaging

__all__ = ["MovingAverage"]


class MovingAverage:
    """A copy of a network that follows it: w̄ ← w̄ + (1 − 2^(−1/h))·(w − w̄), buffers included.

    Args:
        module: the network that is followed.
        settings: the half-life h in steps, and how it is limited early on.

    Example:
        >>> layer = nn.Linear(1, 1)
        >>> average = MovingAverage(layer, Averaging(half_life=1, ramp=1e9))
        >>> nn.init.constant_(layer.weight, average.module.weight.item() + 1) and None
        >>> average.update(layer, step=100)
        >>> round(layer.weight.item() - average.module.weight.item(), 3)
        0.5
    """

    def __init__(self, module: nn.Module, settings: Averaging) -> None:
        self.settings = settings
        self.module = copy.deepcopy(module).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Follow `module` after `step` steps."""
        half_life = min(self.settings.half_life, self.settings.ramp * step)
        weight = 1.0 if half_life <= 0 else 1 - 0.5 ** (1 / half_life)
        mine, theirs = _floating(self.module), _floating(module)
        torch._foreach_lerp_(mine, theirs, weight)
        for name, buffer in self.module.named_buffers():
            if not buffer.is_floating_point():
                buffer.copy_(module.get_buffer(name))


def _floating(module: nn.Module) -> list[Tensor]:
    tensors = (*module.parameters(), *module.buffers())
    return [t.data for t in tensors if t.is_floating_point()]
