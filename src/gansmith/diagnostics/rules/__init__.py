"""One rule for each disorder, the gravest first."""

from gansmith.diagnostics.case import Rule
from gansmith.diagnostics.rules.balance import discriminator_weak, discriminator_won
from gansmith.diagnostics.rules.content import batch_correlation, checkerboard, copying, dropped_modes, mode_collapse
from gansmith.diagnostics.rules.course import dead_start, divergence, oscillation, worse

__all__ = [
    "RULES",
    "batch_correlation",
    "checkerboard",
    "copying",
    "dead_start",
    "discriminator_weak",
    "discriminator_won",
    "divergence",
    "dropped_modes",
    "mode_collapse",
    "oscillation",
    "worse",
]

RULES: tuple[Rule, ...] = (
    divergence,
    discriminator_won,
    dead_start,
    mode_collapse,
    oscillation,
    discriminator_weak,
    dropped_modes,
    copying,
    worse,
    checkerboard,
    batch_correlation,
)
