"""Features of a discriminator's convolutions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import gansmith as gs
from gansmith.applications import PooledConvolutions, discriminator_features
from gansmith.networks import DCGAN, MLP, Residual


@pytest.mark.reference
def test_they_are_the_maxima_of_what_each_convolution_hands_on() -> None:
    torch.manual_seed(0)
    judge = DCGAN(width=4).discriminator((1, 28, 28)).eval()
    x = torch.randn(3, 1, 28, 28)
    first, slope, second, norm, again, _ = judge.body
    fine = slope(first(x))
    coarse = again(norm(second(fine)))
    expected = torch.cat([F.adaptive_max_pool2d(y, 4).flatten(1) for y in (fine, coarse)], 1)
    assert torch.equal(PooledConvolutions(judge)(x), expected)


@pytest.mark.identity
@pytest.mark.parametrize(
    "networks", [DCGAN(width=8, minibatch="deviation"), DCGAN(width=8), Residual(width=8, max_width=16)]
)
def test_each_image_is_seen_apart(networks: DCGAN | Residual) -> None:
    torch.manual_seed(0)
    extractor = discriminator_features(networks.discriminator((3, 16, 16)).eval())
    x = torch.randn(4, 3, 16, 16)
    alone = torch.cat([extractor(image[None]) for image in x])
    torch.testing.assert_close(extractor(x), alone)


@pytest.mark.analytic
def test_a_grid_is_no_finer_than_the_layer() -> None:
    judge = DCGAN(width=4).discriminator((1, 16, 16)).eval()  # 4 channels at 8 px, 8 at 4 px
    assert PooledConvolutions(judge, side=100)(torch.zeros(1, 1, 16, 16)).shape == (1, 4 * 64 + 8 * 16)


@pytest.mark.parametrize(
    ("judge", "side", "message"),
    [
        (MLP(width=4).discriminator((1, 28, 28)), 4, "no convolutions"),
        (nn.Linear(2, 1), 4, "Linear has no convolutions"),
        (DCGAN(width=4).discriminator((1, 28, 28)), 0, "side is 0"),
    ],
)
def test_what_cannot_be_read_is_refused(judge: nn.Module, side: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PooledConvolutions(judge, side=side)


@pytest.mark.identity
def test_a_discriminator_that_is_trained_on_is_left_as_it_was() -> None:
    judge = DCGAN(width=4).discriminator((1, 28, 28))
    extractor = discriminator_features(judge)
    extractor(torch.zeros(2, 1, 28, 28))
    assert all(part.training for part in judge.modules())
    with pytest.raises(ValueError, match=r"this discriminator takes \(n, 1, 28, 28\)"):
        extractor.network(torch.zeros(2, 3, 28, 28))


@pytest.mark.smoke
@pytest.mark.parametrize(
    "changes",
    [
        {"conditional": True, "augment": gs.Augmentation(translation=0.1)},
        {"game": gs.Packed(gs.AdversarialGame(), size=2), "conditional": False},
        {"game": gs.AuxiliaryClassifier(), "conditional": True},
        {"labels_per_class": 3, "conditional": False},
    ],
    ids=["told", "packed", "names", "few labels"],
)
def test_a_run_gives_back_the_discriminator_that_it_trained(tmp_path: Path, changes: dict[str, object]) -> None:
    recipe = replace(gs.RECIPES["digits"], networks=DCGAN(width=4), steps=2, batch=8, **changes)
    if "labels_per_class" in changes:
        recipe = replace(recipe, game=gs.SemiSupervised())
    run = gs.train(recipe, out=tmp_path / "run")
    judge = gs.load_discriminator(run.path)
    newest = max((run.path / "checkpoints").iterdir())
    again = gs.load_discriminator(newest)
    assert not judge.training
    assert not any(p.requires_grad for p in judge.parameters())
    assert all(torch.equal(a, b) for a, b in zip(judge.parameters(), again.parameters(), strict=True))
    fresh = gs.load_discriminator(gs.train(replace(recipe, steps=0), out=tmp_path / "fresh").path)
    moved = [not torch.equal(a, b) for a, b in zip(judge.parameters(), fresh.parameters(), strict=True)]
    assert any(moved)


@pytest.mark.parametrize(("path", "message"), [("digits", "a generator only"), ("nowhere", "there is no run")])
def test_what_has_no_discriminator_says_so(path: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gs.load_discriminator(path)
