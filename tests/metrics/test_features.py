"""Extractors: what they return, what they refuse, and that the shipped one is the one that was recorded."""

import pytest
import torch
from torch import nn

from gansmith.metrics import Extractor, NetworkExtractor, grey28, pixels
from gansmith.metrics.images import as_images, fit


def test_pixels_are_the_pixels() -> None:
    images = torch.rand(3, 2, 4, 5)
    assert torch.equal(pixels()(images), images.view(3, 40))


def test_shipped_digest_is_the_recorded_one(results) -> None:
    assert grey28().digest == results["grey28"]["sha256"]


@pytest.mark.identity
def test_each_image_apart() -> None:
    images = torch.rand(40, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    together, alone = grey28()(images), torch.cat([grey28()(image[None]) for image in images])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


@pytest.mark.identity
def test_folded_batch_norms_change_nothing() -> None:
    # In evaluation, γ·(w∗x − μ)/√(σ² + ε) + β is a convolution with γ/√(σ² + ε)·w: here the layers, one by one.
    network = grey28().network
    images = torch.rand(8, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    x = images
    for block in network.blocks:
        for layer in block:
            x = layer(x)
    torch.testing.assert_close(network(images), network.project(x.flatten(1)), rtol=1e-5, atol=1e-4)


def test_features_tell_the_classes_apart(embedded) -> None:
    # The nearest other digit in feature space is of the same class nearly always; in pixels, less often.
    images, labels = as_images(embedded[0][::5]), embedded[1][::5]

    def agreement(extractor: Extractor) -> float:
        features = extractor(images)
        distances = torch.cdist(features, features).fill_diagonal_(torch.inf)
        return (labels[distances.argmin(1)] == labels).double().mean().item()

    assert agreement(grey28()) > 0.97
    assert agreement(grey28()) > agreement(pixels())


def test_a_module_in_training_mode_and_unknown_shapes_are_refused() -> None:
    noisy = NetworkExtractor(name="noisy", network=nn.Dropout())
    with pytest.raises(ValueError, match="'noisy' is in training mode"):
        noisy(torch.zeros(1, 1, 2, 2))
    with pytest.raises(ValueError, match=r"\(1, 28, 28\); got \(1, 32, 32\): pass resize=True"):
        grey28()(torch.zeros(1, 1, 32, 32))


def test_extractors_meet_their_protocol() -> None:
    assert isinstance(pixels(), Extractor)
    assert isinstance(grey28(), Extractor)


@pytest.mark.analytic
def test_conversion() -> None:
    pure = (2 * torch.eye(3) - 1).view(3, 3, 1, 1).expand(3, 3, 6, 4)
    # Luma of pure red, green and blue: so far from black to white.
    luma = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1, 1).expand(3, 1, 3, 2)
    torch.testing.assert_close(fit(pure, (1, 3, 2)), 2 * luma - 1)
    assert torch.equal(fit(torch.full((1, 1, 4, 4), 0.5), (3, 2, 2)), torch.full((1, 3, 2, 2), 0.5))
    # Halving with antialiasing keeps the mean of every row of a horizontal ramp's centre pixels: linear in, linear out.
    ramp = torch.linspace(-1, 1, 16).view(1, 1, 1, 16).expand(1, 1, 16, 16)
    torch.testing.assert_close(fit(ramp, (1, 8, 8))[..., 1:-1], ramp.unflatten(3, (8, 2)).mean(4)[:, :, ::2, 1:-1])
    with pytest.raises(ValueError, match="between 1 and 3 channels only; got 4, wanted 1"):
        fit(torch.zeros(1, 4, 8, 8), (1, 8, 8))


def test_image_types() -> None:
    assert as_images(torch.tensor([[[[0, 128, 255]]]], dtype=torch.uint8)).tolist()[0][0][0] == pytest.approx(
        [-1, 128 / 127.5 - 1, 1], abs=1e-6
    )
    with pytest.raises(ValueError, match="got the shape \\(3, 4\\)"):
        as_images(torch.zeros(3, 4))
    with pytest.raises(ValueError, match=r"uint8, or floats in \[-1, 1\]; got torch.int64"):
        as_images(torch.zeros(1, 1, 2, 2).long())
