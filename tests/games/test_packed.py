"""Packs: what the discriminator is shown, and what a penalty then reads."""

import pytest
import torch
from torch import Tensor, nn

from gansmith.dynamics import Alternating, LocalEngine
from gansmith.games import (
    R1,
    R2,
    WGANGP,
    AdversarialGame,
    FeatureMatching,
    Flipped,
    Packed,
    RelativisticPaired,
    check_game,
    judged,
)
from gansmith.games.packed import packed
from gansmith.types import Players, Round


def players(size: int) -> dict[str, nn.Module]:
    return {
        "generator": nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2)),
        "discriminator": nn.Sequential(nn.Linear(2 * size, 8), nn.Tanh(), nn.Linear(8, 1)),
    }


def a_round(n: int = 6) -> Round:
    g = torch.Generator().manual_seed(0)
    return Round({"real": torch.randn(n, 2, generator=g), "latent": torch.randn(n, 3, generator=g)})


def costs(game: AdversarialGame | Packed, who: Players, round: Round) -> dict[str, Tensor]:
    return dict(game.costs(game.play(who, round, game.players), game.players))


@pytest.mark.analytic
def test_images_are_packed_along_their_channels() -> None:
    x = torch.arange(4 * 3 * 2 * 2).reshape(4, 3, 2, 2)
    y = packed(x, 2)
    assert y.shape == (2, 6, 2, 2)
    assert torch.equal(y[1], torch.cat([x[2], x[3]]))


@pytest.mark.identity
def test_packs_of_one_are_the_game_itself() -> None:
    game = AdversarialGame(RelativisticPaired(), penalties=(R1(gamma=0.5), R2(gamma=0.3), WGANGP()))
    who, round = players(1), a_round()
    alone, wrapped = costs(game, who, round), costs(Packed(game, size=1), who, round)
    assert all(torch.equal(alone[name], wrapped[name]) for name in game.players)
    assert Packed(game, size=1).samplewise
    assert not Packed(game, size=2).samplewise


@pytest.mark.analytic
def test_a_linear_discriminator_by_hand() -> None:
    # D(x₁, x₂) = w·x₁ + 2w·x₂, so ∇ = (w, 2w) for every pack, and R1 charges γ/2·5‖w‖².
    w = torch.tensor([3.0, 4.0])
    who = players(2) | {"discriminator": nn.Linear(4, 1, bias=False)}
    nn.init.zeros_(who["discriminator"].weight)
    who["discriminator"].weight.data.add_(torch.cat([w, 2 * w]))
    game, round = Packed(AdversarialGame(penalties=(R1(gamma=2.0),)), size=2), a_round()
    outcome = game.play(who, round, ["discriminator"])
    real = round["real"]
    assert torch.allclose(outcome["real_scores"], real[::2] @ w + 2 * (real[1::2] @ w))
    assert torch.allclose(outcome["r1"], torch.full((3,), 5 * 25.0))


@pytest.mark.parametrize("loss", [AdversarialGame(), AdversarialGame(RelativisticPaired(), penalties=(R1(), WGANGP()))])
def test_it_keeps_a_games_promises(loss: AdversarialGame) -> None:
    check_game(Packed(loss, size=3), players(3), a_round())


@pytest.mark.smoke
def test_it_is_played() -> None:
    # Alternating hands the generated samples on to the generator's turn: they must still be single samples there.
    game, who, dynamics = Packed(size=2), players(2), Alternating()
    before = {name: next(iter(module.parameters())).clone() for name, module in who.items()}
    state = dynamics.init(game, who)
    dynamics.step(game, who, state, lambda substep: a_round(), LocalEngine())
    assert all(not torch.equal(before[name], next(iter(module.parameters()))) for name, module in who.items())


def test_refusals() -> None:
    with pytest.raises(ValueError, match="size is 0"):
        Packed(size=0)
    with pytest.raises(ValueError, match="6 samples do not go into packs of 4"):
        costs(Packed(size=4), players(4), a_round())
    with pytest.raises(ValueError, match="leave labels out"):
        costs(Packed(size=2), players(2), a_round().given(label=torch.zeros(6, dtype=torch.int64)))


@pytest.mark.identity
def test_a_game_says_what_its_discriminator_is_shown() -> None:
    shape = (3, 8, 8)
    assert judged(AdversarialGame(), shape) == shape
    assert judged(Packed(size=4), shape) == (12, 8, 8)
    assert judged(Flipped(Packed(size=2)), (5,)) == (10,)


@pytest.mark.identity
@pytest.mark.parametrize("wrapper", [Packed, FeatureMatching])
def test_it_goes_around_an_adversarial_game_only(wrapper: type) -> None:
    name = wrapper.__name__
    with pytest.raises(ValueError, match=f"{name} goes around an AdversarialGame, not Flipped; put that around {name}"):
        wrapper(Flipped(AdversarialGame()))
