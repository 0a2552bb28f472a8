"""The signals that verdicts rest on, each a function of tensors."""

from gansmith.diagnostics.signals.cells import Cells, missed
from gansmith.diagnostics.signals.gradients import non_finite, norm, reach, rotation, saturated
from gansmith.diagnostics.signals.samples import (
    diversity,
    energy_distance,
    intraclass_correlation,
    local_diversity,
    mean_distance,
    nearest_distances,
    within_diversity,
)
from gansmith.diagnostics.signals.scores import accuracy, logit_gap, overfitting
from gansmith.diagnostics.signals.spectra import Comb, grid_share
from gansmith.diagnostics.signals.units import DeadUnits, watched

__all__ = [
    "Cells",
    "Comb",
    "DeadUnits",
    "accuracy",
    "diversity",
    "energy_distance",
    "grid_share",
    "intraclass_correlation",
    "local_diversity",
    "logit_gap",
    "mean_distance",
    "missed",
    "nearest_distances",
    "non_finite",
    "norm",
    "overfitting",
    "reach",
    "rotation",
    "saturated",
    "watched",
    "within_diversity",
]
