"""Batch normalisation whose statistics are those of the whole batch, however many processes share it."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gansmith.training.processes import Processes

__all__ = ["SynchronisedBatchNorm", "batch_norms", "synchronise"]


class SynchronisedBatchNorm(nn.Module):
    """A batch norm's parameters and buffers under a forward pass that averages through `Processes.mean`.

    PyTorch's own synchronised layer runs on CUDA only; this one is plain differentiable arithmetic and runs anywhere.
    """

    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(self, layer: _BatchNorm, processes: Processes) -> None:
        super().__init__()
        self.eps, self.momentum, self.affine = layer.eps, layer.momentum, layer.affine
        self.processes = processes
        self.weight, self.bias = layer.weight, layer.bias
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            self.register_buffer(name, getattr(layer, name))

    def forward(self, x: Tensor) -> Tensor:
        shape = (1, -1) + (1,) * (x.dim() - 2)
        if self.training or self.running_mean is None or self.running_var is None:
            rows = x.transpose(0, 1).flatten(1).float()
            mean = self.processes.mean(rows.mean(1, keepdim=True).T).view(-1)
            var = self.processes.mean((rows - mean[:, None]).square().mean(1, keepdim=True).T).view(-1)
            self._track(mean.detach(), var.detach(), rows.shape[1] * self.processes.world)
        else:
            mean, var = self.running_mean, self.running_var
        scale = (var + self.eps).rsqrt()
        if self.affine:
            scale = self.weight * scale
        shift = self.bias - mean * scale if self.affine else -mean * scale
        return x * scale.view(shape).to(x.dtype) + shift.view(shape).to(x.dtype)

    def _track(self, mean: Tensor, var: Tensor, count: int) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        rate = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, rate)
        self.running_var.lerp_(var * count / max(count - 1, 1), rate)


def batch_norms(module: nn.Module) -> list[str]:
    """The names of the batch normalisation layers in `module`."""
    return [name for name, layer in module.named_modules() if isinstance(layer, _BatchNorm | SynchronisedBatchNorm)]


def synchronise(module: nn.Module, processes: Processes) -> None:
    """Replace every batch norm in `module` by its synchronised form; parameters, buffers and names stay."""
    for parent in list(module.modules()):
        for name, layer in parent.named_children():
            if isinstance(layer, _BatchNorm):
                setattr(parent, name, SynchronisedBatchNorm(layer, processes))
