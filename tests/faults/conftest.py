"""The forking process that all fault tests share, and small runs for it."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="session")
def driver() -> ModuleType:
    spec = importlib.util.spec_from_file_location("faults_driver", Path(__file__).with_name("driver.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def zygote(driver: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    zygote = driver.Zygote(tmp_path_factory.mktemp("cache"))
    yield zygote
    zygote.close()


@pytest.fixture(scope="session")
def data(driver: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return driver.make_data(tmp_path_factory.mktemp("data") / "little.npz")


@pytest.fixture
def cache(zygote: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The forks' cache, for what runs in the tests' own process."""
    monkeypatch.setenv("GANSMITH_CACHE", str(zygote.folder))
    return zygote.folder


@pytest.fixture
def config(driver: ModuleType, data: Path, tmp_path: Path) -> Callable[..., Path]:
    """Writes a small recipe as a file for ``--config``."""

    def write(name: str = "digits", **changes: Any) -> Path:
        from gansmith.training import to_yaml

        text = to_yaml(driver.small(name, data, **changes))
        path = tmp_path / f"{name}-{len(list(tmp_path.glob('*.yaml')))}.yaml"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def same_run() -> Callable[[Path, Path], None]:
    """Says whether two runs ended in the same state, bit for bit."""

    def compare(a: Path, b: Path) -> None:
        from gansmith.training.rundir import RunDirectory

        ends = []
        for run in (a, b):
            checkpoints = RunDirectory.open(run).checkpoints(warn=pytest.fail)
            newest = checkpoints.latest()
            assert newest is not None
            ends.append((newest.name.split(".")[0], {p.name: p.read_bytes() for p in newest.iterdir()}, newest))
        (name, files, first), (other_name, other_files, second) = ends
        assert name == other_name
        # Packing is a function of the tree, so equal bytes are equal bits of every tensor, number and key.
        assert files["tree.json"] == other_files["tree.json"]
        if files["weights.safetensors"] != other_files["weights.safetensors"]:
            pytest.fail(f"{first} and {second} hold other numbers")

    return compare
