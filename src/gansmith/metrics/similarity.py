"""Multi-scale structural similarity of pairs of images, and how alike samples of one class are by it."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from gansmith.metrics.estimate import Estimate
from gansmith.metrics.images import as_images
from gansmith.metrics.points import canonical_order
from gansmith.types import key_seed

__all__ = ["ms_ssim", "ms_ssim_diversity", "ms_ssim_scales"]

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW, SIGMA = 11, 1.5
K1, K2, RANGE = 0.01, 0.03, 2.0
CHUNK = 32


def ms_ssim_scales(height: int, width: int) -> int:
    """How many scales images of a size have: as often as they can be halved and still hold a window, at most five.

    Five need 176 px, four 88, three 44 and two 22.

    Raises:
        ValueError: a side below 11 px, the window's.

    Example:
        >>> ms_ssim_scales(28, 28), ms_ssim_scales(64, 64), ms_ssim_scales(256, 256)
        (2, 3, 5)
    """
    side = min(height, width)
    if side < WINDOW:
        raise ValueError(f"images of {height} × {width} hold no window of {WINDOW} px; enlarge them first")
    return min(len(WEIGHTS), int(math.log2(side // WINDOW)) + 1)


def ms_ssim(a: Tensor, b: Tensor) -> Tensor:
    """The multi-scale structural similarity of images, pair by pair.

        Π_{s<S} c_s^{w_s} · (l_S·c_S)^{w_S},
        l = (2·μ_a·μ_b + C₁) / (μ_a² + μ_b² + C₁),      c = (2·σ_ab + C₂) / (σ_a² + σ_b² + C₂)

    with l and c averaged over the image and its channels, C₁ = (0.01·L)², C₂ = (0.03·L)², and L the range. Means and
    covariances are under a Gaussian window of 11 px with σ = 1.5 that stays inside the image; from one scale to the
    next, 2 × 2 px are averaged. Intensities are counted from black. Averages below 0 count as 0.

    The weights are those of the paper, which has five scales. An image that is too small for five has
    `ms_ssim_scales` of them, by the first weights, scaled to add up to 1: of 28 px it has two. Values for images
    with different numbers of scales do not compare.

    Args:
        a: (n, c, h, w), uint8 or floats in [-1, 1], no side below 11 px.
        b: the same shape.

    Returns:
        (n,) float64 in [0, 1]; 1 for equal images.

    Raises:
        ValueError: different shapes, or images that are too small.

    From Wang, Simoncelli and Bovik 2003, "Multi-scale structural similarity for image quality assessment", equation 7.

    Example:
        >>> images = torch.rand(2, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
        >>> ms_ssim(images, images).tolist(), ms_ssim(images, -images).tolist()
        ([1.0, 1.0], [0.0, 0.0])
    """
    if a.shape != b.shape:
        raise ValueError(f"images of the shapes {tuple(a.shape)} and {tuple(b.shape)} make no pairs")
    a, b = as_images(a.detach()), as_images(b.detach())
    scales = ms_ssim_scales(a.shape[2], a.shape[3])
    pairs = zip(torch.split(a, CHUNK), torch.split(b, CHUNK), strict=True)
    return torch.cat([_similarity(x.double() + 1, y.double() + 1, scales) for x, y in pairs])


def ms_ssim_diversity(images: Tensor, labels: Tensor | None = None, *, pairs: int = 1000, seed: int = 0) -> Estimate:
    """The mean similarity of two different images, of the same class where there are labels: the less, the more varied.

    Say it beside that of real images: above theirs, the samples are more alike than the data are. The error is for the
    choice of pairs, which are chosen by what the images are, not by their place.

    Args:
        images: (n, c, h, w), uint8 or floats in [-1, 1], no side below 11 px.
        labels: (n,) classes; each that has two images gets as many pairs as the others, up to one.
        pairs: how many, at least 2.
        seed: of the choice.

    Raises:
        ValueError: labels of another length, no class with two images, or a value outside its range.

    From Odena, Olah and Shlens 2017, "Conditional image synthesis with auxiliary classifier GANs", section 4.2.

    Example:
        >>> images = torch.rand(9, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
        >>> ms_ssim_diversity(images, pairs=50).value < 0.1, ms_ssim_diversity(images[:1].expand(5, -1, -1, -1)).value
        (True, 1.0)
    """
    if labels is not None and labels.shape != images.shape[:1]:
        raise ValueError(f"{len(images)} images need as many labels; got the shape {tuple(labels.shape)}")
    if pairs < 2:
        raise ValueError(f"pairs is {pairs}; an estimate needs at least 2")
    order = canonical_order(images)
    classes = torch.zeros(len(order)) if labels is None else labels.detach().cpu()[order]
    groups = [order[classes == label] for label in torch.unique(classes)]
    groups = [group for group in groups if len(group) > 1]
    if not groups:
        raise ValueError("no two images have the same class, so there is nothing to compare; draw more of them")
    generator = torch.Generator().manual_seed(key_seed("ms-ssim", seed))
    chosen = torch.stack([_pair(groups[i % len(groups)], generator) for i in range(pairs)])
    found = torch.cat([ms_ssim(images[part[:, 0]], images[part[:, 1]]) for part in torch.split(chosen, CHUNK)])
    return Estimate(found.mean().item(), found.std().item() / math.sqrt(pairs))


def _pair(group: Tensor, generator: torch.Generator) -> Tensor:
    first = torch.randint(len(group), (), generator=generator)
    step = torch.randint(1, len(group), (), generator=generator)
    return torch.stack((group[first], group[(first + step) % len(group)]))


def _similarity(a: Tensor, b: Tensor, scales: int) -> Tensor:
    """Of images (n, c, h, w) in [0, 2]."""
    total = sum(WEIGHTS[:scales])
    product = a.new_ones(len(a))
    for scale in range(scales):
        luminance, contrast = _maps(a, b)
        last = scale == scales - 1
        mean = (luminance * contrast if last else contrast).flatten(1).mean(1)
        product = product * mean.clamp(min=0) ** (WEIGHTS[scale] / total)
        if not last:
            a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    return product


def _maps(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance and contrast-structure at every place where the window is inside the image."""
    mean_a, mean_b, square_a, square_b, across = (_blurred(x) for x in (a, b, a * a, b * b, a * b))
    c1, c2 = (K1 * RANGE) ** 2, (K2 * RANGE) ** 2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    variances = (square_a - mean_a**2) + (square_b - mean_b**2)
    return luminance, (2 * (across - mean_a * mean_b) + c2) / (variances + c2)


def _blurred(x: Tensor) -> Tensor:
    place = torch.arange(WINDOW, dtype=x.dtype, device=x.device) - WINDOW // 2
    window = (-place.square() / (2 * SIGMA**2)).exp()
    window = window / window.sum()
    flat = x.flatten(0, 1).unsqueeze(1)
    return F.conv2d(F.conv2d(flat, window.view(1, 1, -1, 1)), window.view(1, 1, 1, -1)).view(*x.shape[:2], -1)
