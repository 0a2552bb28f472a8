"""NumPy archives (.npz) as data. They are read without ever unpickling anything."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gansmith.data.arrays import Arrays, as_arrays
from gansmith.data.images import DataError

__all__ = ["read_npz"]

IMAGE_NAMES = ("images", "x", "x_train", "train_images", "image", "imgs", "data", "samples", "arr_0")
LABEL_NAMES = ("labels", "y", "y_train", "train_labels", "label", "targets", "target", "arr_1")


def read_npz(path: Path) -> Arrays:
    """The images and, where there are any, the labels of a NumPy archive.

    The images are the array named images, x, x_train, train_images, data, samples or arr_0 (in upper or lower case),
    the labels the one named labels, y, y_train, train_labels, targets or arr_1.

    Raises:
        DataError: not such an archive, a pickle inside, or no array of a known name.
    """
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if isinstance(archive, np.ndarray):
                raise DataError(f"{path} is a single array: save it with np.savez(path, images=array).")
            names = {name.lower(): name for name in archive.files}
            images = _member(archive, names, IMAGE_NAMES, path)
            labels = _member(archive, names, LABEL_NAMES, path)
    except DataError:
        raise
    except ValueError as error:  # how NumPy says that the whole file is a pickle
        raise DataError(_pickled(path, path.name, error)) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise DataError(f"{path} is damaged or not a NumPy archive ({error}). Was it copied whole?") from error
    if images is None:
        found = ", ".join(sorted(names.values())) or "nothing"
        raise DataError(f"{path} holds {found}, but no array called {', '.join(IMAGE_NAMES[:3])} or {IMAGE_NAMES[-1]}.")
    return as_arrays(images, labels, where=path.name)


def _member(
    archive: np.lib.npyio.NpzFile, names: dict[str, str], wanted: tuple[str, ...], path: Path
) -> npt.NDArray[np.generic] | None:
    found = next((names[name] for name in wanted if name in names), None)
    if found is None:
        return None
    try:
        array: npt.NDArray[np.generic] = archive[found]
    except ValueError as error:
        raise DataError(_pickled(path, found, error)) from error
    return array


def _pickled(path: Path, what: str, error: ValueError) -> str:
    return (
        f"{what!r} in {path} cannot be read as plain numbers ({error}). Pickled Python objects are never opened, "
        "because they can run any program: save plain arrays with np.savez(path, images=…, labels=…)."
    )
