"""What every dynamics must respect: rounds, sharing, frozen parameters, state, buffers and memory layouts."""

from copy import deepcopy
from dataclasses import dataclass

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from gansmith.dynamics import SGD, Adam, Alternating, LocalEngine, Schedule, Simultaneous, field
from gansmith.dynamics.engine import gradients, hypothetical
from gansmith.dynamics.field import live, move
from gansmith.games import R1, R2, AdversarialGame, NonSaturating, RelativisticPaired
from gansmith.types import Outcome, Round

DYNAMICS = [Alternating(), Alternating(share=False), Alternating(discriminator_steps=2), Simultaneous()]


def networks():
    return {
        "generator": nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)),
        "discriminator": nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1)),
    }


def draw(step=0, asked=None):
    def round(substep):
        if asked is not None:
            asked.append(substep)
        generator = torch.Generator().manual_seed(100 * step + substep)
        streams = {"real": torch.randn(4, 2, generator=generator), "latent": torch.randn(4, 3, generator=generator)}
        return Round(streams, key=(step, substep))

    return round


def run(dynamics, game, players, n, state=None, first=0):
    state = dynamics.init(game, players) if state is None else state
    for step in range(first, first + n):
        state, result = dynamics.step(game, players, state, draw(step), LocalEngine())
    return state, result


@pytest.mark.parametrize(
    ("dynamics", "substeps"),
    [
        (Alternating(), [0]),
        (Alternating(share=False), [0, 1]),
        (Alternating(discriminator_steps=3), [0, 1, 2]),
        (Alternating(discriminator_steps=3, share=False), [0, 1, 2, 3]),
        (Alternating(discriminator_steps=2, generator_steps=2), [0, 1, 3]),
        (Simultaneous(), [0]),
    ],
)
def test_every_move_of_a_player_sees_a_fresh_round(dynamics, substeps):
    asked, players, game = [], networks(), AdversarialGame()
    dynamics.step(game, players, dynamics.init(game, players), draw(asked=asked), LocalEngine())
    assert asked == substeps


@pytest.mark.parametrize(
    ("dynamics", "forwards"),
    [
        (Alternating(), 1),
        (Alternating(share=False), 2),
        (Alternating(discriminator_steps=2), 2),
        (Alternating(generator_steps=2), 2),
        (Simultaneous(), 1),
    ],
)
@pytest.mark.parametrize("game", [AdversarialGame(), AdversarialGame(RelativisticPaired(), penalties=(R1(), R2()))])
def test_the_generator_runs_once_for_every_round(dynamics, forwards, game):
    """Before a game's first step, one more evaluation may be looked at."""
    players, calls = networks(), []
    state, _ = run(dynamics, game, players, 1)
    players["generator"].register_forward_hook(lambda *_: calls.append(1))
    dynamics.step(game, players, state, draw(1), LocalEngine())
    assert len(calls) == forwards


@pytest.mark.parametrize("dynamics", DYNAMICS)
def test_the_result_is_detached_and_nothing_is_left_behind(dynamics):
    players = networks()
    state, result = run(dynamics, AdversarialGame(penalties=(R1(),)), players, 2)
    assert state["steps"] == 2
    assert set(result.costs) == {"discriminator", "generator"}
    assert {"accuracy", "r1"} <= set(result.signals)
    for value in (*result.costs.values(), *result.signals.values()):
        assert value.shape == ()
        assert not value.requires_grad
    for parameter in (p for module in players.values() for p in module.parameters()):
        assert parameter.requires_grad
        assert parameter.grad is None


@pytest.mark.parametrize("dynamics", DYNAMICS)
def test_parameters_that_the_user_froze_stay_frozen(dynamics):
    players = networks()
    frozen = [
        players["generator"][0].weight.requires_grad_(False),
        players["discriminator"][2].bias.requires_grad_(False),
    ]
    before = [p.clone() for p in frozen]
    free = players["generator"][0].bias.clone()
    run(dynamics, AdversarialGame(), players, 3)
    assert not any(p.requires_grad for p in frozen)
    assert all(torch.equal(p, b) for p, b in zip(frozen, before, strict=True))
    assert not torch.equal(players["generator"][0].bias, free)


def test_live_restores_the_flags_after_an_exception():
    players = networks()
    players["discriminator"][0].weight.requires_grad_(False)
    before = [p.requires_grad for module in players.values() for p in module.parameters()]

    def fail():
        with live(players, ["generator"]):
            assert not any(p.requires_grad for p in players["discriminator"].parameters())
            raise RuntimeError("out")

    with pytest.raises(RuntimeError, match="out"):
        fail()
    assert [p.requires_grad for module in players.values() for p in module.parameters()] == before


def test_a_shared_trunk_is_live_with_either_of_its_owners():
    trunk = nn.Linear(2, 2)
    players = {"judge": nn.Sequential(trunk, nn.Linear(2, 1)), "reader": nn.Sequential(trunk, nn.Linear(2, 3))}
    for name in players:
        with live(players, [name]):
            assert trunk.weight.requires_grad


def test_a_player_without_anything_to_train_is_refused():
    players = networks()
    players["generator"].requires_grad_(False)
    with pytest.raises(ValueError, match="the generator has no parameter that requires a gradient"):
        Alternating().init(AdversarialGame(), players)


@pytest.mark.parametrize("change", ["freeze", "free", "exchange"])
@pytest.mark.parametrize("kind", [Alternating, Simultaneous])
def test_a_parameter_that_is_frozen_or_freed_later_is_refused_in_a_sentence(kind, change):
    """Also where one is frozen and another freed, so that their number stays."""
    players, game = networks(), AdversarialGame()
    first, last = players["discriminator"][0].bias, players["discriminator"][2].bias
    first.requires_grad_(change == "freeze")
    state = kind().init(game, players)
    first.requires_grad_(change != "freeze")
    last.requires_grad_(change != "exchange")
    with pytest.raises(ValueError, match=r"a parameter was frozen, freed or replaced after.*call init again"):
        kind().step(game, players, state, draw(), LocalEngine())
    kind().step(game, players, kind().init(game, players), draw(), LocalEngine())


def test_an_optimiser_that_reorders_its_parameters_is_refused():
    """Gradients come in the order of the parameters; groups in another order would get one another's."""

    def biases_first(parameters):
        mine = list(parameters)
        return torch.optim.SGD([{"params": mine[1::2]}, {"params": mine[::2]}], lr=0.1)

    def split(parameters):
        mine = list(parameters)
        return torch.optim.SGD([{"params": mine[:2], "lr": 0.2}, {"params": mine[2:]}], lr=0.1)

    with pytest.raises(
        ValueError, match=r"the optimiser of the discriminator must hold all parameters.*in their order"
    ):
        Simultaneous(optimizer=biases_first).init(AdversarialGame(), networks())
    run(Simultaneous(optimizer=split), AdversarialGame(), networks(), 1)


@pytest.mark.parametrize("kind", [Alternating, Simultaneous])
def test_a_rate_for_nobody_is_refused(kind):
    with pytest.raises(ValueError, match=r"rates names \['critic'\], but the players are"):
        kind(rates={"critic": 2.0}).init(AdversarialGame(), networks())


@pytest.mark.parametrize("steps", [{"discriminator_steps": 0}, {"generator_steps": -1}])
def test_a_player_that_never_moves_is_refused(steps):
    with pytest.raises(ValueError, match="every player moves at least once"):
        Alternating(**steps)


@pytest.mark.identity
@pytest.mark.parametrize("dynamics", DYNAMICS)
def test_state_that_is_saved_and_loaded_goes_on_as_if_nothing_had_been(dynamics):
    """Three steps, a round trip of all state dictionaries into new objects, three more: bit-equal to six in a row."""
    game = AdversarialGame(penalties=(R1(),))
    dynamics = type(dynamics)(**vars(dynamics) | {"schedule": Schedule(warmup=3), "rates": {"generator": 0.5}})
    whole, first = networks(), None
    first = deepcopy(whole)
    run(dynamics, game, whole, 6)
    state, _ = run(dynamics, game, first, 3)
    saved = deepcopy({name: optimizer.state_dict() for name, optimizer in state["optimizers"].items()})
    second = networks()
    for name, module in second.items():
        module.load_state_dict(first[name].state_dict())
    state = dynamics.init(game, second) | {"steps": state["steps"]}
    for name, optimizer in state["optimizers"].items():
        optimizer.load_state_dict(saved[name])
    run(dynamics, game, second, 3, state, first=3)
    for name in whole:
        for a, b in zip(whole[name].parameters(), second[name].parameters(), strict=True):
            assert torch.equal(a, b)


class Number(nn.Module):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value, dtype=torch.float64))


@dataclass(frozen=True)
class ThreePlayers:
    """Three numbers a, b, c and two shared evaluations: bc, which two of them make, and c², which the last makes."""

    players = ("a", "b", "c")
    samplewise = True

    def init(self, players):
        return {}

    def play(self, players, round, of):
        a, b, c = (players[name].value for name in self.players)
        bc = round["bc"] if "bc" in round else b * c
        cc = round["cc"] if "cc" in round else c**2
        makers = {"bc": frozenset("bc"), "cc": frozenset("c"), "a": frozenset("a"), "b": frozenset("b")}
        return Outcome(round, {"bc": bc, "cc": cc, "a": a * 1, "b": b * 1}, makers)

    def costs(self, outcome, of):
        a, b, bc, cc = (outcome[name] for name in ("a", "b", "bc", "cc"))
        all_costs = {"a": (a - bc) ** 2, "b": (b - a) ** 2 + bc, "c": cc * a + bc}
        return {name: all_costs[name] for name in of}

    def signals(self, outcome):
        return {}

    def remember(self, memory, outcome):
        return memory


@pytest.mark.identity
def test_with_three_players_sharing_changes_nothing_where_there_is_no_noise():
    """What is passed on must be forgotten once its maker has moved, and still carry gradients to all who come later."""
    found = []
    for share in (True, False):
        players = {"a": Number(0.5), "b": Number(-1.0), "c": Number(2.0)}
        run(Alternating(optimizer=SGD(lr=0.1), share=share), ThreePlayers(), players, 3)
        found.append([players[name].value.item() for name in "abc"])
    assert found[0] == pytest.approx(found[1], abs=1e-15)
    assert found[0] != pytest.approx([0.5, -1.0, 2.0], abs=0.01)


@pytest.mark.parametrize("dynamics", DYNAMICS)
def test_what_the_game_remembers_is_handed_on(dynamics):
    @dataclass(frozen=True)
    class Remembering(AdversarialGame):
        def init(self, players):
            return {"plays": 0}

        def remember(self, memory, outcome):
            assert outcome.round.memory == memory
            return {"plays": memory["plays"] + 1}

    state, _ = run(dynamics, Remembering(), networks(), 2)
    moves = 1 if isinstance(dynamics, Simultaneous) else len(dynamics.turns(AdversarialGame()))
    assert state["memory"] == {"plays": 2 * moves}


class Transposed(nn.Module):
    """A linear layer whose gradient autograd hands back with other strides than the weight's."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 4, 2))
        self.mixture = torch.randn(4, 3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x[:, None, None] * self.mixture * self.weight.permute(1, 0, 2).contiguous()).sum((1, 2))


@pytest.mark.parametrize("fused", [False, True])
def test_an_optimiser_moves_the_weights_that_the_gradient_is_for(fused):
    """One step of Adam moves each weight by −lr·sign(gradient); a fused kernel that read another layout would not."""
    module, x = Transposed(), torch.randn(5, 2)
    raw = torch.autograd.grad(module(x).pow(3).sum(), module.weight)[0]
    assert raw.stride() != module.weight.stride()
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01, eps=0, fused=fused)
    optimizer.param_groups[0]["base_lr"] = 0.01
    expected = module.weight.detach() - 0.01 * raw.sign()
    found = gradients({"one": module(x).pow(3).sum()}, {"one": [module.weight]})
    move(optimizer, found["one"])
    assert torch.allclose(module.weight, expected, atol=1e-6)


def test_a_cost_that_skips_a_parameter_leaves_it_where_it_is():
    used, unused = torch.ones(2, requires_grad=True), torch.ones(3, requires_grad=True)
    found = gradients({"one": used.sum()}, {"one": [used, unused]})["one"]
    assert found[0].tolist() == [1, 1]
    assert found[1].tolist() == [0, 0, 0]


def test_field_restricts_itself_to_the_players_it_is_asked_for():
    players = networks()
    found, costs, outcome = field(AdversarialGame(), players, draw()(0), LocalEngine(), ["generator"])
    assert set(found) == set(costs) == {"generator"}
    assert "real_scores" not in outcome.values


def test_looking_ahead_leaves_no_trace():
    """Batch-norm counters and statistics, spectral norm's vectors, a buffer that is replaced, and the random state."""

    class Replacing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("seen", torch.zeros(()))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.seen = self.seen + x.detach().mean() + torch.rand(())
            return x

    module = nn.Sequential(spectral_norm(nn.Linear(3, 4)), nn.BatchNorm1d(4), nn.Dropout(), Replacing())
    before, random = deepcopy(module.state_dict()), torch.get_rng_state()
    buffers = {name: buffer.data_ptr() for name, buffer in module.named_buffers()}
    x = torch.randn(5, 3, generator=torch.Generator().manual_seed(3))

    def fail():
        with hypothetical({"one": module}):
            assert not torch.equal(module(x), module(x))
            assert module[1].num_batches_tracked == 2
            raise RuntimeError("out")

    with pytest.raises(RuntimeError, match="out"):
        fail()
    assert torch.equal(torch.get_rng_state(), random)
    assert {name: buffer.data_ptr() for name, buffer in module.named_buffers()} == buffers
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_a_graph_from_a_look_ahead_can_still_be_differentiated_afterwards():
    """Putting buffers back must not write into tensors that the graph keeps."""
    module = nn.Sequential(spectral_norm(nn.Linear(3, 4)), nn.BatchNorm1d(4))
    x = torch.randn(5, 3)
    with hypothetical({"one": module}):
        cost = module(x).pow(3).sum()
    assert all(torch.isfinite(g).all() for g in torch.autograd.grad(cost, list(module.parameters())))


@pytest.mark.analytic
def test_the_schedule_rises_holds_falls_and_stays():
    """A rise over 4 steps to 1, a cosine from step 10 to 30 through its middle 0.6 at 20, and the floor 0.2."""
    schedule = Schedule(warmup=4, hold=10, decay=20, floor=0.2)
    assert [schedule(step) for step in range(6)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0])
    assert [schedule(step) for step in (10, 20, 30, 99)] == pytest.approx([1.0, 0.6, 0.2, 0.2])
    assert Schedule()(123) == 1.0


def test_adam_is_torchs():
    players, other = nn.Linear(3, 2), nn.Linear(3, 2)
    other.load_state_dict(players.state_dict())
    ours = Adam(lr=0.01, beta1=0.3, beta2=0.8, eps=1e-6)(players.parameters())
    theirs = torch.optim.Adam(other.parameters(), lr=0.01, betas=(0.3, 0.8), eps=1e-6)
    for _ in range(3):
        x = torch.randn(4, 3)
        for module, optimizer in ((players, ours), (other, theirs)):
            optimizer.zero_grad()
            NonSaturating().generator(None, module(x)).sum().backward()
            optimizer.step()
    assert torch.allclose(players.weight, other.weight, atol=1e-6)


def test_a_whole_number_is_a_beta() -> None:
    assert Adam(beta1=0)([torch.zeros(1, requires_grad=True)]).param_groups[0]["betas"] == (0.0, 0.999)


@pytest.mark.parametrize(
    ("kind", "setting", "sentence"),
    [
        (Adam, {"lr": 0.0}, "lr must be above 0, not 0"),
        (Adam, {"lr": float("nan")}, "lr must be above 0, not nan"),
        (Adam, {"beta1": 1.0}, r"beta1 must be in \[0, 1\), not 1"),
        (Adam, {"beta2": -0.1}, r"beta2 must be in \[0, 1\), not -0.1"),
        (Adam, {"eps": 0.0}, "eps must be above 0, not 0"),
        (SGD, {"lr": -1.0}, "lr must be above 0, not -1"),
        (SGD, {"momentum": 1.5}, r"momentum must be in \[0, 1\), not 1.5"),
    ],
)
def test_an_optimiser_that_cannot_work_is_refused(kind: type, setting: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        kind(**setting)


@pytest.mark.parametrize("wrong", [{"floor": 2.0}, {"floor": -0.1}, {"warmup": -1}, {"hold": -1}, {"decay": -1}])
def test_a_schedule_outside_its_ranges_is_refused(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"{name} must be"):
        Schedule(**wrong)
