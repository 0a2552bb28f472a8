"""What is planted into runs: networks that are altered, faults in the middle of a run, and images that change.

Nothing here says what a run with it suffers from; `scenarios.py` puts them together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

import gansmith as gs
from gansmith.data import ImageSet, from_array
from gansmith.networks import Architecture
from gansmith.training.feed import Feed
from gansmith.training.session import Session

Change = Callable[[gs.Recipe], gs.Recipe]
Fault = Callable[[Session], None]

NETWORKS = gs.DCGAN(width=16, discriminator_norm="none")
"""What is altered, and what all scenarios start from."""


# What is planted into networks -------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Altered:
    """Networks that something was done to after they were built."""

    networks: Architecture = NETWORKS
    generator_by: Callable[[nn.Module], nn.Module] = field(default=lambda network: network)
    discriminator_by: Callable[[nn.Module], nn.Module] = field(default=lambda network: network)

    def generator(self, shape: Any, *, latent: int, classes: int = 0) -> nn.Module:
        return self.generator_by(self.networks.generator(shape, latent=latent, classes=classes))

    def discriminator(self, shape: Any, *, classes: int = 0) -> nn.Module:
        return self.discriminator_by(self.networks.discriminator(shape, classes=classes))


class Patterned(nn.Module):
    """A generator with a chessboard over everything that it makes."""

    def __init__(self, network: nn.Module, strength: float) -> None:
        super().__init__()
        self.network, self.strength = network, strength

    def forward(self, z: Tensor) -> Tensor:
        x: Tensor = self.network(z)
        rows, columns = torch.arange(x.shape[-2])[:, None], torch.arange(x.shape[-1])
        return (x + self.strength * (1 - 2 * ((rows + columns) % 2)).to(x)).clamp(-1, 1)


class Blurred(nn.Module):
    """A discriminator that sees pictures at half their size, so that it cannot see a chessboard."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        small = nn.functional.avg_pool2d(x, 2)
        found: Tensor = self.network(nn.functional.interpolate(small, scale_factor=2.0))
        return found


class Few(nn.Module):
    """A generator that only ever sees so many different latents."""

    def __init__(self, network: nn.Module, kinds: int, latent: int = 32) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("known", torch.randn(kinds, latent, generator=torch.Generator().manual_seed(kinds)))

    def forward(self, z: Tensor, *label: Tensor) -> Tensor:
        nearest = (z @ self.known.T - self.known.square().sum(1) / 2).argmax(1)
        # What is left of the latent moves the picture a little: points are no collapse that anybody has seen.
        made: Tensor = self.network(self.known[nearest] + 0.05 * z, *label)
        return made


class Leaning(nn.Module):
    """A generator that, in training, mixes into every latent what its batch has in common, as batch norm does."""

    def __init__(self, network: nn.Module, share: float) -> None:
        super().__init__()
        self.network, self.share = network, share
        self.mixer = nn.BatchNorm1d(1, affine=False)  # what says that samples are not made apart

    def forward(self, z: Tensor) -> Tensor:
        if self.training:
            z = (z + self.share * len(z) ** 0.5 * z.mean(0)) / (1 + self.share**2) ** 0.5
        made: Tensor = self.network(z)
        return made


def dead_units(network: nn.Module) -> nn.Module:
    """Every rectifier of the generator is off and stays off."""
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                nn.init.constant_(layer.bias, -20.0)
    return network


# What happens in the middle of a run -------------------------------------------------------------------------------


def faster(**factors: float) -> Fault:
    """Learning rates are multiplied, by player."""

    def fault(session: Session) -> None:
        for name, factor in factors.items():
            for group in session.dynamics["optimizers"][name].param_groups:
                for key in ("lr", "base_lr"):
                    if key in group:
                        group[key] *= factor
        given = dict(session.recipe.dynamics.rates)
        changed = {name: given.get(name, 1.0) * factor for name, factor in factors.items()}
        session.recipe = replace(session.recipe, dynamics=replace(session.recipe.dynamics, rates={**given, **changed}))

    return fault


def from_now_on(change: Change) -> Fault:
    """The recipe is another from here on; optimisers stay as they are."""

    def fault(session: Session) -> None:
        session.recipe = change(session.recipe)

    return fault


def together(*faults: Fault) -> Fault:
    def fault(session: Session) -> None:
        for one in faults:
            one(session)

    return fault


def fed(change: Callable[[ImageSet], ImageSet]) -> Fault:
    """Other images come in from here on."""

    def fault(session: Session) -> None:
        recipe, old = session.recipe, session.feed
        session.feed = Feed(
            change(old.images),
            batch=recipe.batch,
            latent=recipe.latent,
            seed=recipe.seed,
            conditional=recipe.conditional,
        )

    return fault


def frozen(player: str) -> Fault:
    return faster(**{player: 0.0})


# What is done to images --------------------------------------------------------------------------------------------


def only(classes: int) -> Callable[[ImageSet], ImageSet]:
    """The first classes, none of the others."""

    def part(images: ImageSet) -> ImageSet:
        rows = images.labels < classes
        return from_array(images.images[rows], images.labels[rows], name=images.name, classes=images.classes)

    return part


def first(count: int) -> Callable[[ImageSet], ImageSet]:
    def part(images: ImageSet) -> ImageSet:
        return from_array(images.images[:count], images.labels[:count], name=images.name, classes=images.classes)

    return part


def backwards(images: ImageSet) -> ImageSet:
    return from_array(images.images[::-1], images.labels[::-1], name=images.name, classes=images.classes)


def negative(images: ImageSet) -> ImageSet:
    return from_array(255 - images.images, images.labels, name=images.name, classes=images.classes)


def shuffled(images: ImageSet) -> ImageSet:
    """The pixels of all pictures in one wrong order."""
    n, height, width, channels = images.images.shape
    order = torch.randperm(height * width, generator=torch.Generator().manual_seed(0)).numpy()
    mixed = images.images.reshape(n, -1, channels)[:, order].reshape(images.images.shape)
    return from_array(mixed, images.labels, name=images.name, classes=images.classes)
