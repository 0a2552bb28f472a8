"""The examples run from top to bottom as the README says, only for fewer steps."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from torch import nn

from gansmith.games import check_game

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.smoke
@pytest.mark.parametrize("example", sorted({path.name for path in EXAMPLES.glob("own_*.py")} - {"own_game.py"}))
def test_an_example_trains_and_draws(example, tmp_path):
    """It prints the run's directory, which holds a grid and records of every logged step."""
    run = tmp_path / "run"
    command = [sys.executable, str(EXAMPLES / example), "30", str(run)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(run)]
    assert (run / f"{Path(example).stem.replace('_', '-')}.png").read_bytes().startswith(b"\x89PNG")
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [r["step"] for r in records if "cost/generator" in r] == [25, 30]


@pytest.mark.smoke
def test_the_encoder_tells_the_reader_and_keeps_it_from_the_spy():
    """A game of one's own: the reader is always right, the spy as often as a coin."""
    command = [sys.executable, str(EXAMPLES / "own_game.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    right = {line.partition(" ")[0]: float(line.split()[-1]) for line in done.stdout.splitlines()}
    assert right["reader"] > 0.95
    assert abs(right["spy"] - 0.5) < 0.1


@pytest.mark.smoke
def test_pictures_without_labels_help():
    """The same network on the same labels, with and without the other pictures; chance is 0.1."""
    command = [sys.executable, str(EXAMPLES / "few_labels.py"), "600"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    linear, alone, helped = (float(line.split()[-1]) for line in done.stdout.splitlines())
    assert helped > alone + 0.02
    assert min(linear, alone) > 0.6


def test_the_game_of_ones_own_keeps_its_promises(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    from own_game import Discretion, draws

    players = {"reader": nn.Linear(2, 1), "spy": nn.Linear(2, 1), "encoder": nn.Linear(4, 2)}
    check_game(Discretion(), players, draws(0)(0))
