"""Named experiments, as values: take one, or change it with ``dataclasses.replace``."""

from gansmith.recipes.everyday import AVATARS, DIGITS, DRAWN, FASHION, FEW, PHOTOS, STACKED
from gansmith.recipes.names import RECIPES, get, suited
from gansmith.recipes.papers import GOODFELLOW_MNIST, HINGE_SN, R3GAN, RADFORD, WGAN_GP

__all__ = [
    "AVATARS",
    "DIGITS",
    "DRAWN",
    "FASHION",
    "FEW",
    "GOODFELLOW_MNIST",
    "HINGE_SN",
    "PHOTOS",
    "R3GAN",
    "RADFORD",
    "RECIPES",
    "STACKED",
    "WGAN_GP",
    "get",
    "suited",
]
