"""`gansmith recipes`."""

from __future__ import annotations

from collections.abc import Sequence

from gansmith.cli.parser import Parser

__all__ = ["recipes"]


def recipes(arguments: Sequence[str]) -> int:
    """``gansmith recipes [NAME]``: list the recipes, or print one as YAML that ``--config`` reads back."""
    parser = Parser(prog="gansmith recipes", description="List the recipes, or print one as YAML for --config.")
    parser.add_argument("name", nargs="?", metavar="NAME", help="the recipe to print")
    given = parser.read(arguments)
    from gansmith.recipes import RECIPES, get
    from gansmith.training.config import to_yaml

    if given.name is not None:
        print(to_yaml(get(given.name)), end="")
        return 0
    width = max(map(len, RECIPES))
    for name, recipe in RECIPES.items():
        print(f"{name:<{width}}  {recipe.about}")
    return 0
