"""A run whose discriminator is not told the labels, but names them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import gansmith as gs
from gansmith.data import from_array
from gansmith.games import R1, AdversarialGame, AuxiliaryClassifier, Packed
from gansmith.networks import DCGAN, Classifier
from gansmith.training import Recipe, Schedules, train
from gansmith.training.engine import DeviceEngine
from gansmith.training.recipe import Augmentation, Execution, settled
from gansmith.training.session import Session, unaugmented

RECIPE = Recipe(
    networks=DCGAN(width=8, generator_norm="none", discriminator_norm="none", discriminator_init="he"),
    game=AuxiliaryClassifier(AdversarialGame(penalties=(R1(gamma=0.1),))),
    dynamics=gs.Alternating(optimizer=gs.Adam(lr=2e-3)),
    conditional=True,
    latent=4,
    batch=16,
    steps=80,
    augment=Augmentation(translation=0.05),
    every=Schedules(sample=1000, save=40),
    run=Execution(precision="float32"),
)


def bars(count=60):
    """Images of a bright left (class 0) or a bright right half (class 1), with noise."""
    labels = np.arange(count) % 2
    pixels = np.random.default_rng(0).integers(0, 60, (count, 16, 16), np.uint8)
    for row, label in enumerate(labels):
        pixels[row, :, 8 * label : 8 * label + 8] += 180
    return from_array(pixels, labels=labels)


def started(recipe):
    return Session.start(settled(recipe), bars(), DeviceEngine())


def test_the_discriminator_has_a_head_for_the_score_and_one_for_the_classes():
    discriminator = unaugmented(started(RECIPE).players["discriminator"])
    assert isinstance(discriminator, Classifier)
    assert discriminator.score is not None
    assert discriminator.logits(torch.zeros(3, 1, 16, 16)).shape == (3, 2)


def test_what_cannot_be_named_is_refused():
    plain = from_array(np.zeros((40, 16, 16), np.uint8), name="plain")
    with pytest.raises(ValueError, match="names labels, and plain has none; use class subfolders"):
        Session.start(settled(replace(RECIPE, conditional=False)), plain, DeviceEngine())
    twice = replace(RECIPE, networks=replace(RECIPE.networks, labels="concatenation"))
    with pytest.raises(ValueError, match="labels is 'concatenation', and this discriminator is told no labels"):
        started(twice)
    with pytest.raises(ValueError, match="names the labels that both players know: add --conditional"):
        started(replace(RECIPE, conditional=False))
    with pytest.raises(ValueError, match="names all labels: leave it out, or --labels-per-class"):
        started(replace(RECIPE, conditional=False, labels_per_class=2))
    with pytest.raises(ValueError, match="shown 2 images at a time, which have no label together"):
        started(replace(RECIPE, game=AuxiliaryClassifier(Packed())))


def test_the_generator_draws_what_it_is_asked_for_and_a_run_goes_on_bit_by_bit(tmp_path):
    """Truth is the half of the picture that is bright; of a run cut in two, every weight is that of the whole."""
    whole = train(RECIPE, data=bars(), out=tmp_path / "whole")
    images = gs.load(whole.path).sample(64, seed=0, labels=["0", "1"] * 32)
    left, right = images[..., :8].mean((1, 2, 3)), images[..., 8:].mean((1, 2, 3))
    asked = torch.arange(64) % 2
    assert ((right > left).long() == asked).float().mean() > 0.9
    half = train(replace(RECIPE, steps=40), data=bars(), out=tmp_path / "half")
    # The schedule depends on a run's length, so this recipe has none.
    gs.resume(half.path, data=bars(), steps=80)
    again = gs.load(half.path).sample(64, seed=0, labels=["0", "1"] * 32)
    assert torch.equal(images, again)
