"""One backward pass for two players, where it is exact.

A judge scores the samples of a maker, sᵢ = D(xᵢ). What either player wants reaches the maker's samples through the
scores alone: ∂J/∂xᵢ = (∂J/∂sᵢ)·∇D(xᵢ). The two players' gradients at the border, which is the samples, so differ by a
factor for each sample, (∂J_maker/∂sᵢ) / (∂J_judge/∂sᵢ), and the judge's own backward pass, rescaled at the border, goes
on as the maker's. It needs a judge that treats samples apart, no other way from the judge's cost to the samples (a
penalty on samples is one), and no parameter that both own. All this is found out before a game's first step.

It also needs factors that are finite. Of a sample beyond a hinge's margin the judge wants nothing, and no factor makes
the maker's gradient of nothing: so the judge sends √tiny instead (1e-19 in float32), which comes out at the border as
any other number does, and in its own gradient stays far below rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import permutations
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer

from gansmith.dynamics.field import evaluated, trainable
from gansmith.types import Costs, Engine, Game, Outcome, Players, Round, State, parameters

__all__ = ["Border", "across", "border_of"]

# Measured with two hidden layers of 128 units: the break-even is at a batch of 128.
WORTHWHILE = 2**21
"""Samples times the judge's parameters from which a backward pass costs more than the calls that spare it."""


@dataclass(frozen=True)
class Border:
    """Where one player's samples become another's scores.

    Args:
        judge: who scores.
        maker: who makes the samples.
        samples: the name of the value that the maker hands over, (n, ...).
        scores: the name of the value that comes of it, (n,).
    """

    judge: str
    maker: str
    samples: str
    scores: str


def across(
    border: Border, game: Game, players: Players, round: Round, engine: Engine
) -> tuple[Mapping[str, Sequence[Tensor]], Costs, Outcome]:
    """Both players' gradients, as `gansmith.dynamics.field` has them, from one backward pass through the judge."""
    mine = trainable(players, game.players)
    both = [*mine[border.judge], *mine[border.maker]]
    # The border turns what flows back through it into the maker's gradient, so that one cost serves both. The maker is
    # named nevertheless: who is asked for decides what layers such as dropout draw.
    asked = {player: both if player == border.judge else [] for player in game.players}
    found, costs, outcome = evaluated(
        game, players, round, engine, game.players, asked, change=partial(_rescaled, border)
    )
    whole, cut = found[border.judge], len(mine[border.judge])
    return {border.judge: whole[:cut], border.maker: whole[cut:]}, costs, outcome


def border_of(game: Game, players: Players, state: State, round: Round, engine: Engine) -> Border | None:
    """The game's border, where it has one that pays, found on a hypothetical evaluation.

    It is kept in mind for the optimisers of `state` while they play this very game: another one, such as the same with
    a new penalty, is looked at anew.

    Args:
        game, players, round, engine: as in `gansmith.dynamics.field`.
        state: of the dynamics; its entry ``worthwhile`` says from which size on it pays, in place of `WORTHWHILE`.
    """
    owner = state["optimizers"][game.players[0]]
    known = _KNOWN.get(owner)
    if known is None or known[0] is not game:
        known = _KNOWN[owner] = game, _searched(game, players, state.get("worthwhile", WORTHWHILE), round, engine)
    return known[1]


_KNOWN: WeakKeyDictionary[Optimizer, tuple[Game, Border | None]] = WeakKeyDictionary()


def _searched(game: Game, players: Players, worthwhile: int, round: Round, engine: Engine) -> Border | None:
    found: list[Border | None] = []

    def look(outcome: Outcome, costs: Costs) -> Costs:
        if not found:
            found.append(_find(game, players, outcome, worthwhile))
        return costs

    with engine.hypothetical(players):
        evaluated(game, players, round, engine, game.players, {}, change=look)
    return found[0]


def _rescaled(border: Border, outcome: Outcome, costs: Costs) -> Costs:
    samples, scores = outcome[border.samples], outcome[border.scores]
    judge, maker = costs[border.judge], costs[border.maker]
    (to_maker,) = torch.autograd.grad(maker, scores, retain_graph=True)
    factor = torch.empty(0)

    def at_the_scores(to_judge: Tensor) -> Tensor:
        nonlocal factor
        least = _least(to_judge.dtype)
        sent = torch.where(to_judge.abs() > least, to_judge, least)
        factor = (to_maker / sent).to(samples.dtype).view(-1, *[1] * (samples.dim() - 1))
        return sent

    _on_the_way_back(scores, at_the_scores)
    _on_the_way_back(samples, lambda gradient: gradient * factor)
    return {border.judge: judge, border.maker: maker.detach()}


def _on_the_way_back(x: Tensor, change: Callable[[Tensor], Tensor]) -> None:
    x.register_hook(change)  # type: ignore[no-untyped-call]


def _everywhere(round: Round, held: Tensor) -> bool:
    """Whether it holds for all rows, of the other processes too: they must all go the same way."""
    return round.mean(held.float()).item() == 1


def _find(game: Game, players: Players, outcome: Outcome, worthwhile: int) -> Border | None:
    """The border of a two-player game with a live outcome, or None where one backward pass would not be exact."""
    if len(game.players) != 2:
        return None
    reads = _reads(game, outcome)
    for border in _candidates(game, outcome, reads):
        found = (
            _size(border, players, outcome) >= worthwhile
            and _has_room(border, players, outcome)
            and _is_only_way(border, players, outcome, reads[border.judge])
            and _treats_apart(border, players, outcome)
        )
        if _everywhere(outcome.round, torch.full_like(outcome[border.scores].detach()[:1], found)):
            return border
    return None


def _candidates(game: Game, outcome: Outcome, reads: Mapping[str, Sequence[str]]) -> Iterator[Border]:
    """Where a maker's cost reads one thing of what the maker made, which is what its judge made of its samples."""
    for judge, maker in permutations(game.players):
        made = [name for name in reads[maker] if maker in outcome.makers[name]]
        if len(made) != 1 or made[0] not in reads[judge] or judge not in outcome.makers[made[0]]:
            continue
        for samples, x in outcome.values.items():
            if x.requires_grad and outcome.makers[samples] == {maker} and outcome[made[0]].shape == x.shape[:1]:
                yield Border(judge, maker, samples, made[0])


def _reads(game: Game, outcome: Outcome) -> dict[str, list[str]]:
    """The values that each player's cost reads by itself, not through others."""
    leaves = {name: v.detach().requires_grad_() for name, v in outcome.values.items() if v.requires_grad}
    costs = game.costs(replace(outcome, values={**outcome.values, **leaves}), game.players)
    found = {}
    for player, cost in costs.items():
        of = torch.autograd.grad(cost, list(leaves.values()), retain_graph=True, allow_unused=True)
        found[player] = [name for name, g in zip(leaves, of, strict=True) if g is not None]
    return found


def _size(border: Border, players: Players, outcome: Outcome) -> int:
    return len(outcome[border.samples]) * sum(p.numel() for p in parameters(players[border.judge]))


def _has_room(border: Border, players: Players, outcome: Outcome) -> bool:
    """Whether there are numbers between zero and what matters in a gradient; half precision has none."""
    on_the_way = [outcome[border.scores], outcome[border.samples], *parameters(players[border.judge])]
    return all(_least(x.dtype) < torch.finfo(x.dtype).eps ** 2 for x in on_the_way)


def _least(dtype: torch.dtype) -> float:
    return math.sqrt(torch.finfo(dtype).tiny)


def _is_only_way(border: Border, players: Players, outcome: Outcome, read: Collection[str]) -> bool:
    """Whether judge and maker depend on each other through the samples' scores alone."""
    samples, scores = outcome[border.samples], outcome[border.scores]
    mine = trainable(players, (border.judge, border.maker))
    return not (
        _leads(scores.grad_fn, to=mine[border.maker], around=samples.grad_fn)
        or _leads(samples.grad_fn, to=mine[border.judge])
        or any(_leads(outcome[v].grad_fn, to=[samples], around=scores.grad_fn) for v in read if v != border.scores)
    )


def _treats_apart(border: Border, players: Players, outcome: Outcome) -> bool:
    """Whether each score depends on its own sample alone: as the judge's layers say, and as gradients of some show."""
    samples, scores, layers = outcome[border.samples], outcome[border.scores], players[border.judge].modules()
    if any(isinstance(layer, _BatchNorm) or not getattr(layer, "samplewise", True) for layer in layers):
        return False
    chosen = torch.rand(len(scores), generator=torch.Generator().manual_seed(0)).to(scores) < 0.5
    chosen[0], chosen[-1] = True, len(scores) == 1
    (gradient,) = torch.autograd.grad(scores[chosen].sum(), samples, retain_graph=True)
    touched = gradient.flatten(1).ne(0).any(1)
    return bool(touched.any()) and not bool(touched[~chosen].any())


def _leads(start: Any, *, to: Collection[Tensor], around: Any = None) -> bool:
    """Whether the graph leads from the node `start` to one of the tensors `to`, not through the node `around`."""
    nodes = {t.grad_fn for t in to if t.grad_fn is not None}
    leaves = {id(t) for t in to if t.grad_fn is None}
    seen, ahead = {around, None}, [start]
    while ahead:
        node = ahead.pop()
        if node in nodes or id(getattr(node, "variable", None)) in leaves:
            return True
        for following, _ in getattr(node, "next_functions", ()):
            if following not in seen:
                seen.add(following)
                ahead.append(following)
    return False
