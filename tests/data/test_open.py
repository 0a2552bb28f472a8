"""Folders, from the door that users come in by."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gansmith.data import Batches, DataError, check_images, from_array, open_images
from gansmith.data import build as build_module


def test_the_folder_that_the_readme_promises(motley: Path, cache: Path) -> None:
    images = open_images(motley, cache=cache)
    # In order of name: deep/deeper/sixteen, deep/palette, moving, photo, plain, print, rotated, transparent.
    # Smaller sides 50, 40, 40, 200, 40, 40, 40, 40: the median is 40, so 32 is the largest power of two below.
    assert images.shape == (3, 32, 32)
    assert len(images) == 8
    above_left = [tuple(image[4, 4].tolist()) for image in images.images]
    red, blue, white = (255, 0, 0), (0, 0, 255), (255, 255, 255)
    for i, expected in enumerate([(128, 128, 128), red, red, red, red, red, blue, white]):
        assert np.abs(np.subtract(above_left[i], expected)).max() <= (40 if i in (3, 5) else 1), i  # 3, 5 are JPEGs
    notes = "\n".join(images.notes)
    for words in (
        "1 file that is no image was left out (.txt).",
        "4 of 12 image files could not be read and were skipped",
        "truncated.jpg (image file is truncated",
        "empty.png (empty file)",
        "letter.png (not an image that can be read)",
        "bomb.png (more than 89 megapixels once unpacked, refused as a decompression bomb)",
        "2 palette",  # the GIF is one too
        "1 transparency (put on white)",
        "1 16-bit (scaled to 8)",
        "1 CMYK (to RGB)",
        "1 animated (first frame)",
        "1 rotated by EXIF (turned upright)",
        "cropped at the centre and resized to 32×32",
    ):
        assert words in notes
    assert "DS_Store" not in notes
    batch, labels = Batches(images, batch=64, seed=0, flip=True)(0)  # fewer images than a batch
    assert batch.shape == (64, 3, 32, 32)
    assert labels is None


def test_class_folders_are_labels(grey_folder: Path, cache: Path) -> None:
    images = open_images(str(grey_folder), cache=cache)
    assert images.name == "grey"
    assert images.classes == ("cats", "dogs")
    assert images.shape == (1, 10, 8)  # one size below 256 is kept, and grey stays grey
    assert images.labels is not None
    assert images.labels.tolist() == [0] * 6 + [1] * 6
    assert images.images[:, 0, 0, 0].tolist() == [10, 30, 50, 70, 90, 110, 0, 20, 40, 60, 80, 100]
    assert images.notes == ()


def test_labels_stay_with_their_images_when_files_are_skipped(grey_folder: Path, cache: Path) -> None:
    (grey_folder / "cats" / "03.png").write_bytes(b"broken")
    images = open_images(str(grey_folder), cache=cache)
    assert images.labels is not None
    assert images.labels.tolist() == [0] * 5 + [1] * 6
    assert images.images[:, 0, 0, 0].tolist() == [10, 50, 70, 90, 110, 0, 20, 40, 60, 80, 100]


def test_one_image_outside_the_class_folders_unlabels_all(grey_folder: Path, cache: Path) -> None:
    Image.new("L", (8, 10)).save(grey_folder / "stray.png")
    images = open_images(str(grey_folder), cache=cache)
    assert images.labels is None
    assert images.classes == ()
    assert "not every image is in one (1 outside)" in images.notes[0]


def test_non_square_size_is_height_by_width(motley: Path, cache: Path) -> None:
    assert open_images(str(motley), size=(64, 96), cache=cache).shape == (3, 64, 96)


def test_channels_can_be_asked_for(grey_folder: Path, motley: Path, cache: Path) -> None:
    colour = open_images(str(grey_folder), channels=3, cache=cache)
    assert colour.shape == (3, 10, 8)
    assert (colour.images[..., 0] == colour.images[..., 2]).all()
    assert open_images(str(motley), channels=1, cache=cache).shape[0] == 1


def test_grey_pictures_saved_as_colour_are_grey(grey_folder: Path, cache: Path) -> None:
    grey = open_images(str(grey_folder), cache=cache)
    for path in grey_folder.rglob("*.png"):
        Image.open(path).convert("RGB").save(path)
    colour = open_images(str(grey_folder), cache=cache)
    assert colour.shape == (1, 10, 8)
    assert colour.images.tobytes() == grey.images.tobytes()
    Image.new("RGB", (8, 10), (9, 9, 10)).save(grey_folder / "cats" / "01.png")  # one pixel of colour is enough
    assert open_images(str(grey_folder), cache=cache).shape == (3, 10, 8)


@pytest.mark.analytic
@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([(256, 256)] * 3, (256, 256)),
        ([(20, 30)] * 3, (20, 30)),
        ([(257, 200)] * 3, (128, 128)),
        ([(65, 90), (64, 64), (500, 100)], (64, 64)),
        ([(9, 9), (10, 10)], (16, 16)),
        ([(3000, 2000), (2000, 3000)], (256, 256)),
    ],
)
def test_default_size(sizes: list[tuple[int, int]], expected: tuple[int, int]) -> None:
    assert build_module.natural_size(sizes) == expected


def test_too_many_corrupt_files_stop_with_the_list(tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for i in range(100):
        Image.new("L", (8, 8), i).save(folder / f"good{i}.png")
    for i in range(10):
        (folder / f"bad{i}.png").write_bytes(b"")
    assert len(open_images(str(folder), cache=cache)) == 100  # 9 % but only 10 files: skipped
    (folder / "bad10.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"Only 100 of the 111 image files .* bad0.png \(empty file\)") as caught:
        open_images(str(folder), cache=cache)
    assert [name for name, _ in caught.value.files] == sorted(f"bad{i}.png" for i in range(11))
    for i in range(100, 220):
        Image.new("L", (8, 8), i).save(folder / f"good{i}.png")
    assert len(open_images(str(folder), cache=cache)) == 220  # 11 files, but under 5 %


def test_nothing_but_corrupt_files(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(DataError, match="None of the 1 image files in 'x' can be read"):
        open_images(str(tmp_path / "x"), cache=cache)


def test_empty_folders_and_folders_without_images(tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    with pytest.raises(DataError, match="holds no files"):
        open_images(str(folder), cache=cache)
    for i in range(3):
        (folder / f"IMG_{i}.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(DataError, match=r"3 × .heic.*Convert them to JPEG or PNG"):
        open_images(str(folder), cache=cache)


def test_an_unreadable_file_is_skipped_with_its_reason(tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "links"
    folder.mkdir()
    Image.new("L", (8, 8)).save(folder / "good.png")
    (folder / "gone.png").symlink_to(tmp_path / "nowhere.png")
    images = open_images(str(folder), cache=cache)
    assert len(images) == 1
    assert "gone.png (No such file or directory)" in images.notes[0]


def test_a_pipe_does_not_hold_up_the_rest(tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "pipes"
    folder.mkdir()
    Image.new("L", (8, 8)).save(folder / "good.png")
    os.mkfifo(folder / "pipe.png")
    os.mkfifo(folder / "pipe")
    images = open_images(str(folder), cache=cache)
    assert len(images) == 1
    assert "pipe.png (not a regular file)" in images.notes[1]
    assert [name for name, _ in check_images(folder).corrupt] == ["pipe.png"]


def test_names_that_are_no_text(tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "names"
    folder.mkdir()
    (folder / os.fsdecode(b"bad\xff.png")).write_bytes(b"")
    Image.new("L", (8, 8)).save(folder / os.fsdecode(b"good\xff.png"), "PNG")
    images = open_images(str(folder), cache=cache)
    assert len(images) == 1
    assert "bad?.png (empty file)" in images.notes[0]
    str(check_images(folder)).encode("utf-8")  # can be printed


def test_the_fingerprint_follows_the_content_not_the_place(grey_folder: Path, cache: Path, tmp_path: Path) -> None:
    first = open_images(str(grey_folder), cache=cache)
    moved = tmp_path / "elsewhere"
    grey_folder.rename(moved)
    again = open_images(str(moved), cache=tmp_path / "other cache")
    assert again.fingerprint == first.fingerprint
    assert again.name == "elsewhere"
    assert open_images(str(moved), size=(16, 16), cache=cache).fingerprint != first.fingerprint
    Image.new("L", (8, 10), 11).save(moved / "cats" / "01.png")  # 10 before
    assert open_images(str(moved), cache=cache).fingerprint != first.fingerprint
    (moved / "cats").rename(moved / "wolves")
    assert open_images(str(moved), cache=cache).classes == ("dogs", "wolves")


def test_a_text_file_more_does_not_prepare_anew(grey_folder: Path, cache: Path) -> None:
    open_images(str(grey_folder), cache=cache)
    (grey_folder / "notes.txt").write_text("x")
    calls: list[str] = []
    images = open_images(str(grey_folder), cache=cache, progress=lambda stage, done, total: calls.append(stage))
    assert "preparing" not in calls
    assert images.notes == ("1 file that is no image was left out (.txt).",)


def test_progress_is_told(grey_folder: Path, cache: Path) -> None:
    calls: list[tuple[str, int, int]] = []
    open_images(str(grey_folder), cache=cache, progress=lambda *call: calls.append(call))
    assert calls == [(stage, i + 1, 12) for stage in ("reading", "measuring", "preparing") for i in range(12)]


def test_a_progress_that_raises_leaves_no_fragment(grey_folder: Path, cache: Path) -> None:
    def interrupt(stage: str, done: int, total: int) -> None:
        if stage == "preparing" and done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_images(str(grey_folder), cache=cache, progress=interrupt)
    assert [path.name for path in (cache / "prepared").iterdir() if path.is_dir()] == []
    assert len(open_images(str(grey_folder), cache=cache)) == 12


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("digit", "did you mean 'digits'"),
        ("Fashion-MNIST", "did you mean 'fashion-mnist'"),
        ("qwxz", "exists; give a path, or one of digits, mnist, .* and stacked-mnist$"),
        ("./fotos", "did you mean photos"),
        ("nowhere/at/all", "has no 'nowhere'"),
        ("weights.pt", "a pickle, which is never opened"),
        ("one.png", "a single .png: give a folder"),
        ("digits:7", "takes no option"),
        ("mnist:nowhere", "there is no directory nowhere"),
        ("mnist:50000x", "names no images.* write mnist:30000 .*, mnist:30000-60000 .*, or mnist:DIRECTORY"),
        ("mnist-test:10001", "has the images 0 to 10,000; write mnist-test:5000 .* or mnist-test:DIRECTORY"),
        ("avatars:many", "avatars:20000"),
        ("avatars:9:hair_colour", "did you mean 'hair_color'"),
        ("", "No data is named"),
    ],
)
def test_unknown_specs_are_refused_with_what_is_valid(
    spec: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    (tmp_path / "weights.pt").write_bytes(b"\x80\x04.")
    Image.new("L", (8, 8)).save(tmp_path / "one.png")
    with pytest.raises(ValueError, match=message):
        open_images(spec)


@pytest.mark.parametrize("size", [(0, 8), (8, -1), (8, 5000)])
def test_impossible_sizes_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="between 1 and 4096"):
        open_images("digits", size=size)


def test_impossible_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="channels is 2"):
        open_images("digits", channels=2)


def test_a_folder_called_like_a_set_is_mentioned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    Image.new("L", (9, 9)).save(tmp_path / "digits" / "a.png")
    assert "./digits" in open_images("digits").notes[0]
    assert open_images("./digits").shape == (1, 9, 9)


def test_files_without_a_suffix_are_taken_by_their_first_bytes(
    tmp_path: Path, cache: Path, encoded: Callable[..., object]
) -> None:
    folder = tmp_path / "crawl"
    folder.mkdir()
    for kind in ("PNG", "JPEG", "WEBP", "GIF"):
        Image.new("RGB", (8, 8)).save(folder / f"item{kind}", kind)
    (folder / "README").write_text("about")
    images = open_images(str(folder), cache=cache)
    assert len(images) == 4
    assert images.notes[0] == "1 file that is no image was left out (no suffix)."


def test_an_image_set_of_ones_own_needs_no_file() -> None:
    images, _ = Batches(from_array(np.full((3, 4, 4), 255, np.uint8)), batch=2, seed=0)(0)
    assert images.min() == 1
