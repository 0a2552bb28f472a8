"""A classifier that learns from few labels and many samples without, for whoever knows scikit-learn."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn

from gansmith.data.mixing import Endless, permutation
from gansmith.dynamics import Adam, Alternating, Schedule, play
from gansmith.games import AdversarialGame, FeatureMatching, SemiSupervised, learns_labels
from gansmith.networks import Architecture, Fitting, Generator, Known, NoisyMLP, classifier, samplewise
from gansmith.training.average import MovingAverage
from gansmith.training.engine import DeviceEngine, pick_device, pick_precision
from gansmith.training.recipe import Averaging
from gansmith.types import Draw, Game, Result, Round, key_seed

__all__ = ["SemiSupervisedClassifier"]

UNLABELLED = -1
PRECISIONS = ("auto", "float32", "bfloat16")


class SemiSupervisedClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Improved-GAN classification (Salimans et al. 2016, sect. 5) behind scikit-learn's interface.

    A discriminator tells K classes from each other where a label is known, and real samples from generated ones
    everywhere; a generator matches its features. What classifies afterwards is the discriminator's moving average.

    The defaults are those of the paper for digits, but for the number of steps, which there is 180,000.

    Args:
        steps: moves of each player.
        networks: builds the players; the paper's by default. One without a method ``classifier`` gives its
            discriminator's body, and a linear map to the classes is put behind it.
        game: what is played; by default, the generator matches features.
        image_shape: samples are images (C, H, W), given flat or in that shape, with values from 0 to 255 if they are of
            an integer type, else from 0 to 1. By default they are vectors, each column of which is standardised.
        batch: samples of each of the three kinds in a step.
        latent: numbers that the generator starts from.
        lr: learning rate of both players' Adam.
        decay: the share of the steps, at the end, in which the learning rate falls to 0 along a half cosine.
        half_life: of the average, in steps, and at most a twentieth of the steps made so far.
        random_state: decides everything; None takes a new one each time.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        precision: ``auto``, ``float32`` or ``bfloat16``.
        verbose: print how it goes, twenty times.

    Attributes:
        classes_: the classes (K,).
        n_features_in_: numbers in a sample.
        classifier_: the averaged network, `gansmith.networks.Classifier`.
        generator_: the generator's network.
        n_iter_: steps that were made.

    Raises:
        ValueError: there are fewer than two classes among the labels, samples do not have the shape, or the players'
            weights have become infinite.

    Example:
        >>> from sklearn.datasets import make_moons
        >>> X, y = make_moons(200, noise=0.1, random_state=0)
        >>> known = np.where(np.arange(200) < 20, y, -1)  # 20 labels; -1 stands for those that are not known
        >>> small = NoisyMLP(width=32, layers=(64, 32), input_noise=0.1, noise=0.1)
        >>> found = SemiSupervisedClassifier(steps=300, networks=small, latent=8, random_state=0).fit(X, known)
        >>> found.score(X, y) > 0.9
        True
    """

    def __init__(
        self,
        *,
        steps: int = 20_000,
        networks: Architecture | None = None,
        game: Game | None = None,
        image_shape: tuple[int, int, int] | None = None,
        batch: int = 100,
        latent: int = 100,
        lr: float = 3e-3,
        decay: float = 0.0,
        half_life: float = 7_000.0,
        random_state: int | np.random.RandomState | None = None,
        device: str = "auto",
        precision: str = "auto",
        verbose: bool = False,
    ) -> None:
        self.steps = steps
        self.networks = networks
        self.game = game
        self.image_shape = image_shape
        self.batch = batch
        self.latent = latent
        self.lr = lr
        self.decay = decay
        self.half_life = half_life
        self.random_state = random_state
        self.device = device
        self.precision = precision
        self.verbose = verbose

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> SemiSupervisedClassifier:
        """Learn from samples X (n, ...) and labels y (n,), where -1 says that a label is not known.

        Names stand beside -1 in an array of dtype object, as elsewhere in scikit-learn.
        """
        X, y = self._checked(X, y)
        known = np.array([isinstance(label, str) or label != UNLABELLED for label in y.tolist()])
        labels = np.array(y[known].tolist()) if y.dtype == object else y[known]
        check_classification_targets(labels)
        self.classes_, answers = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"Classifier can't train when only one class is present: {self.classes_.tolist()}")
        device = pick_device(self.device)
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            self._train(X, torch.from_numpy(np.flatnonzero(known)), torch.from_numpy(answers), device)
        return self

    def _train(self, X: npt.NDArray[Any], rows: Tensor, answers: Tensor, device: torch.device) -> None:
        """Play the game, and keep the players."""
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        engine = DeviceEngine(device, precision=pick_precision(self.precision, device))  # type: ignore[arg-type]
        samples, shape = self._prepared(X, fresh=True)
        players = self._players(shape, samples, seed)
        game = self.game
        if game is None:  # in one pass, where that is the same
            game = SemiSupervised(FeatureMatching(AdversarialGame(joint=samplewise(players["discriminator"]))))
        engine.prepare(game, players)
        on = samples.to(device), rows.to(device), answers.to(device)
        feed = _Feed(*on, batch=self.batch, latent=self.latent, seed=seed)
        hold = self.steps - int(self.decay * self.steps)
        schedule = Schedule(hold=hold, decay=self.steps - hold)
        dynamics = Alternating(optimizer=Adam(lr=self.lr, beta1=0.5), schedule=schedule)
        average = MovingAverage(players["discriminator"], Averaging(half_life=self.half_life))

        def follow(step: int, result: Result) -> None:
            average.update(players["discriminator"], step + 1)
            if self.verbose and (step + 1) % max(1, self.steps // 20) == 0:
                told = {**{f"cost of the {name}": cost for name, cost in result.costs.items()}, **result.signals}
                words = ", ".join(f"{name} {float(value):.3g}" for name, value in told.items())
                print(f"step {step + 1:,} of {self.steps:,}: {words}", flush=True)

        play(game, dynamics, players, feed, steps=self.steps, engine=engine, watch=follow)
        if not all(bool(p.isfinite().all()) for p in average.module.parameters()):
            raise ValueError(f"training has diverged: lower lr, which is {self.lr}")
        self.classifier_, self.generator_ = average.module, players["generator"].eval()
        self.n_iter_ = self.steps

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """The most probable class of each sample, (n,)."""
        places = self.decision_logits(X).argmax(1).numpy()
        found: npt.NDArray[Any] = self.classes_[places]
        return found

    def predict_proba(self, X: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The classes' probabilities, (n, K), in the order of ``classes_``."""
        found: npt.NDArray[np.float64] = self.decision_logits(X).double().softmax(1).numpy()
        return found

    def decision_logits(self, X: npt.ArrayLike) -> Tensor:
        """The logits (n, K), on the CPU."""
        check_is_fitted(self)
        checked = validate_data(self, X, dtype=None, allow_nd=True, ensure_2d=self.image_shape is None, reset=False)
        samples, _ = self._prepared(np.asarray(checked), fresh=False)
        classifier: Any = self.classifier_
        device = next(classifier.parameters()).device
        with torch.no_grad():
            parts = [classifier.logits(part.to(device)).cpu() for part in torch.split(samples, 1000)]
        return torch.cat(parts)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = self.image_shape is not None
        tags.non_deterministic = self.random_state is None
        return tags

    def _checked(self, X: npt.ArrayLike, y: npt.ArrayLike) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Samples and labels as scikit-learn wants them."""
        flat = self.image_shape is None
        checked = validate_data(self, X, y, dtype=None, allow_nd=True, ensure_2d=flat, ensure_min_samples=2)
        samples, labels = np.asarray(checked[0]), np.asarray(checked[1])
        for name in ("steps", "batch", "latent"):
            if not isinstance(getattr(self, name), numbers.Integral) or getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it must be a whole number, at least 1")
        if not 0 <= self.decay <= 1:
            raise ValueError(f"decay is {self.decay}; it is a share of the steps, in [0, 1]")
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision is {self.precision!r}; it must be one of {', '.join(PRECISIONS)}")
        if self.game is not None and not learns_labels(self.game):
            name = type(self.game).__name__
            raise ValueError(f"{name} is told no labels; put it into a SemiSupervised: SemiSupervised({name}(...))")
        return samples, labels

    def _prepared(self, X: npt.NDArray[Any], *, fresh: bool) -> tuple[Tensor, tuple[int, ...]]:
        """Samples as the networks want them, (n, *shape)."""
        if self.image_shape is not None:
            if X[0].size != np.prod(self.image_shape):
                raise ValueError(f"samples of shape {X.shape[1:]} are no images of image_shape={self.image_shape}")
            scale = 255.0 if X.dtype.kind in "iu" else 1.0
            if X.min() < 0 or X.max() > scale:
                raise ValueError(
                    f"pixels of type {X.dtype} go from 0 to {scale:g}, and these from {X.min():g} to {X.max():g}"
                )
            images = np.asarray(X, np.float32).reshape(len(X), *self.image_shape) / scale * 2 - 1
            return torch.from_numpy(images), tuple(self.image_shape)
        if fresh:
            self._scaler = StandardScaler().fit(X)
        return torch.from_numpy(self._scaler.transform(X).astype(np.float32)), (X.shape[1],)

    def _players(self, shape: tuple[int, ...], samples: Tensor, seed: int) -> dict[str, nn.Module]:
        """Both players before their first move."""
        networks: Any = NoisyMLP() if self.networks is None else self.networks
        torch.manual_seed(key_seed(seed, "weights"))
        generator = networks.generator(shape, latent=self.latent)
        discriminator = classifier(networks, shape, classes=len(self.classes_))
        if isinstance(networks, Fitting):
            order = torch.from_numpy(permutation(len(samples), seed=key_seed(seed, "some")))
            known = Known(mean=lambda: samples.mean(0), some=lambda count: samples[order[:count]])
            networks.fit(generator, discriminator, known)
        if isinstance(generator, Generator) and generator.reference:
            generator.refer(torch.rand(generator.reference, self.latent))  # uniform, as rounds have it
        return {"generator": generator, "discriminator": discriminator}


class _Feed:
    """Rounds of three kinds of samples: labelled, unlabelled, and latents; a pure function of the seed and the step."""

    def __init__(self, samples: Tensor, rows: Tensor, answers: Tensor, *, batch: int, latent: int, seed: int) -> None:
        self.samples, self.labelled, self.answers = samples, samples[rows], answers
        self.batch, self.latent, self.seed = batch, latent, seed
        self._few: dict[int, Endless] = {}
        self._many: dict[int, Endless] = {}

    def __call__(self, step: int) -> Draw:
        return lambda substep: self._round(step, substep)

    def _round(self, step: int, substep: int) -> Round:
        if substep not in self._few:
            self._few[substep] = Endless(len(self.labelled), seed=key_seed(self.seed, "labelled", substep))
            self._many[substep] = Endless(len(self.samples), seed=key_seed(self.seed, "unlabelled", substep))
        positions = np.arange(step * self.batch, (step + 1) * self.batch)
        few, many = (torch.from_numpy(order[substep](positions)) for order in (self._few, self._many))
        streams = {"real": self.samples[many], "labelled": self.labelled[few], "answer": self.answers[few]}
        round = Round(streams, (self.seed, "round", step, substep))
        return round.given(latent=round.uniform("latent", self.latent))
