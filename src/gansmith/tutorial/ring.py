"""What the items on mode collapse share: eight Gaussians on a ring, two small networks, and a diary of the samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from gansmith.data.toy import Ring, Stream
from gansmith.dynamics import Adam
from gansmith.tutorial.studio import Studio
from gansmith.tutorial.style import FAINT, INK, MADE
from gansmith.types import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MOVES", "RATES", "RING", "Diary", "beginning", "found", "near", "rounds", "show", "shown_shares"]

RING = Ring(radius=2.0, std=0.05)
LATENT, BATCH, SAMPLES, WIDTH = 2, 256, 1000, 64
MOVES, RATES = Adam(lr=4e-3, beta1=0.5), {"generator": 3.0}
"""How both players move: the generator goes three times as far in a step."""


def beginning(studio: Studio) -> dict[str, nn.Module]:
    """The players before the first step, the same for every dynamics: two hidden layers of ReLU each."""
    with studio.seeded("networks"):
        return {"generator": _network(LATENT, 2), "discriminator": _network(2, 1)}


def rounds(studio: Studio) -> Stream:
    """Data and noise."""
    return Stream(RING, batch=BATCH, latent=LATENT, seed=studio.seed)


@dataclass
class Diary:
    """Samples from the same latents, now and then.

    Args:
        players: whose generator is followed.
        latent: from which it samples.
        every: steps between two entries.
        steps: when the entries were made, counted from 1.
        pages: the samples, (n, 2) each.
    """

    players: Mapping[str, nn.Module]
    latent: Tensor
    every: int
    steps: list[int] = field(default_factory=list)
    pages: list[Tensor] = field(default_factory=list)

    @classmethod
    def of(cls, players: Mapping[str, nn.Module], studio: Studio, *, every: int) -> Diary:
        """An empty one."""
        return cls(players, torch.randn(SAMPLES, LATENT, generator=studio.dice("latent")), every)

    def __call__(self, step: int, result: Result) -> None:
        if (step + 1) % self.every == 0:
            with torch.no_grad():
                self.pages.append(self.players["generator"](self.latent))
            self.steps.append(step + 1)

    @property
    def shares(self) -> Tensor:
        """The share of the samples that are nearest to each mode, entry by entry: (entries, modes)."""
        nearest = [torch.cdist(page, RING.modes.to(page)).argmin(1) for page in self.pages]
        return torch.stack([torch.bincount(mode, minlength=RING.count) for mode in nearest]).double() / SAMPLES


def near(samples: Tensor) -> float:
    """The share of the samples that lie within three standard deviations of a mode; 98.9 % of the data does."""
    return (_off(samples)[0] < 3 * RING.std).double().mean().item()


def found(samples: Tensor) -> int:
    """How many modes get at least a quarter of their share of the samples, within three standard deviations."""
    off, nearest = _off(samples)
    good = torch.bincount(nearest[off < 3 * RING.std], minlength=RING.count)
    return int((good >= len(samples) / RING.count / 4).sum())


def show(axes: Axes, samples: Tensor, title: str) -> None:
    """Samples over the places where the data is."""
    axes.scatter(RING.modes[:, 0], RING.modes[:, 1], s=160, color=FAINT, zorder=1)
    axes.scatter(samples[:, 0], samples[:, 1], s=2, color=MADE, zorder=2)
    axes.grid(visible=False)
    axes.set(title=title, xlim=(-3, 3), ylim=(-3, 3), aspect="equal", xticks=(), yticks=())
    axes.spines["bottom"].set_visible(False)


def shown_shares(axes: Axes, diary: Diary, title: str) -> None:
    """The share of each mode over time, as a map: the darker, the more."""
    first, last = diary.steps[0], diary.steps[-1]
    extent = (first - diary.every / 2, last + diary.every / 2, RING.count + 0.5, 0.5)
    image = diary.shares.T.numpy()
    axes.imshow(image, aspect="auto", vmin=0, vmax=0.5, cmap="Greys", interpolation="nearest", extent=extent)
    axes.grid(visible=False)
    axes.set(title=title, xlabel="step", ylabel="mode", yticks=range(1, RING.count + 1))
    axes.tick_params(colors=INK)


def _off(samples: Tensor) -> tuple[Tensor, Tensor]:
    """How far each sample is from its nearest mode, and which one that is."""
    off, nearest = torch.cdist(samples, RING.modes.to(samples)).min(1)
    return off, nearest


def _network(inputs: int, outputs: int) -> nn.Sequential:
    hidden = (nn.Linear(inputs, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU())
    return nn.Sequential(*hidden, nn.Linear(WIDTH, outputs))
