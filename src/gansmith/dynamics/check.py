"""A conformance check for a dynamics of one's own."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from gansmith.dynamics.engine import LocalEngine
from gansmith.dynamics.small_games import Snapshot, Watched, rounds, small_game, traces
from gansmith.dynamics.state import restore, state_tree
from gansmith.types import Dynamics, Game, Players, Result

__all__ = ["check_dynamics"]

STEPS = 3


def check_dynamics(dynamics: Dynamics, *, counts: Collection[int] = (1, 2, 3)) -> None:
    """Check that a dynamics keeps its promises on small games with batch norm and dropout; raises on the first broken.

    In every game each player moves, and no parameter that is frozen does. A step reports every player's cost, finite
    and detached; it leaves no gradient, and nobody's ``requires_grad``, mode or module changed. The state is made of
    tensors without graphs, numbers, texts, lists, mappings and objects with a ``state_dict``; saved and restored, it
    goes on with the same bits. Two runs are the same. The game's memory stands under ``"memory"``, and buffers and
    random state are afterwards what the evaluations that the game was told to `remember` make of them: a look ahead
    leaves no trace in them, and a real evaluation exactly one.

    Args:
        dynamics: what is checked; it need not fit the two-player game's names.
        counts: with how many players, each of them 1, 2 or 3.

    Raises:
        ValueError: a promise is broken; the message says which, and with how many players.

    Example:
        >>> from gansmith.dynamics import Alternating
        >>> check_dynamics(Alternating(discriminator_steps=2))
    """
    for count in counts:
        with torch.random.fork_rng(devices=[]):
            broken = next(_broken(dynamics, count), None)
        if broken is not None:
            players = "1 player" if count == 1 else f"{count} players"
            raise ValueError(f"{type(dynamics).__name__}, in a game of {players}: {broken}")


def _broken(dynamics: Dynamics, count: int) -> Iterator[str]:
    """What is wrong, most basic things first."""
    game, players = small_game(count)
    before, things = _snapshot(players), _things(players)
    torch.manual_seed(0)
    state, remembered = dynamics.init(game, players), 0
    for step in range(STEPS):
        seen = Watched(game)
        start = traces(players)
        state, result = dynamics.step(seen, players, state, rounds(step), LocalEngine())
        yield from _broken_result(result, game)
        yield from _broken_players(players, before, things)
        yield from _broken_traces(seen, start, traces(players))
        remembered += len(seen.remembered)
        yield from _broken_state(state, remembered)
    for name in game.players:
        if all(torch.equal(p, before[f"{name}.{key}"]) for key, p in players[name].named_parameters()):
            yield f"the {name} has not moved in {STEPS} steps; every player that has parameters must"
    yield from _broken_continuation(dynamics, count, players)


def _broken_result(result: Result, game: Game) -> Iterator[str]:
    if set(result.costs) != set(game.players):
        yield f"the result has costs of {sorted(result.costs)}, but {sorted(game.players)} play"
    for name, value in (*result.costs.items(), *result.signals.items()):
        if value.requires_grad:
            yield f"{name!r} in the result carries a graph, which keeps the whole step in memory; detach it"
        if value.dim() or not bool(torch.isfinite(value)):
            yield f"{name!r} in the result must be one finite number, not {value}"


def _broken_players(players: Players, before: Snapshot, things: Mapping[str, Any]) -> Iterator[str]:
    now = _things(players)
    if now.keys() != things.keys() or any(now[key][0] is not thing for key, (thing, _) in things.items()):
        yield "the players are made of other modules or parameters after a step; move parameters in place"
    for key, (thing, flag) in things.items():
        if now[key][1] != flag:
            what = "requires_grad" if isinstance(thing, Tensor) else "training mode"
            yield f"the {what} of {key} is {now[key][1]} after a step, and was {flag}; put it back"
        if isinstance(thing, Tensor) and not thing.requires_grad and not torch.equal(thing, before[key]):
            yield f"{key} is frozen, but it has moved"
        if isinstance(thing, Tensor) and thing.grad is not None:
            yield f"a gradient is left in {key}, which keeps its memory; set it to None"


def _broken_traces(seen: Watched, start: Snapshot, end: Snapshot) -> Iterator[str]:
    """Every real evaluation begins where the last one ended, and the step ends where the last one did."""
    if not seen.remembered:
        yield "a step must call the game's remember with the outcome of every real evaluation, and called it never"
    if len(set(seen.remembered)) < len(seen.remembered):
        yield "the game was told to remember the same evaluation twice"
    there = start
    for index in sorted(seen.remembered):
        yield from _broken_trace(there, seen.before[index])
        there = seen.after[index]
    yield from _broken_trace(there, end)


def _broken_trace(expected: Snapshot, found: Snapshot) -> Iterator[str]:
    for key, value in expected.items():
        if not torch.equal(value, found[key]):
            yield (
                f"{key} is not what the evaluations that the game remembers make of it; evaluate hypothetical players "
                "inside engine.hypothetical, real ones outside, and draw no random numbers elsewhere"
            )


def _broken_state(state: Any, remembered: int) -> Iterator[str]:
    if not isinstance(state, dict) or "memory" not in state:
        yield "the state must be a dict that holds the game's memory under 'memory'"
    elif state["memory"] != {"plays": remembered}:
        yield f"state['memory'] is {state['memory']}, not what the game's remember returned"
    for path, value in _leaves(state_tree(state), "state"):
        if isinstance(value, Tensor) and value.requires_grad:
            yield f"{path} carries a graph, which keeps a step in memory; detach it"
        if not isinstance(value, Tensor | bool | int | float | str | None):
            yield f"{path} is a {type(value).__name__}, which cannot be saved; keep tensors, numbers, texts and lists"


def _broken_continuation(dynamics: Dynamics, count: int, once: Players) -> Iterator[str]:
    """The same steps again, then more of them twice: with the state, and with what was saved of it."""
    game, players = small_game(count)
    torch.manual_seed(0)
    state = dynamics.init(game, players)
    for step in range(STEPS):
        state, _ = dynamics.step(game, players, state, rounds(step), LocalEngine())
    yield from _different(once, players, "two runs from the same beginning differ")
    random, saved, again = torch.get_rng_state(), copy.deepcopy(state_tree(state)), copy.deepcopy(players)
    restored = restore(dynamics.init(game, again), saved)
    for them, theirs in ((players, state), (again, restored)):
        torch.set_rng_state(random)
        for step in range(STEPS, 2 * STEPS):
            theirs, _ = dynamics.step(game, them, theirs, rounds(step), LocalEngine())
    yield from _different(players, again, "a run whose state was saved and restored goes on otherwise")


def _different(a: Players, b: Players, what: str) -> Iterator[str]:
    mine, theirs = _snapshot(a), _snapshot(b)
    for key, value in mine.items():
        if not torch.equal(value, theirs[key]):
            yield f"{what}, first in {key}; keep everything that matters in the state, and copies of what changes"


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{path}[{key!r}]")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}[{index}]")
    else:
        yield path, value


def _snapshot(players: Players) -> Snapshot:
    """Parameters and buffers, copied."""
    return {f"{name}.{key}": v.clone() for name, m in players.items() for key, v in m.state_dict().items()}


def _things(players: Players) -> dict[str, tuple[Any, bool]]:
    """Parameters with their flag, and modules with their mode."""
    parameters = {f"{n}.{k}": (p, p.requires_grad) for n, m in players.items() for k, p in m.named_parameters()}
    modules = {f"{n}.{k}".rstrip("."): (x, x.training) for n, m in players.items() for k, x in m.named_modules()}
    return parameters | modules
