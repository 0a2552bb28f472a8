"""The pieces that a recipe is put together from, by the names under which files and flags know them."""

from __future__ import annotations

import inspect
import re
import reprlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gansmith.dynamics import (
    SGD,
    Adam,
    Alternating,
    Averaged,
    Clipped,
    Competitive,
    Consensus,
    Extragradient,
    Lookahead,
    Optimistic,
    OptimizerFactory,
    Simultaneous,
    SymplecticAdjustment,
    Unrolled,
)
from gansmith.games import (
    DRAGAN,
    FGAN,
    KL,
    R1,
    R2,
    WGANGP,
    AdversarialGame,
    Alpha,
    AuxiliaryClassifier,
    Consistency,
    Divergence,
    FeatureMatching,
    Flipped,
    GANDivergence,
    Hinge,
    HistoricalAveraging,
    InstanceNoise,
    JensenShannon,
    Jitter,
    LeastSquares,
    LeCam,
    Loss,
    MaximumLikelihood,
    Minimax,
    NonSaturating,
    Packed,
    PearsonChi2,
    Penalty,
    RelativisticAverage,
    RelativisticPaired,
    ReverseKL,
    SemiSupervised,
    Shift,
    SquaredHellinger,
    TotalVariation,
    Transformation,
    Wasserstein,
)
from gansmith.networks import DCGAN, MLP, Architecture, Maxout, Multiscale, NoisyMLP, Residual
from gansmith.types import Dynamics, Game

__all__ = ["SLOTS", "Slot", "address_of", "conforming", "in_words"]

LONGEST = 160  # characters of a value in a message


@dataclass(frozen=True, kw_only=True)
class Slot:
    """A place in a recipe that takes one of several pieces.

    Args:
        word: what such a piece is called in a sentence.
        members: the built-in pieces by name.
        needs: what a piece of one's own must have.
    """

    word: str
    members: Mapping[str, type]
    needs: tuple[str, ...]

    def tag(self, piece: object) -> str | None:
        """The name of a built-in piece, or None for one of somebody's own."""
        return next((tag for tag, kind in self.members.items() if type(piece) is kind), None)


SLOTS: Mapping[Any, Slot] = {
    Architecture: Slot(
        word="architecture",
        members={
            "mlp": MLP,
            "dcgan": DCGAN,
            "residual": Residual,
            "maxout": Maxout,
            "multiscale": Multiscale,
            "noisy_mlp": NoisyMLP,
        },
        needs=("generator", "discriminator"),
    ),
    Game: Slot(
        word="game",
        members={
            "adversarial": AdversarialGame,
            "flipped": Flipped,
            "instance_noise": InstanceNoise,
            "packed": Packed,
            "feature_matching": FeatureMatching,
            "historical_averaging": HistoricalAveraging,
            "semi_supervised": SemiSupervised,
            "auxiliary_classifier": AuxiliaryClassifier,
        },
        needs=("players", "init", "play", "costs"),
    ),
    Dynamics: Slot(
        word="dynamics",
        members={
            "alternating": Alternating,
            "simultaneous": Simultaneous,
            "unrolled": Unrolled,
            "extragradient": Extragradient,
            "optimistic": Optimistic,
            "consensus": Consensus,
            "symplectic": SymplecticAdjustment,
            "competitive": Competitive,
            "lookahead": Lookahead,
            "averaged": Averaged,
            "clipped": Clipped,
        },
        needs=("init", "step"),
    ),
    Loss: Slot(
        word="loss",
        members={
            "minimax": Minimax,
            "non_saturating": NonSaturating,
            "maximum_likelihood": MaximumLikelihood,
            "least_squares": LeastSquares,
            "hinge": Hinge,
            "wasserstein": Wasserstein,
            "relativistic_average": RelativisticAverage,
            "relativistic_paired": RelativisticPaired,
            "fgan": FGAN,
        },
        needs=("discriminator", "generator"),
    ),
    Divergence: Slot(
        word="divergence",
        members={
            "kl": KL,
            "reverse_kl": ReverseKL,
            "jensen_shannon": JensenShannon,
            "gan": GANDivergence,
            "pearson_chi2": PearsonChi2,
            "squared_hellinger": SquaredHellinger,
            "total_variation": TotalVariation,
            "alpha": Alpha,
        },
        needs=("f", "activation", "conjugate_activated"),
    ),
    Penalty: Slot(
        word="penalty",
        members={
            "r1": R1,
            "r2": R2,
            "wgan_gp": WGANGP,
            "dragan": DRAGAN,
            "lecam": LeCam,
            "consistency": Consistency,
        },
        needs=("name", "at", "__call__"),
    ),
    Transformation: Slot(word="transformation", members={"shift": Shift, "jitter": Jitter}, needs=("__call__",)),
    OptimizerFactory: Slot(word="optimizer", members={"adam": Adam, "sgd": SGD}, needs=("__call__",)),
}
"""Which pieces fit where, by the type of the field."""


def conforming(piece: Any, slot: Slot, address: str, at: str) -> Any:
    """A piece of somebody's own as an object that fits the slot; a class is called without arguments.

    Raises:
        ValueError: the object lacks what the slot needs.
    """
    if isinstance(piece, type) and slot.needs != ("__call__",):
        try:
            piece = piece()
        except TypeError as error:
            raise ValueError(
                f"{at}: {address} cannot be made without arguments ({error}); give them as args"
            ) from error
    lacking = [name for name in slot.needs if not hasattr(piece, name)]
    if lacking:
        raise ValueError(f"{at}: {address} is not a {slot.word}: it has no {lacking[0]!r}")
    return piece


def address_of(piece: Any) -> str | None:
    """The ``module:attribute`` under which an object can be imported again, or None.

    Example:
        >>> from gansmith.games import Hinge
        >>> address_of(Hinge), address_of(lambda: 0)
        ('gansmith.games.losses:Hinge', None)
    """
    name, module = getattr(piece, "__qualname__", None), getattr(piece, "__module__", None)
    if isinstance(name, str) and isinstance(module, str) and _importable(module) and _reaches(module, name, piece):
        return f"{module}:{name}"
    for module, loaded in sorted(sys.modules.items()):
        if loaded is not None and _importable(module):
            # A module may compute its attributes when asked; its dictionary holds what is really there.
            for attribute, value in list(vars(loaded).items()):
                if value is piece:
                    return f"{module}:{attribute}"
    return None


def in_words(value: Any) -> str:
    """A value as a short text for a message, without addresses in memory.

    Example:
        >>> in_words("x" * 100)
        "'xxxxxxxxxxxxxxxxxxxxxxxxxxxx...xxxxxxxxxxxxxxxxxxxxxxxxxxxxx'"
    """
    shortener = reprlib.Repr()
    shortener.maxstring = shortener.maxother = 62
    # Containers from a file may be huge, and only the shortener walks them with a limit.
    text = shortener.repr(value) if isinstance(value, str | Mapping | list | tuple) else repr(value)
    text = re.sub(r" at 0x[0-9a-f]+", "", text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _importable(module: str) -> bool:
    # What runs as a script, and modules made at run time, are not there when the run is opened again.
    return module != "__main__" and getattr(sys.modules.get(module), "__spec__", None) is not None


def _reaches(module: str, name: str, piece: Any) -> bool:
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = inspect.getattr_static(found, part, None)
    return found is piece
