"""The game as a vector field, and one optimiser's move along it: what every dynamics is made of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import is_dataclass
from functools import cached_property

from torch import Tensor
from torch.optim import Optimizer

from gansmith.dynamics.optimizers import OptimizerFactory, fused_step
from gansmith.dynamics.rules import make
from gansmith.types import Costs, Engine, Game, Outcome, Players, Round, State, parameters, parameters_of

__all__ = [
    "Signals",
    "beginning",
    "beside",
    "evaluated",
    "field",
    "live",
    "move",
    "optimizers",
    "substituted",
    "trainable",
]

_CHANGED = (
    "a parameter was frozen, freed or replaced after the dynamics had begun; do that first and call init again, "
    "which gives the optimisers the parameters that are trained now"
)


def trainable(players: Players, names: Collection[str]) -> dict[str, list[Tensor]]:
    """Each named player's parameters that require a gradient; parameters frozen by the user stay frozen."""
    return {name: [p for p in parameters(players[name]) if p.requires_grad] for name in names}


def beside(parameters: Sequence[Tensor], remembered: Sequence[Tensor]) -> list[Tensor]:
    """What is remembered of each of the `parameters`.

    Raises:
        ValueError: other parameters are trained than when the dynamics began.
    """
    if [p.shape for p in parameters] != [r.shape for r in remembered]:
        raise ValueError(_CHANGED)
    return list(remembered)


@contextmanager
def live(
    players: Players, names: Collection[str], owned: Mapping[str, Sequence[Tensor]] | None = None
) -> Iterator[None]:
    """Inside, only the named players' parameters require gradients: nobody else's graph is built.

    This is how gradients are kept from a player that does not move. A game never detaches, because the same evaluation
    must carry gradients when a dynamics looks through another player's step. A parameter that several players share is
    live when one of them is.

    Args:
        players: the networks.
        names: whose parameters are live.
        owned: everybody's parameters, where they have been gathered already.

    Example:
        >>> from torch import nn
        >>> players = {"one": nn.Linear(1, 1), "other": nn.Linear(1, 1)}
        >>> with live(players, ["one"]):
        ...     [p.requires_grad for module in players.values() for p in module.parameters()]
        [True, True, False, False]
    """
    idle: list[Tensor] = []
    if others := [name for name in players if name not in names]:
        owned = owned or parameters_of(players)
        mine = {id(p) for name in names for p in owned[name]}
        idle = [p for name in others for p in owned[name] if p.requires_grad and id(p) not in mine]
    for parameter in idle:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in idle:
            parameter.requires_grad_(True)


@contextmanager
def substituted(players: Players, values: Mapping[str, Sequence[Tensor]]) -> Iterator[None]:
    """Inside, the named players have other parameters: `values`, in the order of `trainable`.

    The values may be the results of computations, such as another player's hypothetical step; gradients flow through
    them, also after the context has ended. A parameter that several places share is substituted in all of them.

    Raises:
        ValueError: there are more or fewer values than parameters.

    Example:
        >>> import torch
        >>> players, w = {"one": torch.nn.Linear(1, 1, bias=False)}, torch.tensor([[2.0]], requires_grad=True)
        >>> with substituted(players, {"one": [w * w]}):
        ...     y = players["one"](torch.ones(1, 1))
        >>> torch.autograd.grad(y, w)[0].item()  # d/dw of w²
        4.0
    """
    there = trainable(players, values)
    if short := [name for name, mine in there.items() if len(mine) != len(values[name])]:
        raise ValueError(f"{len(values[short[0]])} values for {len(there[short[0]])} parameters of the {short[0]}")
    by_id = {id(p): v for name, mine in there.items() for p, v in zip(mine, values[name], strict=True)}
    modules = {m for player in players.values() for m in player.modules()}
    homes = {m: m._parameters for m in modules if any(id(p) in by_id for p in m._parameters.values())}
    for module, own in homes.items():
        # A plain attribute is found only where no parameter of that name is, and their order must survive.
        module._parameters = {name: p for name, p in own.items() if id(p) not in by_id}
        vars(module).update({name: by_id[id(p)] for name, p in own.items() if id(p) in by_id})
    try:
        yield
    finally:
        for module, own in homes.items():
            for name in own.keys() - module._parameters.keys():
                del vars(module)[name]
            module._parameters = own


def field(
    game: Game,
    players: Players,
    round: Round,
    engine: Engine,
    of: Collection[str],
    *,
    at: Mapping[str, Sequence[Tensor]] | None = None,
    differentiable: bool = False,
) -> tuple[Mapping[str, Sequence[Tensor]], Costs, Outcome]:
    """The vector field F = (∇_θ₁ J₁, ∇_θ₂ J₂, …) restricted to the players in `of`, from one shared evaluation.

    Args:
        game: says what they want.
        players: the networks.
        round: what they play on.
        engine: where gradients come from.
        of: whose components are wanted.
        at: other parameters for the players that it names, as in `substituted`; everybody else's are their own.
        differentiable: the gradients carry graphs, through which another gradient may go.

    Returns:
        The gradients by player, the costs by player (detached), and the outcome of the last piece that was played.

    Example:
        >>> import torch
        >>> from gansmith.dynamics import LocalEngine
        >>> from gansmith.games import AdversarialGame, Wasserstein
        >>> players = {"generator": torch.nn.Linear(1, 1), "discriminator": torch.nn.Linear(1, 1, bias=False)}
        >>> round = Round({"real": torch.ones(4, 1), "fake": torch.zeros(4, 1)})
        >>> F, costs, outcome = field(AdversarialGame(Wasserstein()), players, round, LocalEngine(), ["discriminator"])
        >>> F["discriminator"][0].item()  # d/dw of w·0 − w·1
        -1.0
    """
    elsewhere = at or {}
    parameters = trainable(players, of) | {name: list(elsewhere[name]) for name in of if name in elsewhere}
    return evaluated(game, players, round, engine, of, parameters, at=elsewhere, differentiable=differentiable)


def evaluated(
    game: Game,
    players: Players,
    round: Round,
    engine: Engine,
    of: Collection[str],
    parameters: Mapping[str, Sequence[Tensor]],
    *,
    at: Mapping[str, Sequence[Tensor]] | None = None,
    change: Callable[[Outcome, Costs], Costs] | None = None,
    differentiable: bool = False,
) -> tuple[Mapping[str, Sequence[Tensor]], Costs, Outcome]:
    """Any gradients of the costs of the players in `of`, from one shared evaluation; `field` takes everybody's own.

    Args:
        game: says what they want.
        players: the networks.
        round: what they play on.
        engine: where gradients come from.
        of: whose costs are wanted.
        parameters: with respect to what, for those of them whose gradient is wanted.
        at: as in `field`.
        change: what is differentiated in place of the costs, made of them while the evaluation has its graph.
        differentiable: as in `field`.

    Returns:
        As in `field`.

    Example:
        >>> from gansmith.dynamics import LocalEngine
        >>> from gansmith.games import bilinear
        >>> from gansmith.networks import Point
        >>> players = {"x": Point(2.0), "y": Point(3.0)}
        >>> of_x, costs, _ = evaluated(bilinear(), players, Round(), LocalEngine(), "xy", trainable(players, "x"))
        >>> of_x["x"][0].item(), costs["y"].item()
        (3.0, -6.0)
    """
    played: list[Outcome] = []

    def costs(part: Round) -> Costs:
        with substituted(players, at) if at else nullcontext():
            played[:] = [game.play(players, part, of)]
            found = game.costs(played[0], of)
        return found if change is None else change(played[0], found)

    gradients, values = engine.gradient(costs, parameters, round, differentiable=differentiable)
    return gradients, values, played[0]


class Signals(Mapping[str, Tensor]):
    """What a game says about the outcomes of a step, worked out when somebody reads it.

    Args:
        game: says it.
        outcomes: detached; where several have a signal of the same name, the first one's counts.
    """

    def __init__(self, game: Game, *outcomes: Outcome) -> None:
        self._game, self.outcomes = game, outcomes

    def __getitem__(self, name: str) -> Tensor:
        return self._read[name]

    def __repr__(self) -> str:
        return repr(self._read)

    def __iter__(self) -> Iterator[str]:
        return iter(self._read)

    def __len__(self) -> int:
        return len(self._read)

    @cached_property
    def _read(self) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for outcome in reversed(self.outcomes):
            found |= self._game.signals(outcome)
        return found


def optimizers(
    build: OptimizerFactory, rates: Mapping[str, float], game: Game, players: Players
) -> dict[str, Optimizer]:
    """One optimiser for each player; `rates` multiplies a player's learning rate (two time scales, Heusel et al. 2017).

    Raises:
        ValueError: `rates` names somebody who does not play, a player has no parameter to train, or its optimiser
            holds the parameters in another order than they were given in, or is the class instead of a value.
    """
    if unknown := set(rates) - set(game.players):
        raise ValueError(f"rates names {sorted(unknown)}, but the players are {list(game.players)}")
    built = {}
    for player in game.players:
        parameters = trainable(players, [player])[player]
        if not parameters:
            raise ValueError(f"the {player} has no parameter that requires a gradient; leave one for it to train")
        if isinstance(build, type) and is_dataclass(build):
            raise ValueError(
                f"optimizer is the class {build.__name__} itself; make a value of it: {build.__name__}(...)"
            )
        optimizer = build(parameters)
        if [id(p) for group in optimizer.param_groups for p in group["params"]] != [id(p) for p in parameters]:
            raise ValueError(
                f"the optimiser of the {player} must hold all parameters that it is given, in their order; "
                "split them into groups without changing it"
            )
        for group in optimizer.param_groups:
            group["lr"] *= rates.get(player, 1.0)
            group["base_lr"] = group["lr"]
        built[player] = optimizer
    return built


def beginning(build: OptimizerFactory, rates: Mapping[str, float], game: Game, players: Players) -> State:
    """The state in which most dynamics begin: the game's memory, an optimiser for each player, and no steps made.

    Raises:
        ValueError: as in `optimizers`.
    """
    return {"memory": game.init(players), "optimizers": optimizers(build, rates, game, players), "steps": 0}


def move(optimizer: Optimizer, gradients: Sequence[Tensor], *, factor: float = 1.0, step: int | None = None) -> None:
    """One step of `optimizer` along `gradients`, its learning rates scaled by `factor`.

    Where its momentum changes over the run, `step` says where that is; without it, the optimiser counts its own moves.

    Raises:
        ValueError: other parameters are trained than when the optimiser was built.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    if len(parameters) != len(gradients) or not all(p.requires_grad for p in parameters):
        raise ValueError(_CHANGED)
    if make(optimizer, gradients, factor=factor):
        return
    for group in optimizer.param_groups:
        group["lr"] = group["base_lr"] * factor
        if step is not None and "steps" in group:
            group["steps"] = step
    if fused_step(optimizer, gradients):
        return
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    optimizer.step()
    for parameter in parameters:
        parameter.grad = None
