"""Measures: each takes an `Examination` of samples and real images, and returns named figures with their intervals."""

from gansmith.metrics.examination import Measure
from gansmith.metrics.measures.classes import Classes, ClassScore, Confidence
from gansmith.metrics.measures.content import Content
from gansmith.metrics.measures.copies import Authentic, Copied, ToldApart
from gansmith.metrics.measures.distances import Frechet, Kernel
from gansmith.metrics.measures.labels import Asked, WithinClasses
from gansmith.metrics.measures.manifold import Manifold
from gansmith.metrics.measures.variety import Diversity, Support

__all__ = [
    "DEFAULT",
    "Asked",
    "Authentic",
    "ClassScore",
    "Classes",
    "Confidence",
    "Content",
    "Copied",
    "Diversity",
    "Frechet",
    "Kernel",
    "Manifold",
    "Measure",
    "Support",
    "ToldApart",
    "WithinClasses",
]

DEFAULT: tuple[Measure, ...] = (
    Frechet(),
    Kernel(),
    Manifold(),
    ToldApart(),
    Confidence(),
    ClassScore(),
    Classes(),
    Asked(),
    WithinClasses(),
    Content(),
    Diversity(),
    Support(),
    Authentic(),
    Copied(),
)
"""What is measured unless something else is asked for."""
