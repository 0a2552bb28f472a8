"""What `gansmith evaluate` judges: a model, or images in a folder or a file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gansmith.cli.models import find_model

if TYPE_CHECKING:
    from argparse import Namespace

    from gansmith.metrics.gathering import Progress, Source
    from gansmith.training.model import Model

__all__ = ["Judged", "find_judged", "holds_images", "recipe_digest"]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What is judged, and what is said of it.

    Args:
        name: what messages call it.
        source: its samples.
        shape: of an image, (channels, height, width).
        data: the real images that it goes with; empty where it names none.
        ema: whether it is an averaged network.
        count: how many images there are; None for a model, which draws as many as are asked for.
        folder: the run or the folder that the scores stay with; None for what has no place of its own.
        facts: what the scores say of it: the step, the recipe.
    """

    name: str
    source: Source
    shape: tuple[int, int, int]
    data: str
    ema: bool | None
    count: int | None = None
    folder: Path | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def find_judged(given: Namespace, *, progress: Progress) -> Judged:
    """What the arguments name: a model as `find_model` does, else images.

    Raises:
        ValueError: it is neither, or images were given without the real ones to compare with, or with a checkpoint.
    """
    path = Path(given.run).expanduser()
    if not holds_images(path):
        return _model(find_model(given), path)
    if given.data is None:
        raise ValueError(f"{path} holds images; say with --data SPEC which real ones they are to be like")
    if given.checkpoint is not None:
        raise ValueError(f"{path} holds images, so it has no checkpoints to choose from; leave out --checkpoint")
    from gansmith.data import open_images

    images = open_images(path, progress=progress)
    pixels = images.pixels()
    if given.n is not None and given.n < len(pixels):
        from gansmith.metrics.gathering import choice

        pixels = pixels[choice(len(pixels), given.n, seed=given.seed).sort().values]
    elif given.n is not None and given.n > len(pixels):
        raise ValueError(f"{path} holds {len(pixels):,} images, fewer than -n {given.n}: leave out -n to judge all")
    return Judged(
        name=path.name,
        source=pixels,
        shape=images.shape,
        data="",
        ema=None,
        count=len(pixels),
        facts={"judged": path.name},
    )


def holds_images(path: Path) -> bool:
    """Whether there is something at `path` that is no run and no model."""
    if path.is_file():
        return path.suffix.lower() in (".npz", ".zip")
    from gansmith.training.places import is_run

    model = is_run(path) or (path / "config.json").is_file() or path.absolute().parent.name == "checkpoints"
    return path.is_dir() and not model


def _model(model: Model, path: Path) -> Judged:
    name = path.name if path.exists() else str(path)
    facts = {
        "judged": name,
        "step": model.step,
        "recipe": model.recipe.name,
        "recipe_digest": recipe_digest(model),
        "training_seed": model.recipe.seed,
    }
    return Judged(
        name=name,
        source=model,
        shape=model.shape,
        data=model.recipe.data or "",
        ema=model.averaged,
        folder=path if path.is_dir() else None,
        facts=facts,
    )


def recipe_digest(model: Model) -> str:
    """SHA-256 of how a model was trained, the seed and where it ran left out: runs that share it differ by chance."""
    from gansmith.training import Recipe, to_yaml

    plain = Recipe()
    alike = replace(model.recipe, seed=plain.seed, run=plain.run, every=plain.every, about="", data="")
    text = model.described or to_yaml(alike)
    return hashlib.sha256(f"{text}\n{model.step}\n{model.fingerprint}".encode()).hexdigest()
