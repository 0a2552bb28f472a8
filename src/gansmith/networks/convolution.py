"""Convolution whose second derivatives are convolutions too.

A gradient penalty differentiates a discriminator twice. PyTorch's own second derivative of a convolution loops over
the groups and, at stride 1, takes whole images for kernels: it was measured to make a residual discriminator with R1
and R2 slower by half. (At stride 2 it is as fast as this.) Here the three maps of which a convolution consists,
forward, gradient to the input and gradient to the weight, are written as each other's derivatives, so that every order
of derivative runs on the fast kernels of the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["conv2d"]

# Stride, padding and groups, the first two alike on both axes.
Geometry = tuple[int, int, int]


def conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, *, stride: int = 1, padding: int = 0, groups: int = 1
) -> Tensor:
    """Return ``torch.nn.functional.conv2d`` of the same arguments, faster under double differentiation.

    Args:
        x: input (n, c, h, w).
        weight: weight (o, c / groups, kh, kw).
        bias: bias (o,) or None.
        stride: stride on both axes.
        padding: zero padding on both axes.
        groups: number of groups.

    Example:
        >>> x, w = torch.ones(1, 2, 4, 4), torch.ones(2, 1, 3, 3)
        >>> bool((conv2d(x, w, padding=1, groups=2) == F.conv2d(x, w, padding=1, groups=2)).all())
        True
    """
    if torch.compiler.is_compiling() or not torch.is_grad_enabled():
        return F.conv2d(x, weight, bias, stride, padding, groups=groups)
    x, weight, bias = _cast(x), _cast(weight), None if bias is None else _grown(_cast(bias))
    y: Tensor = _Forward.apply(_grown(x), _grown(weight), bias, (stride, padding, groups))  # type: ignore[no-untyped-call]
    return y


def _cast(x: Tensor) -> Tensor:
    device = x.device.type
    return x.to(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else x


def _grown(x: Tensor) -> Tensor:
    """x, or a view of it if it is a leaf of the graph: autograd tells of nodes alone whether they are asked for."""
    return x.view_as(x) if x.is_leaf and x.requires_grad else x


def _asked(ctx: Any) -> list[bool]:
    """Say which tensors among a function's arguments the running pass wants a gradient for.

    ``needs_input_grad`` says which of them could have one. Where a player moves and its opponent does not, or a slope
    penalty asks for the gradient to the samples alone, that is more, and dear.
    """
    runs = getattr(torch._C, "_will_engine_execute_node", None)
    nodes = getattr(ctx, "next_functions", None)
    if runs is None or nodes is None:
        return list(ctx.needs_input_grad)
    asked = [node is not None and runs(node) for node, _ in nodes]
    return asked + [False] * (len(ctx.needs_input_grad) - len(asked))


def _backward(grad: Tensor, x: Tensor, weight: Tensor, geometry: Geometry, mask: Sequence[bool]) -> list[Any]:
    stride, padding, groups = geometry
    return list(
        torch.ops.aten.convolution_backward(
            grad, x, weight, [weight.shape[0]], [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], groups, mask
        )
    )


def _plain(x: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
    return _Forward.apply(_grown(x), _grown(weight), None, geometry)  # type: ignore[no-any-return,no-untyped-call]


def _to_input(grad: Tensor, weight: Tensor, like: Tensor, geometry: Geometry) -> Tensor:
    return _ToInput.apply(_grown(grad), _grown(weight), like.detach(), geometry)  # type: ignore[no-any-return,no-untyped-call]


def _to_weight(grad: Tensor, x: Tensor, like: Tensor, geometry: Geometry) -> Tensor:
    return _ToWeight.apply(_grown(grad), _grown(x), like.detach(), geometry)  # type: ignore[no-any-return,no-untyped-call]


class _Forward(torch.autograd.Function):
    """y = x * w + b."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
        stride, padding, groups = geometry
        with torch.autocast(x.device.type, enabled=False):
            return F.conv2d(x, weight, bias, stride, padding, groups=groups)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor | None, Geometry], output: Tensor) -> None:
        x, weight, bias, ctx.geometry = inputs
        ctx.has_bias = bias is not None
        ctx.save_for_backward(x, weight)
        ctx.save_for_forward(x, weight)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        asked = _asked(ctx)[:3]
        if not torch.is_grad_enabled():
            # Nobody will differentiate this again: one kernel call for all three is the quickest.
            return (*_backward(grad, x, weight, ctx.geometry, asked), None)
        to_x = _to_input(grad, weight, x, ctx.geometry) if asked[0] else None
        to_w = _to_weight(grad, x, weight, ctx.geometry) if asked[1] else None
        to_b = grad.sum((0, 2, 3)) if ctx.has_bias and asked[2] else None
        return to_x, to_w, to_b, None

    @staticmethod
    def jvp(ctx: Any, x_t: Tensor | None, weight_t: Tensor | None, bias_t: Tensor | None, _: None) -> Tensor:
        x, weight = ctx.saved_tensors
        return _total(
            None if x_t is None else _plain(x_t, weight, ctx.geometry),
            None if weight_t is None else _plain(x, weight_t, ctx.geometry),
            None if bias_t is None else bias_t.view(1, -1, 1, 1),
        )


class _ToInput(torch.autograd.Function):
    """The gradient with respect to x: linear in the gradient of y and in w; ``like`` lends its shape."""

    generate_vmap_rule = True

    @staticmethod
    def forward(grad: Tensor, weight: Tensor, like: Tensor, geometry: Geometry) -> Tensor:
        return _backward(grad, like, weight, geometry, (True, False, False))[0]  # type: ignore[no-any-return]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor, Geometry], output: Tensor) -> None:
        grad, weight, like, ctx.geometry = inputs
        ctx.save_for_backward(grad, weight)
        ctx.save_for_forward(grad, weight, like)

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> tuple[Tensor | None, ...]:
        grad, weight = ctx.saved_tensors
        asked = _asked(ctx)
        to_grad = _plain(v, weight, ctx.geometry) if asked[0] else None
        to_w = _to_weight(grad, v, weight, ctx.geometry) if asked[1] else None
        return to_grad, to_w, None, None

    @staticmethod
    def jvp(ctx: Any, grad_t: Tensor | None, weight_t: Tensor | None, *_: None) -> Tensor:
        grad, weight, like = ctx.saved_tensors
        return _total(
            None if grad_t is None else _to_input(grad_t, weight, like, ctx.geometry),
            None if weight_t is None else _to_input(grad, weight_t, like, ctx.geometry),
        )


class _ToWeight(torch.autograd.Function):
    """The gradient with respect to w: linear in the gradient of y and in x; ``like`` lends its shape."""

    generate_vmap_rule = True

    @staticmethod
    def forward(grad: Tensor, x: Tensor, like: Tensor, geometry: Geometry) -> Tensor:
        return _backward(grad, x, like, geometry, (False, True, False))[1]  # type: ignore[no-any-return]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor, Geometry], output: Tensor) -> None:
        grad, x, like, ctx.geometry = inputs
        ctx.save_for_backward(grad, x)
        ctx.save_for_forward(grad, x, like)

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> tuple[Tensor | None, ...]:
        grad, x = ctx.saved_tensors
        asked = _asked(ctx)
        to_grad = _plain(x, v, ctx.geometry) if asked[0] else None
        to_x = _to_input(grad, v, x, ctx.geometry) if asked[1] else None
        return to_grad, to_x, None, None

    @staticmethod
    def jvp(ctx: Any, grad_t: Tensor | None, x_t: Tensor | None, *_: None) -> Tensor:
        grad, x, like = ctx.saved_tensors
        return _total(
            None if grad_t is None else _to_weight(grad_t, x, like, ctx.geometry),
            None if x_t is None else _to_weight(grad, x_t, like, ctx.geometry),
        )


def _total(first: Tensor | None, *rest: Tensor | None) -> Tensor:
    parts = [part for part in (first, *rest) if part is not None]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
