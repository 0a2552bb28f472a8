"""Sizes: which ones halve, and what a caller is told of those that do not."""

import pytest

from gansmith.networks.shapes import check_image_shape, check_shape, stage_widths, start_grid


@pytest.mark.analytic
@pytest.mark.parametrize(
    ("size", "grid"),
    [
        ((16, 16), (4, 4, 2)),
        ((28, 28), (7, 7, 2)),
        ((32, 32), (4, 4, 3)),
        ((64, 64), (4, 4, 4)),
        ((128, 128), (4, 4, 5)),
        ((256, 256), (4, 4, 6)),
        ((64, 96), (4, 6, 4)),
        ((96, 64), (6, 4, 4)),
        ((32, 64), (2, 4, 4)),
        ((60, 60), (15, 15, 2)),
    ],
)
def test_start_grid_doubles_back_to_the_size(size: tuple[int, int], grid: tuple[int, int, int]) -> None:
    assert start_grid(*size) == grid
    assert (grid[0] << grid[2], grid[1] << grid[2]) == size


@pytest.mark.parametrize(
    ("size", "nearest"),
    [((100, 100), "96x96"), ((29, 29), "28x28"), ((4, 4), "8x8"), ((63, 96), "64x96"), ((1, 1), "8x8")],
)
def test_a_size_that_does_not_halve_is_refused_with_the_nearest(size: tuple[int, int], nearest: str) -> None:
    # 100 is 25·4, whose start grid is too large; 96 and 104 are both 4 away, and the smaller is named.
    with pytest.raises(ValueError, match=f"{size[0]}x{size[1]} does not work") as error:
        start_grid(*size)
    named = str(error.value).rsplit(" ", 1)[1]
    height, width = map(int, named.split("x"))
    start_grid(height, width)
    assert named == nearest


@pytest.mark.analytic
def test_widths_double_towards_the_coarse_end_and_stop() -> None:
    assert stage_widths(64, 512, 4) == (512, 256, 128, 64)
    assert stage_widths(64, 512, 6) == (512, 512, 512, 256, 128, 64)
    assert stage_widths(64, 32, 2) == (64, 64)


@pytest.mark.parametrize("shape", [(), (3, 4), (1, 0, 4), (0,), (1, 2, 3, 4)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="neither an image"):
        check_shape(shape)


def test_a_vector_is_not_an_image() -> None:
    with pytest.raises(ValueError, match="use MLP"):
        check_image_shape((2,))
