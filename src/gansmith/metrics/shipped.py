"""Weight files that travel inside the package, each verified by the digest of its tensors whenever it is read."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

__all__ = ["WEIGHTS", "load_weights", "save_weights", "weights_digest"]

WEIGHTS = Path(__file__).parent / "weights"


def weights_digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of named tensors: names, shapes and values, floats as float32, independent of order and file format.

    Example:
        >>> a, b = torch.arange(3.0), torch.ones(2, 2)
        >>> weights_digest({"a": a, "b": b}) == weights_digest({"b": b.half(), "a": a})
        True
        >>> weights_digest({"a": a}) == weights_digest({"a": a + 1})
        False
    """
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu()
        tensor = (tensor.float() if tensor.is_floating_point() else tensor.long()).contiguous()
        digest.update(f"{name}:{tuple(tensor.shape)}:{tensor.dtype}\n".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


def save_weights(path: Path, tensors: Mapping[str, Tensor]) -> str:
    """Write tensors to a safetensors file, matrices and kernels in half precision, and return the digest it carries.

    Args:
        path: the file to write.
        tensors: what to write. Vectors and scalars keep float32: they are small and batch norm's variances need it.
    """
    stored = {
        name: tensor.detach()
        .cpu()
        .to(torch.float16 if tensor.is_floating_point() and tensor.ndim > 1 else tensor.dtype)
        for name, tensor in tensors.items()
    }
    digest = weights_digest(stored)
    save_file({name: tensor.contiguous() for name, tensor in stored.items()}, path, metadata={"sha256": digest})
    path.chmod(0o644)  # safetensors leaves the file to its owner alone, and a package is for everybody
    return digest


def load_weights(path: Path) -> tuple[dict[str, Tensor], str]:
    """Read a file of `save_weights`: its tensors, floats as float32, and their digest.

    Raises:
        ValueError: the file cannot be read, or its tensors are not the ones that were written.
    """
    try:
        with safe_open(path, framework="pt") as file:
            expected = (file.metadata() or {}).get("sha256")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a mapping)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is not a readable weight file ({error}): reinstall gansmith") from error
    tensors = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    digest = weights_digest(tensors)
    if digest != expected:
        raise ValueError(f"{path} is damaged (digest {digest[:12]}, expected {str(expected)[:12]}): reinstall gansmith")
    return tensors, digest
