"""An item of the tutorial, and what comes of running it."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.resources import files
from types import ModuleType
from typing import TYPE_CHECKING

from gansmith.tutorial.claim import Claim

if TYPE_CHECKING:
    from gansmith.tutorial.studio import Picture, Studio

__all__ = ["Item", "Performance", "perform"]


@dataclass(frozen=True, kw_only=True)
class Item:
    """One figure, exercise or remark of the literature, as a command that draws it and proves what it says.

    The module that does so is imported when it is first needed, because a list of items must not wait for PyTorch.

    Args:
        name: what the command is called: small letters, digits and dashes.
        title: what it shows, in half a line.
        source: the paper with the figure, section or exercise.
        seconds: about how long it takes on one core.

    Example:
        >>> item = Item(name="figure-1", title="One half everywhere", source="Goodfellow et al. 2014", seconds=30)
        >>> item.command(seed=3)
        'gansmith tutorial figure-1 --seed 3'
    """

    name: str
    title: str
    source: str
    seconds: int

    @property
    def module(self) -> ModuleType:
        """Where it is: ``figure-1`` is ``gansmith.tutorial.items.figure_1``."""
        return import_module(f"gansmith.tutorial.items.{self._file}")

    @property
    def story(self) -> str:
        """What there is to understand: the docstring of the module, read without importing it."""
        source = files("gansmith.tutorial.items").joinpath(f"{self._file}.py").read_text(encoding="utf-8")
        return ast.get_docstring(ast.parse(source)) or ""

    @property
    def run(self) -> Callable[[Studio], Sequence[Claim]]:
        """Draws and measures."""
        run: Callable[[Studio], Sequence[Claim]] = self.module.run
        return run

    @property
    def _file(self) -> str:
        return self.name.replace("-", "_")

    def command(self, *, seed: int = 0) -> str:
        """The command line that does it again."""
        return f"gansmith tutorial {self.name}" + (f" --seed {seed}" if seed else "")


@dataclass(frozen=True, kw_only=True)
class Performance:
    """An item that was run.

    Args:
        item: which.
        seed: with which seed.
        seconds: how long it took.
        claims: what it found.
        pictures: what it drew.
        error: what ended it, if anything did.
    """

    item: Item
    seed: int
    seconds: float
    claims: tuple[Claim, ...] = ()
    pictures: tuple[Picture, ...] = ()
    error: str = ""

    @property
    def passed(self) -> bool:
        """Whether it ran to its end, claimed something, and every claim holds."""
        return not self.error and bool(self.claims) and all(claim.passed for claim in self.claims)

    def to_dict(self) -> dict[str, object]:
        """The performance as JSON takes it."""
        return {
            "name": self.item.name,
            "title": self.item.title,
            "source": self.item.source,
            "command": self.item.command(seed=self.seed),
            "seed": self.seed,
            "seconds": round(self.seconds, 2),
            "passed": self.passed,
            "error": self.error or None,
            "claims": [claim.to_dict() for claim in self.claims],
            "pictures": [str(picture.path) for picture in self.pictures],
        }


def perform(item: Item, studio: Studio) -> Performance:
    """Run an item on one thread, which is the fastest for networks as small as these, and the same on every machine."""
    import torch

    start, threads = time.monotonic(), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        claims = tuple(item.run(studio))
    finally:
        torch.set_num_threads(threads)
    seconds = time.monotonic() - start
    error = "" if claims else "it claims nothing"
    return Performance(
        item=item, seed=studio.seed, seconds=seconds, claims=claims, pictures=tuple(studio.pictures), error=error
    )
