"""`gansmith train` and `gansmith resume`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from gansmith.cli.models import code_beside
from gansmith.cli.parser import Parser, existing, whole

if TYPE_CHECKING:
    from argparse import Namespace

    from gansmith.training.loop import Logger, Run
    from gansmith.training.recipe import Recipe

__all__ = ["resolved", "resume", "train"]

_OWN = ("recipe", "config", "out", "init_from", "allow_code", "tensorboard")


def train(arguments: Sequence[str]) -> int:
    """``gansmith train [RECIPE] ...``: train from the beginning; the last line is the run's directory."""
    from gansmith.recipes import DIGITS

    if {"-h", "--help"} & set(arguments):
        rest = [word for word in arguments if word not in ("-h", "--help")]
        recipe = resolved(_parser(DIGITS).read(rest))
        _parser(recipe).print_help()
        return 0
    given = _parser(DIGITS).read(arguments)
    recipe = resolved(given)
    from gansmith.training.pretrained import shipped
    from gansmith.training.runs import train as begin

    if given.init_from is not None and given.init_from not in shipped():
        existing(given.init_from, "run or weights file")

    if "batch" in vars(given) and "steps" not in vars(given) and recipe.batch < (usual := _recipe(given)).batch:
        print(
            f"{recipe.steps:,} steps of {recipe.batch} instead of {usual.steps:,} of {usual.batch}, to see as many "
            "images; --steps says otherwise",
            file=sys.stderr,
        )
    return _ended(begin(recipe, out=given.out, init_from=given.init_from, loggers=_loggers(given)))


def resume(arguments: Sequence[str]) -> int:
    """``gansmith resume RUN [--steps N]``: go on exactly where a run stopped; the last line is the run's directory."""
    parser = Parser(prog="gansmith resume", description="Go on with a run from its newest valid checkpoint.")
    parser.add_argument("run", metavar="RUN", help="the run's directory")
    parser.add_argument(
        "--steps", type=whole(least=0), metavar="N", help="a new total, so that a finished run can go on"
    )
    parser.add_argument(
        "--allow-data-change", action="store_true", help="go on although the data are not what they were"
    )
    parser.add_argument("--allow-code", action="store_true", help="import the pieces of your own that the run names")
    _add_loggers(parser)
    given = parser.read(arguments)
    from gansmith.training.runs import resume as go_on

    code_beside(given.allow_code)
    return _ended(
        go_on(
            given.run,
            steps=given.steps,
            allow_code=given.allow_code,
            allow_data_change=given.allow_data_change,
            loggers=_loggers(given),
        )
    )


def resolved(given: Namespace) -> Recipe:
    """The recipe that the command line asks for: the recipe's defaults, then the file's values, then the flags'.

    Raises:
        ValueError: a name, a key or a value that does not exist or does not fit.
    """
    from gansmith.cli.flags import apply_flags

    flags = {name: value for name, value in vars(given).items() if name not in _OWN}
    return apply_flags(_recipe(given), flags, allow_code=given.allow_code)


def _recipe(given: Namespace) -> Recipe:
    """The named recipe, or the one that suits the data, with the file's changes."""
    from gansmith.recipes import PHOTOS, suited
    from gansmith.training.config import merge, parse

    code_beside(given.allow_code)
    changes: Mapping[str, Any] = {}
    if given.config is not None:
        path = existing(given.config, "file")
        if path.is_dir():
            raise ValueError(f"--config takes a file, and {path} is a folder; a run's is {path / 'config.yaml'}")
        try:
            changes = parse(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is not text; --config takes YAML as gansmith recipes NAME prints it") from error
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
    data = vars(given).get("data", changes.get("data"))
    recipe = _named(given.recipe) if given.recipe is not None else suited(data if isinstance(data, str) else None)
    if recipe.data == PHOTOS.data and data is None and not Path(recipe.data).exists():
        raise ValueError(f"the recipe {recipe.name!r} needs your pictures: add --data FOLDER")
    try:
        return merge(recipe, changes, allow_code=given.allow_code)
    except ValueError as error:
        raise ValueError(f"{given.config}: {error}" if given.config else str(error)) from error


def _named(name: str) -> Recipe:
    """The recipe of that name; where a person gave their pictures or their file instead, what they meant is said."""
    from gansmith.recipes import RECIPES, get

    if name not in RECIPES and (path := Path(name).expanduser()).exists():
        flag = "--config" if path.suffix.lower() in (".yaml", ".yml") else "--data"
        raise ValueError(f"{name!r} is not a recipe's name but a path: gansmith train {flag} {quote(name)}")
    return get(name)


def _parser(recipe: Recipe) -> Parser:
    from gansmith.cli.flags import add_flags

    parser = Parser(
        prog="gansmith train",
        usage="gansmith train [RECIPE] [--data SPEC] [--steps N] [--seed S] [--out DIR] [any flag below]",
        description=(
            f"Train a GAN. In brackets: what is used otherwise, here with the recipe {recipe.name!r}; "
            "gansmith recipes lists the others.\n"
            "A flag overrides the --config file, and the file overrides the recipe."
        ),
    )
    parser.add_argument("recipe", nargs="?", metavar="RECIPE", help="a recipe's name; without one, what suits the data")
    parser.add_argument("--config", metavar="FILE", help="YAML as gansmith recipes NAME prints it, or any part of it")
    parser.add_argument("--out", metavar="DIR", help="the run's directory [runs/NNNNN-name]")
    parser.add_argument(
        "--init-from",
        metavar="RUN|FILE",
        help="start from the weights of a run, a model (also one that came along) or a weights file",
    )
    parser.add_argument("--allow-code", action="store_true", help="import pieces of your own, written module:attribute")
    _add_loggers(parser)
    add_flags(parser, recipe)
    return parser


def _add_loggers(parser: Parser) -> None:
    parser.add_argument("--tensorboard", metavar="DIR", help="write the figures as TensorBoard's event files as well")


def _loggers(given: Namespace) -> list[Logger]:
    from gansmith.training.loggers import TensorBoard

    if given.tensorboard is None:
        return []
    if find_spec("tensorboard") is None:
        raise ValueError("--tensorboard needs a package that is not installed: pip install 'gansmith[tensorboard]'")
    return [TensorBoard(Path(given.tensorboard).expanduser())]


def _ended(run: Run) -> int:
    from gansmith.cli.app import FAILING
    from gansmith.training.stop import exit_code

    print(run.path)
    if run.failure is not None:
        return FAILING
    return 0 if run.stopped_by is None else exit_code(run.stopped_by)
