"""Semi-supervised learning: the discriminator is also told some of the answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import torch.nn.functional as F
from torch import Tensor

from gansmith.games.adversarial import DISCRIMINATOR, AdversarialGame
from gansmith.games.critic import class_logits, unveiled
from gansmith.games.matching import FeatureMatching
from gansmith.games.wrapping import Around, holds
from gansmith.types import Costs, Game, Outcome, Players, Round

__all__ = ["SemiSupervised", "learns_labels"]


@dataclass(frozen=True)
class SemiSupervised(Around):
    r"""A game whose discriminator also learns to classify from the few samples that have labels (Salimans et al. 2016).

    .. math:: J_D = w\,J_D^{\text{inside}} + \mathbb{E}_{(x, y)}\Big[\log \sum_k \exp l_k(x) - l_y(x)\Big]

    Three kinds of data are kept apart: ``labelled`` (n, ...) with their ``answer`` (n,), ``real`` without labels, and
    what is generated. The discriminator has a method ``logits`` (n, K) besides its score, which is to be
    log Σ exp l_k, as that of `gansmith.networks.Classifier` is: then the game inside is that of sect. 5 with K + 1
    classes, the last logit being 0. With the paper's networks the generator matches features; it is not told of labels.

    Args:
        game: what is played with the scores; the authors' weight of 1/2 for real and for generated samples is w.
        weight: w, at least 0; with 0, the discriminator learns from labels alone.

    Raises:
        ValueError: the weight is negative; when it is played, the discriminator has no method ``logits``, or the round
            no labelled samples.

    Example:
        >>> import torch
        >>> from gansmith.networks import MLP, Classifier
        >>> networks = MLP(width=8)
        >>> players = {"generator": networks.generator((2,), latent=3)}
        >>> players["discriminator"] = Classifier.of(networks.discriminator((2,)), classes=4)
        >>> streams = {"real": torch.zeros(6, 2), "latent": torch.zeros(6, 3), "labelled": torch.ones(6, 2)}
        >>> round = Round(streams | {"answer": torch.tensor([0, 1, 2, 3, 0, 1])})
        >>> game = SemiSupervised()
        >>> sorted(game.costs(game.play(players, round, of=["discriminator"]), of=["discriminator"]))
        ['discriminator']
    """

    game: Game = FeatureMatching(AdversarialGame(joint=True))
    weight: float = field(default=0.5, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.weight >= 0:
            raise ValueError(f"weight is {self.weight}; it must be at least 0")

    def play(self, players: Players, round: Round, of: Collection[str]) -> Outcome:
        outcome = self.game.play(players, round, of)
        if DISCRIMINATOR not in of:
            return outcome
        judge, shown = unveiled(players[DISCRIMINATOR], {"labelled": round["labelled"]})
        logits = class_logits(judge, shown["labelled"])
        values, makers = {**outcome.values, "logits": logits}, {**outcome.makers, "logits": frozenset({DISCRIMINATOR})}
        return replace(outcome, values=values, makers=makers)

    def costs(self, outcome: Outcome, of: Collection[str]) -> Costs:
        costs = dict(self.game.costs(outcome, of))
        if DISCRIMINATOR in of:
            terms = F.cross_entropy(outcome["logits"], outcome.round["answer"], reduction="none")
            costs[DISCRIMINATOR] = self.weight * costs[DISCRIMINATOR] + outcome.round.mean(terms)
        return costs

    def signals(self, outcome: Outcome) -> Mapping[str, Tensor]:
        """Those of the game inside, and the share of labelled samples that are classified rightly."""
        signals = dict(self.game.signals(outcome))
        if "logits" in outcome.values:
            right = outcome["logits"].argmax(1) == outcome.round["answer"]
            signals["classified"] = right.float().mean()
        return signals


def learns_labels(game: Game) -> bool:
    """Whether a game, or one inside it, is a `SemiSupervised`.

    Example:
        >>> learns_labels(AdversarialGame()), learns_labels(SemiSupervised(AdversarialGame()))
        (False, True)
    """
    return holds(game, SemiSupervised)
