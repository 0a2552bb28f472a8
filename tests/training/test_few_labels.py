"""A run that is told a few labels: which ones, that no other label is looked at, and that its classifier is kept."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

import gansmith as gs
from gansmith.data import few_labelled, from_array, parted
from gansmith.games import AdversarialGame, FeatureMatching, Packed, SemiSupervised, learns_labels
from gansmith.networks import DCGAN, Augmented, Classifier, classifier
from gansmith.training import Recipe, Schedules, train
from gansmith.training.engine import DeviceEngine
from gansmith.training.recipe import Augmentation, Execution, settled
from gansmith.training.session import Session, taught
from gansmith.training.transfer import starting_weights
from gansmith.training.treatment import restarted
from gansmith.training.trees import pack, unpack

RECIPE = Recipe(
    networks=DCGAN(width=4, discriminator_norm="none"),
    latent=3,
    batch=8,
    labels_per_class=2,
    augment=Augmentation(translation=0.1),
    run=Execution(precision="float32"),
)


def bars(count=60, *, swap=()):
    """Images of a bright left or a bright right half, with noise; the labels of the rows in `swap` are wrong."""
    labels = np.arange(count) % 2
    pixels = np.random.default_rng(0).integers(0, 60, (count, 16, 16), np.uint8)
    for row, label in enumerate(labels):
        pixels[row, :, 8 * label : 8 * label + 8] += 180
    labels = np.where(np.isin(np.arange(count), swap), 1 - labels, labels)
    return from_array(pixels, labels=labels)


def started(recipe, images=None):
    return Session.start(settled(recipe), bars() if images is None else images, DeviceEngine())


def test_as_many_of_each_class_are_drawn_as_were_asked_for():
    images = bars()
    few, more = (few_labelled(images, n, seed=7) for n in (3, 9))
    assert np.bincount(images.labels[few]).tolist() == [3, 3]
    assert set(few) < set(more)  # more labels are the same ones and others
    assert set(few) != set(few_labelled(images, 3, seed=8))
    assert few_labelled(images, 10, seed=7, rows=np.arange(20)).tolist() == list(range(20))


def test_who_asks_for_labels_that_are_not_there_is_told():
    with pytest.raises(ValueError, match="30 labelled images of the class '0' to train on, and 31 of each"):
        few_labelled(bars(), 31, seed=0)
    plain = from_array(np.zeros((4, 16, 16), np.uint8), name="plain")
    with pytest.raises(ValueError, match="plain has no labels to learn from; use class subfolders"):
        few_labelled(plain, 1, seed=0)
    one = from_array(np.zeros((4, 16, 16), np.uint8), labels=[0] * 4, name="one")
    with pytest.raises(ValueError, match="one has a single class, so there is nothing to learn to tell apart"):
        started(replace(RECIPE, labels_per_class=1), one)
    with pytest.raises(ValueError, match="a conditional recipe tells them all: add --no-conditional"):
        replace(RECIPE, conditional=True)
    with pytest.raises(ValueError, match="shown 2 images at a time, which have no label together"):
        started(replace(RECIPE, game=Packed()))
    with pytest.raises(ValueError, match="the game learns labels, and labels_per_class is 0"):
        started(replace(RECIPE, labels_per_class=0, game=SemiSupervised()))


def test_the_game_of_few_labels_follows_from_their_number():
    plain = AdversarialGame()
    assert settled(replace(RECIPE, game=plain)).game == SemiSupervised(plain)
    own = SemiSupervised(FeatureMatching(), weight=1.0)
    assert settled(replace(RECIPE, game=own)).game == own
    assert settled(Recipe(game=plain)).game == plain
    assert learns_labels(own)
    assert learns_labels(gs.Flipped(own))
    assert not learns_labels(gs.Flipped(plain))


def test_a_round_holds_the_labelled_images_with_their_labels_and_the_others_without():
    images = bars()
    session = started(RECIPE)
    rows = taught(session.recipe, images)
    assert np.bincount(images.labels[rows]).tolist() == [2, 2]
    assert set(rows) <= set(parted(images, RECIPE.held_out)[0])  # none of those that measure it
    round = session.feed(3)(0)
    known = images.pixels()[rows].float() / 127.5 - 1
    for x, y in zip(round["labelled"], round["answer"], strict=True):
        (place,) = [i for i, image in enumerate(known) if torch.allclose(image, x, atol=1e-6)]
        assert images.labels[rows[place]] == y
    assert "label" not in round


@pytest.mark.identity
def test_no_other_label_is_looked_at():
    """Two sets that differ in labels that nobody was told give the same weights, bit by bit."""
    images = bars()
    rows = taught(settled(RECIPE), images)
    others = np.setdiff1d(np.arange(60), rows)[:20]
    wrong = replace(images, labels=np.where(np.isin(np.arange(60), others), 1 - images.labels, images.labels))
    sessions = [started(RECIPE, images), started(RECIPE, images)]
    sessions[1].feed = replace(sessions[1].feed, images=wrong)
    for session in sessions:
        for _ in range(3):
            session.advance()
    a, b = ([*s.players["discriminator"].parameters(), *s.players["generator"].parameters()] for s in sessions)
    assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.identity
def test_a_run_that_learns_labels_goes_on_with_the_same_bits():
    whole, again = started(RECIPE), started(RECIPE)
    for _ in range(3):
        whole.advance()
    again.load(unpack(*pack(whole.tree())))
    for session in (whole, again):
        for _ in range(2):
            session.advance()
    assert isinstance(whole.players["discriminator"], Augmented)
    pairs = zip(whole.classifier.module.parameters(), again.classifier.module.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    with torch.no_grad():
        whole.classifier.module.head.weight.fill_(float("nan"))
    assert whole.broken() == "classifier"


def test_a_run_learns_to_tell_halves_apart_and_its_model_remembers(tmp_path):
    """Two labels of each kind are enough where the difference is half of the picture."""
    images = bars(200)
    recipe = replace(RECIPE, steps=60, every=Schedules(watch=30, save=60), augment=Augmentation())
    run = train(recipe, data=images, out=tmp_path / "run")
    model = gs.load(run.path)
    assert model.names == ("0", "1")
    assert model.recipe.labels_per_class == 2
    found = model.classify(images.pixels())
    assert found.shape == (200, 2)
    assert torch.allclose(found.sum(1), torch.ones(200).double())
    assert (found.argmax(1).numpy() == images.labels).mean() > 0.95
    again = model.classify(images.pixels().float() / 127.5 - 1, batch=7)
    assert torch.allclose(found, again, atol=1e-5)
    records = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    shared = gs.load(model.save_pretrained(tmp_path / "shared"))
    assert shared.names == model.names
    assert torch.equal(shared.classify(images.pixels()), found)
    assert torch.equal(shared.sample(3), model.sample(3))
    assert set(starting_weights(tmp_path / "shared")[1]) == set(model.generator.state_dict())
    looks = [record["watch/misclassified"] for record in records if "watch/misclassified" in record]
    assert len(looks) >= 2
    assert looks[-1] < 0.1
    assert "watch/diversity" in records[-2] or "watch/diversity" in records[-1]  # the doctor is not blind


def test_a_model_that_was_taught_nothing_says_so():
    with pytest.raises(ValueError, match=r"not taught to classify; train one that is: gansmith train --labels-per-cl"):
        gs.load("digits").classify(torch.zeros(1, 1, 28, 28))


def test_a_discriminator_of_ones_own_wants_a_method():
    class Own:
        def discriminator(self, shape, *, classes=0):
            return torch.nn.Linear(2, 1)

    with pytest.raises(ValueError, match=r"Linear cannot be made to classify.* give the architecture a method classif"):
        classifier(Own(), (2,), classes=3)
    assert isinstance(classifier(DCGAN(width=4), (1, 16, 16), classes=3), Classifier)


def test_a_run_that_goes_back_keeps_its_classifier():
    """A remedy that changes other settings leaves the discriminator's average where the checkpoint has it."""
    session = started(RECIPE)
    for _ in range(3):
        session.advance()
    tree = unpack(*pack(session.tree()))
    new, words = restarted(session, replace(session.recipe, batch=4), tree)
    pairs = zip(session.classifier.module.parameters(), new.classifier.module.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert words == ""
    wider = replace(session.recipe, networks=DCGAN(width=8, discriminator_norm="none"))
    new, words = restarted(session, wider, tree)
    assert "the discriminator" in words  # another network starts anew, and so does its average
    pairs = zip(
        new.players["discriminator"].discriminator.parameters(), new.classifier.module.parameters(), strict=True
    )
    assert all(torch.equal(a, b) for a, b in pairs)
