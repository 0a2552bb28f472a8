import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gansmith import files
from gansmith.training.history import _summary, plot_history
from gansmith.training.pictures import (
    LINE,
    PADDING,
    as_bytes,
    grid,
    save_gif,
    save_grid,
    save_images,
    save_npz,
)


def levels(n: int, channels: int = 1, side: int = 4) -> torch.Tensor:
    """Images of arbitrary whole grey levels, as a data set hands them out."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (n, channels, side, side), generator=generator).float() / 127.5 - 1


@pytest.mark.identity
def test_bytes_undo_what_a_data_set_does_to_bytes() -> None:
    u = torch.arange(256, dtype=torch.uint8)
    assert as_bytes((u.float() / 127.5 - 1).view(1, 1, 16, 16)).ravel().tolist() == u.tolist()


def test_bytes_of_what_is_no_number_are_grey_and_the_rest_is_cut() -> None:
    x = torch.tensor([float("nan"), float("inf"), -float("inf"), 1.5]).view(1, 1, 1, 4)
    assert as_bytes(x).ravel().tolist() == [128, 255, 0, 255]


@pytest.mark.parametrize("images", [torch.zeros(2, 4, 4), torch.zeros(2, 1, 4, 4, dtype=torch.uint8)])
def test_bytes_refuse_what_are_no_images(images: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"floats \(n, channels, height, width\)"):
        as_bytes(images)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_a_grid_holds_every_pixel_where_it_belongs(tmp_path: Path, channels: int, mode: str) -> None:
    """Read back from the file: image 4 of 5 in 3 columns is in row 1, column 1, enlarged without blending."""
    images, scale = levels(5, channels), 20  # 4 pixels become 80
    path = save_grid(images, tmp_path / "grid.png", columns=3)
    with Image.open(path) as picture:
        assert picture.mode == mode
        pixels = np.asarray(picture).reshape(picture.height, picture.width, channels)
    assert pixels.shape == (2 * 82 + PADDING, 3 * 82 + PADDING, channels)
    place = slice(PADDING + 82, PADDING + 82 + 80)
    expected = np.kron(as_bytes(images)[4], np.ones((scale, scale, 1), np.uint8))
    np.testing.assert_array_equal(pixels[place, place], expected)
    assert (pixels[:PADDING] == LINE).all()
    assert (pixels[PADDING + 82 :, 2 * 82 + PADDING :] == LINE).all()  # the sixth place is empty


def test_only_small_images_are_enlarged_and_only_while_the_grid_stays_handy() -> None:
    assert grid(torch.zeros(1, 1, 28, 28)).size == (88, 88)  # three times
    assert grid(torch.zeros(1, 3, 64, 96)).size == (100, 68)  # as they are
    assert grid(torch.zeros(10_000, 1, 28, 28)).size == (3002, 3002)  # 100 by 100 of them: as they are
    assert grid(torch.zeros(2, 1, 8, 8), scale=1).size == (22, 12)


def test_other_channels_are_laid_side_by_side_in_grey() -> None:
    images = levels(1, 5)
    pixels = np.asarray(grid(images, scale=1))[PADDING:-PADDING, PADDING:-PADDING]
    np.testing.assert_array_equal(pixels, np.concatenate([as_bytes(images)[0, :, :, c] for c in range(5)], 1))


def test_a_grid_needs_images_and_columns() -> None:
    with pytest.raises(ValueError, match="no images"):
        grid(torch.zeros(0, 1, 4, 4))
    with pytest.raises(ValueError, match="columns=0"):
        grid(torch.zeros(2, 1, 4, 4), columns=0)


def test_a_picture_that_cannot_be_finished_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save_grid(levels(1), tmp_path / "grid.png")
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_grid(levels(2), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("channels", [1, 3])
def test_an_animation_goes_there_and_back(tmp_path: Path, channels: int) -> None:
    """Four frames of plain grey levels: 0 1 2 3 2 1, for ever."""
    frames = (torch.tensor([0.0, 80.0, 160.0, 240.0]) / 127.5 - 1).view(4, 1, 1, 1, 1).expand(4, 2, channels, 4, 4)
    with Image.open(save_gif(frames, tmp_path / "walk.gif", milliseconds=50)) as gif:
        seen = []
        for index in range(gif.n_frames):
            gif.seek(index)
            seen.append(gif.convert("L").getpixel((10, 10)))
        assert gif.info["duration"] == 50
        assert gif.info["loop"] == 0
    assert seen == pytest.approx([0, 80, 160, 240, 160, 80], abs=2)
    with pytest.raises(ValueError, match="frames must be"):
        save_gif(frames[0], tmp_path / "x.gif")


def test_images_are_numbered_through_all_batches(tmp_path: Path) -> None:
    images = levels(5, 3)
    paths = save_images(images.split(2), tmp_path / "many")
    assert [p.name for p in paths] == [f"{i:06d}.png" for i in range(5)]
    for path, expected in zip(paths, as_bytes(images), strict=True):
        with Image.open(path) as picture:
            np.testing.assert_array_equal(np.asarray(picture), expected)
    with pytest.raises(ValueError, match="not 2"):
        save_images(levels(1, 2), tmp_path)


@pytest.mark.identity
def test_an_archive_is_data_again(tmp_path: Path) -> None:
    from gansmith.data import open_images

    images, labels = levels(6, side=16), torch.tensor([0, 1, 2, 0, 1, 2])
    path = save_npz(images, labels, tmp_path / "samples.npz")
    back = open_images(str(path))
    np.testing.assert_array_equal(back.images, as_bytes(images))
    assert back.labels is not None
    assert back.labels.tolist() == labels.tolist()
    with np.load(save_npz(images, None, path)) as archive:
        assert archive.files == ["images"]
    with pytest.raises(ValueError, match="as many labels"):
        save_npz(images, labels[:2], path)


def records(n: int) -> list[dict[str, object]]:
    return [
        {
            "step": 10 * i,
            "seconds": float(i),
            "cost/generator": 0.5 + 0.01 * i,
            "accuracy": 0.8,
            "real_score": 1.0,
            "r1": 0.1,
        }
        for i in range(1, n + 1)
    ]


@pytest.mark.parametrize("n", [1, 200])
def test_a_history_is_drawn_with_whatever_it_holds(tmp_path: Path, n: int) -> None:
    """It must be a picture with ink on it; what it looks like is for people."""
    lines = records(n)
    lines[-1] |= {"cost/discriminator": float("nan"), "fake_score": "nan", "quality/recall": 0.5}
    lines = json.loads(json.dumps(lines))
    with Image.open(plot_history(lines, tmp_path / "history.png")) as picture:
        pixels = np.asarray(picture.convert("L"))
    assert min(pixels.shape) > 300
    assert 0.005 < (pixels < 128).mean() < 0.5


def test_how_long_a_run_took_is_the_sum_of_its_parts() -> None:
    """20 s, then resumed for 10 s; what has no clock, such as a look, is not a clock that stands at 0."""
    clock = [{"seconds": 10.0}, {}, {"seconds": 20.0}, {"seconds": 4.0}, {}, {"seconds": 10.0}]
    assert _summary([{"step": step, **record} for step, record in enumerate(clock)]) == "5 steps in 30 s"


def test_a_history_ignores_values_that_are_not_finite(tmp_path: Path) -> None:
    lines = records(5)
    plain = plot_history(lines, tmp_path / "a.png").read_bytes()
    spoilt = [*lines[:3], {"step": 35, "seconds": 3.5, "cost/generator": float("inf")}, *lines[3:]]
    assert plot_history(spoilt, tmp_path / "b.png").read_bytes() == plain


def test_drawing_leaves_no_trace_in_matplotlib(tmp_path: Path) -> None:
    import matplotlib as mpl

    backend, settings = mpl.rcParams._get_backend_or_none(), dict(mpl.rcParams.copy())
    plot_history(records(3), tmp_path / "a.png")
    assert mpl.rcParams._get_backend_or_none() == backend
    assert dict(mpl.rcParams.copy()) == settings


@pytest.mark.parametrize("lines", [[], [{"step": 1, "seconds": 2.0}]])
def test_a_history_of_nothing_is_refused(tmp_path: Path, lines: list[dict[str, float]]) -> None:
    with pytest.raises(ValueError, match="no figures"):
        plot_history(lines, tmp_path / "a.png")
