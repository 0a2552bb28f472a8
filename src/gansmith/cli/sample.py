"""`gansmith sample`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gansmith.cli.models import add_model, find_model
from gansmith.cli.parser import Parser, existing, whole

if TYPE_CHECKING:
    from argparse import Namespace

    from torch import Tensor

    from gansmith.training.model import Model

__all__ = ["sample"]

GRID, WALKS, FRAMES = 64, 8, 16
COLUMNS, ROWS = 16, 8
ABOUT = "Draw images from the averaged generator of a run, as they come: none is picked out."
FORMATS = ".png (a grid), .gif (with --interpolate), .npz (arrays), or no suffix (a folder of images)"


def sample(arguments: Sequence[str]) -> int:
    """``gansmith sample RUN [-n N] [--label L] [--out WHERE] [--interpolate]``: the last line is what was written."""
    parser = Parser(prog="gansmith sample", description=ABOUT)
    add_model(parser)
    parser.add_argument(
        "-n",
        type=whole(least=1),
        metavar="N",
        help=f"how many images [{GRID}, or {ROWS} of each class], or walks [{WALKS}]",
    )
    parser.add_argument("--seed", type=whole(), metavar="S", help="decides which images [0]")
    parser.add_argument("--label", metavar="L", help="draw only this class, by name or number")
    parser.add_argument("--latents", metavar="FILE.npz", help="draw at these, as gansmith project wrote them")
    parser.add_argument("--out", metavar="WHERE", help=f"{FORMATS} [samples.png]")
    parser.add_argument("--interpolate", action="store_true", help="walk from one image to another, one walk a row")
    parser.add_argument("--frames", type=whole(least=2), metavar="N", help=f"images in a walk [{FRAMES}]")
    given = parser.read(arguments)
    if given.frames is not None and not given.interpolate:
        raise ValueError("--frames is the length of a walk; add --interpolate, or say with -n how many images")
    if given.latents is not None and (given.interpolate or given.n is not None or given.seed is not None):
        raise ValueError("--latents says what is drawn; leave out -n, --seed and --interpolate")
    given.seed = given.seed or 0
    out = Path(given.out or ("walk.png" if given.interpolate else "samples.png")).expanduser()
    _check(out, given.interpolate)
    model = find_model(given)
    out.parent.mkdir(parents=True, exist_ok=True)
    if given.interpolate:
        walks = model.interpolate(given.n or WALKS, given.frames or FRAMES, seed=given.seed, labels=given.label)
        _write_walks(walks, out)
    elif given.latents is not None:
        latents, labels = _saved(given, model)
        _write_images(model.draw(latents, labels), labels, out)
    else:
        _write(model, given, out)
        print(f"uncurated: every sample of seed {given.seed} in its order, none left out", file=sys.stderr)
    print(out)
    return 0


def _saved(given: Namespace, model: Model) -> tuple[Tensor, Tensor | None]:
    """The latents of the file, and the labels to draw there."""
    from gansmith.training.pictures import read_latents

    latents, labels, of = read_latents(existing(given.latents, "file"))
    if of and of != model.identity:
        print(f"note: these latents are of another model ({of}), and mean nothing to this one", file=sys.stderr)
    if given.label is not None:
        labels = model.labels(len(latents), labels=given.label)
    if model.classes and labels is None:
        raise ValueError(f"{given.latents} says no classes, and {given.run} draws some: add --label L")
    if labels is not None and not model.classes:
        raise ValueError(f"{given.latents} is of a model with classes, and {given.run} draws none")
    return latents, labels


def _check(out: Path, walk: bool) -> None:
    suffix = out.suffix.lower()
    if suffix not in ("", ".png", ".npz", ".gif") and not out.is_dir():
        raise ValueError(f"--out cannot end in {suffix}; give a name that ends in {FORMATS}")
    if suffix == ".gif" and not walk:
        raise ValueError("a .gif shows a walk; add --interpolate, or give a name that ends in .png")
    if out.is_dir() and any(out.iterdir()):
        raise ValueError(f"{out} is a folder that holds something already; give a new or an empty one")


def _write(model: Model, given: Namespace, out: Path) -> None:
    import torch

    from gansmith.training.pictures import save_grid

    classes = len(model.classes)
    if not out.is_dir() and out.suffix.lower() == ".png" and given.label is None and 1 < classes <= COLUMNS:
        # Every class has a column, so that a person sees at once whether the classes are what they are called.
        labels = torch.arange(given.n or ROWS * classes) % classes
        save_grid(model.sample(len(labels), seed=given.seed, labels=labels), out, columns=classes)
        return
    n = given.n or GRID
    images = model.sample(n, seed=given.seed, labels=given.label)
    _write_images(images, model.labels(n, seed=given.seed, labels=given.label), out)


def _write_images(images: Tensor, labels: Tensor | None, out: Path) -> None:
    """Images (n, c, h, w) as a grid, as arrays with their labels, or one by one."""
    from gansmith.training.pictures import save_grid, save_images, save_npz

    suffix = "" if out.is_dir() else out.suffix.lower()
    if suffix == ".png":
        save_grid(images, out)
    elif suffix == ".npz":
        save_npz(images, labels, out)
    else:
        save_images(images, out)


def _write_walks(walks: Tensor, out: Path) -> None:
    """Walks (rows, frames, c, h, w) as a grid with a row for each, an animation of all, arrays, or single images."""
    from gansmith.training.pictures import save_gif, save_grid, save_images, save_npz

    suffix = "" if out.is_dir() else out.suffix.lower()
    if suffix == ".gif":
        save_gif(walks.transpose(0, 1), out)
    elif suffix == ".png":
        save_grid(walks.flatten(0, 1), out, columns=walks.shape[1])
    elif suffix == ".npz":
        save_npz(walks.flatten(0, 1), None, out)
    else:
        save_images(walks.flatten(0, 1), out)
