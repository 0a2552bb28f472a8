"""One pass over images, whatever they come from, that gathers all that is measured of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.nn import functional as F

from gansmith.metrics.classifier import Classifier
from gansmith.metrics.features import Extractor
from gansmith.metrics.fidelity import Calls, calls
from gansmith.metrics.gathered import Gathered, content_digest, key_of, load, store
from gansmith.metrics.images import fit
from gansmith.metrics.sampling import batches
from gansmith.metrics.statistics import GaussianStatistics
from gansmith.types import Sampler

__all__ = ["KEPT", "Collection", "Judge", "Progress", "Source", "gather"]

Progress = Callable[[str, int, int], None]

KEPT, ROOM = 10_000, 1 << 28
"""Of so many images more than sums is kept; of given ones, of more, as far as so many bytes go."""

THUMBNAIL = 64
"""Pixels along the longer side of a kept picture, at most."""


@runtime_checkable
class Collection(Protocol):
    """A set of images that hands them out as one tensor, as `gansmith.open_images` opens them."""

    def pixels(self) -> Tensor:
        """All images (N, c, h, w), uint8 or floats in [-1, 1]."""
        ...


Source = Sampler | Tensor | Collection
"""A sampler; or given images, (N, c, h, w) uint8 or floats in [-1, 1]; or a set that has such images."""


@dataclass(frozen=True, eq=False)
class Judge:
    """An extractor and a classifier that look at the same images.

    Args:
        extractor: images to features.
        classifier: images to class probabilities, or None.
        resize: convert images to the shapes that the two know.
    """

    extractor: Extractor
    classifier: Classifier | None = None
    resize: bool = False

    def features(self, images: Tensor) -> Tensor:
        """Features (n, d) of images (n, c, h, w) in [-1, 1]."""
        return self.extractor(self._fit(images, self.extractor.shape)).detach().cpu()

    def probabilities(self, images: Tensor) -> Tensor | None:
        """Class probabilities (n, k); None without a classifier."""
        if self.classifier is None:
            return None
        return self.classifier.probabilities(self._fit(images, self.classifier.shape)).cpu()

    def conversion(self, shape: tuple[int, ...]) -> str:
        """What is done to images of that shape, in words."""
        wanted = {known for known in (self.extractor.shape, self.classifier and self.classifier.shape) if known}
        if not self.resize or wanted <= {shape}:
            return "none"
        words = " and ".join("×".join(map(str, to)) for to in sorted(wanted))
        return f"{'×'.join(map(str, shape))} to {words}, luma, antialiased bilinear"

    def _fit(self, images: Tensor, shape: tuple[int, int, int] | None) -> Tensor:
        return fit(images, shape) if self.resize and shape is not None else images


def gather(
    source: Source,
    judge: Judge,
    *,
    n: int | None = None,
    seed: int = 0,
    labels: Tensor | None = None,
    keep: int | None = None,
    batch: int = 256,
    cache: Path | None = None,
    progress: Progress | None = None,
    doing: str = "judging images",
) -> Gathered:
    """Look once at every image of a source, and keep what measures need.

    Sums are over all images; features, probabilities and small pictures are kept of a random choice of them, so a
    million samples need no more memory than `keep`. What was gathered of given images is the same for everybody who
    asks with the same judge, so it can be kept on disk, under a hash of the images and of all that looked at them.

    Args:
        source: a sampler, or given images.
        judge: what looks at them.
        n: how many samples to draw; given images are all looked at.
        seed: of a sampler's samples.
        labels: (n,) classes to ask a sampler for.
        keep: of how many images more than sums is kept; by default 10,000, and of given images, among which copies are
            looked for, as many as 256 MB hold.
        batch: images at a time; changes nothing beyond rounding.
        cache: the folder in which to keep what was gathered of given images; None keeps nothing.
        progress: called with (what is being done, how many are done, of how many).
        doing: what is being done.

    Raises:
        ValueError: no images, images that the judge does not know, or images whose features are not finite.

    Example:
        >>> from gansmith.metrics import pixels
        >>> images = torch.rand(1000, 1, 4, 4, generator=torch.Generator().manual_seed(0))
        >>> found = gather(images, Judge(pixels()), keep=100)
        >>> found.count, found.features.shape, torch.equal(found.features, images[found.rows].flatten(1))
        (1000, torch.Size([100, 16]), True)
    """
    given = images_of(source)
    if given is None and isinstance(source, Sampler):
        if n is None:
            raise ValueError("say how many samples to draw from a sampler: n=10_000")
        drawn = batches(source, n=n, seed=seed, labels=labels, batch=batch)
        return _gathered(drawn, judge, n, keep or KEPT, progress, doing)
    if given is None:
        raise ValueError(f"samples come from a sampler or from images; got {type(source).__name__}")
    if not len(given):
        raise ValueError("there are no images to look at")
    digest, path = content_digest(given), None
    first = next(batches(given, batch=2, n=min(2, len(given))))
    keep = keep or _room(judge, first)
    if cache is not None:
        path = cache / "gathered" / key_of(digest, judge, first, keep=keep, batch=batch)
        if (found := load(path)) is not None:
            return found
    parts = batches(given, batch=batch)
    found = _gathered(parts, judge, len(given), keep, progress, doing, digest)
    if path is not None:
        store(path, found)
    return found


def images_of(source: Source) -> Tensor | None:
    """The images of a source that has them; None for one that draws them."""
    if isinstance(source, Tensor):
        return source
    return source.pixels() if isinstance(source, Collection) else None


def choice(count: int, keep: int, *, seed: int = 0) -> Tensor:
    """A random choice of `keep` of `count` numbers, in random order; a smaller choice is the beginning of a larger one.

    The first steps of a Fisher–Yates shuffle of which only what was moved is written down.

    Example:
        >>> choice(1_000_000_000, 5)[:3].tolist() == choice(1_000_000_000, 3).tolist()
        True
    """
    generator, moved, chosen = random.Random(seed), dict[int, int](), []
    for i in range(min(count, keep)):
        j = generator.randrange(i, count)
        chosen.append(moved.get(j, j))
        moved[j] = moved.get(i, i)
    return torch.tensor(chosen, dtype=torch.int64)


def _room(judge: Judge, first: Tensor) -> int:
    """How many images like these to keep more than sums of."""
    features, pictures = judge.features(first[:1]), _thumbnails(first[:1])
    return max(KEPT, ROOM // (features.numel() * features.element_size() + pictures.numel()))


class _Part(NamedTuple):
    """What is kept of one batch."""

    features: Tensor
    pictures: Tensor
    probabilities: Tensor | None


class _Sums(NamedTuple):
    """What is summed over all batches."""

    statistics: GaussianStatistics
    calls: Calls | None
    called: Tensor | None

    def plus(self, other: _Sums) -> _Sums:
        statistics = self.statistics + other.statistics
        if self.calls is None or other.calls is None or self.called is None or other.called is None:
            return _Sums(statistics, None, None)
        return _Sums(statistics, self.calls + other.calls, self.called + other.called)


def _gathered(
    images: Iterable[Tensor],
    judge: Judge,
    count: int,
    keep: int,
    progress: Progress | None,
    doing: str,
    digest: str | None = None,
) -> Gathered:
    order = choice(count, keep)
    kept: list[_Part] = []

    def sums() -> Iterator[_Sums]:
        done = 0
        wanted = order.sort().values
        for part in images:
            features, probabilities = judge.features(part), judge.probabilities(part)
            yield _sums(features, probabilities)
            mine = wanted[(wanted >= done) & (wanted < done + len(part))] - done
            if len(mine):
                of_class = None if probabilities is None else probabilities[mine]
                kept.append(_Part(features[mine], _thumbnails(part[mine]), of_class))
            done += len(part)
            if progress is not None:
                progress(doing, done, count)

    total = reduce(_Sums.plus, sums())
    back = order.argsort().argsort()  # kept is in the source's order; what is returned is in the order of the choice
    of_classes = [part.probabilities for part in kept if part.probabilities is not None]
    return Gathered(
        digest=digest,
        statistics=total.statistics,
        calls=total.calls,
        called=total.called,
        rows=order,
        features=torch.cat([part.features for part in kept])[back],
        pictures=torch.cat([part.pictures for part in kept])[back],
        probabilities=torch.cat(of_classes)[back] if of_classes else None,
    )


def _sums(features: Tensor, probabilities: Tensor | None) -> _Sums:
    statistics = GaussianStatistics.of(features)
    if probabilities is None:
        return _Sums(statistics, None, None)
    return _Sums(
        statistics, calls(probabilities), torch.bincount(probabilities.argmax(1), minlength=probabilities.shape[1])
    )


def _thumbnails(images: Tensor) -> Tensor:
    """Images as bytes, the large ones made smaller."""
    longest = max(images.shape[2:])
    if longest > THUMBNAIL:
        size = [max(1, round(side * THUMBNAIL / longest)) for side in images.shape[2:]]
        images = F.interpolate(images, size, mode="bilinear", antialias=True, align_corners=False)
    return ((images + 1) * 127.5).round().clamp(0, 255).to("cpu", torch.uint8)
