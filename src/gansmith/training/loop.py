"""The loop: from a recipe to a run, and from a run that stopped to the run that it would have been."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from gansmith.data import ImageSet, open_images
from gansmith.training.checkpoints import CheckpointError, Checkpoints
from gansmith.training.config import from_yaml, to_yaml
from gansmith.training.display import Display, Silent, display_for
from gansmith.training.engine import DeviceEngine, keep_memory, pick_device, pick_precision
from gansmith.training.environment import describe_environment
from gansmith.training.errors import NonFiniteError, TrainingError, is_out_of_memory
from gansmith.training.meter import Meter
from gansmith.training.preflight import preflight
from gansmith.training.processes import Processes, joined
from gansmith.training.recipe import Recipe, settled
from gansmith.training.rundir import RunDirectory, RunError
from gansmith.training.session import Session
from gansmith.training.stop import Stop
from gansmith.training.studio import Studio
from gansmith.training.transfer import starting_weights

__all__ = ["Run", "resume", "train"]

Logger = Callable[[Mapping[str, Any]], None]
LONG = 200
"""Steps from which a run is worth a preflight."""


@dataclass(frozen=True)
class Run:
    """A run that has ended, or that stopped where it can be resumed.

    Args:
        path: the run's directory.
        step: steps that were made.
        steps: steps that the recipe asks for.
        stopped_by: the signal that stopped it, if any.
    """

    path: Path
    step: int
    steps: int
    stopped_by: int | None = None


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
    recipe = settled(recipe)
    with _processes(recipe, display, timeout) as (engine, shown):
        images = data if data is not None else _images(recipe, engine.processes)
        engine.processes.share(recipe.batch)
        with _memory_named(recipe):
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
            return _Loop(session, Path(path), directory, shown, loggers).run()


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
        ValueError: there is no such run, it holds no valid checkpoint, or its data have changed.
        TrainingError: the run had to stop again.
    """
    directory = RunDirectory.open(Path(path))
    recipe = recipe or from_yaml(directory.config(), allow_code=allow_code)
    if steps is not None:
        recipe = replace(recipe, steps=steps)
    with _processes(recipe, display, timeout) as (engine, shown), _owned(directory, engine.processes) as owned:
        images = data if data is not None else _images(recipe, engine.processes)
        with _memory_named(recipe):
            session = Session.start(recipe, images, engine)
        _restore(session, directory, shown, allow_data_change=allow_data_change)
        if owned is not None and steps is not None:
            owned.write("config.yaml", to_yaml(recipe))
        return _Loop(session, directory.path, owned, shown, loggers).run()


@contextmanager
def _owned(directory: RunDirectory, processes: Processes) -> Iterator[RunDirectory | None]:
    """The directory with its lock for the process that writes, None for the others."""
    if not processes.first:
        yield None
        return
    with directory.lock():
        yield directory


def _restore(session: Session, directory: RunDirectory, shown: Display, *, allow_data_change: bool) -> None:
    """Bring a fresh session to where the run's newest valid checkpoint is."""
    checkpoints = directory.checkpoints(warn=shown.say)
    newest = checkpoints.latest()
    if newest is None:
        if checkpoints.entries() or directory.recorded():
            raise ValueError(
                f"{directory.path} holds no valid checkpoint to resume from; start anew with gansmith train and "
                "another --out"
            )
        shown.say(f"{directory.path} was stopped before its first checkpoint: it begins at step 0")
        origin = directory.environment().get("init_from")
        if origin is not None:
            session.adopt(*starting_weights(origin))
        return
    tree, facts = checkpoints.load(newest)
    images = session.feed.images
    if facts.get("fingerprint") != images.fingerprint and not allow_data_change:
        raise ValueError(
            f"the data are not those that the run began with ({images.name} has changed); "
            "put them back, or go on with --allow-data-change"
        )
    session.load(tree)


class _Loop:
    """One run on one process; the first of several has the directory and writes."""

    def __init__(
        self,
        session: Session,
        path: Path,
        directory: RunDirectory | None,
        display: Display,
        loggers: Sequence[Logger],
    ) -> None:
        self.session, self.path, self.directory, self.display = session, path, directory, display
        self.loggers = list(loggers)
        self.recipe, self.processes = session.recipe, session.engine.processes
        self.meter = Meter(self.recipe.batch, session.step)
        self.studio = Studio(session, directory) if directory is not None else None
        self.every_step = session.engine.device.type == "cpu"
        self.saved = -1

    def run(self) -> Run:
        if self.directory is not None:
            self.directory.rewind(self.session.step)
        self.display.start(self.session.step, self.recipe.steps)
        try:
            with _memory_named(self.recipe), Stop() as stop:
                return self._steps(stop)
        except (CheckpointError, RunError) as error:  # the disk's fault, not the caller's
            raise TrainingError(str(error)) from error
        finally:
            self.display.stop()

    def _steps(self, stop: Stop) -> Run:
        session, recipe = self.session, self.recipe
        if session.step == 0 and not self._checkpoints().entries():
            self._save()
        while session.step < recipe.steps:
            result = session.advance()
            self.meter.add(result)
            last = session.step == recipe.steps
            due = last or session.step % recipe.every.log == 0
            if (self.every_step or due) and not self.meter.finite():
                self._go_back()
                continue
            if due:
                self._log()
            if self.studio is not None and (last or session.step % recipe.every.sample == 0):
                self._try(self._visit, "the samples could not be drawn")
            stopping = self.processes.any(stop.requested)
            if last or stopping or session.step % recipe.every.save == 0:
                if session.broken() is not None:
                    self._go_back()
                    continue
                self._save()
            if stopping:
                self.display.say(f"stopped at step {session.step}; go on with: gansmith resume {self.path}")
                return Run(self.path, session.step, recipe.steps, stop.signal)
        if self.studio is not None:
            self._try(self.studio.finish, "the plot could not be drawn")
        return Run(self.path, session.step, recipe.steps)

    def _log(self) -> None:
        record = self.meter.record(self.session.step, self.recipe.steps)
        self.display.update(record)
        self._tell(record)

    def _visit(self) -> None:
        if self.studio is not None and self.directory is not None:
            self._tell(self.studio.visit())

    def _tell(self, record: Mapping[str, Any]) -> None:
        """Write a record to the run's file and to every logger."""
        if self.directory is None:
            return
        self.directory.record(record)
        for logger in list(self.loggers):
            if not self._try(partial(logger, record), f"the logger {logger!r} failed and is left out"):
                self.loggers.remove(logger)

    def _try(self, action: Callable[[], None], otherwise: str) -> bool:
        """Do what a run can do without; a failure is told, once, and the run goes on."""
        try:
            action()
        except Exception as error:
            self._say(f"warning: {otherwise}: {error}")
            return False
        return True

    def _say(self, text: str) -> None:
        self.display.say(text)
        if self.directory is not None:
            self.directory.note(text)

    def _checkpoints(self) -> Checkpoints:
        return RunDirectory.open(self.path).checkpoints(keep=self.recipe.every.keep, warn=self.display.say)

    def _save(self) -> None:
        if self.directory is None or self.saved == self.session.step:
            return
        self._checkpoints().save(self.session.step, self.session.tree(), facts=self.session.facts())
        self.saved = self.session.step

    def _go_back(self) -> None:
        """Return to the last checkpoint with other noise, a bounded number of times."""
        session, step, attempt = self.session, self.session.step, self.session.attempt + 1
        what = self.meter.culprit() or f"a weight of the {session.broken()}"
        if self.directory is not None:
            evidence = {"step": step, "attempt": session.attempt, "what": what, **self.meter.last()}
            self.directory.write(
                f"evidence/step-{step:08d}-attempt-{session.attempt}.json", json.dumps(evidence, indent=2)
            )
        newest = self._checkpoints().latest()
        if attempt > self.recipe.retries or newest is None:
            raise NonFiniteError(
                f"{what} is not finite at step {step}, after {attempt} attempt{'s' * (attempt > 1)}; the last good checkpoint "
                "is kept. Lower the learning rate (--lr), or add a penalty (--penalties r1)"
            )
        tree, _ = self._checkpoints().load(newest)
        session.load(tree)
        session.attempt = attempt
        if self.directory is not None:
            self.directory.rewind(session.step)
        self.meter.clear(session.step)
        self._say(f"{what} is not finite at step {step}: back to step {session.step} with other noise")


@contextmanager
def _processes(recipe: Recipe, display: Display | None, timeout: float) -> Iterator[tuple[DeviceEngine, Display]]:
    with joined(timeout) as processes:
        device = pick_device(recipe.run.device)
        if device.type == "cuda" and processes.world > 1:
            device = torch.device("cuda", torch.cuda.current_device())
        if recipe.run.threads:
            torch.set_num_threads(recipe.run.threads)
        keep_memory()
        precision = pick_precision(recipe.run.precision, device)
        engine = DeviceEngine(device, precision, processes, recipe.run.pieces, recipe.run.compile)
        yield engine, (display or display_for()) if processes.first else Silent()


@contextmanager
def _memory_named(recipe: Recipe) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise TrainingError(
            f"memory ran out with a batch of {recipe.batch}; lower --batch, or work it off with --run.pieces {2 * recipe.run.pieces}. "
            "What was saved is safe"
        ) from error


def _images(recipe: Recipe, processes: Processes) -> ImageSet:
    """The recipe's data; where there are several processes, the first prepares the cache and the others find it."""
    if processes.first:
        images = open_images(recipe.data, size=recipe.size, channels=recipe.channels)
    processes.tell(None)
    return images if processes.first else open_images(recipe.data, size=recipe.size, channels=recipe.channels)


def _path(out: Path | str | None) -> Path | None:
    return None if out is None else Path(out)
