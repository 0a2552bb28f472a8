"""The doctor beside a run: looks at it every so often, and knows what it suffers from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch

from gansmith.data import parted
from gansmith.data.images import UNKNOWN
from gansmith.data.mixing import permutation
from gansmith.diagnostics import Diagnosis, Probe, Trace, Verdict
from gansmith.diagnostics.diagnose import diagnose
from gansmith.diagnostics.probe import LOOKED_AT
from gansmith.diagnostics.trace import PREFIX
from gansmith.games import judged
from gansmith.training.batch_norm import alone
from gansmith.training.config import flattened
from gansmith.training.model import Model
from gansmith.training.session import Session
from gansmith.training.treatment import went_back_to

__all__ = ["Watch", "probe_of"]

Record = Mapping[str, Any]


def probe_of(session: Session) -> Probe:
    """A probe for a run, with the images that its players see and those that they do not.

    Raises:
        ValueError: there are too few images.
    """
    recipe, images = session.recipe, session.feed.images
    train, unseen = parted(images, recipe.held_out)
    # Of a set that may not fit into memory, only what is looked at is read.
    chosen = np.sort(train[permutation(len(train), seed=0)[:LOOKED_AT]])
    pixels = images.pixels()
    labels, answers = (None if known is None else torch.tensor(known) for known in (images.labels, images.answers))
    enough = len(unseen) > 1
    each = judged(recipe.game, (1,))[0]  # samples that are judged together
    few = session.feed.labelled
    return Probe(
        pixels[chosen],
        latent=recipe.latent,
        noise=recipe.noise,
        labels=None if labels is None else labels[chosen],
        conditional=recipe.conditional,
        held_out=pixels[unseen] if enough else None,
        held_out_labels=labels[unseen] if enough and labels is not None else None,
        taught=(pixels[few], answers[few]) if few is not None and answers is not None else None,
        batch=-(-max(4, recipe.batch) // each) * each,
        precision=session.engine.precision,
    )


class Watch:
    """Takes the signals of a run, keeps what it wrote down, and asks for a diagnosis.

    A diagnosis is a function of the records and the recipe alone, so that a run that was killed and goes on comes to
    the same one at the same step. Of several processes the first one looks and judges, and tells the others.

    Args:
        session: the run.
        warn: is told, once, when the run cannot be looked at; the run goes on with what it writes down itself.
        records: what the run wrote down before.
    """

    def __init__(self, session: Session, warn: Callable[[str], None], records: Iterable[Record] = ()) -> None:
        self.warn, self.trace = warn, Trace(tuple(records))
        self.probe: Probe | None = None
        self.blind = False
        self.move_to(session)

    def move_to(self, session: Session) -> None:
        """Go on beside another session of the run, as it was at its step."""
        self.session, self.settings = session, flattened(session.recipe)
        self.trace, self.since = self.trace.until(session.step), went_back_to(session.decisions) or 0
        looks = [int(record["step"]) for record in self.trace.records if "state" in record and "seconds" not in record]
        self.diagnosis = self._judged(self.trace.until(looks[-1])) if looks else _unknown(session.step)
        self.diagnosis = session.engine.processes.tell(self.diagnosis)

    @property
    def state(self) -> str | None:
        """What is known of the run in a few plain words, if anything is."""
        return self.diagnosis.state if self.diagnosis.known else None

    @property
    def looks(self) -> bool:
        """Whether the run is looked at at all."""
        return 0 < self.session.recipe.every.watch <= self.session.recipe.steps

    def due(self, step: int) -> bool:
        """Whether the run is to be looked at after that step, or before the first one; after the last it always is."""
        recipe = self.session.recipe
        return self.looks and (step % recipe.every.watch == 0 or step == recipe.steps)

    def note(self, record: Record) -> None:
        """Keep what the run writes down by itself."""
        self.trace = self.trace.given(record)

    def look(self) -> dict[str, Any]:
        """The signals of now, with the state; all processes call it at the same step."""
        record: dict[str, Any] = {"step": self.session.step, **self._signals()}
        self.note(record)
        self.diagnosis = self.session.engine.processes.tell(self._judged(self.trace))
        record["state"] = self.diagnosis.state
        return record

    def broken(self, figures: Mapping[str, float]) -> Verdict | None:
        """The verdict on a run of which something is not finite now: one of the figures, or else a weight."""
        record = {"step": self.session.step, **figures}
        if all(map(math.isfinite, figures.values())):
            record[PREFIX + "non_finite"] = 1.0
        verdict: Verdict | None = self.session.engine.processes.tell(self._judged(self.trace.given(record)).failing)
        return verdict

    def _signals(self) -> dict[str, float]:
        """What the first process finds. It looks alone: if that fails, nobody waits in the middle of a sum."""
        session = self.session
        if self.blind or not session.engine.processes.first:
            return {}
        try:
            self.probe = self.probe or probe_of(session)
            model = Model.of(session)
            with alone([*session.players.values(), session.average.module]):
                found = self.probe(
                    session.recipe.game,
                    session.players,
                    model,
                    step=session.step,
                    memory=session.dynamics.get("memory"),
                )
            return {**found, **_mistaken(model, session)}
        except Exception as error:
            self.blind = True
            self.warn(f"warning: the run cannot be looked at: {error}")
            return {}

    def _judged(self, trace: Trace) -> Diagnosis:
        if not self.session.engine.processes.first:
            return _unknown(trace.step)  # only the first process has all records
        try:
            return diagnose(trace, self.settings, since=self.since)
        except Exception as error:
            self.warn(f"warning: the doctor failed: {error}")
            return _unknown(trace.step)


def _mistaken(model: Model, session: Session) -> dict[str, float]:
    """The share of the held-out images that a classifier gets wrong, where the run teaches one."""
    images = session.feed.images
    unseen = parted(images, session.recipe.held_out)[1]
    if model.classifier is None or images.answers is None:
        return {}
    asked = unseen[images.answers[unseen] != UNKNOWN]
    if not len(asked):
        return {}
    found = model.classify(images.pixels()[asked]).argmax(1).numpy()
    return {PREFIX + "misclassified": float((found != images.answers[asked]).mean())}


def _unknown(step: int) -> Diagnosis:
    return Diagnosis(step=step, known=False)
