"""Feature matching and historical averaging: costs and gradients from their definitions, and Salimans' toy game."""

import pytest
import torch
from torch import nn

from gansmith.dynamics import SGD, Alternating, LocalEngine, Simultaneous, Unrolled, play
from gansmith.games import (
    R1,
    AdversarialGame,
    Fade,
    FeatureMatching,
    HistoricalAveraging,
    InstanceNoise,
    LeCam,
    bilinear,
    check_game,
    zero_sum,
)
from gansmith.networks import DCGAN, MLP, Augmented, Point
from gansmith.types import Round

N = 8


@pytest.fixture
def players():
    torch.manual_seed(0)
    networks = MLP(width=6, depth=2)
    return {"generator": networks.generator((2,), latent=3), "discriminator": networks.discriminator((2,))}


@pytest.fixture
def round():
    return Round({"real": torch.randn(N, 2), "latent": torch.randn(N, 3)}, key=(0, "matching"))


@pytest.mark.analytic
@pytest.mark.parametrize("distance", ["squared", "absolute"])
@pytest.mark.parametrize("adversarial", [0.0, 0.5])
@pytest.mark.parametrize("joint", [False, True])
def test_the_generator_pays_for_the_distance_between_mean_features(players, round, distance, adversarial, joint):
    game = FeatureMatching(AdversarialGame(joint=joint), weight=3.0, adversarial=adversarial, distance=distance)
    costs = game.costs(game.play(players, round, game.players), game.players)
    body, fake = players["discriminator"].body, players["generator"](round["latent"])
    apart = body(round["real"]).mean(0) - body(fake).mean(0)
    matched = (apart**2).mean() if distance == "squared" else apart.abs().mean()
    usual = game.game.costs(game.game.play(players, round, game.players), game.players)
    torch.testing.assert_close(costs["generator"], 3 * matched + adversarial * usual["generator"])
    torch.testing.assert_close(costs["discriminator"], usual["discriminator"])


@pytest.mark.identity
@pytest.mark.parametrize("adversarial", [0.0, 1.0])
@pytest.mark.parametrize(
    "inside",
    [AdversarialGame(), AdversarialGame(joint=True), AdversarialGame(penalties=(R1(), LeCam()))],
    ids=["bare", "joint", "penalised"],
)
def test_both_keep_the_promises_of_a_game(players, round, adversarial, inside):
    check_game(FeatureMatching(inside, adversarial=adversarial), players, round)
    check_game(HistoricalAveraging(FeatureMatching(inside, adversarial=adversarial), weight=0.1), players, round)
    noisy = {"std": Fade(first=0.1, last=0.1)}
    check_game(InstanceNoise(FeatureMatching(inside), **noisy), players, round)
    check_game(InstanceNoise(HistoricalAveraging(inside, weight=0.1), **noisy), players, round)


@pytest.mark.identity
def test_noise_and_augmentation_come_before_the_features(players, round):
    plain, noisy = FeatureMatching(), InstanceNoise(FeatureMatching(), std=Fade(first=0.5, last=0.5))
    seen = [game.play(players, round.recall(game.init(players)), ["generator"]) for game in (plain, noisy)]
    assert not torch.allclose(seen[0]["real_features"], seen[1]["real_features"])
    d = DCGAN(width=4, discriminator_norm="none").discriminator((1, 16, 16))
    moved, x = Augmented(d, translation=0.2), torch.randn(4, 1, 16, 16)
    assert not torch.allclose(moved.features(x), d.features(x))
    torch.testing.assert_close(moved.eval().features(x), d.features(x))


@pytest.mark.analytic
def test_historical_averaging_is_its_definition_over_several_moves():
    # By hand on V = xy from (1, 1), simultaneous descent of step h: J_x = xy + w (x - mean of x so far)², likewise y.
    h, w = 0.1, 0.7
    x, y, past = 1.0, 1.0, []
    game, players = HistoricalAveraging(bilinear(), weight=w), {"x": Point(1.0).double(), "y": Point(1.0).double()}
    dynamics = Simultaneous(optimizer=SGD(lr=h))
    state = dynamics.init(game, players)
    for _ in range(5):
        known = past or [(x, y)]
        mean_x, mean_y = (sum(each) / len(known) for each in zip(*known, strict=True))
        past.append((x, y))
        x, y = x - h * (y + 2 * w * (x - mean_x)), y - h * (-x + 2 * w * (y - mean_y))
        state, _ = dynamics.step(game, players, state, lambda substep: Round(), LocalEngine())
    assert (players["x"]().item(), players["y"]().item()) == pytest.approx((x, y), abs=1e-12)
    assert state["memory"]["counts"]["x"] == 5


@pytest.mark.analytic
def test_historical_averaging_ends_the_orbit_that_descent_stays_on():
    # The toy game of Salimans et al. (2016, sect. 3.3): V = (f(x) - 1)(y - 1) with f(x) = x below 0 and x² above, whose
    # equilibrium is x = y = 1. Around it descent turns like V = 2xy: it does not come nearer.
    def value(x, y):
        return (torch.where(x < 0, x, x.square()) - 1) @ (y - 1)

    def end(game):
        players = {"x": Point(0.5), "y": Point(0.5)}
        play(game, Alternating(optimizer=SGD(lr=0.05)), players, lambda step: lambda substep: Round(), steps=2000)
        return ((players["x"]() - 1).square() + (players["y"]() - 1).square()).sqrt().item()

    assert end(zero_sum(value)) > 0.3
    assert end(HistoricalAveraging(zero_sum(value), weight=1.0)) < 0.05


@pytest.mark.analytic
def test_in_a_look_ahead_the_weights_are_those_of_the_hypothetical_step():
    # x looks one step of y ahead, y' = y - h (-x + 2w (y - mean of y)); in x·y' + w (x - mean of x)² it differentiates
    # y' too, which gives y' + h·x + 2w (x - mean of x).
    h, w, x, y, past = 0.1, 0.7, 0.3, -0.8, []
    game, players = HistoricalAveraging(bilinear(), weight=w), {"x": Point(x).double(), "y": Point(y).double()}
    dynamics = Unrolled(steps=1, through=("y",), looking=("x",), optimizer=SGD(lr=h))
    state = dynamics.init(game, players)
    for _ in range(4):
        known = past or [(x, y)]
        mean_x, mean_y = (sum(each) / len(known) for each in zip(*known, strict=True))
        past.append((x, y))
        ahead = y - h * (-x + 2 * w * (y - mean_y))
        x, y = x - h * (ahead + h * x + 2 * w * (x - mean_x)), ahead
        state, _ = dynamics.step(game, players, state, lambda substep: Round(), LocalEngine())
    assert (players["x"]().item(), players["y"]().item()) == pytest.approx((x, y), abs=1e-12)


@pytest.mark.identity
def test_joint_features_see_the_mixture_behind_a_veil_too():
    torch.manual_seed(0)
    d = DCGAN(width=4).discriminator((1, 16, 16))  # with batch norm, one pass and two differ
    round = Round({"real": torch.randn(N, 1, 16, 16), "fake": torch.randn(N, 1, 16, 16)}, key=(0, "veil"))
    players = {"generator": nn.Identity(), "discriminator": d}
    faint = Fade(first=1e-9, last=1e-9)
    for game in (FeatureMatching(AdversarialGame(joint=True)), FeatureMatching()):
        bare, veiled = (
            one.play(players, round.recall(one.init(players)), ["generator"])["real_features"]
            for one in (game, InstanceNoise(game, std=faint))
        )
        torch.testing.assert_close(bare, veiled)


@pytest.mark.identity
def test_what_does_not_fit_is_refused(players, round):
    with pytest.raises(ValueError, match="the generator has no parameters"):
        HistoricalAveraging(AdversarialGame()).init({**players, "generator": nn.Identity()})
    with pytest.raises(ValueError, match="weight is 0"):
        FeatureMatching(weight=0.0)
    with pytest.raises(ValueError, match="adversarial is -1"):
        FeatureMatching(adversarial=-1.0)
    with pytest.raises(ValueError, match="distance is 'cosine'"):
        FeatureMatching(distance="cosine")
    with pytest.raises(ValueError, match="weight is -1"):
        HistoricalAveraging(bilinear(), weight=-1.0)
    with pytest.raises(ValueError, match="Linear has no features to match"):
        FeatureMatching().play({**players, "discriminator": nn.Linear(2, 1)}, round, ["generator"])
