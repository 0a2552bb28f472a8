"""`gansmith evaluate`: what it takes, the page that it writes, and where."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gansmith.cli.evaluation_page import as_page
from gansmith.metrics import Report
from gansmith.training.pretrained import SHIPPED

QUICK = ["-n", 16, "--allow-few", "--extractor", "pixels"]


@pytest.fixture
def run(tiny_run: Path, tmp_path: Path) -> Path:
    """A run of one's own to write to."""
    return Path(shutil.copytree(tiny_run, tmp_path / "run"))


class Links(HTMLParser):
    """Whatever a page asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.asked += [value or "" for name, value in attrs if name in ("src", "href")]


def test_a_run_gets_a_page_that_needs_nothing_else(gansmith, run) -> None:
    answer = gansmith("evaluate", run, *QUICK)
    assert answer.code == 0, answer.err
    assert answer.last == str(run / "evaluation" / "index.html")
    page = (run / "evaluation" / "index.html").read_text()
    links = Links()
    links.feed(page)
    assert "script" not in links.tags
    assert "link" not in links.tags
    assert links.tags.count("img") == len(links.asked) == 4  # no classifier knows these images
    assert not re.search(r"https?:|@import|url\(", page)
    for asked in links.asked:
        head, _, data = asked.partition(",")
        assert head == "data:image/png;base64"
        Image.open(io.BytesIO(base64.b64decode(data))).verify()
    for words in ("none picked out", "recall (pixels)", "prefers-color-scheme: dark", "SHA-256", "16 samples after 2"):
        assert words in page
    report = json.loads((run / "evaluation.json").read_text())
    assert report == json.loads((run / "evaluation" / "evaluation.json").read_text())
    assert page.count("<tr>") == 1 + len(report["scores"])
    pictures = {path.stem for path in (run / "evaluation").glob("*.png")}
    assert pictures == {"samples", "nearest", "closest", "precision-recall"}


def test_the_page_says_of_every_score_what_it_is() -> None:
    """The digits that travel along were judged by everything that knows them."""
    report = Report.from_dict(json.loads((SHIPPED / "digits" / "config.json").read_text())["evaluation"])
    assert "share of class 9 (digits28)" in report.figures
    page = as_page("digits", "", report, ())
    assert page.count('<td class="about line">') == len(report.figures)
    assert '<td class="about line"></td>' not in page


def test_the_record_says_what_was_judged_and_how(gansmith, run) -> None:
    report = Report.from_dict(json.loads(gansmith("evaluate", run, *QUICK, "--json").out))
    assert report.about["judged"] == "run"
    assert (report.about["step"], report.about["training_seed"], len(report.about["recipe_digest"])) == (2, 0, 64)
    assert (report.protocol.samples, report.protocol.reference, report.protocol.ema) == (16, 12, True)
    assert report.figure("precision").low < report["precision"] <= report.figure("precision").high
    assert report.figure("precision").measure == "Manifold(k=3, wide=5)"


def test_images_are_judged_against_others(gansmith, run, data, tmp_path) -> None:
    assert gansmith("sample", run, "-n", 20, "--out", "drawn").code == 0
    assert gansmith("sample", run, "-n", 20, "--out", "drawn.npz").code == 0
    words = ["--data", data, "--allow-few", "--extractor", "pixels", "--json"]
    folder, file = (json.loads(gansmith("evaluate", name, *words).out) for name in ("drawn", "drawn.npz"))
    assert folder["scores"] == file["scores"]  # the same images, as PNGs and as arrays
    assert (folder["judged"], file["judged"]) == ("drawn", "drawn.npz")
    assert folder["protocol"]["samples"] == 20
    assert folder["protocol"]["ema"] is None
    assert (tmp_path / "evaluation-drawn-tiny.npz" / "index.html").is_file()
    some = json.loads(gansmith("evaluate", "drawn", *words, "-n", 9, "--no-report").out)
    assert some["protocol"]["samples"] == 9


def test_held_out_images_test_for_copying(gansmith, data) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (60, 16, 16, 1), np.uint8)
    np.savez("train.npz", images=pixels[:30])
    np.savez("new.npz", images=pixels[30:])
    words = ["--data", "train.npz", "--held-out", "new.npz", "--allow-few", "--extractor", "pixels", "--json"]
    report = json.loads(gansmith("evaluate", "train.npz", *words, "--out", "page").out)
    assert report["scores"]["authentic (pixels)"]["value"] == 0  # they are the reference itself
    assert report["scores"]["authentic of held-out (pixels)"]["value"] > 0.2
    assert report["protocol"]["held_out"] == 30
    assert Path("page/index.html").is_file()


def test_other_data_leave_the_scores_of_the_run_alone(gansmith, run, data) -> None:
    assert gansmith("evaluate", run, *QUICK, "--data", data).code == 0
    assert not (run / "evaluation.json").exists()
    assert (run / "evaluation-tiny.npz" / "index.html").is_file()


def test_no_page_where_none_is_wanted(gansmith, run) -> None:
    assert gansmith("evaluate", run, *QUICK, "--no-report").code == 0
    assert not (run / "evaluation").exists()
    assert (run / "evaluation.json").is_file()


def test_scores_are_told_where_the_page_cannot_be_written(gansmith, run) -> None:
    (run / "evaluation").write_text("in the way")
    answer = gansmith("evaluate", run, *QUICK)
    assert answer.code == 1
    assert "recall (pixels)" in answer.out
    assert f"{run / 'evaluation'}" in answer.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["tiny.npz"], "tiny.npz holds images; say with --data SPEC which real ones they are to be like"),
        (["tiny.npz", "--data", "tiny.npz", "--checkpoint", "best"], "tiny.npz holds images, so it has no checkpoints"),
        (["digits", "--out", "tiny.npz"], "--out is the folder of the page, and tiny.npz is a file; give another name"),
        (["tiny.npz", "--data", "tiny.npz", "-n", "13"], "tiny.npz holds 12 images, fewer than -n 13: leave out -n"),
        (["tiny.npz", "--data", "tiny.npz"], "the Fréchet distance of 12 samples and 12 real images is badly biased"),
        (["tiny.npz", "--data", "tiny.npz", "--allow-few", "--extractor", "pixel"], "there is no extractor 'pixel'"),
    ],
)
def test_what_is_refused(gansmith, data, words: list[str], sentence: str) -> None:
    answer = gansmith("evaluate", *words)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(f"gansmith: {sentence}")
    assert answer.err.count("\n") == 1
