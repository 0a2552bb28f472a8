"""What was gathered of a source of images, and how it is kept on disk."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from gansmith.files import write_atomically
from gansmith.metrics.fidelity import Calls
from gansmith.metrics.statistics import GaussianStatistics

if TYPE_CHECKING:
    from gansmith.metrics.gathering import Judge

__all__ = ["Gathered", "content_digest", "key_of", "load", "store"]

FORMAT = 1
"""Of the files and of what is in them; another format is not found."""

CHUNK = 1024


@dataclass(frozen=True, kw_only=True, eq=False)
class Gathered:
    """What is known of a source: sums over all of its images, and more of a random choice of them, in random order.

    Args:
        digest: SHA-256 of the images where they were given; None where a sampler drew them.
        statistics: of the features of all images.
        calls: how many of all images are called with confidence, class by class; None without a classifier.
        called: (k,) for how many of all images each class is the most probable.
        rows: (m,) where the chosen images stand in the source.
        features: (m, d) of the chosen ones.
        pictures: (m, c, h, w) uint8, the chosen images themselves, at most 64 pixels along a side.
        probabilities: (m, k) of the classes, calibrated; None without a classifier.
    """

    digest: str | None
    statistics: GaussianStatistics
    calls: Calls | None
    called: Tensor | None
    rows: Tensor
    features: Tensor
    pictures: Tensor
    probabilities: Tensor | None

    @property
    def count(self) -> int:
        """How many images were looked at."""
        return self.statistics.count


def content_digest(images: Tensor) -> str:
    """SHA-256 of images (N, c, h, w): their shape, their type and their values in order.

    Example:
        >>> a = torch.zeros(3, 1, 2, 2)
        >>> content_digest(a) == content_digest(a.clone()), content_digest(a) == content_digest(a[:2])
        (True, False)
    """
    digest = hashlib.sha256(f"{tuple(images.shape)}{images.dtype}".encode())
    for part in torch.split(images, CHUNK):
        digest.update(part.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()


def key_of(digest: str, judge: Judge, first: Tensor, *, keep: int, batch: int) -> str:
    """SHA-256 of all that a pass over given images depends on.

    A digest of weights does not see what a network does with them, nor in which arithmetic; what it makes of two of the
    images does.

    Args:
        digest: of the images.
        judge: what looks at them.
        first: some of them, (n, c, h, w) in [-1, 1].
        keep: of how many of them more than sums is kept.
        batch: how many were looked at together, on which the rounding depends.
    """
    classifier = judge.classifier
    probe = hashlib.sha256(judge.features(first).contiguous().numpy().data)
    if (probabilities := judge.probabilities(first)) is not None:
        probe.update(probabilities.contiguous().numpy().data)
    parts = [
        FORMAT,
        digest,
        judge.extractor.name,
        judge.extractor.digest,
        None if classifier is None else [classifier.name, classifier.digest],
        judge.resize,
        probe.hexdigest(),
        keep,
        batch,
        torch.__version__,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def store(path: Path, found: Gathered) -> None:
    """Write a file, whole, with its own SHA-256 in front; where that is not possible there is none."""
    tensors = {
        "mean": found.statistics.mean,
        "scatter": found.statistics.scatter,
        "called": found.called,
        "rows": found.rows,
        "features": found.features,
        "pictures": found.pictures,
        "probabilities": found.probabilities,
    }
    facts = {
        "count": found.count,
        "digest": found.digest,
        "calls": None if found.calls is None else [found.calls.count, found.calls.confident, found.calls.threshold],
    }
    data = safetensors.torch.save(
        {name: tensor.contiguous() for name, tensor in tensors.items() if tensor is not None},
        metadata={"facts": json.dumps(facts)},
    )
    with suppress(OSError):
        write_atomically(path, hashlib.sha256(data).digest() + data)


def load(path: Path) -> Gathered | None:
    """What `store` wrote; None where there is nothing, or something else, or something damaged."""
    try:
        written = path.read_bytes()
        digest, data = written[:32], written[32:]
        if hashlib.sha256(data).digest() != digest:
            return None
        tensors = safetensors.torch.load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        facts = json.loads(header["__metadata__"]["facts"])
        return Gathered(
            digest=facts["digest"],
            statistics=GaussianStatistics(facts["count"], tensors["mean"], tensors["scatter"]),
            calls=_calls(facts["calls"]),
            called=tensors.get("called"),
            rows=tensors["rows"],
            features=tensors["features"],
            pictures=tensors["pictures"],
            probabilities=tensors.get("probabilities"),
        )
    except (OSError, ValueError, KeyError, TypeError, SafetensorError):
        return None


def _calls(parts: list[object] | None) -> Calls | None:
    if parts is None:
        return None
    count, confident, threshold = parts
    return Calls(count, tuple(confident), threshold)  # type: ignore[arg-type]
