"""Failures of content that no score shows: pictures that break a rule which every real one keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from gansmith.metrics.estimate import wilson
from gansmith.metrics.images import as_images, fit

__all__ = ["ContentCheck", "ContentReport", "content_check", "content_report"]

SIDE = 32
Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ContentCheck:
    """A rule that every picture of a set keeps, and how to see whether another picture keeps it.

    Args:
        name: of the set.
        rule: what is so in every real picture, in words.
        keeps: pictures (n, 32, 32) in [-1, 1] to whether each keeps the rule, (n,).
    """

    name: str
    rule: str
    keeps: Callable[[Array], npt.NDArray[np.bool_]]

    def wrong(self, images: Tensor) -> Tensor:
        """Which of the images (n, c, h, w), uint8 or floats in [-1, 1], break the rule: (n,) bool.

        Example:
            >>> content_check("counting").wrong(torch.zeros(2, 1, 32, 32))  # there is no spot on them at all
            tensor([True, True])
        """
        grey = fit(as_images(images.detach().cpu()), (1, SIDE, SIDE)).nan_to_num(nan=0.0).clamp(-1, 1)
        return torch.from_numpy(~self.keeps(grey[:, 0].double().numpy()))


@dataclass(frozen=True)
class ContentReport:
    """How many samples break a rule, beside how many real pictures do under the same test.

    Args:
        check: the rule.
        wrong: samples that break it.
        count: samples that were looked at.
        real_wrong: real pictures that seem to break it: the test's own mistakes.
        real_count: real pictures that were looked at.

    Example:
        >>> print(ContentReport(content_check("counting"), 37, 1000, 1, 2000))
        counting (five spots): of 1,000 samples 3.7 % (95 % interval 2.7 to 5.1 %) get it wrong
        control: of 2,000 real pictures 0.1 % (95 % interval 0.0 to 0.3 %) seem wrong to the same test
    """

    check: ContentCheck
    wrong: int
    count: int
    real_wrong: int
    real_count: int

    @property
    def share(self) -> float:
        """Of the samples, how many get it wrong."""
        return self.wrong / self.count

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the share."""
        return wilson(self.wrong, self.count)

    @property
    def real_share(self) -> float:
        """Of the real pictures, how many the test calls wrong."""
        return self.real_wrong / self.real_count

    @property
    def real_interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the real share."""
        return wilson(self.real_wrong, self.real_count)

    def to_dict(self) -> dict[str, object]:
        """Plain values, ready for JSON."""
        return {
            "set": self.check.name,
            "rule": self.check.rule,
            "samples": {"wrong": self.share, "interval": list(self.interval), "count": self.count},
            "real": {"wrong": self.real_share, "interval": list(self.real_interval), "count": self.real_count},
        }

    def __str__(self) -> str:
        samples, real = _percent(self.share, self.interval), _percent(self.real_share, self.real_interval)
        return (
            f"{self.check.name} ({self.check.rule}): of {self.count:,} samples {samples} get it wrong\n"
            f"control: of {self.real_count:,} real pictures {real} seem wrong to the same test"
        )


def _percent(share: float, interval: tuple[float, float]) -> str:
    low, high = (f"{100 * end:.1f}" for end in interval)
    return f"{100 * share:.1f} % (95 % interval {low} to {high} %)"


def content_check(data_name: str) -> ContentCheck | None:
    """The check that belongs to a data set, by its name as `ImageSet` and recipes have it; None where there is none.

    Example:
        >>> content_check("perspective:20000").rule, content_check("mnist")
        ('four edges that meet in one point', None)
    """
    return CHECKS.get(data_name.partition(":")[0].partition("/")[0])


def content_report(check: ContentCheck, samples: Iterable[Tensor], real: Iterable[Tensor]) -> ContentReport:
    """Put samples and real pictures through the same test.

    Args:
        check: the rule.
        samples: batches (n, c, h, w), uint8 or floats in [-1, 1].
        real: batches of real pictures, which should keep the rule.

    Raises:
        ValueError: no samples or no real pictures.

    From the tutorial's section on how generative adversarial networks fail (Goodfellow 2016, figures 29 to 31).
    """
    (wrong, count), (real_wrong, real_count) = _counted(check, samples), _counted(check, real)
    if not count or not real_count:
        raise ValueError(f"the check {check.name!r} needs samples and real pictures; got {count} and {real_count}")
    return ContentReport(check, wrong, count, real_wrong, real_count)


def _counted(check: ContentCheck, batches: Iterable[Tensor]) -> tuple[int, int]:
    wrong = count = 0
    for images in batches:
        wrong, count = wrong + int(check.wrong(images).sum()), count + len(images)
    return wrong, count


SPOTS, BRIGHT = 5, 0.4
SMALLEST, LARGEST = 4, 24  # pixels of a spot; those of the data have 4 to 16


def _counts_five(pictures: Array) -> npt.NDArray[np.bool_]:
    """Whether the bright patches of a spot's size are five, and none is larger."""
    return np.array([_spots(picture) == SPOTS for picture in pictures], dtype=bool)


def _spots(picture: Array) -> int:
    sizes = [len(patch) for patch in _patches(picture > BRIGHT) if len(patch) >= SMALLEST]
    return -1 if max(sizes, default=0) > LARGEST else len(sizes)


EDGES, EDGE_PIXELS = 4, 6
MISS = 1.75  # pixels by which an edge may miss the point where the others meet; those of the data miss it by 0.7
WIDE = 1.0  # pixels by which its own may lie beside it, on average


def _meets(pictures: Array) -> npt.NDArray[np.bool_]:
    """Whether the bright patches are four straight edges, each of which heads for the point that the others share."""
    return np.array([_concurrent(picture) for picture in pictures], dtype=bool)


def _concurrent(picture: Array) -> bool:
    edges = [patch for patch in _patches(picture > BRIGHT) if len(patch) >= EDGE_PIXELS]
    if len(edges) != EDGES:
        return False
    lines = [_line(edge, picture) for edge in edges]
    if max(width for _, _, width in lines) > WIDE:
        return False
    middles, normals = (np.stack([line[i] for line in lines]) for i in (0, 1))
    offsets = (normals * middles).sum(1)
    for one in range(EDGES):
        others = [i for i in range(EDGES) if i != one]
        point = np.linalg.lstsq(normals[others], offsets[others], rcond=None)[0]
        if abs(normals[one] @ point - offsets[one]) > MISS:
            return False
    return True


def _line(edge: Array, picture: Array) -> tuple[Array, Array, float]:
    """The line through an edge's pixels, weighted by their light: a point on it, its normal, the spread beside it."""
    rows, columns = edge.astype(int).T
    weight = picture[rows, columns] - BRIGHT
    middle = (weight[:, None] * edge).sum(0) / weight.sum()
    scatter = (edge - middle).T @ (weight[:, None] * (edge - middle)) / weight.sum()
    values, vectors = np.linalg.eigh(scatter)
    return middle, vectors[:, 0], float(np.sqrt(max(values[0], 0.0)))


def _patches(mask: npt.NDArray[np.bool_]) -> list[Array]:
    """The coordinates (k, 2) of every patch of pixels that touch, corners included."""
    from scipy import ndimage  # type: ignore[import-untyped, unused-ignore]

    labels, count = ndimage.label(mask, structure=np.ones((3, 3)))
    return [np.argwhere(labels == number).astype(float) for number in range(1, count + 1)]


UNLIKE = 0.2  # a tenth of the way from black to white, over three by three pixels
DARK, WINGS = -0.5, 100  # so many pixels, at least, are lighter than the background; in the data 150 or more
AXES = np.arange(13.0, 19.01, 0.5)


def _mirrors(pictures: Array) -> npt.NDArray[np.bool_]:
    """Whether something is there, and an upright axis about which no small patch is unlike its mirror image.

    A patch may be a pixel from where it should be, so it is compared with the lightest and darkest around its mirror
    image: people do not see half a pixel, and generators seldom hit it.
    """
    smooth = F.avg_pool2d(F.pad(torch.from_numpy(pictures).float(), (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    least = torch.full((len(pictures),), torch.inf)
    for axis in AXES:
        mirrored = smooth @ torch.from_numpy(_mirror(axis))
        above = smooth - F.max_pool2d(mirrored, 3, stride=1, padding=1)
        below = -F.max_pool2d(-mirrored, 3, stride=1, padding=1) - smooth
        least = torch.minimum(least, torch.maximum(above, below).amax((1, 2)))
    kept: npt.NDArray[np.bool_] = ((least <= UNLIKE) & ((smooth > DARK).sum((1, 2)) >= WINGS)).numpy()
    return kept


def _mirror(axis: float) -> npt.NDArray[np.float32]:
    """The matrix that mirrors rows of pixels about an axis, in pixels from the left; the border goes on outside."""
    place = np.clip(2 * axis - np.arange(SIDE) - 1, 0, SIDE - 1)
    low = np.minimum(np.floor(place).astype(int), SIDE - 2)
    matrix, columns = np.zeros((SIDE, SIDE), np.float32), np.arange(SIDE)
    matrix[low, columns] = 1 - (place - low)
    matrix[low + 1, columns] = place - low
    return matrix


CHECKS: Mapping[str, ContentCheck] = MappingProxyType(
    {
        check.name: check
        for check in (
            ContentCheck(name="counting", rule="five spots", keeps=_counts_five),
            ContentCheck(name="perspective", rule="four edges that meet in one point", keeps=_meets),
            ContentCheck(name="structure", rule="wings that mirror each other", keeps=_mirrors),
        )
    }
)
