"""What a run does about its failures: says so, ends, or goes back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from gansmith.diagnostics import Diagnosis, Verdict
from gansmith.training.checkpoints import Checkpoints
from gansmith.training.errors import NonFiniteError
from gansmith.training.meter import Meter
from gansmith.training.rundir import RunDirectory, plain_record
from gansmith.training.treatment import decided, unexplained
from gansmith.training.watch import Watch

__all__ = ["Policy"]


class Policy:
    """Decides as the recipe's ``on_failure`` says, within its ``retries``; whoever asked does the going back.

    All processes of a run ask alike and hear the same; the first one has the directory, and writes what was found.

    Args:
        watch: knows the run, and what it suffers from.
        directory: where evidence and decisions are written down, if this process does so.
        checkpoints: those of the run.
        say: tells people.
    """

    def __init__(
        self,
        watch: Watch,
        directory: RunDirectory | None,
        checkpoints: Callable[[], Checkpoints],
        say: Callable[[str], None],
    ) -> None:
        self.watch, self.directory, self.checkpoints, self.say = watch, directory, checkpoints, say
        self.failure: Verdict | None = None
        """Because of which the run is to end."""

    def looked(self, before: Diagnosis) -> Verdict | None:
        """Say what a look has changed, and decide; the verdict because of which the run is to go back, if it is."""
        self._say_changes(before)
        failing, session = self.watch.diagnosis.failing, self.watch.session
        if failing is None or session.recipe.on_failure == "warn":
            return None
        if session.recipe.on_failure == "rollback":
            return failing if self._may_go_back(failing) else None
        if failing.disorder not in (decision["disorder"] for decision in session.decisions):
            # Who goes on with a run that was stopped has seen why.
            session.decisions.append(decided(failing, session.step, "stopped"))
            self.failure = failing
            if self.directory is not None:
                self.directory.decided(session.decisions)
        return None

    def not_finite(self, meter: Meter) -> Verdict:
        """The verdict on what is not finite, because of which the run is to go back.

        Raises:
            NonFiniteError: it may not go back any more, or there is nothing to go back to.
        """
        session = self.watch.session
        step, attempt, recipe = session.step, session.attempt, session.recipe
        what = meter.culprit() or f"a weight of the {session.broken()}"
        self._keep_evidence({"what": what, **meter.last()})
        bound = 0 if recipe.on_failure == "stop" else recipe.retries
        if attempt >= bound or self._nowhere():
            raise NonFiniteError(
                f"{what} is not finite at step {step}, after {attempt + 1} attempt{'s' * (attempt > 0)}; the last good "
                "checkpoint is kept. Lower the learning rate (--lr), or add a penalty (--penalties r1)"
            )
        figures = {name: float(value) for name, value in meter.last().items()}
        known = self.watch.broken(figures) if recipe.on_failure == "rollback" else None
        return known or unexplained(f"{what} is not finite", step)

    def _say_changes(self, before: Diagnosis) -> None:
        was, now = (
            {verdict.disorder: verdict for verdict in found.verdicts} for found in (before, self.watch.diagnosis)
        )
        for disorder, verdict in now.items():
            if disorder not in was:
                self.say(str(verdict))
        for disorder in was.keys() - now.keys():
            self.say(f"{disorder} is over at step {self.watch.session.step:,}")

    def _may_go_back(self, failing: Verdict) -> bool:
        """Whether there is a remedy, a retry left, and something to go back to."""
        session = self.watch.session
        if not failing.remedy.settings or session.attempt >= session.recipe.retries or self._nowhere():
            return False
        records = [plain_record(r) for r in self.watch.trace.records if r["step"] >= failing.began]
        self._keep_evidence({"what": failing.disorder, "verdict": failing.to_dict(), "records": records})
        return True

    def _nowhere(self) -> bool:
        """Whether there is no checkpoint to go back to; the first process looks, and tells the others."""
        processes = self.watch.session.engine.processes
        nowhere: bool = processes.tell(processes.first and self.checkpoints().latest() is None)
        return nowhere

    def _keep_evidence(self, found: Mapping[str, Any]) -> None:
        if self.directory is not None:
            step, attempt = self.watch.session.step, self.watch.session.attempt
            text = json.dumps({"step": step, "attempt": attempt, **found}, indent=2)
            self.directory.write(f"evidence/step-{step:08d}-attempt-{attempt}.json", text)
