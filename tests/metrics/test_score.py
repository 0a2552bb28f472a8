"""Records: frozen, ready for JSON, and printed with their protocol."""

import dataclasses
import io
import json

import pytest
from rich.console import Console

from gansmith.metrics import Figure, Protocol, Report, Score

PROTOCOL = Protocol(
    samples=10_000,
    reference=5_000,
    reference_digest="12" * 32,
    held_out=1_000,
    held_out_digest="34" * 32,
    neighbours=10_000,
    split="digits/train",
    extractor="grey28",
    extractor_digest="ab" * 32,
    classifier="digits28",
    classifier_digest="cd" * 32,
    resize="none",
    ema=True,
    seed=7,
    version="0.1.0",
)
FRECHET = Figure(value=3.25, low=3.0, high=3.5, better="lower", interval="by hand", measure="Frechet()")
REPORT = Report(PROTOCOL, {"Fréchet distance (grey28)": FRECHET, "precision (grey28)": Figure(value=0.5)}, {"step": 7})


def test_records_carry_their_protocol() -> None:
    first, second = REPORT
    assert first == Score("Fréchet distance (grey28)", FRECHET, PROTOCOL)
    assert first.value == 3.25
    assert second.protocol is PROTOCOL
    with pytest.raises(dataclasses.FrozenInstanceError):
        first.name = ""


def test_json_holds_everything() -> None:
    report = json.loads(json.dumps(REPORT.to_dict()))
    assert report["scores"]["precision (grey28)"]["value"] == 0.5
    assert report["step"] == 7
    assert Report.from_dict(report) == REPORT
    score = json.loads(json.dumps(REPORT.scores[0].to_dict()))
    assert score["name"] == "Fréchet distance (grey28)"
    assert Figure(**score["figure"]) == FRECHET
    assert Protocol(**score["protocol"]) == PROTOCOL


@pytest.mark.parametrize("found", [{}, {"scores": {"precision": 0.5}, "protocol": {}}, {"scores": [], "protocol": 3}])
def test_json_of_another_make_is_refused(found) -> None:
    with pytest.raises(ValueError, match="evaluate once more"):
        Report.from_dict(found)


def test_scores_by_full_or_short_name() -> None:
    assert REPORT["precision (grey28)"] == REPORT["precision"] == 0.5
    with pytest.raises(KeyError, match="no score 'recall'; it has Fréchet distance"):
        REPORT["recall"]


def test_both_tables_show_figures_and_protocol() -> None:
    out = io.StringIO()
    Console(file=out, width=120).print(REPORT)
    for text in (str(REPORT), out.getvalue()):
        for word in ("Fréchet distance (grey28)", "3.2500", "10,000 samples", "seed 7", "averaged weights",
                     "5,000 images of digits/train", "abababababab", "cdcdcdcdcdcd", "1,000 real",
                     "121212121212", "343434343434", "[3.0000, 3.5000]"):  # fmt: skip
            assert word in text
