"""The controls are what they say: noise, halves of two classes, means of two classes."""

import pytest
import torch

from gansmith.metrics import Blends, Halves, Noise

# Image i is the constant (i − 5) / 5: every pixel tells which image it comes from. Classes of unlike sizes, mixed.
IMAGES = ((torch.arange(10.0) - 5) / 5).view(10, 1, 1, 1).expand(10, 1, 4, 3)
LABELS = torch.tensor([2, 0, 1, 0, 2, 2, 0, 2, 2, 1])


def row(values: torch.Tensor) -> torch.Tensor:
    """Which image a pixel comes from."""
    return (values * 5 + 5).round().long()


def test_noise_is_uniform() -> None:
    noise = Noise((1, 8, 8)).sample(2000, seed=0)
    assert noise.shape == (2000, 1, 8, 8)
    # Uniform on [-1, 1]: mean 0 with standard error 0.0016, variance 1/3.
    assert noise.mean().item() == pytest.approx(0, abs=0.01)
    assert noise.var().item() == pytest.approx(1 / 3, abs=0.005)


def test_halves_come_from_two_classes_and_every_pair_occurs() -> None:
    images = Halves(IMAGES, LABELS).sample(5000, seed=0)
    upper, lower = row(images[:, 0, 0, 0]), row(images[:, 0, -1, 0])
    assert (LABELS[upper] != LABELS[lower]).all()
    assert torch.equal(images[:, :, :2], IMAGES[upper, :, :2])
    assert torch.equal(images[:, :, 2:], IMAGES[lower, :, 2:])
    pairs = {(a, b) for a in range(10) for b in range(10) if LABELS[a] != LABELS[b]}
    assert set(zip(upper.tolist(), lower.tolist(), strict=True)) == pairs


def test_blends_are_means_of_two_classes() -> None:
    # Class means ±1 and 0: the mean of two different ones is 0, ½ or −½, never ±1.
    images = torch.tensor([-1.0, 0.0, 1.0]).view(3, 1, 1, 1)
    blends = Blends(images, torch.tensor([0, 1, 2])).sample(300, seed=0)
    assert set(blends.flatten().tolist()) == {-0.5, 0.0, 0.5}


@pytest.mark.identity
@pytest.mark.parametrize("control", [Noise((1, 4, 3)), Halves(IMAGES, LABELS), Blends(IMAGES, LABELS)])
def test_a_seed_is_a_sample(control) -> None:
    assert torch.equal(control.sample(20, seed=3), control.sample(20, seed=3))
    assert not torch.equal(control.sample(20, seed=3), control.sample(20, seed=4))


@pytest.mark.parametrize("control", [Halves, Blends])
def test_one_class_is_refused(control) -> None:
    with pytest.raises(ValueError, match="at least two classes; got \\(10,\\) labels of 1 classes"):
        control(IMAGES, torch.zeros(10))
