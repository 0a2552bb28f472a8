"""Loggers: what they are told, with a stand-in for the package that they write through."""

import sys
from types import ModuleType

import numpy as np
import pytest

import gansmith as gs
from gansmith.data import from_array
from gansmith.training.display import Silent


@pytest.fixture
def events(monkeypatch):
    """What was asked of ``torch.utils.tensorboard``, in order."""
    calls = []

    class SummaryWriter:
        def __init__(self, folder, purge_step):
            calls.append(("open", folder, purge_step))

        def add_scalar(self, name, value, step):
            calls.append((name, value, step))

        def flush(self):
            calls.append(("flush",))

    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = SummaryWriter
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    return calls


def test_numbers_are_written_under_their_step_and_flushed(events, tmp_path):
    logger = gs.TensorBoard(tmp_path / "events")
    assert events == []  # nothing is opened before there is something to write
    logger({"step": 25, "cost/generator": 0.5, "note": "text"})
    logger({"step": 50, "accuracy": 1})
    assert events == [
        ("open", str(tmp_path / "events"), 25),
        ("cost/generator", 0.5, 25),
        ("flush",),
        ("accuracy", 1, 50),
        ("flush",),
    ]


@pytest.mark.smoke
def test_a_run_tells_its_costs(events, tmp_path):
    images = from_array(np.random.default_rng(0).integers(0, 256, (32, 16, 16), np.uint8), name="noise")
    recipe = gs.Recipe(
        networks=gs.MLP(width=8), latent=4, batch=8, steps=2, every=gs.Schedules(log=1, sample=9, save=9)
    )
    logger = gs.TensorBoard(tmp_path / "events")
    gs.train(recipe, out=tmp_path / "run", data=images, display=Silent(), loggers=[logger])
    assert {call[2] for call in events if call[0] == "cost/generator"} == {1, 2}
    gs.resume(tmp_path / "run", steps=3, data=images, display=Silent(), loggers=[logger])
    assert {call[2] for call in events if call[0] == "cost/generator"} == {1, 2, 3}


def test_a_missing_package_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ValueError, match=r"pip install 'gansmith\[tensorboard\]'"):
        gs.TensorBoard(tmp_path)({"step": 1})
