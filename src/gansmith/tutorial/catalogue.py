"""Every item, in the order in which one would teach them. A new item is a module in `items` and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gansmith.spelling import suggestion
from gansmith.tutorial.item import Item

__all__ = ["CHAPTERS", "ITEMS", "find"]


def _item(name: str, title: str, source: str, seconds: int) -> Item:
    return Item(name=name, title=title, source=source, seconds=seconds)


PAPER, NOTES = "Goodfellow et al. 2014", "Goodfellow 2016"

CHAPTERS: Mapping[str, tuple[Item, ...]] = MappingProxyType(
    {
        "The paper": (
            _item("figure-1", "A discriminator teaches a generator, and both come to rest", f"{PAPER}, figure 1", 17),
            _item("value", "What the game is worth: −log 4 + 2·JSD", f"{PAPER}, theorem 1", 2),
            _item(
                "optimal-discriminator", "The best discriminator is a ratio of densities", f"{PAPER}, proposition 1", 3
            ),
            _item("algorithm-1", "Algorithm 1, and what k steps of the discriminator buy", f"{PAPER}, algorithm 1", 13),
            _item("nearest-neighbours", "Samples are not copies of the training set", f"{PAPER}, figure 2", 3),
            _item("interpolation", "Between two samples lie samples", f"{PAPER}, figure 3", 3),
        ),
        "Divergences": (
            _item("maximum-likelihood", "Every sample pulls the density up", f"{NOTES}, figure 8", 2),
            _item("kl-directions", "One Gaussian, two modes: which mistake is the cheaper?", f"{NOTES}, figure 14", 2),
            _item("divergences", "Does the divergence decide which modes are found?", f"{NOTES}, figure 15", 65),
        ),
        "What players want": (
            _item("discriminator-strategy", "Estimate a ratio, and say uphill", f"{NOTES}, section 3.2.1", 3),
            _item("cost-curves", "Three costs, and what is left when D is sure", f"{NOTES}, figure 16", 3),
            _item(
                "reinforcement",
                "The cost as a reward, and the price of knowing no more",
                f"{NOTES}, sections 3.2.6 and 5.6",
                4,
            ),
            _item("balance", "How good may the discriminator be?", f"{NOTES}, section 4.4", 14),
            _item("label-smoothing", "Why only the data's label is made smaller", f"{NOTES}, section 4.2", 8),
            _item(
                "batch-norm",
                "Samples that see each other",
                f"{NOTES}, figure 21; Salimans et al. 2016, section 3.5",
                15,
            ),
        ),
        "In passing": (
            _item(
                "overfit-discriminator", "Trained to completion, D learns the data by heart", f"{PAPER}, section 3", 6
            ),
            _item("consistency", "More data and more capacity, less distance", f"{NOTES}, section 2.5", 17),
            _item(
                "small-data-kl", "With little data, two divergences err in opposite ways", f"{NOTES}, section 3.2.5", 5
            ),
            _item("same-fixed-point", "Two costs, one place of rest", f"{PAPER}, section 3", 5),
            _item("no-gradient-at-half", "Where D is one half, is the generator at rest?", f"{NOTES}, section 3.2", 1),
        ),
        "Motion": (
            _item(
                "orbit", "The orbit of xy: who moves when decides everything", f"{NOTES}, exercise 7.2, figure 37", 5
            ),
            _item("dirac", "The Dirac-GAN, with every regulariser", "Mescheder et al. 2018, table 1", 6),
            _item("minimax-maximin", "The order of min and max decides collapse", f"{NOTES}, section 5.1.1", 3),
            _item("mode-collapse", "Eight modes, visited in turn", f"{NOTES}, figure 22; Metz et al. 2017", 4),
            _item(
                "unrolling",
                "A generator that looks ahead is at all eight modes at once",
                f"{NOTES}, figure 32; Metz et al. 2017",
                28,
            ),
            _item(
                "notes-against-papers",
                "Keeping K discriminators is not unrolling",
                f"{NOTES}, section 5.1.1; Metz et al. 2017, section 2.2",
                75,
            ),
            _item("unrolling-cost", "What looking ahead costs", "Metz et al. 2017, section 2.2", 3),
            _item("equilibria", "Equilibria, computed and played for", f"{NOTES}, section 5.1", 4),
        ),
        "Exercises": (_item("exercises", "The three exercises, worked and checked", f"{NOTES}, section 7", 2),),
    }
)
"""The items by chapter."""

ITEMS: Mapping[str, Item] = MappingProxyType({item.name: item for items in CHAPTERS.values() for item in items})
"""The items by name."""


def find(name: str) -> Item:
    """The item of that name.

    Raises:
        ValueError: there is none; the message names the nearest.

    Example:
        >>> find("no-gradient")
        Traceback (most recent call last):
        ValueError: the tutorial has no item 'no-gradient'; did you mean 'no-gradient-at-half'?
    """
    if name not in ITEMS:
        guess = suggestion(name, ITEMS) or "; gansmith tutorial lists them"
        raise ValueError(f"the tutorial has no item {name!r}{guess}")
    return ITEMS[name]
