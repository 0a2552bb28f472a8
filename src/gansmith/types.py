"""The words that every room shares: what a round is, what comes of it, and the protocols between the rooms."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

__all__ = [
    "Costs",
    "Draw",
    "Dynamics",
    "Engine",
    "Game",
    "Outcome",
    "Players",
    "Result",
    "Round",
    "Sampler",
    "State",
    "batch_mean",
    "check_piece",
    "key_seed",
    "moved_with",
    "parameters",
    "parameters_of",
    "widened",
]

Players = Mapping[str, nn.Module]
"""The networks that play, by the name of the player: ``{"discriminator": D, "generator": G}``."""

State = dict[str, Any]
"""What is remembered between steps: a nested mapping of tensors, numbers and objects with a ``state_dict``."""

Costs = Mapping[str, Tensor]
"""What each player wants to make small, by the name of the player: scalars."""


def key_seed(*key: object) -> int:
    """A 63-bit seed that is a pure function of `key`, the same on every machine and in every process.

    Args:
        key: numbers, strings, and tuples of them: what prints the same everywhere.

    Example:
        >>> key_seed(0, "latent") == key_seed(0, "latent"), key_seed(0, "latent") == key_seed(1, "latent")
        (True, False)
    """
    return int.from_bytes(blake2b(repr(key).encode(), digest_size=8).digest(), "little") >> 1


def parameters(module: nn.Module) -> list[nn.Parameter]:
    """What ``module.parameters()`` yields, found in a tenth of the time: a small game asks at every move.

    Example:
        >>> len(parameters(nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1, bias=False))))
        3
    """
    found: dict[int, nn.Parameter] = {}
    _collect(module, found)
    return list(found.values())


def parameters_of(players: Players) -> dict[str, list[nn.Parameter]]:
    """Each player's parameters, by the name of the player.

    Example:
        >>> {name: len(mine) for name, mine in parameters_of({"one": nn.Linear(1, 1), "other": nn.ReLU()}).items()}
        {'one': 2, 'other': 0}
    """
    return {name: parameters(module) for name, module in players.items()}


def _collect(module: nn.Module, found: dict[int, nn.Parameter]) -> None:
    for parameter in module._parameters.values():
        if parameter is not None:
            found[id(parameter)] = parameter
    for child in module._modules.values():
        if child is not None:
            _collect(child, found)


def moved_with(players: Players, player: str, owned: Mapping[str, Sequence[Tensor]] | None = None) -> tuple[str, ...]:
    """Whoever has moved once `player` has: the player itself, and all who hold one of its parameters.

    Args:
        players: the networks.
        player: who has moved.
        owned: everybody's parameters, where they have been gathered already.

    Example:
        >>> trunk = nn.Linear(2, 2)
        >>> players = {"judge": nn.Sequential(trunk, nn.Linear(2, 1)), "maker": nn.Linear(2, 2), "reader": trunk}
        >>> moved_with(players, "judge"), moved_with(players, "maker")
        (('judge', 'reader'), ('maker',))
    """
    ids = {name: set(map(id, mine)) for name, mine in (owned or parameters_of(players)).items()}
    return (player, *(name for name, theirs in ids.items() if name != player and not theirs.isdisjoint(ids[player])))


def batch_mean(x: Tensor) -> Tensor:
    """The mean over the first dimension."""
    return x.mean(0)


def widened(x: Tensor) -> Tensor:
    """`x` in at least single precision."""
    return x.float() if x.dtype.itemsize < 4 else x


@dataclass(frozen=True)
class Round:
    """What one substep hands to a game: named streams, noise that can be drawn again, and the mean over the batch.

    A round may be a part of a larger batch, because several processes share it or because it is worked off in pieces.
    Noise is drawn by the row's place in the whole batch and `mean` averages over the processes that share it, so a game
    need not know.

    Args:
        streams: tensors by name, all with the same first dimension: ``real`` (n, c, h, w), ``latent`` (n, d) and so on.
        key: identifies the round; noise is a pure function of it.
        start: the place of the first row in the whole batch.
        total: the rows of the whole batch (0: as many as there are here).
        mean: a differentiable mean over the first dimension, of these rows and of those in the other processes.
        memory: what the game remembers, read-only.

    Example:
        >>> round = Round({"real": torch.zeros(4, 2)}, key=(0, 1))
        >>> torch.equal(round.normal("eps", 3)[2:], round.rows(2, 4).normal("eps", 3))
        True
    """

    streams: Mapping[str, Tensor] = field(default_factory=dict)
    key: tuple[object, ...] = (0,)
    start: int = 0
    total: int = 0
    mean: Callable[[Tensor], Tensor] = batch_mean
    memory: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Tensor:
        if name not in self.streams:
            raise ValueError(f"the round has no stream {name!r}; it has {', '.join(sorted(self.streams)) or 'none'}")
        return self.streams[name]

    def __contains__(self, name: object) -> bool:
        return name in self.streams

    @property
    def size(self) -> int:
        """The rows that are here."""
        return next((s.shape[0] for s in self.streams.values()), 0)

    @property
    def device(self) -> torch.device:
        """Where the streams are."""
        return next((s.device for s in self.streams.values()), torch.device("cpu"))

    def given(self, **streams: Tensor) -> Round:
        """The same round with more streams: what is already known need not be evaluated again."""
        return replace(self, streams={**self.streams, **streams}) if streams else self

    def without(self, *names: str) -> Round:
        """The same round without these streams, where it has them."""
        return replace(self, streams={name: stream for name, stream in self.streams.items() if name not in names})

    def recall(self, memory: Mapping[str, Any]) -> Round:
        """The same round with what the game remembers."""
        return replace(self, memory=memory) if memory or self.memory else self

    def rows(self, first: int, last: int) -> Round:
        """Rows `first` to `last` as a round of their own that still knows its place in the whole batch."""
        part = {name: stream[first:last] for name, stream in self.streams.items()}
        return replace(self, streams=part, start=self.start + first, total=self.total or self.size)

    def whole(self, x: Tensor) -> Tensor:
        """The rows of `x` for the whole batch, ``(n, ...) -> (total, ...)``, the same in every process that shares it.

        For what needs all samples at once, such as a replay pool. A game that calls it is not `samplewise`: where a
        batch is worked off in pieces, the other pieces are not there to be had.
        """
        total = self.total or self.size
        if total == x.shape[0]:
            return x
        rows = torch.arange(self.start, self.start + x.shape[0], device=x.device)
        placed = x.new_zeros(total, *x.shape[1:]).index_copy(0, rows, x)
        # Everybody else holds zeros there, so the mean over the processes is a sum over as many as there are shares.
        return self.mean(placed[None]) * (total / x.shape[0])

    def normal(self, name: str, *shape: int) -> Tensor:
        """Standard normal noise of shape ``(n, *shape)``, a pure function of the key, `name` and each row's place."""
        return self._noise(torch.randn, name, shape)

    def uniform(self, name: str, *shape: int) -> Tensor:
        """Uniform noise in [0, 1) of shape ``(n, *shape)``, drawn as in `normal`."""
        return self._noise(torch.rand, name, shape)

    def _noise(self, draw: Callable[..., Tensor], name: str, shape: Sequence[int]) -> Tensor:
        # Drawn on the CPU for the whole batch, then cut: the same rows get the same noise on any device and world size.
        generator = torch.Generator().manual_seed(key_seed(*self.key, name))
        whole = draw(self.total or self.size, *shape, generator=generator)
        return whole[self.start : self.start + self.size].to(self.device)


@dataclass(frozen=True)
class Outcome:
    """The network evaluations of one round.

    Args:
        round: the round that was played.
        values: the evaluations by name: samples, scores, gradients with respect to inputs. What is passed on travels
            among the round's streams, so a value has another name than any of them.
        makers: for each value, the players whose parameters it depends on.
        of: the players for whom it was played, where a game says so.
    """

    round: Round
    values: Mapping[str, Tensor]
    makers: Mapping[str, frozenset[str]]
    of: frozenset[str] = frozenset()

    def __getitem__(self, name: str) -> Tensor:
        return self.values[name]

    def detached(self) -> Outcome:
        """The same values without the graphs behind them."""
        return Outcome(self.round, {name: value.detach() for name, value in self.values.items()}, self.makers, self.of)

    def unmoved(self, *players: str) -> dict[str, Tensor]:
        """The values that are still right after `players` have moved."""
        return {name: value for name, value in self.values.items() if self.makers[name].isdisjoint(players)}


@dataclass(frozen=True)
class Result:
    """What one step reports: detached scalars on the players' device, so that nothing waits for them.

    Args:
        costs: each player's cost at its last move.
        signals: what else the game says about the round, such as the discriminator's accuracy.
    """

    costs: Costs
    signals: Mapping[str, Tensor] = field(default_factory=dict)


class Game(Protocol):
    """What every player wants. A game knows no optimiser, no data set and no process; it never detaches a tensor."""

    @property
    def players(self) -> tuple[str, ...]:
        """The players' names, in the order in which they take turns."""
        ...

    @property
    def samplewise(self) -> bool:
        """Whether a batch may be split: costs are means over terms of single samples, and the memory needs no more."""
        ...

    def init(self, players: Players) -> State:
        """What the game remembers before the first step."""
        ...

    def play(self, players: Players, round: Round, of: Collection[str]) -> Outcome:
        """The network evaluations that the costs of the players in `of` need, each made once.

        Values that the round brings already, because an earlier move made them, are used and go on into the outcome.
        """
        ...

    def costs(self, outcome: Outcome, of: Collection[str]) -> Costs:
        """The scalar costs of the players in `of`."""
        ...

    def signals(self, outcome: Outcome) -> Mapping[str, Tensor]:
        """Scalars worth watching."""
        ...

    def remember(self, memory: State, outcome: Outcome) -> State:
        """What the game remembers after a move that really happened; the outcome is detached."""
        ...


Draw = Callable[[int], Round]
"""Hands out the round of a substep: a pure function of the seed, the step and the substep."""


class Engine(Protocol):
    """The one door to parameter gradients: it knows devices, precision and processes."""

    @property
    def pieces(self) -> int:
        """In how many pieces a round is worked off; with more than one, evaluations cannot be kept."""
        ...

    def gradient(
        self,
        cost: Callable[[Round], Costs],
        parameters: Mapping[str, Sequence[Tensor]],
        round: Round,
        *,
        differentiable: bool = False,
    ) -> tuple[Mapping[str, Sequence[Tensor]], Costs]:
        """The gradient of each named player's own cost with respect to its own parameters, and the costs, detached.

        With `differentiable`, the gradients carry their own graph, so that a `cost` may itself ask for gradients: what
        looks through another player's step, and every product with the field's Jacobian, is a gradient of a scalar.
        """
        ...

    def hypothetical(self, players: Players) -> AbstractContextManager[None]:
        """A context after which the players' buffers and the random state are what they were before."""
        ...


class Dynamics(Protocol):
    """How the players move. A dynamics knows no loss."""

    def init(self, game: Game, players: Players) -> State:
        """The state before the first step: optimisers, averages, and the game's own memory under ``"memory"``."""
        ...

    def step(self, game: Game, players: Players, state: State, draw: Draw, engine: Engine) -> tuple[State, Result]:
        """Every player's move or moves, once round; `players` change in place."""
        ...


@runtime_checkable
class Sampler(Protocol):
    """Anything that can be sampled: a GAN, a VAE, a flow, a folder of images."""

    def sample(self, n: int, *, seed: int = 0, labels: Tensor | None = None) -> Tensor:
        """`n` samples as a function of `seed`: images (n, c, h, w) in [-1, 1], or vectors (n, d)."""
        ...


def check_piece(piece: object, kind: type, place: str, example: str) -> None:
    """Check that what stands in a place has what the protocol of that place asks for.

    Args:
        piece: what stands there.
        kind: the protocol; its public names are looked for.
        place: the name of the argument or the field.
        example: how what belongs there is written.

    Raises:
        ValueError: it is the class instead of one of its values, or lacks something.

    Example:
        >>> check_piece("adam", Dynamics, "dynamics", "Simultaneous()")
        Traceback (most recent call last):
        ValueError: dynamics is 'adam', which has no init and no step; give one such as Simultaneous()
    """
    if isinstance(piece, type):
        raise ValueError(f"{place} is the class {piece.__name__} itself; make a value of it: {piece.__name__}(...)")
    wanted = (name for name in vars(kind) if not name.startswith("_"))
    if lacking := [f"no {name}" for name in wanted if not hasattr(piece, name)]:
        few, shown = " and ".join(lacking[:2]), repr(piece).partition("\n")[0]
        raise ValueError(f"{place} is {shown:.80}, which has {few}; give one such as {example}")
