"""Batch normalisation whose statistics are those of the whole batch, however many processes share it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gansmith.training.processes import Processes
from gansmith.types import widened

__all__ = ["SynchronisedBatchNorm", "alone", "batch_norms", "mixers", "synchronise"]


class SynchronisedBatchNorm(nn.Module):
    """A batch norm's parameters and buffers under a forward pass that averages through `Processes.mean`.

    PyTorch's own synchronised layer runs on CUDA only; this one is plain differentiable arithmetic and runs anywhere,
    also under penalties that differentiate twice. Every process must bring as many samples as the others.

    Example:
        >>> import torch
        >>> layer, x = nn.BatchNorm1d(2), torch.arange(6.0).view(3, 2)
        >>> torch.allclose(SynchronisedBatchNorm(layer, Processes())(x), layer(x), atol=1e-6)
        True
    """

    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(self, layer: _BatchNorm, processes: Processes) -> None:
        super().__init__()
        self.eps, self.momentum, self.affine = layer.eps, layer.momentum, layer.affine
        self.processes = processes
        self.train(layer.training)
        self.weight, self.bias = layer.weight, layer.bias
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            self.register_buffer(name, getattr(layer, name))

    def forward(self, x: Tensor) -> Tensor:
        wide = widened(x)
        channels = (-1,) + (1,) * (x.dim() - 2)
        if self.training or self.running_mean is None or self.running_var is None:
            rest = (0, *range(2, x.dim()))
            mean = self.processes.mean(wide.mean(rest, keepdim=True))
            var = self.processes.mean((wide - mean).square().mean(rest, keepdim=True))
            if self.training:
                count = x.numel() // x.shape[1] * self.processes.world
                self._track(mean.detach().flatten(), var.detach().flatten(), count)
        else:
            mean, var = self.running_mean.view(channels), self.running_var.view(channels)
        y = (wide - mean) * (var + self.eps).rsqrt()
        if self.affine:
            y = y * self.weight.view(channels) + self.bias.view(channels)
        return y.to(x.dtype)

    def _track(self, mean: Tensor, var: Tensor, count: int) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        rate = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, rate)
        self.running_var.lerp_(var * count / max(count - 1, 1), rate)


def batch_norms(module: nn.Module) -> list[str]:
    """The names of the batch normalisation layers in `module`.

    Example:
        >>> batch_norms(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)))
        ['1']
    """
    return [name for name, layer in module.named_modules() if isinstance(layer, _BatchNorm | SynchronisedBatchNorm)]


def mixers(module: nn.Module) -> list[str]:
    """The innermost parts of `module` that say of themselves, by ``samplewise = False``, that they mix samples.

    A part that says so only because it holds batch norms is not among them: those are named by `batch_norms`.
    """
    mixing = {part: name for name, part in module.named_modules() if not getattr(part, "samplewise", True)}
    found = [part for part in mixing if not batch_norms(part) and mixing.keys().isdisjoint([*part.modules()][1:])]
    return [f"{type(part).__name__} {mixing[part]}".strip() for part in found]


def synchronise(module: nn.Module, processes: Processes) -> None:
    """Replace every batch norm in `module` by its synchronised form; parameters, buffers and names stay.

    Example:
        >>> net = nn.Sequential(nn.BatchNorm1d(2))
        >>> synchronise(net, Processes())
        >>> type(net[0]).__name__, sorted(net.state_dict())[0]
        ('SynchronisedBatchNorm', '0.bias')
    """
    for parent in list(module.modules()):
        for name, layer in parent.named_children():
            if isinstance(layer, _BatchNorm):
                setattr(parent, name, SynchronisedBatchNorm(layer, processes))


@contextmanager
def alone(modules: Iterable[nn.Module]) -> Iterator[None]:
    """Inside, synchronised batch norms average over what this process gives them, and wait for no other.

    Example:
        >>> net = nn.Sequential(nn.BatchNorm1d(2))
        >>> synchronise(net, Processes(rank=0, world=2))
        >>> with alone([net]):
        ...     net[0].processes.world
        1
    """
    layers = {part for module in modules for part in module.modules() if isinstance(part, SynchronisedBatchNorm)}
    together = {layer: layer.processes for layer in layers}
    for layer in layers:
        layer.processes = Processes()
    try:
        yield
    finally:
        for layer, processes in together.items():
            layer.processes = processes
