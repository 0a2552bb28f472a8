"""One look for all pictures: colours that everybody can tell apart, and as little ink as will do."""

from __future__ import annotations

from typing import Any

__all__ = ["COLOURS", "FAINT", "INK", "JUDGE", "MADE", "OTHER", "REAL", "RULES", "WARM"]

INK, FAINT = "#333333", "#dddddd"

REAL = "#111111"
"""The data."""

MADE = "#009e73"
"""The generator, and what it makes."""

JUDGE = "#0072b2"
"""The discriminator."""

WARM = "#d55e00"
"""What went wrong, or what must be seen first."""

OTHER = "#cc79a7"
"""A fifth thing."""

COLOURS = (JUDGE, WARM, MADE, OTHER, "#e69f00", "#56b4e9", INK)
"""For as many curves as need telling apart (Okabe and Ito 2008)."""

RULES: Any = {
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.unicode_minus": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "legend.handlelength": 2.8,
    "legend.labelcolor": INK,
    "lines.linewidth": 2.0,
    "lines.solid_capstyle": "round",
    "image.cmap": "cividis",
}
