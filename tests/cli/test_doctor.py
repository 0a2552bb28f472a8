"""`doctor`: it answers whatever is broken, and every failure comes with its cure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import gansmith as package
from gansmith.cli import probes
from gansmith.data.cache import writable_cache


def doctor(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gansmith", "doctor", *words]
    variables = {**os.environ, "GANSMITH_CACHE": str(cwd / "cache"), **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=280, check=False, cwd=cwd, env=variables)


def path_before(folder: Path) -> str:
    return os.pathsep.join((str(folder), str(Path(package.__file__).parents[1]), os.environ.get("PYTHONPATH", "")))


def test_a_healthy_machine_is_ready_and_really_trains(tmp_path) -> None:
    done = doctor("--json", cwd=tmp_path)
    answer = json.loads(done.stdout)
    states = {check["name"]: check["state"] for check in answer["checks"]}
    assert done.returncode == 0, done.stdout + done.stderr
    assert answer["ok"]
    assert {states[name] for name in ("python", "torch", "device", "disk here", "disk cache", "training")} == {"ok"}
    assert {"cores", "memory", "bfloat16", "packages", "onnx", "avatars", "hub", "tensorboard"} <= set(states)
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


@pytest.mark.parametrize(
    ("torch", "found", "cure"),
    [
        ("raise ImportError('libgomp.so.1: cannot open shared object file')", "libgomp.so.1", "install PyTorch again"),
        ("raise ModuleNotFoundError(\"No module named 'torch'\")", "No module named 'torch'", "pip install torch"),
        ("import os; os.abort()", "ended by signal 6", "install PyTorch again"),
        ("1 / 0", "ZeroDivisionError", "install PyTorch again"),
    ],
)
def test_a_broken_torch_is_found_and_cured(tmp_path, torch: str, found: str, cure: str) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text(torch)
    done = doctor("--json", cwd=tmp_path, PYTHONPATH=path_before(tmp_path))
    answer = json.loads(done.stdout)
    check = next(check for check in answer["checks"] if check["name"] == "torch")
    assert done.returncode == 1
    assert not answer["ok"]
    assert check["state"] == "fail"
    assert found in check["found"]
    assert cure in check["fix"]
    assert "Traceback" not in done.stderr


def test_other_commands_say_where_to_look_when_torch_is_missing(tmp_path) -> None:
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')")
    done = subprocess.run(
        [sys.executable, "-m", "gansmith", "recipes"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": path_before(tmp_path)},
    )
    assert done.returncode == 1
    assert done.stderr.startswith("gansmith: PyTorch cannot be imported (")
    assert done.stderr.endswith("gansmith doctor says what to do\n")


def test_for_people_every_failure_has_its_fix_below_it(gansmith, monkeypatch) -> None:
    monkeypatch.setattr(probes, "torch", lambda: iter([probes.Check("torch", probes.FAIL, "gone", "bring it back")]))
    monkeypatch.setattr(probes, "EXTRAS", {"onnx": (("no_such_package",), "exports")})
    answer = gansmith("doctor")
    assert answer.code == 1
    lines = answer.out.splitlines()
    assert lines[-1] == "Not ready: torch."
    assert lines[lines.index("FAIL  torch         gone") + 1].strip() == "bring it back"
    assert "note  onnx          not installed; only for exports" in lines
    assert "note  training      not tried, because PyTorch fails" in lines


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_fails(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o500)
    here = next(probes.disks())
    tmp_path.chmod(0o700)
    assert (here.name, here.state) == ("disk here", probes.FAIL)


def test_a_disk_that_fails_is_named_with_its_error(tmp_path, monkeypatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANSMITH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "fsync", full)
    here, cache = probes.disks()
    assert (here.state, cache.state) == (probes.FAIL, probes.NOTE)
    assert "No space left on device" in here.found
    assert here.fix
    assert "GANSMITH_CACHE" in cache.fix
    assert list(tmp_path.rglob("*")) == [tmp_path / "cache"]


@pytest.mark.parametrize("variable", [None, "", "somewhere"])
def test_the_cache_is_where_the_data_room_has_it(tmp_path, monkeypatch, variable: str | None) -> None:
    """The doctor cannot import the data room without torch, so the rule is written twice and compared here."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    if variable is None:
        monkeypatch.delenv("GANSMITH_CACHE", raising=False)
    else:
        monkeypatch.setenv("GANSMITH_CACHE", variable)
    assert probes.cache_folder() == writable_cache()[0]
