"""Generators as ONNX files, for places without PyTorch."""

from __future__ import annotations

import copy
import importlib
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

import gansmith
from gansmith.files import replacing
from gansmith.training.model import Model

__all__ = ["export_onnx"]

TOLERANCE = 1e-4
"""Largest difference from PyTorch, relative to the largest pixel."""

CHECKED = (1, 2, 5)
"""Batches that the file is tried with; it was traced with another."""


def export_onnx(model: Model, path: Path | str) -> float:
    """Write a generator as one ONNX file, run it, and return how far its images are from PyTorch's.

    The file takes ``latent`` (n, d) float32, with classes also ``label`` (n,) int64, for any n, and gives ``images``
    (n, c, h, w) float32 in [-1, 1]. Its metadata name the classes, and under ``latent`` what that is
    drawn from: ``normal`` or ``uniform``, which is uniform on [−√3, √3).

    Args:
        model: whose generator is written.
        path: where to; only a file that passed the check is put there.

    Returns:
        The largest absolute difference of a pixel.

    Raises:
        ValueError: the packages are missing, the network cannot be exported, or its images differ by more than 1e-4.
    """
    path = Path(path)
    _require_packages()
    # A copy, because a file is written from the CPU and in the plain memory format.
    generator = copy.deepcopy(model.generator).to("cpu").to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    generator = generator.float().eval()
    with replacing(path) as temporary:
        _write(model, generator, temporary)
        difference = max(_difference(model, generator, temporary, n) for n in CHECKED)
        if not difference <= TOLERANCE:
            raise ValueError(
                f"{path} was not written: its images differ from PyTorch's by {difference:.1e}, above {TOLERANCE:.0e}; "
                "export with other versions of torch, onnxscript and onnxruntime, or share the model with --pretrained"
            )
    return difference


def _inputs(model: Model, n: int) -> tuple[Tensor, ...]:
    latents, _ = model.noise(n, seed=1)
    return (latents, torch.arange(n) % len(model.classes)) if model.classes else (latents,)


def _write(model: Model, generator: nn.Module, path: Path) -> None:
    inputs = _inputs(model, 3)
    batch = torch.export.Dim("batch")
    shapes = (tuple({0: batch} for _ in inputs),)
    try:
        with _quiet():
            # Traced first: the exporter by itself would go on with a fixed batch where a free one cannot be traced.
            traced = torch.export.export(_Bounded(generator).eval(), inputs, dynamic_shapes=shapes)
            program = torch.onnx.export(
                traced,
                dynamic_shapes=shapes,
                input_names=["latent", "label"][: len(inputs)],
                output_names=["images"],
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except (RuntimeError, ValueError) as error:
        reason = next(iter(str(error.__cause__ or error).splitlines()), type(error).__name__)
        raise ValueError(f"this generator cannot be written as ONNX ({reason}); share it with --pretrained") from error
    assert program is not None  # `dynamo=True` always returns a program
    about = {"gansmith": gansmith.__version__, "classes": json.dumps(model.classes), "step": str(model.step)}
    about["latent"] = model.recipe.noise
    program.model.metadata_props.update(about)
    program.save(path, external_data=False)


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what the exporter says about its own insides: the file is tried afterwards."""
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


class _Bounded(nn.Module):
    """A generator whose images are cut to [-1, 1], as those of `Model.sample` are."""

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, *inputs: Tensor) -> Tensor:
        images: Tensor = self.generator(*inputs)
        return images.clamp(-1, 1)


def _difference(model: Model, generator: nn.Module, path: Path, n: int) -> float:
    """The largest difference between the file's images and the generator's."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    inputs = _inputs(model, n)
    names = [given.name for given in session.get_inputs()]
    [images] = session.run(None, {name: value.numpy() for name, value in zip(names, inputs, strict=True)})
    with torch.no_grad():
        expected: Tensor = generator(*inputs).clamp(-1, 1)
    largest = max(float(expected.abs().max()), 1e-6)
    return float((torch.from_numpy(images) - expected).abs().max()) / largest


def _require_packages() -> None:
    try:
        for package in ("onnx", "onnxruntime", "onnxscript"):
            importlib.import_module(package)
    except ImportError as error:
        raise ValueError(
            f"ONNX files need packages that are not installed ({error.name}): pip install 'gansmith[onnx]'"
        ) from error
