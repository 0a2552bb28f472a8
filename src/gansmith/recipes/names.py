"""Recipes by name, and the one that suits a data set."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gansmith.recipes.everyday import AVATARS, DIGITS, DRAWN, FASHION, FEW, PHOTOS, STACKED
from gansmith.recipes.papers import GOODFELLOW_MNIST, HINGE_SN, R3GAN, RADFORD, WGAN_GP
from gansmith.spelling import suggestion
from gansmith.training.recipe import Recipe

__all__ = ["RECIPES", "get", "suited"]

_EVERYDAY = (DIGITS, FASHION, AVATARS, PHOTOS, FEW, DRAWN, STACKED)

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {recipe.name: recipe for recipe in (*_EVERYDAY, GOODFELLOW_MNIST, RADFORD, R3GAN, WGAN_GP, HINGE_SN)}
)
"""All recipes, the default one first."""

_SUITED = {
    "digits": DIGITS,
    "mnist": DIGITS,
    "fashion-mnist": FASHION,
    "avatars": AVATARS,
    "counting": DRAWN,
    "perspective": DRAWN,
    "structure": DRAWN,
    "stacked-mnist": STACKED,
}


def get(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        ValueError: there is none; the message names the nearest.

    Example:
        >>> get("digits").conditional
        True
        >>> get("wgan")
        Traceback (most recent call last):
        ValueError: there is no recipe 'wgan'; did you mean 'wgan-gp'?
    """
    if name not in RECIPES:
        raise ValueError(f"there is no recipe {name!r}{suggestion(name, RECIPES)}")
    return RECIPES[name]


def suited(data: str | None) -> Recipe:
    """The recipe that is taken where none is named: the data set's own, or the one for pictures of any kind.

    Example:
        >>> suited(None).name, suited("avatars:20000").name, suited("holiday/photos").name
        ('digits', 'avatars', 'photos')
    """
    return DIGITS if data is None else _SUITED.get(data.partition(":")[0], PHOTOS)
