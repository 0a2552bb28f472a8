"""The smallest loop."""

import pytest
import torch
from torch import nn

from gansmith.dynamics import SGD, Alternating, Extragradient, Simultaneous, Unrolled, play
from gansmith.games import AdversarialGame, FunctionGame, Hinge, bilinear
from gansmith.networks import Point
from gansmith.types import Round


def networks():
    torch.manual_seed(0)
    return {"generator": nn.Linear(3, 2), "discriminator": nn.Linear(2, 1)}


def draws(step):
    def draw(substep):
        generator = torch.Generator().manual_seed(100 * step + substep)
        streams = {"real": torch.randn(4, 2, generator=generator), "latent": torch.randn(4, 3, generator=generator)}
        return Round(streams, key=(step, substep))

    return draw


@pytest.mark.identity
def test_going_on_is_the_same_as_not_having_stopped():
    game, dynamics, whole, parts = AdversarialGame(), Alternating(discriminator_steps=2), networks(), networks()
    assert play(game, dynamics, whole, draws, steps=5)["steps"] == 5
    state = play(game, dynamics, parts, draws, steps=2)
    state = play(game, dynamics, parts, draws, steps=3, state=state, first=2)
    assert state["steps"] == 5
    for name in whole:
        assert torch.equal(whole[name].weight, parts[name].weight)
    again = networks()
    state = play(game, dynamics, again, draws, steps=2)
    play(game, dynamics, again, draws, steps=3, state=state)  # the first rounds once more, which is another run
    assert not torch.equal(again["generator"].weight, whole["generator"].weight)


def test_who_watches_sees_every_step_after_it_was_made():
    players, seen = networks(), []
    before = players["generator"].weight.detach().clone()

    def watch(step, result):
        moved = not torch.equal(players["generator"].weight, before)
        seen.append((step, sorted(result.costs), moved))

    play(AdversarialGame(), Alternating(), players, draws, steps=2, first=7, watch=watch)
    assert seen == [(7, ["discriminator", "generator"], True), (8, ["discriminator", "generator"], True)]


def test_a_game_of_plain_functions_needs_no_data_but_its_noise_is_new_at_every_move():
    players, keys = {"x": Point(1.0), "y": Point(0.0)}, []

    class Noting(FunctionGame):
        def play(self, players, round, of):
            keys.append(round.key)
            return super().play(players, round, of)

    play(Noting(bilinear().functions), Extragradient(optimizer=SGD(lr=0.5)), players, steps=2)
    assert keys == [(0, 0), (0, 1), (1, 0), (1, 1)]
    # (x, y) ← (3/4·x − y/2, 3/4·y + x/2), twice from (1, 0)
    assert (players["x"]().item(), players["y"]().item()) == (0.3125, 0.75)
    with pytest.raises(ValueError, match="the round has no stream 'latent'"):
        play(AdversarialGame(), Alternating(), networks(), steps=1)


def test_no_steps_is_only_the_beginning_and_fewer_are_refused():
    assert play(AdversarialGame(), Alternating(), networks(), draws, steps=0)["steps"] == 0
    with pytest.raises(ValueError, match="steps must be at least 0, not -1"):
        play(AdversarialGame(), Alternating(), networks(), draws, steps=-1)


@pytest.mark.parametrize(
    ("game", "dynamics", "draws", "says"),
    [
        (Hinge(), Alternating(), draws, r"game is Hinge\(\).* AdversarialGame"),
        (AdversarialGame(), Alternating, draws, "dynamics is the class Alternating itself"),
        (AdversarialGame(), SGD(lr=0.1), draws, r"dynamics is SGD\(.*such as Simultaneous"),
        (AdversarialGame(), Simultaneous(optimizer=SGD), draws, "optimizer is the class SGD itself"),
        (AdversarialGame(), Alternating(), torch.zeros(4, 2), "draws is a Tensor; .* function of the step"),
    ],
)
def test_what_stands_in_a_wrong_place_is_named(game, dynamics, draws, says):
    with pytest.raises(ValueError, match=says):
        play(game, dynamics, networks(), draws, steps=1)


def test_one_name_is_not_taken_for_a_tuple_of_letters():
    with pytest.raises(ValueError, match=r"through is 'discriminator'.* such as \('discriminator',\)"):
        Unrolled(through="discriminator")


def test_what_is_said_of_a_step_can_be_read():
    seen = []
    play(AdversarialGame(), Alternating(), networks(), draws, steps=1, watch=lambda step, result: seen.append(result))
    assert "real_score" in repr(seen[0].signals)
