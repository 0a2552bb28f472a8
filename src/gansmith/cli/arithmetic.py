"""`gansmith arithmetic`."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gansmith.cli.models import add_model, find_model
from gansmith.cli.parser import Parser, new_folder, whole
from gansmith.cli.project import read_pictures

if TYPE_CHECKING:
    from argparse import Namespace

    from torch import Tensor

    from gansmith.data.hashes import Progress
    from gansmith.training.model import Model

__all__ = ["arithmetic"]

COLUMNS = 9
MOST = 64
"""Pictures of a term whose latents are looked for."""

ABOUT = """Add and subtract what pictures have: the mean latents of groups of samples or of pictures.

  gansmith arithmetic RUN 3,17,40 - 5,8,21 + 2,9,30    numbers of samples in their grid, from 0
  gansmith arithmetic RUN men-with-glasses/ - men/ + women/
  gansmith arithmetic RUN with.npz - without.npz + others.npz    latents that gansmith project wrote

The figure has a row for each term, its pictures and at the end what its mean latent draws, and last a row of what the
sum draws, alone and with a little noise around it."""


def arithmetic(arguments: Sequence[str]) -> int:
    """``gansmith arithmetic RUN TERM - TERM + TERM [--out DIR]``: the last line is the folder that was written."""
    parser = Parser(prog="gansmith arithmetic", description=ABOUT)
    add_model(parser)
    parser.add_argument("terms", nargs="+", metavar="TERM", help="groups with + and - between them, each apart")
    parser.add_argument("--label", metavar="L", help="of a model with classes: which the figure shows")
    parser.add_argument("--seed", type=whole(), default=0, metavar="S", help="of the samples that numbers mean [0]")
    parser.add_argument("--out", default="arithmetic", metavar="DIR", help="where to [arithmetic]")
    given = parser.read(arguments)
    signed = _signed(given.terms)
    out = new_folder(given.out)
    import torch

    from gansmith.applications.arithmetic import around, combined
    from gansmith.training.display import preparing, shown_here
    from gansmith.training.pictures import save_grid, save_latents

    model = find_model(given)
    if model.classes and given.label is None:
        raise ValueError(f"{given.run} draws classes: say with --label which one the figure is to show")
    with preparing(shown_here(None)) as progress:
        groups = [_group(term, given, model, progress) for _, term in signed]
    terms = [(sign, group.latents) for (sign, _), group in zip(signed, groups, strict=True)]
    found = around(combined(terms), COLUMNS, noise=model.recipe.noise)
    rows = [_row(group, given, model) for group in groups]
    out.mkdir(parents=True, exist_ok=True)
    save_grid(torch.cat([*rows, _drawn(found, given, model)]), out / "figure.png", columns=COLUMNS)
    save_latents(found, model.labels(COLUMNS, labels=given.label), out / "latents.npz", of=model.identity)
    for number, ((sign, term), group) in enumerate(zip(signed, groups, strict=True), 1):
        print(f"row {number}: {'+' if sign > 0 else '-'} {term} ({group.said()}), last their mean", file=sys.stderr)
    print(f"row {len(groups) + 1}: the sum, then with noise of ±0.25 around it", file=sys.stderr)
    print(out)
    return 0


def _signed(words: Sequence[str]) -> list[tuple[int, str]]:
    """The terms with their signs; the first may do without."""
    found: list[tuple[int, str]] = []
    sign: int | None = 1
    for word in words:
        if word in ("+", "-"):
            if sign is not None and found:
                raise ValueError(f"there are two signs before {word!r}; between two terms stands one")
            sign = 1 if word == "+" else -1
        elif sign is None:
            raise ValueError(f"between {found[-1][1]!r} and {word!r} a + or - is missing, with spaces around it")
        else:
            found.append((sign, word))
            sign = None
    if sign is not None:
        raise ValueError("the last term is missing")
    return found


class _Group(NamedTuple):
    """What a term means: latents (k, d), pictures (k, c, h, w) to show for them, and what is to be said of them."""

    latents: Tensor
    pictures: Tensor | None = None
    about: str = ""

    def said(self) -> str:
        count = len(self.latents)
        few = f", the first {COLUMNS - 1} shown" if count >= COLUMNS else ""
        return f"{count}{few}{self.about}"


def _group(term: str, given: Namespace, model: Model, progress: Progress) -> _Group:
    from gansmith.applications.projection import project, psnr
    from gansmith.metrics.images import as_images
    from gansmith.training.pictures import read_latents

    if re.fullmatch(r"\d+(,\d+)*", term):
        numbers = [int(number) for number in term.split(",")]
        return _Group(model.noise(max(numbers) + 1, seed=given.seed)[0][numbers])
    if re.fullmatch(r"[\d\s,.+-]+", term) and not Path(term).exists():
        raise ValueError(
            f"{term!r} is no group: write numbers of samples as 3,17,40, and + and - with spaces around them"
        )
    if Path(term).suffix.lower() == ".npz":
        latents, _, of = read_latents(term)
        if of and of != model.identity:
            print(f"note: {term} is of another model ({of}), and means nothing to this one", file=sys.stderr)
        return _Group(latents)
    _, images, left = read_pictures([term], MOST, model)
    show = f"looking for the latents of {term}"
    found = project(model, images, labels=given.label, progress=lambda done, of: progress(show, done, of))
    more = f" of {len(images) + left:,}" if left else ""
    return _Group(found.latents, as_images(images), f"{more}, found to a PSNR of {psnr(found.errors.mean()):.1f} dB")


def _drawn(latents: Tensor, given: Namespace, model: Model) -> Tensor:
    return model.draw(latents, model.labels(len(latents), labels=given.label))


def _row(group: _Group, given: Namespace, model: Model) -> Tensor:
    """A term's first pictures, grey where there are no more, and what its mean draws."""
    import torch

    shown = (_drawn(group.latents, given, model) if group.pictures is None else group.pictures)[: COLUMNS - 1]
    empty = shown.new_zeros(COLUMNS - 1 - len(shown), *shown.shape[1:])
    return torch.cat((shown, empty, _drawn(group.latents.mean(0, keepdim=True), given, model)))
