"""Records: frozen, ready for JSON, and printed with their protocol."""

import dataclasses
import io
import json

import pytest
from rich.console import Console

from gansmith.metrics import Protocol, Report, Score

PROTOCOL = Protocol(
    samples=10_000,
    reference=5_000,
    held_out=1_000,
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
REPORT = Report(PROTOCOL, {"Fréchet distance (grey28)": 3.25, "precision (grey28)": 0.5})


def test_records_carry_their_protocol() -> None:
    first, second = REPORT
    assert first == Score("Fréchet distance (grey28)", 3.25, PROTOCOL)
    assert second.protocol is PROTOCOL
    with pytest.raises(dataclasses.FrozenInstanceError):
        first.value = 0.0


def test_json_holds_everything() -> None:
    report = json.loads(json.dumps(REPORT.to_dict()))
    assert report["scores"]["precision (grey28)"] == 0.5
    assert Protocol(**report["protocol"]) == PROTOCOL
    score = json.loads(json.dumps(REPORT.scores[0].to_dict()))
    assert (score["name"], score["value"]) == ("Fréchet distance (grey28)", 3.25)
    assert Protocol(**score["protocol"]) == PROTOCOL


def test_scores_by_full_or_short_name() -> None:
    assert REPORT["precision (grey28)"] == REPORT["precision"] == 0.5
    with pytest.raises(KeyError, match="no score 'recall'; it has Fréchet distance"):
        REPORT["recall"]


def test_both_tables_show_figures_and_protocol() -> None:
    out = io.StringIO()
    Console(file=out, width=120).print(REPORT)
    for text in (str(REPORT), out.getvalue()):
        for word in ("Fréchet distance (grey28)", "3.2500", "10,000 samples", "seed 7", "averaged weights",
                     "5,000 images of digits/train", "abababababab", "cdcdcdcdcdcd", "1,000 real"):  # fmt: skip
            assert word in text
