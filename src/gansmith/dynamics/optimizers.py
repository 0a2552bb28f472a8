"""Optimisers and their schedules, as values: each builds a real ``torch.optim`` optimiser."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim import Optimizer

__all__ = ["SGD", "Adam", "OptimizerFactory", "Schedule", "fused_step"]

OptimizerFactory = Callable[[Iterable[Tensor]], Optimizer]
"""Builds an optimiser over parameters: `Adam`, `SGD`, or a function such as ``lambda p: torch.optim.RMSprop(p)``."""


@dataclass(frozen=True, kw_only=True)
class Adam:
    """Adam (Kingma and Ba 2015), fused into one kernel.

    Args:
        lr: learning rate, > 0.
        beta1: decay of the mean gradient, in [0, 1); adversarial training wants it small (0.5 in Radford et al. 2016).
        beta2: decay of the mean squared gradient, in [0, 1).
        eps: added to the denominator, > 0.

    Raises:
        ValueError: a value is outside its range.

    Example:
        >>> Adam(lr=1e-3)([torch.zeros(2, requires_grad=True)]).param_groups[0]["betas"]
        (0.5, 0.999)
    """

    lr: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999
    eps: float = 1e-8

    def __post_init__(self) -> None:
        _check("lr", self.lr, 0 < self.lr < math.inf, "above 0")
        for name, value in (("beta1", self.beta1), ("beta2", self.beta2)):
            _check(name, value, 0 <= value < 1, "in [0, 1)")
        _check("eps", self.eps, 0 < self.eps < math.inf, "above 0")

    def __call__(self, parameters: Iterable[Tensor]) -> Optimizer:
        betas = float(self.beta1), float(self.beta2)  # torch refuses a 0 that is not 0.0
        return torch.optim.Adam(parameters, lr=self.lr, betas=betas, eps=self.eps, fused=True)


@dataclass(frozen=True, kw_only=True)
class SGD:
    """Stochastic gradient descent, fused into one kernel, with momentum that may change in a straight line over steps.

    Args:
        lr: learning rate, > 0.
        momentum: in [0, 1).
        last_momentum: what the momentum goes to, in [0, 1); None leaves it as it is.
        ramp: steps of the run in which it goes there, ≥ 1.

    Raises:
        ValueError: a value is outside its range.

    Example:
        >>> SGD(lr=0.5)([torch.zeros(2, requires_grad=True)]).param_groups[0]["lr"]
        0.5
    """

    lr: float = 0.1
    momentum: float = 0.0
    last_momentum: float | None = None
    ramp: int = 1

    def __post_init__(self) -> None:
        _check("lr", self.lr, 0 < self.lr < math.inf, "above 0")
        _check("momentum", self.momentum, 0 <= self.momentum < 1, "in [0, 1)")
        if self.last_momentum is not None:
            _check("last_momentum", self.last_momentum, 0 <= self.last_momentum < 1, "in [0, 1)")
        _check("ramp", self.ramp, self.ramp >= 1, "at least 1")

    def __call__(self, parameters: Iterable[Tensor]) -> Optimizer:
        optimizer = torch.optim.SGD(parameters, lr=self.lr, momentum=self.momentum, fused=True)
        if self.last_momentum is not None:
            for group in optimizer.param_groups:
                group["steps"] = 0  # in the group, where a dynamics says how far the run is, and where it is saved
            optimizer.register_step_pre_hook(self._ramped)
        return optimizer

    def _ramped(self, optimizer: Optimizer, *_: object) -> None:
        last = self.momentum if self.last_momentum is None else self.last_momentum
        for group in optimizer.param_groups:
            group["momentum"] = self.momentum + (last - self.momentum) * min(1.0, group["steps"] / self.ramp)
            group["steps"] += 1


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The factor on every learning rate: a linear rise, a plateau, a cosine fall, and a floor, all in steps.

    With `keep` it shrinks besides, by the same share at every step.

    It is a function of the step alone, so that a run that goes on past its end is one that was longer from the start.

    Args:
        warmup: steps of the linear rise from 0.
        hold: the step at which the fall begins.
        decay: steps of the fall; 0 means that there is none, and None that a run, when it begins, fills in the steps
            that it has after `hold`.
        floor: the factor after the fall, in [0, 1]; what `keep` does ends there too.
        keep: the share that a step leaves of the factor, in (0, 1]; 1/1.000004 in Goodfellow et al. 2014.

    Raises:
        ValueError: a number of steps is negative, or `floor` or `keep` not in its range.

    Example:
        >>> schedule = Schedule(hold=100, decay=100, floor=0.1)
        >>> [round(schedule(step), 3) for step in (0, 100, 150, 200, 999)]
        [1.0, 1.0, 0.55, 0.1, 0.1]
        >>> [Schedule(keep=0.5, floor=0.1)(step) for step in range(5)]
        [1.0, 0.5, 0.25, 0.125, 0.1]
    """

    warmup: int = 0
    hold: int = 0
    decay: int | None = 0
    floor: float = 0.0
    keep: float = 1.0

    def __post_init__(self) -> None:
        for name, steps in (("warmup", self.warmup), ("hold", self.hold), ("decay", self.decay)):
            if steps is not None and steps < 0:
                raise ValueError(f"{name} must be at least 0, not {steps}")
        if not 0 <= self.floor <= 1:
            raise ValueError(f"floor must be in [0, 1], not {self.floor}")
        if not 0 < self.keep <= 1:
            raise ValueError(f"keep must be in (0, 1], and 1 keeps the learning rate, not {self.keep}")

    def __call__(self, step: int) -> float:
        rise = min(1.0, (step + 1) / (self.warmup + 1))
        fall = 1.0
        if self.decay:
            progress = min(1.0, max(0.0, (step - self.hold) / self.decay))
            fall = self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * progress))
        return rise * max(self.floor, fall * self.keep**step)


def fused_step(optimizer: Optimizer, gradients: Sequence[Tensor]) -> bool:
    """Make the step of a fused Adam by its kernel alone, and say whether that was done.

    What PyTorch does around the kernel takes a quarter of a small game's step. A first step, another optimiser, one
    with hooks, and parameters of several types or devices are left to ``optimizer.step()``.
    """
    plain = type(optimizer) in (torch.optim.Adam, torch.optim.AdamW) and "step" not in vars(optimizer)
    # The kernels are no part of PyTorch's promised interface.
    plain = plain and hasattr(torch, "_fused_adam_") and hasattr(torch, "_fused_adamw_")
    if not plain or optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks:
        return False
    groups = optimizer.param_groups
    memory = [[optimizer.state.get(p) for p in group["params"]] for group in groups]
    known = all(group["fused"] and not group["amsgrad"] for group in groups) and all(map(all, memory))
    if not known or len({(p.dtype, p.device) for group in groups for p in group["params"]}) > 1:
        return False
    first = 0
    for group, states in zip(groups, memory, strict=True):
        mine = list(gradients[first : first + len(states)])
        first += len(states)
        means, squares, steps = ([s[name] for s in states if s] for name in ("exp_avg", "exp_avg_sq", "step"))
        kernel = torch._fused_adamw_ if group["decoupled_weight_decay"] else torch._fused_adam_
        settings = {name: group[name] for name in ("lr", "weight_decay", "eps", "amsgrad", "maximize")}
        beta1, beta2 = group["betas"]
        with torch.no_grad():
            torch._foreach_add_(steps, 1)
            kernel(group["params"], mine, means, squares, [], steps, beta1=beta1, beta2=beta2, **settings)
    return True


def _check(name: str, value: float, fits: bool, range_: str) -> None:
    if not fits:
        raise ValueError(f"{name} must be {range_}, not {value:g}")
