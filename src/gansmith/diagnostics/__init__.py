"""What is going wrong in a run, and what to do about it; everything here only reads."""

from gansmith.diagnostics.trace import Series, Trace
from gansmith.diagnostics.verdict import Diagnosis, Evidence, Remedy, Verdict

__all__ = ["Diagnosis", "Evidence", "Remedy", "Series", "Trace", "Verdict"]
