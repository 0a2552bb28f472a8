"""A session with every dynamics: what is saved of it goes on with the same bits."""

import numpy as np
import pytest
import torch

from gansmith.data import ImageSet
from gansmith.dynamics import (
    SGD,
    Alternating,
    Averaged,
    Competitive,
    Consensus,
    Extragradient,
    Lookahead,
    Optimistic,
    Schedule,
    Simultaneous,
    SymplecticAdjustment,
    Unrolled,
)
from gansmith.games import CategoricalCode, FeatureMatching, HistoricalAveraging, InfoGAN, Packed
from gansmith.networks import DCGAN, Maxout
from gansmith.training import train
from gansmith.training.engine import DeviceEngine
from gansmith.training.recipe import Recipe
from gansmith.training.session import Session
from gansmith.training.trees import pack, unpack


def started(dynamics):
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 16, 1), np.uint8)
    images = ImageSet("noise", pixels, None, (), "")
    recipe = Recipe(networks=DCGAN(width=4), latent=3, batch=4, dynamics=dynamics)
    return Session.start(recipe, images, DeviceEngine())


@pytest.mark.identity
@pytest.mark.parametrize(
    "dynamics",
    [
        Simultaneous(),
        Simultaneous(optimizer=SGD(momentum=0.5, last_momentum=0.9, ramp=4), schedule=Schedule(keep=0.9)),
        Alternating(discriminator_steps=2),
        Unrolled(steps=2),
        Unrolled(steps=2, first_order=True, optimizer=SGD(lr=0.01, momentum=0.9)),
        Extragradient(),
        Extragradient(past=True),
        Optimistic(),
        Consensus(),
        SymplecticAdjustment(),
        Competitive(iterations=2),
        Lookahead(every=2, dynamics=Averaged(dynamics=Optimistic())),
        Averaged(decay=0.9, dynamics=Lookahead(every=2)),
    ],
    ids=lambda dynamics: type(dynamics).__name__,
)
def test_a_session_that_is_saved_and_loaded_goes_on_with_the_same_bits(dynamics):
    """Three steps, through a checkpoint's bytes into a new session, and two more, with batch norm in both players."""
    whole = started(dynamics)
    for _ in range(3):
        whole.advance()
    saved = unpack(*pack(whole.tree()))
    again = started(dynamics)
    again.load(saved)
    for session in (whole, again):
        for _ in range(2):
            session.advance()
    for name, player in whole.players.items():
        for (key, a), b in zip(player.state_dict().items(), again.players[name].state_dict().values(), strict=True):
            assert torch.equal(a, b), (name, key)
    assert whole.broken() is None
    (counter,) = {int(v) for k, v in whole.players["generator"].state_dict().items() if k.endswith("tracked")}
    assert counter == 5 * (2 if isinstance(dynamics, Alternating) else 1)


def test_an_architecture_may_start_from_the_data_and_the_latent_be_uniform():
    pixels = np.random.default_rng(0).integers(0, 256, (16, 4, 4, 1), np.uint8)
    images = ImageSet("noise", pixels, None, (), "")
    networks = Maxout(width=4, units=2, marginals=True, std=1e-9)
    session = Session.start(Recipe(networks=networks, latent=300, noise="uniform", batch=8), images, DeviceEngine())
    latent = session.feed(0)(0)["latent"]
    assert torch.equal(latent, session.feed(0)(0)["latent"])
    assert 1.7 < latent.abs().max() < 3**0.5  # of 2,400 numbers from U(−√3, √3)
    assert torch.allclose(session.players["generator"](latent)[0].double(), images.mean(), atol=1e-5)
    assert torch.equal(session.average.module(latent), session.players["generator"](latent))


def test_a_game_for_other_players_than_a_recipe_builds_is_sent_to_play():
    images = ImageSet("noise", np.zeros((4, 16, 16, 1), np.uint8), None, (), "")
    with pytest.raises(ValueError, match=r"InfoGAN has the players recogniser, but a recipe builds.* play\(game"):
        Session.start(Recipe(game=InfoGAN((CategoricalCode(3),))), images, DeviceEngine())


def test_train_takes_a_recipe_and_not_its_name():
    with pytest.raises(ValueError, match=r"train takes a Recipe, such as RECIPES\['digits'\], not 'digits'"):
        train("digits")


@pytest.mark.identity
@pytest.mark.parametrize("noise", ["normal", "uniform"])
def test_a_reference_batch_is_drawn_as_latents_are_and_stays(noise):
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 16, 1), np.uint8)
    images = ImageSet("noise", pixels, np.arange(16) % 2, ("a", "b"), "")
    networks = DCGAN(width=4, generator_norm="virtual", reference=300)
    recipe = Recipe(networks=networks, latent=3, batch=4, conditional=True, noise=noise)
    session, other = (Session.start(recipe, images, DeviceEngine()) for _ in range(2))
    generator = session.players["generator"]
    z, label = generator.reference_latent.clone(), generator.reference_label.clone()
    assert torch.equal(z, other.players["generator"].reference_latent)
    assert z.abs().max() > 3**0.5 if noise == "normal" else z.abs().max() <= 3**0.5
    assert 0.7 < z.std() < 1.3
    assert label.unique().tolist() == [0, 1]
    session.advance()
    assert torch.equal(generator.reference_latent, z)
    assert torch.equal(session.average.module.reference_latent, z)


@pytest.mark.smoke
@pytest.mark.parametrize("game", [Packed(size=2), FeatureMatching(), HistoricalAveraging(Packed(size=4), weight=0.1)])
def test_games_that_see_more_than_a_score_play_and_go_on_with_the_same_bits(game):
    pixels = np.random.default_rng(0).integers(0, 256, (32, 16, 16, 1), np.uint8)
    images = ImageSet("noise", pixels, None, (), "")
    recipe = Recipe(networks=DCGAN(width=4, minibatch="discrimination"), latent=3, batch=8, game=game)
    session, other = (Session.start(recipe, images, DeviceEngine()) for _ in range(2))
    for _ in range(2):
        session.advance()
    other.load(unpack(*pack(session.tree())))
    for one in (session, other):
        one.advance()
    first, second = (one.players["generator"].state_dict() for one in (session, other))
    assert all(torch.equal(first[name], second[name]) for name in first)
