"""The two-player game: a discriminator that tells real from generated, and a generator that would not be told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gansmith.games.check import check_players
from gansmith.games.critic import Critic
from gansmith.games.loss import Loss, check_apart
from gansmith.games.losses import NonSaturating
from gansmith.games.penalties import Penalty, Remembering
from gansmith.types import Costs, Outcome, Players, Round, State, check_piece

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
        ValueError: a piece is no loss or no penalty, or two penalties have the same name.

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
        check_piece(self.loss, Loss, "loss", "NonSaturating()")
        if not isinstance(self.penalties, Sequence):
            raise ValueError(f"penalties is {self.penalties!r}; put it in a tuple, even where there is one: (R1(),)")
        for penalty in self.penalties:
            check_piece(penalty, Penalty, "a penalty", "R1()")
        names = [penalty.name for penalty in self.penalties]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"the penalty {min(twice)!r} is there twice; add the weights up, or give one another name")

    @property
    def players(self) -> tuple[str, ...]:
        return (DISCRIMINATOR, GENERATOR)

    @property
    def samplewise(self) -> bool:
        # What a penalty remembers are means over the batch.
        return not self.loss.batchwise and not self._remembering

    def init(self, players: Players) -> State:
        check_players(self, players)
        check_apart(self.loss)
        return {penalty.name: penalty.init() for penalty in self._remembering}

    def play(self, players: Players, round: Round, of: Collection[str]) -> Outcome:
        fake = round["fake"] if "fake" in round else self.generate(players[GENERATOR], round)
        judged = DISCRIMINATOR in of
        points = {"real": round["real"], "fake": fake} if judged or self.loss.relative else {"fake": fake}
        labels = {"real": round["label"], "fake": round["fake_label"]} if "label" in round else None
        values = self.judge(players[DISCRIMINATOR], points, round, labels=labels, penalised=judged)
        makers = dict.fromkeys(values, _BOTH) | {"fake": _G}
        if "real_scores" in values and not self.joint:
            makers["real_scores"] = _D
        return Outcome(round, {"fake": fake} | values, makers)

    def generate(self, generator: Callable[..., Tensor], round: Round) -> Tensor:
        """The generator's samples for the round's latents, and for its labels where there are any."""
        latent = round["latent"]
        fake: Tensor = generator(latent, round["fake_label"]) if "fake_label" in round else generator(latent)
        return fake

    def judge(
        self,
        discriminator: Callable[..., Tensor],
        points: dict[str, Tensor],
        round: Round,
        *,
        labels: dict[str, Tensor] | None = None,
        penalised: bool = False,
    ) -> dict[str, Tensor]:
        """The discriminator's scores of all `points` and, when `penalised`, what its penalties charge.

        A game with more players than two is made of such judgements.

        Args:
            discriminator: called as ``D(x)``, with labels as ``D(x, label)``.
            points: samples (n, ...) under ``real``, ``fake``, or both; penalties need both.
            round: where penalties draw their noise and find their memory.
            labels: the labels of each point; None where there are none.
            penalised: evaluate the penalties.

        Returns:
            ``real_scores`` and ``fake_scores`` (n,) for the points that are there, and each penalty's terms (n,) under
            its name.

        Raises:
            ValueError: real and generated samples differ in shape.
        """
        real, fake = points.get("real"), points.get("fake")
        if real is not None and fake is not None and real.shape != fake.shape:
            raise ValueError(
                f"the generator made samples of shape {tuple(fake.shape)} where the real ones are "
                f"{tuple(real.shape)}; make its output shape that of the data"
            )
        penalties = self.penalties if penalised else ()
        wanted = {name for penalty in penalties for name in penalty.at}
        critic = Critic(discriminator, points, labels, differentiable=wanted, joint=self.joint)
        values = {f"{name}_scores": critic.scores(name) for name in points}
        for penalty in penalties:
            values[penalty.name] = penalty(critic, round.recall(round.memory.get(penalty.name, {})))
        return values

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
            ranked = fake.sort().values
            below, up_to = (torch.searchsorted(ranked, real.contiguous(), right=ties) for ties in (False, True))
            signals |= {"real_score": real.mean(), "accuracy": (below + up_to).to(fake.dtype).mean() / (2 * len(fake))}
        return signals | {p.name: outcome[p.name].detach().mean() for p in self.penalties if p.name in outcome.values}

    def remember(self, memory: State, outcome: Outcome) -> State:
        moved = [penalty for penalty in self._remembering if penalty.name in outcome.values]
        return memory | {penalty.name: penalty.remember(memory[penalty.name], outcome) for penalty in moved}

    @property
    def _remembering(self) -> list[Remembering]:
        return [penalty for penalty in self.penalties if isinstance(penalty, Remembering)]


def _per_sample(terms: Tensor, scores: Tensor, who: str) -> Tensor:
    if terms.shape != scores.shape:
        raise ValueError(
            f"{who} returned shape {tuple(terms.shape)}; it must keep one term per sample, shape {tuple(scores.shape)}"
        )
    return terms
