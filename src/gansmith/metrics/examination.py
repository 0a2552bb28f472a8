"""Samples and real images side by side, as measures are given them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from torch import Tensor

from gansmith.metrics.gathered import Gathered
from gansmith.metrics.labelled import Labels
from gansmith.metrics.score import Figure, Protocol

__all__ = ["Examination", "Measure", "measured", "settings_of"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Examination:
    """What was gathered of samples and of real images by the same judges.

    Args:
        samples: of the samples.
        real: of the reference.
        held_out: of real images that nobody has trained on; None where there are none.
        protocol: how all this came about; it names the judges and the seed.
        frechet_name: what the Fréchet distance between features of this extractor is called.
        labels: of what was kept of either; None where samples and reference are not of the same classes.
    """

    samples: Gathered
    real: Gathered
    held_out: Gathered | None
    protocol: Protocol
    frechet_name: str = "Fréchet distance"
    labels: Labels | None = None

    def features(self) -> tuple[Tensor, Tensor]:
        """Features of real images and of samples, no more of either than the protocol's `neighbours`."""
        most = self.protocol.neighbours
        return self.real.features[:most], self.samples.features[:most]


Measure = Callable[[Examination], Mapping[str, Figure]]
"""What is measured: an examination to named figures. It returns none where it lacks what it needs.

A measure of one's own is a function:

    def brightness(seen: Examination) -> dict[str, Figure]:
        return {"brightness": Figure(value=seen.samples.pictures.double().mean().item())}
"""


def measured(seen: Examination, measure: Measure) -> dict[str, Figure]:
    """The figures of a measure, each with the name and the settings of what measured it."""
    settings = settings_of(measure)
    return {name: replace(figure, measure=figure.measure or settings) for name, figure in measure(seen).items()}


def settings_of(measure: Measure) -> str:
    """What a measure is and how it is set, as the records say it.

    Example:
        >>> from gansmith.metrics.measures import Frechet
        >>> settings_of(Frechet()), settings_of(len)
        ('Frechet()', 'len')
    """
    return str(getattr(measure, "__qualname__", "")) or repr(measure)
