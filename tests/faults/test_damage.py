"""Faults 5, 10, 12, 13 and 21: what does not fit is refused by name, and the next best is used."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from gansmith.training import Schedules, manifest


@pytest.fixture(scope="module")
def finished(zygote: Any, driver: ModuleType, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 12 steps with checkpoints at 8 and 12."""
    from gansmith.training import to_yaml

    folder = tmp_path_factory.mktemp("finished")
    (folder / "recipe.yaml").write_text(to_yaml(driver.small("digits", data)))
    child = zygote.gansmith("train", "--config", folder / "recipe.yaml", "--out", folder / "run")
    assert child.wait() == 0, child.said()
    return folder / "run"


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of it to be damaged."""
    import shutil

    return Path(shutil.copytree(finished, tmp_path / "run"))


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 4
    file.write_bytes(data)


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.mark.parametrize("damage", [flip, truncate, Path.unlink])
@pytest.mark.parametrize("name", ["weights.safetensors", "tree.json", "manifest.json"])
def test_a_damaged_newest_is_named_and_the_run_goes_on_from_the_one_before(
    damage: Callable[[Path], None],
    name: str,
    run: Path,
    finished: Path,
    zygote: Any,
    driver: ModuleType,
    same_run: Callable[[Path, Path], None],
) -> None:
    file = run / "checkpoints" / "step-0000012" / name
    damage(file)
    child = zygote.gansmith("resume", run)
    assert child.wait() == 0, child.said()
    assert str(file) in child.said()
    assert "the one before it is used" in child.said()
    same_run(finished, run)
    assert driver.recorded(run) == list(range(1, 13))


def test_with_every_checkpoint_damaged_the_run_does_not_silently_start_over(run: Path, zygote: Any) -> None:
    for file in run.glob("checkpoints/*/weights.safetensors"):
        flip(file)
    child = zygote.gansmith("resume", run)
    assert child.wait() == 2
    assert "no valid checkpoint" in child.said()
    assert len(list(run.glob("checkpoints/step-*"))) == 2  # nothing was removed or added


def test_a_missing_run_is_an_error(run: Path, zygote: Any) -> None:
    child = zygote.gansmith("resume", run.with_name("rum"))
    assert child.wait() == 2
    assert f"did you mean {run}?" in child.said()
    assert not run.with_name("rum").exists()


def test_changed_data_are_refused_unless_allowed(zygote: Any, driver: ModuleType, tmp_path: Path) -> None:
    from gansmith.training import to_yaml

    data, run = driver.make_data(tmp_path / "own.npz"), tmp_path / "run"
    (tmp_path / "r.yaml").write_text(to_yaml(driver.small("digits", data)))
    assert zygote.gansmith("train", "--config", tmp_path / "r.yaml", "--out", run).wait() == 0
    driver.make_data(data, seed=1)
    child = zygote.gansmith("resume", run, "--steps", 13)
    assert child.wait() == 2
    assert "own has changed" in child.said()
    assert "--allow-data-change" in child.said()
    assert driver.newest_step(run) == 12
    allowed = zygote.gansmith("resume", run, "--steps", 13, "--allow-data-change")
    assert allowed.wait() == 0, allowed.said()
    assert driver.newest_step(run) == 13


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("command", ["resume", "train", "sample"])
@pytest.mark.parametrize("name", ["model.pkl", "model.pt", "model.pth", "model.ckpt"])
def test_a_pickle_is_refused_by_every_command_and_never_executed(
    command: str, name: str, zygote: Any, config: Callable[..., Path], tmp_path: Path
) -> None:
    file, evidence = tmp_path / name, tmp_path / "executed"
    file.write_bytes(pickle.dumps(Bomb(evidence)))
    words = {
        "resume": ("resume", file),
        "train": ("train", "--config", config(), "--out", tmp_path / "new", "--init-from", file),
        "sample": ("sample", file, "--out", tmp_path / "grid.png"),
    }[command]
    child = zygote.gansmith(*words)
    assert child.wait() == 2, child.said()
    assert "pickle" in child.said()
    assert not evidence.exists()
    assert not (tmp_path / "new").exists()


def test_another_architecture_names_the_keys_that_differ(run: Path, zygote: Any) -> None:
    text = (run / "config.yaml").read_text()
    assert " width: 4" in text
    (run / "config.yaml").write_text(text.replace(" width: 4", " width: 2"))
    child = zygote.gansmith("resume", run, "--steps", 13)
    assert child.wait() == 2
    assert "is another network: " in child.said()
    assert "not (" in child.said()  # the shapes stand against each other


def test_a_checkpoint_of_a_newer_version_is_refused_and_an_old_one_migrated(
    run: Path, zygote: Any, driver: ModuleType
) -> None:
    file = run / "checkpoints" / "step-0000012" / "manifest.json"

    def rewrite(version: int) -> None:
        content = json.loads(file.read_text()) | {"format": version}
        content["seal"] = manifest._seal(content)
        file.write_text(json.dumps(content))

    rewrite(manifest.FORMAT + 1)
    child = zygote.gansmith("resume", run, "--steps", 13)
    assert child.wait() == 2
    assert f"checkpoint format {manifest.FORMAT + 1}" in child.said()
    assert "upgrade gansmith" in child.said()
    rewrite(manifest.FORMAT - 1)
    child = zygote.gansmith("resume", run, "--steps", 13, hook="known_old_format")
    assert child.wait() == 0, child.said()
    assert driver.newest_step(run) == 13


def test_keeping_few_and_the_best_in_a_run(zygote: Any, config: Callable[..., Path], tmp_path: Path) -> None:
    run = tmp_path / "run"
    recipe = config(every=Schedules(log=1, sample=1000, save=2, keep=3))
    assert zygote.gansmith("train", "--config", recipe, "--out", run).wait() == 0
    assert sorted(p.name for p in (run / "checkpoints").iterdir()) == ["step-0000008", "step-0000010", "step-0000012"]
