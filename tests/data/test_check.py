import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gansmith.data import DataError, check_images, open_images


def test_every_fault_of_a_folder_is_found(motley: Path) -> None:
    (motley / "copy.png").write_bytes((motley / "plain.png").read_bytes())
    Image.new("RGB", (200, 15), "red").save(motley / "strip.png")
    report = check_images(motley)
    assert report.images == 10
    assert [name for name, _ in report.corrupt] == ["bomb.png", "empty.png", "letter.png", "truncated.jpg"]
    assert report.duplicates == (("copy.png", "plain.png"),)
    assert report.tiny == ("strip.png",)
    assert report.traits == {
        "16-bit": ("deep/deeper/sixteen.png",),
        "CMYK": ("print.jpg",),
        "animated": ("moving.gif",),
        "palette": ("deep/palette.png", "moving.gif"),
        "rotated by EXIF": ("rotated.png",),
        "transparency": ("transparent.png",),
    }
    assert report.ignored == {".txt": 1}
    assert report.sizes["60×40"] == 1  # the rotated one, as it will be seen
    assert report.usable


def test_the_report_as_text_and_as_values(motley: Path) -> None:
    report = check_images(motley)
    text = str(report)
    for words in (
        "8 images",
        "corrupt: 4: bomb.png (more than 89 megapixels",
        "duplicated: none",
        "palette: 2: deep/palette.png, moving.gif",
        "no images: 1 × .txt",
        "Usable: 32×32 pixels suit it, in colour; the corrupt files will be skipped.",
    ):
        assert words in text
    values = json.loads(json.dumps(report.to_dict()))
    assert values["usable"] is True
    assert values["corrupt"][1] == ["empty.png", "empty file"]


def test_nothing_is_written(motley: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANSMITH_CACHE", str(tmp_path / "must not appear"))
    before = sorted(tmp_path.rglob("*"))
    check_images(motley)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.identity
def test_what_it_foretells_is_what_is_opened(motley: Path, grey_folder: Path, cache: Path) -> None:
    for folder in (motley, grey_folder):
        report, images = check_images(folder), open_images(str(folder), cache=cache)
        assert (report.channels, *report.size) == images.shape if report.size else False
        assert report.images == len(images)
        assert tuple(report.classes) == images.classes
        if images.labels is not None:
            assert list(report.classes.values()) == np.bincount(images.labels).tolist()


def test_too_corrupt_is_foretold(tmp_path: Path, cache: Path) -> None:
    for i in range(11):
        (tmp_path / f"{i}.png").write_bytes(b"x")
        Image.new("L", (20, 20), i).save(tmp_path / f"good{i}.png")
    report = check_images(tmp_path)
    assert not report.usable
    assert "Not usable: more than 5%" in str(report)
    with pytest.raises(DataError):
        open_images(str(tmp_path), cache=cache)
    for i in range(11):
        (tmp_path / f"good{i}.png").unlink()
    assert "no image can be read" in str(check_images(tmp_path))


def test_zip_and_npz_are_checked(tmp_path: Path, grey_folder: Path) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for path in sorted(grey_folder.rglob("*.png")):
            archive.write(path, path.relative_to(grey_folder))
    assert check_images(tmp_path / "set.zip").classes == {"cats": 6, "dogs": 6}
    pixels = np.zeros((4, 20, 20, 3), np.uint8)
    pixels[2], pixels[3, 0, 0, 0] = 7, 255
    np.savez(tmp_path / "set.npz", images=pixels, labels=[0, 1, 1, 1])
    report = check_images(tmp_path / "set.npz")
    assert report.duplicates == (("image 0", "image 1"),)
    assert report.classes == {"0": 1, "1": 3}
    assert (report.size, report.channels, report.tiny) == ((20, 20), 3, ())


def test_what_cannot_be_checked(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no"):
        check_images(tmp_path / "nowhere")
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(DataError, match="single file"):
        check_images(tmp_path / "a.txt")


def test_progress_is_told(grey_folder: Path) -> None:
    calls: list[tuple[str, int, int]] = []
    check_images(grey_folder, progress=lambda *call: calls.append(call))
    assert calls == [("checking", i + 1, 12) for i in range(12)]
