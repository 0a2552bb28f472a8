import importlib
import random
from pathlib import Path

import numpy as np
import pytest

from gansmith.data import DataError, open_images

pytest.importorskip("python_avatars")
pytest.importorskip("resvg_py")

from gansmith.data import avatars


def test_faces_are_drawn_by_number_and_labelled(cache: Path) -> None:
    state = random.getstate()
    images = open_images("avatars:12", cache=cache)
    assert random.getstate() == state  # the library's own random choices are not used
    assert images.shape == (3, 64, 64)
    assert len(images) == 12
    assert images.labels is not None
    names = [avatars.avatar(i)["hair_color"].lower() for i in range(12)]
    assert [images.classes[label] for label in images.labels] == names
    assert np.abs(images.images[:, 0, 0].astype(int) - [0xD1, 0xD4, 0xF9]).max() <= 2  # the background
    assert len({image.tobytes() for image in images.images}) == 12


@pytest.mark.identity
def test_a_larger_set_begins_with_the_smaller_one(cache: Path) -> None:
    few, more = open_images("avatars:3", cache=cache), open_images("avatars:5", cache=cache)
    np.testing.assert_array_equal(few.images, more.images[:3])
    assert few.fingerprint != more.fingerprint


def test_size_and_attribute_can_be_chosen(cache: Path) -> None:
    images = open_images("avatars:2:mouth", size=(32, 48), cache=cache)
    assert images.shape == (3, 32, 48)
    assert "smile" in images.classes


@pytest.mark.analytic
def test_half_the_faces_or_more_have_no_beard_and_every_colour_is_even() -> None:
    faces = [avatars.avatar(i) for i in range(2000)]
    # P(no beard) = 1/2 + 1/2 · 1/8 = 0.5625, P(a colour of ten) = 0.1; five standard deviations are 0.055 and 0.034.
    assert abs(np.mean([face["facial_hair"] == "NONE" for face in faces]) - 0.5625) < 0.055
    colours = [face["hair_color"] for face in faces]
    assert all(abs(colours.count(colour) / 2000 - 0.1) < 0.034 for colour in set(colours))
    assert len(set(colours)) == 10


def test_without_the_packages_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    def missing(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(DataError, match=r"pip install 'gansmith\[avatars\]'"):
        open_images("avatars:2", cache=cache)
