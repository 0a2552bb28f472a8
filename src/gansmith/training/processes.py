"""Several processes that train one model: the only module that knows ``torch.distributed``.

Every process holds the same networks and its share of each batch. A game averages through `Processes.mean`, which is a
differentiable reduction, so that a cost is the cost on the whole batch; the engine then averages all gradients in one
flat message.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from gansmith.training.errors import TrainingError

__all__ = ["Processes", "joined"]


class _Sum(torch.autograd.Function):
    """y = Σ_ranks x. Every rank's cost depends on every rank's x, so the gradient is summed over the ranks as well."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = x.detach().clone(memory_format=torch.contiguous_format)
        dist.all_reduce(y)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return total(gradients[0])


def total(x: Tensor) -> Tensor:
    """The sum of `x` over the processes, differentiable any number of times."""
    summed: Tensor = _Sum.apply(x)  # type: ignore[no-untyped-call]
    return summed


@dataclass(frozen=True)
class Processes:
    """Which process this is, out of how many.

    Args:
        rank: this process's number, from 0; process 0 writes the files.
        world: the number of processes.
    """

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def share(self, batch: int) -> slice:
        """This process's rows of a batch.

        Raises:
            ValueError: the batch does not divide evenly.

        Example:
            >>> Processes(rank=1, world=2).share(8)
            slice(4, 8, None)
        """
        if batch % self.world:
            raise ValueError(
                f"a batch of {batch} cannot be shared evenly by {self.world} processes; "
                f"choose a multiple of {self.world}"
            )
        rows = batch // self.world
        return slice(self.rank * rows, (self.rank + 1) * rows)

    def mean(self, x: Tensor) -> Tensor:
        """The mean over the first dimension of the whole batch, differentiable."""
        return x.mean(0) if self.world == 1 else total(x.mean(0)) / self.world

    def average_(self, tensors: Sequence[Tensor]) -> None:
        """Average tensors over the processes in place, as one flat message."""
        if self.world == 1 or not tensors:
            return
        wide = reduce(torch.promote_types, (t.dtype for t in tensors), torch.float32)
        flat = torch.cat([t.reshape(-1).to(wide) for t in tensors])
        dist.all_reduce(flat)
        flat /= self.world
        for tensor, part in zip(tensors, torch.split(flat, [t.numel() for t in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))

    def averaged(self, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The tensors' averages over the processes, differentiable."""
        if self.world == 1 or not tensors:
            return tuple(tensors)
        flat = total(torch.cat([t.reshape(-1) for t in tensors])) / self.world
        parts = torch.split(flat, [t.numel() for t in tensors])
        return tuple(part.view_as(tensor) for part, tensor in zip(parts, tensors, strict=True))

    def any(self, flag: bool) -> bool:
        """Whether `flag` is set in any process, so that all of them stop at the same step."""
        if self.world == 1:
            return flag
        answer = torch.tensor(float(flag))
        dist.all_reduce(answer, op=dist.ReduceOp.MAX)
        return bool(answer.item())

    def broadcast_(self, tensors: Sequence[Tensor]) -> None:
        """Give every process the first one's values."""
        if self.world > 1:
            for tensor in tensors:
                dist.broadcast(tensor, 0)

    def tell(self, value: Any) -> Any:
        """The first process's value of a small picklable object, in every process."""
        if self.world == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, 0)
        return box[0]


@contextmanager
def joined(timeout: float = 300.0) -> Iterator[Processes]:
    """The processes that ``torchrun`` started, or this one alone.

    Tensors on the CPU travel by gloo, and tensors on CUDA by NCCL where every process has a device of its own.

    Args:
        timeout: seconds that a process waits for the others before it gives up, so that one which hangs ends the rest.

    Raises:
        TrainingError: another process died, or did not answer in time.

    Example:
        >>> with joined() as processes:
        ...     processes
        Processes(rank=0, world=1)
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Processes()
        return
    # An optimiser imports this, and its functions keep the group of that moment as a default: threads would outlive
    # `destroy_process_group`, and one that is at work when Python ends aborts it. Now there is no group to keep.
    import torch.distributed.nn.functional

    own_device = torch.cuda.device_count() >= int(os.environ.get("LOCAL_WORLD_SIZE", world))
    if own_device:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    try:
        dist.init_process_group("cpu:gloo,cuda:nccl" if own_device else "gloo", timeout=timedelta(seconds=timeout))
        yield Processes(dist.get_rank(), world)
    except RuntimeError as error:
        if not _is_lost(error):
            raise
        raise TrainingError(
            f"another process died, or did not answer for {timeout:g} seconds, so this one stops as well; "
            "what was saved is safe: see what the other one said, and resume"
        ) from error
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def _is_lost(error: RuntimeError) -> bool:
    # NCCL and the store have error classes of their own; gloo only has its name in the text.
    return isinstance(error, dist.DistError) or "gloo" in str(error)
