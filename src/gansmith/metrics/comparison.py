"""Reports side by side: whether they compare at all, and which of their differences are more than noise."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist, fmean, stdev
from typing import Any

from gansmith.metrics.score import Figure, Protocol, Report
from gansmith.spelling import listed

__all__ = ["Comparison", "Entry", "Level", "UnlikeError", "compare"]

FREE = frozenset({"seed", "ema", "split"})
"""What reports may differ in: other samples of other weights are what is compared, and the digest of the reference says
more than its name."""

CONFIDENCE = 0.95


class UnlikeError(ValueError):
    """Reports whose protocols differ; the message says in what."""


@dataclass(frozen=True)
class Entry:
    """What is compared: a report, or the reports of several trainings that differ by their seed alone.

    Args:
        name: what it is called.
        reports: one, or one of each training.
    """

    name: str
    reports: tuple[Report, ...]


@dataclass(frozen=True, kw_only=True)
class Level:
    """Where an entry stands in one score.

    Args:
        value: of the report, or the mean over trainings.
        error: its standard error: over trainings where there are several, else of sampling; None where it is unknown.
        spread: the standard deviation over trainings; None for one.
        trainings: how many.
        best: whether no entry is better.
        behind: whether it is worse than the best by more than the noise; None where that cannot be said.
    """

    value: float
    error: float | None
    spread: float | None
    trainings: int
    best: bool = False
    behind: bool | None = None

    def __str__(self) -> str:
        places = 4 if abs(self.value) < 1000 else 0
        text = f"{self.value:,.{places}f}"
        if self.spread is not None:
            return f"{text} ± {self.spread:,.{places}f}"
        return text if self.error is None else f"{text} ± {_quantile(1) * self.error:,.{places}f}"


@dataclass(frozen=True)
class Comparison:
    """What comes of reports side by side.

    Args:
        entries: the names, in the order in which they were given.
        better: for each score whether "lower" or "higher" is better, or neither, which is empty.
        levels: for each score where each entry stands.
        notes: in what the reports differ without being unlike.
    """

    entries: tuple[str, ...]
    better: Mapping[str, str]
    levels: Mapping[str, tuple[Level, ...]]
    notes: tuple[str, ...]

    def sentences(self) -> Iterator[str]:
        """What differs by more than the noise, score by score, and what does not."""
        alike = []
        for name, levels in self.levels.items():
            behind = [entry for entry, level in zip(self.entries, levels, strict=True) if level.behind]
            best = [entry for entry, level in zip(self.entries, levels, strict=True) if level.best]
            if behind:
                yield f"{name}: {best[0]} is better than {listed(behind)} by more than the noise"
            elif len(best) > 1 or any(level.behind is False and not level.best for level in levels):
                alike.append(name)
        if alike:
            yield f"within the noise: {', '.join(alike)}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        scores = {
            name: {"better": self.better[name]}
            | {entry: asdict(level) for entry, level in zip(self.entries, levels, strict=True)}
            for name, levels in self.levels.items()
        }
        return {"entries": list(self.entries), "scores": scores, "notes": list(self.notes)}


def compare(entries: Sequence[Entry], *, despite: Collection[str] = ()) -> Comparison:
    """Put reports side by side that have the same protocol.

    An entry of one report is as sure as its interval says, which knows the noise of sampling alone; one of several
    trainings is as sure as their spread says, which holds that of training too. An entry is behind the best one by more
    than the noise if the difference is larger than a normal interval for it, or Student's where both have several
    trainings (Welch 1947), at 95 % for all pairs of entries of a score together (Bonferroni).

    Args:
        entries: at least two.
        despite: fields of the protocol in which reports may differ nevertheless; a note says so.

    Raises:
        UnlikeError: (a ValueError) protocols, or the settings of a measure, differ.
        ValueError: fewer than two entries, or a field that there is not.

    Example:
        >>> import torch
        >>> from gansmith.metrics import Images, evaluate, pixels
        >>> real = torch.rand(300, 1, 4, 4, generator=torch.Generator().manual_seed(0))
        >>> settings = {"extractor": pixels(), "n": 200, "allow_few": True}
        >>> reports = [evaluate(Images(x), real, **settings) for x in (real, real.square())]
        >>> found = compare([Entry("same", reports[:1]), Entry("squared", reports[1:])])
        >>> next(found.sentences())
        'Fréchet distance (pixels): same is better than squared by more than the noise'
    """
    if len(entries) < 2:
        raise ValueError("a comparison needs at least two reports")
    if strange := set(despite) - Protocol.__dataclass_fields__.keys():
        raise ValueError(f"a protocol has no field {min(strange)!r}; it has {', '.join(Protocol.__dataclass_fields__)}")
    everyone = [(entry.name, report) for entry in entries for report in entry.reports]
    notes = _checked(everyone, frozenset(despite))
    first, *others = (report.figures for _, report in everyone)
    names = [name for name in first if all(name in figures for figures in others)]
    if some := dict.fromkeys(name for figures in (first, *others) for name in figures if name not in names):
        notes.append(f"left out, because not every report has it: {', '.join(some)}")
    levels = {name: _judged([_level(entry, name) for entry in entries], first[name].better) for name in names}
    return Comparison(
        tuple(entry.name for entry in entries), {name: first[name].better for name in names}, levels, tuple(notes)
    )


def _checked(everyone: Sequence[tuple[str, Report]], despite: frozenset[str]) -> list[str]:
    """Notes on differences that may be; the others are refused."""
    (name, first), *others = everyone
    notes, mine = [], asdict(first.protocol)
    for other, report in others:
        theirs = asdict(report.protocol)
        for key in mine:
            if mine[key] == theirs[key] or key == "seed" or (key == "split" and _same_reference(mine, theirs)):
                continue
            words = f"{name} and {other} differ in {key.replace('_', ' ')}: {_said(mine[key])} and {_said(theirs[key])}"
            if key not in FREE - {"split"} | despite:
                raise UnlikeError(f"{words}; evaluate both in the same way, or add --despite {key}")
            notes.append(words)
        for score, figure in first.figures.items():
            if score in report.figures and report.figures[score].measure != figure.measure:
                raise UnlikeError(
                    f"{name} and {other} differ in how {score} was measured: {figure.measure} and "
                    f"{report.figures[score].measure}; evaluate both in the same way"
                )
    return list(dict.fromkeys(notes))


def _same_reference(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    return bool(mine["reference_digest"] == theirs["reference_digest"])


def _said(value: object) -> str:
    if isinstance(value, str) and len(value) == 64:
        return f"{value[:12]}…"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _level(entry: Entry, name: str) -> Level:
    figures = [report.figures[name] for report in entry.reports]
    values, n = [figure.value for figure in figures], len(figures)
    if n > 1:
        spread = stdev(values)
        return Level(value=fmean(values), error=spread / math.sqrt(n), spread=spread, trainings=n)
    return Level(value=values[0], error=_error(figures[0]), spread=None, trainings=1)


def _error(figure: Figure) -> float | None:
    """The standard error that a 95 % interval stands for, by its longer half: the other one may end at a bound."""
    if figure.low is None or figure.high is None:
        return None
    return max(figure.high - figure.value, figure.value - figure.low) / _quantile(1)


def _judged(levels: Sequence[Level], better: str) -> tuple[Level, ...]:
    """The same with the best one marked, and those that are behind it."""
    if not better:
        return tuple(levels)
    sign = -1 if better == "lower" else 1
    best = max(levels, key=lambda level: sign * level.value)
    pairs = math.comb(len(levels), 2)  # all of them, because which one is the best is only seen from the values
    return tuple(
        Level(
            **asdict(level) | {"best": level.value == best.value, "behind": _behind(level, best, pairs)},
        )
        for level in levels
    )


def _behind(level: Level, best: Level, comparisons: int) -> bool | None:
    if level is best or level.value == best.value:
        return False
    if level.error is None or best.error is None:
        return None
    error = math.hypot(level.error, best.error)
    return abs(level.value - best.value) > _reach(level, best, comparisons) * error


def _reach(level: Level, best: Level, comparisons: int) -> float:
    """How many standard errors the noise reaches."""
    if level.spread is None or best.spread is None or level.error is None or best.error is None:
        return _quantile(comparisons)
    squares = [(one.error or 0.0) ** 2 for one in (level, best)]
    weights = [square**2 / (one.trainings - 1) for square, one in zip(squares, (level, best), strict=True)]
    freedom = sum(squares) ** 2 / sum(weights) if sum(weights) else math.inf
    if math.isinf(freedom):
        return _quantile(comparisons)
    from scipy.special import stdtrit  # type: ignore[import-untyped, unused-ignore]

    return float(stdtrit(freedom, 1 - (1 - CONFIDENCE) / (2 * comparisons)))


def _quantile(comparisons: int) -> float:
    return NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / (2 * comparisons))
