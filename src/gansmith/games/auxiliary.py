"""Labels by an auxiliary classifier: the discriminator also names the class, and the generator helps it to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from gansmith.games.adversarial import DISCRIMINATOR, GENERATOR
from gansmith.games.critic import class_logits, unveiled
from gansmith.games.wrapping import Around, holds
from gansmith.types import Costs, Game, Outcome, Players, Round

__all__ = ["AuxiliaryClassifier", "names_labels"]


@dataclass(frozen=True)
class AuxiliaryClassifier(Around):
    r"""A game with classes whose discriminator is not told the label, but asked for it (Odena et al. 2017).

    .. math::
        J_D = J_D^{\text{inside}} + w\,\big(\mathbb{E}[-\log C(y \mid x)] + \mathbb{E}[-\log C(y' \mid G(z, y'))]\big),
        \qquad J_G = J_G^{\text{inside}} + w_G\,\mathbb{E}[-\log C(y' \mid G(z, y'))]

    C is the softmax of the discriminator's ``logits`` (n, K), a head beside that of its score, as
    `gansmith.networks.Classifier` has it with a `score` of its own. The generator gains by samples that are easily
    classified, so classes may lose variety, the more the larger w_G is (Gong et al. 2019); a label that is
    projected, as without this game, has no such term.

    Rounds bring ``label`` and ``fake_label`` (n,). The game inside is played without ``label``: its generator is told
    what to draw and its discriminator judges as if there were no classes.

    Args:
        game: what is played with the scores.
        weight: w, at least 0.
        generator_weight: w_G, at least 0; the paper has 1 for both.
        generated: whether the discriminator learns to name generated samples too, as in the paper.

    Raises:
        ValueError: a weight is negative; when it is played, the discriminator has no method ``logits``, or the round no
            labels.

    Example:
        >>> from gansmith.networks import MLP, Classifier
        >>> networks = MLP(width=8)
        >>> players = {"generator": networks.generator((2,), latent=3, classes=4)}
        >>> players["discriminator"] = Classifier.of(networks.discriminator((2,)), classes=4, scored=True)
        >>> label = torch.tensor([0, 1, 2, 3])
        >>> streams = {"real": torch.zeros(4, 2), "latent": torch.zeros(4, 3), "label": label, "fake_label": label}
        >>> outcome = AuxiliaryClassifier().play(players, Round(streams), of=["generator"])
        >>> outcome["fake_logits"].shape
        torch.Size([4, 4])
    """

    weight: float = field(default=1.0, kw_only=True)
    generator_weight: float = field(default=1.0, kw_only=True)
    generated: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("weight", "generator_weight"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 0")

    def play(self, players: Players, round: Round, of: Collection[str]) -> Outcome:
        label, fake_label = round["label"], round["fake_label"]
        outcome = self.game.play(players, round.without("label"), of)
        asked = {"real": round["real"]} if DISCRIMINATOR in of else {}
        if GENERATOR in of or self.generated:
            asked["fake"] = outcome["fake"]
        judge, shown = unveiled(players[DISCRIMINATOR], asked)
        if getattr(judge, "samplewise", False):  # one pass over all
            whole = class_logits(judge, torch.cat(list(shown.values())))
            logits = dict(zip(shown, torch.split(whole, [len(x) for x in shown.values()]), strict=True))
        else:
            logits = {name: class_logits(judge, x) for name, x in shown.items()}
        values, makers = dict(outcome.values), dict(outcome.makers)
        for name, found in logits.items():
            values[f"{name}_logits"], makers[f"{name}_logits"] = found, frozenset({GENERATOR, DISCRIMINATOR})
        return replace(outcome, round=round.given(label=label, fake_label=fake_label), values=values, makers=makers)

    def costs(self, outcome: Outcome, of: Collection[str]) -> Costs:
        costs, round = dict(self.game.costs(outcome, of)), outcome.round

        def unnamed(name: str, label: str) -> Tensor:
            return round.mean(F.cross_entropy(outcome[name], round[label], reduction="none"))

        if DISCRIMINATOR in of:
            wrong = unnamed("real_logits", "label")
            if self.generated:
                wrong = wrong + unnamed("fake_logits", "fake_label")
            costs[DISCRIMINATOR] = costs[DISCRIMINATOR] + self.weight * wrong
        if GENERATOR in of:
            costs[GENERATOR] = costs[GENERATOR] + self.generator_weight * unnamed("fake_logits", "fake_label")
        return costs

    def signals(self, outcome: Outcome) -> Mapping[str, Tensor]:
        """Those of the game inside, and the shares of real and of generated samples that are named rightly."""
        signals = dict(self.game.signals(outcome))
        for signal, name, label in (
            ("classified", "real_logits", "label"),
            ("obeyed", "fake_logits", "fake_label"),
        ):
            if name in outcome.values:
                signals[signal] = (outcome[name].argmax(1) == outcome.round[label]).float().mean()
        return signals


def names_labels(game: Game) -> bool:
    """Whether a game, or one inside it, is an `AuxiliaryClassifier`.

    Example:
        >>> names_labels(AuxiliaryClassifier()), names_labels(Around())
        (True, False)
    """
    return holds(game, AuxiliaryClassifier)
