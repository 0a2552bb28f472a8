"""A doctor whose findings are planned, and runs small enough to fall ill by the dozen; no tests are in here.

``python doctored.py RUN`` trains under it, as one of several processes in torchrun's environment; with a second word,
under the real one, and if that is ``broken``, under one that fails in the first process.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gansmith.data import ImageSet, from_array
from gansmith.diagnostics import Diagnosis, Evidence, Remedy, Trace, Verdict
from gansmith.dynamics import Adam, Alternating
from gansmith.networks import DCGAN
from gansmith.training import watch
from gansmith.training.quality import Quality
from gansmith.training.recipe import Execution, Recipe, Schedules
from gansmith.training.studio import Studio

LR = "dynamics.alternating.optimizer.adam.lr"
FIRST, CURED = 9, 0.004
"""The step at which a run with a higher learning rate than `CURED` is seen to be ill."""


def images(side: int = 8) -> ImageSet:
    return from_array(np.random.default_rng(0).integers(0, 256, (40, side, side, 1), np.uint8))


def recipe(**changes: Any) -> Recipe:
    """A run of 20 steps that saves every 4 and is looked at every 3."""
    small = Recipe(
        networks=DCGAN(width=4),
        latent=3,
        batch=4,
        steps=20,
        dynamics=Alternating(optimizer=Adam(lr=0.01)),
        run=Execution(device="cpu", precision="float32", threads=1),
        every=Schedules(log=2, sample=1000, save=4, watch=3),
    )
    return replace(small, **changes)


class FakeProbe:
    """Signals that depend on the weights, so that a run that went another way shows it."""

    def __call__(self, game: Any, players: Any, sampler: Any, *, step: int, memory: Any) -> dict[str, float]:
        weight = next(players["generator"].parameters())
        return {"watch/weight": float(weight.detach().double().sum()), "watch/accuracy": 0.75}


def planned(trace: Trace, settings: Mapping[str, Any], since: int) -> Diagnosis:
    """Mode collapse since three steps ago, from step `FIRST` on, until the learning rate is low enough."""
    ill = trace.step >= FIRST and settings[LR] > CURED
    evidence = Evidence(signal="watch/accuracy", bound=0.5, above=True, sentence="it was planned so")
    remedy = Remedy(sentence=f"Lower the learning rate: --lr {settings[LR] / 2:g}", settings={LR: settings[LR] / 2})
    collapse = Verdict(disorder="mode collapse", began=FIRST - 3, seen=FIRST, evidence=(evidence,), remedy=remedy)
    return Diagnosis(step=trace.step, verdicts=(collapse,) if ill else (), known=len(trace["watch/weight"].steps) > 1)


def install(patch: Any = setattr) -> None:
    """Put the planned doctor in the place of the real one."""
    patch(watch, "diagnose", planned)
    patch(watch, "probe_of", lambda session: FakeProbe())


class Said:
    """A display that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.states: list[str] = []

    def start(self, step: int, steps: int) -> None: ...
    def stop(self) -> None: ...

    def update(self, record: Mapping[str, Any]) -> None:
        self.states.append(str(record["state"]))

    def say(self, text: str) -> None:
        self.lines.append(text)


def broken(session: Any) -> None:
    """Stands for data that one process cannot read."""
    if session.engine.processes.first:
        raise OSError("the disk is gone")


def main(run: str, doctor: str = "planned") -> None:
    """Train from the beginning under the planned doctor, the real one, or none that can look."""
    from gansmith.training import train

    if doctor == "planned":
        install()
    if doctor == "broken":
        real = watch.probe_of
        watch.probe_of = lambda session: broken(session) or real(session)
    Studio.visit = lambda self: {"step": self.session.step, Quality.name: 10.0}  # type: ignore[method-assign]
    Studio.finish = lambda self: None  # type: ignore[method-assign]
    train(recipe(on_failure="rollback"), out=Path(run), data=images(), display=Said(), timeout=30)


if __name__ == "__main__":
    main(*sys.argv[1:])
