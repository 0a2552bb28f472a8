"""Sets of which only some images have a label: what they are called, and what is done with them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gansmith.data import check_images, few_labelled, from_array, open_images


def drawn(*names: str) -> Path:
    """A folder of pictures of these names, no two of which are alike."""
    top = Path("photos")
    for number, name in enumerate(names):
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (16, 16), 40 + 7 * number).save(path)
    return top


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", ["unlabelled", "Unlabeled"])
def test_a_folder_called_unlabelled_is_no_class(name: str) -> None:
    top = drawn("cats/1.png", "dogs/1.png", "dogs/2.png", f"{name}/1.png", f"{name}/2.png", f"{name}/deep/3.png")
    images = open_images(top)
    assert images.classes == ("cats", "dogs")
    assert images.labels is None
    assert sorted(images.answers.tolist()) == [-1, -1, -1, 0, 1, 1]
    assert "2 classes, 3 with a label" in repr(images)
    assert open_images(top).fingerprint == images.fingerprint  # from the cache
    report = check_images(top)
    assert (report.classes, report.unlabelled) == ({"cats": 1, "dogs": 2}, 3)
    assert "without a label: 3 images" in str(report)


def test_nothing_but_unlabelled_folders_are_images_without_labels() -> None:
    images = open_images(drawn("unlabelled/1.png", "unlabeled/1.png"))
    assert (images.labels, images.answers, images.classes, images.notes) == (None, None, (), ())


def test_labels_that_are_all_unknown_are_refused() -> None:
    with pytest.raises(ValueError, match="all labels are -1"):
        from_array(np.zeros((2, 8, 8), np.uint8), [-1, -1])


def test_the_parts_of_a_split_are_no_classes_beside_it_either() -> None:
    images = open_images(drawn("train/1.png", "test/1.png", "unlabelled/1.png"))
    assert images.answers is None
    assert "parts of a split" in images.notes[0]


def test_files_that_a_list_of_labels_leaves_out_are_unlabelled() -> None:
    top = drawn("a.png", "b.png", "c.png")
    (top / "dataset.json").write_text(json.dumps({"labels": [["a.png", 1], ["c.png", 0]]}), encoding="utf-8")
    images = open_images(top)
    assert images.answers.tolist() == [1, -1, 0]
    assert "no label for 1 of 3 images" in images.notes[0]


def test_an_archive_says_minus_one() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 16, 16), np.uint8)
    np.savez("some.npz", images=pixels, labels=[0, -1, 1, -1, 1, 0])
    images = open_images("some.npz")
    assert images.answers.tolist() == [0, -1, 1, -1, 1, 0]
    assert check_images("some.npz").unlabelled == 2
    train, held = images.split(2)
    assert sorted([*train.answers, *held.answers]) == [-1, -1, 0, 0, 1, 1]
    for labels, message in (([-1] * 6, "are all -1"), ([0, -2, 1, 0, 1, 0], "write -1 where a label is not known")):
        np.savez("wrong.npz", images=pixels, labels=labels)
        with pytest.raises(ValueError, match=message):
            open_images("wrong.npz")


def test_as_many_are_drawn_as_there_are() -> None:
    images = from_array(np.zeros((8, 8, 8), np.uint8), [0, -1, 1, 1, 1, -1, -1, -1])
    assert images.answers[few_labelled(images, 2, seed=0)].tolist() == [0, 1, 1]
    assert few_labelled(images, 99, seed=0).tolist() == [0, 2, 3, 4]
    with pytest.raises(ValueError, match="has 0 labelled images of the class '0' to train on, and 2 of each"):
        few_labelled(images, 2, seed=0, rows=np.arange(1, 8))


def test_labels_of_all_and_of_some_at_once_are_refused() -> None:
    images = from_array(np.zeros((2, 8, 8), np.uint8), [0, 1])
    with pytest.raises(ValueError, match="both were given"):
        type(images)("x", images.images, images.labels, images.classes, "", (), images.labels)
