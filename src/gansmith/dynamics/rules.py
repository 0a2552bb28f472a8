"""What torch's SGD and Adam do, as differentiable functions: for steps that are looked through, not made."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

__all__ = ["Memory", "check_rule", "make", "remembered", "stepped", "written_out"]

Memory = list[dict[str, Tensor]]
"""What an optimiser keeps of each parameter: momentum, moments, the count of steps."""


_WRITTEN_OUT: ContextVar[bool] = ContextVar("written_out", default=False)


@contextmanager
def written_out() -> Iterator[None]:
    """Inside, optimisers move parameters by the rules below instead of their own kernels, so that it can be traced."""
    token = _WRITTEN_OUT.set(True)
    try:
        yield
    finally:
        _WRITTEN_OUT.reset(token)


def make(optimizer: Optimizer, gradients: Sequence[Tensor], *, factor: float = 1.0) -> bool:
    """Make the step of `optimizer` in place by its rule, and say so; outside `written_out`, do nothing."""
    if not _WRITTEN_OUT.get():
        return False
    values, memory = [p for group in optimizer.param_groups for p in group["params"]], remembered(optimizer)
    with torch.no_grad():
        ahead, after = stepped(optimizer, values, gradients, memory, factor=factor)
        for value, new in zip(values, ahead, strict=True):
            value.copy_(new)
        for old, new_memory in zip(memory, after, strict=True):
            for name, new in new_memory.items():
                old[name].copy_(new)
    return True


def check_rule(optimizer: Optimizer, player: str) -> None:
    """Refuse an optimiser whose steps cannot be looked through.

    Raises:
        ValueError: it is none of SGD, Adam and AdamW.
    """
    if type(optimizer) not in _RULES:
        raise ValueError(
            f"the steps of the {player} are differentiated, which can be done with SGD, Adam and AdamW, "
            f"not with {type(optimizer).__name__}; give it one of these"
        )


def remembered(optimizer: Optimizer) -> Memory:
    """What `optimizer` keeps of each parameter now."""
    return [dict(optimizer.state.get(p, {})) for group in optimizer.param_groups for p in group["params"]]


def stepped(
    optimizer: Optimizer, values: Sequence[Tensor], gradients: Sequence[Tensor], memory: Memory, *, factor: float = 1.0
) -> tuple[list[Tensor], Memory]:
    """Where one step of `optimizer` would lead from `values`, and what it would then remember.

    Nothing is changed in place, and the results carry graphs to `values` and `gradients`.

    Args:
        optimizer: an SGD, Adam or AdamW as `optimizers` builds them, whose groups know their ``base_lr``.
        values: where each parameter is.
        gradients: the gradient at `values`.
        memory: as `remembered`, or an earlier call, gives it.
        factor: on the learning rates.

    Example:
        >>> w = torch.ones(1, requires_grad=True)
        >>> sgd = torch.optim.SGD([w], lr=0.1)
        >>> sgd.param_groups[0]["base_lr"] = 0.1
        >>> [ahead], _ = stepped(sgd, [w], [3 * w], remembered(sgd))
        >>> round(torch.autograd.grad(ahead, w)[0].item(), 6)  # d/dw of w − 0.1·3w
        0.7
    """
    rule = _RULES[type(optimizer)]
    groups = [group for group in optimizer.param_groups for _ in group["params"]]
    corrections = _corrections(groups, memory, values)
    ahead = [
        rule(w, g, mine, {**group, "corrections": correction}, group["base_lr"] * factor)
        for w, g, mine, group, correction in zip(values, gradients, memory, groups, corrections, strict=True)
    ]
    return [w for w, _ in ahead], [mine for _, mine in ahead]


def _sgd(
    w: Tensor, g: Tensor, memory: dict[str, Tensor], group: Mapping[str, Any], lr: float
) -> tuple[Tensor, dict[str, Tensor]]:
    g = -g if group["maximize"] else g
    g = g + group["weight_decay"] * w if group["weight_decay"] else g
    if not group["momentum"]:
        return w - lr * g, memory
    old = memory.get("momentum_buffer")
    buffer = g if old is None else group["momentum"] * old + (1 - group["dampening"]) * g
    g = g + group["momentum"] * buffer if group["nesterov"] else buffer
    return w - lr * g, {"momentum_buffer": buffer}


def _adam(
    w: Tensor, g: Tensor, memory: dict[str, Tensor], group: Mapping[str, Any], lr: float
) -> tuple[Tensor, dict[str, Tensor]]:
    beta1, beta2 = group["betas"]
    g = -g if group["maximize"] else g
    if group["weight_decay"] and group.get("decoupled_weight_decay"):
        w = w * (1 - lr * group["weight_decay"])
    elif group["weight_decay"]:
        g = g + group["weight_decay"] * w
    zero = torch.zeros_like(w)
    m, v, (first, second) = memory.get("exp_avg", zero), memory.get("exp_avg_sq", zero), group["corrections"]
    if not group["amsgrad"] and not _WRITTEN_OUT.get():
        numbers = (beta1, beta2, lr / first, second, group["eps"])
        if g.requires_grad or m.requires_grad or v.requires_grad:
            ahead, m, v = _AdamStep.apply(w, g, m, v, *numbers)  # type: ignore[no-untyped-call]
        else:  # nothing to look back through but the subtraction, for which nothing is kept
            ahead, m, v, _ = _adam_step(w, g, m, v, *numbers)
        return ahead, {"step": _count(memory), "exp_avg": m, "exp_avg_sq": v}
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g.square()
    after = {"step": _count(memory), "exp_avg": m, "exp_avg_sq": v}
    if group["amsgrad"]:
        v = after["max_exp_avg_sq"] = torch.maximum(memory.get("max_exp_avg_sq", zero), v)
    denominator = _root(v) / second + group["eps"]
    return w - lr / first * (m / denominator), after


def _adam_step(
    w: Tensor, g: Tensor, m: Tensor, v: Tensor, beta1: float, beta2: float, rate: Any, second: Any, eps: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Where Adam goes, both averages after it, and the root of the second."""
    m = torch.lerp(m, g, 1 - beta1)
    v = (beta2 * v).addcmul_(g, g, value=1 - beta2)
    root = v.sqrt()
    return w - (m / (root / second).add_(eps)).mul_(rate), m, v, root


class _AdamStep(torch.autograd.Function):
    """Adam's step and its derivative with few passes over the weights, which is what looking through a step costs."""

    @staticmethod
    def forward(
        ctx: Any,
        w: Tensor,
        g: Tensor,
        m: Tensor,
        v: Tensor,
        beta1: float,
        beta2: float,
        rate: Any,
        second: Any,
        eps: float,
    ) -> tuple[Tensor, Tensor, Tensor]:
        ahead, m, v, root = _adam_step(w, g, m, v, beta1, beta2, rate, second, eps)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(g, m, root)
        ctx.constants = beta1, beta2, rate, second, eps
        return ahead, m, v

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, to_w: Tensor | None, to_m: Tensor | None, to_v: Tensor | None) -> tuple[Tensor | None, ...]:
        g, m, root = ctx.saved_tensors
        beta1, beta2, rate, second, eps = ctx.constants
        if to_w is not None:
            denominator = (root / second).add_(eps)
            along = (to_w / denominator).mul_(rate)
            # The slope of √v at 0 is infinite, and times the slope 0 of v = g² there it would be NaN instead of 0.
            bent = (along * m).div_(denominator.mul_(root).mul_(2 * second)).masked_fill_(root == 0, 0)
            to_m = -along if to_m is None else to_m - along
            to_v = bent if to_v is None else bent.add_(to_v)
        to_g = None
        if to_m is not None:
            to_g = (1 - beta1) * to_m
            to_m = beta1 * to_m if ctx.needs_input_grad[2] else None
        if to_v is not None:
            square = (2 - 2 * beta2) * g
            to_g = square.mul_(to_v) if to_g is None else to_g.addcmul_(square, to_v)
            to_v = beta2 * to_v if ctx.needs_input_grad[3] else None
        return to_w, to_g, to_m, to_v, None, None, None, None, None


def _count(memory: Mapping[str, Tensor]) -> Tensor:
    return memory.get("step", torch.zeros(())).double() + 1


def _corrections(
    groups: Sequence[Mapping[str, Any]], memory: Memory, values: Sequence[Tensor]
) -> list[tuple[Any, Any]]:
    """Adam's 1 − β₁ᵗ and √(1 − β₂ᵗ) for each parameter; what is the same is worked out once."""
    known: dict[object, tuple[Any, Any]] = {}
    found = []
    for i, (group, mine, w) in enumerate(zip(groups, memory, values, strict=True)):
        # What is written out moves all parameters of a group together, so they have made as many steps.
        key = (id(group), w.dtype) if _WRITTEN_OUT.get() else i
        if key not in known:
            known[key] = _correction(_count(mine), group["betas"], w.dtype) if "betas" in group else (1, 1)
        found.append(known[key])
    return found


def _correction(step: Tensor, betas: tuple[float, float], dtype: torch.dtype) -> tuple[Any, Any]:
    if _WRITTEN_OUT.get():
        # Exponentials of numbers that several read are what compilers do not work out anew for every weight.
        powers = ((step * math.log(beta)).exp() if beta else torch.zeros_like(step) for beta in betas)
        first, second = (1 - power for power in powers)
        return first.to(dtype), second.sqrt().to(dtype)
    # A count that is on a GPU stays there: asking for its value would make the processor wait.
    t = step if step.is_cuda else step.item()
    return 1 - betas[0] ** t, (1 - betas[1] ** t) ** 0.5


def _root(v: Tensor) -> Tensor:
    # The slope of √v at 0 is infinite, and times the slope 0 of v = g² there it would be NaN instead of 0.
    some = v > 0
    return torch.where(some, v, 1).sqrt() * some


_RULES = {torch.optim.SGD: _sgd, torch.optim.Adam: _adam, torch.optim.AdamW: _adam}
