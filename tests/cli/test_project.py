"""`gansmith project`: pictures to latents, which `gansmith sample` draws from."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="module")
def search():
    return ("--steps", 3)


def test_files_and_sets_become_latents_that_can_be_drawn_from(gansmith, search, tmp_path):
    gansmith("sample", "digits", "-n", 2, "--out", "some")
    Image.new("RGB", (40, 30), (200, 10, 10)).save("photo.jpg")
    said = gansmith("project", "digits", "photo.jpg", "some", "-n", 3, "--seed", 1, *search)
    assert said.code == 0, said.err
    assert said.last == "projected"
    lines = [line for line in said.err.splitlines() if "PSNR" in line]
    assert [line.split()[0] for line in lines] == ["photo.jpg", "some/000000.png", "some/000001.png"]
    kept = np.load("projected/latents.npz")
    assert kept["latents"].shape == (3, 64)
    assert kept["labels"].shape == (3,)
    with Image.open("projected/pictures.png") as pictures:
        assert pictures.width > 6 * 28
    said = gansmith("sample", "digits", "--latents", "projected/latents.npz", "--out", "again.npz")
    assert said.code == 0, said.err
    again = np.load("again.npz")
    assert again["images"].shape == (3, 28, 28, 1)
    assert (again["labels"] == kept["labels"]).all()


def test_no_more_pictures_are_read_than_asked_for_wherever_they_lie(gansmith, search):
    gansmith("sample", "digits", "-n", 3, "--out", "some")
    Path("some/000002.png").write_bytes(b"of which nobody asks")
    Image.new("L", (28, 28), 90).save("grey.png")
    said = gansmith("project", "digits", "grey.png", "grey.png", "some", "-n", 1, *search)
    assert said.code == 0, said.err
    assert "the first 1 of 5 pictures" in said.err
    said = gansmith("project", "digits", "some", "-n", 2, "--out", "two", *search)
    assert (said.code, said.last) == (0, "two")
    said = gansmith("project", "digits", "some", "--out", "three", *search)
    assert said.code == 2
    assert "some/000002.png cannot be read as a picture" in said.err


def test_mistakes_are_told_in_a_sentence(gansmith, search):
    assert "there is no picture none.png" in gansmith("project", "digits", "none.png").err
    Path("broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and nothing more")
    said = gansmith("project", "digits", "broken.png")
    assert (said.code, said.out) == (2, "")
    assert "broken.png cannot be read as a picture" in said.err
    Image.new("L", (28, 28)).save("black.png")
    assert "there is no class" in gansmith("project", "digits", "black.png", "--label", 12, *search).err
    assert gansmith("project", "digits", "black.png", *search).code == 0
    again = gansmith("project", "digits", "black.png", *search)
    assert again.code == 2
    assert "projected holds something already" in again.err
    np.savez("other.npz", images=np.zeros((2, 3)))
    assert "holds no latents" in gansmith("sample", "digits", "--latents", "other.npz").err
    np.savez("long.npz", latents=np.zeros((2, 5)))
    assert "this generator takes (n, 64)" in gansmith("sample", "digits", "--latents", "long.npz", "--label", 3).err
    assert "leave out -n" in gansmith("sample", "digits", "--latents", "long.npz", "-n", 3).err
    Path("notes.txt").write_text("nothing")
    assert "notes.txt is no picture, by its name" in gansmith("project", "digits", "notes.txt", "--out", "x").err


def test_latents_that_say_nothing_to_a_model_are_not_drawn_in_silence(gansmith, search):
    Image.new("L", (28, 28), 90).save("grey.png")
    assert gansmith("project", "digits", "grey.png", *search).code == 0
    said = gansmith("sample", "fashion", "--latents", "projected/latents.npz", "--out", "a.png")
    assert said.code == 0
    assert "note: these latents are of another model (digits, step" in said.err
    np.savez("plain.npz", latents=np.zeros((2, 64)))
    assert "says no classes, and digits draws some: add --label L" in (
        gansmith("sample", "digits", "--latents", "plain.npz").err
    )
    assert gansmith("sample", "digits", "--latents", "plain.npz", "--label", 3).code == 0
    np.savez("bad.npz", latents=np.full((2, 64), np.nan))
    assert "not finite numbers" in gansmith("sample", "digits", "--latents", "bad.npz", "--label", 3).err
    np.savez("odd.npz", latents=np.zeros((3, 64)), labels=np.zeros(2, np.int64))
    assert "holds 3 latents and labels of shape (2,); give one each" in (
        gansmith("sample", "digits", "--latents", "odd.npz").err
    )


def test_it_says_how_many_pictures_are_left(gansmith, search):
    gansmith("sample", "digits", "--label", 1, "-n", 3, "--out", "some")
    said = gansmith("project", "digits", "some", "-n", 2, *search)
    assert "the first 2 of 3 pictures; -n takes more" in said.err
