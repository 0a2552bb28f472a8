"""Everything that changes during a run, in one place: it is made from a recipe, moved by steps, and saved whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gansmith.data import Batches, ImageSet, few_labelled, parted
from gansmith.dynamics.state import restore, state_tree
from gansmith.games import judged, learns_labels, names_labels
from gansmith.networks import Augmented, Fitting, Generator, Known, classifier
from gansmith.spelling import listed
from gansmith.training.adaptation import Ranked, adapted
from gansmith.training.average import MovingAverage
from gansmith.training.engine import DeviceEngine
from gansmith.training.feed import Feed
from gansmith.training.recipe import Recipe
from gansmith.types import Result, State, key_seed

__all__ = ["STRENGTH", "Session", "bare", "judge_of", "load_weights", "state_tree", "taught", "unaugmented"]


AROUND, STRENGTH = "discriminator.", "strength"
"""What `Augmented` puts before the names of the weights inside it, and what it has of its own."""


@dataclass
class Session:
    """A run in progress.

    Args:
        recipe: what is being done.
        feed: hands out rounds.
        engine: computes gradients.
        players: the networks that play.
        dynamics: the dynamics' state: optimisers, the game's memory.
        average: the generator's moving average.
        classifier: the discriminator's, where it learns to classify.
        step: steps that have been made.
        attempt: how many times the run went back to a checkpoint; it decides the noise from there on.
        decisions: what was done about its disorders, as plain values.
    """

    recipe: Recipe
    feed: Feed
    engine: DeviceEngine
    players: dict[str, nn.Module]
    dynamics: State
    average: MovingAverage
    classifier: MovingAverage | None = None
    step: int = 0
    attempt: int = 0
    decisions: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def start(cls, recipe: Recipe, images: ImageSet, engine: DeviceEngine) -> Session:
        """A run before its first step: networks from the recipe's seed, optimisers fresh.

        Raises:
            ValueError: the recipe asks for labels that the data do not have, its game for players that it does not
                build, or its augmentation for whole batches that are worked off in parts.
        """
        _check_playable(recipe, images, engine)
        classes = len(images.classes) if recipe.conditional else 0
        torch.manual_seed(key_seed(recipe.seed, "weights"))
        generator = recipe.networks.generator(images.shape, latent=recipe.latent, classes=classes)
        shown = judged(recipe.game, images.shape)
        rows = parted(images, recipe.held_out)[0]
        labelled = _labelled(recipe, images)
        if labelled is not None or names_labels(recipe.game):
            _check_classifiable(recipe, images, shown)
            named = len(images.classes)
        else:
            named = 0
        discriminator = judge_of(recipe, images.shape, classes=classes, named=named)
        if isinstance(recipe.networks, Fitting):
            some = partial(_some, images, shape=shown, rows=rows, seed=key_seed(recipe.seed, "some"))
            recipe.networks.fit(generator, unaugmented(discriminator), Known(mean=images.mean, some=some))
        players = {"generator": generator, "discriminator": discriminator}
        engine.prepare(recipe.game, players)
        feed = Feed(
            images,
            batch=recipe.batch,
            latent=recipe.latent,
            seed=recipe.seed,
            conditional=recipe.conditional,
            flip=recipe.augment.flip,
            device=engine.device,
            processes=engine.processes,
            noise=recipe.noise,
            rows=rows,
            labelled=labelled,
        )
        if isinstance(generator, Generator) and generator.reference:
            generator.refer(*feed.reference(generator.reference))
        average = MovingAverage(generator, recipe.average)
        classifies = None if labelled is None else MovingAverage(unaugmented(discriminator), recipe.average)
        return cls(recipe, feed, engine, players, recipe.dynamics.init(recipe.game, players), average, classifies)

    def advance(self) -> Result:
        """One step of the dynamics, and of the average."""
        recipe, draw, judge = self.recipe, self.feed(self.step, attempt=self.attempt), self.players["discriminator"]
        adaptive = recipe.augment.adaptive > 0 and isinstance(judge, Augmented)
        game = Ranked(recipe.game) if adaptive else recipe.game
        self.dynamics, result = recipe.dynamics.step(game, self.players, self.dynamics, draw, self.engine)
        if adaptive:
            result = adapted(judge, result, recipe.augment.adaptive, images=recipe.batch, among=self.engine.processes)
        self.step += 1
        self.average.update(self.players["generator"], self.step)
        if self.classifier is not None:
            self.classifier.update(unaugmented(self.players["discriminator"]), self.step)
        return result

    def tree(self) -> dict[str, Any]:
        """All that a checkpoint holds. Random state needs no place in it: all randomness is a function of the step."""
        return {
            "step": self.step,
            "attempt": self.attempt,
            "decisions": list(self.decisions),
            "players": state_tree(dict(self.players)),
            "average": state_tree(self.average.module),
            **({} if self.classifier is None else {"classifier": state_tree(self.classifier.module)}),
            "dynamics": state_tree(self.dynamics),
        }

    def load(self, tree: dict[str, Any]) -> None:
        """Become the run that was saved.

        Raises:
            ValueError: the networks differ from those that were saved; the message names the keys.
        """
        for name, module in self.players.items():
            load_weights(module, tree["players"][name], name)
        for name, average in self._averages().items():
            load_weights(average, tree[name], name)
        self.dynamics = restore(self.dynamics, tree["dynamics"])
        self.step, self.attempt, self.decisions = tree["step"], tree["attempt"], tree.get("decisions", [])

    def facts(self) -> dict[str, Any]:
        """What a checkpoint must know of the data."""
        images = self.feed.images
        shares: list[float] = []
        if images.labels is not None and images.classes:
            counts = np.bincount(images.labels, minlength=len(images.classes))
            shares = (counts / counts.sum()).round(6).tolist()
        return {
            "data": images.name,
            "fingerprint": images.fingerprint,
            "shape": list(images.shape),
            "classes": list(images.classes) if self.recipe.conditional else [],
            "class_shares": shares if self.recipe.conditional else [],
            "names": list(images.classes) if self.classifier is not None else [],
        }

    def adopt(self, players: dict[str, dict[str, Tensor]], average: dict[str, Tensor]) -> None:
        """Start from other weights: the optimisers, the step and the game's memory stay those of a new run.

        Raises:
            ValueError: the networks differ; the message names the keys.
        """
        for name, saved in players.items():
            load_weights(unaugmented(self.players[name]), bare(saved), name)
        load_weights(self.average.module, average, "generator")

    def broken(self) -> str | None:
        """Which player holds a weight, or a statistic, that is not finite, if any."""
        for name, module in (*self.players.items(), *self._averages().items()):
            if not all(bool(torch.isfinite(value).all()) for value in module.state_dict().values()):
                return {"average": "generator"}.get(name, name)
        return None

    def _averages(self) -> dict[str, nn.Module]:
        """The moving averages, by their names in a checkpoint."""
        return {"average": self.average.module} | (
            {} if self.classifier is None else {"classifier": self.classifier.module}
        )


def taught(recipe: Recipe, images: ImageSet) -> npt.NDArray[np.int64]:
    """The images whose labels a recipe's discriminator learns.

    Raises:
        ValueError: there are too few of a class.
    """
    rows = parted(images, recipe.held_out)[0]
    return few_labelled(images, recipe.labels_per_class, seed=key_seed(recipe.seed, "labelled"), rows=rows)


def _labelled(recipe: Recipe, images: ImageSet) -> npt.NDArray[np.int64] | None:
    """The images whose labels the discriminator learns, if it learns any."""
    if not recipe.labels_per_class:
        if learns_labels(recipe.game):
            raise ValueError("the game learns labels, and labels_per_class is 0: say with --labels-per-class how many")
        return None
    return taught(recipe, images)


def _check_playable(recipe: Recipe, images: ImageSet, engine: DeviceEngine) -> None:
    """Refuse a recipe that these images, or this engine, cannot be played with.

    Raises:
        ValueError: the message says what to change.
    """
    if others := [name for name in recipe.game.players if name not in ("generator", "discriminator")]:
        raise ValueError(
            f"{type(recipe.game).__name__} has the players {listed(others)}, but a recipe builds a generator and a "
            "discriminator; play it from Python with play(game, dynamics, players, draws, steps=...)"
        )
    if recipe.conditional and images.some_labels is not None:
        raise ValueError(
            f"the recipe is conditional, but only some images of {images.name} have a label; use --no-conditional, "
            "and --labels-per-class N to learn from those that have one"
        )
    if recipe.conditional and images.labels is None:
        raise ValueError(
            f"the recipe is conditional, but {images.name} has no labels; use --no-conditional, or class subfolders"
        )
    if recipe.augment.adaptive and engine.pieces > 1:
        raise ValueError(
            "augment.adaptive follows all of a batch, and run.pieces works it off in parts; leave one of them out"
        )


def _check_classifiable(recipe: Recipe, images: ImageSet, shown: tuple[int, ...]) -> None:
    """Refuse a recipe whose discriminator could not say of what class an image is.

    Raises:
        ValueError: a sample is more than an image, or there is nothing to tell apart, or there are no labels.
    """
    if names_labels(recipe.game):
        if recipe.labels_per_class:
            raise ValueError("an auxiliary classifier names all labels: leave it out, or --labels-per-class")
        if images.labels is None:
            few = "has none" if images.answers is None else "has them of some images only"
            raise ValueError(f"an auxiliary classifier names labels, and {images.name} {few}; use class subfolders")
        if not recipe.conditional:
            raise ValueError("an auxiliary classifier names the labels that both players know: add --conditional")
    if shown != images.shape:
        raise ValueError(
            f"the discriminator is shown {shown[0] // images.shape[0]} images at a time, which have no label together; "
            "leave packs out, or the labels"
        )
    if len(images.classes) < 2:
        raise ValueError(f"{images.name} has a single class, so there is nothing to learn to tell apart")


def judge_of(recipe: Recipe, shape: tuple[int, int, int], *, classes: int, named: int) -> nn.Module:
    """A new discriminator as a recipe has it.

    Args:
        recipe: its networks, game and augmentation.
        shape: of an image, (channels, height, width).
        classes: that it is told; 0 for none.
        named: classes that it tells apart itself; 0 for none.
    """
    shown, a = judged(recipe.game, shape), recipe.augment
    if named:
        judge = classifier(recipe.networks, shown, classes=named, scored=names_labels(recipe.game))
    else:
        judge = recipe.networks.discriminator(shown, classes=classes)
    if not a.differentiable:
        return judge
    alone = 0 if shown == shape else shape[0]
    return Augmented(
        judge,
        colour=a.colour,
        translation=a.translation,
        cutout=a.cutout,
        channels=alone,
        adaptive=a.adaptive > 0,
    )


def unaugmented(discriminator: nn.Module) -> nn.Module:
    """The discriminator without its augmentation."""
    return discriminator.discriminator if isinstance(discriminator, Augmented) else discriminator


def bare(saved: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A network's weights without what an augmentation around it added to them.

    Example:
        >>> sorted(bare({"discriminator.body.weight": torch.zeros(1), "strength": torch.zeros(())}))
        ['body.weight']
    """
    return {key.removeprefix(AROUND): value for key, value in saved.items() if key != STRENGTH}


def load_weights(module: nn.Module, saved: dict[str, Tensor], who: str) -> None:
    """Load a state dict, or say which keys and shapes differ.

    Raises:
        ValueError: keys or shapes differ.
    """
    own = module.state_dict()
    missing, unknown = sorted(set(own) - set(saved)), sorted(set(saved) - set(own))
    shapes = [
        f"{k} is {tuple(saved[k].shape)}, not {tuple(own[k].shape)}"
        for k in own
        if k in saved and saved[k].shape != own[k].shape
    ]
    if missing or unknown or shapes:
        parts = [f"it lacks {', '.join(missing[:5])}"] if missing else []
        parts += [f"it has {', '.join(unknown[:5])} besides"] if unknown else []
        raise ValueError(
            f"the saved {who} is another network: {'; '.join([*parts, *shapes[:5]])}. "
            "Build the networks as those of the saved run were: its config.yaml says how"
        )
    module.load_state_dict(saved)


def _some(
    images: ImageSet, count: int, *, shape: tuple[int, ...], rows: npt.NDArray[np.int64] | None, seed: int
) -> Tensor:
    """What a discriminator is shown so many times, (count, *shape), of the images that are trained on, in [-1, 1]."""
    each = shape[0] // images.shape[0]
    drawn = Batches(images, batch=count * each, seed=seed, rows=rows)(0)[0]
    return drawn.reshape(count, *shape)
