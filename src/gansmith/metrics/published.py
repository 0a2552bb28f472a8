"""Weights that others published, read only when the file is the published one."""

from __future__ import annotations

import hashlib
import io
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from gansmith.files import cache_folder
from gansmith.lock import held
from gansmith.metrics.classifier import Classifier
from gansmith.metrics.features import NetworkExtractor
from gansmith.metrics.inception import InceptionFeatures, InceptionLogits, InceptionV3
from gansmith.web import Progress, fetch

__all__ = ["inception", "inception_classifier", "inception_file", "read_weights"]

FILE = "pt_inception-2015-12-05-6726825d.pth"
ADDRESS = f"https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/{FILE}"
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
SIZE = 95_628_359


def inception(path: Path | None = None, *, progress: Progress | None = None) -> NetworkExtractor:
    """The features under which a Fréchet distance is the "FID": 2,048 of the published Inception-v3 of 2015-12-05.

    Pictures are rounded to bytes and resized to 299 px as the published protocol does it, whatever their size. Under
    this extractor alone the distance is called FID.

    Args:
        path: the published file, pt_inception-2015-12-05-6726825d.pth; None takes it from the cache, or downloads it.
        progress: called with (what is being done, bytes so far, bytes in all) while it downloads.

    Raises:
        ValueError: no file, another file than the published one, or no network.

    From Heusel et al. 2017, equation 6; the weights as converted for pytorch-fid.
    """
    network = InceptionFeatures(_network(path or inception_file(progress=progress)))
    return NetworkExtractor(name="inception-2015-12-05", network=network.eval(), frechet_name="FID")


def inception_classifier(path: Path | None = None, *, progress: Progress | None = None) -> Classifier:
    """The published Inception-v3's probabilities of its 1,008 outputs, for the inception score of Salimans et al. 2016.

    Args:
        path: as for `inception`.
        progress: as for `inception`.

    Raises:
        ValueError: no file, another file than the published one, or no network.
    """
    network = InceptionLogits(_network(path or inception_file(progress=progress)))
    return Classifier(name="inception-2015-12-05", network=network.eval())


def inception_file(*, progress: Progress | None = None) -> Path:
    """The published file in the cache (GANSMITH_CACHE or ~/.cache/gansmith), downloaded if it is not there.

    Raises:
        ValueError: it cannot be downloaded; the message says where to put it.
    """
    path = cache_folder() / "downloads" / "inception" / FILE
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with held(path.parent / ".lock", wait=True):  # several processes must not download the same file
        if path.is_file():
            return path
        try:
            return fetch(ADDRESS, path, sha256=SHA256, size=SIZE, progress=progress)
        except ValueError as error:
            raise ValueError(
                f"the published Inception weights could not be downloaded ({error}): get {FILE} elsewhere and give it "
                f"as inception:PATH, or put it in {path.parent}"
            ) from error


def read_weights(path: Path, *, sha256: str, remedy: str) -> dict[str, Tensor]:
    """The tensors in a file that is the published one; nothing of any other file is read.

    Args:
        path: a file of PyTorch's.
        sha256: of the published file.
        remedy: what to do when this is another, for the message.

    Raises:
        ValueError: no such file, or another one.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror or error}): {remedy}") from error
    if (found := hashlib.sha256(content).hexdigest()) != sha256:
        raise ValueError(f"{path} is not the published file (SHA-256 {found[:12]}…, not {sha256[:12]}…): {remedy}")
    tensors: dict[str, Tensor] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return tensors


@cache
def _network(path: Path) -> InceptionV3:
    network = InceptionV3()
    network.load(read_weights(path, sha256=SHA256, remedy=f"get {FILE} from {ADDRESS}"))
    return network.eval().requires_grad_(False)
