"""Training and classifying where only some pictures have a label."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SMALL = ("--steps", 2, "--batch", 4, "--networks.width", 4, "--size", "16x16", "--no-augment.colour")


@pytest.fixture
def photos():
    """Bright and dark pictures with a label, and others without one."""
    dice = np.random.default_rng(0)
    for folder, low, count in (("bright", 128, 6), ("dark", 0, 6), ("unlabelled", 60, 30)):
        Path("photos", folder).mkdir(parents=True)
        for number in range(count):
            pixels = dice.integers(low, low + 100, (16, 16), np.uint8)
            Image.fromarray(pixels).save(f"photos/{folder}/{number}.png")


def test_a_classifier_is_learnt_from_those_that_have_one(gansmith, photos):
    said = gansmith("train", "photos", "--data", "photos", "--labels-per-class", 4, "--out", "run", *SMALL)
    assert said.code == 0, said.err
    assert "not used" not in said.err
    judged = gansmith("classify", "run")
    assert judged.code == 0, judged.err
    assert "of photos" in judged.out.splitlines()[0]
    # Of 12 with a label, 8 were taught by, but for those that were held out before.
    right = judged.out.splitlines()[0]
    assert "4 images" in right or "5 images" in right
    told = gansmith("classify", "run", "--out", "all.npz")
    assert told.code == 0, told.err
    assert len(np.load("all.npz")["rows"]) == 42 - 8
    assert "34 images of photos, 4 of them with a label, taught by up to 4" in told.out


def test_who_asks_for_classes_is_told_what_to_do(gansmith, photos):
    said = gansmith("train", "photos", "--data", "photos", "--conditional", *SMALL)
    assert said.code == 2
    assert "only some images of photos have a label; use --no-conditional, and --labels-per-class N" in said.err
    said = gansmith("train", "photos", "--data", "photos", "--out", "plain", *SMALL)
    assert said.code == 0, said.err
    assert "with --labels-per-class N, a classifier could learn them" in said.err
    checked = gansmith("data", "check", "photos")
    assert "without a label: 30 images" in checked.out
    assert "--labels-per-class N" in checked.out


def test_a_set_whose_known_labels_were_all_taught_has_nothing_to_compare(gansmith, photos):
    train = ("train", "photos", "--data", "photos", "--labels-per-class", 99, "--held-out", 0, "--out", "run")
    said = gansmith(*train, *SMALL)
    assert said.code == 0, said.err
    said = gansmith("classify", "run")
    assert said.code == 2
    assert "none is left to compare with" in said.err
    assert gansmith("classify", "run", "--out", "all.npz").code == 0
