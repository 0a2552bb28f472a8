"""What the benchmarks take of the library is there: they run for hours, and most of them import where they need it."""

import ast
import importlib.util
from pathlib import Path

import pytest

FILES = sorted((Path(__file__).parents[2] / "benchmarks").glob("*.py"))


def taken(tree: ast.Module) -> set[tuple[str, str]]:
    """The names that a file takes of gansmith, each with the module that is to have it."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "gansmith":
            found |= {(str(node.module), alias.name) for alias in node.names}
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "gs":
            found.add(("gansmith", node.attr))
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_it_takes_is_there(file: Path) -> None:
    names = taken(ast.parse(file.read_text(encoding="utf-8")))
    missing = [f"{module}.{name}" for module, name in sorted(names) if not _has(module, name)]
    assert not missing


def _has(module: str, name: str) -> bool:
    if hasattr(importlib.import_module(module), name):
        return True
    return importlib.util.find_spec(f"{module}.{name}") is not None


def test_a_name_that_is_gone_is_noticed() -> None:
    text = "import gansmith as gs\nfrom gansmith.metrics import nothing_of_the_kind\ngs.Nobody"
    assert [name for module, name in sorted(taken(ast.parse(text))) if not _has(module, name)] == [
        "Nobody",
        "nothing_of_the_kind",
    ]
