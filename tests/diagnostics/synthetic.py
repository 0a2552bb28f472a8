"""Runs whose signals are written down by hand."""

import random
from collections.abc import Callable, Mapping
from typing import Any

from gansmith.diagnostics import Trace

Curve = Callable[[float], float] | float

SETTINGS: Mapping[str, Any] = {
    "steps": 1000,
    "batch": 64,
    "size": None,
    "augment.translation": 0.0,
    "game.adversarial.loss.non_saturating.real_target": 1.0,
    "game.adversarial.penalties": [{"r1": {"gamma": 0.2}}],
    "dynamics.alternating.optimizer.adam.lr": 0.002,
    "dynamics.alternating.optimizer.adam.beta1": 0.5,
    "dynamics.alternating.rates": {},
}


def falling(first: float, last: float, until: float = 0.6) -> Callable[[float], float]:
    """A curve that goes down by a constant factor in every part of a run, and stays there."""
    return lambda t: first * (last / first) ** min(1.0, t / until)


def after(onset: float, bad: float, good: Curve) -> Callable[[float], float]:
    """A curve that jumps at a part of the run."""
    return lambda t: bad if t >= onset else (good(t) if callable(good) else good)


HEALTHY: Mapping[str, Curve] = {
    "accuracy": 0.75,
    "accuracy_held_out": 0.74,
    "logit_gap": 0.8,
    "logit_gap_held_out": 0.75,
    "overfitting": 0.06,
    "logits": 1.0,
    "reach": 0.3,
    "saturated": 0.0,
    "non_finite": 0.0,
    "dead/generator": 0.0,
    "dead/discriminator": 0.0,
    "weights/generator": 20.0,
    "weights/discriminator": 5.0,
    "distance": falling(0.64, 0.01),
    "diversity": lambda t: min(0.95, 6 * t),
    "local_diversity": lambda t: min(0.95, 6 * t),
    "diversity_within": lambda t: min(0.95, 6 * t),
    "missed": falling(0.9, 0.05),
    "kl": falling(3.0, 0.1),
    "classes_missed": falling(0.9, 1e-3, 0.2),
    "nearest": falling(4.0, 1.1),
    "grid": falling(0.2, 1e-4, 0.2),
    "batch_correlation": 0.0,
    "rotation": 0.1,
    **{f"live/centre/{i}": 0.0 for i in range(1, 5)},
}


def run(*, noise: float = 0.05, steps: int = 1000, every: int = 20, last: int | None = None, **changed: Curve) -> Trace:
    """A run's trace with some noise on each signal; names are written with ``__`` for a slash."""
    draw = random.Random(0)
    curves = {**HEALTHY, **{name.replace("__", "/"): curve for name, curve in changed.items()}}
    records = []
    for step in range(0, (steps if last is None else last) + 1, every):
        values = {name: curve(step / steps) if callable(curve) else curve for name, curve in curves.items()}
        noisy = {f"watch/{name}": value * (1 + noise * draw.gauss(0, 1)) for name, value in values.items()}
        if values["accuracy"] == 1.0:  # a discriminator that is always right is so without noise
            noisy["watch/accuracy"] = 1.0
        records.append({"step": step, **noisy})
    return Trace(tuple(records))
