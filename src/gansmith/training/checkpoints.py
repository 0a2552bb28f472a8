"""Checkpoints that are there whole or not at all, and that say when they are not what was saved."""

from __future__ import annotations

import json
import math
import os
import re
import secrets
import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from gansmith.files import sync_directory, write_atomically
from gansmith.training.manifest import (
    FORMAT,
    MANIFEST,
    MIGRATIONS,
    CheckpointError,
    DamagedError,
    facts_of,
    manifest_of,
    seems_whole,
    verified,
    why,
)
from gansmith.training.trees import pack, unpack

__all__ = ["CheckpointError", "Checkpoints", "refuse_pickle"]

WEIGHTS, OUTLINE, BEST = "weights.safetensors", "tree.json", "best.json"
HEALTHY = 4
"""Checkpoints of a healthy run that stay: the last ones and the first."""

LEFT = "left-"
"""Before the name of a checkpoint from which no run goes on."""

_ENTRY = re.compile(r"step-(\d{7,})(?:\.(\d+))?")
_LEFTOVER = re.compile(r"\.(?:saving|removing)-step-.+")
_PICKLES = {".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".bin"}


def refuse_pickle(path: Path) -> None:
    """Refuse a file that only pickle could read.

    Raises:
        CheckpointError: the name ends like a pickle's.
    """
    if path.suffix.lower() in _PICKLES:
        raise CheckpointError(
            f"{path} is a pickle, which can run any code when it is opened; give a run's directory or a "
            ".safetensors file"
        )


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=3)


class Checkpoints:
    """The checkpoints of a run: one folder each, holding the weights, an outline of the state, and a sealed manifest.

    A checkpoint is written in a hidden folder beside the others, flushed to the disk, and renamed; the rename is the
    moment at which it exists. Older ones go only after that. Every file's SHA-256 stands in the manifest, which is
    sealed itself. Reading never deletes anything, so another process may look at a run that is being trained.

    Args:
        folder: where they are; made when first needed.
        keep: how many of the newest stay, at least 1, of those at multiples of `every`. The last one stays as well,
            the best one, and a few whose facts say that the run was ``healthy``.
        every: steps between those that a run goes back to. What it saves between them, because it was stopped or was
            the best so far, is none of these, or else a run that was stopped would go another way.
        warn: told about every checkpoint that is damaged.

    Raises:
        ValueError: `keep` or `every` is below 1.

    Example:
        >>> import tempfile, torch
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     checkpoints = Checkpoints(Path(folder))
        ...     path = checkpoints.save(10, {"w": torch.ones(2)}, facts={"data": "abc"})
        ...     path.name, checkpoints.load(checkpoints.latest())
        ('step-0000010', ({'w': tensor([1., 1.])}, {'data': 'abc'}))
    """

    def __init__(self, folder: Path, *, keep: int = 2, every: int = 1, warn: Callable[[str], None] = _warn) -> None:
        if keep < 1:
            raise ValueError(f"keep is {keep}: at least one checkpoint must be kept")
        if every < 1:
            raise ValueError(f"every is {every}: it must be at least 1 step")
        self.folder, self.keep, self.every, self.warn = Path(folder), keep, every, warn

    def save(self, step: int, tree: Mapping[str, Any], *, facts: Mapping[str, Any] | None = None) -> Path:
        """Write a checkpoint, then remove those that are no longer to be kept; only the run's own process may do so.

        Args:
            step: the number of steps made.
            tree: nested mappings and sequences of tensors, numbers, text, booleans and None.
            facts: what else to know about it, such as the fingerprint of the data.

        Raises:
            CheckpointError: it could not be written; what was there before is as it was, and no fragment is left.
            ValueError: the tree holds something that cannot be saved.
        """
        weights, outline = pack(tree)
        contents = {WEIGHTS: weights, OUTLINE: outline}
        contents[MANIFEST] = manifest_of(step, facts or {}, contents)
        try:
            self.clean()
            path = self._commit(step, contents)
        except OSError as error:
            raise CheckpointError(
                f"the checkpoint of step {step} could not be written to {self.folder}: {why(error)}; the earlier ones "
                "are intact. Make room or give write access there, then go on with gansmith resume"
            ) from error
        self._prune(path)
        return path

    def latest(self) -> Path | None:
        """The newest checkpoint that is what was saved, or None; `warn` is told of damaged ones that were passed over.

        Raises:
            CheckpointError: the newest was written by a newer version, so that going back would lose what it holds.
        """
        return self._newest(self.entries())

    def _newest(self, entries: Sequence[Path]) -> Path | None:
        for path in entries:
            try:
                verified(path)
            except DamagedError as error:
                self.warn(f"{error}; the one before it is used instead")
            except FileNotFoundError:
                continue  # removed by the run itself in the meantime
            else:
                return path
        return None

    def load(self, path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
        """The tree and the facts of a checkpoint, read once and checked before anything is made of them.

        Raises:
            CheckpointError: it is damaged, missing, a pickle, or from a newer version; the message names the file.
        """
        refuse_pickle(path)
        try:
            manifest, contents = verified(path)
        except FileNotFoundError as error:
            raise CheckpointError(f"there is no checkpoint at {path}") from error
        try:
            tree, facts = unpack(contents[WEIGHTS], contents[OUTLINE]), manifest["facts"]
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"{path} cannot be read, though it is what was saved: {error}") from error
        for version in range(manifest["format"], FORMAT):
            tree, facts = MIGRATIONS[version](tree, facts)
        return tree, facts

    def mark_best(self, step: int, score: float) -> None:
        """Keep the checkpoint of `step` until a better one is marked, if its score is below that of the marked one.

        Raises:
            CheckpointError: there is no checkpoint of that step, or the mark cannot be written.
        """
        path = self.at(step)
        if path is None:
            raise CheckpointError(f"there is no checkpoint of step {step} in {self.folder} to mark as best")
        best = self._marked()
        if not math.isfinite(score) or (best is not None and best[1] <= score):
            return
        self._mark(path, score)

    def best(self) -> Path | None:
        """The checkpoint that was marked as best, if it is still there."""
        best = self._marked()
        return None if best is None else best[0]

    def best_score(self) -> float:
        """The score of the checkpoint that was marked as best; infinite where there is none."""
        best = self._marked()
        return math.inf if best is None else best[1]

    def healthy(self) -> list[Path]:
        """The checkpoints whose facts say that the run was healthy, the newest first: the last few and the first one.

        Of a step that was saved again, the last one counts. Which they are does not depend on when older ones are
        removed.
        """
        found: dict[int, Path] = {}
        for path in self.entries():
            if facts_of(path).get("healthy") is True:
                found.setdefault(_place(path)[0], path)
        known = list(found.values())
        return known if len(known) <= HEALTHY else [*known[: HEALTHY - 1], known[-1]]

    def before(self, step: int, *, tried: int | None = None) -> Path | None:
        """The newest healthy checkpoint from before `step`, else the oldest healthy one.

        Where none is, the newest at a multiple of `every`, else of all. What is not what was saved is passed over, and
        so is the one of the step `tried`, if there is an earlier one.
        """
        again = oldest = None
        for path in filter(_is_whole, self.healthy()):
            oldest, place = path, _place(path)[0]
            if place < step and place != tried:
                return path
            again = path if place < step else again
        return again or oldest or self._newest(self._regular(self.entries())) or self.latest()

    def _regular(self, entries: Sequence[Path]) -> list[Path]:
        return [path for path in entries if _place(path)[0] % self.every == 0]

    def leave(self, step: int) -> None:
        """Take all checkpoints after `step` out of the run's way: they belong to an attempt that was given up.

        The best one stays under a name from which no run goes on; the others are removed.

        Raises:
            CheckpointError: the best one could not be renamed, or its mark not be written.
        """
        best = self._marked()
        for path in self.entries():
            if _place(path)[0] > step:
                if best is not None and path == best[0]:
                    left = path.with_name(LEFT + path.name)
                    self._mark(left, best[1])  # at first, because a later checkpoint may get the name of this one
                    _rename(path, left)
                else:
                    self._remove(path)

    def at(self, step: int) -> Path | None:
        """The checkpoint of `step`, the last one if it was saved again, or None."""
        return next((p for p in self.entries() if _place(p)[0] == step), None)

    def _mark(self, path: Path, score: float) -> None:
        try:
            write_atomically(self.folder / BEST, json.dumps({"checkpoint": path.name, "score": score}).encode())
        except OSError as error:
            raise CheckpointError(f"{path} could not be marked as best: {why(error)}") from error

    def _marked(self) -> tuple[Path, float] | None:
        try:
            mark = json.loads((self.folder / BEST).read_text(encoding="utf-8"))
            path, score = self.folder / Path(mark["checkpoint"]).name, float(mark["score"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        unmoved = path.with_name(path.name.removeprefix(LEFT))  # of a run that was killed before it was renamed
        return next(((there, score) for there in (path, unmoved) if there.is_dir()), None)

    def entries(self) -> list[Path]:
        """Every checkpoint, the newest first, whether damaged or not."""
        found = self.folder.iterdir() if self.folder.is_dir() else ()
        return sorted((p for p in found if _ENTRY.fullmatch(p.name)), key=_place, reverse=True)

    def clean(self) -> None:
        """Remove what a process that was killed while saving left behind; for the process that holds the run's lock."""
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            if _LEFTOVER.fullmatch(path.name):
                shutil.rmtree(path, ignore_errors=True)

    def _commit(self, step: int, contents: Mapping[str, bytes]) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.folder / f".saving-step-{step:07d}-{os.getpid()}-{secrets.token_hex(4)}"
        temporary.mkdir()
        try:
            for name, data in contents.items():
                with (temporary / name).open("wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
            sync_directory(temporary)
            path = temporary.rename(self._free(step))
            sync_directory(self.folder)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        return path

    def _free(self, step: int) -> Path:
        """A name that is not taken: a step that is saved again does not put the first one at risk."""
        taken = [again for p in self.entries() for s, again in (_place(p),) if s == step]
        return self.folder / (f"step-{step:07d}.{max(taken) + 1}" if taken else f"step-{step:07d}")

    def _prune(self, saved: Path) -> None:
        """Remove all but `saved`, the newest whole ones to go back to, the best, healthy ones, and whole ones ahead."""
        entries = self.entries()
        here = entries.index(saved)
        ahead, whole = entries[:here], [p for p in entries[here:] if p == saved or seems_whole(p)]
        newest = self._regular(whole)[: self.keep]
        kept = {saved, *newest, self.best(), *self.healthy(), *(p for p in ahead if _is_whole(p))}
        left = [p for p in self.folder.iterdir() if p.name.startswith(LEFT)]
        for path in (*entries, *left):
            if path not in kept:
                self._remove(path)

    def _remove(self, path: Path) -> None:
        try:
            hidden = path.rename(path.with_name(f".removing-{path.name}"))  # never seen half removed
            shutil.rmtree(hidden)
        except OSError as error:
            self.warn(f"the old checkpoint {path} could not be removed: {why(error)}")


def _rename(path: Path, to: Path) -> None:
    try:
        path.rename(to)
    except OSError as error:
        raise CheckpointError(f"{path} could not be renamed to {to.name}: {why(error)}") from error


def _place(path: Path) -> tuple[int, int]:
    match = _ENTRY.fullmatch(path.name)
    return (int(match[1]), int(match[2] or 0)) if match else (-1, 0)


def _is_whole(path: Path) -> bool:
    try:
        verified(path)
    except DamagedError:
        return False
    except CheckpointError:
        return True  # of another version: not ours to judge
    return True
