"""Measures: each takes an `Examination` of samples and real images, and returns named figures with their intervals."""

from gansmith.metrics.examination import Measure
from gansmith.metrics.measures.classes import Classes, ClassScore, Confidence
from gansmith.metrics.measures.distances import Frechet, Kernel
from gansmith.metrics.measures.manifold import Manifold

__all__ = ["DEFAULT", "ClassScore", "Classes", "Confidence", "Frechet", "Kernel", "Manifold", "Measure"]

DEFAULT: tuple[Measure, ...] = (Frechet(), Kernel(), Manifold(), Confidence(), ClassScore(), Classes())
"""What is measured unless something else is asked for."""
