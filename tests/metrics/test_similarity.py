"""Structural similarity: torchmetrics scale by scale, closed forms, and pairs of the right classes."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from gansmith.metrics import ms_ssim, ms_ssim_diversity, ms_ssim_scales

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def smooth(n: int, side: int, seed: int, channels: int = 1) -> Tensor:
    """Images in [-1, 1] with structure at several scales."""
    generator = torch.Generator().manual_seed(seed)
    layers = [
        F.interpolate(torch.rand(n, channels, s, s, generator=generator, dtype=torch.float64), side, mode="bilinear")
        for s in (4, 9, side)
    ]
    return torch.stack(layers).mean(0).mul(2).sub(1).float()


@pytest.mark.reference
@pytest.mark.parametrize(("side", "channels"), [(28, 1), (64, 3), (180, 1)])
def test_against_torchmetrics_scale_by_scale(side: int, channels: int) -> None:
    # torchmetrics lets the window of the last scale hang over the border; cut to the inside, its maps are these.
    ssim = pytest.importorskip("torchmetrics.functional.image").structural_similarity_index_measure
    a, b = smooth(3, side, 0, channels), smooth(3, side, 1, channels)
    b = 0.6 * a + 0.4 * b
    x, y, factors = a.double() + 1, b.double() + 1, []
    scales = ms_ssim_scales(side, side)
    for scale in range(scales):
        settings = {"data_range": 2.0, "sigma": 1.5, "kernel_size": 11, "reduction": "none"}
        if scale < scales - 1:
            factors.append(ssim(x, y, return_contrast_sensitivity=True, **settings)[1])
        else:
            factors.append(ssim(x, y, return_full_image=True, **settings)[1][..., 5:-5, 5:-5].flatten(1).mean(1))
        x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
    weights = torch.tensor(WEIGHTS[:scales], dtype=torch.float64)
    expected = (torch.stack(factors) ** (weights / weights.sum())[:, None]).prod(0)
    assert 0.05 < expected.min() < expected.max() < 0.95  # else the case would tell little
    assert ms_ssim(a, b).tolist() == pytest.approx(expected.tolist(), rel=1e-9)


@pytest.mark.reference
def test_close_to_torchmetrics_as_a_whole() -> None:
    whole = pytest.importorskip("torchmetrics.functional.image").multiscale_structural_similarity_index_measure
    a, b = smooth(2, 180, 2), smooth(2, 180, 3)
    b = 0.6 * a + 0.4 * b
    expected = whole(a.double() + 1, b.double() + 1, data_range=2.0, betas=WEIGHTS, reduction="none")
    assert ms_ssim(a, b).tolist() == pytest.approx(expected.tolist(), abs=0.02)  # the border of 11 × 11 px


@pytest.mark.analytic
def test_images_of_one_grey() -> None:
    # Without variance c is 1 and l = (2xy + C₁)/(x² + y² + C₁), counted from black, so −1 is 0; of 28 px, two scales.
    a, b = (torch.full((1, 1, 28, 28), value) for value in (-0.5, 0.5))
    luminance = (2 * 0.5 * 1.5 + 4e-4) / (0.25 + 2.25 + 4e-4)
    expected = luminance ** (0.2856 / (0.0448 + 0.2856))
    assert ms_ssim(a, b).item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.analytic
def test_opposed_structure_counts_as_none() -> None:
    # Of an image and its negative c is below 0 everywhere, and no root of it is real.
    images = smooth(2, 28, 7)
    assert ms_ssim(images, -images).tolist() == [0, 0]


@pytest.mark.analytic
def test_scales_are_as_many_as_fit() -> None:
    # The window of 11 px must fit into the last one.
    assert [ms_ssim_scales(side, 500) for side in (11, 21, 22, 43, 44, 87, 88, 175, 176)] == [1, 1, 2, 2, 3, 3, 4, 4, 5]
    with pytest.raises(ValueError, match="10 × 30 hold no window of 11 px"):
        ms_ssim_scales(10, 30)


@pytest.mark.analytic
def test_pairs_are_of_one_class_and_never_an_image_with_itself() -> None:
    # Two images in each class, one class alike and one not: with as many pairs of each, the mean is half-way.
    images = smooth(4, 28, 4)
    images[1] = images[0]
    labels = torch.tensor([5, 5, 7, 7])
    other = ms_ssim(images[2:3], images[3:]).item()
    assert other < 0.9
    assert ms_ssim_diversity(images, labels, pairs=40).value == pytest.approx((1 + other) / 2, rel=1e-12)
    assert ms_ssim_diversity(images[2:], pairs=5).value == pytest.approx(other, rel=1e-12)


@pytest.mark.analytic
def test_the_mean_over_all_pairs_lies_within_the_error() -> None:
    images = smooth(30, 28, 5)
    all_pairs = torch.combinations(torch.arange(30))
    expected = ms_ssim(images[all_pairs[:, 0]], images[all_pairs[:, 1]])
    value, error = ms_ssim_diversity(images, pairs=400, seed=1)
    assert value == pytest.approx(expected.mean().item(), abs=3 * error)
    assert error == pytest.approx(expected.std().item() / math.sqrt(400), rel=0.15)


@pytest.mark.identity
def test_neither_chunks_nor_order_nor_the_type_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    images = (smooth(20, 28, 6) * 127.5 + 127.5).to(torch.uint8)
    labels = torch.arange(20) % 3
    expected = ms_ssim_diversity(images, labels, pairs=50)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(0))
    assert ms_ssim_diversity(images[order], labels[order], pairs=50) == pytest.approx(expected, rel=1e-12)
    floats = images.double() / 127.5 - 1
    assert ms_ssim(floats[:5], floats[5:10]).tolist() == pytest.approx(
        ms_ssim(images[:5], images[5:10]).tolist(), rel=1e-5
    )
    monkeypatch.setitem(ms_ssim.__globals__, "CHUNK", 7)
    assert ms_ssim_diversity(images, labels, pairs=50) == pytest.approx(expected, rel=1e-12)


def test_refusals() -> None:
    images = smooth(3, 28, 0)
    with pytest.raises(ValueError, match="make no pairs"):
        ms_ssim(images, images[:2])
    with pytest.raises(ValueError, match="no two images have the same class"):
        ms_ssim_diversity(images, torch.arange(3))
    with pytest.raises(ValueError, match=r"3 images need as many labels; got the shape \(2,\)"):
        ms_ssim_diversity(images, torch.arange(2))
    with pytest.raises(ValueError, match="pairs is 1"):
        ms_ssim_diversity(images, pairs=1)
