"""A whole step of a small game as one compiled function: evaluations, gradients and the optimisers' moves.

Where layers are small, most of a step goes into calling operations, not into computing them. A compiled step calls one.
Compiling takes from ten seconds to minutes and needs a C++ compiler, so it pays on long runs only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.optim import Optimizer

from gansmith.dynamics.alternating import Alternating
from gansmith.dynamics.engine import LocalEngine
from gansmith.dynamics.field import Signals
from gansmith.dynamics.optimizers import Schedule
from gansmith.dynamics.rules import check_rule, written_out
from gansmith.dynamics.seeds import unrepeatable
from gansmith.dynamics.simultaneous import Simultaneous
from gansmith.dynamics.unrolled import Unrolled
from gansmith.types import Draw, Dynamics, Engine, Game, Outcome, Players, Result, Round, State, batch_mean

__all__ = ["Compiled"]

Noise = tuple[Callable[..., Tensor], str, tuple[int, ...]]
"""What a round is asked for: a distribution, a name and a shape."""

Inputs = tuple[dict[str, Tensor], list[Tensor]]
"""A round's streams, and the noise that is drawn from it."""


def _bias_apart(bias: Tensor, x: Tensor, weight: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    return beta * bias + alpha * (x @ weight)


def _thin_first(x: Tensor, y: Tensor) -> Tensor:
    thin = y.shape[-1] <= 2 < x.shape[-2]  # samples of a small game are a pair of numbers
    return (y.mT.contiguous() @ x.mT).mT if thin else NotImplemented


_WRITTEN: Mapping[Any, Callable[..., Any]] = {
    # A bias is added together with what follows; in a matrix product it would first be copied to every row.
    torch.ops.aten.addmm.default: _bias_apart,
    torch.ops.aten.baddbmm.default: _bias_apart,
    # A thin factor is several times faster on the left.
    torch.ops.aten.mm.default: _thin_first,
    torch.ops.aten.bmm.default: _thin_first,
}


@dataclass(frozen=True)
class _Watched(Round):
    """A round that keeps the noise that is drawn from it; without the `whole` it is of, it draws no other."""

    noise: dict[Noise, Tensor] = field(default_factory=dict)
    whole_round: Round | None = None
    substep: int = 0

    @property
    def keys(self) -> tuple[tuple[object, ...], ...]:
        """The keys of the seeds that are played together, where there are any."""
        return getattr(self.whole_round, "keys", ())

    def _noise(self, draw: Callable[..., Tensor], name: str, shape: Sequence[int]) -> Tensor:
        noise = (draw, name, tuple(shape))
        if noise not in self.noise:
            if self.whole_round is None:
                raise ValueError(f"the noise {name!r} was not drawn at the first step; a compiled step draws the same")
            self.noise[noise] = self.whole_round._noise(*noise)
        return self.noise[noise]


@dataclass
class _Step:
    """What is known of a step: the noise that it draws, and once it was recorded, the function that makes it."""

    game: Game
    noises: dict[int, list[Noise]]
    function: Callable[..., Any] | None = None
    outcomes: list[tuple[int, Outcome]] = field(default_factory=list)
    fits: tuple[object, ...] = ()
    seconds: float = 0.0
    called: bool = False


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """Another dynamics with its whole step compiled, for small games in one process on long runs.

    The first step is made as usual and watched; the second is recorded while it is made; the third is compiled. The
    state then says under ``compile_seconds`` what that took. Moves are the same up to rounding, and the learning rates
    stay as they begin. For another game, and for rounds of other shapes, all this begins anew.

    Args:
        dynamics: `Simultaneous`, `Alternating` or `Unrolled`, with SGD, Adam or AdamW.
        backend: what compiles, one of ``torch.compiler.list_backends()``, or ``aot_eager``, which only records.

    Raises:
        ValueError: when it begins: the dynamics, its schedule or a network cannot be compiled, as the message says;
            when it steps: the engine is not the local one, or the game remembers something between steps.

    Example:
        >>> Compiled(dynamics=Alternating(discriminator_steps=2)).dynamics.discriminator_steps
        2
    """

    dynamics: Dynamics
    backend: str = "inductor"
    _steps: WeakKeyDictionary[Optimizer, _Step] = field(
        default_factory=WeakKeyDictionary, init=False, repr=False, compare=False
    )

    def init(self, game: Game, players: Players) -> State:
        kind = type(self.dynamics).__name__
        if not isinstance(self.dynamics, Simultaneous | Alternating | Unrolled):
            raise ValueError(f"{kind} cannot be compiled; Simultaneous, Alternating and Unrolled can")
        if self.dynamics.schedule != Schedule():
            raise ValueError("a compiled step has one learning rate for good; leave the schedule out")
        for name in game.players:
            if (why := unrepeatable(players[name])) is not None:
                raise ValueError(f"{why} of the {name} keeps buffers or draws, so it cannot be compiled; leave it out")
        state = self.dynamics.init(game, players)
        for name, optimizer in state["optimizers"].items():
            check_rule(optimizer, name)
            if optimizer._optimizer_step_pre_hooks:
                raise ValueError(f"a compiled step has one momentum for good; leave last_momentum of the {name} out")
        # One backward pass for two players pays at any size where no calls are counted.
        return {**state, "worthwhile": 0, "compile_seconds": 0.0}

    def step(self, game: Game, players: Players, state: State, draw: Draw, engine: Engine) -> tuple[State, Result]:
        if not isinstance(engine, LocalEngine):
            raise ValueError(f"a compiled step asks the local engine for gradients, not {type(engine).__name__}")
        owner = state["optimizers"][game.players[0]]
        known = self._steps.get(owner)
        if known is None or known.game is not game:
            return self._watch(owner, game, players, state, draw)
        rounds = {substep: draw(substep) for substep in known.noises}
        inputs = {substep: _tensors(round, known.noises[substep]) for substep, round in rounds.items()}
        if known.function is not None and known.fits != _fits(state, inputs):
            return self._watch(owner, game, players, state, draw)
        if known.function is None:
            result = self._record(known, game, players, state, rounds, inputs)
        else:
            result = _make(known, game, rounds, inputs)
        return {**state, "steps": state["steps"] + 1, "compile_seconds": known.seconds}, result

    def _watch(self, owner: Optimizer, game: Game, players: Players, state: State, draw: Draw) -> tuple[State, Result]:
        """An ordinary step, after which the optimisers have their memories and it is known what is drawn."""
        rounds: dict[int, _Watched] = {}

        def watched(substep: int) -> Round:
            whole = draw(substep)
            if whole.mean is not batch_mean:
                raise ValueError("a compiled step is for one process; this round is a part of a larger batch")
            rounds[substep] = _Watched(whole.streams, whole.key, whole_round=whole)
            return rounds[substep]

        after, result = self.dynamics.step(game, players, state, watched, LocalEngine())
        if _remembers(after["memory"]):
            kind = type(game).__name__
            raise ValueError(f"this {kind} remembers something between steps, so its steps cannot be compiled")
        self._steps[owner] = _Step(game, {substep: list(round.noise) for substep, round in rounds.items()})
        return {**state, **after}, result

    def _record(
        self,
        known: _Step,
        game: Game,
        players: Players,
        state: State,
        rounds: Mapping[int, Round],
        inputs: Mapping[int, Inputs],
    ) -> Result:
        """A step that is really made, and recorded operation by operation."""
        from torch.fx.experimental.proxy_tensor import make_fx

        results: list[Result] = []

        def function(inputs: Mapping[int, Inputs]) -> Any:
            def draw(substep: int) -> Round:
                streams, drawn = inputs[substep]
                noise = dict(zip(known.noises[substep], drawn, strict=True))
                return _Watched(streams, rounds[substep].key, noise=noise, substep=substep)

            with written_out():
                _, result = self.dynamics.step(game, players, state, draw, LocalEngine())
            results.append(result)
            signals = result.signals
            outcomes = signals.outcomes if isinstance(signals, Signals) else ()
            known.outcomes[:] = [(getattr(outcome.round, "substep", 0), outcome) for outcome in outcomes]
            return dict(result.costs), [dict(o.values) for o in outcomes], {} if outcomes else dict(signals)

        began = time.perf_counter()
        graph = make_fx(function, decomposition_table=_WRITTEN)(inputs)
        for node in reversed(graph.graph.nodes):
            if "profiler" in str(node.target):  # marks that optimisers set around their steps
                graph.graph.erase_node(node)
        graph.recompile()
        # Shapes are the recorded ones, and what else could change is looked at in `_fits`.
        options: dict[str, Any] = {"guard_filter_fn": torch.compiler.skip_all_guards_unsafe}
        if self.backend == "inductor":
            # No Python between the kernels, and biases stay where they were put.
            options |= {"cpp_wrapper": True, "pattern_matcher": False}
        known.function = torch.compile(graph, fullgraph=True, dynamic=False, backend=self.backend, options=options)
        known.fits, known.seconds = _fits(state, inputs), time.perf_counter() - began
        return results[0]


def _make(known: _Step, game: Game, rounds: Mapping[int, Round], inputs: Mapping[int, Inputs]) -> Result:
    began = time.perf_counter()
    if known.function is None:
        raise RuntimeError("a step is recorded before it is made")
    with torch.no_grad():
        costs, values, signals = known.function(inputs)
    if not known.called:
        known.called, known.seconds = True, known.seconds + time.perf_counter() - began
    outcomes = [
        Outcome(rounds[substep], found, outcome.makers, outcome.of)
        for (substep, outcome), found in zip(known.outcomes, values, strict=True)
    ]
    return Result(costs, Signals(game, *outcomes) if outcomes else signals)


def _tensors(round: Round, noises: Sequence[Noise]) -> Inputs:
    return dict(round.streams), [round._noise(*noise) for noise in noises]


def _fits(state: State, inputs: Mapping[int, Inputs]) -> tuple[object, ...]:
    """What a recorded step holds on to: the shapes of a round, and an optimiser's memory, which loading replaces."""
    found: list[object] = [x.shape for streams, noise in inputs.values() for x in (*streams.values(), *noise)]
    for optimizer in state["optimizers"].values():
        first = optimizer.param_groups[0]["params"][0]
        found += [id(first), first.requires_grad, *map(id, optimizer.state[first].values())]
    return tuple(found)


def _remembers(memory: object) -> bool:
    """Whether there is anything in `memory` but yes and no."""
    if isinstance(memory, Mapping):
        return any(_remembers(value) for value in memory.values())
    return not isinstance(memory, bool)
