"""What is going wrong in a run, and what to do about it; everything here only reads."""

from gansmith.diagnostics.diagnose import at_a_glance, diagnose
from gansmith.diagnostics.limits import Limits
from gansmith.diagnostics.plots import plot_verdict
from gansmith.diagnostics.probe import Probe
from gansmith.diagnostics.trace import Series, Trace
from gansmith.diagnostics.verdict import Diagnosis, Evidence, Remedy, Verdict

__all__ = [
    "Diagnosis",
    "Evidence",
    "Limits",
    "Probe",
    "Remedy",
    "Series",
    "Trace",
    "Verdict",
    "at_a_glance",
    "diagnose",
    "plot_verdict",
]
