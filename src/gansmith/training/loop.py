"""The loop: a session's steps, with everything that is done between them."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from gansmith.diagnostics import Verdict
from gansmith.training.checkpoints import CheckpointError, Checkpoints
from gansmith.training.display import Display, state_in_words
from gansmith.training.errors import TrainingError, is_out_of_memory
from gansmith.training.meter import Meter
from gansmith.training.policy import Policy
from gansmith.training.quality import Quality
from gansmith.training.recipe import Recipe
from gansmith.training.rundir import RunDirectory, RunError
from gansmith.training.session import Session
from gansmith.training.stop import Stop
from gansmith.training.studio import Studio
from gansmith.training.treatment import returned, went_back_to
from gansmith.training.watch import Watch

__all__ = ["Logger", "Loop", "Run", "memory_named"]

Logger = Callable[[Mapping[str, Any]], None]
"""Is called with every record of a run."""


@dataclass(frozen=True)
class Run:
    """A run that has ended, or that stopped where it can be resumed.

    Args:
        path: the run's directory.
        step: steps that were made.
        steps: steps that the recipe asks for.
        stopped_by: the signal that stopped it, if any.
        failure: the verdict that stopped it, if any.
    """

    path: Path
    step: int
    steps: int
    stopped_by: int | None = None
    failure: Verdict | None = None


class Loop:
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
        self.scored: tuple[int, float] | None = None

    def run(self) -> Run:
        self.beginning = self.processes.tell(self.session.step == 0 and not self._checkpoints().entries())
        if self.directory is not None:
            self.directory.rewind(-1 if self.beginning else self.session.step)
            self.directory.decided(self.session.decisions)
        self.display.start(self.session.step, self.recipe.steps)
        try:
            with memory_named(self.recipe), Stop() as stop:
                before = () if self.directory is None else self.directory.trace().records
                self.watch = Watch(self.session, self._say, before)
                self.policy = Policy(self.watch, self.directory, self._checkpoints, self._say)
                return self._steps(stop)
        except (CheckpointError, RunError) as error:  # the disk's fault, not the caller's
            raise TrainingError(str(error)) from error
        finally:
            self.display.stop()

    def _steps(self, stop: Stop) -> Run:
        if self.recipe.on_failure != "warn" and not self.watch.looks:
            self._say("warning: without looks (--every.watch) no failure is seen but what is not finite")
        if self.beginning:
            if self.watch.due(0):
                self._tell(self.watch.look())
            self._save()
        while self.session.step < self.recipe.steps:
            if not self._step():
                continue
            step, last = self.session.step, self.session.step == self.recipe.steps
            stopping = self.processes.any(stop.requested)
            failure = self.policy.failure
            if last or stopping or failure or step % self.recipe.every.save == 0:
                if self._broken():
                    continue
                self._save()
            elif self._best():
                self._save()
            if failure is not None and not last:
                self.display.say(f"stopped at step {step}; go on nevertheless with: gansmith resume {self.path}")
                return Run(self.path, step, self.recipe.steps, failure=failure)
            if stopping and not last:
                self.display.say(f"stopped at step {step}; go on with: gansmith resume {self.path}")
                # Without a signal of its own, a process stops because another one was asked to.
                return Run(self.path, step, self.recipe.steps, stop.signal or signal.SIGTERM)
        if self.studio is not None:
            self._try(self.studio.finish, "the plot could not be drawn")
        return Run(self.path, self.session.step, self.recipe.steps, failure=self.policy.failure)

    def _step(self) -> bool:
        """A step and what is due after it; False if the run went back."""
        self.meter.add(self.session.advance())
        step, every = self.session.step, self.recipe.every
        last = step == self.recipe.steps
        due, looking = last or step % every.log == 0, self.watch.due(step)
        if (self.every_step or due or looking) and not self.meter.finite():
            self._not_finite()
            return False
        if due:
            self._log()
        if last or step % every.sample == 0:
            if self._broken():
                return False
            if self.studio is not None:
                self._try(self._visit, "the samples could not be drawn")
        return not looking or self._look()

    def _log(self) -> None:
        record: dict[str, Any] = self.meter.record(self.session.step, self.recipe.steps)
        record["state"] = self.watch.state or state_in_words(record)
        self.display.update(record)
        self._note(record)

    def _visit(self) -> None:
        if self.studio is None:
            return
        record = self.studio.visit()
        self._note(record)
        self.scored = (self.session.step, record[Quality.name])

    def _best(self) -> bool:
        """Whether the samples of this step were better than any before."""
        return (
            self.scored is not None
            and self.scored[0] == self.session.step
            and (self.scored[1] < self._checkpoints().best_score())
        )

    def _look(self) -> bool:
        """Look at the run, and do about a failure what the recipe says; False if the run went back."""
        before = self.watch.diagnosis
        self._tell(self.watch.look())
        verdict = self.policy.looked(before)
        if verdict is None:
            return True
        self._go_back(verdict, self.watch.diagnosis.onset)
        return False

    def _not_finite(self) -> None:
        self._go_back(self.policy.not_finite(self.meter))

    def _go_back(self, verdict: Verdict, onset: int | None = None) -> None:
        """Return to a checkpoint from before with other noise, and with what the verdict says should be changed.

        Before the onset, if the run began to fail in another way already. Where it returned to the last time, it was
        ill already, if that was not enough: then to an earlier one.
        """
        step, checkpoints, tried = self.session.step, self._checkpoints(), went_back_to(self.session.decisions)
        began = verdict.began if onset is None else onset
        path = checkpoints.before(began, tried=tried) if self.processes.first else None
        tree, _ = checkpoints.load(Path(self.processes.tell(str(path))))
        self.session, decision, anew = returned(self.session, tree, verdict)
        self.recipe, self.saved, self.scored = self.session.recipe, -1, None
        self.watch.move_to(self.session)
        self.processes.any(False)  # everybody has read the checkpoint before it may be removed
        self._save()
        if self.directory is not None:
            checkpoints.leave(self.session.step)
            self.directory.decided(self.session.decisions)
            self.directory.rewind(self.session.step)  # the last, so that a kill before it goes the same way again
            self.studio = Studio(self.session, self.directory)
        self.meter = Meter(self.recipe.batch, self.session.step)
        changed = f". {verdict.remedy.sentence}" if decision["settings"] else ""
        back = f"back to step {self.session.step} with other noise"
        self._say(f"{verdict.disorder} at step {step}: {back}{anew}{changed}")

    def _note(self, record: Mapping[str, Any]) -> None:
        """Write down a record, and let the doctor know."""
        self.watch.note(record)
        self._tell(record)

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
        every = self.recipe.every
        return RunDirectory.open(self.path).checkpoints(keep=every.keep, every=every.save, warn=self.display.say)

    def _save(self) -> None:
        if self.directory is None or self.saved == self.session.step:
            return
        checkpoints, step, facts = self._checkpoints(), self.session.step, self.session.facts()
        # Only what is saved at every go can be gone back to, or else a run that was stopped would go another way.
        if self.recipe.on_failure == "rollback" and step % self.recipe.every.save == 0:
            facts["healthy"] = self.watch.diagnosis.failing is None
        checkpoints.save(step, self.session.tree(), facts=facts)
        self.saved = step
        if self.scored is not None and self.scored[0] == step:
            self._try(partial(checkpoints.mark_best, *self.scored), "the best checkpoint could not be marked")

    def _broken(self) -> bool:
        """Whether a weight was not finite, so that the run went back."""
        if self.session.broken() is None:
            return False
        self._not_finite()
        return True


@contextmanager
def memory_named(recipe: Recipe) -> Iterator[None]:
    """A context in which running out of memory is said with the settings that help."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise TrainingError(
            f"memory ran out with a batch of {recipe.batch}; lower --batch, or work it off with "
            f"--run.pieces {2 * recipe.run.pieces}. What was saved is safe"
        ) from error
