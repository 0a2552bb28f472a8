"""The two-player game: what is evaluated, what it costs, and what is refused."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from gansmith.games import (
    R1,
    R2,
    Adversarial,
    AdversarialGame,
    NonSaturating,
    RelativisticPaired,
    Wasserstein,
    check_game,
)
from gansmith.types import Round


class Counting(nn.Module):
    """A network that counts how often it runs, and over how many samples."""

    def __init__(self, inside: nn.Module) -> None:
        super().__init__()
        self.inside = inside
        self.calls: list[int] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls.append(len(x))
        return self.inside(x)


@pytest.fixture
def players():
    return {"generator": Counting(nn.Linear(3, 2)), "discriminator": Counting(nn.Linear(2, 1))}


@pytest.fixture
def round():
    return Round({"real": torch.randn(4, 2), "latent": torch.randn(4, 3)})


@pytest.mark.parametrize(
    ("game", "of", "discriminator_calls"),
    [
        (AdversarialGame(), ["discriminator"], [4, 4]),
        (AdversarialGame(), ["generator"], [4]),
        (AdversarialGame(), ["discriminator", "generator"], [4, 4]),
        (AdversarialGame(joint=True), ["discriminator", "generator"], [8]),
        (AdversarialGame(joint=True), ["generator"], [4]),
        (AdversarialGame(RelativisticPaired()), ["generator"], [4, 4]),
        (AdversarialGame(penalties=(R1(), R2())), ["discriminator", "generator"], [4, 4]),
        (AdversarialGame(penalties=(R1(), R2())), ["generator"], [4]),
    ],
)
def test_nothing_is_evaluated_that_nobody_asked_for(players, round, game, of, discriminator_calls):
    game.costs(game.play(players, round, of), of)
    assert players["discriminator"].calls == discriminator_calls
    assert players["generator"].calls == [4]


def test_samples_that_are_known_are_not_made_again(players, round):
    game = AdversarialGame()
    outcome = game.play(players, round, ["discriminator"])
    game.play(players, round.given(**outcome.unmoved("discriminator")), ["generator"])
    assert len(players["generator"].calls) == 1


@pytest.mark.analytic
def test_costs_are_means_of_terms_and_penalties(players, round):
    D = players["discriminator"].inside
    costs = _costs(AdversarialGame(NonSaturating(), penalties=(R1(gamma=3.0), R2(gamma=5.0))), players, round)
    real, fake = D(round["real"]), D(players["generator"](round["latent"]))
    slope = D.weight.square().sum()  # a linear discriminator's, at every point
    expected = softplus(-real).mean() + softplus(fake).mean() + 3 / 2 * slope + 5 / 2 * slope
    assert torch.allclose(costs["discriminator"], expected)
    assert torch.allclose(costs["generator"], softplus(-fake).mean())


def _costs(game, players, round):
    return game.costs(game.play(players, round, game.players), game.players)


@pytest.mark.analytic
@pytest.mark.parametrize(
    ("real", "fake", "accuracy"),
    [
        ([3.0, 4.0], [1.0, 2.0], 1.0),
        ([1.0, 2.0], [3.0, 4.0], 0.0),
        ([1.0, 4.0], [2.0, 3.0], 0.5),
        ([0.0, 0.0], [0.0, 0.0], 0.5),
    ],
)
def test_the_discriminator_is_right_about_a_pair_where_it_scores_the_real_one_higher(real, fake, accuracy):
    players = {"generator": nn.Identity(), "discriminator": nn.Flatten(0)}
    round = Round({"real": torch.tensor(real)[:, None], "latent": torch.tensor(fake)[:, None]})
    game = AdversarialGame(Wasserstein())
    signals = game.signals(game.play(players, round, ["discriminator"]))
    assert signals["accuracy"].item() == accuracy
    assert signals["real_score"].item() == sum(real) / 2


def test_signals_are_detached_and_name_the_penalties(players, round):
    game = AdversarialGame(penalties=(R1(),))
    signals = game.signals(game.play(players, round, ["discriminator"]))
    assert set(signals) == {"real_score", "fake_score", "accuracy", "r1"}
    assert not any(value.requires_grad for value in signals.values())
    assert set(game.signals(game.play(players, round, ["generator"]))) == {"fake_score"}


@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 1, 1, 1)])
def test_one_score_for_each_sample_in_any_shape(round, shape):
    players = {"generator": nn.Linear(3, 2), "discriminator": nn.Sequential(nn.Linear(2, 1), Reshape(shape))}
    flat = {"generator": players["generator"], "discriminator": players["discriminator"][0]}
    found, expected = (_costs(AdversarialGame(), who, round) for who in (players, flat))
    assert found["discriminator"] == expected["discriminator"]


class Reshape(nn.Module):
    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(self.shape)


def test_several_scores_for_each_sample_are_refused(players, round):
    players["discriminator"] = nn.Linear(2, 4)
    with pytest.raises(ValueError, match=r"shape \(4, 4\) for 4 samples; it must return one score each, shape \(4,\)"):
        _costs(AdversarialGame(), players, round)


def test_samples_of_another_shape_than_the_data_are_refused(players, round):
    players["generator"] = nn.Linear(3, 5)
    with pytest.raises(ValueError, match=r"samples of shape \(4, 5\) where the real ones are \(4, 2\)"):
        _costs(AdversarialGame(), players, round)


def test_unequal_batches_are_refused(players):
    round = Round({"real": torch.zeros(4, 2), "latent": torch.zeros(1, 3)})
    with pytest.raises(ValueError, match=r"samples of shape \(1, 2\) where the real ones are \(4, 2\)"):
        _costs(AdversarialGame(), players, round)


@pytest.mark.parametrize("who", ["discriminator", "generator"])
@pytest.mark.parametrize("wrong", [lambda r, f: f.mean(), lambda r, f: f[:, None], lambda r, f: f[:, None] - f])
def test_a_loss_that_reduces_or_broadcasts_is_refused(players, round, who, wrong):
    right = {"discriminator": lambda r, f: f - r, "generator": lambda r, f: -f}
    game = AdversarialGame(Adversarial(**right | {who: wrong}))
    with pytest.raises(ValueError, match=rf"the loss's {who} function returned shape .*, shape \(4,\)"):
        _costs(game, players, round)


def test_a_loss_that_mixes_samples_is_refused_before_the_first_step(players):
    game = AdversarialGame(Adversarial(lambda r, f: f - r.mean(), lambda r, f: -f))
    with pytest.raises(ValueError, match="the loss's discriminator function mixes samples"):
        game.init(players)


def test_a_penalty_that_would_broadcast_is_refused(players, round):
    class Column:
        name, at = "column", frozenset()

        def __call__(self, critic, round):
            return critic.scores("real")[:, None]

    with pytest.raises(ValueError, match=r"the penalty 'column' returned shape \(4, 1\)"):
        _costs(AdversarialGame(penalties=(Column(),)), players, round)


def test_two_penalties_of_one_name_are_refused():
    """Under one name the second would overwrite the first, and be paid twice."""
    with pytest.raises(ValueError, match="the penalty 'r1' is there twice"):
        AdversarialGame(penalties=(R1(gamma=1.0), R1(gamma=2.0)))


def test_a_missing_player_is_named():
    with pytest.raises(ValueError, match="missing: generator"):
        AdversarialGame().init({"discriminator": nn.Linear(1, 1)})


def test_a_label_without_one_for_the_generator_is_refused(players, round):
    with pytest.raises(ValueError, match="no stream 'fake_label'"):
        AdversarialGame().play(players, round.given(label=torch.zeros(4)), ["discriminator"])


@pytest.mark.parametrize("joint", [False, True])
def test_check_game_passes_the_built_in_game(joint, players, round):
    check_game(AdversarialGame(RelativisticPaired(), penalties=(R1(), R2()), joint=joint), players, round)


def test_judged_together_the_real_scores_are_the_generators_doing_as_well(players, round):
    """With batch norm they are: its statistics are those of the mixed batch."""
    for joint, moved in ((False, {"discriminator"}), (True, {"discriminator", "generator"})):
        outcome = AdversarialGame(joint=joint).play(players, round, ["discriminator"])
        assert outcome.makers["real_scores"] == moved


class Broken(AdversarialGame):
    """A game that breaks one promise, which `costs` says."""

    def __init__(self, costs):
        super().__init__()
        object.__setattr__(self, "costs", lambda outcome, of: costs(AdversarialGame.costs(self, outcome, of), of))


@pytest.mark.parametrize(
    ("costs", "message"),
    [
        (lambda right, of: {}, r"asked for \['discriminator', 'generator'\], the game costed \[\]"),
        (
            lambda right, of: {"generator": torch.zeros(()), "discriminator": torch.zeros(())},
            "for 'discriminator' alone",
        ),
        (lambda right, of: {who: c[None] for who, c in right.items()}, "must be one finite number"),
        (lambda right, of: {who: c / 0 for who, c in right.items()}, "must be one finite number"),
        (lambda right, of: {who: c * len(of) for who, c in right.items()}, "alone and .* with the others"),
        (lambda right, of: {who: c + (c * 0).sqrt() for who, c in right.items()}, "finite, but its gradient is not"),
    ],
)
def test_check_game_says_which_promise_is_broken(players, round, costs, message):
    with pytest.raises(ValueError, match=message):
        check_game(Broken(costs), players, round)


@pytest.mark.parametrize(
    ("makers", "message"),
    [
        ({"fake": frozenset()}, "'fake' depends on parameters of 'generator', who is not among its makers"),
        ({"more": frozenset()}, "must say of 'more' both its value and its makers"),
    ],
)
def test_check_game_finds_values_whose_makers_are_not_named(players, round, makers, message):
    """A dynamics would keep such a value after the player has moved, when it is wrong."""

    class Careless(AdversarialGame):
        def play(self, players, round, of):
            right = super().play(players, round, of)
            return replace(right, makers=right.makers | makers)

    with pytest.raises(ValueError, match=message):
        check_game(Careless(), players, round)


def test_check_game_finds_a_value_that_would_take_the_place_of_a_stream(players, round):
    """What is passed on to the next player travels among the streams."""

    class Careless(AdversarialGame):
        def play(self, players, round, of):
            right = super().play(players, round, of)
            names = {"real": frozenset({"discriminator"})}
            return replace(right, values=right.values | {"real": right["fake_scores"]}, makers=right.makers | names)

    with pytest.raises(ValueError, match="has a value 'real' and its round a stream; give the value another name"):
        check_game(Careless(), players, round)


def test_check_game_finds_a_cost_that_its_player_cannot_change(players, round):
    constant = nn.Sequential(nn.Linear(2, 1), Frozen())
    with pytest.raises(ValueError, match="'discriminator' depends on none of its parameters"):
        check_game(AdversarialGame(), players | {"discriminator": constant}, round)


class Frozen(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(x, requires_grad=True)


@pytest.mark.parametrize(
    ("pieces", "says"),
    [
        ({"loss": Wasserstein}, "loss is the class Wasserstein itself"),
        ({"loss": R1()}, "loss is R1.* which has no relative"),
        ({"penalties": R1()}, r"penalties is R1\(gamma=None\); put it in a tuple"),
        ({"penalties": (R1, R2())}, "a penalty is the class R1 itself"),
        ({"penalties": (Wasserstein(),)}, r"a penalty is Wasserstein\(\), which has no name"),
    ],
)
def test_a_piece_in_a_wrong_place_is_named(pieces, says):
    with pytest.raises(ValueError, match=says):
        AdversarialGame(**pieces)
