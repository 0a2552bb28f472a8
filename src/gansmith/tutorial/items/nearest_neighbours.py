"""Beside random samples, the training image nearest to each: a generator that copies would be caught.

The paper's Figure 2 shows samples that were not picked out, with the nearest training example of the last column's
samples beside them, so that one can see that the model does not just recite the training set. A look is not a proof,
and nearness in pixels is a coarse notion, but it has a yardstick: how far a training image is from the nearest *other*
one. Samples that lie closer than that to the training set, again and again, are copies.

So three numbers are measured: the typical distance from a sample to the training set against the yardstick, the share
of samples that are closer than all but the closest 1 % of training images are to each other, and, as a control, that
same share for a forger who copies training images and adds a little noise. A test that does not catch the forger
proves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gansmith.data import open_images
from gansmith.metrics import nearest_others
from gansmith.training import load
from gansmith.training.pictures import as_bytes
from gansmith.tutorial.claim import AtLeast, AtMost, Claim
from gansmith.tutorial.studio import Studio
from gansmith.tutorial.style import WARM

__all__ = ["run"]

COUNT, ROWS, COLUMNS = 500, 5, 9


def run(studio: Studio) -> Sequence[Claim]:
    """Find the training digit nearest to each sample of the generator that travels along."""
    model, data = load("digits", device="cpu"), open_images("digits")
    train = data.pixels().float() / 127.5 - 1
    samples = model.sample(COUNT, seed=studio.seed)
    distances, nearest = torch.cdist(samples.flatten(1), train.flatten(1)).min(1)
    among = nearest_others(train.flatten(1)).distances
    close = among.quantile(0.01)
    dice = studio.dice("forger")
    chosen = torch.randint(len(train), (COUNT,), generator=dice)
    forged = train[chosen] + 0.05 * torch.randn(COUNT, *train.shape[1:], generator=dice)
    found, whose = torch.cdist(forged.flatten(1), train.flatten(1)).min(1)
    draw(studio, samples, train[nearest])
    return (
        Claim(
            "Median distance of a sample to the training set, over that of a training image to the nearest other",
            (distances.median() / among.median()).item(),
            AtLeast(0.9),
        ),
        Claim("Share of samples closer than the closest 1 % of training images", mean(distances < close), AtMost(0.03)),
        Claim("The same share for copies with noise, which must be caught", mean(found < close), AtLeast(0.99)),
        Claim("and for how many of them the copied image is found", mean(whose == chosen), AtLeast(0.99)),
    )


def mean(hits: Tensor) -> float:
    """The share that is true."""
    return hits.double().mean().item()


def draw(studio: Studio, samples: Tensor, nearest: Tensor) -> None:
    """Rows of samples, and a framed column of the training images nearest to the last sample of each row."""
    caption = (
        "Random samples of the shipped generator of digits, none picked out. The framed column on the right shows the "
        "training image that is nearest to the sample beside it."
    )
    layout = {"rows": ROWS, "columns": COLUMNS, "size": (COLUMNS * 0.95, ROWS * 0.95)}
    with studio.figure("nearest-neighbours", caption=caption, **layout) as panels:
        for place, axes in enumerate(panels):
            row, column = divmod(place, COLUMNS)
            last = column == COLUMNS - 1
            index = row * (COLUMNS - 1) + column - last
            image = as_bytes((nearest if last else samples)[index : index + 1])[0, :, :, 0]
            axes.imshow(image, cmap="gray", vmin=0, vmax=255)
            axes.set(xticks=[], yticks=[])
            axes.grid(visible=False)
            for spine in axes.spines.values():
                spine.set(visible=last, color=WARM, linewidth=3)
