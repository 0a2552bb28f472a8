"""Instance noise: the discriminator sees every sample through noise, which fades as training goes on."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor

from gansmith.games.critic import Veiled
from gansmith.games.wrapping import Around, discriminators
from gansmith.types import Outcome, Players, Round, State

__all__ = ["Fade", "InstanceNoise"]

SIGNAL = "instance_noise"


@dataclass(frozen=True, kw_only=True)
class Fade:
    """A number that goes along a straight line from one value to another, and stays there.

    Args:
        first: its value at step 0, ≥ 0.
        last: its value from step `steps` on, ≥ 0.
        steps: how many steps the way takes; 0 means that it stays at `first`.

    Raises:
        ValueError: one of them is negative.

    Example:
        >>> [Fade(first=0.4, steps=100)(step) for step in (0, 50, 100, 999)]
        [0.4, 0.2, 0.0, 0.0]
    """

    first: float = 0.1
    last: float = 0.0
    steps: int = 0

    def __post_init__(self) -> None:
        for name, value in (("first", self.first), ("last", self.last), ("steps", self.steps)):
            if not 0 <= value < math.inf:
                raise ValueError(f"{name} is {value}; it must be a number that is not negative")

    def __call__(self, step: int) -> float:
        way = min(1.0, step / self.steps) if self.steps else 0.0
        return (1 - way) * self.first + way * self.last


@dataclass(frozen=True)
class InstanceNoise(Around):
    """A game whose discriminators see x + σε in place of x, real or generated (Sønderby et al. 2017, section 3).

    Noise gives densities that lie on thin sets a common ground to be compared on, and with it a game that would not
    converge converges (Mescheder et al. 2018). ε is standard normal, a function of the round, of each sample's row, and
    of whether it is real or generated; everybody who is judged meets the same. Penalties read the noisy points. A
    discriminator that the game calls itself, rather than through a `Critic`, sees the same ε on all samples of a row.

    The game remembers the steps made, that is, how often the last of its players has moved.

    Args:
        game: the game inside; its discriminators' names begin with ``discriminator``.
        std: σ as a function of the step.

    Example:
        >>> from gansmith.games import AdversarialGame
        >>> game = InstanceNoise(AdversarialGame(), std=Fade(first=0.5, steps=1000))
        >>> players = {"generator": torch.nn.Linear(3, 2), "discriminator": torch.nn.Linear(2, 1)}
        >>> memory = game.init(players)
        >>> round = Round({"real": torch.zeros(4, 2), "latent": torch.zeros(4, 3)}).recall(memory)
        >>> outcome = game.play(players, round, of=["discriminator", "generator"])
        >>> game.signals(outcome)["instance_noise"].item(), game.remember(memory, outcome)["steps"]
        (0.5, 1)
    """

    std: Fade = field(default=Fade(), kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not callable(self.std):
            raise ValueError(f"std is {self.std!r}; give a Fade, such as Fade(first=0.5, last=0.5) for one that stays")

    def init(self, players: Players) -> State:
        if not discriminators(self.players):
            raise ValueError(f"nobody sees the noise: {type(self.game).__name__} has no player called discriminator...")
        return {"steps": 0, "game": self.game.init(players)}

    def play(self, players: Players, round: Round, of: Collection[str]) -> Outcome:
        std = self.std(round.memory.get("steps", 0))
        seers = discriminators(self.players) if std else []
        veiled = {name: Veiled(players[name], partial(_noisy, std, round, f"{SIGNAL}/{name}")) for name in seers}
        outcome = self.game.play({**players, **veiled}, round.recall(round.memory.get("game", {})), of)
        # Made by everybody, because it is nothing that the next move could use again.
        values = {**outcome.values, SIGNAL: torch.full((), std, device=round.device)}
        makers = {**outcome.makers, SIGNAL: frozenset(self.players)}
        return replace(outcome, values=values, makers=makers, of=frozenset(of))

    def signals(self, outcome: Outcome) -> Mapping[str, Tensor]:
        """Those of the game inside, and σ."""
        return {**self.game.signals(outcome), SIGNAL: outcome[SIGNAL]}

    def remember(self, memory: State, outcome: Outcome) -> State:
        moved = self.players[-1] in outcome.of
        return {"steps": memory["steps"] + moved, "game": self.game.remember(memory["game"], outcome)}


def _noisy(std: float, round: Round, who: str, x: Tensor, point: str) -> Tensor:
    """Samples with noise on each, however they are laid out: packs of rows, or several batches one after the other."""
    rows, name = round.size, f"{who}/{point}"
    if x.shape[0] <= rows:
        noise = round.normal(name, x.numel() // rows).reshape(x.shape)
    else:
        noise = round.normal(name, *x.shape[1:]).repeat(x.shape[0] // rows, *[1] * (x.dim() - 1))
    return x + std * noise.to(x.dtype)
