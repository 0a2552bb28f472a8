"""The layering: which room may import which."""

import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[1]


@pytest.mark.filterwarnings("default")
def test_rooms_import_only_what_stands_below_them(monkeypatch, capsys):
    """The contracts are in pyproject.toml; a new import that breaks one is printed with its chain."""
    monkeypatch.chdir(ROOT)
    status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert status == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("room", "barred"),
    [
        ("games", ("networks", "data", "metrics", "dynamics", "training")),
        ("dynamics", ("networks", "data", "metrics", "training")),
        ("networks", ("games", "dynamics", "data", "metrics", "training")),
        ("data", ("games", "dynamics", "networks", "metrics", "training")),
        ("metrics", ("games", "dynamics", "networks", "data", "training")),
    ],
)
def test_importing_a_room_brings_none_of_those_it_does_not_know(room, barred):
    """A fresh interpreter, because this one has imported everything."""
    code = f"import sys, gansmith.{room}; print(*(m for m in {barred} if 'gansmith.' + m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == []
