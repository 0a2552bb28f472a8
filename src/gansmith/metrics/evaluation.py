"""Samples judged against real images: one pass over each, then every measure, each figure under the protocol."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from torch import Tensor

import gansmith
from gansmith.metrics.classifier import Classifier
from gansmith.metrics.examination import Examination, Measure, measured
from gansmith.metrics.features import Extractor, frechet_name
from gansmith.metrics.gathered import Gathered
from gansmith.metrics.gathering import KEPT, Judge, Progress, Source, gather, images_of
from gansmith.metrics.labelled import Labels, labels_of
from gansmith.metrics.measures import DEFAULT
from gansmith.metrics.score import Figure, Protocol, Report

__all__ = ["ENOUGH", "evaluate", "examine", "report_on"]

ENOUGH = 2_048
"""Samples and real images below which a Fréchet distance is refused."""

NEIGHBOURS = 10_000
"""Of either set, at most so many enter what is measured between single images."""


def evaluate(
    sampler: Source,
    reference: Source,
    *,
    extractor: Extractor,
    classifier: Classifier | None = None,
    held_out: Source | None = None,
    n: int = 10_000,
    seed: int = 0,
    labels: Tensor | None = None,
    batch: int = 256,
    resize: bool = False,
    allow_few: bool = False,
    split: str = "unnamed data",
    ema: bool | None = None,
    measures: Iterable[Measure] = DEFAULT,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Report:
    """Judge samples against real images.

    Args:
        sampler: anything with `sample(n, seed=…, labels=…)`; or given images, which are all judged.
        reference: real images (N, c, h, w), uint8 or floats in [-1, 1], or a set that has them.
        extractor: images to features.
        classifier: a calibrated classifier of this kind of image.
        held_out: real images that neither the classifier nor the sampler has seen. Where there are some, the
            classifier's shares are relative to theirs, and copying of the reference is tested.
        n: how many samples to draw from a sampler.
        seed: of the samples.
        labels: (n,) classes to ask the sampler for; None leaves them to it.
        batch: images at a time; changes no score beyond rounding.
        resize: convert images to the extractor's and the classifier's shape; the protocol says so.
        allow_few: permit fewer than 2,048 samples or real images, under which the Fréchet distance is badly biased.
        split: what the reference is, for the record.
        ema: whether the sampler is an averaged network, for the record; None takes what it says of itself, as
            ``averaged``, if anything.
        measures: what to measure; functions of an `Examination`, of which one's own are as good as ours.
        cache: the folder in which to keep what was gathered of given images, such as `gansmith.files.cache_folder()`;
            None keeps nothing.
        progress: called with (what is being done, how many are done, of how many).

    Raises:
        ValueError: too few images, images that the extractor does not know, or samples that are not finite.

    Example:
        >>> import torch
        >>> from gansmith.metrics import Images, pixels
        >>> real = torch.rand(200, 1, 4, 4, generator=torch.Generator().manual_seed(0))
        >>> report = evaluate(Images(real), real, extractor=pixels(), n=100, allow_few=True)
        >>> report["precision"]
        1.0
    """
    seen = examine(
        sampler,
        reference,
        extractor=extractor,
        classifier=classifier,
        held_out=held_out,
        n=n,
        seed=seed,
        labels=labels,
        batch=batch,
        resize=resize,
        allow_few=allow_few,
        split=split,
        ema=ema,
        cache=cache,
        progress=progress,
    )
    return report_on(seen, measures, progress=progress)


def examine(
    sampler: Source,
    reference: Source,
    *,
    extractor: Extractor,
    classifier: Classifier | None = None,
    held_out: Source | None = None,
    n: int = 10_000,
    seed: int = 0,
    labels: Tensor | None = None,
    batch: int = 256,
    resize: bool = False,
    allow_few: bool = False,
    split: str = "unnamed data",
    ema: bool | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Examination:
    """Gather what `evaluate` measures; it takes the same arguments."""
    given, real = images_of(sampler), images_of(reference)
    if real is None:
        raise ValueError("the reference must be given images, not a sampler: draw them first")
    n = n if given is None else len(given)
    if min(n, len(real)) < ENOUGH and not allow_few:
        raise ValueError(
            f"the Fréchet distance of {n} samples and {len(real)} real images is badly biased: "
            f"take at least {ENOUGH} of both, or pass allow_few=True"
        )
    judge = Judge(extractor, classifier, resize)
    look = partial(gather, judge=judge, batch=batch, cache=cache, progress=progress)
    doing = "judging samples" if given is not None else "drawing and judging samples"
    samples = look(sampler, n=n, seed=seed, labels=labels, keep=KEPT, doing=doing)
    reference_seen = look(reference, doing="judging real images")
    held_out_seen = None if held_out is None else look(held_out, doing="judging held-out images")
    protocol = Protocol(
        samples=n,
        reference=len(real),
        reference_digest=str(reference_seen.digest),
        held_out=0 if held_out_seen is None else held_out_seen.count,
        held_out_digest=None if held_out_seen is None else held_out_seen.digest,
        neighbours=NEIGHBOURS,
        split=split,
        extractor=extractor.name,
        extractor_digest=extractor.digest,
        classifier=None if classifier is None else classifier.name,
        classifier_digest=None if classifier is None else classifier.digest,
        resize=judge.conversion(tuple(real.shape[1:])),
        ema=getattr(sampler, "averaged", None) if ema is None else ema,
        seed=seed,
        version=gansmith.__version__,
    )
    return Examination(
        samples=samples,
        real=reference_seen,
        held_out=held_out_seen,
        protocol=protocol,
        frechet_name=frechet_name(extractor),
        labels=_labels(
            sampler, reference, held_out, labels, n=n, seed=seed, rows=(samples, reference_seen, held_out_seen)
        ),
    )


def _labels(
    sampler: Source,
    reference: Source,
    held_out: Source | None,
    asked: Tensor | None,
    *,
    n: int,
    seed: int,
    rows: tuple[Gathered, Gathered, Gathered | None],
) -> Labels | None:
    """The labels of what was kept, where the reference has at least two classes and the samples are of just these."""
    names = tuple(getattr(reference, "classes", ()))
    if len(names) < 2:
        return None
    find = partial(labels_of, names=names, n=n, seed=seed)
    found = (find(sampler) if asked is None else asked, find(reference), find(held_out))
    kept = [None if x is None or seen is None else x[seen.rows] for x, seen in zip(found, rows, strict=True)]
    samples, real, unseen = kept
    return None if samples is None or real is None else Labels(samples, real, unseen, names)


def report_on(seen: Examination, measures: Iterable[Measure] = DEFAULT, *, progress: Progress | None = None) -> Report:
    """The figures of all measures, under the examination's protocol.

    Raises:
        ValueError: two measures have figures of the same name.
    """
    figures: dict[str, Figure] = {}
    chosen = tuple(measures)
    for done, measure in enumerate(chosen):
        if progress is not None:
            progress("measuring", done, len(chosen))
        found = measured(seen, measure)
        if twice := figures.keys() & found.keys():
            raise ValueError(f"two measures have figures named {min(twice)!r}: give one of them another name")
        figures |= found
    if progress is not None:
        progress("measuring", len(chosen), len(chosen))
    return Report(seen.protocol, figures)
