"""Many seeds at once: the same game, played k times side by side, at little more than the price of once.

    >>> from gansmith.data import Ring, Stream
    >>> from gansmith.dynamics import Simultaneous, play
    >>> from gansmith.games import AdversarialGame
    >>> from gansmith.networks import MLP
    >>> def networks(seed):
    ...     torch.manual_seed(seed)
    ...     mlp = MLP(width=8, depth=1)
    ...     return {"generator": mlp.generator((2,), latent=2), "discriminator": mlp.discriminator((2,))}
    >>> players = stacked([networks(seed) for seed in range(3)])
    >>> draws = together([Stream(Ring(), batch=16, latent=2, seed=seed) for seed in range(3)])
    >>> _ = play(Seeds(AdversarialGame(), 3), Simultaneous(), players, draws, steps=2)
    >>> [sorted(one) for one in unstacked(players)]
    [['discriminator', 'generator'], ['discriminator', 'generator'], ['discriminator', 'generator']]

The rows of k batches lie one after the other, and seed i's rows go through seed i's weights. The cost is the sum of the
seeds' own costs, so that each seed's gradient is its own, and every optimiser and dynamics that works parameter by
parameter moves it as it would alone. What takes inner products over all of a player's parameters, such as conjugate
gradients in `Competitive` or the alignment in `SymplecticAdjustment`, would mix the seeds: leave it out.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.modules.dropout import _DropoutNd

from gansmith.types import Costs, Draw, Game, Outcome, Players, Round, State, batch_mean, key_seed

__all__ = ["Seeds", "Stack", "stacked", "together", "unrepeatable", "unstacked"]


class Stack(nn.Module):
    """Networks of one shape as one: the rows (k·n, ...) go through k networks, n through each.

    Args:
        modules: the networks; their parameters are copied.

    Raises:
        ValueError: they differ in shape, or hold what cannot be stacked: buffers, as batch and spectral norm do, or
            dropout.

    Example:
        >>> one, other = nn.Linear(1, 1), nn.Linear(1, 1)
        >>> x = torch.ones(4, 1)
        >>> torch.allclose(Stack([one, other])(x), torch.cat([one(x[:2]), other(x[2:])]))
        True
    """

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        super().__init__()
        first = modules[0]
        if part := unrepeatable(first):
            raise ValueError(f"{part} keeps buffers or draws, so it cannot be stacked; leave it out")
        shapes = [{name: p.shape for name, p in m.named_parameters()} for m in modules]
        if wrong := next((i for i, theirs in enumerate(shapes) if theirs != shapes[0]), None):
            raise ValueError(f"network {wrong} has other parameters than network 0; stack networks of one shape")
        self.count = len(modules)
        # In a tuple, the networks that lend their form are none whose parameters count.
        self._form = copy.deepcopy(first), _quick(copy.deepcopy(first))
        self._names = {name: name.replace(".", "/") for name in shapes[0]}
        # As which the gradients of linear layers come: copying them into the other order took half of a step.
        self._turned = {
            name for name in shapes[0] if isinstance(_owner(first, name), nn.Linear) and len(shapes[0][name]) == 2
        }
        for name, own in self._names.items():
            theirs = [m.get_parameter(name) for m in modules]
            whole = torch.stack([p.detach().mT if name in self._turned else p.detach() for p in theirs])
            self.register_parameter(own, nn.Parameter(whole, requires_grad=theirs[0].requires_grad))

    def forward(self, *rows: Tensor) -> Tensor:
        """Each network's output for its rows, (k·n, ...)."""
        weights = {name: self._weight(name) for name in self._names}
        outputs: Tensor = vmap(self._one)(weights, *(_apart(x, self.count) for x in rows))
        return outputs.flatten(0, 1)

    def member(self, i: int) -> nn.Module:
        """A copy of network i."""
        module = copy.deepcopy(self._form[0])
        with torch.no_grad():
            for name in self._names:
                module.get_parameter(name).copy_(self._weight(name)[i])
        return module

    def _weight(self, name: str) -> Tensor:
        whole: Tensor = getattr(self, self._names[name])
        return whole.mT if name in self._turned else whole

    def _one(self, weights: dict[str, Tensor], *rows: Tensor) -> Any:
        return functional_call(self._form[1], weights, rows)


class _Linear(nn.Linear):
    """A linear layer which in a stack adds its bias inside the matrix product, not by another pass over the rows."""

    def forward(self, x: Tensor) -> Tensor:
        if self.bias is None or x.dim() != 2:
            return super().forward(x)
        y: Tensor = _Affine.apply(x, self.weight, self.bias)  # type: ignore[no-untyped-call]
        return y


class _Affine(torch.autograd.Function):
    """x·Wᵀ + b, which is meant to be batched."""

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return torch.addmm(bias, x, weight.mT)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:2])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        x, weight = ctx.saved_tensors
        return grad @ weight, grad.mT @ x, grad.sum(0)

    @staticmethod
    def vmap(info: Any, dims: tuple[int | None, ...], *inputs: Tensor) -> tuple[Tensor, int]:
        x, weight, bias = (
            x.expand(info.batch_size, *x.shape) if dim is None else x.movedim(dim, 0)
            for x, dim in zip(inputs, dims, strict=True)
        )
        return torch.baddbmm(bias.unsqueeze(1), x, weight.mT), 0


def _quick(module: nn.Module) -> nn.Module:
    for part in module.modules():
        if type(part) is nn.Linear:
            part.__class__ = _Linear
    return module


def _owner(module: nn.Module, name: str) -> nn.Module:
    return module.get_submodule(name.rpartition(".")[0])


def unrepeatable(module: nn.Module) -> str | None:
    """The first part of `module` whose output is not a function of parameters and input alone; None without one.

    Example:
        >>> unrepeatable(nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1)))
        "BatchNorm1d '1'"
    """
    for name, part in module.named_modules():
        if [*part.buffers(recurse=False)] or isinstance(part, _DropoutNd):
            return f"{type(part).__name__} {name!r}"
    return None


def stacked(members: Sequence[Players]) -> dict[str, nn.Module]:
    """The players of several seeds as one set of players, each a `Stack`.

    Args:
        members: each seed's networks by player, all of one shape.

    Raises:
        ValueError: as `Stack`, or there are no seeds, they have different players, or two players share a parameter.
    """
    if not members:
        raise ValueError("there are no seeds to stack; give the players of at least one")
    names = list(members[0])
    if other := [sorted(one) for one in members if set(one) != set(names)]:
        raise ValueError(f"one seed has the players {sorted(names)} and another {other[0]}; give all of them the same")
    owned = [id(p) for name in names for p in members[0][name].parameters()]
    if len(set(owned)) < len(owned):
        raise ValueError("two players share a parameter, which stacking would tear apart; play such seeds one by one")
    return {name: Stack([one[name] for one in members]) for name in names}


def unstacked(players: Players) -> list[dict[str, nn.Module]]:
    """Copies of each seed's players, from what `stacked` made."""
    stacks = {name: _stack(players, name) for name in players}
    count = min(stack.count for stack in stacks.values())
    return [{name: stack.member(i) for name, stack in stacks.items()} for i in range(count)]


@dataclass(frozen=True)
class _Rounds(Round):
    """Several rounds' rows one after the other; noise is drawn for each as it would draw it."""

    keys: tuple[tuple[object, ...], ...] = ()

    def _noise(self, draw: Callable[..., Tensor], name: str, shape: Sequence[int]) -> Tensor:
        n = self.size // len(self.keys)
        seeds = [key_seed(*key, name) for key in self.keys]
        return torch.cat([draw(n, *shape, generator=torch.Generator().manual_seed(s)) for s in seeds]).to(self.device)


def together(draws: Sequence[Callable[[int], Draw]]) -> Callable[[int], Draw]:
    """The rounds of several seeds as one: what `gansmith.play` takes for `Seeds`.

    Args:
        draws: for each seed, what each step is played on.

    Raises:
        ValueError: when they are drawn, the rounds differ in size or are parts of larger ones.
    """
    return lambda step: lambda substep: _joined([draw(step)(substep) for draw in draws])


def _joined(rounds: Sequence[Round]) -> Round:
    if len({round.size for round in rounds}) > 1:
        raise ValueError(f"the seeds' batches hold {sorted({r.size for r in rounds})} rows; give all of them as many")
    if any(round.mean is not batch_mean for round in rounds):
        raise ValueError("seeds are played together in one process; a round here is a part of a larger batch")
    streams = {name: torch.cat([round[name] for round in rounds]) for name in rounds[0].streams}
    keys = tuple(round.key for round in rounds)
    return _Rounds(streams, ("together", *keys), keys=keys)


@dataclass(frozen=True)
class Seeds:
    """A game that is several independent runs of another: costs are sums over the runs, so that gradients separate.

    Players come from `stacked`, rounds from `together`. Signals are vectors, one entry for each seed, and hold each
    seed's costs as ``discriminator_cost`` and so on, at the player's first move of a step.

    Args:
        game: what the players of each seed want. It remembers nothing between steps.
        count: how many seeds, k ≥ 1.

    Raises:
        ValueError: `count` is below 1; when it begins: the players are no stacks of k networks, or the game remembers;
            at the first step: the game's evaluations mix samples, and with them the seeds.
    """

    game: Game
    count: int

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"count is {self.count}; there is at least 1 seed")

    @property
    def players(self) -> tuple[str, ...]:
        return self.game.players

    @property
    def samplewise(self) -> bool:
        """No: a seed's rows belong together."""
        return False

    def init(self, players: Players) -> State:
        for name in self.players:
            if (found := _stack(players, name).count) != self.count:
                raise ValueError(f"the {name} is a stack of {found} networks; there are {self.count} seeds")
        if self.game.init(players):
            kind = type(self.game).__name__
            raise ValueError(f"this {kind} remembers something between steps; play its seeds one by one")
        return {"apart": False}

    def play(self, players: Players, round: Round, of: Collection[str]) -> Outcome:
        memory, round = round.memory, round.recall({})
        outcome = self.game.play(players, round, of)
        if not memory.get("apart", True):
            self._check(players, outcome, of)
        return replace(outcome, round=round.recall(memory), of=frozenset(of))

    def costs(self, outcome: Outcome, of: Collection[str]) -> Costs:
        return {player: costs.sum() for player, costs in self._costs(outcome, of).items()}

    def signals(self, outcome: Outcome) -> Mapping[str, Tensor]:
        """Each seed's signals and costs, (k,)."""
        each = [self.game.signals(self._one(outcome, i)) for i in range(self.count)]
        costs = self._costs(outcome, outcome.of)
        found = {name: torch.stack([signals[name] for signals in each]) for name in each[0]}
        return found | {f"{player}_cost": cost.detach() for player, cost in costs.items()}

    def remember(self, memory: State, outcome: Outcome) -> State:
        return {"apart": True}

    def _costs(self, outcome: Outcome, of: Collection[str]) -> Mapping[str, Tensor]:
        def one(streams: dict[str, Tensor], values: dict[str, Tensor]) -> Costs:
            return dict(self.game.costs(replace(outcome, round=Round(streams), values=values), of))

        rows = [{n: _apart(x, self.count) for n, x in each.items()} for each in (outcome.round.streams, outcome.values)]
        found: Mapping[str, Tensor] = vmap(one)(*rows)
        return found

    def _one(self, outcome: Outcome, i: int) -> Outcome:
        round = outcome.round
        streams = {name: _apart(x, self.count)[i] for name, x in round.streams.items()}
        keys = getattr(round, "keys", ())
        key = keys[i] if keys else round.key
        values = {name: _apart(x, self.count)[i] for name, x in outcome.values.items()}
        return replace(outcome, round=Round(streams, key), values=values)

    def _check(self, players: Players, outcome: Outcome, of: Collection[str]) -> None:
        """Whether the first and the last seed's evaluations are what they are alone."""
        for i in {0, self.count - 1}:
            here = self._one(outcome, i)
            alone = self.game.play({name: _stack(players, name).member(i) for name in players}, here.round, of)
            for name, x in alone.values.items():
                if not torch.allclose(x, here[name], rtol=1e-3, atol=1e-4 * (1 + float(x.detach().abs().max()))):
                    raise ValueError(
                        f"{name!r} of one seed changes with the others' samples, because the game mixes samples or "
                        "judges several batches in one pass; play such seeds one by one"
                    )


def _stack(players: Players, name: str) -> Stack:
    stack = players[name]
    if not isinstance(stack, Stack):
        raise ValueError(f"the {name} is no stack of networks; make the players with stacked([...])")
    return stack


def _apart(x: Tensor, count: int) -> Tensor:
    """The rows of each of `count` seeds: (k·n, ...) as (k, n, ...)."""
    if x.dim() < 1 or x.shape[0] % count:
        raise ValueError(f"a value of shape {tuple(x.shape)} has no rows for each of {count} seeds")
    return x.reshape(count, x.shape[0] // count, *x.shape[1:])
