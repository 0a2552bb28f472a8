"""Latents of given pictures: against a generator whose inverse is known, and against its own samples."""

import math

import pytest
import torch
from torch import nn

import gansmith as gs
from gansmith.applications.projection import CANDIDATES, project, psnr
from gansmith.training import Model, Recipe


class Linear(nn.Module):
    """x = 0.1·Q z with orthonormal columns, as a 1x4x4 picture; with labels, class 1 is the negative."""

    def __init__(self, latent):
        super().__init__()
        columns = torch.randn(16, latent, generator=torch.Generator().manual_seed(0))
        self.columns = nn.Parameter(0.1 * torch.linalg.qr(columns)[0])

    def forward(self, z, label=None):
        sign = 1.0 if label is None else (1.0 - 2.0 * label)[:, None]
        return (sign * (z @ self.columns.T)).view(-1, 1, 4, 4)


def linear(noise="normal", classes=()):
    return Model(generator=Linear(3), recipe=Recipe(latent=3, noise=noise), shape=(1, 4, 4), classes=classes)


@pytest.mark.analytic
@pytest.mark.parametrize("noise", ["normal", "uniform"])
def test_the_latent_of_a_picture_that_has_one_is_found(noise):
    """The map is injective, so a picture that is drawn has one latent, and at no other place is the error 0."""
    model = linear(noise)
    z = torch.tensor([[0.5, -1.0, 1.2], [1.6, 0.2, -0.3]])
    found = project(model, model.draw(z), steps=400)
    torch.testing.assert_close(found.latents, z, atol=1e-3, rtol=0)
    torch.testing.assert_close(found.images, model.draw(found.latents))
    assert found.labels is None
    assert found.errors.max() < 1e-8


@pytest.mark.analytic
def test_latents_stay_where_those_of_samples_lie():
    """The length of a standard normal vector in three dimensions is below 3.368 in 99 of 100 cases (χ² tables)."""
    wanted = linear().draw(torch.tensor([[6.0, 0.0, 0.0]]))
    assert project(linear(), wanted, steps=300).latents.norm().item() == pytest.approx(math.sqrt(11.345), rel=0.01)
    assert project(linear("uniform"), wanted, steps=300).latents.abs().max().item() == pytest.approx(math.sqrt(3))


@pytest.mark.identity
def test_a_class_is_found_or_kept_to():
    # z and −z are as likely, and class 1 draws at −z what class 0 draws at z: both explain a picture.
    model = linear(classes=("plus", "minus"))
    z = torch.tensor([[0.5, -1.0, 1.2]])
    wanted = model.draw(z, torch.tensor([0]))
    for label, sign in (("plus", 1), ("minus", -1)):
        found = project(model, wanted, labels=label, steps=400)
        assert model.classes[found.labels.item()] == label
        torch.testing.assert_close(found.latents, sign * z, atol=1e-3, rtol=0)
    assert project(model, wanted, steps=400).errors.item() < 1e-8


@pytest.mark.identity
def test_own_samples_are_found_again_and_real_ones_better_than_by_looking():
    """Of digits that the model drew, the search comes near where the best of 1,024 samples is far."""
    model = gs.load("digits")
    images = model.sample(3, seed=5)
    looked, found = (project(model, images, steps=steps, seed=1) for steps in (0, 100))
    assert torch.equal(found.labels, model.labels(3, seed=5))
    assert (psnr(found.errors) > psnr(looked.errors) + 6).all()
    # What no search can beat is the nearest of the samples that it begins with, and without steps it is that one.
    tried = model.sample(CANDIDATES, seed=1)
    nearest = (tried - images[0]).square().flatten(1).mean(1).min()
    assert looked.errors[0] >= nearest


@pytest.mark.identity
def test_it_is_a_function_of_the_seed_and_bytes_are_pictures_too():
    model = linear()
    wanted = (model.draw(torch.tensor([[0.4, 0.1, -0.2]])) * 127.5 + 127.5).round().byte()
    one, same = project(model, wanted, steps=5), project(model, wanted.float() / 127.5 - 1, steps=5)
    assert torch.equal(one.latents, same.latents)
    assert not torch.equal(one.latents, project(model, wanted, steps=5, seed=1).latents)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"images are \(1, 1, 8, 8\); this generator draws \(n, c, h, w\) of 1×4×4"):
        project(linear(), torch.zeros(1, 1, 8, 8))
    with pytest.raises(ValueError, match="steps must be at least 0 and lr above 0; got steps=-1"):
        project(linear(), torch.zeros(1, 1, 4, 4), steps=-1)
    with pytest.raises(ValueError, match=r"latents are \(2, 4\); this generator takes \(n, 3\)"):
        linear().draw(torch.zeros(2, 4))
