"""`sample`, `evaluate` and `export` on a tiny run: the formats they write, and what they refuse."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageSequence

from gansmith.data import open_images
from gansmith.files import replacing
from gansmith.training import load
from gansmith.training.pictures import as_bytes


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def test_a_grid_has_a_column_for_each_class(gansmith, tmp_path, tiny_run) -> None:
    answer = gansmith("sample", tiny_run)
    assert (answer.code, answer.out) == (0, "samples.png\n")
    width, height = size(tmp_path / "samples.png")
    assert height / width == pytest.approx(4, rel=0.02)  # two classes, eight of each


def test_a_seed_gives_the_same_images_again(gansmith, tmp_path, tiny_run) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert gansmith("sample", tiny_run, "-n", 4, "--seed", seed, "--out", f"{name}.png").code == 0
    a, b, c = ((tmp_path / f"{name}.png").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_arrays_can_be_trained_on(gansmith, tmp_path, tiny_run) -> None:
    assert gansmith("sample", tiny_run, "-n", 7, "--out", "drawn.npz").code == 0
    images = open_images(str(tmp_path / "drawn.npz"))
    assert (len(images), images.shape, images.classes) == (7, (1, 16, 16), ("0", "1"))
    drawn = load(tiny_run).sample(7, seed=0)  # the command and Python draw the same, classes included
    assert np.array_equal(np.load(tmp_path / "drawn.npz")["images"], as_bytes(drawn))
    assert gansmith("sample", tiny_run, "-n", 7, "--label", "1", "--out", "ones.npz").code == 0
    assert np.load(tmp_path / "ones.npz")["labels"].tolist() == [1] * 7


def test_a_folder_takes_single_images(gansmith, tmp_path, tiny_run) -> None:
    assert gansmith("sample", tiny_run, "-n", 3, "--label", "0", "--out", "drawn").out == "drawn\n"
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == ["000000.png", "000001.png", "000002.png"]


def test_a_walk_is_a_grid_or_an_animation(gansmith, tmp_path, tiny_run) -> None:
    assert gansmith("sample", tiny_run, "--interpolate", "-n", 2, "--frames", 5, "--out", "walk.gif").code == 0
    with Image.open(tmp_path / "walk.gif") as animation:
        # There, and back without the ends twice. Frames that look alike after so little training are merged into longer
        # ones, so that their time is counted.
        shown = sum(frame.info["duration"] for frame in ImageSequence.Iterator(animation))
        assert shown == 8 * 60
    assert gansmith("sample", tiny_run, "--interpolate", "-n", 2, "--frames", 5).out == "walk.png\n"
    width, height = size(tmp_path / "walk.png")
    assert width / height == pytest.approx(5 / 2, rel=0.02)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--out", "a.jpg"], "--out cannot end in .jpg; give a name that ends in .png"),
        (["--out", "a.gif"], "a .gif shows a walk; add --interpolate, or give a name that ends in .png"),
        (["--label", "9"], "there is no class 9; this model knows 0, 1"),
        (["--device", "warp"], "there is no device 'warp' here; use --device cpu"),
        (["--frames", "5"], "--frames is the length of a walk; add --interpolate"),
    ],
)
def test_what_sampling_refuses(gansmith, tiny_run, words: list[str], sentence: str) -> None:
    answer = gansmith("sample", tiny_run, *words)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.count("\n") == 1
    assert answer.err.startswith(f"gansmith: {sentence}")


def test_a_mistyped_run_is_answered_with_the_nearest(gansmith, tmp_path) -> None:
    (tmp_path / "runs" / "00001-digits").mkdir(parents=True)
    for command in ("sample", "evaluate"):
        assert gansmith(command, "runs/00001-digit").err == (
            "gansmith: there is no run runs/00001-digit; did you mean runs/00001-digits?\n"
        )
        assert gansmith(command, "00001-digits").err == (
            "gansmith: there is no run '00001-digits'; did you mean 'runs/00001-digits'?\n"
        )


def test_an_evaluation_names_its_protocol_and_stays_with_the_run(gansmith, tmp_path, tiny_run) -> None:
    refused = gansmith("evaluate", tiny_run, "-n", 16)
    assert refused.code == 2
    assert "it wants 2,048 of both; --allow-few measures nevertheless" in refused.err
    answer = gansmith("evaluate", tiny_run, "-n", 16, "--allow-few", "--json", "--extractor", "pixels")
    assert answer.code == 0, answer.err
    report = json.loads(answer.out)
    assert "Fréchet distance (pixels)" in report["scores"]
    assert report["protocol"]["samples"] == 16
    assert report["protocol"]["ema"] is True
    assert json.loads((tiny_run / "evaluation.json").read_text()) == report


def test_the_best_checkpoint_is_kept_and_can_be_asked_for(gansmith, data, tiny, monkeypatch) -> None:
    """With scores of 3, 1, 2 the second is the best, also after a resume that scores 1.5; it stays with the newest."""
    scores = iter([3.0, 1.0, 2.0, 1.5])
    monkeypatch.setattr("gansmith.training.quality.Quality.__call__", lambda self, sampler, *, seed: next(scores))
    words = ["train", "digits", "--data", data, *tiny, "--steps", "3", "--every.sample", "1", "--every.keep", "1"]
    assert gansmith(*words, "--out", "run").code == 0
    assert gansmith("resume", "run", "--steps", "4").code == 0
    assert load("run").step == 4
    for which, step in (("best", 2), ("2", 2), ("newest", 4)):
        assert gansmith("sample", "run", "--checkpoint", which, "-n", 4, "--out", f"{which}.npz").code == 0
        drawn = load(next(Path("run/checkpoints").glob(f"step-*{step}"))).sample(4)
        assert np.array_equal(np.load(f"{which}.npz")["images"], as_bytes(drawn))
    assert gansmith("sample", "run", "--checkpoint", "3").err == (
        "gansmith: run has no checkpoint of step 3; it has 2 and 4\n"
    )
    assert gansmith("export", "run", "--pretrained", "model").code == 0
    assert "so it has no checkpoints to choose" in gansmith("sample", "model", "--checkpoint", "best").err
    assert (
        "takes newest, best or a number of steps, not 'bets'" in gansmith("sample", "run", "--checkpoint", "bets").err
    )


def test_an_evaluation_that_takes_long_says_how_far_it_is(gansmith, tiny_run, monkeypatch) -> None:
    monkeypatch.setattr("gansmith.training.display.SOON", -1.0)  # whatever takes any time takes long
    answer = gansmith("evaluate", tiny_run, "-n", 600, "--allow-few", "--json", "--extractor", "pixels")
    assert "drawing and judging samples 250 of 600\n" in answer.err
    json.loads(answer.out)  # nothing of it is among the figures


def test_an_evaluation_belongs_to_the_step_that_was_evaluated(gansmith, data, tiny) -> None:
    assert gansmith("train", "digits", "--data", data, *tiny, "--out", "run").code == 0
    words = ["-n", 16, "--allow-few", "--json", "--extractor", "pixels"]
    answer = gansmith("evaluate", "run", "--checkpoint", 1, *words)
    assert json.loads(answer.out)["step"] == 1
    assert load("run").evaluation is None
    assert load("run/checkpoints/step-0000001").evaluation == json.loads(answer.out)


def test_an_exported_folder_samples_as_the_run_does(gansmith, tmp_path, tiny_run) -> None:
    answer = gansmith("export", tiny_run, "--pretrained", "shared", "--licence", "mit")
    assert (answer.code, answer.out) == (0, "shared\n"), answer.err
    assert "mit" in (tmp_path / "shared" / "README.md").read_text()
    for model, name in ((tiny_run, "run"), ("shared", "shared")):
        assert gansmith("sample", model, "-n", 4, "--out", f"{name}.png").code == 0
    assert (tmp_path / "run.png").read_bytes() == (tmp_path / "shared.png").read_bytes()


def test_a_folder_that_holds_a_model_is_replaced_only_by_force(gansmith, tiny_run) -> None:
    words = ["export", tiny_run, "--pretrained", "shared"]
    assert gansmith(*words).code == 0
    assert gansmith(*words).err == (
        "gansmith: shared holds a model already; choose a new folder, or replace that one with --force\n"
    )
    assert gansmith(*words, "--force").code == 0
    assert "add --pretrained DIR" in gansmith("export", tiny_run, "--force").err


def test_a_model_is_uploaded_to_a_hub(gansmith, tmp_path, tiny_run, monkeypatch) -> None:
    """What is uploaded is the folder of --pretrained, and nobody else may see it unless that is asked for."""
    calls: list[object] = []

    def upload_folder(*, repo_id: str, folder_path: Path, commit_message: str) -> None:
        calls.append((repo_id, sorted(path.name for path in folder_path.iterdir())))

    def create_repo(name: str, *, private: bool, exist_ok: bool) -> str:
        calls.append((name, private))
        return f"https://hub.example/{name}"

    hub = SimpleNamespace(create_repo=create_repo, upload_folder=upload_folder)
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    answer = gansmith("export", tiny_run, "--hub", "me/spots")
    assert (answer.code, answer.out) == (0, "https://hub.example/me/spots\n"), answer.err
    files = ["README.md", "config.json", "model.safetensors", "samples.png"]
    assert calls == [("me/spots", True), ("me/spots", files)]
    assert not list(tmp_path.glob("*"))
    assert gansmith("export", tiny_run, "--hub", "me/spots", "--public").code == 0
    assert calls[2] == ("me/spots", False)
    assert "add --hub OWNER/NAME" in gansmith("export", tiny_run, "--public").err
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)  # as if it were not installed
    assert gansmith("export", tiny_run, "--hub", "me/spots").err == (
        "gansmith: the Hugging Face Hub needs a package that is not installed: pip install 'gansmith[hub]'\n"
    )


def test_a_model_that_came_along_is_known_by_name(gansmith, tmp_path, data, tiny, tiny_run, monkeypatch) -> None:
    for module in ("pretrained", "transfer"):
        monkeypatch.setattr(f"gansmith.training.{module}.SHIPPED", tmp_path / "shipped")
    assert gansmith("export", tiny_run, "--pretrained", "shipped/noise").code == 0
    assert gansmith("sample", "noise").out == "samples.png\n"
    assert gansmith("train", "digits", "--data", data, *tiny, "--steps", 0, "--init-from", "noise").code == 0
    assert gansmith("sample", "nois").err == "gansmith: there is no run 'nois'; did you mean 'noise'?\n"


@pytest.mark.filterwarnings("ignore")
def test_an_onnx_file_is_written(gansmith, tmp_path, tiny_run) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    answer = gansmith("export", tiny_run, "--onnx", "generator.onnx")
    assert (answer.code, answer.out) == (0, "generator.onnx\n"), answer.err
    session = onnxruntime.InferenceSession(str(tmp_path / "generator.onnx"))
    inputs = {"latent": np.zeros((3, 4), np.float32), "label": np.zeros(3, np.int64)}
    assert session.run(None, inputs)[0].shape == (3, 1, 16, 16)


def test_an_export_goes_into_its_run_or_needs_somewhere_to_go(gansmith, tiny_run) -> None:
    assert gansmith("export", tiny_run).out == f"{tiny_run / 'export'}\n"
    assert (tiny_run / "export" / "model.safetensors").is_file()
    answer = gansmith("export", tiny_run / "export")
    assert (answer.code, answer.err.partition(": say ")[2]) == (2, "--onnx FILE or --pretrained DIR\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--onnx", "a.txt"], "--onnx writes an ONNX file, and a.txt does not end in .onnx"),
        (["--onnx", "a.onnx", "--half"], "--half is for the folder: add --pretrained DIR"),
        (["--onnx", "a.onnx", "--licence", "mit"], "--licence is for the folder: add --pretrained DIR"),
    ],
)
def test_an_export_that_would_not_be_as_asked_is_refused(gansmith, tiny_run, words: list[str], sentence: str) -> None:
    answer = gansmith("export", tiny_run, *words)
    assert (answer.code, answer.out, answer.err) == (2, "", f"gansmith: {sentence}\n")


def test_samples_of_two_runs_do_not_mix_in_a_folder(gansmith, tmp_path, tiny_run) -> None:
    assert gansmith("sample", tiny_run, "-n", 3, "--out", "some").code == 0
    again = gansmith("sample", tiny_run, "-n", 2, "--out", "some")
    assert (again.code, again.err) == (
        2,
        "gansmith: some is a folder that holds something already; give a new or an empty one\n",
    )
    assert len(list((tmp_path / "some").iterdir())) == 3


def test_a_file_that_cannot_be_written_is_called_by_its_own_name(tmp_path) -> None:
    """Nothing is written to the temporary file, which is therefore missing when it is to take its place."""
    with pytest.raises(FileNotFoundError) as caught, replacing(tmp_path / "a.png"):
        pass
    assert caught.value.filename == str(tmp_path / "a.png")


def test_data_check_says_what_is_wrong_and_fails_where_training_would(gansmith, tmp_path) -> None:
    (tmp_path / "pictures").mkdir()
    for number in range(4):
        Image.new("L", (20, 20), number).save(tmp_path / "pictures" / f"{number}.png")
    good = gansmith("data", "check", "pictures")
    assert good.code == 0
    assert "4 images" in good.out
    assert (
        "\n  Next: gansmith train --data pictures\n  It takes 64x64 pixels; --size 20x20 is nearer to yours."
        in good.out
    )
    assert "--conditional" not in good.out
    for number in range(12):
        (tmp_path / "pictures" / f"bad{number}.png").write_bytes(b"not a picture")
    bad = gansmith("data", "check", "pictures", "--json")
    assert bad.code == 1
    assert len(json.loads(bad.out)["corrupt"]) == 12
    assert gansmith("data", "check", "picture").err == (
        "gansmith: there is no folder or file picture; did you mean pictures?\n"
    )


def test_data_check_offers_no_size_that_the_networks_refuse(gansmith, tmp_path) -> None:
    (tmp_path / "odd").mkdir()
    Image.new("L", (33, 33)).save(tmp_path / "odd" / "0.png")
    assert "It takes 64x64 pixels; --size HxW takes others." in gansmith("data", "check", "odd").out


def test_data_check_tells_how_classes_are_learnt(gansmith, tmp_path) -> None:
    for name in ("my cats", "my dogs"):
        (tmp_path / "my pets" / name).mkdir(parents=True)
        Image.new("L", (20, 20), len(name)).save(tmp_path / "my pets" / name / "a.png")
    said = gansmith("data", "check", "my pets").out
    assert "Next: gansmith train --data 'my pets'\n" in said
    assert "With --conditional it learns the classes" in said
