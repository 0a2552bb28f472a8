"""What a generator's input is drawn from."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from torch import Tensor

__all__ = ["EDGE", "Noise", "of_noise"]

EDGE = math.sqrt(3)
"""Half the side of the cube of uniform noise, whose variance is then 1."""

Noise = Literal["normal", "uniform"]


def of_noise(kind: Noise, normal: Callable[[], Tensor], uniform: Callable[[], Tensor]) -> Tensor:
    """Numbers of mean 0 and variance 1: standard normal, or uniform on [−√3, √3).

    Args:
        kind: of the two.
        normal: draws standard normal numbers.
        uniform: draws as many from [0, 1).

    Example:
        >>> import torch
        >>> of_noise("uniform", torch.empty, lambda: torch.tensor([0.0, 0.5])).tolist()
        [-1.7320507764816284, 0.0]
    """
    return normal() if kind == "normal" else (2 * uniform() - 1) * EDGE
