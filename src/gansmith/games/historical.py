"""Historical averaging: whoever strays from where it has been on average pays for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from gansmith.games.critic import unveiled
from gansmith.games.wrapping import Around
from gansmith.types import Costs, Outcome, Players, Round, State

__all__ = ["HistoricalAveraging"]


@dataclass(frozen=True)
class HistoricalAveraging(Around):
    r"""A game in which each player also pays for its distance to the mean of its past (Salimans et al. 2016, 3.3).

    .. math:: J_i + w\,\Big\lVert \theta_i - \frac{1}{t} \sum_{s \le t} \theta_i[s] \Big\rVert^2

    The mean is over the rounds in which the player moved, before each move. It is part of the game's memory, so a run
    that resumes goes on with it.

    Args:
        game: what is played.
        weight: w, at least 0.

    Raises:
        ValueError: the weight is negative; when it begins, a player has no parameters.

    Example:
        >>> from gansmith.games import bilinear
        >>> HistoricalAveraging(bilinear(), weight=0.1).players
        ('x', 'y')
    """

    weight: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.weight >= 0:
            raise ValueError(f"weight is {self.weight}; it must be at least 0")

    def init(self, players: Players) -> State:
        if still := [name for name in self.players if not any(True for _ in players[name].parameters())]:
            raise ValueError(f"the {still[0]} has no parameters, so it has no history")
        means = {
            name: {key: p.detach().clone() for key, p in players[name].named_parameters()} for name in self.players
        }
        counts = {name: torch.zeros(()) for name in self.players}
        return {"inside": self.game.init(players), "means": means, "counts": counts}

    def play(self, players: Players, round: Round, of: Collection[str]) -> Outcome:
        outcome = self.game.play(players, round.recall(round.memory["inside"]), of)
        values, makers = dict(outcome.values), dict(outcome.makers)
        for name in of:
            means: Mapping[str, Tensor] = round.memory["means"][name]
            owner, _ = unveiled(players[name], {})
            values[f"{name}_weights"] = torch.cat([_reached(owner, key).flatten() for key in means])
            makers[f"{name}_weights"] = frozenset({name})
        return replace(outcome, round=round, values=values, makers=makers)

    def costs(self, outcome: Outcome, of: Collection[str]) -> Costs:
        costs = dict(self.game.costs(self._inside(outcome), of))
        memory = outcome.round.memory
        for name in of:
            mean = torch.cat([part.flatten() for part in memory["means"][name].values()])
            costs[name] = costs[name] + self.weight * (outcome[f"{name}_weights"] - mean).square().sum()
        return costs

    def signals(self, outcome: Outcome) -> Mapping[str, Tensor]:
        return self.game.signals(self._inside(outcome))

    def remember(self, memory: State, outcome: Outcome) -> State:
        means, counts = dict(memory["means"]), dict(memory["counts"])
        for name in self.players:
            if (weights := outcome.values.get(f"{name}_weights")) is None:
                continue
            counts[name] = counts[name] + 1
            there = torch.split(weights, [part.numel() for part in means[name].values()])
            means[name] = {
                key: mean + (now.view_as(mean) - mean) / counts[name].to(mean)
                for (key, mean), now in zip(means[name].items(), there, strict=True)
            }
        inside = self.game.remember(memory["inside"], self._inside(outcome))
        return {"inside": inside, "means": means, "counts": counts}

    def _inside(self, outcome: Outcome) -> Outcome:
        """The outcome as the game inside knows it."""
        round = outcome.round
        return replace(outcome, round=round.recall(round.memory.get("inside", {})))


def _reached(module: Any, path: str) -> Tensor:
    """A parameter by its dotted name, or what stands in its place in somebody's hypothetical step."""
    *parents, name = path.split(".")
    for parent in parents:
        module = getattr(module, parent)
    found: Tensor = getattr(module, name)
    return found
