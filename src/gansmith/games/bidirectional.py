"""A discriminator of pairs, a generator, and an encoder that learns to undo it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from gansmith.games.adversarial import DISCRIMINATOR, GENERATOR, AdversarialGame
from gansmith.games.check import check_players
from gansmith.games.loss import Loss
from gansmith.games.wrapping import Holding
from gansmith.types import Costs, Outcome, Players, Round, State

__all__ = ["BiGAN", "undecided_score"]

ENCODER = "encoder"
_D, _G, _E = DISCRIMINATOR, GENERATOR, ENCODER


@dataclass(frozen=True)
class BiGAN(Holding):
    """Adversarial feature learning (Donahue et al. 2017, eqs. 2 and 3; Dumoulin et al. 2017 call it ALI).

    The discriminator tells pairs (x, E(x)) of real samples and their codes from pairs (G(z), z) of latents and what is
    made of them; the generator and the encoder would have both kinds alike::

        V(D, E, G) = E_x[log D(x, E(x))] + E_z[log(1 − D(G(z), z))]

    At the optimum the two joint distributions agree, and deterministic E and G are each other's inverse (Donahue et
    al. 2017, theorem 2). The generator pays the loss's generator term. The encoder pays the same term of the other
    pairs, with their scores mirrored at that of a discriminator which cannot tell: log D(x, E(x)) under `Minimax`, and
    −log(1 − D(x, E(x))) under `NonSaturating`, which is the objective with real and generated exchanged.

    Rounds bring ``real`` (n, ...) and ``latent`` (n, d). The players are called as ``G(z)``, ``E(x)``, which returns
    (n, d), and ``D(x, z)``. A penalty takes a pair as one vector: it reads the slope with respect to both parts
    together, and a weight that it would choose by resolution is that for vectors.

    Args:
        game: the loss, the penalties, and whether pairs are judged in one pass.

    Raises:
        ValueError: when it begins, the loss has no score at which the discriminator would stay; when it is played,
            samples or codes are not of the shape of the data or the latents.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> class Pairs(torch.nn.Bilinear):
        ...     '''D(x, z) = xᵀAz + b'''
        >>> players = {"discriminator": Pairs(2, 3, 1), "generator": torch.nn.Linear(3, 2)}
        >>> players["encoder"] = torch.nn.Linear(2, 3)
        >>> game, round = BiGAN(), Round({"real": torch.ones(4, 2), "latent": torch.ones(4, 3)})
        >>> outcome = game.play(players, round, of=["encoder"])
        >>> sorted(outcome.values), sorted(game.costs(outcome, of=["encoder"]))
        (['encoded', 'real_scores'], ['encoder'])
    """

    game: AdversarialGame = AdversarialGame()

    @property
    def players(self) -> tuple[str, ...]:
        return (_D, _E, _G)

    @cached_property
    def _middle(self) -> float:
        return undecided_score(self.game.loss)

    def init(self, players: Players) -> State:
        check_players(self, players)
        _ = self._middle
        return super().init(players)

    def play(self, players: Players, round: Round, of: Collection[str]) -> Outcome:
        real, latent, values = round["real"], round["latent"], {}
        both = _D in of or self.game.loss.relative
        if both or _G in of or "fake" in round:
            values["fake"] = _alike("generator", round["fake"] if "fake" in round else players[_G](latent), real)
        if both or _E in of or "encoded" in round:
            values["encoded"] = _alike("encoder", round["encoded"] if "encoded" in round else players[_E](real), latent)
        points = {}
        if both or _E in of:
            points["real"] = _pair(real, values["encoded"])
        if both or _G in of:
            points["fake"] = _pair(values["fake"], latent)

        def judge(pairs: Tensor) -> Tensor:
            x, z = torch.split(pairs, [real[0].numel(), latent[0].numel()], 1)
            score: Tensor = players[_D](x.view(-1, *real.shape[1:]), z.view(-1, *latent.shape[1:]))
            return score

        makers = {"fake": {_G}, "encoded": {_E}}
        if not self.game.joint:
            makers |= {"real_scores": {_D, _E}, "fake_scores": {_D, _G}}
        values |= self.game.judge(judge, points, round, penalised=_D in of)
        return Outcome(round, values, {name: frozenset(makers.get(name, {_D, _E, _G})) for name in values})

    def costs(self, outcome: Outcome, of: Collection[str]) -> Costs:
        rivals = [name for name in of if name != ENCODER]
        costs = dict(self.game.costs(outcome, rivals)) if rivals else {}
        if ENCODER in of:
            swapped = {"real_scores": "fake_scores", "fake_scores": "real_scores"}
            mirrored = {
                name: 2 * self._middle - outcome[other] for name, other in swapped.items() if other in outcome.values
            }
            costs[ENCODER] = self.game.costs(replace(outcome, values=mirrored), [GENERATOR])[GENERATOR]
        return costs

    def signals(self, outcome: Outcome) -> Mapping[str, Tensor]:
        return self.game.signals(outcome) if "fake_scores" in outcome.values else {}


def undecided_score(loss: Loss) -> float:
    """The score s that a discriminator gives when it cannot tell: where the loss's ``discriminator(s, s)`` is smallest.

    It is 0 where several are, as in games of differences.

    Raises:
        ValueError: no score in [−100, 100] is smallest.

    Example:
        >>> from gansmith.games import LeastSquares, NonSaturating
        >>> undecided_score(NonSaturating()), round(undecided_score(LeastSquares()), 6)
        (0.0, 0.5)
    """

    def slope(at: float) -> float:
        s = torch.full((1,), at, dtype=torch.float64, requires_grad=True)
        with torch.enable_grad():
            terms = loss.discriminator(s, s, torch.mean) if loss.batchwise else loss.discriminator(s, s)
            return torch.autograd.grad(terms.sum(), s)[0].item()

    low, high = -100.0, 100.0
    if abs(slope(0.0)) < 1e-9:
        return 0.0
    if not slope(low) < 0 < slope(high):
        raise ValueError(
            "a discriminator that cannot tell would move its scores without end under this loss, so that there is no "
            "score at which to mirror it for the encoder; use a loss whose two terms balance somewhere"
        )
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return (low + high) / 2


def _pair(x: Tensor, z: Tensor) -> Tensor:
    return torch.cat([x.flatten(1), z.flatten(1)], 1)


def _alike(who: str, made: Tensor, like: Tensor) -> Tensor:
    if made.shape != like.shape:
        raise ValueError(f"the {who} returned shape {tuple(made.shape)}; its pairs need {tuple(like.shape)}")
    return made
