"""`gansmith classify`: a run that was told a few labels, and what it makes of the others."""

import json

import numpy as np
import pytest

from gansmith.data import open_images
from gansmith.training.config import from_yaml
from gansmith.training.session import taught


@pytest.fixture
def run(gansmith, data, tiny):
    said = gansmith(
        "train", "digits", "--data", data, "--no-conditional", "--labels-per-class", 2, "--out", "run", *tiny
    )
    assert said.code == 0, said.err
    return said.last


def test_it_counts_what_is_wrong_among_images_that_were_not_taught(gansmith, run, data, tmp_path):
    said = gansmith("classify", run, "--out", "found.npz", "--json")
    found, kept = json.loads(said.out), np.load("found.npz")
    images = open_images(data)
    recipe = from_yaml((tmp_path / run / "config.yaml").read_text())
    rows = np.setdiff1d(np.arange(12), taught(recipe, images))
    assert found["taught"] == 2
    assert found["images"] == len(rows) == 8
    assert kept["rows"].tolist() == rows.tolist()
    assert kept["classes"].tolist() == ["0", "1"]
    wrong = kept["probabilities"].argmax(1) != images.labels[rows]  # the count by hand
    assert found["wrong"] == wrong.sum() == sum(row["wrong"] for row in found["classes"])
    assert found["interval"][0] <= found["error"] <= found["interval"][1]
    assert sum(row["images"] for row in found["mistaken"]) == wrong.sum()
    lines = gansmith("classify", run).out
    assert f"wrong  {wrong.sum()} (" in lines
    assert "8 images of tiny" in lines
    assert "2 labels of each class" in lines


def test_other_images_are_all_counted_and_may_have_no_labels(gansmith, run):
    pixels = np.random.default_rng(1).integers(0, 256, (6, 16, 16, 1), np.uint8)
    np.savez("other.npz", images=pixels, labels=np.arange(6) % 2)
    assert json.loads(gansmith("classify", run, "--data", "other.npz", "--json").out)["images"] == 6
    np.savez("plain.npz", images=pixels)
    said = gansmith("classify", run, "--data", "plain.npz")
    assert (said.code, said.out) == (2, "")
    assert "has no labels to compare with; write the answers down" in said.err
    said = gansmith("classify", run, "--data", "plain.npz", "--out", "answers.npz")
    assert said.code == 0
    assert np.load("answers.npz")["probabilities"].shape == (6, 2)


def test_what_cannot_be_answered_is_refused_in_a_sentence(gansmith, run, data, tiny):
    np.savez("three.npz", images=np.zeros((6, 16, 16, 1), np.uint8), labels=np.arange(6) % 3)
    said = gansmith("classify", run, "--data", "three.npz")
    assert said.code == 2
    assert "has the class '2', and the run knows 0, 1" in said.err
    assert "--out found.csv must end in .npz" in gansmith("classify", run, "--out", "found.csv").err
    assert gansmith("train", "digits", "--data", data, "--out", "plain", *tiny).code == 0
    said = gansmith("classify", "plain")
    assert said.code == 2
    assert "plain was not taught to classify; train it with --labels-per-class 10 --no-conditional" in said.err
    said = gansmith("train", "digits", "--data", data, "--labels-per-class", 2, *tiny)
    assert said.code == 2
    assert "a conditional recipe tells them all: add --no-conditional" in said.err
