"""Rounds, outcomes and seeds: what the rooms hand to each other."""

import pytest
import torch
from torch import nn

from gansmith.games import AdversarialGame, Hinge
from gansmith.types import Game, Outcome, Round, check_piece, key_seed, moved_with


def test_key_seed_is_the_same_forever():
    """Checkpoints rely on it: another value would give a resumed run other noise. From BLAKE2b of the key's repr."""
    assert key_seed(0, "latent") == 3499325731744759652
    assert key_seed(0, "round", 3, 1) != key_seed(0, "round", 31)


@pytest.mark.identity
@pytest.mark.parametrize("name", ["normal", "uniform"])
def test_noise_belongs_to_the_row_and_not_to_the_part_that_asks(name):
    whole = Round({"real": torch.zeros(6, 2)}, key=(3, "round", 5))
    parts = [whole.rows(0, 1), whole.rows(1, 4), whole.rows(4, 6)]
    drawn = torch.cat([getattr(part, name)("eps", 3, 1) for part in parts])
    assert drawn.shape == (6, 3, 1)
    assert torch.equal(drawn, getattr(whole, name)("eps", 3, 1))


def test_noise_depends_on_the_key_and_the_name_and_on_nothing_else():
    round = Round({"real": torch.zeros(4, 2)}, key=(0, 1))
    first = round.normal("eps", 2)
    torch.manual_seed(99)
    assert torch.equal(round.normal("eps", 2), first)
    assert not torch.equal(round.normal("other", 2), first)
    assert not torch.equal(Round(round.streams, key=(0, 2)).normal("eps", 2), first)


def test_noise_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    Round({"real": torch.zeros(4, 2)}).normal("eps", 2)
    assert torch.equal(torch.get_rng_state(), before)


def test_rows_of_rows_know_their_place():
    inner = Round({"real": torch.arange(10)}).rows(2, 8).rows(1, 3)
    assert inner["real"].tolist() == [3, 4]
    assert (inner.start, inner.total, inner.size) == (3, 10, 2)


def test_a_missing_stream_is_named_with_those_that_are_there():
    with pytest.raises(ValueError, match=r"no stream 'label'; it has latent, real"):
        Round({"real": torch.zeros(1), "latent": torch.zeros(1)})["label"]


def test_given_and_recall_leave_the_original_as_it_was():
    round = Round({"real": torch.zeros(1)})
    assert "fake" in round.given(fake=torch.ones(1))
    assert round.recall({"t": 1}).memory == {"t": 1}
    assert "fake" not in round
    assert round.memory == {}


def test_only_what_a_player_did_not_make_is_still_right_after_it_moved():
    values = {"fake": torch.zeros(1), "score": torch.ones(1)}
    makers = {"fake": frozenset({"generator"}), "score": frozenset({"generator", "discriminator"})}
    outcome = Outcome(Round(), values, makers)
    assert set(outcome.unmoved("discriminator")) == {"fake"}
    assert set(outcome.unmoved("generator")) == set()
    assert set(outcome.unmoved("discriminator", "generator")) == set()


def test_whoever_holds_a_parameter_of_a_player_moves_with_it():
    """Only direct holders: what the middle one shares with the last does not move with the first."""
    first, last = nn.Linear(2, 2), nn.Linear(2, 2)
    players = {"one": nn.Sequential(first, nn.Linear(2, 1)), "two": nn.Sequential(first, last), "three": last}
    assert moved_with(players, "one") == ("one", "two")
    assert set(moved_with(players, "two")) == {"one", "two", "three"}
    assert moved_with(players, "three") == ("three", "two")


def test_alone_the_whole_batch_is_what_is_here():
    x = torch.randn(3, 2)
    assert Round({"real": x}).whole(x) is x


@pytest.mark.analytic
def test_rows_from_all_who_share_a_batch_make_it_whole():
    """Three shares of a batch of 6, with the mean over them worked out from all three at once."""
    x = torch.arange(12.0).view(6, 2)
    placed = [torch.zeros(6, 2).index_copy(0, torch.arange(i, i + 2), x[i : i + 2]) for i in (0, 2, 4)]
    for i in (0, 2, 4):
        seen = []

        def mean(part, seen=seen):
            seen.append(part[0])
            return torch.stack(placed).mean(0)

        share = Round({"real": x[i : i + 2]}, start=i, total=6, mean=mean)
        assert torch.allclose(share.whole(x[i : i + 2]), x)
        assert torch.equal(seen[0], placed[i // 2])


@pytest.mark.parametrize(
    ("piece", "says"),
    [
        (AdversarialGame, r"game is the class AdversarialGame itself; make a value of it: AdversarialGame\(\.\.\.\)"),
        (Hinge(), r"game is Hinge\(\), which has no players and no samplewise; give one such as AdversarialGame\(\)"),
        ("x" * 200, "^.{150,210}$"),  # however long a thing is, the sentence stays one
    ],
)
def test_a_piece_of_another_kind_is_named(piece, says):
    with pytest.raises(ValueError, match=says):
        check_piece(piece, Game, "game", "AdversarialGame()")
