"""Rounds for training: each is a pure function of the seed, the step and the substep."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gansmith.data import Batches, ImageSet
from gansmith.latent import Noise, of_noise
from gansmith.training.processes import Processes
from gansmith.types import Draw, Round, key_seed

__all__ = ["Feed"]


@dataclass(frozen=True)
class Feed:
    """Hands out batches of images with their noise.

    Nothing is remembered between steps: a run that resumes sees the batch that it would have seen, and several
    processes together see the batch that one would have seen.

    Args:
        images: the data.
        batch: samples in a round, over all processes.
        latent: dimension of the generator's input.
        seed: decides everything.
        conditional: hand out labels as well; generated samples are asked for with the labels of the real ones.
        flip: mirror images at random.
        device: where the rounds are needed.
        processes: who shares the batch.
        rows: the images that are handed out; None is all of them.
        noise: what the generator's input is drawn from.
        labelled: images whose labels are handed out as well, as a stream of its own; None is none.

    Example:
        >>> import numpy as np
        >>> images = ImageSet("noise", np.zeros((8, 4, 4, 1), np.uint8), None, (), "")
        >>> feed = Feed(images, batch=4, latent=2, seed=0)
        >>> torch.equal(feed(7)(0)["latent"], feed(7)(0)["latent"])
        True
    """

    images: ImageSet
    batch: int
    latent: int
    seed: int
    conditional: bool = False
    flip: bool = False
    device: torch.device = torch.device("cpu")
    processes: Processes = Processes()
    rows: npt.NDArray[np.int64] | None = field(default=None, repr=False)
    noise: Noise = "normal"
    labelled: npt.NDArray[np.int64] | None = field(default=None, repr=False)
    _batches: dict[tuple[str, int, int], Batches] = field(default_factory=dict, repr=False)

    def __call__(self, step: int, *, attempt: int = 0) -> Draw:
        """The draw of a step; another `attempt` at the same step sees other batches and other noise."""
        return lambda substep: self._round(step, substep, attempt)

    def reference(self, count: int) -> tuple[Tensor, Tensor | None]:
        """Latents (count, latent), and labels (count,) as the images have them, that are the same in all processes."""
        rows = self.rows if self.rows is not None else np.arange(len(self.images))
        whole = Round({"row": torch.arange(count)}, (self.seed, "reference"))
        normal, uniform = (partial(draw, "latent", self.latent) for draw in (whole.normal, whole.uniform))
        label = None
        if self.conditional and self.images.labels is not None:
            drawn = rows[(whole.uniform("label") * len(rows)).long().numpy()]
            label = torch.from_numpy(self.images.labels[drawn].astype(np.int64))
        return of_noise(self.noise, normal, uniform), label

    def _round(self, step: int, substep: int, attempt: int) -> Round:
        share = self.processes.share(self.batch)
        real, label = self._drawn("data", self.rows, substep, attempt)(step, share)
        streams = {"real": real.to(self.device, non_blocking=True)}
        if self.conditional and label is not None:
            streams["label"] = streams["fake_label"] = label.to(self.device, non_blocking=True)
        if self.labelled is not None:
            known, answer = self._drawn("labelled", self.labelled, substep, attempt)(step, share)
            streams["labelled"] = known.to(self.device, non_blocking=True)
            if answer is not None:
                streams["answer"] = answer.to(self.device, non_blocking=True)
        key = (self.seed, "round", step, substep, attempt)
        round = Round(streams, key, share.start, self.batch, self.processes.mean)
        normal, uniform = (partial(draw, "latent", self.latent) for draw in (round.normal, round.uniform))
        return round.given(latent=of_noise(self.noise, normal, uniform))

    def _drawn(self, kind: str, rows: npt.NDArray[np.int64] | None, substep: int, attempt: int) -> Batches:
        """The batches of one kind of images for one substep."""
        stream = (kind, substep, attempt)
        if stream not in self._batches:
            seed = key_seed(self.seed, *stream)
            self._batches[stream] = Batches(self.images, batch=self.batch, seed=seed, flip=self.flip, rows=rows)
        return self._batches[stream]
