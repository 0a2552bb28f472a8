"""`gansmith project`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from gansmith.cli.models import add_model, find_model
from gansmith.cli.parser import Parser, existing, new_folder, whole

if TYPE_CHECKING:
    from torch import Tensor

    from gansmith.applications.projection import Projected
    from gansmith.training.model import Model

__all__ = ["project", "read_pictures"]

PICTURES, STEPS = 16, 200
COLUMNS = 8
ABOUT = (
    "Find the latents at which a generator draws given pictures most nearly. Writes a grid, each picture with what is "
    "drawn to the right of it, and the latents, which gansmith sample RUN --latents takes."
)


def project(arguments: Sequence[str]) -> int:
    """``gansmith project RUN PICTURES… [--out DIR]``: the last line is the folder that was written."""
    parser = Parser(prog="gansmith project", description=ABOUT)
    add_model(parser)
    parser.add_argument(
        "pictures", nargs="+", metavar="PICTURES", help="image files, folders, .npz, .zip or named sets"
    )
    parser.add_argument("-n", type=whole(least=1), default=PICTURES, metavar="N", help=f"at most so many [{PICTURES}]")
    parser.add_argument("--label", metavar="L", help="what the pictures are of, by name or number [what fits best]")
    parser.add_argument("--steps", type=whole(least=0), default=STEPS, metavar="N", help=f"of the search [{STEPS}]")
    parser.add_argument("--seed", type=whole(), default=0, metavar="S", help="of where it begins [0]")
    parser.add_argument("--out", default="projected", metavar="DIR", help="where to [projected]")
    given = parser.read(arguments)
    out = new_folder(given.out)
    from gansmith.applications.projection import project as projected
    from gansmith.training.display import preparing, shown_here

    model = find_model(given)
    names, images, left = read_pictures(given.pictures, given.n, model)
    if left:
        print(f"the first {len(names)} of {len(names) + left:,} pictures; -n takes more", file=sys.stderr)
    with preparing(shown_here(None)) as progress:
        found = projected(
            model,
            images,
            labels=given.label,
            steps=given.steps,
            seed=given.seed,
            progress=lambda done, of: progress("looking for latents", done, of),
        )
    out.mkdir(parents=True, exist_ok=True)
    _write(found, images, model, out)
    for line in _lines(names, found, model):
        print(line, file=sys.stderr)
    print(out)
    return 0


def read_pictures(specs: Sequence[str], most: int, model: Model) -> tuple[list[str], Tensor, int]:
    """The names of at most so many pictures, they (n, c, h, w) uint8 in the model's shape, and how many are left."""
    import torch

    from gansmith.data import open_images
    from gansmith.data.prepare import SUFFIXES
    from gansmith.data.sources import opened

    _, height, width = shape = model.shape
    names: list[str] = []
    found: list[Tensor] = []
    count = 0
    for spec in specs:
        path = Path(spec).expanduser()
        room, kind = max(0, most - len(names)), path.suffix.lower()
        if kind in SUFFIXES and not path.is_dir():
            found.append(_decoded(existing(path, "picture").open("rb"), path.name, shape))
            names.append(path.name)
            count += 1
        elif path.is_dir() or (kind == ".zip" and path.is_file()):
            with opened(path) as source:
                inside = [f"{spec.rstrip('/')}/{name}" for name in source.files]
                found += [
                    _decoded(source.open(name), whole, shape)
                    for name, whole in zip(source.files[:room], inside[:room], strict=True)
                ]
            names += inside[:room]
            count += len(inside)
        elif path.is_file() and kind != ".npz":
            raise ValueError(f"{path} is no picture, by its name: give image files, folders, .npz or .zip")
        else:
            images = open_images(spec, size=(height, width), channels=shape[0]).pixels()
            found.append(images[:room])
            names += [f"{spec}[{i}]" for i in range(len(images[:room]))]
            count += len(images)
    return names[:most], torch.cat(found)[:most].contiguous(), count - len(names[:most])


def _decoded(file: BinaryIO, name: str, shape: tuple[int, int, int]) -> Tensor:
    """A picture file as (1, c, h, w) uint8; the file is closed."""
    import torch

    from gansmith.data.prepare import CorruptImageError, decode

    channels, height, width = shape
    try:
        with file:
            pixels, _ = decode(file, height=height, width=width, channels=channels)
    except CorruptImageError as error:
        raise ValueError(f"{name} cannot be read as a picture: {error}") from error
    return torch.tensor(pixels).permute(2, 0, 1)[None]


def _write(found: Projected, images: Tensor, model: Model, out: Path) -> None:
    """The grid and the latents."""
    import torch

    from gansmith.metrics.images import as_images
    from gansmith.training.pictures import save_grid, save_latents

    pairs = torch.stack((as_images(images), found.images), 1).flatten(0, 1)
    save_grid(pairs, out / "pictures.png", columns=min(COLUMNS, len(pairs)))
    save_latents(found.latents, found.labels, out / "latents.npz", of=model.identity)


def _lines(names: Sequence[str], found: Projected, model: Model) -> list[str]:
    from gansmith.applications.projection import psnr

    widest = max(map(len, names))
    labels = [""] * len(names) if found.labels is None else [f"  as {model.classes[y]}" for y in found.labels.tolist()]
    decibels = psnr(found.errors).tolist()
    return [
        f"{name:<{widest}}  PSNR {value:5.1f} dB{label}"
        for name, value, label in zip(names, decibels, labels, strict=True)
    ]
