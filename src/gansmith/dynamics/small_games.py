"""Small games with batch norm, dropout and a memory, which note what is done with them: for checks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from gansmith.games import AdversarialGame
from gansmith.games.wrapping import Around
from gansmith.types import Costs, Draw, Game, Outcome, Players, Round, State

__all__ = ["Snapshot", "Watched", "rounds", "small_game", "traces"]

ROWS = 6
Snapshot = dict[str, Tensor]


def traces(players: Players) -> Snapshot:
    """What an evaluation leaves behind, copied: buffers and the random state."""
    buffers = {f"{name}.{key}": v.clone() for name, m in players.items() for key, v in m.named_buffers()}
    return buffers | {"the random state": torch.get_rng_state()}


@dataclass(frozen=True)
class Watched(Around):
    """A game that notes what each evaluation found and left, and which of them it was told to remember."""

    before: list[Snapshot] = field(default_factory=list)
    after: list[Snapshot] = field(default_factory=list)
    remembered: list[int] = field(default_factory=list)

    def play(self, players: Players, round: Round, of: Collection[str]) -> Outcome:
        index = len(self.before)
        self.before.append(traces(players))
        outcome = self.game.play(players, round, of)
        self.after.append(traces(players))
        values, makers = {**outcome.values, "_index": torch.tensor(index)}, frozenset(self.players)
        return Outcome(outcome.round, values, {**outcome.makers, "_index": makers})

    def remember(self, memory: State, outcome: Outcome) -> State:
        self.remembered.append(int(outcome["_index"]))
        return self.game.remember(memory, outcome)


@dataclass(frozen=True)
class Counting(AdversarialGame):
    """The game of two that is everywhere, with a memory."""

    def init(self, players: Players) -> State:
        return {"plays": 0, **super().init(players)}

    def remember(self, memory: State, outcome: Outcome) -> State:
        return {"plays": memory["plays"] + 1}


@dataclass(frozen=True)
class Circle:
    """Players in a circle: each wants its output near 1, and against that of the next one."""

    players: tuple[str, ...]
    samplewise = False

    def init(self, players: Players) -> State:
        return {"plays": 0}

    def play(self, players: Players, round: Round, of: Collection[str]) -> Outcome:
        wanted = [n for n in self.players if n in of or any(self._next(other) == n for other in of)]
        values = {n: round[n] if n in round else players[n](round["latent"]) for n in wanted}
        return Outcome(round, values, {n: frozenset({n}) for n in wanted})

    def costs(self, outcome: Outcome, of: Collection[str]) -> Costs:
        terms = {n: (outcome[n] - 1).square() + outcome[n] * outcome[self._next(n)] for n in of}
        return {n: outcome.round.mean(t.flatten()) for n, t in terms.items()}

    def signals(self, outcome: Outcome) -> Mapping[str, Tensor]:
        return {}

    def remember(self, memory: State, outcome: Outcome) -> State:
        return {"plays": memory["plays"] + 1}

    def _next(self, name: str) -> str:
        return self.players[(self.players.index(name) + 1) % len(self.players)]


def small_game(count: int) -> tuple[Game, dict[str, nn.Module]]:
    """A game of `count` players, always the same; the last bias of each is frozen."""
    names = {1: ("only",), 2: ("discriminator", "generator"), 3: ("first", "second", "third")}
    if count not in names:
        raise ValueError(f"the check has games of 1 to 3 players, not of {count}")
    torch.manual_seed(count)
    players: dict[str, nn.Module] = {}
    for name in names[count]:
        inputs, outputs = (2, 1) if name == "discriminator" else (3, 2 if name == "generator" else 1)
        layers = (nn.Linear(inputs, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Dropout(0.25), nn.Linear(4, outputs))
        players[name] = nn.Sequential(*layers).double()
        layers[-1].bias.requires_grad_(False)
    return (Counting() if count == 2 else Circle(names[count])), players


def rounds(step: int) -> Draw:
    """The rounds of a step, always the same."""

    def draw(substep: int) -> Round:
        generator = torch.Generator().manual_seed(1000 * step + substep)
        shapes = {"real": (ROWS, 2), "latent": (ROWS, 3)}
        streams = {n: torch.randn(s, generator=generator, dtype=torch.float64) for n, s in shapes.items()}
        return Round(streams, key=(step, substep))

    return draw
