"""Batch norm ties the samples of a batch together, and a reference batch cuts the tie.

The notes show two small batches of a generator with batch norm: all of one are tinted alike, and all of the other
differently. What a sample looks like depends on which others happen to be drawn with it, because they decide the mean
and the deviation by which it is normalised. Here the same latents are put into many batches, with other companions
each time. Three things are measured: which part of the samples' variance is the companions' doing, whether the tints
of two samples with fixed latents move together when their companions change, and, as the other side of the same coin,
that the tints of samples drawn afresh are *opposed*: a batch whose mean is taken away cannot be bright as a whole, so
that if one sample is, the others make up for it, with the correlation −1/(n − 1) of numbers that sum to a constant.

The cure of Salimans et al. 2016, section 3.5, is to normalise by a batch that was drawn once and never changes: by it
alone (reference batch norm), or by it and the sample itself (virtual batch norm). The weights here are those of one
trained generator in all four cases, so that nothing differs but the norm. With a reference batch, companions decide
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from gansmith.diagnostics.signals import intraclass_correlation
from gansmith.networks import DCGAN, Generator
from gansmith.networks.norms import Norm
from gansmith.training import Model, load
from gansmith.training.pictures import as_bytes
from gansmith.tutorial.claim import AtLeast, AtMost, Claim, Within
from gansmith.tutorial.studio import Studio

__all__ = ["run"]

PAIRS, TIMES, SHOWN, DRAWN, REFERENCE = 6, 12, 6, 128, 64
ROWS: tuple[tuple[Norm, str, int], ...] = (
    ("batch", "batch norm,\nbatches of 4", 4),
    ("batch", "batches of 16", 16),
    ("reference", "reference batch\nnorm, of 4", 4),
    ("virtual", "virtual batch\nnorm, of 4", 4),
)


def run(studio: Studio) -> Sequence[Claim]:
    """Put the same latents of a trained generator into many batches, under each norm."""
    model = load("avatars", device="cpu")
    own = torch.randn(PAIRS, 2, model.recipe.latent, generator=studio.dice("own"))
    in_batches = [repeated(normed(model, norm, studio), own, batch, studio) for norm, _, batch in ROWS]
    small, larger, *cured = in_batches
    draw(studio, in_batches)
    fresh = normed(model, "batch", studio)
    dice = studio.dice("fresh")
    with torch.no_grad():
        alone = [tints(fresh(torch.randn(4, own.shape[-1], generator=dice))) for _ in range(DRAWN)]
    return (
        Claim("Batches of 4: the part of the samples' variance that companions decide", decided(small), AtLeast(0.02)),
        Claim(
            "The same in batches of 16, over that of 4; the mean of n − 2 companions in n has the variance (n − 2)/n²",
            decided(larger) / decided(small),
            Within(14 / 16**2 / (2 / 4**2), 0.15),
        ),
        Claim(
            "Fixed latents: how far the tints of two samples move together when their companions change",
            intraclass_correlation(list(tints(small - small.mean(0)).flatten(0, 1))),
            AtLeast(0.5),
        ),
        Claim(
            "Fresh latents, batches of 4: the correlation of tints, which is −1/3 for numbers with a constant sum",
            intraclass_correlation(alone),
            Within(-1 / 3, 0.1),
        ),
        Claim("With reference batch norm: the companions' part", decided(cured[0]), AtMost(1e-9)),
        Claim("With virtual batch norm", decided(cured[1]), AtMost(1e-9)),
    )


def normed(model: Model, norm: Norm, studio: Studio) -> Generator:
    """The generator of a model with its weights and another norm; batch norm is that of training."""
    built = model.recipe.networks
    if not isinstance(built, DCGAN) or built.generator_norm != "batch":
        raise ValueError("the shipped faces are no longer made with batch norm; this item needs a generator that is")
    architecture = replace(built, generator_norm=norm, reference=REFERENCE)
    generator = architecture.generator(model.shape, latent=model.recipe.latent)
    weights = model.generator.state_dict()
    generator.load_state_dict({**generator.state_dict(), **{k: weights[k] for k in dict(generator.named_parameters())}})
    if norm != "batch":
        generator.refer(torch.randn(REFERENCE, model.recipe.latent, generator=studio.dice("reference")))
    return generator.train()


@torch.no_grad()
def repeated(generator: Generator, own: Tensor, batch: int, studio: Studio) -> Tensor:
    """The samples of pairs of latents in batches with other companions each time, (times, pairs, 2, c, h, w)."""
    dice = studio.dice("companions")
    images = [
        generator(torch.cat((pair, torch.randn(batch - 2, own.shape[-1], generator=dice))))[:2]
        for _ in range(TIMES)
        for pair in own
    ]
    return torch.stack(images).view(TIMES, *own.shape[:2], *images[0].shape[1:])


def decided(images: Tensor) -> float:
    """Of the variance of samples (times, pairs, 2, ...) the part that is not between latents, 0 to 1."""
    flat = images.double().flatten(1, 2).flatten(2)
    within = (flat - flat.mean(0)).square().sum(-1).mean()
    whole = (flat - flat.mean((0, 1))).square().sum(-1).mean()
    return (within / whole).item()


def tints(images: Tensor) -> Tensor:
    """The mean colour (..., 3) of images (..., 3, h, w)."""
    return images.mean((-2, -1))


def draw(studio: Studio, in_batches: Sequence[Tensor]) -> None:
    """A row for each norm: two latents again and again, with other companions each time."""
    caption = (
        "The same two latents in six batches, whose other samples differ (and are not shown). Batch norm in training "
        "gives both another tint each time; by a reference batch nothing changes. The weights are the same in all rows."
    )
    columns = SHOWN * 2
    layout = {"rows": len(ROWS), "columns": columns, "size": (columns * 0.85, len(ROWS) * 0.95)}
    with studio.figure("batch-norm", caption=caption, **layout) as panels:
        for place, axes in enumerate(panels):
            row, column = divmod(place, columns)
            time, which = divmod(column, 2)
            axes.imshow(as_bytes(in_batches[row][time, 0, which][None])[0])
            axes.set(xticks=[], yticks=[])
            axes.grid(visible=False)
            if column == 0:
                axes.set_ylabel(ROWS[row][1], fontsize=7)
            for spine in axes.spines.values():
                spine.set(visible=False)
