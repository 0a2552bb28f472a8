"""Instance noise: what is seen through it, when it fades, and that it makes the Dirac-GAN converge."""

import numpy as np
import pytest
import torch
from torch import nn

import gansmith as gs
from gansmith.data import from_array
from gansmith.dynamics import Alternating, LocalEngine, Simultaneous, eigenvalues
from gansmith.games import (
    R1,
    WGANGP,
    AdversarialGame,
    BiGAN,
    CycleGAN,
    Fade,
    Flipped,
    InstanceNoise,
    Minimax,
    Packed,
    RelativisticPaired,
    SinglePlayer,
    Wasserstein,
    check_game,
)
from gansmith.networks import Point
from gansmith.training import DeviceEngine, Session
from gansmith.training.trees import pack, unpack
from gansmith.types import Round

N = 6
HALF = Fade(first=0.5)


@pytest.fixture
def players():
    return {"generator": nn.Linear(3, 2), "discriminator": nn.Linear(2, 1)}


@pytest.fixture
def round():
    return Round({"real": torch.randn(N, 2), "latent": torch.randn(N, 3)}, key=(0, "noise"))


def draws(round):
    """The noise on real and on generated samples, from its definition."""
    return (round.normal(f"instance_noise/discriminator/{point}", 2) for point in ("real", "fake"))


@pytest.mark.analytic
@pytest.mark.parametrize("joint", [False, True])
def test_the_discriminator_scores_noisy_samples_and_the_samples_stay_clean(players, round, joint):
    D, G = players["discriminator"], players["generator"]
    game = InstanceNoise(AdversarialGame(Wasserstein(), joint=joint), std=HALF)
    outcome = game.play(players, round, game.players)
    on_real, on_fake = draws(round)
    fake = G(round["latent"])
    assert torch.equal(outcome["fake"], fake)
    assert torch.allclose(outcome["real_scores"], D(round["real"] + 0.5 * on_real)[:, 0])
    assert torch.allclose(outcome["fake_scores"], D(fake + 0.5 * on_fake)[:, 0])
    # Both are new noise: a common one would make real and generated samples a pair.
    assert not torch.allclose(on_real, on_fake)


@pytest.mark.analytic
def test_penalties_read_the_noisy_points(players, round):
    """For D(x) = ‖x‖²/2 the slope at x + σε is x + σε itself."""
    players["discriminator"] = Halved()
    game = InstanceNoise(AdversarialGame(penalties=(R1(gamma=2.0),)), std=HALF)
    on_real, _ = draws(round)
    expected = (round["real"] + 0.5 * on_real).square().sum(1)
    assert torch.allclose(game.play(players, round, ["discriminator"])["r1"], expected)


class Halved(nn.Module):
    def forward(self, x):
        return x.square().sum(1) / 2


@pytest.mark.analytic
def test_noise_adds_its_variance_to_a_quadratic_score():
    """E‖x + σε‖² = ‖x‖² + dσ²: 2·0.25 for d = 2 at x = 0; 100,000 samples bring it to 2 %."""
    players = {"generator": nn.Flatten(), "discriminator": Halved()}
    round = Round({"real": torch.zeros(100_000, 2), "latent": torch.zeros(100_000, 2)})
    game = InstanceNoise(AdversarialGame(Wasserstein()), std=HALF)
    signals = game.signals(game.play(players, round, ["discriminator"]))
    for name in ("real_score", "fake_score"):
        assert 2 * signals[name].item() == pytest.approx(0.5, rel=0.02)


class Slope(nn.Module):
    """The Dirac-GAN's discriminator D(x) = ψx."""

    def __init__(self):
        super().__init__()
        self.psi = nn.Parameter(torch.zeros((), dtype=torch.float64))

    def forward(self, x):
        return self.psi * x.flatten()


@pytest.mark.analytic
@pytest.mark.parametrize("std", [0.0, 0.5, 2.0])
def test_it_makes_the_dirac_gan_converge_at_the_published_rate(std):
    """Mescheder et al. 2018, lemma 3.2: λ = f''(0)σ² ± √(f''(0)²σ⁴ − f'(0)²), with f'(0) = ½ and f''(0) = −¼.

    Theirs are the eigenvalues of the direction of movement, which is minus the field. Noise that is there together with
    its negative has the mean 0 and, normalised, the variance 1 exactly, so the average over it is exact.
    """

    class Balanced(Round):
        def normal(self, name, *shape):
            half = Round(key=self.key, total=self.size // 2, start=0, streams={"x": torch.zeros(self.size // 2)})
            noise = half.normal(name, *shape).double()
            noise /= noise.square().mean().sqrt()
            return torch.cat([noise, -noise])

    class Dirac(nn.Module):
        def __init__(self):
            super().__init__()
            self.theta = nn.Parameter(torch.zeros((), dtype=torch.float64))

        def forward(self, z):
            return self.theta.expand(len(z), 1)

    players = {"generator": Dirac(), "discriminator": Slope()}
    zeros = torch.zeros(20, 1, dtype=torch.float64)
    game = InstanceNoise(AdversarialGame(Minimax()), std=Fade(first=std))
    found = -eigenvalues(game, players, Balanced({"real": zeros, "latent": zeros}))
    real = -0.25 * std**2
    root = np.sqrt(complex(real**2 - 0.25))
    expected = sorted([real + root, real - root], key=lambda c: (c.real, c.imag))
    found = sorted(found.tolist(), key=lambda c: (c.real, c.imag))
    assert found == pytest.approx(expected, abs=1e-9)
    assert (std > 0) == all(c.real < 0 for c in found)


@pytest.mark.identity
@pytest.mark.parametrize(
    "inside",
    [
        AdversarialGame(),
        AdversarialGame(joint=True),
        AdversarialGame(RelativisticPaired(), penalties=(R1(), WGANGP())),
        Flipped(AdversarialGame(), share=0.3),
    ],
    ids=["plain", "joint", "relativistic", "flipped"],
)
def test_it_keeps_the_promises_of_a_game_around_any_other(players, round, inside):
    """Above all: a cost is the same asked for alone or with others, so every player meets the same noise."""
    check_game(InstanceNoise(inside, std=HALF), players, round)


def test_around_games_of_other_shapes():
    round = Round(
        {"real": torch.randn(N, 2), "latent": torch.randn(N, 3), "x": torch.randn(N, 2), "y": torch.randn(N, 2)}
    )
    packed = {"generator": nn.Linear(3, 2), "discriminator": nn.Linear(4, 1)}
    check_game(InstanceNoise(Packed(size=2), std=HALF), packed, round)
    cycle = CycleGAN(pool=0)
    players = {name: nn.Linear(2, 1 if "discriminator" in name else 2) for name in cycle.players}
    check_game(InstanceNoise(cycle, std=HALF), players, round)


class Pair(nn.Module):
    """D(x, z) = x₁, which shows what the discriminator sees."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, x, z):
        return self.weight * x[:, 0] + 0 * z.sum(1)


@pytest.mark.parametrize("joint", [False, True])
def test_a_discriminator_that_the_game_calls_itself_sees_noise_by_row(joint):
    """The bidirectional game hands the critic a function of its own; with both batches at once rows repeat."""
    game = InstanceNoise(BiGAN(AdversarialGame(joint=joint)), std=HALF)
    players = {"discriminator": Pair(), "encoder": nn.Linear(2, 3), "generator": nn.Linear(3, 2)}
    round = Round({"real": torch.randn(N, 2), "latent": torch.randn(N, 3)})
    check_game(game, players, round)
    outcome = game.play(players, round, game.players)
    noise = 0.5 * round.normal("instance_noise/discriminator/", 2)[:, 0]
    assert torch.allclose(outcome["real_scores"], round["real"][:, 0] + noise)
    assert torch.allclose(outcome["fake_scores"], outcome["fake"][:, 0] + noise)


@pytest.mark.identity
def test_parts_of_a_batch_see_the_noise_that_the_whole_does(players, round):
    game = InstanceNoise(AdversarialGame(), std=HALF)
    whole = game.play(players, round, game.players)["real_scores"]
    parts = [game.play(players, part, game.players)["real_scores"] for part in (round.rows(0, 2), round.rows(2, N))]
    assert torch.allclose(whole, torch.cat(parts))


@pytest.mark.parametrize(
    "dynamics",
    [
        Simultaneous(),
        Alternating(),
        Alternating(discriminator_steps=3),
        Alternating(discriminator_steps=2, share=False),
    ],
    ids=repr,
)
def test_the_noise_fades_with_the_steps_whatever_the_moves(players, round, dynamics):
    game = InstanceNoise(AdversarialGame(), std=Fade(first=0.4, last=0.1, steps=3))
    state, seen = dynamics.init(game, players), []
    for _ in range(5):
        state, result = dynamics.step(game, players, state, lambda substep: round, LocalEngine())
        seen.append(result.signals["instance_noise"].item())
    assert seen == pytest.approx([0.4, 0.3, 0.2, 0.1, 0.1])
    assert state["memory"] == {"steps": 5, "game": {}}


def test_samples_are_made_once_where_the_turn_passes_on_the_same_round(players, round):
    calls = []
    players["generator"].register_forward_hook(lambda *_: calls.append(1))
    game, dynamics = InstanceNoise(AdversarialGame(), std=HALF), Alternating()
    dynamics.step(game, players, dynamics.init(game, players), lambda substep: round, LocalEngine())
    assert len(calls) == 1


def test_without_noise_it_is_the_game_inside(players, round):
    plain, veiled = AdversarialGame(), InstanceNoise(AdversarialGame(), std=Fade(first=0.0))
    costs = [game.costs(game.play(players, round, game.players), game.players) for game in (plain, veiled)]
    assert costs[0] == costs[1]


@pytest.mark.smoke
def test_a_run_that_is_saved_and_loaded_goes_on_where_the_noise_was():
    """Five steps in one go, and three, a checkpoint, and two: the same weights, and the same step of the schedule."""
    images = from_array(np.random.default_rng(0).integers(0, 256, (16, 8, 8, 1), dtype=np.uint8))
    game = InstanceNoise(AdversarialGame(penalties=(gs.LeCam(),)), std=Fade(first=0.5, steps=4))
    recipe = gs.Recipe(networks=gs.MLP(width=8, depth=1), latent=4, batch=4, game=game)
    whole, first, second = (Session.start(recipe, images, DeviceEngine()) for _ in range(3))
    for _ in range(5):
        whole.advance()
    for _ in range(3):
        first.advance()
    second.load(unpack(*pack(first.tree())))
    signals = [second.advance().signals["instance_noise"].item() for _ in range(2)]
    assert signals == pytest.approx([0.125, 0.0])
    assert second.dynamics["memory"]["steps"] == 5
    assert second.dynamics["memory"]["game"]["lecam"]["moves"] == 5
    for mine, theirs in zip(whole.players.values(), second.players.values(), strict=True):
        for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
            assert torch.equal(a, b)
    assert gs.from_yaml(gs.to_yaml(recipe)) == recipe


@pytest.mark.analytic
def test_the_fade_is_a_straight_line():
    fade = Fade(first=0.1, last=0.3, steps=4)
    assert [fade(step) for step in (0, 1, 2, 4, 100)] == pytest.approx([0.1, 0.15, 0.2, 0.3, 0.3])
    assert Fade(first=0.2)(10**9) == 0.2


@pytest.mark.parametrize(("name", "value"), [("first", -0.1), ("last", float("nan")), ("steps", -1)])
def test_a_negative_part_of_a_fade_is_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value}"):
        Fade(**{name: value})


def test_noise_that_nobody_would_see_is_refused():
    game = InstanceNoise(SinglePlayer(lambda model, given: model(given["real"])[:, 0]))
    with pytest.raises(ValueError, match="nobody sees the noise: SinglePlayer has no player"):
        game.init({"model": Point(0.0)})


@pytest.mark.parametrize("around", [Flipped, InstanceNoise, Packed])
def test_what_is_no_game_cannot_be_wrapped(around):
    with pytest.raises(ValueError, match=r"the game inside is Wasserstein\(\), which has no"):
        around(Wasserstein())


def test_a_number_is_no_schedule_of_the_noise():
    with pytest.raises(ValueError, match=r"std is 0\.5; give a Fade"):
        InstanceNoise(std=0.5)
