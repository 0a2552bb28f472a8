"""A look at a run from inside: everything that verdicts rest on, without a trace in what is looked at."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase

from gansmith.diagnostics.reference import Reference, features_of
from gansmith.diagnostics.signals import (
    accuracy,
    intraclass_correlation,
    logit_gap,
    non_finite,
    norm,
    overfitting,
    reach,
    rotation,
    saturated,
    watched,
)
from gansmith.diagnostics.trace import PREFIX
from gansmith.dynamics.engine import gradients, hypothetical
from gansmith.dynamics.field import live, trainable
from gansmith.games import AdversarialGame
from gansmith.games.wrapping import Holding, judged
from gansmith.latent import Noise, of_noise
from gansmith.metrics import Extractor, grey28
from gansmith.metrics.images import as_images
from gansmith.types import Game, Outcome, Players, Round, Sampler, key_seed

__all__ = ["LOOKED_AT", "Probe"]

DISCRIMINATOR, GENERATOR = "discriminator", "generator"
TURNING = 8
"""Rows on which rotation is measured."""

LOOKED_AT = 2048
"""Images of either set that are looked at; a training set that can be learnt by heart is smaller."""


class Probe:
    """Takes the signals of a run: built once from its images, then called now and then.

    Args:
        images: training images (n, c, h, w), uint8 or in [−1, 1]; a random part of a large set is enough.
        latent: the dimension of the generator's input.
        noise: what that is drawn from.
        labels: the images' classes (n,), if they have any.
        conditional: the players take labels.
        held_out: real images that are not trained on; without them, signals about these are absent.
        held_out_labels: their classes.
        extractor: what tells pictures apart; None is the shipped one.
        taught: images and their classes that a discriminator learns to classify by, where it does.
        batch: the size of a training batch, ≥ 4.
        count: samples of the averaged generator that are looked at.
        cells: into how many parts the real images are divided.
        turning: rotation is measured at about one look in so many, since it is dear; 0 leaves it out.
        precision: in which the players run, as in training; all that is made of what they say is in float32 at least.
        seed: decides which images and latents are looked at.

    Raises:
        ValueError: there are fewer than 4 images, labels are missing where players take them, or a size is below 4.
    """

    def __init__(
        self,
        images: Tensor,
        *,
        latent: int,
        noise: Noise = "normal",
        labels: Tensor | None = None,
        conditional: bool = False,
        held_out: Tensor | None = None,
        held_out_labels: Tensor | None = None,
        taught: tuple[Tensor, Tensor] | None = None,
        extractor: Extractor | None = None,
        batch: int = 64,
        count: int = 128,
        cells: int = 20,
        turning: int = 8,
        precision: Literal["float32", "bfloat16"] = "float32",
        seed: int = 0,
    ) -> None:
        if len(images) < 4 or min(batch, count) < 4:
            raise ValueError(f"{len(images)} images, batch {batch}, count {count}: each must be at least 4")
        if conditional and (labels is None or (held_out is not None and held_out_labels is None)):
            raise ValueError("the players take labels: give the labels of the images, and of held-out ones")
        self.extractor = grey28() if extractor is None else extractor
        self.images = len(images)
        self.train = _Set.chosen(images, labels, key_seed(seed, "train"))
        self.unseen = None if held_out is None else _Set.chosen(held_out, held_out_labels, key_seed(seed, "held out"))
        self.taught = None if taught is None else _Set.chosen(*taught, key_seed(seed, "taught"))
        self.latent, self.noise, self.conditional = latent, noise, conditional
        self.batch, self.count, self.turning, self.seed = batch, count, turning, seed
        self.precision = precision
        self.reference = Reference.of(
            self.train.images,
            self.extractor,
            labels=self.train.labels,
            held_out=None if self.unseen is None else self.unseen.images,
            cells=cells,
            seed=seed,
        )

    def __call__(
        self,
        game: Game,
        players: Players,
        sampler: Sampler,
        *,
        step: int,
        memory: Mapping[str, Any] | None = None,
    ) -> dict[str, float]:
        """The signals at a step, by names that begin with ``watch/``: a function of the players and the step alone.

        Args:
            game: what is played; it must have a discriminator and a generator.
            players: as they are now; their gradients, buffers, modes and hooks stay so, and so does the random state.
            sampler: the averaged generator.
            step: where the run is.
            memory: what the game remembers; None is a game that has just begun.

        Raises:
            ValueError: the game has no discriminator or no generator.
        """
        if missing := {DISCRIMINATOR, GENERATOR} - set(game.players):
            raise ValueError(f"{type(game).__name__} has no {min(missing)}; only adversarial games can be watched")
        device = next(players[GENERATOR].parameters()).device
        key = (self.seed, "watch", step)
        with _untouched(players, key_seed(*key)):
            round = self._round(self.train, key, device)
            round = round.recall(game.init(players) if memory is None else memory)
            found, outcome = self._play(bare(game), players, round)
            found["images"] = float(self.images)
            found |= self._weights(players)
            found |= self._unseen(game, players, round, outcome, key)
            found |= self._live(players, outcome, key)
            found |= self._turning(game, players, round)
        with _untouched(players, key_seed(*key)):  # a sampler may be one of the players
            found |= self._content(sampler, key, device)
        return {PREFIX + name: value for name, value in found.items()}

    def _running(self, device: torch.device) -> torch.autocast:
        """Inside, players run in the precision in which they are trained."""
        return torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bfloat16")

    def _round(self, images: _Set, key: tuple[object, ...], device: torch.device) -> Round:
        rows = images.rows(self.batch, key_seed(*key, "rows"))
        streams = {"real": as_images(images.images[rows]).to(device)}
        if self.conditional and images.labels is not None:
            streams["label"] = streams["fake_label"] = images.labels[rows].to(device)
        if self.taught is not None and self.taught.labels is not None:
            known = self.taught.rows(self.batch, key_seed(*key, "taught"))
            streams["labelled"] = as_images(self.taught.images[known]).to(device)
            streams["answer"] = self.taught.labels[known].to(device)
        round = Round(streams, key)
        normal, uniform = (partial(draw, "latent", self.latent) for draw in (round.normal, round.uniform))
        return round.given(latent=of_noise(self.noise, normal, uniform))

    def _play(self, game: Game, players: Players, round: Round) -> tuple[dict[str, float], Outcome]:
        """One evaluation with all gradients that are wanted of it; penalties are left out, which cost as much again."""
        with watched(players) as units, live(players, game.players), torch.enable_grad():
            with self._running(round["real"].device):
                outcome = game.play(players, round, game.players)
                costs = game.costs(outcome, game.players)
            own = trainable(players, (DISCRIMINATOR, GENERATOR))
            fake, scores = outcome["fake"], outcome["fake_scores"]
            taken = gradients(costs, {**own, GENERATOR: [*own[GENERATOR], fake, scores]})
            *of_generator, at_samples, slope = taken[GENERATOR]
            undecided = _undecided(game, outcome)
        outcome = outcome.detached()
        real, fake_scores = outcome["real_scores"], outcome["fake_scores"]
        strong = {DISCRIMINATOR: norm(taken[DISCRIMINATOR]), GENERATOR: norm(of_generator)}
        found = {f"gradient/{name}": value for name, value in strong.items()}
        found["gradient_ratio"] = strong[GENERATOR] / max(strong[DISCRIMINATOR], 1e-30)
        found["reach"] = reach(at_samples)
        if undecided is not None:
            found["saturated"] = saturated(slope, undecided)
        found["accuracy"] = accuracy(real, fake_scores)
        found["logit_gap"] = logit_gap(real, fake_scores)
        found["logits"] = float(torch.cat([real, fake_scores]).double().square().mean().sqrt())
        found["non_finite"] = float(non_finite([*taken[DISCRIMINATOR], *of_generator]))
        return found | {f"dead/{name}": seen.share for name, seen in units.items() if seen.share is not None}, outcome

    def _weights(self, players: Players) -> dict[str, float]:
        names = (DISCRIMINATOR, GENERATOR)
        return {f"weights/{name}": norm(players[name].parameters()) for name in names}

    @torch.no_grad()
    def _unseen(
        self, game: Game, players: Players, round: Round, outcome: Outcome, key: tuple[object, ...]
    ) -> dict[str, float]:
        """What the discriminator makes of real images that it was not trained on."""
        if self.unseen is None:
            return {}
        # The same samples stand beside both sets, so that what differs is the real images.
        others = self._round(self.unseen, (*key, "held out"), outcome["fake"].device).recall(round.memory)
        same = {name: round[name] for name in ("fake_label",) if name in round}
        with self._running(outcome["fake"].device):
            seen = bare(game).play(players, others.given(fake=outcome["fake"], **same), [DISCRIMINATOR])
        real, fake = seen["real_scores"], seen["fake_scores"]
        return {
            "accuracy_held_out": accuracy(real, fake),
            "logit_gap_held_out": logit_gap(real, fake),
            "overfitting": overfitting(outcome["real_scores"], real, outcome["fake_scores"]),
        }

    @torch.no_grad()
    def _live(self, players: Players, outcome: Outcome, key: tuple[object, ...]) -> dict[str, float]:
        """What the generator makes in training mode, as the discriminator sees it."""
        batch = outcome["fake"]
        features = features_of(batch.cpu(), self.extractor)
        found = {"batch_correlation": 0.0, "live/diversity": self.reference.diversity(features)}
        if mixing(players[GENERATOR]):
            again = self._round(self.train, (*key, "again"), batch.device)
            label = (again["fake_label"],) if self.conditional else ()
            with self._running(batch.device):
                other = players[GENERATOR](again["latent"], *label)
            found["batch_correlation"] = intraclass_correlation([batch.flatten(1), other.flatten(1)])
        return found | {f"live/centre/{i}": float(x) for i, x in enumerate(self.reference.centre(features), 1)}

    def _turning(self, game: Game, players: Players, round: Round) -> dict[str, float]:
        """Rotation on a few rows, at a part of the looks that is a function of the step."""
        if not self.turning or key_seed(*round.key, "turning") % self.turning:
            return {}
        each = judged(game, (1,))[0]  # samples that are judged together
        few = {name: stream[: -(-TURNING // each) * each] for name, stream in round.streams.items()}
        share = rotation(game, players, replace(round, streams=few))
        return {} if math.isnan(share) else {"rotation": share}

    @torch.no_grad()
    def _content(self, sampler: Sampler, key: tuple[object, ...], device: torch.device) -> dict[str, float]:
        """What the averaged generator makes."""
        seed = key_seed(*key, "samples")
        asked = None
        if self.conditional and self.train.labels is not None:
            asked = self.train.labels[self.train.rows(self.count, seed)]
        with self._running(device):
            images = sampler.sample(self.count, seed=seed, labels=asked).cpu()
        return self.reference.signals(images, features_of(images, self.extractor), asked)


@dataclass(frozen=True)
class _Set:
    """Images (n, c, h, w) with their classes (n,), if they have any."""

    images: Tensor
    labels: Tensor | None

    @classmethod
    def chosen(cls, images: Tensor, labels: Tensor | None, seed: int) -> _Set:
        """A random part of a large set."""
        rows = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))[:LOOKED_AT]
        return cls(images[rows].cpu(), None if labels is None else labels[rows].cpu())

    def rows(self, n: int, seed: int) -> Tensor:
        """The places of `n` images, as few of them twice as can be."""
        draw = torch.Generator().manual_seed(seed)
        times = -(-n // len(self.images))
        return torch.cat([torch.randperm(len(self.images), generator=draw) for _ in range(times)])[:n]


def mixing(module: nn.Module) -> list[str]:
    """The names of the parts that mix the samples of a batch: batch norms of any make, and those that say so.

    Example:
        >>> mixing(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.InstanceNorm1d(2)))
        ['1']
    """
    norms = [(name, part) for name, part in module.named_modules() if "running_mean" in part._buffers]
    found = [name for name, part in norms if isinstance(part, _BatchNorm) or not isinstance(part, _NormBase)]
    return found or [name for name, part in module.named_modules() if not getattr(part, "samplewise", True)]


def bare(game: Game) -> Game:
    """The game without its penalties, which cost as much as all the rest.

    Example:
        >>> from gansmith.games import R1, InstanceNoise
        >>> bare(InstanceNoise(AdversarialGame(penalties=(R1(),)))).game.penalties
        ()
    """
    if isinstance(game, AdversarialGame):
        return replace(game, penalties=())
    inside: Any = game
    return replace(inside, game=bare(game.game)) if isinstance(game, Holding) else game


def _undecided(game: Game, outcome: Outcome) -> Tensor | None:
    """∂J_G/∂s (n,) where the discriminator gives everything a score of 0; None for a cost that is flat there."""
    names = ("real_scores", "fake_scores")
    zeros = {name: torch.zeros_like(outcome[name]).requires_grad_() for name in names}
    cost = game.costs(replace(outcome, values={**outcome.values, **zeros}), [GENERATOR])
    [slope] = gradients(cost, {GENERATOR: [zeros["fake_scores"]]})[GENERATOR]
    return slope if bool(slope.any()) else None


@contextmanager
def _untouched(players: Players, seed: int) -> Iterator[None]:
    """Inside, networks draw from `seed` and run as they are written; buffers and the random state come back."""
    compiled = {m: m._compiled_call_impl for p in players.values() for m in p.modules() if m._compiled_call_impl}
    for module in compiled:
        # A compiled network knows neither hooks nor second derivatives.
        module._compiled_call_impl = None
    try:
        with hypothetical(players):
            torch.manual_seed(seed)
            yield
    finally:
        for module, call in compiled.items():
            module._compiled_call_impl = call
