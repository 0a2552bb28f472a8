"""A trained generator as a thing to draw samples from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from gansmith.latent import of_noise
from gansmith.spelling import nearest
from gansmith.training.recipe import Recipe
from gansmith.types import key_seed

if TYPE_CHECKING:
    from gansmith.training.session import Session

__all__ = ["Labels", "Model", "slerp"]

Labels = int | str | Tensor | Sequence[int | str]
"""Which classes to draw: one for all samples, by number or by name, or one for each."""

COLUMNS, ROWS = 10, 8
"""Of the grid that stands for a model."""

BATCH = 256
"""Images that are worked on at a time."""

SHOWN = 20
"""Class names that a message lists."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """A trained generator, the moving average of a run's, which can be sampled.

    Sample i is a function of the seed and i alone: the latent and the label exactly, the pixels up to the rounding of
    the arithmetic, which may differ with the batch. So a larger n goes on where a smaller one ended.

    Args:
        generator: maps latents (n, d), and with classes also labels (n,), to images (n, c, h, w); in evaluation mode.
        recipe: how it was trained.
        shape: of an image, (channels, height, width).
        classes: the names of the classes that can be asked for; empty for a generator without labels.
        class_shares: how often each class is drawn when none is asked for; empty for equally often.
        step: the training step that it is from.
        data: the name of the data that it was trained on.
        fingerprint: of these data.
        described: the recipe as text, where it holds pieces that were not rebuilt.
        evaluation: what ``gansmith evaluate`` found, if anything.
        classifier: the moving average of the discriminator, where it learned to classify: its method ``logits`` maps
            images (n, c, h, w) to (n, K), in the order of `names`.
        names: the classes that the classifier tells apart.

    Raises:
        ValueError: as many shares as classes there must be.

    Example:
        >>> model = Model(generator=nn.Unflatten(1, (1, 2, 2)), recipe=Recipe(latent=4), shape=(1, 2, 2))
        >>> torch.equal(model.sample(5, seed=7)[:3], model.sample(3, seed=7))
        True
    """

    generator: nn.Module
    recipe: Recipe
    shape: tuple[int, int, int]
    classes: tuple[str, ...] = ()
    class_shares: tuple[float, ...] = ()
    step: int = 0
    data: str = ""
    fingerprint: str = ""
    described: str = ""
    evaluation: Mapping[str, Any] | None = None
    classifier: nn.Module | None = None
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.class_shares and len(self.class_shares) != len(self.classes):
            raise ValueError(f"{len(self.classes)} classes cannot have {len(self.class_shares)} shares")

    def __repr__(self) -> str:
        # The whole of the networks and the recipe would fill a screen.
        count = sum(p.numel() for p in self.generator.parameters())
        classes = f", {len(self.classes)} classes" if self.classes else ""
        shape = "×".join(map(str, self.shape))
        return (
            f"Model({self.data or self.recipe.name}, images of {shape}{classes}, {count:,} weights, step {self.step})"
        )

    @classmethod
    def of(cls, session: Session) -> Model:
        """The model of a run in progress: it shares the run's weights and changes with them."""
        return cls(
            generator=session.average.module,
            recipe=session.recipe,
            step=session.step,
            classifier=None if session.classifier is None else session.classifier.module,
            **known(session.facts()),
        )

    @property
    def identity(self) -> str:
        """A short name: the data and the step."""
        return f"{self.data or self.recipe.name}, step {self.step}"

    @property
    def averaged(self) -> bool:
        """Whether the weights are a moving average, or else those of the last step."""
        return self.recipe.average.half_life > 0

    @property
    def latent(self) -> int:
        """The dimension of the generator's input."""
        return self.recipe.latent

    @property
    def device(self) -> torch.device:
        """Where the generator is."""
        return next((p.device for p in self.generator.parameters()), torch.device("cpu"))

    def sample(self, n: int, *, seed: int = 0, labels: Labels | None = None, batch: int = BATCH) -> Tensor:
        """`n` images (n, c, h, w) in [-1, 1], on the CPU.

        Args:
            n: how many.
            seed: any integer.
            labels: a class for all of them, by number or name, or one for each; None draws as often as in the data.
            batch: how many are worked on at a time.

        Raises:
            ValueError: n or batch is below 1, or a class is asked for that does not exist.
        """
        if n < 1 or batch < 1:
            raise ValueError(f"n and batch must be at least 1; got n={n}, batch={batch}")
        latents, drawn = self.noise(n, seed=seed)
        return self.draw(latents, self._chosen(labels, n, drawn), batch=batch)

    def draw(self, latents: Tensor, labels: Tensor | None = None, *, batch: int = BATCH) -> Tensor:
        """The images (n, c, h, w) in [-1, 1] at given latents (n, d), with classes of given labels (n,) int64.

        Raises:
            ValueError: latents or labels of another shape, or labels for a generator without classes.
        """
        if latents.ndim != 2 or latents.shape[1] != self.latent:
            raise ValueError(f"latents are {tuple(latents.shape)}; this generator takes (n, {self.latent})")
        return torch.cat([*self._images(latents, labels, batch)])

    def labels(self, n: int, *, seed: int = 0, labels: Labels | None = None) -> Tensor | None:
        """The classes (n,) int64 of what `sample` draws with the same arguments; None for a generator without classes.

        Raises:
            ValueError: a class is asked for that does not exist.
        """
        return self._chosen(labels, n, self.noise(n, seed=seed)[1])

    @torch.no_grad()
    def classify(self, images: Tensor, *, batch: int = BATCH) -> Tensor:
        """The probabilities (n, K) of the classes `names` for images (n, c, h, w), uint8 or floats in [-1, 1].

        Raises:
            ValueError: the model was not taught to classify, or the images have another shape.
        """
        if self.classifier is None:
            raise ValueError(
                "this model was not taught to classify; train one that is: gansmith train --labels-per-class 10 "
                "--no-conditional"
            )
        judge: Any = self.classifier
        scaled = (part / 127.5 - 1 if part.dtype == torch.uint8 else part for part in torch.split(images, batch))
        return torch.cat([judge.logits(part.to(self.device).float()).double().softmax(1).cpu() for part in scaled])

    def interpolate(self, rows: int, steps: int, *, seed: int = 0, labels: Labels | None = None) -> Tensor:
        """Walks through the latent space: row r goes from sample 2r to sample 2r + 1, with the class of the first.

        Args:
            rows: how many walks.
            steps: images in each, ends included; at least 2.
            seed: any integer.
            labels: a class for all rows or one for each; None draws them.

        Returns:
            Images (rows, steps, c, h, w) in [-1, 1], on the CPU.

        Raises:
            ValueError: rows is below 1 or steps below 2, or a class is asked for that does not exist.
        """
        if rows < 1 or steps < 2:
            raise ValueError(f"a walk needs rows of at least 1 and steps of at least 2; got rows={rows}, steps={steps}")
        latents, drawn = self.noise(2 * rows, seed=seed)
        chosen = self._chosen(labels, rows, drawn[::2])
        # A cube holds the straight way between two of its points, but not every arc.
        ways = slerp if self.recipe.noise == "normal" else _chord
        walks = ways(latents[::2], latents[1::2], steps)
        repeated = None if chosen is None else chosen.repeat_interleave(steps)
        images = self.draw(walks.flatten(0, 1), repeated)
        return images.view(rows, steps, *images.shape[1:])

    def showcase(self) -> tuple[Tensor, int]:
        """The samples that stand for the model, none of them picked out, and the columns of their grid.

        Where there are two to ten classes, each has a column.
        """
        labels, columns = None, COLUMNS
        if 1 < len(self.classes) <= COLUMNS:
            columns = len(self.classes)
            labels = torch.arange(columns).repeat(ROWS)
        return self.sample(columns * ROWS, seed=self.recipe.seed, labels=labels), columns

    def noise(self, n: int, *, seed: int = 0) -> tuple[Tensor, Tensor]:
        """The latents (n, d) of the samples, and uniform numbers (n,) that decide their classes if need be."""
        generator = torch.Generator()
        latents, uniforms = torch.empty(n, self.latent), torch.empty(n)
        for i in range(n):
            generator.manual_seed(key_seed("sample", seed, i))
            normal, uniform = (partial(draw, self.latent, generator=generator) for draw in (torch.randn, torch.rand))
            latents[i] = of_noise(self.recipe.noise, normal, uniform)
            torch.rand((), generator=generator, out=uniforms[i])
        return latents, uniforms

    def save_pretrained(
        self, folder: Path | str, *, licence: str | None = None, half: bool = False, force: bool = False
    ) -> Path:
        """Write the model as a folder to share; see `gansmith.training.save_pretrained`."""
        from gansmith.training.pretrained import save_pretrained

        return save_pretrained(self, folder, licence=licence, half=half, force=force)

    @torch.no_grad()
    def _images(self, latents: Tensor, labels: Tensor | None, batch: int) -> Iterator[Tensor]:
        for start in range(0, len(latents), batch):
            inputs = [t[start : start + batch].to(self.device) for t in (latents, labels) if t is not None]
            images: Tensor = self.generator(*inputs)
            yield images.float().clamp(-1, 1).cpu().contiguous()

    def _chosen(self, labels: Labels | None, n: int, uniforms: Tensor) -> Tensor | None:
        """The label of every sample, or None for a generator without classes."""
        if not self.classes:
            if labels is not None:
                raise ValueError("this model was trained without labels, so no class can be asked for; leave it out")
            return None
        if labels is None:
            shares = torch.tensor(self.class_shares or [1.0] * len(self.classes), dtype=torch.float64)
            edges = shares.cumsum(0) / shares.sum()
            return torch.searchsorted(edges, uniforms.double(), right=True).clamp(max=len(self.classes) - 1)
        if isinstance(labels, int | str):
            return torch.full((n,), self._index(labels))
        if isinstance(labels, Tensor) and labels.ndim == 0:
            return torch.full((n,), self._index(labels.item()))
        wanted = labels.tolist() if isinstance(labels, Tensor) else labels
        if len(wanted) != n:
            raise ValueError(f"{n} samples need one class or {n}, not {len(wanted)}")
        return torch.tensor([self._index(label) for label in wanted])

    def _index(self, label: object) -> int:
        if isinstance(label, str):
            if label in self.classes:
                return self.classes.index(label)
            if label.isdecimal():
                return self._index(int(label))
        elif isinstance(label, int) and not isinstance(label, bool) and 0 <= label < len(self.classes):
            return label
        names = ", ".join(f"{i} {name}" if name != str(i) else name for i, name in enumerate(self.classes[:SHOWN]))
        more = ", …" if len(self.classes) > SHOWN else ""
        guess = nearest(label, self.classes) if isinstance(label, str) else None
        meant = f", did you mean {guess!r}?" if guess else ""
        raise ValueError(f"there is no class {label!r}{meant}; this model knows {names}{more}")


def known(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What a checkpoint's facts say about the data, as arguments of `Model`."""
    channels, height, width = facts["shape"]
    return {
        "shape": (channels, height, width),
        "classes": tuple(facts["classes"]),
        "class_shares": tuple(facts["class_shares"]),
        "data": facts["data"],
        "fingerprint": facts["fingerprint"],
        "names": tuple(facts.get("names", ())),
    }


def _chord(start: Tensor, end: Tensor, steps: int) -> Tensor:
    """Points on the straight line between vectors; arguments and result as in `slerp`."""
    return torch.lerp(start.unsqueeze(1), end.unsqueeze(1), torch.linspace(0, 1, steps).view(1, steps, 1))


def slerp(start: Tensor, end: Tensor, steps: int) -> Tensor:
    r"""Points on the arc between vectors.

    .. math:: \frac{\sin((1 - t)\,\Omega)}{\sin\Omega}\,a + \frac{\sin(t\,\Omega)}{\sin\Omega}\,b

    with :math:`\Omega` the angle between a and b, so that the points are about as long as the ends: in many dimensions
    a generator has seen hardly any latent from the middle of the chord (White 2016, sect. 2.1). Both ends are exact.
    Where the vectors lie on one line there is no arc, and the points are on the chord.

    Args:
        start: a, (n, d).
        end: b, (n, d).
        steps: how many points, ends included.

    Returns:
        Points (n, steps, d).

    Example:
        >>> slerp(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]), 3)[0, 1]
        tensor([0.7071, 0.7071])
    """
    a, b = start.double(), end.double()
    t = torch.linspace(0, 1, steps, dtype=torch.float64).view(1, steps, 1)
    cosine = nn.functional.cosine_similarity(a, b, dim=1).clamp(-1, 1).view(-1, 1, 1)
    angle = cosine.acos()
    flat = (angle < 1e-4) | (angle > math.pi - 1e-4)
    angle = torch.where(flat, 1.0, angle)
    first = torch.where(flat, 1 - t, ((1 - t) * angle).sin() / angle.sin())
    last = torch.where(flat, t, (t * angle).sin() / angle.sin())
    return (first * a.unsqueeze(1) + last * b.unsqueeze(1)).to(start.dtype)
