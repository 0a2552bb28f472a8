"""From a recipe to a run, and from a run that stopped to the run that it would have been."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from gansmith.data import NAMES, ImageSet, open_images
from gansmith.memory import keep_memory
from gansmith.networks import DCGAN, Residual
from gansmith.networks.shapes import start_grid
from gansmith.training.config import from_yaml, to_yaml
from gansmith.training.display import Display, preparing, shown_here
from gansmith.training.engine import DeviceEngine, pick_device, pick_precision
from gansmith.training.environment import describe_environment
from gansmith.training.loop import Logger, Loop, Run, memory_named
from gansmith.training.preflight import preflight
from gansmith.training.processes import Processes, joined
from gansmith.training.recipe import Recipe, settled
from gansmith.training.rundir import RunDirectory
from gansmith.training.session import Session
from gansmith.training.transfer import starting_weights
from gansmith.training.treatment import treated
from gansmith.training.watch import Watch

__all__ = ["looked_at", "resume", "train"]

LONG = 200
"""Steps from which a run is worth a preflight."""

EARLIER = Recipe(held_out=0.0)
"""What a run's file means that leaves something out: runs from before images were held out saw all of them."""


def train(
    recipe: Recipe,
    *,
    out: Path | str | None = None,
    data: ImageSet | None = None,
    init_from: Path | str | None = None,
    display: Display | None = None,
    loggers: Sequence[Logger] = (),
    timeout: float = 300.0,
) -> Run:
    """Train from the beginning.

    Args:
        recipe: what to do.
        out: the run's directory; None takes the next free ``runs/NNNNN-name``.
        data: the images, where they are not what ``recipe.data`` names.
        init_from: a run, a pretrained model or a weights file whose weights the networks start from.
        display: shows what happens; None suits the terminal.
        loggers: each is called with every record of ``metrics.jsonl``; one that fails is only warned of.
        timeout: seconds that one process of several waits for the others.

    Raises:
        ValueError: the recipe, the data or the directory cannot be used; nothing was written.
        TrainingError: the run had to stop; its checkpoints are safe.
    """
    if not isinstance(recipe, Recipe):
        raise ValueError(f"train takes a Recipe, such as RECIPES['digits'], not {recipe!r:.80}")
    recipe = settled(recipe)
    shown = shown_here(display)
    if data is None and recipe.size is not None and isinstance(recipe.networks, DCGAN | Residual):
        start_grid(*recipe.size)  # before a large folder is read for a size that cannot be
    images = data if data is not None else _images(recipe, shown)
    with _engine(recipe, timeout) as engine:
        engine.processes.share(recipe.batch)
        with memory_named(recipe):
            session = Session.start(recipe, images, engine)
            if init_from is not None:
                session.adopt(*starting_weights(init_from))
            if engine.processes.world == 1 and recipe.steps >= LONG:
                for line in preflight(recipe, images, engine).lines(recipe, images, engine):
                    shown.say(line)
        first = engine.processes.first
        path = engine.processes.tell(str(RunDirectory.create(_path(out), recipe.name).path) if first else "")
        with _owned(RunDirectory(Path(path)), engine.processes) as directory:
            if directory is not None:
                origin = {"init_from": None if init_from is None else str(init_from)}
                directory.write("environment.json", json.dumps(describe_environment() | origin, indent=2))
                directory.write("config.yaml", to_yaml(recipe))  # the last, because with it the run can be resumed
            return Loop(session, Path(path), directory, shown, loggers).run()


def resume(
    path: Path | str,
    *,
    steps: int | None = None,
    data: ImageSet | None = None,
    recipe: Recipe | None = None,
    allow_code: bool = False,
    allow_data_change: bool = False,
    display: Display | None = None,
    loggers: Sequence[Logger] = (),
    timeout: float = 300.0,
) -> Run:
    """Go on with a run from its newest valid checkpoint, exactly as if it had never stopped.

    Args:
        path: the run's directory.
        steps: a new total, so that a finished run can go on.
        data: the images, where the run was given them rather than a name.
        recipe: the recipe, where the run's own holds pieces that cannot be written down.
        allow_code: import the pieces of one's own that the recipe names.
        allow_data_change: go on although the data are no longer what they were.
        display: shows what happens; None suits the terminal.
        loggers: as in `train`.
        timeout: as in `train`.

    Raises:
        ValueError: there is no such run, it holds no valid checkpoint or one beyond `steps`, or its data have changed.
        TrainingError: the run had to stop again.
    """
    directory = RunDirectory.open(Path(path))
    recipe = recipe or from_yaml(directory.config(), allow_code=allow_code, base=EARLIER)
    if steps is not None:
        recipe = replace(recipe, steps=steps)
    shown = shown_here(display)
    with _engine(recipe, timeout) as engine, _owned(directory, engine.processes) as owned:
        images = data if data is not None else _images(recipe, shown)
        with memory_named(recipe):
            session = _restored(recipe, images, engine, directory, shown, allow_data_change=allow_data_change)
        _announce(session, directory.path, shown)
        if owned is not None and steps is not None:
            owned.write("config.yaml", to_yaml(recipe))
        return Loop(session, directory.path, owned, shown, loggers).run()


def looked_at(path: Path | str, *, allow_code: bool = False, display: Display | None = None) -> dict[str, Any]:
    """The doctor's record of a run's newest checkpoint, taken now; nothing is written.

    Raises:
        ValueError: as in `resume`, or the run cannot be looked at.
    """
    directory = RunDirectory.open(Path(path))
    recipe = from_yaml(directory.config(), allow_code=allow_code, base=EARLIER)
    shown, why = shown_here(display), list[str]()
    with _engine(recipe, 300.0) as engine:
        images = _images(recipe, shown)
        session = _restored(recipe, images, engine, directory, shown, allow_data_change=False)
        watch = Watch(session, why.append)
        record = watch.look()
    if watch.blind:
        raise ValueError("; ".join(why).removeprefix("warning: "))
    return record


@contextmanager
def _owned(directory: RunDirectory, processes: Processes) -> Iterator[RunDirectory | None]:
    """The directory with its lock for the process that writes, None for the others."""
    if not processes.first:
        yield None
        return
    with directory.lock():
        yield directory


def _restored(
    recipe: Recipe,
    images: ImageSet,
    engine: DeviceEngine,
    directory: RunDirectory,
    shown: Display,
    *,
    allow_data_change: bool,
) -> Session:
    """The session of a run where its newest valid checkpoint is, with what was decided about its disorders."""
    checkpoints = directory.checkpoints(warn=shown.say)
    newest = checkpoints.latest()
    if newest is None:
        if checkpoints.entries() or directory.recorded():
            raise ValueError(
                f"{directory.path} holds no valid checkpoint to resume from; start anew with gansmith train and "
                "another --out"
            )
        shown.say(f"{directory.path} was stopped before its first checkpoint: it begins at step 0")
        session = Session.start(recipe, images, engine)
        origin = directory.environment().get("init_from")
        if origin is not None:
            session.adopt(*starting_weights(origin))
        return session
    tree, facts = checkpoints.load(newest)
    if facts.get("fingerprint") != images.fingerprint and not allow_data_change:
        raise ValueError(
            f"the data are not those that the run began with ({images.name} has changed); "
            "put them back, or go on with --allow-data-change"
        )
    session = Session.start(treated(recipe, tree.get("decisions", ())), images, engine)
    session.load(tree)
    return session


def _announce(session: Session, path: Path, shown: Display) -> None:
    """Say where a run goes on, or that it has nowhere to go."""
    step, steps = session.step, session.recipe.steps
    if step > steps:
        raise ValueError(f"{path} is at step {step} already; give a larger total than --steps {steps}")
    if step == steps:
        shown.say(
            f"{path} has finished: to go on from step {step}, give a larger total, such as --steps {2 * step or 1000}"
        )
    elif step:
        shown.say(f"going on from step {step:,} of {steps:,}")


@contextmanager
def _engine(recipe: Recipe, timeout: float) -> Iterator[DeviceEngine]:
    with joined(timeout) as processes:
        device = pick_device(recipe.run.device)
        if device.type == "cuda" and processes.world > 1:
            device = torch.device("cuda", torch.cuda.current_device())
        if recipe.run.threads:
            torch.set_num_threads(recipe.run.threads)
        keep_memory()
        precision = pick_precision(recipe.run.precision, device)
        yield DeviceEngine(device, precision, processes, recipe.run.pieces, recipe.run.compile)


def _images(recipe: Recipe, display: Display) -> ImageSet:
    """The recipe's data. Each of several processes opens them: the cache lets one prepare and the others wait."""
    with preparing(display) as progress:
        images = open_images(recipe.data, size=recipe.size, channels=recipe.channels, progress=progress)
    for note in images.notes:
        display.say(note)
    # Of a set with a name, the recipe's author knew what they did.
    learnt = recipe.conditional or recipe.labels_per_class > 0
    if len(images.classes) > 1 and not learnt and recipe.data.partition(":")[0] not in NAMES:
        display.say(_unused(images))
    return images


def _unused(images: ImageSet) -> str:
    """What could be done with classes."""
    use = "--conditional, each could be asked for"
    if images.some_labels is not None:
        use = "--labels-per-class N, a classifier could learn them from the images that have a label"
    return f"The {len(images.classes)} classes of {images.name} are not used: with {use}."


def _path(out: Path | str | None) -> Path | None:
    return None if out is None else Path(out)
