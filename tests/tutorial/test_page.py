"""The page on where the notes differ names commands that exist, and the items say what the page says of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gansmith.tutorial import ITEMS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "where-the-notes-differ.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`gansmith tutorial ([a-z0-9-]+)`", PAGE)


def test_every_command_on_the_page_is_an_item() -> None:
    assert len(set(NAMED)) >= 10
    assert not set(NAMED) - set(ITEMS)


def test_every_row_of_substance_has_its_command() -> None:
    """A difference that nothing shows is an opinion."""
    section = PAGE.split("## In substance")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 6
    assert all("`gansmith tutorial " in row for row in rows)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("notes-against-papers", "Share of the picks that fall on the newest"),
        ("label-smoothing", "peaks of D* itself there"),
        ("orbit", "√(1 + h²)"),
        ("exercises", "7.1: where p = q = 0"),
        ("balance", "A stronger D is no harm"),
        ("divergences", "KL(q‖p)"),
        ("no-gradient-at-half", "D(x) = ½ on a slope"),
    ],
)
def test_an_item_claims_what_the_page_says_of_it(name: str, words: str) -> None:
    assert name in NAMED
    assert words in Path(str(ITEMS[name].module.__file__)).read_text(encoding="utf-8")


def test_pages_link_to_it() -> None:
    assert "docs/where-the-notes-differ.md" in (ROOT / "README.md").read_text(encoding="utf-8")
