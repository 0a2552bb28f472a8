"""Drawn sets: every picture a function of its number, all of them different, and the rule broken only where asked."""

from pathlib import Path

import numpy as np
import pytest

from gansmith.data import open_images
from gansmith.data.drawn import DRAWN, SIDE, drawings

NAMES = sorted(DRAWN)


@pytest.mark.identity
@pytest.mark.parametrize("name", NAMES)
def test_a_picture_depends_on_its_number_and_seed_alone(name: str) -> None:
    many = drawings(name, np.arange(40))
    np.testing.assert_array_equal(drawings(name, np.array([7, 33])), many[[7, 33]])
    assert len({picture.tobytes() for picture in many}) == 40
    assert (drawings(name, np.arange(40), seed=1) != many).any((1, 2)).all()


@pytest.mark.parametrize("name", NAMES)
def test_they_are_opened_by_name(name: str, cache: Path) -> None:
    images, more = open_images(f"{name}:5", cache=cache), open_images(f"{name}:9", cache=cache)
    assert (images.shape, len(images), images.labels) == ((1, SIDE, SIDE), 5, None)
    np.testing.assert_array_equal(images.images, more.images[:5])
    other = open_images(f"{name}:5:1", cache=cache)
    assert images.name == other.name == name
    assert len({images.fingerprint, more.fingerprint, other.fingerprint}) == 3


@pytest.mark.parametrize("option", ["none", "0", "5:x", ":x"])
def test_options_that_cannot_be(option: str, cache: Path) -> None:
    with pytest.raises(ValueError, match=f"counting:{option}: write how many pictures"):
        open_images(f"counting:{option}", cache=cache)


@pytest.mark.analytic
def test_breaking_the_rule_of_butterflies_changes_their_right_half_only() -> None:
    # The axis is at most 1.25 pixels from the middle, and what is drawn has an edge a pixel wide.
    whole, broken = drawings("structure", np.arange(200)), drawings("structure", np.arange(200), broken=True)
    changed = whole != broken
    assert not changed[:, :, :14].any()
    assert changed[:, :, 14:].any((1, 2)).all()


@pytest.mark.analytic
def test_wings_mirror_each_other_but_for_the_noise() -> None:
    # An axis at 16 lies between the middle pixels. The noise is 0.03 in [-1, 1], so 3.8 bytes; its difference between
    # two pixels is at most 2·√3·√3 deviations, 23 bytes.
    pictures = drawings("structure", np.arange(400)).astype(int)
    unlike = np.abs(pictures - pictures[:, :, ::-1]).max((1, 2))
    assert (unlike <= 24).mean() > 0.15  # about a fifth have their axis there
    assert np.median(unlike) > 60  # the others are not mirrored about the middle of the picture


@pytest.mark.analytic
def test_no_two_spots_touch() -> None:
    # Five spots of 6.2 pixels between centres and 2.1 of radius leave a gap of two pixels: five maxima, told apart.
    pictures = drawings("counting", np.arange(300)).astype(float)
    bright = pictures > 178
    starts = bright & ~np.roll(bright, 1, 2)
    rows_begun = starts.sum((1, 2))  # each spot is 3 to 5 rows high, each row begun once
    assert (rows_begun >= 5 * 2).all()
    assert (rows_begun <= 5 * 5).all()
