"""What the documentation names exists: Python names, commands and their flags, linked files, variables."""

import ast
import re
from pathlib import Path

import pytest

import gansmith as gs
from gansmith.cli.app import COMMANDS
from gansmith.cli.train import _parser as train_parser
from gansmith.recipes import DIGITS, RECIPES

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[list[str]]:
    """The words after ``gansmith`` in every shell line and inline command."""
    text = page.read_text(encoding="utf-8")
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    lines += re.findall(r"`(gansmith [^`]*)`", text)
    parts = [part for line in lines for part in line.partition("#")[0].split("&&")]
    return [words.split() for part in parts for words in re.findall(r"(?:^|\s)gansmith (\S.*)$", part.strip())]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_python_in_the_documentation_uses_names_that_exist(page):
    for block in blocks(page, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "gs":
                assert node.attr in gs.__all__, f"{page.name}: gs.{node.attr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_commands_in_the_documentation_exist(page):
    flags = set(train_parser(DIGITS).flags())
    for name, *words in commands(page):
        assert name in (*COMMANDS, "--help", "COMMAND"), f"{page.name}: gansmith {name}"
        if name == "train":
            assert {word for word in words if word.startswith("--")} <= flags, f"{page.name}: {words}"
            if words and not words[0].startswith("-") and words[0].islower():
                assert words[0] in RECIPES, f"{page.name}: {words[0]}"


def test_flags_that_the_page_of_tricks_recommends_exist():
    words = " ".join(re.findall(r"`(--[^`]*)`", (ROOT / "docs" / "tricks.md").read_text(encoding="utf-8"))).split()
    found = {word for word in words if word.startswith("--")}
    assert len(found) > 10
    assert found <= set(train_parser(DIGITS).flags())


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_pages_link_to_files_that_are_there(page):
    links = re.findall(r"(?<!!)\[[^\]]*\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


def test_every_environment_variable_is_documented():
    """Those that the source reads by a name of ours."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    read = set(re.findall(r"\"(GANSMITH_[A-Z]+)\"", source))
    assert read
    page = (ROOT / "docs" / "runs.md").read_text(encoding="utf-8")
    assert {name for name in read if f"`{name}`" not in page} == set()


def test_the_architecture_page_places_every_module_of_the_training_room():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.partition("Where to look in it:")[2].partition("## ")[0]
    modules = {path.stem for path in (ROOT / "src" / "gansmith" / "training").glob("[a-z]*.py")}
    assert set(re.findall(r"`(\w+)`", table)) == modules
