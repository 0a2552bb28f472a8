"""Extractors and classifiers by name, as the command line asks for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from gansmith.addresses import resolve
from gansmith.metrics.classifier import Classifier, digits, stacked_digits
from gansmith.metrics.features import Extractor, NetworkExtractor, grey28, pixels
from gansmith.metrics.imagenet import SIDE, imagenet, imagenet_classifier
from gansmith.metrics.published import inception, inception_classifier
from gansmith.spelling import suggestion
from gansmith.web import Progress

__all__ = ["EXTRACTORS", "named_classifier", "named_extractor"]

EXTRACTORS = ("grey28", "pixels", "imagenet", "inception")


def named_extractor(spec: str, *, allow_code: bool = False, progress: Progress | None = None) -> Extractor:
    """The extractor that a word or an address names.

    Args:
        spec: "grey28", "pixels"; "imagenet", or "imagenet:96" for pictures of 96 px; "inception", or "inception:PATH"
            for the published file of weights; "module:attribute" for a module or an extractor of one's own.
        allow_code: import what an address names.
        progress: called with (what is being done, how much is done, of how much) while weights are downloaded.

    Raises:
        ValueError: no such name, weights that are not there or not the published ones, or code that is not allowed.

    Example:
        >>> named_extractor("pixels").name, named_extractor("torch.nn:Flatten", allow_code=True).name
        ('pixels', 'torch.nn:Flatten')
    """
    name, colon, rest = spec.partition(":")
    if name in ("grey28", "pixels") and not colon:
        return grey28() if name == "grey28" else pixels()
    if name == "imagenet":
        return imagenet(side=_side(rest))
    if name == "inception":
        return inception(_path(rest), progress=progress)
    if colon and name not in EXTRACTORS:
        return _own(spec, allow_code)
    choices = suggestion(name, EXTRACTORS)
    raise ValueError(f"there is no extractor {spec!r}{choices}; one of your own is written module:attribute")


def named_classifier(spec: str, *, progress: Progress | None = None) -> Classifier:
    """The classifier that a word names: "digits", "stacked-digits", "imagenet", "imagenet:96", "inception" or
    "inception:PATH".

    Args:
        spec: the word.
        progress: called with (what is being done, how much is done, of how much) while weights are downloaded.

    Raises:
        ValueError: no such name, or weights that are not there or not the published ones.

    Example:
        >>> named_classifier("digits").name
        'digits28'
    """
    name, colon, rest = spec.partition(":")
    if name == "digits" and not colon:
        return digits()
    if name == "stacked-digits" and not colon:
        return stacked_digits()
    if name == "imagenet":
        return imagenet_classifier(side=_side(rest))
    if name == "inception":
        return inception_classifier(_path(rest), progress=progress)
    raise ValueError(
        f"there is no classifier {spec!r}{suggestion(name, ('digits', 'stacked-digits', 'imagenet', 'inception'))}"
    )


def _side(rest: str) -> int:
    if rest and not rest.isdecimal():
        raise ValueError(f"imagenet:{rest}: write the pixels to resize to as in imagenet:96")
    return int(rest) if rest else SIDE


def _path(rest: str) -> Path | None:
    return Path(rest).expanduser().resolve() if rest else None


def _own(spec: str, allow_code: bool) -> Extractor:
    if not allow_code:
        raise ValueError(f"the extractor {spec} is code of somebody's own; add --allow-code if you trust it")
    found: Any = resolve(spec, "extractor")
    if isinstance(found, type):
        found = found()
    if isinstance(found, Extractor):
        return found
    if isinstance(found, nn.Module):
        return NetworkExtractor(name=spec, network=found.eval().requires_grad_(False))
    raise ValueError(f"{spec} is neither an extractor nor a torch module but {type(found).__name__}")
