"""`train` and `resume` on tiny images: what they write, what they say, and how they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from gansmith.recipes import RECIPES
from gansmith.training.config import from_yaml

REDUCED = {
    "r3gan": ["--networks.max-width", "16", "--networks.expansion", "2"],
    "photos": ["--size", "16"],
    "dcgan": ["--size", "16"],
    "avatars": ["--size", "16"],
}


@pytest.mark.smoke
@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_trains_and_goes_on(gansmith, tmp_path, data, tiny, name: str) -> None:
    answer = gansmith("train", name, "--data", data, *tiny, *REDUCED.get(name, []))
    assert (answer.code, answer.last) == (0, f"runs/00001-{name}"), answer.err
    run = tmp_path / answer.last
    assert from_yaml((run / "config.yaml").read_text()).steps == 2
    assert json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])["step"] == 2
    assert list((run / "samples").glob("*.png"))
    longer = gansmith("resume", answer.last, "--steps", "3")
    assert (longer.code, longer.last) == (0, answer.last), longer.err
    assert json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])["step"] == 3


def test_a_folder_of_pictures_without_labels_trains_at_once(gansmith, tmp_path, tiny) -> None:
    from PIL import Image

    (tmp_path / "pictures").mkdir()
    for number in range(3):
        Image.effect_noise((40, 30), 50 + number).convert("RGB").save(tmp_path / "pictures" / f"{number}.jpg")
    answer = gansmith("train", "--data", "pictures", *tiny, "--size", "16", "--out", "here")
    assert (answer.code, answer.out) == (0, "here\n"), answer.err


def test_weights_of_another_run_are_where_a_run_starts(gansmith, tmp_path, data, tiny, tiny_run) -> None:
    words = ["train", "digits", "--data", data, *tiny, "--steps", "0"]
    assert gansmith(*words, "--init-from", tiny_run, "--out", "fine").code == 0
    assert gansmith(*words, "--seed", "5", "--out", "fresh").code == 0
    for run in ("fine", "fresh"):
        assert gansmith("sample", run, "-n", "4", "--out", f"{run}.png", "--label", "0").code == 0
    assert gansmith("sample", tiny_run, "-n", "4", "--out", "old.png", "--label", "0").code == 0
    old, fine, fresh = ((tmp_path / f"{name}.png").read_bytes() for name in ("old", "fine", "fresh"))
    assert old == fine
    assert old != fresh


def test_a_run_that_goes_on_says_from_where(gansmith, data, tiny) -> None:
    assert gansmith("train", "digits", "--data", data, *tiny, "--out", "run").code == 0
    finished = gansmith("resume", "run")
    assert (finished.code, finished.out) == (0, "run\n")
    assert finished.err == "run has finished: to go on from step 2, give a larger total, such as --steps 4\n"
    back = gansmith("resume", "run", "--steps", "1")
    assert (back.code, back.err) == (
        2,
        "gansmith: run is at step 2 already; give a larger total than --steps 1\n",
    )
    assert "going on from step 2 of 3\n" in gansmith("resume", "run", "--steps", "3").err


@pytest.mark.parametrize(
    ("flags", "steps", "says"),
    [
        (["--batch", 16], 20_000, "20,000 steps of 16 instead of 5,000 of 64, to see as many images; --steps says oth"),
        (["--batch", 16, "--steps", 7], 7, ""),
        (["--batch", 256], 5_000, ""),
        (["--dynamics", "simultaneous", "--batch", 32], 10_000, "10,000 steps of 32 instead of 5,000 of 64"),
    ],
)
def test_a_smaller_batch_brings_more_steps(gansmith, flags, steps, says, monkeypatch) -> None:
    """The default recipe has 5,000 steps of 64."""
    recipes = []
    monkeypatch.setattr("gansmith.training.runs.train", lambda recipe, **_: recipes.append(recipe) or Ended())
    said = gansmith("train", "digits", *flags)
    assert recipes[0].steps == steps
    assert (says in said.err) if says else (said.err == "")


class Ended:
    """A run that has ended well."""

    path, failure, stopped_by = "run", None, None


def test_a_run_of_no_steps_is_no_cause_for_warnings(gansmith, data, tiny) -> None:
    answer = gansmith("train", "digits", "--data", data, *tiny, "--steps", "0", "--out", "run")
    assert (answer.code, answer.err) == (0, "")


def test_classes_that_are_not_used_are_mentioned(gansmith, data, tiny) -> None:
    told = "The 2 classes of tiny are not used: with --conditional, each could be asked for.\n"
    assert told in gansmith("train", "photos", "--data", data, "--size", "16", *tiny, "--out", "a").err
    assert "classes" not in gansmith("train", "digits", "--data", data, *tiny, "--out", "b").err


def test_a_size_that_cannot_be_is_refused_before_the_data_are_read(gansmith, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    assert "image size 63x63 does not work" in gansmith("train", "photos", "--data", "empty", "--size", "63").err


def test_pictures_of_a_size_that_the_networks_refuse_are_answered_with_the_flag(gansmith, tmp_path, tiny) -> None:
    """60x80 halves twice, to 15x20, which is too large a start; 64x80 halves four times, to 4x5, and 56x80 to 7x10."""
    pixels = np.random.default_rng(0).integers(0, 256, (12, 60, 80, 1), np.uint8)
    np.savez(tmp_path / "wide.npz", images=pixels)
    words = [*tiny, "--no-conditional"]
    for recipe in ("digits", "r3gan"):
        refused = gansmith("train", recipe, "--data", "wide.npz", *words, *REDUCED.get(recipe, []), "--out", recipe)
        assert (refused.code, refused.err.count("\n")) == (2, 1)
        assert "image size 60x80 does not work" in refused.err
        size = refused.err.rpartition("--size ")[2].rstrip()
        again = gansmith("train", recipe, "--data", "wide.npz", "--size", size, *words, *REDUCED.get(recipe, []))
        assert again.code == 0, again.err


def test_what_training_refuses_is_one_sentence(gansmith, data, tiny, tiny_run) -> None:
    assert "did you mean" in gansmith("train", "--data", "./tiny.npy").err
    assert "gansmith train --data tiny.npz\n" in gansmith("train", data).err
    assert "needs your pictures: add --data FOLDER" in gansmith("train", "photos").err
    assert "lr must be above 0, not -1" in gansmith("train", "--lr", "-1").err
    answer = gansmith("train", "digits", "--data", data, *tiny, "--out", tiny_run)
    assert answer.code == 2
    assert answer.err.count("\n") == 1
    Path("noise.yaml").write_bytes(b"\xf0\xff")
    assert gansmith("train", "--config", "noise.yaml").err.startswith(
        "gansmith: noise.yaml is not text; --config takes"
    )
    assert "or weights file digitz" in gansmith("train", "--init-from", "digitz").err
    missing = gansmith("resume", str(tiny_run)[:-1])
    assert missing.code == 2
    assert str(tiny_run.name) in missing.err
    assert missing.err.count("\n") == 1


def test_training_that_turns_infinite_ends_with_its_own_code(gansmith, data, tiny) -> None:
    answer = gansmith("train", "digits", "--data", data, *tiny, "--steps", "50", "--lr", "1e30", "--retries", "1")
    assert answer.code == 3
    assert "is not finite" in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_is_told_by_the_exit_code(tmp_path, data, tiny, signum: int, code: int) -> None:
    words = [
        "train",
        "digits",
        "--data",
        data,
        *tiny,
        "--steps",
        "1000000",
        "--every.log",
        "1",
        "--every.save",
        "1e5",
    ]
    environment = {**os.environ, "GANSMITH_CACHE": str(tmp_path / "cache")}
    program = [sys.executable, "-m", "gansmith", *words, "--out", "run"]
    with subprocess.Popen(
        program, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        metrics, deadline = tmp_path / "run" / "metrics.jsonl", time.monotonic() + 100
        while not (metrics.exists() and metrics.read_text()):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signum)
        out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert out == "run\n"
    assert "go on with: gansmith resume run" in err
    newest = max(Path(tmp_path, "run", "checkpoints").glob("step-*"))
    assert int(newest.name.removeprefix("step-")) > 0


def test_figures_for_tensorboard_are_written_or_refused_at_once(gansmith, tmp_path, data, tiny, monkeypatch) -> None:
    told = []

    class SummaryWriter:
        def __init__(self, folder, purge_step) -> None:
            told.append(folder)

        def add_scalar(self, name, value, step) -> None:
            told.append((name, step))

        def flush(self) -> None:
            pass

    stand_in = ModuleType("torch.utils.tensorboard")
    stand_in.SummaryWriter = SummaryWriter
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", stand_in)
    words = ["train", "digits", "--data", data, *tiny, "--out", "run", "--tensorboard", "events"]
    monkeypatch.setattr("gansmith.cli.train.find_spec", lambda name: None)
    answer = gansmith(*words)
    assert (answer.code, (tmp_path / "run").exists()) == (2, False)
    assert "pip install 'gansmith[tensorboard]'" in answer.err
    monkeypatch.setattr("gansmith.cli.train.find_spec", lambda name: stand_in)
    assert gansmith(*words).code == 0
    assert told[0] == "events"
    assert ("cost/generator", 2) in told
    assert gansmith("resume", "run", "--steps", "3", "--tensorboard", "events").code == 0
    assert ("cost/generator", 3) in told
