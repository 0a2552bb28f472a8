import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gansmith.data import DataError, open_images


def png(value: int, size: tuple[int, int] = (8, 8)) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", size, value).save(buffer, "PNG")
    return buffer.getvalue()


def archive(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> str:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return str(path)


def firsts(path: str, cache: Path) -> list[int]:
    return open_images(path, cache=cache).images[:, 0, 0, 0].tolist()


# NumPy archives


@pytest.mark.parametrize("names", [("images", "labels"), ("x_train", "y_train"), ("X", "y"), ("arr_0", "arr_1")])
def test_npz_by_its_usual_names(tmp_path: Path, cache: Path, names: tuple[str, str]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 10, 12), dtype=np.uint8)
    np.savez(tmp_path / "set.npz", **{names[0]: pixels, names[1]: np.array([0, 1, 2, 2, 1, 0])})
    images = open_images(str(tmp_path / "set.npz"), cache=cache)
    assert images.name == "set"
    np.testing.assert_array_equal(images.images[..., 0], pixels)
    assert images.labels is not None
    assert images.labels.tolist() == [0, 1, 2, 2, 1, 0]
    assert images.classes == ("0", "1", "2")


@pytest.mark.analytic
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([0.0, 0.5, 1.0], np.float32), [0, 128, 255]),  # fractions: v · 255
        (np.array([-1.0, 0.0, 1.0]), [0, 128, 255]),  # symmetric: (v + 1) · 127.5
        (np.array([0.0, 7.4, 255.0]), [0, 7, 255]),  # already bytes
        (np.array([0, 257, 65535], np.uint16), [0, 1, 255]),  # 16-bit: v / 257
        (np.array([0, 7, 255], np.int64), [0, 7, 255]),
        (np.array([False, True, True]), [0, 255, 255]),
    ],
)
def test_npz_of_any_number_type(tmp_path: Path, cache: Path, values: np.ndarray, expected: list[int]) -> None:
    np.savez(tmp_path / "set.npz", images=values.reshape(3, 1, 1) * np.ones((4, 4), values.dtype))
    assert firsts(str(tmp_path / "set.npz"), cache) == expected


def test_npz_with_channels_first_or_last_and_with_transparency(tmp_path: Path, cache: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 10, 12, 3), dtype=np.uint8)
    np.savez(tmp_path / "last.npz", images=pixels)
    np.savez(tmp_path / "first.npz", images=pixels.transpose(0, 3, 1, 2))
    clear = np.concatenate([pixels, np.zeros((5, 10, 12, 1), np.uint8)], axis=-1)
    np.savez(tmp_path / "clear.npz", images=clear)
    for name in ("last", "first"):
        np.testing.assert_array_equal(open_images(str(tmp_path / f"{name}.npz"), cache=cache).images, pixels)
    assert open_images(str(tmp_path / "clear.npz"), cache=cache).images.min() == 255


def test_npz_is_resized_like_a_folder(tmp_path: Path, cache: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 40, 60, 3), dtype=np.uint8)
    np.savez(tmp_path / "set.npz", images=pixels)
    (tmp_path / "folder").mkdir()
    for i, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / "folder" / f"{i}.png")
    both = [open_images(str(tmp_path / n), size=(16, 32), cache=cache) for n in ("set.npz", "folder")]
    np.testing.assert_array_equal(both[0].images, both[1].images)
    assert "resized to 16×32" in both[0].notes[0]


@pytest.mark.parametrize(
    ("labels", "expected", "classes"),
    [
        (np.array([[1], [0], [1]]), [1, 0, 1], ("0", "1")),
        (np.eye(3)[[2, 0, 1]], [2, 0, 1], ("0", "1", "2")),
        (np.array(["b", "a", "b"]), [1, 0, 1], ("a", "b")),
    ],
)
def test_npz_labels_of_other_kinds(
    tmp_path: Path, cache: Path, labels: np.ndarray, expected: list[int], classes: tuple[str, ...]
) -> None:
    np.savez(tmp_path / "set.npz", images=np.zeros((3, 4, 4), np.uint8), labels=labels)
    images = open_images(str(tmp_path / "set.npz"), cache=cache)
    assert images.labels is not None
    assert images.labels.tolist() == expected
    assert images.classes == classes


class Payload:
    """Unpickling it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("whole", [False, True])
def test_a_pickle_inside_is_refused_and_never_executed(tmp_path: Path, cache: Path, whole: bool) -> None:
    import pickle

    trap = tmp_path / "executed"
    path = tmp_path / "set.npz"
    if whole:
        path.write_bytes(pickle.dumps(Payload(trap)))
    else:
        np.savez(path, images=np.array([Payload(trap)], dtype=object))
    with pytest.raises(DataError, match=r"never opened.*np\.savez"):
        open_images(str(path), cache=cache)
    assert not trap.exists()
    pickle.loads(pickle.dumps(Payload(trap)))
    assert trap.exists()  # the trap works


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"weights": np.zeros(3)}, "holds weights, but no array called images"),
        ({"images": np.zeros((3, 4))}, r"shape \(3, 4\)"),
        ({"images": np.zeros((3, 9, 9, 7))}, r"shape \(3, 9, 9, 7\)"),
        ({"images": np.full((3, 4, 4), 3e5)}, "go from 300000 to 300000"),
        ({"images": np.full((3, 4, 4), np.nan)}, "go from nan to nan"),
        ({"images": np.zeros((3, 4, 4), complex)}, "complex128"),
        ({"images": np.zeros((0, 4, 4), np.uint8)}, "holds no images"),
        ({"images": np.zeros((3, 4, 4), np.uint8), "labels": np.zeros(2, int)}, "3 whole numbers or names"),
        ({"images": np.zeros((3, 4, 4), np.uint8), "labels": np.array([0, -2, 0])}, "start at -2"),
        ({"images": np.zeros((3, 4, 4), np.uint8), "labels": np.array([0.5, 0, 1])}, "whole numbers"),
    ],
)
def test_npz_that_cannot_be_used(tmp_path: Path, cache: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    np.savez(tmp_path / "set.npz", **arrays)
    with pytest.raises(DataError, match=message):
        open_images(str(tmp_path / "set.npz"), cache=cache)


def test_a_single_array_called_npz(tmp_path: Path, cache: Path) -> None:
    with (tmp_path / "set.npz").open("wb") as file:
        np.save(file, np.zeros((3, 4, 4), np.uint8))
    with pytest.raises(DataError, match=r"is a single array: save it with np\.savez"):
        open_images(str(tmp_path / "set.npz"), cache=cache)


def test_npz_cut_short(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "set.npz"
    np.savez(path, images=np.zeros((3, 4, 4), np.uint8))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match="damaged or not a NumPy archive"):
        open_images(str(path), cache=cache)


# Zip archives


def test_stylegan_zip(tmp_path: Path, cache: Path) -> None:
    names = [f"{i // 2:05}/img{i:08}.png" for i in range(6)]
    labels = json.dumps({"labels": [[name, i % 3] for i, name in enumerate(names)][::-1]}).encode()
    members = {**{name: png(10 * i) for i, name in enumerate(names)}, "dataset.json": labels}
    images = open_images(archive(tmp_path / "sg.zip", members), cache=cache)
    assert images.images[:, 0, 0, 0].tolist() == [0, 10, 20, 30, 40, 50]
    assert images.labels is not None
    assert images.labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert images.classes == ("0", "1", "2")
    assert images.notes == ()


@pytest.mark.parametrize(
    ("labels", "note"),
    [
        (b'{"labels": null}', None),
        (b'{"labels": [["00000/a.png", 1]]}', "no label for 1 of 2"),
        (b'{"labels": [["00000/a.png", [0.5]], ["00001/b.png", [1.5]]]}', "not whole numbers"),
        (b"{", "could not be read"),
    ],
)
def test_stylegan_zip_without_usable_labels(tmp_path: Path, cache: Path, labels: bytes, note: str | None) -> None:
    # Its numbered folders are buckets, not classes.
    members = {"00000/a.png": png(1), "00001/b.png": png(2), "dataset.json": labels}
    images = open_images(archive(tmp_path / "sg.zip", members), cache=cache)
    assert images.labels is None
    assert len(images) == 2
    assert images.notes == () if note is None else note in images.notes[0]


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_any_zip_of_class_folders_with_a_folder_around_it(tmp_path: Path, cache: Path, compression: int) -> None:
    members = {f"pets/{'cat' if i % 2 else 'dog'}/{i}.png": png(i) for i in range(4)}
    members |= {"__MACOSX/pets/cat/._1.png": b"\0", "pets/.DS_Store": b"\0"}
    images = open_images(archive(tmp_path / "pets.zip", members, compression), cache=cache)
    assert images.classes == ("cat", "dog")
    assert images.labels is not None
    assert images.labels.tolist() == [0, 0, 1, 1]
    assert images.images[:, 0, 0, 0].tolist() == [1, 3, 0, 2]
    assert images.notes == ()


def test_a_flipped_bit_inside_a_zip_is_a_corrupt_file(tmp_path: Path, cache: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "BMP")  # a format without any checksum of its own
    path = Path(archive(tmp_path / "set.zip", {"a.bmp": buffer.getvalue(), "b.bmp": buffer.getvalue()}))
    data = bytearray(path.read_bytes())
    data[200] ^= 1
    path.write_bytes(data)
    images = open_images(str(path), cache=cache)
    assert len(images) == 1
    assert "a.bmp (damaged inside the archive" in images.notes[0]


def test_zips_that_cannot_be_used(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "not.zip").write_text("no archive")
    with pytest.raises(DataError, match="not a readable zip archive"):
        open_images(str(tmp_path / "not.zip"), cache=cache)
    with pytest.raises(DataError, match=r"only other files \(1 × .txt\)"):
        open_images(archive(tmp_path / "texts.zip", {"a.txt": b"a"}), cache=cache)
    with pytest.raises(DataError, match="holds no files"):
        open_images(archive(tmp_path / "empty.zip", {}), cache=cache)


def test_a_member_that_unpacks_to_gigabytes_is_refused_alone(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gansmith.data.sources._HUGE", 1 << 16)
    members = {"a.png": png(5), "huge.png": bytes(1 << 17)}
    images = open_images(archive(tmp_path / "set.zip", members, zipfile.ZIP_DEFLATED), cache=cache)
    assert len(images) == 1
    assert "huge.png (unpacks to more than" in images.notes[0]
