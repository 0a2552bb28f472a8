"""`gansmith arithmetic`."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gansmith.cli.models import add_model, find_model
from gansmith.cli.parser import Parser, whole
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

  gansmith arithmetic RUN 3,17,40 - 5,8,21 + 2,9,30    numbers of samples in their grid, from 0, row by row
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
    out = Path(given.out).expanduser()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} holds something already; give a new or an empty folder with --out")
    signed = _signed(given.terms)
    import torch

    from gansmith.applications.arithmetic import around, combined
    from gansmith.training.display import preparing, shown_here
    from gansmith.training.pictures import save_grid, save_latents

    model = find_model(given)
    if model.classes and given.label is None:
        raise ValueError(f"{given.run} draws classes: say with --label which one the figure is to show")
    with preparing(shown_here(None)) as progress:
        terms = [(sign, _latents(term, given, model, progress)) for sign, term in signed]
    found = around(combined(terms), COLUMNS, noise=model.recipe.noise)
    rows = [_row(latents, given, model) for _, latents in terms]
    out.mkdir(parents=True, exist_ok=True)
    save_grid(torch.cat([*rows, _drawn(found, given, model)]), out / "figure.png", columns=COLUMNS)
    save_latents(found, model.labels(COLUMNS, labels=given.label), out / "latents.npz")
    for number, ((sign, term), (_, latents)) in enumerate(zip(signed, terms, strict=True), 1):
        print(f"row {number}: {'+' if sign > 0 else '-'} {term} ({len(latents)}), last their mean", file=sys.stderr)
    print(f"row {len(terms) + 1}: the sum, then with noise of ±0.25 around it", file=sys.stderr)
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


def _latents(term: str, given: Namespace, model: Model, progress: Progress) -> Tensor:
    """The latents (k, d) that a term means."""
    from gansmith.applications.projection import project
    from gansmith.training.pictures import read_latents

    if re.fullmatch(r"\d+(,\d+)*", term):
        numbers = [int(number) for number in term.split(",")]
        return model.noise(max(numbers) + 1, seed=given.seed)[0][numbers]
    if Path(term).suffix.lower() == ".npz":
        return read_latents(term)[0]
    _, images = read_pictures([term], MOST, model)
    show = f"looking for the latents of {term}"
    found = project(model, images, labels=given.label, progress=lambda done, of: progress(show, done, of))
    return found.latents


def _drawn(latents: Tensor, given: Namespace, model: Model) -> Tensor:
    return model.draw(latents, model.labels(len(latents), labels=given.label))


def _row(latents: Tensor, given: Namespace, model: Model) -> Tensor:
    """A term's first pictures, grey where there are no more, and what its mean draws."""
    import torch

    shown = _drawn(latents[: COLUMNS - 1], given, model)
    empty = shown.new_zeros(COLUMNS - 1 - len(shown), *shown.shape[1:])
    return torch.cat((shown, empty, _drawn(latents.mean(0, keepdim=True), given, model)))
