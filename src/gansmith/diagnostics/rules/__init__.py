"""One rule for each disorder, the gravest first."""

from gansmith.diagnostics.case import Rule
from gansmith.diagnostics.rules.balance import discriminator_weak, discriminator_won
from gansmith.diagnostics.rules.content import (
    batch_correlation,
    checkerboard,
    dropped_modes,
    mode_collapse,
    overfitting,
)
from gansmith.diagnostics.rules.course import dead_start, divergence, oscillation, worse

__all__ = [
    "RULES",
    "batch_correlation",
    "checkerboard",
    "dead_start",
    "discriminator_weak",
    "discriminator_won",
    "divergence",
    "dropped_modes",
    "mode_collapse",
    "oscillation",
    "overfitting",
    "worse",
]

RULES: tuple[Rule, ...] = (
    divergence,
    discriminator_won,
    dead_start,
    oscillation,
    discriminator_weak,
    mode_collapse,
    dropped_modes,
    overfitting,
    worse,
    checkerboard,
    batch_correlation,
)
