"""How commands find the model that they are to work on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gansmith.cli.parser import Parser, existing
from gansmith.spelling import listed, nearest, suggestion

if TYPE_CHECKING:
    from argparse import Namespace

    from gansmith.training.checkpoints import Checkpoints
    from gansmith.training.model import Model

__all__ = ["add_model", "code_beside", "find_model"]


def add_model(parser: Parser, *, or_else: str = "") -> None:
    """Add the arguments that name a model, or what a command takes in its place."""
    kinds = "a run's directory, an exported folder, or a model that came along"
    parser.add_argument("run", metavar="RUN", help=kinds + or_else)
    parser.add_argument(
        "--checkpoint", metavar="WHICH", help="newest, best (by a rough score of each), or a number of steps [newest]"
    )
    parser.add_argument("--device", default="auto", metavar="WORD", help="auto, cpu, cuda or cuda:N [auto]")
    parser.add_argument("--allow-code", action="store_true", help="import the pieces of your own that the run names")


def find_model(given: Namespace) -> Model:
    """The model that the arguments of `add_model` name.

    Raises:
        ValueError: there is none; the message names the nearest.
    """
    from gansmith.training.pretrained import load, shipped

    if not Path(given.run).expanduser().exists() and given.run not in shipped():
        if Path(given.run).name != given.run:
            existing(given.run, "run")
        names = {name: name for name in shipped()} | {path.name: str(path) for path in sorted(Path("runs").glob("*/"))}
        meant = nearest(given.run, names)  # a run is known by its name alone, but must be written with its folder
        written = suggestion(given.run, names.values()) if meant is None else f"; did you mean {names[meant]!r}?"
        raise ValueError(f"there is no run {given.run!r}{written}")
    code_beside(given.allow_code)
    place = given.run if given.checkpoint is None else _checkpoint(Path(given.run).expanduser(), given.checkpoint)
    return load(place, device=given.device, allow_code=given.allow_code)


def _checkpoint(run: Path, which: str) -> Path:
    """The checkpoint of a run that the word or the number names."""
    from gansmith.training.places import is_run
    from gansmith.training.rundir import RunDirectory

    if not is_run(run):
        raise ValueError(f"{run} is not a run, so it has no checkpoints to choose from; leave out --checkpoint")
    directory = RunDirectory.open(run)
    checkpoints = directory.checkpoints()
    if which == "newest":
        return directory.path
    if which == "best":
        found, lacking = checkpoints.best(), "that was marked as best, because none was saved when samples were drawn"
    elif which.isdecimal():
        found, lacking = checkpoints.at(int(which)), f"of step {which}; it has {_steps(checkpoints)}"
    else:
        raise ValueError(f"--checkpoint takes newest, best or a number of steps, not {which!r}")
    if found is None:
        raise ValueError(f"{run} has no checkpoint {lacking}")
    return found


def _steps(checkpoints: Checkpoints) -> str:
    names = [path.name.removeprefix("step-").partition(".")[0] for path in reversed(checkpoints.entries())]
    return listed(dict.fromkeys(str(int(name)) for name in names))


def code_beside(allowed: bool) -> None:
    """Let modules in the current folder be imported, which a console script does not look for."""
    here = str(Path.cwd())
    if allowed and here not in sys.path:
        sys.path.append(here)
