"""The entry point: help without torch, one sentence for every mistake, and exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings

import pytest

from gansmith import __version__
from gansmith.cli import app
from gansmith.training.errors import NonFiniteError, TrainingError

NO_TORCH = "gansmith: PyTorch cannot be imported (No module named 'torch'); gansmith doctor says what to do\n"
HEAVY = ("torch", "numpy", "pydantic", "yaml", "PIL", "rich", "matplotlib", "tyro", "safetensors")


def shell(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gansmith", *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize("words", [[], ["--help"], ["--version"], ["version"], ["sample", "--help"], ["trian"]])
def test_help_imports_nothing_that_takes_time(words: list[str]) -> None:
    program = (
        f"import sys; from gansmith.cli import main; main({words!r}); "
        f"sys.exit(','.join(m for m in {HEAVY} if m in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_the_help_names_every_command_and_exit_code(gansmith) -> None:
    answer = gansmith("--help")
    assert answer == gansmith()
    assert all(f"\n  {name} " in answer.out for name in app.COMMANDS)
    assert all(f"{code} " in answer.out for code in (0, app.FAILED, app.YOUR_INPUT, app.NOT_FINITE, 130, 143))


@pytest.mark.parametrize("word", ["version", "--version", "-V"])
def test_the_version(gansmith, word: str) -> None:
    assert gansmith(word).out == f"gansmith {__version__}\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["trian"], "there is no command 'trian'; did you mean 'train'?"),
        (["evalute", "run"], "there is no command 'evalute'; did you mean 'evaluate'?"),
        (["recipes", "digit"], "there is no recipe 'digit'; did you mean 'digits'?"),
        (["recipes", "--jsn"], "gansmith recipes has no flag --jsn; see gansmith recipes --help"),
        (["data", "chek", "."], "check: there is no 'chek'; did you mean 'check'?"),
        (["data", "check"], "gansmith data needs PATH; see gansmith data --help"),
        (["sample"], "gansmith sample needs RUN; see gansmith sample --help"),
        (["sample", "x", "--sed", "1"], "gansmith sample has no flag --sed; did you mean --seed?"),
        (["sample", "x", "-n", "some"], "-n: must be a whole number, not 'some'"),
        (["sample", "x", "-n", "0"], "-n: must be at least 1, not 0"),
        (["sample", "x", "--out"], "--out needs a value"),
        (["help", "trian"], "there is no command 'trian'; did you mean 'train'?"),
        (["doctor", "a", "b"], "gansmith doctor does not take 'b' here; see gansmith doctor --help"),
        (
            ["doctor", "me"],
            "there is no run at me; give the directory that gansmith train printed, such as runs/00001-digits",
        ),
    ],
)
def test_mistakes_get_one_sentence_and_exit_code_two(gansmith, words: list[str], sentence: str) -> None:
    answer = gansmith(*words)
    assert (answer.code, answer.out, answer.err) == (2, "", f"gansmith: {sentence}\n")


@pytest.mark.parametrize("command", [name for name in app.COMMANDS if name != "version"])
def test_every_command_explains_itself(gansmith, command: str) -> None:
    answer = gansmith(command, "--help")
    assert answer.code == 0
    assert answer.out.startswith(f"usage: gansmith {command}")
    assert gansmith("help", command) == answer


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ValueError("say so"), 2, "gansmith: say so\n"),
        (TrainingError("memory ran out"), 1, "gansmith: memory ran out\n"),
        (NonFiniteError("not a number"), 3, "gansmith: not a number\n"),
        (OSError(28, "No space left on device", "run/a"), 1, "gansmith: run/a: No space left on device\n"),
        (KeyboardInterrupt(), 130, "gansmith: interrupted\n"),
        (ModuleNotFoundError("No module named 'torch'", name="torch"), 1, None),
    ],
)
def test_what_ends_a_command_becomes_an_exit_code(gansmith, monkeypatch, error, code, said) -> None:
    def fail(words: object) -> int:
        raise error

    monkeypatch.setattr("gansmith.cli.recipes.recipes", fail)
    answer = gansmith("recipes")
    assert answer.code == code
    assert answer.err == (
        said or "gansmith: PyTorch cannot be imported (No module named 'torch'); gansmith doctor says what to do\n"
    )


@pytest.mark.parametrize("error", [TypeError("a fault"), RuntimeError("a fault"), ImportError("a fault")])
def test_a_fault_of_the_program_shows_where_it_is(gansmith, monkeypatch, error: Exception) -> None:
    def fail(words: object) -> int:
        raise error

    monkeypatch.setattr("gansmith.cli.recipes.recipes", fail)
    with pytest.raises(type(error), match="a fault"):
        gansmith("recipes")


def test_whoever_looks_for_a_fault_can_have_the_traceback(gansmith, monkeypatch) -> None:
    monkeypatch.setenv("GANSMITH_TRACEBACK", "1")
    with pytest.raises(ValueError, match="there is no command 'trian'"):
        gansmith("trian")


def test_a_warning_of_the_library_is_a_sentence_and_others_stay_as_they_are(gansmith, monkeypatch) -> None:
    def warn(words: object) -> int:
        print(*(warnings.formatwarning("look", UserWarning, file, 3, "code") for file in (app.__file__, "other.py")))
        return 0

    usual = warnings.formatwarning
    monkeypatch.setattr("gansmith.cli.recipes.recipes", warn)
    assert gansmith("recipes").out == "gansmith: look\n other.py:3: UserWarning: look\n  code\n\n"
    assert warnings.formatwarning is usual


def test_of_several_processes_only_the_first_speaks(gansmith, monkeypatch) -> None:
    monkeypatch.setenv("RANK", "1")
    assert gansmith("recipes").out == ""
    assert gansmith("trian").err == ""
    assert gansmith("trian").code == 2


def test_a_reader_that_has_enough_is_no_failure() -> None:
    program = [sys.executable, "-m", "gansmith", "recipes", "digits"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_a_mistake_in_a_real_process_leaves_no_traceback() -> None:
    done = shell("train", "--stepz", "3")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "gansmith: gansmith train has no flag --stepz; did you mean --steps?\n"
