"""The entry point: finds the command, runs it, and turns whatever ends it into an exit code and one sentence."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gansmith import __version__
from gansmith.spelling import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FAILED", "FAILING", "NOT_FINITE", "YOUR_INPUT", "main"]

FAILED, YOUR_INPUT, NOT_FINITE, FAILING, INTERRUPTED = 1, 2, 3, 4, 130


@dataclass(frozen=True)
class Command:
    """A command and where it lives.

    Args:
        module: the module below ``gansmith.cli`` that has it as a function of the arguments.
        about: half a sentence for the help.
    """

    module: str
    about: str


COMMANDS = {
    "train": Command("train", "train a GAN: gansmith train [RECIPE] [--data SPEC] [--steps N] [--out DIR] ..."),
    "resume": Command("train", "go on with a run exactly where it stopped"),
    "sample": Command("sample", "draw images from a run, or from a model that came along"),
    "project": Command("project", "find the latents at which a generator draws given pictures"),
    "arithmetic": Command("arithmetic", "add and subtract what groups of pictures have: A - B + C"),
    "evaluate": Command("evaluate", "measure how close a run's samples are to its data"),
    "compare": Command("compare", "put the scores of runs side by side, and say which differences are more than noise"),
    "classify": Command("classify", "say what a run's classifier gets wrong, that was taught by a few labels"),
    "recipes": Command("recipes", "list the recipes, or show one as YAML"),
    "data": Command("data", "gansmith data check PATH: say what is wrong with a folder of images"),
    "tutorial": Command(
        "tutorial", "draw a figure of the literature and prove what it claims: gansmith tutorial [NAME]"
    ),
    "quiz": Command("quiz", "write a page on which people tell real pictures from generated ones"),
    "doctor": Command("doctor", "say what a run suffers from, or without one whether this machine is ready to train"),
    "export": Command("export", "write a run's generator as ONNX, or as a folder to share"),
    "version": Command("app", "the version"),
}

HELP = f"""usage: gansmith COMMAND ...

Train generative adversarial networks, and never lose a run.

{chr(10).join(f"  {name:<11}{command.about}" for name, command in COMMANDS.items())}

  gansmith train                             handwritten digits, a few minutes
  gansmith train --data FOLDER               your own pictures
  gansmith train digits --loss hinge --lr 1e-4 --steps 5000
  gansmith resume runs/00001-digits
  gansmith COMMAND --help                    everything about a command

exit codes: 0 done, 1 something failed, 2 your input was not understood, 3 training became infinite or not a number,
            4 training was seen to fail: --on-failure stop ended it, or doctor says so of a run,
            130 and 143 stopped by Ctrl-C or SIGTERM after saving
environment: GANSMITH_CACHE is where prepared images are kept; GANSMITH_TRACEBACK=1 shows where an error came from"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; the exit code.

    Args:
        arguments: the words after ``gansmith``; by default those of this process.

    Example:
        >>> main(["--version"])
        gansmith 0.1.0
        0
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    # Threads that wait for each other spin for long by default; where anything else uses a core, they spin for nothing.
    # Giving up earlier costs little on an idle machine and is a gain on a busy one.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    try:
        with _one_voice(), _plain_warnings():
            code = _run(words)
            sys.stdout.flush()
            return code
    except BrokenPipeError:
        # Whoever read our output has enough of it. The interpreter would complain once more on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return _refused("interrupted", INTERRUPTED)
    except SystemExit as exit:  # argparse has printed a help
        return exit.code if isinstance(exit.code, int) else YOUR_INPUT
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        if os.environ.get("GANSMITH_TRACEBACK"):
            raise
        return _explained(error)


def _explained(error: ValueError | OSError | ImportError | RuntimeError) -> int:
    """Print an error as a sentence; its exit code. A fault of the program is raised again, to show where it is."""
    if isinstance(error, ValueError):
        return _refused(str(error), YOUR_INPUT)
    if isinstance(error, OSError):
        return _refused(f"{error.filename}: {error.strerror}" if error.filename else str(error), FAILED)
    if isinstance(error, ImportError):
        if "torch" not in (error.name or str(error)):
            raise error
        return _refused(f"PyTorch cannot be imported ({error}); gansmith doctor says what to do", FAILED)
    from gansmith.training.errors import NonFiniteError, TrainingError

    if not isinstance(error, TrainingError):
        raise error
    return _refused(str(error), NOT_FINITE if isinstance(error, NonFiniteError) else FAILED)


def _run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help") or words == ["help"]:
        print(HELP)
        return 0
    name, *rest = words
    if name == "help":
        name, *rest = (*rest, "--help")
    if name in ("-V", "--version"):
        name = "version"
    if name not in COMMANDS:
        raise ValueError(f"there is no command {name!r}{suggestion(name, COMMANDS)}")
    module = importlib.import_module(f"gansmith.cli.{COMMANDS[name].module}")
    code: int = getattr(module, name)(rest)
    return code


def version(arguments: Sequence[str]) -> int:
    """Print the version."""
    print(f"gansmith {__version__}")
    return 0


def _refused(sentence: str, code: int) -> int:
    rank = os.environ.get("RANK", "0")
    # All processes of a run read the same command line, and one of them saying so is enough.
    if rank == "0" or code != YOUR_INPUT:
        where = "" if rank == "0" else f" (process {rank})"
        print(f"gansmith{where}: {sentence.strip()}", file=sys.stderr)
    return code


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """The library's own warnings are sentences for the user, who has no use for the line of code that gave them."""
    usual = warnings.formatwarning

    def plain(
        message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
    ) -> str:
        ours = Path(filename).is_relative_to(Path(__file__).parents[1]) and not os.environ.get("GANSMITH_TRACEBACK")
        return f"gansmith: {message}\n" if ours else usual(message, category, filename, lineno, line)

    warnings.formatwarning = plain
    try:
        yield
    finally:
        warnings.formatwarning = usual


@contextmanager
def _one_voice() -> Iterator[None]:
    """Of several processes that torchrun started, only the first prints."""
    if os.environ.get("RANK", "0") == "0":
        yield
        return
    before = sys.stdout
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 — the builtin is there without another import
        sys.stdout = nowhere
        try:
            yield
        finally:
            sys.stdout = before
