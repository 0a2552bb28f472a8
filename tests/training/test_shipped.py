"""The models that travel inside the package are there, whole, and make what their classes are called."""

import pytest
import torch

from gansmith.metrics import Report, digits
from gansmith.training import load
from gansmith.training.pretrained import shipped


def test_models_travel_along():
    assert {"avatars", "digits", "fashion"} <= set(shipped())


@pytest.mark.smoke
@pytest.mark.parametrize("name", shipped())
def test_a_shipped_model_draws_different_images(name):
    """Loading verifies the weights' SHA-256; samples of a collapsed generator would hardly differ."""
    model = load(name, device="cpu")
    images = model.sample(20, seed=0, labels=0 if model.classes else None)
    assert images.shape == (20, *model.shape)
    assert images.std(0).mean() > 0.1


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_model_carries_scores_that_compare(name):
    """Its report is of the present format, of its own data, and of enough samples for every score."""
    model = load(name, device="cpu")
    report = Report.from_dict(model.evaluation)
    assert (report.about["step"], report.protocol.split, report.protocol.samples) == (model.step, model.data, 10_000)
    assert all(figure.measure for figure in report.figures.values())


@pytest.mark.reference
def test_shipped_digits_are_the_digits_that_were_asked_for():
    """By the shipped classifier, which is right about 99.6 % of real digits and never saw generated ones."""
    labels = torch.arange(10).repeat(50)
    images = load("digits", device="cpu").sample(500, seed=1, labels=labels)
    right = (digits().probabilities(images).argmax(1) == labels).float().mean()
    assert right > 0.95
