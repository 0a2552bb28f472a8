"""The two-player game: a discriminator that tells real from generated, and a generator that would not be told."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from torch import Tensor

from gansmith.games.critic import Critic
from gansmith.games.loss import Loss, check_apart
from gansmith.games.losses import NonSaturating
from gansmith.games.penalties import Penalty
from gansmith.types import Costs, Outcome, Players, Round, State

__all__ = ["AdversarialGame"]

GENERATOR, DISCRIMINATOR = "generator", "discriminator"
_BOTH, _G, _D = frozenset({GENERATOR, DISCRIMINATOR}), frozenset({GENERATOR}), frozenset({DISCRIMINATOR})


@dataclass(frozen=True)
class AdversarialGame:
    """The adversarial game (Goodfellow et al. 2014): any loss of the scores, with any penalties on the discriminator.

    Rounds bring the streams ``real`` (n, ...) and ``latent`` (n, d); with classes, ``label`` and ``fake_label`` (n,).
    The players are called as ``G(latent)`` and ``D(x)``, with classes as ``G(latent, fake_label)`` and ``D(x, label)``.

    Args:
        loss: what the players want, as terms of the scores.
        penalties: what the discriminator pays besides.
        joint: one pass of the discriminator over real and generated samples together. The same mathematics for a
            discriminator that treats samples apart; with batch normalisation its statistics are those of the mixture.

    Raises:
        ValueError: two penalties have the same name.

    Example:
        >>> import torch
        >>> from gansmith.games import R1
        >>> game = AdversarialGame(NonSaturating(), penalties=(R1(gamma=1.0),))
        >>> players = {"generator": torch.nn.Linear(3, 2), "discriminator": torch.nn.Linear(2, 1)}
        >>> round = Round({"real": torch.zeros(4, 2), "latent": torch.zeros(4, 3)})
        >>> outcome = game.play(players, round, of=["discriminator"])
        >>> sorted(game.costs(outcome, of=["discriminator"]))
        ['discriminator']
    """

    loss: Loss = NonSaturating()
    penalties: tuple[Penalty, ...] = ()
    joint: bool = False

    def __post_init__(self) -> None:
        names = [penalty.name for penalty in self.penalties]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"the penalty {min(twice)!r} is there twice; add the weights up, or give one another name")

    @property
    def players(self) -> tuple[str, ...]:
        return (DISCRIMINATOR, GENERATOR)

    @property
    def samplewise(self) -> bool:
        return not self.loss.batchwise

    def init(self, players: Players) -> State:
        if missing := set(self.players) - set(players):
            raise ValueError(
                f"the adversarial game needs the players {', '.join(self.players)}; "
                f"missing: {', '.join(sorted(missing))}"
            )
        check_apart(self.loss)
        return {}

    def play(self, players: Players, round: Round, of: Collection[str]) -> Outcome:
        fake = round["fake"] if "fake" in round else self._generate(players, round)
        judged = DISCRIMINATOR in of
        points = {"fake": fake}
        if judged or self.loss.relative:
            points = {"real": round["real"], "fake": fake}
            if round["real"].shape != fake.shape:
                raise ValueError(
                    f"the generator made samples of shape {tuple(fake.shape)} where the real ones are "
                    f"{tuple(round['real'].shape)}; make its output shape that of the data"
                )
        labels = {"real": round["label"], "fake": round["fake_label"]} if "label" in round else None
        wanted = frozenset().union(*(p.at for p in self.penalties)) if judged else frozenset()
        critic = Critic(players[DISCRIMINATOR], points, labels, differentiable=wanted, joint=self.joint)

        values, makers = {"fake": fake}, {"fake": _G}
        for name in points:
            values[f"{name}_scores"], makers[f"{name}_scores"] = critic.scores(name), _D if name == "real" else _BOTH
        if judged:
            for penalty in self.penalties:
                values[penalty.name], makers[penalty.name] = penalty(critic, round), _BOTH
        return Outcome(round, values, makers)

    def costs(self, outcome: Outcome, of: Collection[str]) -> Costs:
        mean, real, fake = outcome.round.mean, outcome.values.get("real_scores"), outcome["fake_scores"]
        arguments = (real, fake, mean) if self.loss.batchwise else (real, fake)
        costs: dict[str, Tensor] = {}
        if DISCRIMINATOR in of:
            terms = _per_sample(self.loss.discriminator(*arguments), fake, "the loss's discriminator function")
            for penalty in self.penalties:
                terms = terms + _per_sample(outcome[penalty.name], fake, f"the penalty {penalty.name!r}")
            costs[DISCRIMINATOR] = mean(terms)
        if GENERATOR in of:
            costs[GENERATOR] = mean(_per_sample(self.loss.generator(*arguments), fake, "the loss's generator function"))
        return costs

    def signals(self, outcome: Outcome) -> Mapping[str, Tensor]:
        """The mean scores, how often the discriminator is right, and each penalty's mean, over the rows that are here.

        Right means that it scores a real sample above a generated one; over all pairs, with ties as halves. Unlike a
        threshold, this means the same for every loss: 1/2 where it sees no difference, 1 where it sees them all.
        """
        real, fake = outcome.values.get("real_scores"), outcome["fake_scores"].detach()
        signals = {"fake_score": fake.mean()}
        if real is not None:
            real = real.detach()
            right = (1 + (real[:, None] - fake).sign()) / 2
            signals |= {"real_score": real.mean(), "accuracy": right.mean()}
        return signals | {p.name: outcome[p.name].detach().mean() for p in self.penalties if p.name in outcome.values}

    def remember(self, memory: State, outcome: Outcome) -> State:
        return memory

    def _generate(self, players: Players, round: Round) -> Tensor:
        generator, latent = players[GENERATOR], round["latent"]
        fake: Tensor = generator(latent, round["fake_label"]) if "fake_label" in round else generator(latent)
        return fake


def _per_sample(terms: Tensor, scores: Tensor, who: str) -> Tensor:
    if terms.shape != scores.shape:
        raise ValueError(
            f"{who} returned shape {tuple(terms.shape)}; it must keep one term per sample, shape {tuple(scores.shape)}"
        )
    return terms
