"""A score is a value under a protocol: without the second, the first compares with nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["Protocol", "Report", "Score"]


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How a value came about; values of unlike protocols do not compare.

    Args:
        samples: how many samples were judged.
        reference: how many real images stood for the data.
        held_out: how many real images the classifier's share is relative to; 0 where there is no classifier.
        neighbours: at most so many of either set, chosen at random, entered precision and recall.
        split: which part of which data set the reference is.
        extractor: its name.
        extractor_digest: SHA-256 of its weights.
        classifier: its name, or None.
        classifier_digest: SHA-256 of its weights and temperature, or None.
        resize: how images were converted before features were taken, or "none".
        ema: whether the averaged weights were sampled; None where there is no such thing.
        seed: of the samples.
        version: of gansmith.
    """

    samples: int
    reference: int
    held_out: int
    neighbours: int
    split: str
    extractor: str
    extractor_digest: str
    classifier: str | None
    classifier_digest: str | None
    resize: str
    ema: bool | None
    seed: int
    version: str

    def lines(self) -> tuple[str, ...]:
        """The protocol in plain words, digests cut to twelve places."""
        extractor = f"{self.extractor} ({self.extractor_digest[:12]})"
        network = {True: "averaged weights", False: "weights as trained", None: "no network average"}[self.ema]
        reference = f"{self.reference:,} images of {self.split}"
        first = f"{self.samples:,} samples, seed {self.seed}, {network}; reference: {reference}"
        second = f"features {extractor}, resize {self.resize}, gansmith {self.version}"
        if self.classifier is None:
            return first, second
        judge = f"classifier {self.classifier} ({str(self.classifier_digest)[:12]})"
        return first, second, f"{judge}, relative to {self.held_out:,} real images"


@dataclass(frozen=True)
class Score:
    """A named value with its protocol.

    Args:
        name: what was measured, with the judge's name: "Fréchet distance (grey28)".
        value: the figure.
        protocol: how it came about.
    """

    name: str
    value: float
    protocol: Protocol

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Report:
    """The scores of one evaluation, all under one protocol.

    Args:
        protocol: how all of them came about.
        values: the figures by name, in the order in which they are shown.

    Example:
        >>> report = Report(_example(), {"precision (pixels)": 0.75, "recall (pixels)": 0.5})
        >>> report["recall"]
        0.5
        >>> print(report)
        precision (pixels)  0.7500
        recall (pixels)     0.5000
        100 samples, seed 0, no network average; reference: 200 images of toy
        features pixels (e3b0c44298fc), resize none, gansmith 0.1.0
    """

    protocol: Protocol
    values: dict[str, float]

    @property
    def scores(self) -> tuple[Score, ...]:
        """Every figure as a record of its own."""
        return tuple(Score(name, value, self.protocol) for name, value in self.values.items())

    def __iter__(self) -> Iterator[Score]:
        return iter(self.scores)

    def __getitem__(self, name: str) -> float:
        for known, value in self.values.items():
            if name in (known, known.partition(" (")[0]):
                return value
        raise KeyError(f"the report has no score {name!r}; it has {', '.join(self.values)}")

    def to_dict(self) -> dict[str, Any]:
        """The figures and their protocol as plain values, ready for JSON."""
        return {"scores": dict(self.values), "protocol": asdict(self.protocol)}

    def __str__(self) -> str:
        width = max(map(len, self.values), default=0)
        rows = (f"{name:<{width}}  {value:.4f}" for name, value in self.values.items())
        return "\n".join((*rows, *self.protocol.lines()))

    def __rich__(self) -> RenderableType:
        """The same for a terminal."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table()
        table.add_column("score")
        table.add_column("value", justify="right")
        for name, value in self.values.items():
            table.add_row(name, f"{value:.4f}")
        return Group(table, *(Text(line, style="dim") for line in self.protocol.lines()))


def _example() -> Protocol:
    """A protocol for the examples."""
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    return Protocol(
        samples=100,
        reference=200,
        held_out=0,
        neighbours=200,
        split="toy",
        extractor="pixels",
        extractor_digest=empty,
        classifier=None,
        classifier_digest=None,
        resize="none",
        ema=None,
        seed=0,
        version="0.1.0",
    )
