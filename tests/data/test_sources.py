from pathlib import Path

import pytest
from PIL import Image

from gansmith.data.sources import folder_source


def folder(top: Path, names: list[str]) -> Path:
    for name in names:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4)).save(top / name)
    return top


@pytest.mark.parametrize(
    ("names", "labels", "classes"),
    [
        (["a.png", "b.png"], None, ()),
        (["x/a.png", "y/b.png", "y/deep/c.png"], (0, 1, 1), ("x", "y")),
        (["only/a.png", "only/b.png"], None, ()),  # one class says nothing
        (["x/a.png", "b.png"], None, ()),
        (["train/a.png", "test/b.png"], None, ()),
        (["10/a.png", "9/b.png", "1/c.png"], (0, 2, 1), ("1", "9", "10")),  # in order of number; files in order of name
    ],
)
def test_labels_from_folders(
    tmp_path: Path, names: list[str], labels: tuple[int, ...] | None, classes: tuple[str, ...]
) -> None:
    source = folder_source(folder(tmp_path, names))
    assert source.files == tuple(sorted(names))
    assert source.labels == labels
    assert source.classes == classes


def test_links_to_folders_are_followed_once(tmp_path: Path) -> None:
    outside = folder(tmp_path / "outside", ["a.png"])
    inside = folder(tmp_path / "inside", ["b.png"])
    (inside / "link").symlink_to(outside)
    (inside / "loop").symlink_to(inside)
    assert folder_source(inside).files == ("b.png", "link/a.png")


def test_a_folder_may_carry_stylegan_labels(tmp_path: Path) -> None:
    folder(tmp_path, ["00000/a.png", "00001/b.png"])
    (tmp_path / "dataset.json").write_text('{"labels": [["00000/a.png", 1], ["00001/b.png", 0]]}')
    source = folder_source(tmp_path)
    assert source.labels == (1, 0)
    assert source.ignored == ()
