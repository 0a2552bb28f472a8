"""A compiled step is the step; here recorded by the machinery of compilers, and compiled in the slow test."""

import pytest
import torch
from torch import nn

from gansmith.data import Ring, Stream
from gansmith.dynamics import Adam, Alternating, Compiled, Lookahead, Schedule, Seeds, Simultaneous, Unrolled, play
from gansmith.dynamics.seeds import stacked, together
from gansmith.games import R1, WGANGP, AdversarialGame, LeCam, Wasserstein
from gansmith.training.engine import DeviceEngine
from gansmith.types import Round

D, G = "discriminator", "generator"
# What PyTorch itself says while it compiles is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


def networks(seed=0, *layers):
    torch.manual_seed(seed)
    judge = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), *layers, nn.Linear(4, 1))
    return {G: nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 2)).double(), D: judge.double()}


def draws(seed=0, batch=6):
    stream = Stream(Ring(), batch=batch, latent=2, seed=seed)

    def step(number):
        def substep(i):
            round = stream(number)(i)
            return Round({name: x.double() for name, x in round.streams.items()}, round.key)

        return substep

    return step


def recorded(dynamics):
    return Compiled(dynamics=dynamics, backend="aot_eager")


def assert_same(game, dynamics, ours, theirs, draws, *, compiled=recorded, steps=5):
    """Weights, costs and signals to 1e-9 after each of some steps."""
    seen = ([], [])
    for results, them, moves in ((seen[0], ours, compiled(dynamics)), (seen[1], theirs, dynamics)):
        state = play(
            game, moves, them, draws, steps=steps,
            watch=lambda _, r, results=results: results.append({**r.costs, **r.signals}),
        )  # fmt: skip
        assert state["steps"] == steps
    for mine, other in zip(*seen, strict=True):
        assert set(mine) == set(other)
        for name in other:
            assert torch.allclose(mine[name], other[name], atol=1e-9), name
    for name in ours:
        for a, b in zip(ours[name].parameters(), theirs[name].parameters(), strict=True):
            assert torch.allclose(a, b, atol=1e-9)
            assert a.requires_grad
    return state


CASES = {
    "simultaneous": (AdversarialGame(penalties=(R1(gamma=0.5),)), Simultaneous()),
    "several moves, with noise": (
        AdversarialGame(Wasserstein(), penalties=(WGANGP(),)),
        Alternating(discriminator_steps=2),
    ),
    "unrolled": (AdversarialGame(), Unrolled(optimizer=Adam(lr=0.01), steps=2)),
}


@pytest.mark.identity
@pytest.mark.parametrize("case", CASES)
def test_a_compiled_step_is_the_step(case):
    assert_same(*CASES[case], networks(), networks(), draws())


@pytest.mark.identity
def test_seeds_at_once_can_be_compiled():
    ours, theirs = (stacked([networks(0), networks(1)]) for _ in range(2))
    game = AdversarialGame(Wasserstein(), penalties=(WGANGP(),))
    assert_same(Seeds(game, 2), Simultaneous(), ours, theirs, together([draws(0), draws(1)]))


@pytest.mark.slow
@pytest.mark.identity
def test_a_compiler_makes_the_same_steps():
    state = assert_same(
        AdversarialGame(), Simultaneous(), networks(), networks(), draws(), compiled=lambda d: Compiled(dynamics=d)
    )
    assert state["steps"] == 5


def test_what_was_loaded_in_between_is_used():
    """Loading replaces an optimiser's memory, of which the recorded step would know nothing."""
    game, dynamics, ends = AdversarialGame(), Simultaneous(), []
    for moves in (recorded(dynamics), dynamics):
        them = networks()
        state = play(game, moves, them, draws(), steps=4)
        for optimizer in state["optimizers"].values():
            saved = optimizer.state_dict()
            saved["state"] = {i: {k: v.clone() * 0.5 for k, v in one.items()} for i, one in saved["state"].items()}
            optimizer.load_state_dict(saved)
        play(game, moves, them, draws(), steps=3, state=state, first=4)
        ends.append([p.detach() for module in them.values() for p in module.parameters()])
    for a, b in zip(*ends, strict=True):
        assert torch.allclose(a, b, atol=1e-9)


@pytest.mark.identity
@pytest.mark.parametrize("what", ["another game", "rounds of another size"])
def test_what_changes_in_between_is_not_played_as_it_was(what):
    """Four steps, then four with a penalty, or with ten samples in place of six: the weights of plain moves."""
    game, ends = AdversarialGame(), []
    other = AdversarialGame(penalties=(R1(gamma=20.0),)) if what == "another game" else game
    later = draws(1, batch=6 if what == "another game" else 10)
    for moves in (Simultaneous(), recorded(Simultaneous())):
        them = networks()
        state = play(game, moves, them, draws(), steps=4)
        state = play(other, moves, them, later, steps=4, state=state, first=4)
        assert state["steps"] == 8
        ends.append(torch.cat([p.detach().flatten() for module in them.values() for p in module.parameters()]))
    assert torch.allclose(*ends, atol=1e-9)


def test_the_time_that_it_took_is_said():
    state = play(AdversarialGame(), recorded(Simultaneous()), networks(), draws(), steps=3)
    assert 0 < state["compile_seconds"] < 300


@pytest.mark.parametrize(
    ("dynamics", "message"),
    [
        (
            Lookahead(dynamics=Simultaneous()),
            "Lookahead cannot be compiled; Simultaneous, Alternating and Unrolled can",
        ),
        (Simultaneous(schedule=Schedule(warmup=3)), "leave the schedule out"),
        (Simultaneous(optimizer=lambda p: torch.optim.RMSprop(p)), "SGD, Adam and AdamW, not with RMSprop"),
    ],
)
def test_what_cannot_be_compiled_is_refused_by_name(dynamics, message):
    with pytest.raises(ValueError, match=message):
        Compiled(dynamics=dynamics).init(AdversarialGame(), networks())


def test_networks_with_buffers_are_refused_by_name():
    with pytest.raises(ValueError, match="BatchNorm1d '2' of the discriminator keeps buffers"):
        Compiled(dynamics=Simultaneous()).init(AdversarialGame(), networks(0, nn.BatchNorm1d(4)))


def test_a_game_that_remembers_is_refused():
    with pytest.raises(ValueError, match="remembers something between steps"):
        play(AdversarialGame(penalties=(LeCam(),)), recorded(Simultaneous()), networks(), draws(), steps=2)


def test_another_engine_is_refused():
    with pytest.raises(ValueError, match="local engine for gradients, not DeviceEngine"):
        play(AdversarialGame(), recorded(Simultaneous()), networks(), draws(), steps=1, engine=DeviceEngine())


def test_a_part_of_a_larger_batch_is_refused():
    def part(step):
        return lambda substep: Round(draws()(step)(substep).streams, mean=lambda x: x.mean(0))

    with pytest.raises(ValueError, match="this round is a part of a larger batch"):
        play(AdversarialGame(), recorded(Simultaneous()), networks(), part, steps=1)
