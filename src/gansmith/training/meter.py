"""What is measured between two lines of a log, without waiting for the device at every step."""

from __future__ import annotations

import math
import time
from collections import deque

import torch
from torch import Tensor

from gansmith.types import Result

__all__ = ["Meter"]


class Meter:
    """Means of costs and signals since the last record, and the speed.

    Args:
        batch: images in a step.
        step: the step at which the measuring starts.
    """

    def __init__(self, batch: int, step: int = 0) -> None:
        self.batch, self.began = batch, time.monotonic()
        self.marks: deque[tuple[int, float]] = deque([(step, self.began)], maxlen=8)
        self.sums: dict[str, Tensor] = {}
        self.count = 0

    def add(self, result: Result) -> None:
        """Take in the result of a step."""
        values = {f"cost/{name}": cost for name, cost in result.costs.items()} | dict(result.signals)
        for name, value in values.items():
            self.sums[name] = self.sums[name] + value if name in self.sums else value
        self.count += 1

    def finite(self) -> bool:
        """Whether every cost since the last record was finite: a sum remembers what was not."""
        costs = [value for name, value in self.sums.items() if name.startswith("cost/")]
        return not costs or bool(torch.isfinite(torch.stack(costs)).all())

    def culprit(self) -> str | None:
        """The first cost that is not finite, in words."""
        for name, value in self.sums.items():
            if name.startswith("cost/") and not math.isfinite(float(value)):
                return f"the {name.removeprefix('cost/')}'s cost"
        return None

    def last(self) -> dict[str, str]:
        """The sums as text, for evidence."""
        return {name: repr(float(value)) for name, value in self.sums.items()}

    def record(self, step: int, steps: int) -> dict[str, float]:
        """The means since the last record with the speed, and start anew."""
        now = time.monotonic()
        first, then = self.marks[0]
        speed = (step - first) / max(now - then, 1e-9)
        means = {name: float(value) / self.count for name, value in self.sums.items()}
        self.marks.append((step, now))
        self.sums, self.count = {}, 0
        return {
            "step": step,
            "seconds": round(now - self.began, 3),
            "images_per_second": round(speed * self.batch, 1),
            "seconds_left": round((steps - step) / max(speed, 1e-9), 1),
            **means,
        }

    def clear(self, step: int) -> None:
        """Forget what was taken in, because the run went back to `step`."""
        self.sums, self.count = {}, 0
        self.marks = deque([(step, time.monotonic())], maxlen=8)
