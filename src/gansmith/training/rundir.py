"""A run's directory: what is in it, who may write to it, and how it is found again."""

from __future__ import annotations

import errno
import json
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from gansmith.diagnostics import Trace
from gansmith.files import write_atomically
from gansmith.lock import alive, held
from gansmith.training.checkpoints import Checkpoints, refuse_pickle
from gansmith.training.manifest import why
from gansmith.training.places import CONFIG, ENVIRONMENT, LOCK, LOG, METRICS, RunError, given, is_run, meant, numbered
from gansmith.training.plain_yaml import parse

__all__ = ["RunDirectory", "RunError", "plain_record"]

DECISIONS = "decisions.jsonl"

_PARTS = ("checkpoints", "samples")
_TEMPORARY = re.compile(r"\.(\d+)-.+")


@dataclass(frozen=True)
class RunDirectory:
    r"""The directory of one run: configuration, environment, metrics, log, samples, checkpoints, exports.

    Args:
        path: where it is. Use `create` for a new one and `open` for one that is there.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = RunDirectory.create(Path(folder, "digits"), "digits")
        ...     with run.lock():
        ...         run.record({"step": 25, "cost": float("nan")})
        ...     (run.path / "metrics.jsonl").read_text()
        '{"step": 25, "cost": "nan"}\n'
    """

    path: Path

    @classmethod
    def create(cls, out: Path | None, name: str) -> RunDirectory:
        """A new run's directory: `out`, or the next free ``runs/NNNNN-name``.

        Raises:
            RunError: `out` is taken, or nothing can be made there.
        """
        try:
            path = numbered(Path("runs"), name) if out is None else given(Path(out))
            for part in _PARTS:
                (path / part).mkdir(exist_ok=True)
        except OSError as error:
            raise RunError(f"the directory of the run could not be made at {out or 'runs'}: {why(error)}") from error
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> RunDirectory:
        """The directory of a run that is there.

        Raises:
            RunError: there is no run; the message names the nearest one beside it.
            CheckpointError: it is a pickle.
        """
        path = Path(path)
        refuse_pickle(path)
        if is_run(path):
            return cls(path)
        what = f"{path} is not a run" if path.exists() else f"there is no run at {path}"
        raise RunError(f"{what}{meant(path)}")

    @property
    def samples(self) -> Path:
        """Where grids of samples are."""
        return self.path / "samples"

    @property
    def export(self) -> Path:
        """Where exported models are."""
        return self.path / "export"

    def checkpoints(self, *, keep: int = 2, every: int = 1, warn: Callable[[str], None] | None = None) -> Checkpoints:
        """The run's checkpoints; `warn` is told of damaged ones."""
        folder = self.path / "checkpoints"
        return Checkpoints(folder, keep=keep, every=every, **({} if warn is None else {"warn": warn}))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """The right to write here, for one process at a time; what a killed one left half written is removed.

        The system itself gives the lock back when its holder dies, however it dies.

        Raises:
            RunError: another process has it; the message names it.
        """
        with ExitStack() as stack:
            try:
                stack.enter_context(held(self.path / LOCK))
            except BlockingIOError as error:
                raise RunError(f"{self.path} is in use by {error}; wait for it, or end it first") from None
            except OSError as error:
                raise RunError(f"{self.path / LOCK} could not be written: {why(error)}") from error
            self._clean()
            yield

    def _clean(self) -> None:
        self.checkpoints().clean()
        for folder in (self.path, *(self.path / name for name in ("samples", "checkpoints", "evidence"))):
            for leftover in folder.iterdir() if folder.is_dir() else ():
                match = _TEMPORARY.fullmatch(leftover.name)
                if match and not alive(int(match[1])):
                    leftover.unlink(missing_ok=True)

    def config(self) -> str:
        """The text of ``config.yaml``.

        Raises:
            RunError: it is not there, because the run was stopped before it began or somebody removed it, or damaged.
        """
        try:
            text = (self.path / CONFIG).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            raise RunError(
                f"{self.path} has no {CONFIG}: the run was stopped before it began; start it with gansmith train --out "
                f"{self.path}"
            ) from None
        except OSError as error:
            raise RunError(f"{self.path / CONFIG} could not be read: {why(error)}") from error
        try:
            empty = not parse(text)
        except ValueError as error:
            raise RunError(f"{self.path / CONFIG} is not what the run wrote: {error}") from error
        if empty:
            raise RunError(f"{self.path / CONFIG} is not what the run wrote: it is empty")
        return text

    def environment(self) -> dict[str, Any]:
        """What ``environment.json`` says; empty where it is missing or unreadable."""
        try:
            return dict(json.loads((self.path / ENVIRONMENT).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return {}

    def recorded(self) -> bool:
        """Whether the run has made steps that it wrote down; the doctor's look before the first one is none."""
        return self.trace().step > 0

    def write(self, name: str, text: str) -> None:
        """Replace the file `name` whole, or leave it as it was.

        Raises:
            RunError: it could not be written.
        """
        try:
            write_atomically(self.path / name, text.encode())
        except OSError as error:
            raise RunError(f"{self.path / name} could not be written: {why(error)}") from error

    def record(self, values: Mapping[str, Any]) -> None:
        """Append a line to ``metrics.jsonl``; numbers that are not finite become text, which JSON can hold.

        Raises:
            RunError: it could not be written.
        """
        line = json.dumps(plain_record(values), allow_nan=False) + "\n"
        try:
            _append(self.path / METRICS, line)
        except OSError as error:
            raise RunError(
                f"{self.path / METRICS} could not be written: {why(error)}; the checkpoints are intact. Make room, "
                f"then go on with gansmith resume {self.path}"
            ) from error

    def rewind(self, step: int) -> None:
        """Drop the records of steps after `step`, and a line that a crash tore, so that the run can make them again.

        Raises:
            RunError: it could not be rewritten.
        """
        path = self.path / METRICS
        try:
            before = path.read_bytes() if path.exists() else b""
            after = b"".join(line for line in before.splitlines(keepends=True) if _stays(line, step))
            if after != before:
                write_atomically(path, after)
        except OSError as error:
            raise RunError(f"{path} could not be rewritten: {why(error)}") from error

    def trace(self) -> Trace:
        """What ``metrics.jsonl`` holds.

        Raises:
            RunError: it could not be read.
        """
        path = self.path / METRICS
        try:
            text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
            return Trace.read(text.splitlines())
        except OSError as error:
            raise RunError(f"{path} could not be read: {why(error)}") from error

    def decided(self, decisions: Sequence[Mapping[str, Any]]) -> None:
        """Write down in ``decisions.jsonl`` what was done about disorders; nothing where nothing was.

        Raises:
            RunError: it could not be written.
        """
        if decisions or (self.path / DECISIONS).exists():
            self.write(DECISIONS, "".join(json.dumps(decision) + "\n" for decision in decisions))

    def decisions(self) -> list[dict[str, Any]]:
        """What ``decisions.jsonl`` holds; nothing where it is missing or unreadable."""
        try:
            return [dict(json.loads(line)) for line in (self.path / DECISIONS).read_text(encoding="utf-8").splitlines()]
        except (OSError, ValueError, TypeError):
            return []

    def note(self, text: str) -> None:
        """Append a line with the time to ``log.txt``. That is for people, so a run does without it where it fails."""
        with suppress(OSError):
            _append(self.path / LOG, f"{datetime.now().isoformat(sep=' ', timespec='seconds')} {text}\n")


def plain_record(values: Mapping[str, Any]) -> dict[str, Any]:
    """A record as JSON can hold it: numbers that are not finite become text.

    Example:
        >>> plain_record({"step": 3, "cost": float("inf")})
        {'step': 3, 'cost': 'inf'}
    """
    return {key: _plain(value) for key, value in values.items()}


def _append(path: Path, line: str) -> None:
    """Append a line in one call: a kill leaves the whole of it or nothing, and so does a full disk."""
    data = line.encode()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        size = os.fstat(handle).st_size
        if os.write(handle, data) < len(data):
            os.ftruncate(handle, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(handle)


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else str(float(value))
    return value if value is None or isinstance(value, bool | int | str) else _plain(float(value))


def _stays(line: bytes, step: int) -> bool:
    try:
        return line.endswith(b"\n") and int(json.loads(line).get("step", step)) <= step
    except (ValueError, TypeError, AttributeError):
        return False
