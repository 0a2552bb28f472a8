"""Differentiable augmentation: its identities, its ranges, and what passes through it."""

import pytest
import torch
from torch import Tensor, nn

from gansmith.networks import DCGAN, Augmented, check_networks, drawing
from gansmith.networks.augment import blank, recolour, shift
from gansmith.types import Round


def _images(n: int = 4) -> Tensor:
    return torch.randn(n, 3, 6, 8, generator=torch.Generator().manual_seed(0))


def _still(n: int = 4) -> tuple[Tensor, Tensor, Tensor]:
    return torch.zeros(n).long(), torch.zeros(n).long(), torch.zeros(n, dtype=torch.bool)


@pytest.mark.identity
def test_nothing_asked_is_the_identity() -> None:
    x = _images()
    assert torch.equal(Augmented(nn.Identity())(x), x)


@pytest.mark.identity
def test_evaluation_mode_is_the_identity() -> None:
    x = _images()
    wrapped = Augmented(nn.Identity(), flip=True, colour=True, translation=0.5, cutout=0.5)
    assert not torch.equal(wrapped(x), x)
    assert torch.equal(wrapped.eval()(x), x)


@pytest.mark.identity
def test_neutral_strengths_are_the_identity() -> None:
    x, half = _images(), torch.full((4,), 0.5)
    torch.testing.assert_close(recolour(x, half, half, half), x)
    assert torch.equal(shift(x, *_still()), x)


@pytest.mark.identity
def test_flipping_twice_is_the_identity_and_once_is_torchs_flip() -> None:
    x, (zero, _, _) = _images(), _still()
    mirrored = torch.tensor([True, False, True, False])
    once = shift(x, zero, zero, mirrored)
    assert torch.equal(once, torch.where(mirrored.view(-1, 1, 1, 1), x.flip(3), x))
    assert torch.equal(shift(once, zero, zero, mirrored), x)


@pytest.mark.analytic
def test_translation_moves_whole_pixels_and_fills_with_zeros() -> None:
    x, (_, _, unmirrored) = _images(), _still()
    moved = shift(x, torch.tensor([2, 0, -1, 6]), torch.tensor([-3, 0, 1, 0]), unmirrored)
    expected = torch.zeros_like(x)
    expected[0, :, 2:, :-3] = x[0, :, :-2, 3:]
    expected[1] = x[1]
    expected[2, :, :-1, 1:] = x[2, :, 1:, :-1]
    assert torch.equal(moved, expected)


@pytest.mark.analytic
def test_translation_reaches_its_range_and_not_further() -> None:
    torch.manual_seed(0)
    wrapped = Augmented(nn.Identity(), translation=0.25)
    x = torch.zeros(500, 1, 8, 8)
    x[:, :, 4, 4] = 1.0
    where = wrapped(x).nonzero()[:, 2:]
    # 0.25 of 8 pixels is 2 either way: 25 places, each of which 500 draws reach almost surely.
    assert where.min() == 2
    assert where.max() == 6
    assert len(where.unique(dim=0)) == 25


@pytest.mark.analytic
def test_cutout_blanks_its_rectangle() -> None:
    x = torch.ones(2, 3, 8, 12)
    out = blank(x, torch.tensor([0.5, 0.0]), torch.tensor([0.5, 0.0]), 0.5)
    expected = torch.ones_like(x)
    expected[0, :, 2:6, 3:9] = 0
    expected[1, :, :2, :3] = 0
    assert torch.equal(out, expected)


@pytest.mark.analytic
def test_colour_extremes() -> None:
    x, half = _images(), torch.full((4,), 0.5)
    torch.testing.assert_close(recolour(x, half + 0.5, half, half), x + 0.5)
    grey = recolour(x, half, half - 0.5, half)
    torch.testing.assert_close(grey, x.mean(1, keepdim=True).expand_as(x))
    mean = x.mean((1, 2, 3), keepdim=True)
    torch.testing.assert_close(recolour(x, half, half, half + 0.5), mean + 1.5 * (x - mean))


@pytest.mark.identity
def test_same_seed_same_view_and_samples_differ() -> None:
    wrapped = Augmented(nn.Identity(), flip=True, colour=True, translation=0.3, cutout=0.4)
    x = _images(1).expand(6, -1, -1, -1)
    torch.manual_seed(3)
    first = wrapped(x)
    torch.manual_seed(3)
    assert torch.equal(wrapped(x), first)
    assert not torch.equal(wrapped(x), first)
    assert not torch.equal(first[0], first[1])


@pytest.mark.analytic
def test_second_derivatives_pass_through() -> None:
    torch.manual_seed(0)
    wrapped = Augmented(nn.Identity(), flip=True, colour=True, translation=0.3, cutout=0.4)
    x = _images().double().requires_grad_()

    def score(x: Tensor) -> Tensor:
        torch.manual_seed(0)
        return wrapped(x).square().sum()

    assert torch.autograd.gradcheck(score, (x,))
    assert torch.autograd.gradgradcheck(score, (x,))


def test_labels_and_attributes_pass_through() -> None:
    torch.manual_seed(0)
    spec, shape = DCGAN(width=4, discriminator_norm="none"), (1, 16, 16)
    wrapped = Augmented(spec.discriminator(shape, classes=3), flip=True, colour=True, translation=0.125, cutout=0.5)
    assert (wrapped.shape, wrapped.classes, wrapped.samplewise) == (shape, 3, True)
    check_networks(spec.generator(shape, latent=4, classes=3), wrapped, shape=shape, latent=4, classes=3)


def test_pixels_are_not_rounded_by_autocast() -> None:
    x = _images()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(shift(x, *_still()), x)


@pytest.mark.parametrize("fields", [{"translation": 1.5}, {"cutout": -0.1}])
def test_shares_out_of_range_are_named(fields: dict[str, float]) -> None:
    name, value = next(iter(fields.items()))
    with pytest.raises(ValueError, match=f"{name} is {value}"):
        Augmented(nn.Identity(), **fields)


@pytest.mark.identity
def test_the_images_of_a_pack_are_transformed_each_by_itself() -> None:
    # With the same draws, augmenting what lies in a pack is packing what was augmented.
    x = torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    fields = {"colour": True, "translation": 0.2, "cutout": 0.3}
    alone, packs = Augmented(nn.Identity(), **fields), Augmented(nn.Identity(), **fields, channels=3)
    round = Round({"real": x}, key=(0, "packs"))
    with drawing(round):
        wanted = alone(x)
    with drawing(round):
        found = packs(x.reshape(2, 9, 8, 8))
    torch.testing.assert_close(found, wanted.reshape(2, 9, 8, 8))


@pytest.mark.analytic
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_an_adaptive_one_transforms_its_share_of_the_images(share: float) -> None:
    torch.manual_seed(0)
    wrapped = Augmented(nn.Identity(), colour=True, adaptive=True)
    assert wrapped.strength == 0
    wrapped.strength.fill_(share)
    x = torch.rand(4000, 1, 2, 2)
    changed = (wrapped(x) != x).flatten(1).any(1).double().mean().item()
    # A binomial share of 4,000 has a deviation of at most 0.008.
    assert changed == pytest.approx(share, abs=0.03)


@pytest.mark.analytic
def test_transformations_are_chosen_apart() -> None:
    torch.manual_seed(0)
    wrapped = Augmented(nn.Identity(), colour=True, cutout=1.0, adaptive=True)
    wrapped.strength.fill_(0.5)
    x = torch.ones(4000, 1, 3, 3)
    seen = wrapped(x)
    blanked = (seen == 0).flatten(1).any(1)
    # Where nothing is blank the brightness says what was done: half of these, as of the others.
    recoloured = (seen[~blanked] != 1).flatten(1).any(1)
    assert blanked.double().mean().item() == pytest.approx(0.5, abs=0.03)
    assert recoloured.double().mean().item() == pytest.approx(0.5, abs=0.04)
