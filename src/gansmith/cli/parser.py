"""Arguments: argparse, with every refusal as one sentence that names the nearest valid word."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from gansmith.spelling import nearest, path_suggestion, suggestion

__all__ = ["Parser", "existing", "one_of", "whole"]


class Parser(argparse.ArgumentParser):
    """An argument parser that raises ``ValueError`` where argparse would print its usage and exit."""

    def __init__(self, **settings: Any) -> None:
        layout = {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}
        super().__init__(**{**layout, **settings})
        self._positionals.title, self._optionals.title = "arguments", "options"

    def read(self, arguments: Sequence[str]) -> argparse.Namespace:
        """The arguments, in any order.

        Raises:
            ValueError: one of them is not known, is missing or does not fit.
        """
        known, unknown = self.parse_known_intermixed_args(with_dashes(arguments))
        if unknown:
            self._refuse(unknown[0])
        return known

    def flags(self) -> list[str]:
        """Every flag that the parser knows."""
        return [flag for action in self._actions for flag in action.option_strings]

    def error(self, message: str) -> NoReturn:
        _, _, names = message.partition("required: ")
        if names:
            raise ValueError(f"{self.prog} needs {names}; see {self.prog} --help")
        raise ValueError(message.removeprefix("argument ").replace(": expected one argument", " needs a value"))

    def _refuse(self, word: str) -> NoReturn:
        if not word.startswith("-") or word == "-":
            raise ValueError(f"{self.prog} does not take {word!r} here; see {self.prog} --help")
        flag = word.partition("=")[0]
        # A list of all flags would be longer than the help.
        meant = suggestion(flag, self.flags()) if nearest(flag, self.flags()) else f"; see {self.prog} --help"
        raise ValueError(f"{self.prog} has no flag {flag}{meant.replace(chr(39), '')}")


def with_dashes(arguments: Sequence[str]) -> list[str]:
    """The arguments with dashes for underscores in the names of flags, as both are typed.

    Example:
        >>> with_dashes(["--game.loss.real_target=0.9", "--out", "my_run"])
        ['--game.loss.real-target=0.9', '--out', 'my_run']
    """
    mended = []
    for argument in arguments:
        name, equals, value = argument.partition("=")
        mended.append(f"{name.replace('_', '-')}{equals}{value}" if name.startswith("--") else argument)
    return mended


def whole(*, least: int | None = None) -> Callable[[str], int]:
    """A reader of whole numbers, for ``type=``."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be a whole number, not {text!r}") from None
        if least is not None and number < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}, not {number}")
        return number

    return read


def one_of(*names: str) -> Callable[[str], str]:
    """A reader of one of several names, for ``type=``."""

    def read(text: str) -> str:
        if text not in names:
            raise argparse.ArgumentTypeError(f"there is no {text!r}{suggestion(text, names)}")
        return text

    return read


def existing(path: str | Path, what: str) -> Path:
    """A path that exists.

    Raises:
        ValueError: it does not; the message names the nearest name beside it.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise ValueError(f"there is no {what} {path}{path_suggestion(path)}")
    return path


def new_folder(path: str | Path) -> Path:
    """A folder that is to be written: there is nothing there yet.

    Raises:
        ValueError: there is a file, or a folder that holds something.
    """
    path = Path(path).expanduser()
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ValueError(f"{path} holds something already; give a new or an empty folder with --out")
    return path
