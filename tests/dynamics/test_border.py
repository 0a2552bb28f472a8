"""One backward pass for two players: the same gradients as two, taken where it is exact and nowhere else."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from gansmith.dynamics import SGD, Alternating, LocalEngine, Simultaneous, border, field
from gansmith.dynamics.border import Border, across, border_of
from gansmith.games import (
    R1,
    R2,
    WGANGP,
    Adversarial,
    AdversarialGame,
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    RelativisticAverage,
    RelativisticPaired,
    Wasserstein,
    bilinear,
)
from gansmith.networks import Point
from gansmith.training.engine import DeviceEngine
from gansmith.types import Outcome, Round

D, G = "discriminator", "generator"


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Small enough for a test is too small to be worthwhile."""
    monkeypatch.setattr(border, "WORTHWHILE", 0)


class Count(nn.Module):
    """The identity, which counts the backward passes that go through it."""

    def __init__(self) -> None:
        super().__init__()
        self.passes = 0

    def forward(self, x: Tensor) -> Tensor:
        x = x.view_as(x)
        if x.requires_grad:
            x.register_hook(self.see)
        return x

    def see(self, gradient: Tensor) -> None:
        self.passes += 1


class Mixing(nn.Module):
    """Lets every sample see the mean of all, and says nothing of it unless told to."""

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, x: Tensor) -> Tensor:
        return x + self.weight * x.mean(0)


def players(*layers: nn.Module, activation: type[nn.Module] = nn.Tanh, norm: bool = False):
    torch.manual_seed(0)
    middle = [nn.BatchNorm1d(8)] if norm else []
    judge = nn.Sequential(nn.Linear(2, 8), Count(), activation(), *layers, nn.Linear(8, 1))
    return {D: judge.double(), G: nn.Sequential(nn.Linear(3, 8), *middle, nn.Tanh(), nn.Linear(8, 2)).double()}


def round(n: int = 12) -> Round:
    generator = torch.Generator().manual_seed(1)
    real = torch.randn(n, 2, generator=generator, dtype=torch.float64) + 1
    return Round({"real": real, "latent": torch.randn(n, 3, generator=generator, dtype=torch.float64)}, key=(1,))


def found(game, them, draw=None, state=None) -> Border | None:
    state = state or Simultaneous().init(game, them)
    return border_of(game, them, state, draw or round(), LocalEngine())


def compared(game, them, where, engine=None, draw=None) -> int:
    """Check one backward pass against two, and say how many went through the judge's layers."""
    draw, engine = draw or round(), engine or LocalEngine()
    two, costs, _ = field(game, them, draw, engine, game.players)
    them[D][1].passes = 0
    one, same, outcome = across(where, game, them, draw, engine)
    assert set(one) == set(two)
    for player in two:
        assert costs[player].item() == pytest.approx(same[player].item(), rel=1e-12)
        a, b = (torch.cat([g.flatten() for g in gradients[player]]) for gradients in (one, two))
        assert (a - b).abs().max() < 1e-10 * b.abs().max(), player
    assert isinstance(outcome, Outcome)
    return them[D][1].passes


EXPECTED = Border(judge=D, maker=G, samples="fake", scores="fake_scores")
LOSSES = [
    NonSaturating(),
    NonSaturating(real_target=0.9),
    Minimax(),
    LeastSquares(),
    Wasserstein(),
    RelativisticPaired(),
    RelativisticAverage(),
]


@pytest.mark.identity
@pytest.mark.parametrize("engine", [LocalEngine(), DeviceEngine()], ids=["local", "device"])
@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_one_backward_pass_gives_the_gradients_of_two(loss, engine):
    """In float64 to 1e-10; through the judge go the real and the generated samples once each."""
    game, them = AdversarialGame(loss), players()
    assert found(game, them) == EXPECTED
    assert compared(game, them, EXPECTED, engine) == 2


@pytest.mark.identity
def test_layers_that_draw_draw_the_same():
    """The engine makes their draws a function of the round and of who is asked for; other draws are seen at once."""
    them, draw = players(nn.Dropout(0.5)), round()
    assert compared(AdversarialGame(), them, EXPECTED, DeviceEngine(), draw) == 2
    with pytest.raises(AssertionError):
        compared(AdversarialGame(), them, EXPECTED, LocalEngine(), draw)


@pytest.mark.identity
def test_a_batch_that_is_worked_off_in_pieces_gives_the_same_gradients():
    game, them = AdversarialGame(), players()
    assert compared(game, them, EXPECTED, DeviceEngine(pieces=3)) == 6


@pytest.mark.identity
def test_batch_norm_in_the_maker_and_a_penalty_on_real_samples_are_no_hindrance():
    """The maker's own backward pass is an ordinary one, and R1 has no way to the generated samples."""
    game, them = AdversarialGame(penalties=(R1(gamma=1.0),)), players(norm=True)
    assert found(game, them) == EXPECTED
    compared(game, them, EXPECTED)


@pytest.mark.identity
@pytest.mark.parametrize(
    "loss",
    [
        lambda first: Adversarial(lambda r, f: (1 - r).relu() + (f - first).relu(), lambda r, f: -f),
        lambda first: Adversarial(lambda r, f: (r - 1).square() + (f - first).square(), lambda r, f: (f - 1).square()),
        lambda first: Adversarial(lambda r, f: softplus(-r) + softplus(f - first - 800), lambda r, f: softplus(-f)),
    ],
    ids=["hinge", "least squares", "saturated sigmoid"],
)
def test_what_the_judge_wants_nothing_of_passes_the_border_all_the_same(loss):
    """At the hinge's kink, at the parabola's foot, and where a sigmoid underflows, no factor would be finite."""
    them, draw = players(), round()
    first = them[D](them[G](draw["latent"]))[0].item()
    assert compared(AdversarialGame(loss(first)), them, EXPECTED, draw=draw) == 2


@pytest.mark.identity
def test_a_judge_that_wants_nothing_at_all_is_left_where_it_is():
    """In float32 what it sends is 1e-19 a sample: Adam, whose epsilon is 1e-8, moves no weight by its last bit."""
    them, draw = {name: module.float() for name, module in players().items()}, round()
    draw = Round({name: x.float() for name, x in draw.streams.items()}, key=(1,))
    game = AdversarialGame(Adversarial(lambda r, f: (-1e3 - r).relu() + (f - 1e3).relu(), lambda r, f: -f))
    two, _, _ = field(game, them, draw, LocalEngine(), game.players)
    one, _, _ = across(EXPECTED, game, them, draw, LocalEngine())
    assert all(not g.any() for g in two[D])
    assert max(g.abs().max() for g in one[D]) < 1e-17
    for a, b in zip(one[G], two[G], strict=True):
        assert torch.allclose(a, b, rtol=1e-5, atol=1e-7 * float(b.abs().max()))
    before, dynamics = [p.detach().clone() for p in them[D].parameters()], Simultaneous()
    state = dynamics.init(game, them)
    for _ in range(3):
        state, _ = dynamics.step(game, them, state, lambda substep: draw, LocalEngine())
    assert found(game, them, draw, state) == EXPECTED
    assert all(torch.equal(p, old) for p, old in zip(them[D].parameters(), before, strict=True))


@pytest.mark.identity
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_half_precision_has_no_room_between_nothing_and_something(dtype):
    """√tiny is 8e-3 there; in the others it is 1e-19 or less."""
    them, draw = {name: module.to(dtype) for name, module in players().items()}, round()
    draw = Round({name: x.to(dtype) for name, x in draw.streams.items()}, key=(1,))
    assert found(AdversarialGame(), them, draw) == (None if dtype == torch.float16 else EXPECTED)


@pytest.mark.identity
def test_the_hinge_inside_its_margin_takes_one_pass():
    game, them = AdversarialGame(Hinge()), players()
    with torch.no_grad():
        them[D][-1].weight *= 0.1
    assert compared(game, them, EXPECTED) == 2


class Trunk(nn.Module):
    """A generator that ends in a layer of the discriminator's."""

    def __init__(self, shared: nn.Module) -> None:
        super().__init__()
        self.own, self.shared = nn.Linear(3, 2).double(), shared

    def forward(self, z: Tensor) -> Tensor:
        return self.shared(self.own(z))[:, :2]


def _batch_norm(where):
    them = players(nn.BatchNorm1d(8))
    return AdversarialGame(), them


def _batch_norm_in_evaluation(where):
    them = players(nn.BatchNorm1d(8))
    them[D].eval()
    return AdversarialGame(), them


def _shared(where):
    them = players()
    return AdversarialGame(), {D: them[D], G: Trunk(them[D][0])}


def _says_so(where):
    them = players(Mixing(weight=0.0))
    them[D][3].samplewise = False
    return AdversarialGame(), them


REFUSED = {
    "batch norm": _batch_norm,
    "batch norm, which counts in evaluation mode as well": _batch_norm_in_evaluation,
    "a layer that mixes": lambda _: (AdversarialGame(), players(Mixing())),
    "a layer that says that it mixes": _says_so,
    "R2": lambda _: (AdversarialGame(penalties=(R2(gamma=1.0),)), players()),
    "R2 on a piecewise linear judge": lambda _: (AdversarialGame(penalties=(R2(),)), players(activation=nn.ReLU)),
    "WGAN-GP": lambda _: (AdversarialGame(Wasserstein(), penalties=(WGANGP(),)), players()),
    "a joint pass": lambda _: (AdversarialGame(joint=True), players()),
    "shared parameters": _shared,
    "players that are no networks": lambda _: (bilinear(players=(D, G)), {D: Point([1.0, 2.0]), G: Point([3.0, 4.0])}),
}


@pytest.mark.identity
@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED)
def test_where_it_would_not_be_exact_two_passes_are_taken(make):
    """A step is then the one that two backward passes make, and the state says so."""
    game, them = make(None)
    assert found(game, them) is None
    dynamics, draw = Simultaneous(optimizer=SGD(lr=0.1)), round()
    state = dynamics.init(game, them)
    expected, _, _ = field(game, them, draw, LocalEngine(), game.players)
    before = {name: [p.detach().clone() for p in module.parameters()] for name, module in them.items()}
    with torch.random.fork_rng():
        state, _ = dynamics.step(game, them, state, lambda substep: draw, LocalEngine())
    assert found(game, them, draw, state) is None
    if not any(p is q for p in them[D].parameters() for q in them[G].parameters()):
        for name, module in them.items():
            for p, old, g in zip(module.parameters(), before[name], expected[name], strict=True):
                assert torch.allclose(p, old - 0.1 * g, atol=1e-9)


def test_one_pass_would_be_wrong_where_it_is_refused():
    """Else the refusals above would prove nothing."""
    for name in ("batch norm", "a layer that mixes", "R2", "WGAN-GP"):
        game, them = REFUSED[name](None)
        with pytest.raises(AssertionError):
            compared(game, them, EXPECTED)


@pytest.mark.identity
def test_simultaneous_descent_takes_one_pass_by_itself():
    """Ten steps with and without it in float64: the same weights to 1e-10."""
    ends = []
    for threshold in (0, 10**9):
        border.WORTHWHILE = threshold
        game, them, dynamics = AdversarialGame(), players(), Simultaneous()
        state = dynamics.init(game, them)
        for _ in range(10):
            state, _ = dynamics.step(game, them, state, lambda substep: round(), LocalEngine())
        assert found(game, them, state=state) == (None if threshold else EXPECTED)
        ends.append([p.detach() for module in them.values() for p in module.parameters()])
        assert them[D][1].passes == (30 if threshold else 21)  # looking takes one
    for a, b in zip(*ends, strict=True):
        assert torch.allclose(a, b, atol=1e-10)


@pytest.mark.identity
def test_players_who_take_turns_take_a_pass_each():
    """The generator answers a discriminator that has moved, whose backward pass was another one's."""
    game, them, draw = AdversarialGame(), players(), round()
    start = players()
    state = Alternating(optimizer=SGD(lr=0.1)).init(game, them)
    state, _ = Alternating(optimizer=SGD(lr=0.1)).step(game, them, state, lambda substep: draw, LocalEngine())
    assert them[D][1].passes == 3  # real and generated samples for the one, generated ones for the other
    start[D].load_state_dict(them[D].state_dict())
    expected, _, _ = field(game, start, draw, LocalEngine(), [G])
    for p, old, g in zip(them[G].parameters(), start[G].parameters(), expected[G], strict=True):
        assert torch.allclose(p, old - 0.1 * g, atol=1e-12)


@pytest.mark.identity
@pytest.mark.parametrize("name", ["R2", "WGAN-GP"])
def test_another_game_is_looked_at_anew(name):
    """After steps of a game with a border come steps of one without: those that two backward passes make."""
    them, dynamics, draw = players(), Simultaneous(optimizer=SGD(lr=0.1)), round()
    game, other = AdversarialGame(), REFUSED[name](None)[0]
    state = dynamics.init(game, them)
    state, _ = dynamics.step(game, them, state, lambda substep: draw, LocalEngine())
    assert found(game, them, draw, state) == EXPECTED
    expected, _, _ = field(other, them, draw, LocalEngine(), other.players)
    before = {player: [p.detach().clone() for p in module.parameters()] for player, module in them.items()}
    state, _ = dynamics.step(other, them, state, lambda substep: draw, LocalEngine())
    for player, module in them.items():
        for p, old, g in zip(module.parameters(), before[player], expected[player], strict=True):
            assert torch.allclose(p, old - 0.1 * g, rtol=0, atol=1e-12)


def test_a_batch_too_small_to_be_worthwhile_takes_two(monkeypatch):
    monkeypatch.setattr(border, "WORTHWHILE", 10**6)
    assert found(AdversarialGame(), players()) is None
