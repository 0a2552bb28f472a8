"""One door to every set of images: a name, a folder, an archive."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from gansmith.data import avatars, drawn, named, stacked
from gansmith.data.archives import read_npz
from gansmith.data.arrays import from_arrays
from gansmith.data.build import Wanted, from_files
from gansmith.data.cache import writable_cache
from gansmith.data.hashes import Progress, file_hashes
from gansmith.data.images import DataError, ImageSet
from gansmith.data.sources import opened
from gansmith.spelling import listed, nearest, path_suggestion, suggestion

__all__ = ["NAMES", "open_images"]

NAMES = ("digits", *named.IDX_SETS, *drawn.DRAWN, "avatars", stacked.STACKED)
PICKLES = frozenset((".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib"))


def open_images(
    spec: str | Path,
    *,
    size: tuple[int, int] | None = None,
    channels: int | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> ImageSet:
    """Any set of images, converted once into a memory map and opened from there afterwards.

    Args:
        spec: a name (digits, mnist, mnist-test, fashion-mnist, fashion-mnist-test, avatars; mnist:DIRECTORY reads the
            idx files of that directory, mnist:50000 is its first 50,000 images and mnist:50000-60000 are the others;
            avatars:20000 draws so many, avatars:20000:mouth labels them by another attribute; counting, perspective and
            structure, of which counting:20000:7 draws so many, of seed 7; stacked-mnist, of which stacked-mnist:20000:7
            stacks so many, of seed 7); or a path: a folder of images (its
            first-level subfolders are the classes), a .npz, a .zip.
        size: (height, width) to crop and resize to. By default the common size of all images if they have one up to
            256; else a square, the largest power of two up to the median smaller side, between 16 and 256.
        channels: 1 or 3; by default 1 if all images are grey.
        cache: directory for the prepared images; by default the variable GANSMITH_CACHE or ~/.cache/gansmith.
        progress: called with (what is being done, how many are done, of how many).

    Raises:
        ValueError: no such name or path, with the nearest one; a size or channels that cannot be.
        DataError: (a ValueError) the data is there but cannot be used: no image, too many corrupt files, a pickle, …

    Example:
        >>> digits = open_images("digits")
        >>> digits, digits.labels.tolist()[::1000]
        (ImageSet('digits', 5000 images of 1×28×28, 10 classes), [0, 2, 4, 6, 8])
    """
    spec, wanted = str(spec), Wanted(size=size, channels=channels)
    directory, notes = writable_cache(cache)
    name, _, rest = spec.partition(":")
    if name in NAMES:
        images = _open_named(name, rest, wanted, directory, progress)
        if Path(name).exists():
            notes = (*notes, f"{name!r} is the set of that name; the folder or file beside it is had with ./{name}.")
    else:
        images = _open_path(_existing(spec), wanted, directory, progress)
    return replace(images, notes=(*notes, *images.notes))


def _open_named(name: str, rest: str, wanted: Wanted, cache: Path, progress: Progress | None) -> ImageSet:
    if name == "avatars":
        count, label = _avatar_options(rest)
        size = wanted.size or avatars.SIZE
        return from_arrays(
            name,
            lambda: avatars.read_avatars(count, label=label, size=size, progress=progress),
            avatars.avatars_content(count, label, size),
            replace(wanted, size=size),
            cache=cache,
            progress=None,
        )
    if name in drawn.DRAWN:
        count, seed = _count_and_seed(name, rest, drawn.COUNT)
        return from_arrays(
            name,
            lambda: drawn.read_drawn(name, count, seed=seed, progress=progress),
            drawn.drawn_content(name, count, seed),
            wanted,
            cache=cache,
            progress=None,
        )
    if name == stacked.STACKED:
        count, seed = _count_and_seed(name, rest, stacked.COUNT)
        mnist = named.IDX_SETS["mnist"]
        digits = partial(named.read_idx_set, mnist, directory=None, cache=cache, progress=progress)
        return from_arrays(
            name,
            lambda: stacked.read_stacked(count, seed=seed, digits=digits),
            stacked.stacked_content(count, seed, named.idx_content(mnist)),
            wanted,
            cache=cache,
            progress=progress,
        )
    if name == "digits":
        if rest:
            raise ValueError(f"'digits' takes no option, but {rest!r} was given: use --data digits")
        return from_arrays(name, named.read_digits, named.digits_content(), wanted, cache=cache, progress=progress)
    idx = named.IDX_SETS[name]
    rows = named.rows_of(idx, rest)
    directory = Path(rest).expanduser() if rest and rows is None else None
    if directory is not None and not directory.is_dir():
        nowhere = f"there is no directory {directory}{path_suggestion(directory)}"
        raise ValueError(f"{name}:{rest} names no images, and {nowhere}; {named.forms_of(idx)}")
    return from_arrays(
        name if rows is None else f"{name}:{rest}",
        lambda: named.read_idx_set(idx, directory=directory, cache=cache, progress=progress, rows=rows),
        named.idx_content(idx, rows),
        wanted,
        cache=cache,
        progress=progress,
    )


def _open_path(path: Path, wanted: Wanted, cache: Path, progress: Progress | None) -> ImageSet:
    suffix = path.suffix.lower()
    if path.is_file() and suffix in PICKLES:
        raise DataError(
            f"{path} is a pickle, which is never opened, because it can run any program. Give images or a .npz."
        )
    if path.is_file() and suffix not in (".npz", ".zip"):
        raise DataError(f"{path} is a single {suffix or 'file'}: give a folder of images, a .zip or a .npz.")
    if suffix == ".npz" and path.is_file():
        content = file_hashes(path.parent, (path.name,), cache=cache, progress=progress)[path.name]
        return from_arrays(path.stem, lambda: read_npz(path), content, wanted, cache=cache, progress=progress)
    with opened(path) as source:
        if path.is_dir():
            hashes = file_hashes(path, source.files, cache=cache, progress=progress)
        else:
            archive = file_hashes(path.parent, (path.name,), cache=cache, progress=progress)[path.name]
            hashes = dict.fromkeys(source.files, archive)
        return from_files(source, source.digest(hashes), wanted, cache=cache, progress=progress)


def _avatar_options(rest: str) -> tuple[int, str]:
    count, _, label = rest.partition(":")
    if count and not (count.isdecimal() and int(count) > 0):
        raise ValueError(f"avatars:{rest}: write how many faces to draw as in avatars:20000")
    if label and label not in avatars.ATTRIBUTES:
        raise ValueError(f"avatars:{rest}: no attribute {label!r}{suggestion(label, avatars.ATTRIBUTES)}")
    return int(count or avatars.COUNT), label or avatars.LABEL


def _count_and_seed(name: str, rest: str, usual: int) -> tuple[int, int]:
    count, _, seed = rest.partition(":")
    if (count and not (count.isdecimal() and int(count) > 0)) or (seed and not seed.isdecimal()):
        raise ValueError(f"{name}:{rest}: write how many pictures to draw, and their seed, as in {name}:20000:7")
    return int(count or usual), int(seed or 0)


def _existing(spec: str) -> Path:
    """The path that a spec names.

    Raises:
        ValueError: there is none, with the nearest valid name or the nearest entry of the directory.
    """
    if not spec.strip():
        raise ValueError(
            f"No data is named. Give one of {', '.join(NAMES)}, or the path of a folder, a .zip or a .npz."
        )
    path = Path(spec).expanduser()
    if path.exists():
        return path
    if path.name != spec or path.suffix:
        raise ValueError(f"there is no {spec}{path_suggestion(path)}")
    name, beside = spec.partition(":")[0], [entry.name for entry in sorted(Path().iterdir()) if entry.is_dir()]
    meant = f"; give a path, or one of {listed(NAMES)}"
    if nearest(name, (*NAMES, *beside)) is not None:
        meant = suggestion(name, (*NAMES, *beside))
    raise ValueError(f"{spec!r} is neither a data set's name nor a path that exists{meant}")
