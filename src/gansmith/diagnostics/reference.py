"""What is known of the real images before a run begins, and how samples compare with it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gansmith.diagnostics.signals.cells import Cells, missed
from gansmith.diagnostics.signals.samples import (
    energy_distance,
    local_diversity,
    mean_distance,
    nearest_distances,
    within_diversity,
)
from gansmith.diagnostics.signals.spectra import Comb, grid_share
from gansmith.metrics import Extractor, share_divergence
from gansmith.metrics.images import as_images, fit

__all__ = ["Reference", "features_of"]

AXES = 4
"""Principal axes of the real features along which samples are followed."""

SMALLEST = 16
"""The least side of images whose spectrum is looked at."""

PART = 128
"""Images that are looked at together."""

VARIED = 0.3
"""The distance within classes, over that between any two images, from which classes have something to vary."""


def features_of(images: Tensor, extractor: Extractor) -> Tensor:
    """Features (n, d) of images (n, c, h, w), uint8 or in [−1, 1].

    An extractor of grey pictures is shown each channel of a coloured one as a picture of its own: it would be blind to
    colour otherwise.
    """
    shape = extractor.shape
    parts = []
    for part in torch.split(as_images(images), PART):
        if shape is None:
            parts.append(extractor(part))
        elif shape[0] == 1 and part.shape[1] > 1:
            grey = fit(part.flatten(0, 1).unsqueeze(1), shape)
            parts.append(extractor(grey).reshape(len(part), -1))
        else:
            parts.append(extractor(fit(part, shape)))
    return torch.cat(parts)


@dataclass(frozen=True)
class Reference:
    """Real images as samples are compared with them.

    Args:
        features: (n, d) of training images.
        labels: their classes (n,), if they have any.
        cells: what they fall into.
        axes: their principal axes (d, a), each divided by the standard deviation along it.
        within: the mean distance between two of them.
        nearest: the median distance of an unseen real image to its nearest among them.
        comb: the powers of their spectrum; None for small ones.
    """

    features: Tensor
    labels: Tensor | None
    cells: Cells
    axes: Tensor
    within: float
    nearest: float
    comb: Comb | None

    @classmethod
    def of(
        cls,
        images: Tensor,
        extractor: Extractor,
        *,
        labels: Tensor | None = None,
        held_out: Tensor | None = None,
        cells: int = 20,
        seed: int = 0,
    ) -> Reference:
        """The reference of training images (n, c, h, w).

        Without held-out images, unseen ones are stood in for by each training image, seen from all others.
        """
        features = features_of(images, extractor)
        unseen = (
            nearest_distances(features)
            if held_out is None
            else nearest_distances(features_of(held_out, extractor), features)
        )
        return cls(
            features,
            labels,
            Cells.of(features, cells, seed=seed),
            _axes(features),
            mean_distance(features),
            float(unseen.median()),
            Comb.of(as_images(images)) if min(images.shape[2:]) >= SMALLEST else None,
        )

    def signals(self, images: Tensor, features: Tensor, asked: Tensor | None = None) -> dict[str, float]:
        """What samples show beside the real images.

        Args:
            images: samples (n, c, h, w) in [−1, 1].
            features: theirs (n, d).
            asked: the classes (n,) that they were asked for, if any.

        Returns:
            ``diversity``, ``local_diversity``, ``diversity_within`` (with `asked`), ``distance``, ``missed``, ``kl``,
            ``nearest``, ``classes_missed`` (with labels), ``class_agreement`` (with `asked`), ``grid``.
        """
        counts = self.cells.counts(features)
        distances = torch.cdist(features, self.features)
        found = {
            "distance": energy_distance(features, self.features, within=self.within),
            "diversity": self.diversity(features),
            "local_diversity": local_diversity(features, self.features),
            "missed": missed(counts, self.cells.shares),
            "kl": share_divergence(counts, self.cells.shares).value,
            "nearest": float(distances.amin(1).median()) / max(self.nearest, 1e-12),
        }
        if self.labels is not None:
            found |= self._classes(self.labels, self.labels[distances.argmin(1)], features, asked)
        if self.comb is not None:
            found["grid"] = grid_share(Comb.of(images), self.comb)
        return found

    def diversity(self, features: Tensor) -> float:
        """How far apart samples with features (n, d) are, over how far apart real images are."""
        return mean_distance(features) / max(self.within, 1e-12)

    def centre(self, features: Tensor) -> Tensor:
        """Where the mean of features (n, d) lies along the principal axes of the real ones, in their deviations."""
        return (features.mean(0) - self.features.mean(0)) @ self.axes

    def _classes(self, labels: Tensor, seen: Tensor, features: Tensor, asked: Tensor | None) -> dict[str, float]:
        """A sample is of the class of the training image that it is nearest to."""
        there = torch.bincount(labels)
        shares = there[there > 0] / there.sum()
        counts = torch.bincount(seen, minlength=len(there))[there > 0]
        found = {"classes_missed": missed(counts, shares)}
        if asked is not None:
            found["class_agreement"] = float((seen == asked).double().mean())
            within = within_diversity(features, asked, self.features, labels, least=VARIED * self.within)
            found |= {} if math.isnan(within) else {"diversity_within": within}
        return found


def _axes(features: Tensor) -> Tensor:
    """The first principal axes (d, a) of features (n, d), each over its standard deviation."""
    centred = (features - features.mean(0)).double()
    covariance = centred.T @ centred / max(1, len(features) - 1)
    values, vectors = torch.linalg.eigh(covariance)
    kept = values[-AXES:].flip(0).clamp(min=1e-12), vectors[:, -AXES:].flip(1)
    # The sign of an eigenvector is the library's choice; a fixed one makes the same data give the same figures.
    signs = kept[1].gather(0, kept[1].abs().argmax(0, keepdim=True)).sign()
    axes: Tensor = kept[1] * signs / kept[0].sqrt()
    return axes.to(features.dtype)
