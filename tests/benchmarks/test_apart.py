"""Samples that are too similar are kept out of a batch, and the others take their places."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest
import torch
from torch import nn

from gansmith.types import Round

Benchmark = Callable[[str], ModuleType]


@pytest.mark.analytic
def test_who_is_nearer_than_the_least_distance_to_somebody_kept_is_not_kept(benchmark: Benchmark) -> None:
    # 0.4 is too near to 0; 0.8 is near to 0.4 only, which was not kept; 1.5 is too near to 0.8.
    apart = benchmark("apart").apart
    assert apart(torch.tensor([[0.0], [0.4], [0.8], [1.5], [9.0]]), torch.tensor(0.75)).tolist() == [0, 2, 4]


@pytest.mark.analytic
def test_the_nearest_other(benchmark: Benchmark) -> None:
    assert benchmark("apart").nearest(torch.tensor([[0.0], [1.0], [3.0]])).tolist() == [1.0, 1.0, 2.0]


@pytest.mark.analytic
def test_the_kept_ones_fill_the_batch_and_both_players_see_the_same(benchmark: Benchmark) -> None:
    game = benchmark("apart").KeptApart()
    players = {"generator": nn.Linear(1, 1, bias=False), "discriminator": nn.Flatten(0)}
    players["generator"].weight.data.fill_(1.0)
    # Real samples are 1 apart, so that samples must be half as far from each other: 0.1 is not, from 0.
    latent = torch.tensor([[0.0], [0.1], [2.0], [5.0]])
    round = Round({"real": torch.arange(4.0)[:, None], "latent": latent})
    outcome = game.play(players, round, of=["discriminator"])
    assert outcome["fake"].flatten().tolist() == [0.0, 2.0, 5.0, 0.0]
    again = game.play(players, round.given(fake=outcome["fake"]), of=["generator"])
    assert torch.equal(again["fake_scores"], outcome["fake_scores"])
    assert outcome.round is round


@pytest.mark.identity
def test_with_a_reach_of_nothing_it_is_the_game_inside(benchmark: Benchmark) -> None:
    torch.manual_seed(0)
    players = {"generator": nn.Linear(3, 2), "discriminator": nn.Sequential(nn.Linear(2, 1), nn.Flatten(0))}
    round = Round({"real": torch.randn(8, 2), "latent": torch.randn(8, 3)})
    of, game = ["discriminator", "generator"], benchmark("apart").KeptApart(reach=0.0)
    expected = game.game.costs(game.game.play(players, round, of), of)
    assert game.costs(game.play(players, round, of), of) == expected
