"""The conformance check: every dynamics passes it, and each promise that is broken is found and named."""

import itertools
import weakref

import pytest
import torch
from torch import nn

from gansmith.dynamics import (
    SGD,
    Adam,
    Alternating,
    Averaged,
    Competitive,
    Consensus,
    Extragradient,
    Lookahead,
    Optimistic,
    Simultaneous,
    SymplecticAdjustment,
    Unrolled,
    check_dynamics,
)
from gansmith.dynamics.field import beginning, field, live, move
from gansmith.types import Result

MOMENTUM = SGD(lr=0.01, momentum=0.9)


@pytest.mark.parametrize(
    "dynamics",
    [
        Simultaneous(),
        Alternating(),
        Alternating(discriminator_steps=3, share=False, optimizer=MOMENTUM),
        Unrolled(steps=3),
        Unrolled(steps=3, first_order=True, optimizer=MOMENTUM),
        Extragradient(),
        Extragradient(share=True, optimizer=MOMENTUM),
        Extragradient(past=True),
        Optimistic(),
        Consensus(),
        SymplecticAdjustment(),
        Competitive(dense=0, iterations=5),
        Competitive(decay=0.9, dense=0, iterations=5),
        Lookahead(every=2),
        Averaged(decay=0.9),
        Averaged(dynamics=Lookahead(every=2, dynamics=Extragradient(past=True))),
        # Any optimiser where nothing looks through its steps.
        Alternating(optimizer=lambda p: torch.optim.RMSprop(p, lr=1e-3, momentum=0.5)),
        Extragradient(optimizer=lambda p: torch.optim.Adagrad(p)),
        Optimistic(optimizer=lambda p: torch.optim.Adamax(p)),
        Consensus(optimizer=lambda p: torch.optim.AdamW(p)),
        Lookahead(every=2, dynamics=Simultaneous(optimizer=lambda p: torch.optim.Adadelta(p))),
    ],
    ids=lambda dynamics: type(dynamics).__name__,
)
def test_every_dynamics_keeps_its_promises(dynamics):
    check_dynamics(dynamics)


class Plain:
    """Simultaneous descent in pieces that can be broken one by one."""

    def init(self, game, players):
        return beginning(Adam(), {}, game, players)

    def step(self, game, players, state, draw, engine):
        gradients, costs, outcome = self.evaluate(game, players, state, draw, engine)
        for player in self.movers(game):
            move(state["optimizers"][player], gradients[player])
        return self.after(game, players, state, outcome), Result(costs, game.signals(outcome))

    def movers(self, game):
        return game.players

    def evaluate(self, game, players, state, draw, engine):
        with live(players, game.players):
            return field(game, players, draw(0).recall(state["memory"]), engine, game.players)

    def after(self, game, players, state, outcome):
        return state | {"memory": game.remember(state["memory"], outcome.detached()), "steps": state["steps"] + 1}


class Idle(Plain):
    """The last player never moves."""

    def movers(self, game):
        return game.players[:-1]


class Careless(Plain):
    """Everything drifts, also what is frozen."""

    def step(self, game, players, state, draw, engine):
        with torch.no_grad():
            for p in itertools.chain(*(module.parameters() for module in players.values())):
                p.add_(1e-3)
        return super().step(game, players, state, draw, engine)


class Looking(Plain):
    """A second evaluation that is not marked as hypothetical."""

    def evaluate(self, game, players, state, draw, engine):
        super().evaluate(game, players, state, draw, engine)
        return super().evaluate(game, players, state, draw, engine)


class CountingBack(Plain):
    """The same, with the counters put back, but not the statistics."""

    def evaluate(self, game, players, state, draw, engine):
        found = super().evaluate(game, players, state, draw, engine)
        norms = [m for module in players.values() for m in module.modules() if isinstance(m, nn.BatchNorm1d)]
        counts = [norm.num_batches_tracked.clone() for norm in norms]
        super().evaluate(game, players, state, draw, engine)
        for norm, count in zip(norms, counts, strict=True):
            norm.num_batches_tracked.copy_(count)
        return found


class NeverThere(Plain):
    """The only evaluation is hypothetical, so batch norm learns nothing."""

    def evaluate(self, game, players, state, draw, engine):
        with engine.hypothetical(players):
            return super().evaluate(game, players, state, draw, engine)


class Gambling(Plain):
    """Random numbers from the state that everybody shares."""

    def evaluate(self, game, players, state, draw, engine):
        found = super().evaluate(game, players, state, draw, engine)
        torch.rand(1)
        return found


class Moody(Plain):
    """The third run of the process moves otherwise than the first two."""

    count = itertools.count()

    def step(self, game, players, state, draw, engine):
        with torch.no_grad():
            next(iter(players.values()))[0].weight.mul_(1 + 1e-6 * next(self.count))
        return super().step(game, players, state, draw, engine)


class Secretive(Plain):
    """What matters is kept outside of the state."""

    def __init__(self):
        self.kept = weakref.WeakKeyDictionary()

    def step(self, game, players, state, draw, engine):
        first = next(iter(players.values()))
        self.kept[first] = self.kept.get(first, 0) + 1
        with torch.no_grad():
            first[0].weight.mul_(1 - 1e-3 * self.kept[first])
        return super().step(game, players, state, draw, engine)


class Sharing(Plain):
    """The state holds the parameters themselves where it means what they were."""

    def step(self, game, players, state, draw, engine):
        first = next(iter(players.values()))[0].weight
        with torch.no_grad():
            first.lerp_(state.get("slow", first), 0.5)
        state, result = super().step(game, players, state, draw, engine)
        return state | {"slow": state.get("slow", first.detach())}, result


class Reporting(Plain):
    """A result with something wrong in it."""

    def step(self, game, players, state, draw, engine):
        state, result = super().step(game, players, state, draw, engine)
        return state, self.report(dict(result.costs), players)


class Graphs(Reporting):
    def report(self, costs, players):
        return Result(costs, {"norm": next(iter(players.values()))[0].weight.norm()})


class Infinite(Reporting):
    def report(self, costs, players):
        return Result({name: cost / 0 for name, cost in costs.items()})


class Vectors(Reporting):
    def report(self, costs, players):
        return Result({name: cost.expand(2) for name, cost in costs.items()})


class Silent(Reporting):
    def report(self, costs, players):
        return Result(dict(itertools.islice(costs.items(), 1, None)))


class Leaving(Plain):
    """Something about the players is not put back."""

    def step(self, game, players, state, draw, engine):
        found = super().step(game, players, state, draw, engine)
        self.leave(next(iter(players.values())))
        return found


class Thawing(Leaving):
    def leave(self, player):
        player[-1].bias.requires_grad_(True)


class Freezing(Leaving):
    def leave(self, player):
        player[0].bias.requires_grad_(False)


class Evaluating(Leaving):
    def leave(self, player):
        player.eval()


class Replacing(Leaving):
    def leave(self, player):
        player[0].weight = nn.Parameter(player[0].weight.detach().clone())


class Hoarding(Leaving):
    def leave(self, player):
        player[0].weight.grad = torch.zeros_like(player[0].weight)


class Forgetting(Plain):
    def after(self, game, players, state, outcome):
        return state


class Repeating(Plain):
    def after(self, game, players, state, outcome):
        state = super().after(game, players, state, outcome)
        return super().after(game, players, state, outcome)


class Misplacing(Plain):
    def after(self, game, players, state, outcome):
        state = super().after(game, players, state, outcome)
        return state | {"memory": {"plays": 0}}


class Nowhere(Plain):
    def after(self, game, players, state, outcome):
        super().after(game, players, state, outcome)
        return {"optimizers": state["optimizers"], "steps": 0}


class Attached(Plain):
    def after(self, game, players, state, outcome):
        return super().after(game, players, state, outcome) | {"w": [next(iter(players.values()))[0].weight * 2]}


class Strange(Plain):
    def after(self, game, players, state, outcome):
        return super().after(game, players, state, outcome) | {"generator": {"own": torch.Generator()}}


BROKEN = {
    Idle: r"the only has not moved|the generator has not moved",
    Careless: r"only.4.bias is frozen, but it has moved",
    Looking: r"only.1.running_mean is not what the evaluations that the game remembers make of it",
    CountingBack: r"only.1.running_mean is not what the evaluations that the game remembers make of it",
    NeverThere: r"only.1.running_mean is not what the evaluations",
    Gambling: r"the random state is not what the evaluations that the game remembers make of it",
    Moody: r"two runs from the same beginning differ, first in only.0.weight",
    Secretive: r"a run whose state was saved and restored goes on otherwise, first in only.0.weight",
    Sharing: r"a run whose state was saved and restored goes on otherwise, first in only.0.weight",
    Graphs: r"'norm' in the result carries a graph",
    Infinite: r"'only' in the result must be one finite number, not inf",
    Vectors: r"'only' in the result must be one finite number, not tensor",
    Silent: r"the result has costs of \[\], but \['only'\] play",
    Thawing: r"the requires_grad of only.4.bias is True after a step, and was False",
    Freezing: r"the requires_grad of only.0.bias is False after a step, and was True",
    Evaluating: r"the training mode of only is False after a step, and was True",
    Replacing: r"the players are made of other modules or parameters",
    Hoarding: r"a gradient is left in only.0.weight",
    Forgetting: r"a step must call the game's remember.*called it never",
    Repeating: r"the game was told to remember the same evaluation twice",
    Misplacing: r"state\['memory'\] is \{'plays': 0\}, not what the game's remember returned",
    Nowhere: r"the state must be a dict that holds the game's memory under 'memory'",
    Attached: r"state\['w'\]\[0\] carries a graph",
    Strange: r"state\['generator'\]\['own'\] is a Generator, which cannot be saved",
}


def test_what_the_broken_ones_are_made_of_is_sound():
    check_dynamics(Plain())


@pytest.mark.parametrize("kind", BROKEN, ids=lambda kind: kind.__name__)
def test_a_broken_promise_is_found_and_named(kind):
    counts = (2,) if kind is Idle else (1,)
    players = "2 players" if kind is Idle else "1 player"
    with pytest.raises(ValueError, match=rf"^{kind.__name__}, in a game of {players}: ({BROKEN[kind]})"):
        check_dynamics(kind(), counts=counts)


@pytest.mark.parametrize("kind", [Looking, Freezing, Secretive, Infinite])
def test_promises_are_checked_with_three_players_too(kind):
    with pytest.raises(ValueError, match=rf"^{kind.__name__}, in a game of 3 players: "):
        check_dynamics(kind(), counts=(3,))


def test_the_check_itself_leaves_no_trace():
    random = torch.get_rng_state()
    check_dynamics(Plain(), counts=(2,))
    assert torch.equal(torch.get_rng_state(), random)


def test_a_game_of_four_is_not_there():
    with pytest.raises(ValueError, match="the check has games of 1 to 3 players, not of 4"):
        check_dynamics(Plain(), counts=(4,))
