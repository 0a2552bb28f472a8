"""Stacked MNIST: that pictures hold the digits that their labels say, and follow from the seed alone."""

import numpy as np
import pytest

from gansmith.data import open_images
from gansmith.data.arrays import Arrays
from gansmith.data.stacked import read_stacked, stacked_content


def digits() -> Arrays:
    """Ten thousand pictures of one pixel; a digit's is ten times itself."""
    labels = np.arange(10_000) % 10
    return Arrays(
        images=(10 * labels).astype(np.uint8).reshape(-1, 1, 1, 1), labels=labels, classes=tuple("0123456789")
    )


def test_red_green_and_blue_write_the_label() -> None:
    found = read_stacked(5000, seed=3, digits=digits)
    assert found.images.shape == (5000, 1, 1, 3)
    red, green, blue = (found.images[:, 0, 0, channel] // 10 for channel in range(3))
    assert found.labels is not None
    assert (found.labels == 100 * red.astype(int) + 10 * green + blue).all()
    assert found.classes[7] == "007"
    assert len(found.classes) == 1000


@pytest.mark.analytic
def test_channels_are_drawn_evenly_and_apart() -> None:
    """All 1,000 numbers are as likely: the χ² of 100,000 draws has mean 999 and deviation √(2·999) = 45."""
    labels = read_stacked(100_000, seed=0, digits=digits).labels
    assert labels is not None
    counts = np.bincount(labels, minlength=1000)
    assert abs(((counts - 100) ** 2 / 100).sum() - 999) < 4 * 45


def test_a_larger_number_goes_on_where_a_smaller_ended_and_seeds_differ() -> None:
    few, more, other = (read_stacked(n, seed=s, digits=digits).labels for n, s in ((50, 1), (80, 1), (50, 2)))
    assert few is not None
    assert more is not None
    assert (few == more[:50]).all()
    assert (few != other).any()
    assert len({stacked_content(*arguments) for arguments in ((1, 0, "a"), (2, 0, "a"), (1, 1, "a"), (1, 0, "b"))}) == 4


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="the number of pictures must be at least 1"):
        read_stacked(0, seed=0, digits=digits)
    with pytest.raises(ValueError, match="stacked-mnist:many: write how many pictures to draw, and their seed"):
        open_images("stacked-mnist:many")
