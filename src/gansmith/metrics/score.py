"""A score is a value under a protocol: without the second, the first compares with nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["Figure", "Protocol", "Report", "Score"]

FORMAT = 2
"""Of a report's JSON; the first had values without intervals and named no reference."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How values came about; values of unlike protocols do not compare.

    Args:
        samples: how many samples were judged.
        reference: how many real images stood for the data.
        reference_digest: SHA-256 of them.
        held_out: how many real images there were that nobody had trained on; 0 where none were given.
        held_out_digest: SHA-256 of them, or None.
        neighbours: at most so many of either set, chosen at random, entered what is measured between single images.
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
    reference_digest: str
    held_out: int
    held_out_digest: str | None
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
        reference = f"{self.reference:,} images of {self.split} ({self.reference_digest[:12]})"
        lines = [
            f"{self.samples:,} samples, seed {self.seed}, {network}; reference: {reference}",
            f"features {extractor}, resize {self.resize}, gansmith {self.version}",
        ]
        if self.classifier is not None:
            lines.append(f"classifier {self.classifier} ({str(self.classifier_digest)[:12]})")
        if self.held_out:
            lines.append(f"held out: {self.held_out:,} real images ({str(self.held_out_digest)[:12]})")
        return tuple(lines)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A value, the interval in which it lies, and how both were measured.

    Args:
        value: what was measured.
        low: lower end of the interval; None where no interval is known.
        high: upper end; None with a lower end, that of the value itself, where no more than a lower bound is known.
        better: "lower" or "higher", or empty where neither is better.
        interval: how the interval came about.
        measure: what measured it, with its settings.
    """

    value: float
    low: float | None = None
    high: float | None = None
    better: str = ""
    interval: str = ""
    measure: str = ""

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            found = f"{self.value:,.0f}" if float(self.value).is_integer() else _short(self.value)
            return found if self.low is None else f"at least {found}"
        return f"{_short(self.value)}  [{_short(self.low)}, {_short(self.high)}]"


@dataclass(frozen=True)
class Score:
    """A named figure with its protocol.

    Args:
        name: what was measured, with the judge's name: "Fréchet distance (grey28)".
        figure: the value and its interval.
        protocol: how it came about.
    """

    name: str
    figure: Figure
    protocol: Protocol

    @property
    def value(self) -> float:
        """The figure's value."""
        return self.figure.value

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Report:
    """The scores of one evaluation, all under one protocol.

    Args:
        protocol: how all of them came about.
        figures: by name, in the order in which they are shown.
        about: what was judged, in words of whoever judged it; it takes no part in any comparison of protocols.

    Example:
        >>> precision = Figure(value=0.75, low=0.65, high=0.83, better="higher")
        >>> report = Report(_example(), {"precision (pixels)": precision, "recall (pixels)": Figure(value=0.5)})
        >>> report["recall"]
        0.5
        >>> print(report)
        precision (pixels)  0.7500  [0.6500, 0.8300]
        recall (pixels)     0.5000
        100 samples, seed 0, no network average; reference: 200 images of toy (e3b0c44298fc)
        features pixels (e3b0c44298fc), resize none, gansmith 0.1.0
        intervals hold 95 % of what sampling alone would give
    """

    protocol: Protocol
    figures: Mapping[str, Figure]
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, float]:
        """The values by name."""
        return {name: figure.value for name, figure in self.figures.items()}

    @property
    def scores(self) -> tuple[Score, ...]:
        """Every figure as a record of its own."""
        return tuple(Score(name, figure, self.protocol) for name, figure in self.figures.items())

    def __iter__(self) -> Iterator[Score]:
        return iter(self.scores)

    def __getitem__(self, name: str) -> float:
        return self.figure(name).value

    def figure(self, name: str) -> Figure:
        """A figure by its name, or by the part of it before the judge's.

        Raises:
            KeyError: there is no such score.
        """
        for known, figure in self.figures.items():
            if name in (known, known.partition(" (")[0]):
                return figure
        raise KeyError(f"the report has no score {name!r}; it has {', '.join(self.figures)}")

    def to_dict(self) -> dict[str, Any]:
        """The figures and their protocol as plain values, ready for JSON."""
        scores = {name: asdict(figure) for name, figure in self.figures.items()}
        return {"format": FORMAT, **self.about, "scores": scores, "protocol": asdict(self.protocol)}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Report:
        """The report that `to_dict` wrote.

        Raises:
            ValueError: it is no report, or one of another version of gansmith.
        """
        try:
            protocol = Protocol(**found["protocol"])
            figures = {name: Figure(**figure) for name, figure in found["scores"].items()}
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("this is no report of this version of gansmith: evaluate once more") from error
        known = {"format", "scores", "protocol"}
        return cls(protocol, figures, {key: value for key, value in found.items() if key not in known})

    def __str__(self) -> str:
        width = max(map(len, self.figures), default=0)
        rows = (f"{name:<{width}}  {figure}" for name, figure in self.figures.items())
        return "\n".join((*rows, *self._lines()))

    def __rich__(self) -> RenderableType:
        """The same for a terminal."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table()
        table.add_column("score")
        for column in ("value", "95 % interval"):
            table.add_column(column, justify="right")
        table.add_column("better")
        for name, figure in self.figures.items():
            value, _, interval = str(figure).partition("  ")
            table.add_row(name, value, Text(interval), figure.better)
        return Group(table, *(Text(line, style="dim") for line in self._lines()))

    def _lines(self) -> tuple[str, ...]:
        known = any(figure.low is not None for figure in self.figures.values())
        return (*self.protocol.lines(), *(["intervals hold 95 % of what sampling alone would give"] if known else []))


def _short(value: float) -> str:
    """Four places; none of large values, and small ones that would vanish with three digits."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4f}" if not value or abs(value) >= 0.001 else f"{value:.2e}"


def _example() -> Protocol:
    """A protocol for the examples."""
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    known = {
        "samples": 100,
        "reference": 200,
        "reference_digest": empty,
        "held_out": 0,
        "neighbours": 200,
        "split": "toy",
        "extractor": "pixels",
        "extractor_digest": empty,
        "resize": "none",
        "seed": 0,
        "version": "0.1.0",
    }
    return Protocol(**{**dict.fromkeys(f.name for f in fields(Protocol)), **known})  # type: ignore[arg-type]
