"""Recipes for the data that people begin with."""

from __future__ import annotations

from dataclasses import replace

from gansmith.dynamics import Adam, Alternating, Schedule
from gansmith.games import R1, AdversarialGame, NonSaturating
from gansmith.networks import DCGAN
from gansmith.training.recipe import Augmentation, Averaging, Recipe

__all__ = ["AVATARS", "DIGITS", "DRAWN", "FASHION", "FEW", "PHOTOS", "STACKED"]

DIGITS = Recipe(
    name="digits",
    about="Handwritten digits, 28 px, by class: the first thing to run.",
    data="digits",
    conditional=True,
    networks=DCGAN(width=32, discriminator_norm="none", discriminator_init="he", embedding=8),
    latent=64,
    game=AdversarialGame(NonSaturating(), penalties=(R1(gamma=1.0),)),
    dynamics=Alternating(optimizer=Adam(lr=2e-3, beta1=0.5, beta2=0.99), schedule=Schedule(decay=None, floor=0.15)),
    batch=64,
    steps=5000,
    augment=Augmentation(translation=0.08),
    average=Averaging(half_life=1000, ramp=0.15),
)

FASHION = Recipe(
    name="fashion",
    about="Clothes (Fashion-MNIST), 28 px, by class.",
    data="fashion-mnist",
    conditional=True,
    networks=DCGAN(width=48, discriminator_norm="none"),
    latent=64,
    game=AdversarialGame(NonSaturating(), penalties=(R1(gamma=0.2),)),
    dynamics=Alternating(optimizer=Adam(lr=2e-3, beta1=0.5, beta2=0.99), schedule=Schedule(decay=None, floor=0.02)),
    batch=64,
    steps=10_000,
    augment=Augmentation(flip=True),
    average=Averaging(half_life=500),
)

DRAWN = replace(
    DIGITS,
    name="drawn",
    about="Drawn pictures that keep a rule, 32 px: counting, perspective or structure.",
    data="counting",
    conditional=False,
    steps=4000,
)

STACKED = replace(
    DIGITS,
    name="stacked-mnist",
    about="Three digits in the colours of a picture, 28 px: a thousand modes to find, without labels.",
    data="stacked-mnist",
    conditional=False,
    latent=100,
    steps=20_000,
)

AVATARS = Recipe(
    name="avatars",
    about="Drawn faces in colour, 64 px.",
    data="avatars",
    size=(64, 64),
    networks=DCGAN(width=32, max_width=256, discriminator_norm="none"),
    latent=128,
    game=AdversarialGame(NonSaturating(), penalties=(R1(gamma=1.0),)),
    dynamics=Alternating(optimizer=Adam(lr=1e-3, beta1=0.5, beta2=0.99), schedule=Schedule(decay=None, floor=0.02)),
    batch=32,
    steps=12_000,
    augment=Augmentation(flip=True),
    average=Averaging(half_life=1000),
)

PHOTOS = Recipe(
    name="photos",
    about="Your own pictures, 64 px, few or many: no labels needed, mirrored and augmented.",
    data="photos",
    size=(64, 64),
    networks=DCGAN(width=32, discriminator_norm="none"),
    latent=128,
    game=AdversarialGame(NonSaturating(), penalties=(R1(gamma=1.0),)),
    dynamics=Alternating(optimizer=Adam(lr=2e-4, beta1=0.5)),
    batch=32,
    steps=10000,
    augment=Augmentation(flip=True, colour=True, translation=0.125),
    average=Averaging(half_life=1000),
)

FEW = Recipe(
    name="few",
    about="100 to 2,000 pictures of your own, 64 px: augmented as much as it takes, and penalised.",
    data="photos",
    size=(64, 64),
    networks=DCGAN(width=32, max_width=256, discriminator_norm="none", discriminator_init="he"),
    latent=64,
    game=AdversarialGame(NonSaturating(), penalties=(R1(gamma=1.0),)),
    dynamics=Alternating(optimizer=Adam(lr=1e-3, beta1=0.5, beta2=0.99), schedule=Schedule(decay=None, floor=0.05)),
    batch=32,
    steps=8000,
    augment=Augmentation(flip=True, colour=True, translation=0.125, cutout=0.3, adaptive=0.85),
    average=Averaging(half_life=1000),
)
