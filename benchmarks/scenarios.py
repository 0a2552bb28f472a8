"""What the doctor is tried on: failures, each planted in several ways, and runs that are healthy however they look.

Every scenario starts from the same small recipe, which trains well, and changes what it must. A change of the recipe
holds from the first step, and a run with it can be rescued by changing it back; a fault comes in the middle of a run,
at `at` of its steps. Whether a run then fails, and when, is not said here: it is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any

import torch
from planting import (
    NETWORKS,
    Altered,
    Blurred,
    Change,
    Fault,
    Few,
    Leaning,
    Patterned,
    backwards,
    dead_units,
    faster,
    fed,
    first,
    from_now_on,
    frozen,
    negative,
    only,
    shuffled,
    together,
)
from torch import nn

import gansmith as gs
from gansmith.data import ImageSet


def as_it_is(recipe: gs.Recipe) -> gs.Recipe:
    return recipe


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One way to train.

    Args:
        name: in a few words.
        disorder: what it is to suffer from; empty for a healthy one.
        hard: a failure at the border, or a healthy run whose curves look strange.
        change: of the recipe.
        images: of the training images.
        fault: what happens to the run in the middle.
        at: when, as a share of the steps.
        within: what fails is the variety within classes, which only data show whose classes vary.
    """

    name: str
    disorder: str = ""
    hard: bool = False
    change: Change = as_it_is
    images: Callable[[ImageSet], ImageSet] = field(default=lambda images: images)
    fault: Fault | None = None
    at: float = 0.0
    within: bool = False

    @property
    def rescuable(self) -> bool:
        """Whether what is wrong is a setting that can be changed while the run goes on."""
        altered = isinstance(self.change(base("", 1, 0)).networks, Altered)
        return self.disorder in RESCUABLE and self.fault is None and not altered


RESCUABLE = (
    "mode collapse",
    "discriminator has won",
    "discriminator too weak",
    "oscillation",
    "divergence",
    "dead start",
)

ADAM = gs.Adam(lr=2e-3, beta1=0.5, beta2=0.99)
R1 = gs.R1(gamma=0.2)


def base(data: str, steps: int, seed: int) -> gs.Recipe:
    """The recipe that all scenarios change."""
    return gs.Recipe(
        name="doctor",
        data=data,
        networks=NETWORKS,
        latent=32,
        game=gs.AdversarialGame(gs.NonSaturating(), penalties=(R1,)),
        dynamics=gs.Alternating(optimizer=ADAM),
        batch=32,
        steps=steps,
        seed=seed,
        average=gs.Averaging(half_life=25),
    )


def playing(loss: Any, *penalties: Any) -> Change:
    """Another loss, with these penalties and no others."""
    return lambda recipe: replace(recipe, game=gs.AdversarialGame(loss, penalties=penalties))


def moving(dynamics: Any) -> Change:
    return lambda recipe: replace(recipe, dynamics=dynamics)


def rates(lr: float = ADAM.lr, **players: float) -> Change:
    """Another learning rate, and factors on it by player."""
    optimizer = replace(ADAM, lr=lr)
    return lambda recipe: replace(recipe, dynamics=replace(recipe.dynamics, optimizer=optimizer, rates=players))


def turns(discriminator: int = 1, generator: int = 1) -> Change:
    def change(recipe: gs.Recipe) -> gs.Recipe:
        moves = {"discriminator_steps": discriminator, "generator_steps": generator}
        return replace(recipe, dynamics=replace(recipe.dynamics, **moves))

    return change


def optimised(optimizer: Any) -> Change:
    return lambda recipe: replace(recipe, dynamics=replace(recipe.dynamics, optimizer=optimizer))


def scheduled(schedule: gs.Schedule) -> Change:
    return lambda recipe: replace(recipe, dynamics=replace(recipe.dynamics, schedule=schedule))


def having(**fields: Any) -> Change:
    return lambda recipe: replace(recipe, **fields)


def both(*changes: Change) -> Change:
    def change(recipe: gs.Recipe) -> gs.Recipe:
        for one in changes:
            recipe = one(recipe)
        return recipe

    return change


BARE = playing(gs.NonSaturating())
"""The plain game without a penalty."""
CLASSES = having(conditional=True)
"""Samples of a class that is asked for."""


def leaning(share: float) -> Change:
    return having(networks=Altered(generator_by=lambda network: Leaning(network, share)))


def patterned(strength: float) -> Change:
    altered = Altered(generator_by=lambda network: Patterned(network, strength), discriminator_by=Blurred)
    return having(networks=altered)


def few(kinds: int) -> Change:
    return having(networks=Altered(generator_by=lambda network: Few(network, kinds)))


def scaled(generator: float = 1.0, discriminator: float = 1.0) -> Change:
    """Initial weights that are so many times too large, without batch norm to make up for it."""

    def by(factor: float) -> Callable[[nn.Module], nn.Module]:
        def alter(network: nn.Module) -> nn.Module:
            with torch.no_grad():
                for weight in network.parameters():
                    weight.mul_(factor)
            return network

        return alter

    plain = replace(NETWORKS, generator_norm="none")
    return having(networks=Altered(networks=plain, generator_by=by(generator), discriminator_by=by(discriminator)))


# The scenarios -----------------------------------------------------------------------------------------------------

NS, SGD = gs.NonSaturating(), gs.SGD


def failures() -> list[Scenario]:
    def ill(disorder: str, name: str, change: Change = as_it_is, **more: Any) -> Scenario:
        return Scenario(name=name, disorder=disorder, change=change, **more)

    collapse, dropped, won, weak = "mode collapse", "dropped modes", "discriminator has won", "discriminator too weak"
    cycling, blown, dead, copies = "oscillation", "divergence", "dead start", "overfitting"
    worse, batch, grid = "getting worse since its best", "intra-batch correlation", "checkerboard artefacts"
    return [
        ill(collapse, "generator rate x50, no penalty", both(BARE, rates(generator=50.0))),
        ill(collapse, "slow discriminator, eight generator steps", both(rates(discriminator=0.1), turns(generator=8))),
        ill(collapse, "one latent", few(1)),
        ill(
            collapse,
            "the generator alone from the middle",
            fault=together(frozen("discriminator"), faster(generator=2.0)),
            at=0.5,
        ),
        ill(collapse, "three generator steps, no penalty", both(BARE, turns(generator=3)), hard=True),
        ill(collapse, "two latents", few(2), hard=True),
        ill(collapse, "with classes, one latent", both(CLASSES, few(1)), within=True),
        ill(
            collapse,
            "with classes, generator rate x50, no penalty",
            both(CLASSES, BARE, rates(generator=50.0)),
            within=True,
        ),
        ill(collapse, "with classes, rate x25, no penalty", both(CLASSES, BARE, rates(lr=5e-2)), within=True),
        ill(collapse, "with classes, two latents", both(CLASSES, few(2)), hard=True, within=True),
        ill(dropped, "three latents", few(3)),
        ill(dropped, "half of the classes from the middle", fault=fed(only(4)), at=0.5),
        ill(dropped, "two of the classes from 0.4", fault=fed(only(2)), at=0.4),
        ill(dropped, "six latents", few(6), hard=True),
        ill(dropped, "all but two of the classes from the middle", fault=fed(only(6)), at=0.5, hard=True),
        ill(
            won,
            "minimax, discriminator rate x5, generator rate / 20",
            both(playing(gs.Minimax()), rates(discriminator=5.0, generator=0.05)),
        ),
        ill(
            won,
            "minimax, five discriminator steps, generator rate / 10",
            both(playing(gs.Minimax()), turns(discriminator=5), rates(generator=0.1)),
        ),
        ill(won, "generator rate / 50, no penalty", both(BARE, rates(generator=0.02))),
        ill(
            won,
            "minimax and discriminator rate x5 from 0.3",
            fault=together(from_now_on(playing(gs.Minimax())), faster(discriminator=5.0, generator=0.2)),
            at=0.3,
        ),
        ill(
            won,
            "minimax, discriminator rate x5, generator rate / 3",
            both(playing(gs.Minimax()), rates(discriminator=5.0, generator=0.3)),
            hard=True,
        ),
        ill(won, "minimax, generator rate / 3", both(playing(gs.Minimax()), rates(generator=0.3)), hard=True),
        ill(weak, "discriminator rate / 500", rates(discriminator=0.002)),
        ill(weak, "R1 of 1,000", playing(NS, gs.R1(gamma=1000.0))),
        ill(weak, "discriminator frozen at 0.2", fault=frozen("discriminator"), at=0.2),
        ill(weak, "discriminator rate / 40", rates(discriminator=0.025), hard=True),
        ill(weak, "R1 of 50", playing(NS, gs.R1(gamma=50.0)), hard=True),
        ill(
            cycling,
            "simultaneous, momentum 0.9, no penalty",
            both(BARE, moving(gs.Simultaneous(optimizer=SGD(lr=0.1, momentum=0.9)))),
        ),
        ill(
            cycling,
            "Adam with beta1 0.9, rate x4, no penalty",
            both(BARE, moving(gs.Simultaneous(optimizer=gs.Adam(lr=8e-3, beta1=0.9, beta2=0.99)))),
        ),
        ill(
            cycling,
            "Adam with beta1 0.9, no penalty",
            both(BARE, moving(gs.Simultaneous(optimizer=gs.Adam(lr=2e-3, beta1=0.9, beta2=0.99)))),
            hard=True,
        ),
        ill(blown, "critic without a bound", both(playing(gs.Wasserstein()), rates(lr=1e-2))),
        ill(blown, "descent at rate 20", moving(gs.Alternating(optimizer=SGD(lr=20.0)))),
        ill(blown, "rate x100 from 0.4", fault=faster(generator=100.0, discriminator=100.0), at=0.4),
        ill(blown, "rate x25", rates(lr=5e-2)),
        ill(blown, "rate x8", rates(lr=1.6e-2), hard=True),
        ill(blown, "rate x10 from 0.6", fault=faster(generator=10.0, discriminator=10.0), at=0.6, hard=True),
        ill(dead, "generator does not move", rates(generator=1e-6)),
        ill(dead, "rectifiers that are off", having(networks=Altered(generator_by=dead_units))),
        ill(dead, "initial weights x20", scaled(generator=20.0, discriminator=20.0)),
        ill(dead, "rate / 2,000", rates(lr=1e-6)),
        ill(dead, "rate / 100", rates(lr=2e-5), hard=True),
        ill(copies, "16 images", both(BARE, rates(lr=1e-3)), images=first(16)),
        ill(copies, "40 images", BARE, images=first(40)),
        ill(copies, "100 images", BARE, images=first(100), hard=True),
        ill(worse, "negative images from 0.6", fault=fed(negative), at=0.6),
        ill(worse, "rate x40 from 0.7", fault=faster(generator=40.0, discriminator=40.0), at=0.7),
        ill(worse, "shuffled images from the middle", fault=fed(shuffled), at=0.5),
        ill(worse, "generator rate x20 from 0.8", fault=faster(generator=20.0), at=0.8, hard=True),
        ill(batch, "latents that lean on their batch", leaning(1.0)),
        ill(batch, "latents that lean a little on their batch", leaning(0.5), hard=True),
        ill(grid, "chessboard of 0.4", patterned(0.4)),
        ill(grid, "chessboard of 0.15", patterned(0.15), hard=True),
    ]  # fmt: skip


def healthy() -> list[Scenario]:
    def well(name: str, change: Change = as_it_is, **more: Any) -> Scenario:
        return Scenario(name=name, change=change, **more)

    plain = replace(NETWORKS, generator_norm="none")
    spectral = replace(NETWORKS, discriminator_norm="spectral")
    relativistic = gs.AdversarialGame(gs.RelativisticPaired(), penalties=(R1, gs.R2(gamma=0.2)))
    critic = both(playing(gs.Wasserstein(), gs.WGANGP(weight=10.0)), turns(discriminator=2))
    return [
        well("base"),
        well("base, another seed", lambda recipe: replace(recipe, seed=recipe.seed + 1000)),
        well("base, a third seed", lambda recipe: replace(recipe, seed=recipe.seed + 2000)),
        well("rate / 2", rates(lr=1e-3)),
        well("rate x2", rates(lr=4e-3), hard=True),
        well("discriminator rate x2", rates(discriminator=2.0)),
        well("discriminator rate / 2", rates(discriminator=0.5)),
        well("discriminator rate x4", rates(discriminator=4.0), hard=True),
        well("two discriminator steps", turns(discriminator=2)),
        well("two generator steps", turns(generator=2), hard=True),
        well("simultaneous", moving(gs.Simultaneous(optimizer=ADAM))),
        well("extragradient", moving(gs.Extragradient(optimizer=ADAM))),
        well("hinge", playing(gs.Hinge(), R1), hard=True),
        well("hinge, spectral norm", both(playing(gs.Hinge()), having(networks=spectral)), hard=True),
        well("least squares", playing(gs.LeastSquares(), R1)),
        well("minimax with R1", playing(gs.Minimax(), R1), hard=True),
        well("maximum likelihood", playing(gs.MaximumLikelihood(), R1), hard=True),
        well("relativistic, R1 and R2", having(game=relativistic), hard=True),
        well("relativistic average", playing(gs.RelativisticAverage(), R1), hard=True),
        well("critic with a gradient penalty", critic, hard=True),
        well("critic, beta1 0", both(critic, optimised(gs.Adam(lr=1e-3, beta1=0.0, beta2=0.9))), hard=True),
        well("smoothed labels", playing(gs.NonSaturating(real_target=0.9), R1), hard=True),
        well("flipped labels", having(game=gs.Flipped(gs.AdversarialGame(NS, penalties=(R1,)), share=0.1)), hard=True),
        well(
            "fading noise",
            having(game=gs.InstanceNoise(gs.AdversarialGame(NS, penalties=(R1,)), std=gs.Fade(first=0.5, steps=300))),
            hard=True,
        ),
        well("R1 of 2", playing(NS, gs.R1(gamma=2.0))),
        well("R1 of 0.02", playing(NS, gs.R1(gamma=0.02))),
        well("DRAGAN", playing(NS, gs.DRAGAN())),
        well("no penalty, low rate", both(BARE, rates(lr=5e-4)), hard=True),
        well("batches of 16", having(batch=16)),
        well("batches of 64", having(batch=64)),
        well("no average", having(average=gs.Averaging(half_life=0)), hard=True),
        well("a slow average", having(average=gs.Averaging(half_life=100))),
        well("beta1 0", optimised(replace(ADAM, beta1=0.0))),
        well("no batch norm", having(networks=plain)),
        well("wider", having(networks=replace(NETWORKS, width=24))),
        well("narrower", having(networks=replace(NETWORKS, width=10))),
        well("latent of 8", having(latent=8)),
        well("latent of 128", having(latent=128)),
        well("with classes", CLASSES),
        well("with classes, rate / 2", both(CLASSES, rates(lr=1e-3))),
        well("with classes, batches of 16", both(CLASSES, having(batch=16)), hard=True),
        well("with classes, R1 of 2", both(CLASSES, playing(NS, gs.R1(gamma=2.0)))),
        well("with classes, hinge", both(CLASSES, playing(gs.Hinge(), R1)), hard=True),
        well("shifted images", having(augment=gs.Augmentation(translation=0.1))),
        well("1,000 images", images=first(1000)),
        well("500 images, shifted", having(augment=gs.Augmentation(translation=0.1)), images=first(500), hard=True),
        well("rate x1.5 from the middle", fault=faster(generator=1.5, discriminator=1.5), at=0.5, hard=True),
        well("rate / 4 from the middle", fault=faster(generator=0.25, discriminator=0.25), at=0.5, hard=True),
        well("R1 of 1 from 0.4", fault=from_now_on(playing(NS, gs.R1(gamma=1.0))), at=0.4, hard=True),
        well("hinge from the middle", fault=from_now_on(playing(gs.Hinge(), R1)), at=0.5, hard=True),
        well("images in another order from the middle", fault=fed(backwards), at=0.5),
        well("warmed up and cooled down", scheduled(gs.Schedule(warmup=50, decay=None))),
    ]  # fmt: skip


def in_turn() -> Iterator[Scenario]:
    """The base runs, then a failure and a healthy run by turns, of every disorder one before the second of any."""
    by_disorder: dict[str, list[Scenario]] = {}
    for scenario in failures():
        by_disorder.setdefault(scenario.disorder, []).append(scenario)
    ill = [scenario for row in zip_longest(*by_disorder.values()) for scenario in row if scenario is not None]
    well = healthy()
    yield from well[:BASES]
    yield from (scenario for pair in zip_longest(ill, well[BASES:]) for scenario in pair if scenario is not None)


BASES = 3
SCENARIOS = {scenario.name: scenario for scenario in in_turn()}
