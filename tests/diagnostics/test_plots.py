"""The picture of a verdict."""

import math

from PIL import Image
from synthetic import SETTINGS, after, run

from gansmith.diagnostics import Trace, diagnose, plot_verdict


def test_each_piece_of_evidence_has_its_panel(tmp_path):
    """More evidence makes a larger picture; the file is a picture of a legible size, and not blank."""
    trace = run(diversity=after(0.5, 0.1, 0.9), local_diversity=after(0.5, 0.1, 0.9), distance=after(0.5, 0.3, 0.05))
    verdict = diagnose(trace, SETTINGS).verdicts[0]
    assert len(verdict.evidence) == 2
    with Image.open(plot_verdict(verdict, trace, tmp_path / "two.png")) as two:
        assert two.width > 1000
        assert len(two.convert("L").getcolors()) > 20


def test_values_that_are_not_finite_are_drawn(tmp_path):
    trace = Trace(({"step": 0, "cost/generator": 1.0}, {"step": 5, "cost/generator": math.nan}))
    path = plot_verdict(diagnose(trace, SETTINGS).verdicts[0], trace, tmp_path / "nan.png")
    with Image.open(path) as picture:
        assert picture.width > 400
