"""Nested state as one safetensors file and a JSON outline: no pickle, every bit and every memory layout kept."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

__all__ = ["pack", "unpack"]


def pack(tree: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """The tensors of a tree as a safetensors file, and its outline as JSON.

    Args:
        tree: nested mappings (keys: text or integers) and sequences of tensors, numbers, text, booleans and None. A
            tuple comes back as a list. Tensors may share memory, be views, or lie in any order: each is written by
            itself.

    Raises:
        ValueError: something in the tree is none of these; the message says where.

    Example:
        >>> weights, outline = pack({"layers": [torch.eye(2)], "step": 3})
        >>> unpack(weights, outline)
        {'layers': [tensor([[1., 0.],
                [0., 1.]])], 'step': 3}
    """
    tensors: dict[str, Tensor] = {}
    outline = _outline(tree, "", tensors)
    return safetensors.torch.save(tensors), json.dumps(outline, allow_nan=False).encode()


def unpack(weights: bytes, outline: bytes) -> Any:
    """The tree that was packed, its tensors on the CPU in memory of their own."""
    return _tree(json.loads(outline), safetensors.torch.load(weights))


def _outline(value: Any, where: str, tensors: dict[str, Tensor]) -> Any:
    """JSON for `value`: scalars as they are, everything else as an object with one tag."""
    if isinstance(value, Tensor):
        return _tensor_outline(value, where, tensors)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str | int) or isinstance(key, bool):
                raise ValueError(
                    f"a checkpoint holds only text and integers as keys, not {key!r} at {where or 'the top'}"
                )
        pairs = [[key, _outline(item, f"{where}/{key}" if where else str(key), tensors)] for key, item in value.items()]
        return {"mapping": pairs}
    if isinstance(value, list | tuple):
        return [_outline(item, f"{where}/{i}", tensors) for i, item in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(float(value))}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(
        f"a checkpoint holds tensors, numbers, text, lists and mappings, and {where or 'the top'} is a "
        f"{type(value).__name__}"
    )


def _tensor_outline(value: Tensor, where: str, tensors: dict[str, Tensor]) -> dict[str, Any]:
    if value.layout is not torch.strided or value.is_meta or value.is_quantized or value.dtype is torch.complex128:
        raise ValueError(
            f"a checkpoint cannot hold {where}: it is a {value.layout} tensor of {value.dtype} on {value.device}"
        )
    name = where or "tensor"
    while name in tensors:  # the keys 1 and "1" look alike in a path
        name += "'"
    detached = value.detach()
    # clone() of a dense tensor keeps its strides, so a second copy in plain order is what the file gets.
    tensors[name] = detached.to("cpu", copy=True).contiguous()
    found: dict[str, Any] = {"tensor": name}
    plain = torch.empty(detached.shape, device="meta").stride()
    if detached.stride() != plain and detached.numel() and _dense(detached):
        found["strides"] = list(detached.stride())
    return found


def _dense(value: Tensor) -> bool:
    """Whether the elements fill a block of memory, each place once."""
    expected = 1
    for stride, size in sorted((s, n) for s, n in zip(value.stride(), value.shape, strict=True) if n != 1):
        if stride != expected:
            return False
        expected *= size
    return True


def _tree(outline: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(outline, list):
        return [_tree(item, tensors) for item in outline]
    if not isinstance(outline, dict):
        return outline
    if "mapping" in outline:
        return {key: _tree(item, tensors) for key, item in outline["mapping"]}
    if "float" in outline:
        return float(outline["float"])
    saved = tensors[outline["tensor"]]
    if "strides" in outline:
        return torch.empty_strided(saved.shape, outline["strides"], dtype=saved.dtype).copy_(saved)
    return saved.clone()
