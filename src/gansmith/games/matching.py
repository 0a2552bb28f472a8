"""Feature matching: the generator wants its samples to have the mean features of real ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from gansmith.games.adversarial import DISCRIMINATOR, GENERATOR, AdversarialGame
from gansmith.games.critic import unveiled
from gansmith.games.wrapping import Around, check_adversarial
from gansmith.types import Costs, Game, Outcome, Players, Round, widened

__all__ = ["FeatureMatching", "features"]


def features(discriminator: Any, x: Tensor) -> Tensor:
    """A discriminator's features (n, F) of samples x (n, ...), by its method ``features``.

    Raises:
        ValueError: it has no such method.

    Example:
        >>> from gansmith.networks import MLP
        >>> import torch
        >>> features(MLP(width=7).discriminator((2,)), torch.zeros(3, 2)).shape
        torch.Size([3, 7])
    """
    if not hasattr(discriminator, "features"):
        raise ValueError(
            f"{type(discriminator).__name__} has no features to match; give it a method features(x) -> (n, F)"
        )
    found: Tensor = widened(discriminator.features(x).flatten(1))
    return found


@dataclass(frozen=True)
class FeatureMatching(Around):
    r"""An adversarial game whose generator matches means of the discriminator's features (Salimans et al. 2016, 3.1).

    .. math:: J_G = w\,d\big(\mathbb{E}\,f(x), \mathbb{E}\,f(G(z))\big) + a\,J_G^{\text{inside}}

    with f the discriminator's last hidden features and d the mean over them of squared or of absolute differences; both
    are in the authors' code, for digits and for photographs, and the sum that the paper writes differs by a factor
    alone. The discriminator plays as ever. The means are over the whole batch, however many processes share it.

    Args:
        game: what the discriminator plays, and the generator's share a of it; where it is `joint`, features are too.
        weight: w, above 0.
        adversarial: a, at least 0.
        distance: "squared" or "absolute".

    Raises:
        ValueError: a number is outside its range, or the game inside is no `AdversarialGame`; when it is played, the
            discriminator has no method ``features``.

    Example:
        >>> import torch
        >>> from gansmith.networks import MLP
        >>> players = {"generator": torch.nn.Linear(3, 2), "discriminator": MLP(width=8).discriminator((2,))}
        >>> round = Round({"real": torch.zeros(4, 2), "latent": torch.zeros(4, 3)})
        >>> game = FeatureMatching()
        >>> sorted(game.play(players, round, of=["generator"]).values)
        ['fake', 'fake_features', 'real_features']
    """

    game: Game = AdversarialGame()
    weight: float = field(default=1.0, kw_only=True)
    adversarial: float = field(default=0.0, kw_only=True)
    distance: Literal["squared", "absolute"] = field(default="squared", kw_only=True)

    def __post_init__(self) -> None:
        check_adversarial(self.game, self)
        if not self.weight > 0:
            raise ValueError(f"weight is {self.weight}; it must be above 0")
        if not self.adversarial >= 0:
            raise ValueError(f"adversarial is {self.adversarial}; it must be at least 0")
        if self.distance not in ("squared", "absolute"):
            raise ValueError(f"distance is {self.distance!r}; it must be 'squared' or 'absolute'")

    @property
    def samplewise(self) -> bool:
        """A distance between means is no mean of distances."""
        return False

    def play(self, players: Players, round: Round, of: Collection[str]) -> Outcome:
        inside_game = check_adversarial(self.game, self)
        fake = round["fake"] if "fake" in round else inside_game.generate(players[GENERATOR], round)
        told = round.given(fake=fake)
        values: dict[str, Tensor] = {"fake": fake}
        makers = {"fake": frozenset({GENERATOR})}
        if inside := self._inside(of):
            contest = self.game.play(players, told, inside)
            values, makers = {**contest.values}, {**contest.makers}
        if GENERATOR in of:
            judge, shown = unveiled(players[DISCRIMINATOR], {"real": round["real"], "fake": fake})
            if inside_game.joint:
                whole = features(judge, torch.cat(list(shown.values())))
                parts = torch.split(whole, [len(x) for x in shown.values()])
            else:
                parts = tuple(features(judge, x) for x in shown.values())
            values["real_features"], values["fake_features"] = parts
            makers["fake_features"] = frozenset({GENERATOR, DISCRIMINATOR})
            makers["real_features"] = makers["fake_features"] if inside_game.joint else frozenset({DISCRIMINATOR})
        return Outcome(round, values, makers)

    def costs(self, outcome: Outcome, of: Collection[str]) -> Costs:
        inside, mean = self._inside(of), outcome.round.mean
        costs = dict(self.game.costs(outcome, inside)) if inside else {}
        if GENERATOR in of:
            apart = mean(outcome["real_features"]) - mean(outcome["fake_features"])
            matched = (apart.square() if self.distance == "squared" else apart.abs()).mean()
            costs[GENERATOR] = self.weight * matched + self.adversarial * costs.get(GENERATOR, 0.0)
        return costs

    def signals(self, outcome: Outcome) -> Mapping[str, Tensor]:
        """Those of the game inside, where it was played."""
        return self.game.signals(outcome) if "fake_scores" in outcome.values else {}

    def _inside(self, of: Collection[str]) -> list[str]:
        """Who plays the game inside."""
        return [player for player in of if player != GENERATOR or self.adversarial]
