"""`gansmith arithmetic`: groups of samples, of saved latents and of pictures, with signs between them."""

import numpy as np
import pytest
import torch
from PIL import Image

import gansmith as gs


@pytest.fixture
def saved():
    np.savez("some.npz", latents=np.ones((2, 64), np.float32))
    return "some.npz"


def test_the_sum_of_the_means_is_what_is_drawn(gansmith, saved):
    said = gansmith("arithmetic", "digits", "3,7", "-", saved, "+", "0", "--label", 4, "--seed", 2)
    assert said.code == 0, said.err
    assert said.last == "arithmetic"
    assert "row 2: - some.npz (2), last their mean" in said.err
    z, _ = gs.load("digits").noise(8, seed=2)
    kept = np.load("arithmetic/latents.npz")
    np.testing.assert_allclose(kept["latents"][0], (z[[3, 7]].mean(0) - 1 + z[0]).numpy(), atol=1e-6)
    assert kept["labels"].tolist() == [4] * 9
    with Image.open("arithmetic/figure.png") as figure:
        assert figure.width / figure.height == pytest.approx(9 / 4, rel=0.02)  # nine columns; three terms and the sum


def test_pictures_are_looked_for(gansmith, tmp_path):
    gansmith("sample", "digits", "--label", 4, "-n", 1, "--seed", 5, "--out", "one.npz")
    said = gansmith("arithmetic", "digits", "1", "+", "one.npz", "--label", 4)
    assert said.code == 2
    assert "one.npz holds no latents" in said.err
    gansmith("sample", "digits", "--label", 4, "-n", 1, "--seed", 5, "--out", "folder")
    said = gansmith("arithmetic", "digits", "folder", "--label", 4)
    assert said.code == 0, said.err
    assert "row 1: + folder (1, found to a PSNR of " in said.err
    # Another latent may draw the same picture; the picture it is.
    model, kept = gs.load("digits"), np.load("arithmetic/latents.npz")
    drawn = model.draw(torch.from_numpy(kept["latents"][:1]), torch.from_numpy(kept["labels"][:1]))
    assert (drawn - model.sample(1, seed=5, labels=4)).square().mean() < 0.02


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        (("1", "2"), "between '1' and '2' a + or - is missing"),
        (("1", "+", "-", "2"), "there are two signs before '-'"),
        (("1", "-"), "the last term is missing"),
        (("4,25-8,12", "--label", "4"), "is no group: write numbers of samples as 3,17,40, and + and - with spaces"),
        (("1", "-", "nothing.npz", "--label", "4"), "holds no latents"),
        (("1",), "say with --label which one"),
    ],
)
def test_mistakes_are_told_in_a_sentence(gansmith, terms, said):
    found = gansmith("arithmetic", "digits", *terms)
    assert (found.code, found.out) == (2, "")
    assert said in found.err
