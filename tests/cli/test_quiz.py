"""`gansmith quiz`: a page that holds everything it needs, and the tally that it saves."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gansmith.metrics import wilson


class Page(HTMLParser):
    """Every address that a page names, and its data."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.data = ""
        self._inside = False
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)
        self.quiz: dict[str, Any] = json.loads(self.data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = ("id", "trials") in attrs
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.data += data

    def handle_endtag(self, tag: str) -> None:
        self._inside = False


def pixels(address: str) -> np.ndarray:
    head, _, body = address.partition(",")
    assert head == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(body))) as picture:
        return np.asarray(picture)


@pytest.fixture
def page(gansmith: Callable[..., Any], tiny_run: Path, tmp_path: Path) -> Page:
    said = gansmith("quiz", tiny_run, "-n", 24, "--out", "page.html")
    assert (said.code, said.last) == (0, "page.html"), said.err
    return Page(tmp_path / "page.html")


def test_the_page_needs_nothing_from_anywhere(page: Page) -> None:
    assert page.addresses == []
    assert re.findall(r"https?://|@import|url\(", page.text) == []
    assert "default-src 'none'" in page.text
    assert "prefers-color-scheme: dark" in page.text


def test_real_pictures_are_the_data_s_and_the_order_tells_nothing(page: Page, tiny_run: Path) -> None:
    data = np.load(tiny_run.parent / "tiny.npz")["images"][..., 0]
    known = {image.tobytes() for image in data}
    truth = [trial["answer"] for trial in page.quiz["trials"]]
    seen = [pixels(trial["pictures"][0]).tobytes() in known for trial in page.quiz["trials"]]
    assert seen == [answer == 0 for answer in truth]
    # 24 tosses of a fair coin: outside 5 … 19 once in 500 seeds, and this is one seed.
    assert 5 <= sum(truth) <= 19


@pytest.mark.identity
def test_the_seed_decides_the_page(gansmith: Callable[..., Any], tiny_run: Path, tmp_path: Path) -> None:
    pages = []
    for seed in (0, 0, 1):
        assert gansmith("quiz", tiny_run, "-n", 6, "--seed", seed, "--out", "page.html").code == 0
        pages.append((tmp_path / "page.html").read_bytes())
    assert pages[0] == pages[1] != pages[2]


def test_pairs_hold_one_of_each(gansmith: Callable[..., Any], tiny_run: Path, tmp_path: Path) -> None:
    assert gansmith("quiz", tiny_run, "-n", 12, "--pairs", "--feedback", "--out", "pairs.html").code == 0
    quiz = Page(tmp_path / "pairs.html").quiz
    known = {image.tobytes() for image in np.load(tiny_run.parent / "tiny.npz")["images"][..., 0]}
    assert (quiz["pairs"], quiz["feedback"]) == (True, True)
    for trial in quiz["trials"]:
        seen = [pixels(picture).tobytes() in known for picture in trial["pictures"]]
        assert seen == [trial["answer"] == 0, trial["answer"] == 1]


def saved(page: Page, path: Path, said: list[int]) -> Path:
    """A tally as the page saves it, with these answers."""
    trials = page.quiz.pop("trials")
    answers = [{"truth": trial["answer"], "said": s, "seconds": 1.5} for trial, s in zip(trials, said, strict=False)]
    path.write_text(json.dumps({**page.quiz, "count": len(trials), "answers": answers}))
    page.quiz["trials"] = trials
    return path


def test_a_tally_is_printed_with_its_interval(gansmith: Callable[..., Any], page: Page, tmp_path: Path) -> None:
    truth = [trial["answer"] for trial in page.quiz["trials"]]
    right = saved(page, tmp_path / "a.json", truth)
    said = gansmith("quiz", "--tally", right)
    assert said.code == 0
    assert re.search(r"right +24 of 24 +100\.0 % \(95 % interval 86\.2 to 100\.0 %\)", said.out)
    assert "Guessing gives 50 %. Nobody was told before the end." in said.out
    real = saved(page, tmp_path / "b.json", [0] * 24)  # somebody who believes everything
    figures = json.loads(gansmith("quiz", "--json", "--tally", right, real).out)
    reals = truth.count(0)
    assert figures["right"] == [24 + reals, 48, *wilson(24 + reals, 48)]
    assert figures["real seen as real"][:2] == [2 * reals, 2 * reals]
    assert figures["generated seen as generated"][:2] == [24 - reals, 2 * (24 - reals)]


def test_refusals(gansmith: Callable[..., Any], page: Page, tiny_run: Path, tmp_path: Path) -> None:
    said = gansmith("quiz", tiny_run, "--out", "page.pdf")
    assert (said.code, said.err) == (2, "gansmith: --out is the page to write, so it ends in .html; got page.pdf\n")
    assert "there is no tally nowhere.json" in gansmith("quiz", "--tally", "nowhere.json").err
    for text in ("[]", "{}", "\x00", '{"format": "gansmith quiz 1", "answers": [{"truth": 3, "said": 1}]}'):
        (tmp_path / "bad.json").write_text(text)
        assert "is not a tally that a quiz page saved" in gansmith("quiz", "--tally", "bad.json").err
    first = saved(page, tmp_path / "first.json", [0, 1])
    assert "holds no answer yet" in gansmith("quiz", "--tally", saved(page, tmp_path / "empty.json", [])).err
    page.quiz["id"] = "another"
    second = saved(page, tmp_path / "second.json", [0, 1])
    assert "of different pages (their id differs)" in gansmith("quiz", "--tally", first, second).err


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node to run the page's script")
def test_the_page_counts_as_the_command_does(gansmith: Callable[..., Any], page: Page, tmp_path: Path) -> None:
    keys = "lrRG" + "x" + "rl" * 10  # left and R say real, right and G say generated, x says nothing
    said = [{"l": 0, "r": 1, "R": 0, "G": 1}[key] for key in keys if key != "x"]
    script = [shutil.which("node"), Path(__file__).with_name("quiz_page.js"), tmp_path / "page.html", keys]
    played = json.loads(subprocess.run(script, capture_output=True, text=True, check=True, timeout=60).stdout)
    assert played["ended"]
    assert played["begun_again"]
    assert [answer["said"] for answer in played["tally"]["answers"]] == said
    assert list(played["kept"]) == [f"gansmith-quiz-{page.quiz['id']}"]
    (tmp_path / "tally.json").write_text(json.dumps(played["tally"]))
    right, count, low, high = json.loads(gansmith("quiz", "--json", "--tally", "tally.json").out)["right"]
    assert right == sum(s == trial["answer"] for s, trial in zip(said, page.quiz["trials"], strict=True))
    share = f"{right} of {count}, {100 * right / count:.0f} % (95 % interval {100 * low:.0f} to {100 * high:.0f} %)"
    assert played["result"].replace("\u00a0", " ") == f"You were right on {share}. Guessing gives 50 %."
