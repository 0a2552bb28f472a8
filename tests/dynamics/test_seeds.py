"""Seeds that are played at once go where they would go alone."""

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from gansmith.data import Ring, Stream
from gansmith.dynamics import SGD, Adam, Alternating, Extragradient, Simultaneous, Unrolled, border, play
from gansmith.dynamics.seeds import Seeds, Stack, stacked, together, unstacked
from gansmith.games import (
    R1,
    R2,
    WGANGP,
    AdversarialGame,
    LeCam,
    Packed,
    RelativisticAverage,
    RelativisticPaired,
    Wasserstein,
)
from gansmith.types import Round

D, G = "discriminator", "generator"
K = 3


def networks(seed, width=8, judged=2):
    torch.manual_seed(seed)
    return {
        G: nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 2)).double(),
        D: nn.Sequential(nn.Linear(judged, width), nn.Tanh(), nn.Linear(width, 1)).double(),
    }


def draws(seed):
    """The stream's rounds in double precision."""
    stream = Stream(Ring(), batch=6, latent=2, seed=seed)

    def step(number):
        def substep(i):
            round = stream(number)(i)
            return Round({name: x.double() for name, x in round.streams.items()}, round.key)

        return substep

    return step


GAMES = {
    "plain": AdversarialGame(),
    "R1 and R2": AdversarialGame(RelativisticPaired(), penalties=(R1(gamma=0.5), R2(gamma=0.3))),
    "means over the batch": AdversarialGame(RelativisticAverage()),
    "noise": AdversarialGame(Wasserstein(), penalties=(WGANGP(),)),
    "packs": Packed(AdversarialGame(Wasserstein(), penalties=(WGANGP(),)), size=2),
}
DYNAMICS = {
    "simultaneous": Simultaneous(),
    "alternating": Alternating(discriminator_steps=2),
    "unrolled": Unrolled(optimizer=Adam(lr=0.01), steps=2),
    "extragradient": Extragradient(optimizer=SGD(lr=0.1)),
}


@pytest.mark.identity
@pytest.mark.parametrize(
    ("game", "dynamics"),
    [(g, "simultaneous") for g in GAMES] + [("R1 and R2", d) for d in DYNAMICS] + [("noise", "unrolled")],
)
def test_seeds_at_once_go_where_they_go_one_by_one(game, dynamics, monkeypatch):
    """Five steps in float64: weights, costs and signals of every seed to 1e-9."""
    monkeypatch.setattr(border, "WORTHWHILE", 0)
    game, moves = GAMES[game], DYNAMICS[dynamics]
    members = [networks(seed, judged=2 * getattr(game, "size", 1)) for seed in range(K)]
    players, results = stacked(members), []
    play(
        Seeds(game, K), moves, players, together([draws(seed) for seed in range(K)]), steps=5,
        watch=lambda step, result: results.append(result),
    )  # fmt: skip
    for seed, (alone, here) in enumerate(zip(members, unstacked(players), strict=True)):
        start = [p.detach().clone() for p in alone[G].parameters()]
        one = []
        play(game, moves, alone, draws(seed), steps=5, watch=lambda step, result, one=one: one.append(result))
        for name in alone:
            for a, b in zip(here[name].parameters(), alone[name].parameters(), strict=True):
                assert torch.allclose(a, b, atol=1e-9)
        assert not torch.allclose(start[0], next(alone[G].parameters()), atol=1e-4)
        for name, signal in one[-1].signals.items():
            assert results[-1].signals[name][seed].item() == pytest.approx(signal.item(), abs=1e-9)
        for name, cost in one[-1].costs.items() if dynamics != "alternating" else ():  # it moves twice, at two costs
            assert results[-1].signals[f"{name}_cost"][seed].item() == pytest.approx(cost.item(), abs=1e-9)


class Scaled(nn.Module):
    def forward(self, x):
        return x / x.std()


@pytest.mark.parametrize(
    ("layer", "named"),
    [
        (nn.BatchNorm1d(4), "BatchNorm1d '1'"),
        (spectral_norm(nn.Linear(4, 4)), "_SpectralNorm"),
        (nn.Dropout(), "Dropout '1'"),
    ],
)
def test_what_cannot_be_stacked_is_refused_by_name(layer, named):
    with pytest.raises(ValueError, match=named):
        Stack([nn.Sequential(nn.Linear(2, 4), layer)] * 2)


def test_networks_of_different_shape_are_refused():
    with pytest.raises(ValueError, match="network 2 has other parameters than network 0"):
        Stack([nn.Linear(2, 3), nn.Linear(2, 3), nn.Linear(2, 4)])


def test_no_seeds_are_refused():
    with pytest.raises(ValueError, match="no seeds to stack; give the players of at least one"):
        stacked([])


def test_players_that_share_a_parameter_are_refused():
    shared = nn.Linear(2, 2)
    with pytest.raises(ValueError, match="share a parameter"):
        stacked([{D: shared, G: nn.Sequential(shared)}])


def test_seeds_with_other_players_are_refused():
    with pytest.raises(ValueError, match=r"one seed has the players \['discriminator', 'generator'\]"):
        stacked([networks(0), {D: nn.Linear(2, 1)}])


def test_players_that_are_not_stacked_are_refused():
    with pytest.raises(ValueError, match="no stack of networks"):
        Simultaneous().init(Seeds(AdversarialGame(), K), networks(0))
    with pytest.raises(ValueError, match="stack of 2 networks; there are 3 seeds"):
        Simultaneous().init(Seeds(AdversarialGame(), K), stacked([networks(0), networks(1)]))


def test_a_game_that_remembers_is_refused():
    with pytest.raises(ValueError, match="remembers something between steps"):
        Simultaneous().init(Seeds(AdversarialGame(penalties=(LeCam(),)), 2), stacked([networks(0), networks(1)]))


class Spread:
    """A penalty on how near the generated samples lie to each other, all of a batch."""

    name, at = "spread", frozenset()

    def __call__(self, critic, round):
        fake = critic.points["fake"]
        return (fake - fake.mean(0)).square().sum(1)


@pytest.mark.parametrize(
    ("game", "named"),
    [(AdversarialGame(penalties=(Spread(),)), "spread"), (AdversarialGame(joint=True), "fake_scores")],
)
def test_a_game_that_mixes_the_samples_of_different_seeds_is_refused(game, named):
    streams = together([draws(seed) for seed in range(2)])
    with pytest.raises(ValueError, match=f"'{named}' of one seed changes with the others' samples"):
        play(Seeds(game, 2), Simultaneous(), stacked([networks(seed) for seed in range(2)]), streams, steps=1)


@pytest.mark.identity
def test_a_layer_that_mixes_samples_mixes_those_of_its_own_seed():
    members = [networks(seed) for seed in range(2)]
    for one in members:
        one[D].insert(1, Scaled())
    players, alone = stacked(members), members[1]
    play(Seeds(AdversarialGame(), 2), Simultaneous(), players, together([draws(0), draws(1)]), steps=2)
    play(AdversarialGame(), Simultaneous(), alone, draws(1), steps=2)
    for a, b in zip(unstacked(players)[1][D].parameters(), alone[D].parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-9)


def test_batches_of_different_sizes_are_refused():
    streams = [Stream(Ring(), batch=n, latent=2, seed=0) for n in (4, 5)]
    with pytest.raises(ValueError, match=r"batches hold \[4, 5\] rows"):
        together(streams)(0)(0)


def test_parts_of_larger_batches_are_refused():
    part = Round({"real": torch.zeros(2, 2)}, mean=lambda x: x.mean(0))
    with pytest.raises(ValueError, match="a part of a larger batch"):
        together([lambda step: lambda substep: part])(0)(0)


def test_there_is_at_least_one_seed():
    with pytest.raises(ValueError, match="count is 0"):
        Seeds(AdversarialGame(), 0)
