"""What can end a run before its time."""

from __future__ import annotations

import torch

__all__ = ["NonFiniteError", "TrainingError", "is_out_of_memory"]


class TrainingError(RuntimeError):
    """A run cannot go on; the message says why and what to do. Its checkpoints are safe."""


class NonFiniteError(TrainingError):
    """A cost or a weight became infinite or not a number, again after every retry."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the device, or the machine, has no memory left."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return (
        isinstance(error, RuntimeError)
        and "memory" in str(error)
        and ("allocate" in str(error) or "enough" in str(error))
    )
