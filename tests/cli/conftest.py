"""What the tests of the command line share: a folder of their own, a tiny data set, one tiny run, and a way to ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from gansmith.cli import main

TINY = ["--steps", "2", "--batch", "4", "--latent", "4", "--width", "8", "--every.save", "1", "--precision", "float32"]
"""Flags that make a run of a DCGAN take a moment."""


@dataclass(frozen=True)
class Answer:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> str:
        return self.out.splitlines()[-1]


Gansmith = Callable[..., Answer]


@pytest.fixture
def gansmith(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gansmith:
    """The command line, in this process and in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANSMITH_CACHE", str(tmp_path / ".cache"))
    monkeypatch.setenv("COLUMNS", "120")

    def ask(*words: object) -> Answer:
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        return Answer(code, said.out, said.err)

    return ask


@pytest.fixture
def tiny() -> list[str]:
    """Flags that make a run of any recipe take a moment."""
    return TINY


@pytest.fixture
def data(tmp_path: Path) -> str:
    """A file of tiny images in the folder in which `gansmith` runs."""
    return write_images(tmp_path / "tiny.npz").name


def write_images(path: Path, *, side: int = 16, channels: int = 1, classes: int = 2, count: int = 12) -> Path:
    """Random images with labels, as arrays."""
    pixels = np.random.default_rng(0).integers(0, 256, (count, side, side, channels), np.uint8)
    np.savez(path, images=pixels, labels=np.arange(count) % classes)
    return path


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on tiny images; nobody may write to it."""
    folder = tmp_path_factory.mktemp("tiny")
    data = write_images(folder / "tiny.npz")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANSMITH_CACHE", str(folder / "cache"))
        assert main(["train", "digits", "--data", str(data), "--out", str(folder / "run"), *TINY]) == 0
    return folder / "run"
