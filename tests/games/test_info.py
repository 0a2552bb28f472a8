"""InfoGAN: codes, the bound on the information, who pays what for it, and finding the modes of a mixture."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from gansmith.data.toy import Ring, Stream
from gansmith.dynamics import Adam, Alternating, Simultaneous, play
from gansmith.games import R1, AdversarialGame, CategoricalCode, InfoGAN, LeastSquares, UniformCode, check_game
from gansmith.types import Round

CODES = (CategoricalCode(3, weight=0.7), UniformCode(2, weight=0.2))


@pytest.fixture
def game():
    return InfoGAN(CODES, AdversarialGame(LeastSquares(), penalties=(R1(gamma=0.5),)))


@pytest.fixture
def players(game):
    networks = {"discriminator": nn.Linear(2, 1), "recogniser": nn.Linear(2, game.guesses)}
    return {name: m.double() for name, m in (networks | {"generator": nn.Linear(3 + game.width, 2)}).items()}


@pytest.fixture
def round():
    streams = {"real": torch.randn(6, 2), "latent": torch.randn(6, 3)}
    return Round({name: x.double() for name, x in streams.items()}, key=(0, "info"))


def costs(game, players, round, of=None):
    of = of or game.players
    return game.costs(game.play(players, round, of), of)


def test_check_game_passes(game, players, round):
    check_game(game, players, round)
    assert (game.width, game.guesses) == (5, 7)


@pytest.mark.reference
def test_costs_from_torchs_own_cross_entropy_and_normal_distribution(game, players, round):
    """−λL with L = log Q(c | x) + H(c): log 3 nats for three classes, 2·log 2 for the square [−1, 1]²."""
    codes = game.play(players, round, ["recogniser"])["codes"]
    fake = players["generator"](torch.cat([round["latent"], codes], 1))
    logits, mean, log_std = players["recogniser"](fake).split([3, 2, 2], 1)
    classes = math.log(3) - cross_entropy(logits, codes[:, :3].argmax(1))
    normal = torch.distributions.Normal(mean, log_std.exp())
    square = 2 * math.log(2) + normal.log_prob(codes[:, 3:]).sum(1).mean()
    bound = 0.7 * classes + 0.2 * square
    found = costs(game, players, round)
    D = players["discriminator"]
    slope = 0.25 * D.weight.square().sum()  # R1 of a linear discriminator with γ = 1/2
    assert torch.allclose(found["recogniser"], -bound)
    assert torch.allclose(found["generator"], (D(fake) - 1).square().mean() - bound)
    expected = (D(round["real"]) - 1).square().mean() + D(fake).square().mean() + slope
    assert torch.allclose(found["discriminator"], expected)
    outcome = game.play(players, round, game.players)
    assert torch.allclose(game.signals(outcome)["information"], classes + square)


@pytest.mark.analytic
def test_the_bound_is_the_information_of_a_noisy_channel():
    """A bit that is flipped for 1 sample of 4, read by the posterior: I(c; x) = log 2 − H(1/4)."""

    class Channel(nn.Linear):
        def forward(self, x):
            flip, code = x[:, :1], x[:, 1:]
            return flip * (code[:, :1] - code[:, 1:])

    class Posterior(nn.Linear):
        def forward(self, x):
            return x * torch.tensor([[1.0, -1.0]]) * math.log(3) / 2  # log-odds log(0.75/0.25) for what is read

    latent = torch.tensor([[-1.0], [1.0], [1.0], [1.0]]).repeat(2, 1)
    codes = torch.eye(2).repeat_interleave(4, 0)
    game = InfoGAN((CategoricalCode(2),))
    outcome = game.play(
        {"generator": Channel(1, 1), "recogniser": Posterior(1, 1)},
        Round({"latent": latent, "codes": codes}),
        ["recogniser"],
    )
    information = math.log(2) + 0.25 * math.log(0.25) + 0.75 * math.log(0.75)
    assert game.signals(outcome)["information"].item() == pytest.approx(information, abs=1e-6)


@pytest.mark.analytic
def test_who_gets_gradient_from_what(game, players, round):
    """The bound reaches the generator and the recogniser, each of whose costs holds it once, and nobody else."""
    theirs = {name: list(module.parameters()) for name, module in players.items()}
    found, without = costs(game, players, round), costs(game.game, players, round.given(**_fake(game, players, round)))
    everybody = [p for mine in theirs.values() for p in mine]
    of_recogniser = torch.autograd.grad(found["recogniser"], everybody, allow_unused=True, retain_graph=True)
    reached = {id(p) for p, g in zip(everybody, of_recogniser, strict=True) if g is not None}
    assert reached == {id(p) for name in ("recogniser", "generator") for p in theirs[name]}
    whole = torch.autograd.grad(found["generator"], theirs["generator"], retain_graph=True)
    adversarial = torch.autograd.grad(without["generator"], theirs["generator"], retain_graph=True)
    bound = torch.autograd.grad(found["recogniser"], theirs["generator"], retain_graph=True)
    for a, b, c in zip(whole, adversarial, bound, strict=True):
        assert torch.allclose(a, b + c, atol=1e-12)
        assert c.abs().max() > 1e-3
    assert torch.allclose(found["discriminator"], without["discriminator"])
    only = torch.autograd.grad(found["discriminator"], theirs["recogniser"], allow_unused=True)
    assert only == (None, None)


def _fake(game, players, round):
    codes = game.play(players, round, ["recogniser"])["codes"]
    return {"fake": players["generator"](torch.cat([round["latent"], codes], 1))}


@pytest.mark.parametrize(
    ("of", "runs"),
    [
        (["discriminator"], {"discriminator": 2, "generator": 1, "recogniser": 0}),
        (["recogniser"], {"discriminator": 0, "generator": 1, "recogniser": 1}),
        (["generator"], {"discriminator": 1, "generator": 1, "recogniser": 1}),
        (["discriminator", "generator", "recogniser"], {"discriminator": 2, "generator": 1, "recogniser": 1}),
    ],
)
def test_nothing_is_evaluated_that_nobody_asked_for(game, players, round, of, runs):
    calls = dict.fromkeys(players, 0)
    for name, module in players.items():
        module.register_forward_hook(lambda *_, name=name: calls.__setitem__(name, calls[name] + 1))
    assert set(costs(game, players, round, of)) == set(of)
    assert calls == runs


def test_codes_are_drawn_as_they_say_they_are():
    """4,000 draws: each of 5 classes 800 ± 4·25 times; uniform with mean 0 ± 4·0.0091 and variance 1/3 ± 4·0.0047."""
    round = Round({"latent": torch.zeros(4000, 1)}, key=(1,))
    classes, uniform = CategoricalCode(5).draw(round, "a"), UniformCode(1).draw(round, "b")
    assert torch.equal(classes.sum(1), torch.ones(4000))
    assert (classes.sum(0) - 800).abs().max() < 100
    assert uniform.abs().max() <= 1
    assert abs(uniform.mean()) < 0.037
    assert abs(uniform.var() - 1 / 3) < 0.019


@pytest.mark.identity
def test_codes_belong_to_the_rows(game, players, round):
    whole = game.play(players, round, ["recogniser"])["codes"]
    parts = [game.play(players, round.rows(*edge), ["recogniser"])["codes"] for edge in ((0, 2), (2, 6))]
    assert torch.equal(torch.cat(parts), whole)
    again = InfoGAN((*CODES, CODES[0])).play(
        players | {"generator": nn.Linear(11, 2).double(), "recogniser": nn.Linear(2, 10).double()},
        round,
        ["recogniser"],
    )["codes"]
    assert torch.equal(again[:, :5], whole)
    assert not torch.equal(again[:, 5:], whole[:, :3])  # two codes of one kind are drawn apart


def test_codes_that_the_round_brings_are_taken(game, players, round):
    codes = torch.ones(6, 5).double()
    assert game.play(players, round.given(codes=codes), ["generator"])["codes"] is codes


@pytest.mark.parametrize("kind", [Simultaneous, Alternating])
def test_it_finds_the_four_modes_of_a_mixture(kind):
    """Where every class is a mode of its own, Q can be sure of it: the bound reaches I = H(c) = log 4 = 1.386 nats."""
    data = Ring(count=4, std=0.1)
    game = InfoGAN((CategoricalCode(4),), AdversarialGame(penalties=(R1(gamma=0.2),)))
    sizes = {"discriminator": (2, 1), "recogniser": (2, 4), "generator": (6, 2)}
    players = {
        name: nn.Sequential(nn.Linear(i, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, o))
        for name, (i, o) in sizes.items()
    }
    seen = []
    play(
        game, kind(optimizer=Adam(lr=4e-3)), players, Stream(data, batch=64, latent=2, seed=0), steps=300,
        watch=lambda step, result: seen.append(result.signals["information"].item()),
    )  # fmt: skip
    assert seen[0] < 0.3
    assert 1.3 < sum(seen[-20:]) / 20 <= math.log(4)
    with torch.no_grad():
        told = torch.cat([torch.randn(400, 2), torch.eye(4).repeat(100, 1)], 1)
        nearest = torch.cdist(players["generator"](told), data.modes).argmin(1).view(100, 4)
    assert nearest.mode(0).values.unique().numel() == 4
    assert (nearest == nearest.mode(0).values).float().mean() > 0.95


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: InfoGAN(()), "InfoGAN needs at least one code"),
        (lambda: CategoricalCode(1), "classes is 1; a code chooses among at least 2"),
        (lambda: UniformCode(0), "dimensions is 0; a code has at least 1"),
        (lambda: CategoricalCode(2, weight=-1.0), "weight is -1.0; the weight of a code"),
        (lambda: UniformCode(2, weight=math.nan), "weight is nan; the weight of a code"),
    ],
)
def test_codes_that_say_nothing_are_refused(build, sentence):
    with pytest.raises(ValueError, match=sentence):
        build()


def test_what_does_not_have_its_width_is_refused(game, players, round):
    with pytest.raises(ValueError, match=r"the stream 'codes' has shape \(6, 4\); these codes need \(n, 5\)"):
        game.play(players, round.given(codes=torch.zeros(6, 4)), ["recogniser"])
    with pytest.raises(ValueError, match=r"the recogniser has shape \(6, 3\); these codes need \(n, 7\)"):
        game.play(players | {"recogniser": nn.Linear(2, 3).double()}, round, ["recogniser"])


def test_a_missing_recogniser_is_named(game, players):
    del players["recogniser"]
    with pytest.raises(ValueError, match="missing: recogniser"):
        game.init(players)


def test_a_code_that_stands_alone_is_asked_into_a_tuple():
    with pytest.raises(ValueError, match=r"codes is CategoricalCode.* put it in a tuple"):
        InfoGAN(CategoricalCode(3))
