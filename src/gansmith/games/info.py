"""A third player that reads from a sample what its generator was told."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gansmith.games.adversarial import DISCRIMINATOR, GENERATOR, AdversarialGame
from gansmith.games.check import check_players
from gansmith.games.codes import Code
from gansmith.games.wrapping import Holding
from gansmith.types import Costs, Outcome, Players, Round, State, widened

__all__ = ["InfoGAN"]

RECOGNISER = "recogniser"


@dataclass(frozen=True)
class InfoGAN(Holding):
    """InfoGAN (Chen et al. 2016, eq. 6): an adversarial game whose generator must keep its codes readable.

    The generator is called with the latent and the codes in one vector. The recogniser Q guesses the codes c from the
    sample alone, and by eq. 5

        L(G, Q) = E[log Q(c | G(z, c))] + H(c)  ≤  I(c; G(z, c)),

    with equality where Q is the posterior. The recogniser pays −λL and the generator −λL besides what the adversarial
    game asks of it, summed over the codes; the discriminator pays as ever. The recogniser may hold parts of the
    discriminator, as in the paper, where they share all but the last layers: both players' steps then move the trunk.

    Rounds are those of the adversarial game. The codes are drawn from the round's noise; a stream ``codes``
    (n, `width`) takes their place. The players are called as ``G(x)`` with x (n, latent + `width`), ``D(x)``, and
    ``Q(x)``, which returns (n, `guesses`).

    Args:
        codes: what is to be readable, one after the other.
        game: what goes on between the discriminator and the generator, with any loss and penalties.

    Raises:
        ValueError: there are no codes; when it is played, a code or a guess does not have its width.

    Example:
        >>> from gansmith.games.codes import CategoricalCode, UniformCode
        >>> game = InfoGAN((CategoricalCode(10), UniformCode(2)))
        >>> game.players, game.width, game.guesses
        (('discriminator', 'recogniser', 'generator'), 12, 14)
        >>> players = {"discriminator": torch.nn.Linear(2, 1), "recogniser": torch.nn.Linear(2, game.guesses)}
        >>> players["generator"] = torch.nn.Linear(3 + game.width, 2)
        >>> outcome = game.play(players, Round({"latent": torch.zeros(8, 3)}), of=["recogniser"])
        >>> sorted(outcome.values), outcome["information"].shape
        (['codes', 'fake', 'information'], torch.Size([8, 2]))
    """

    codes: tuple[Code, ...]
    game: AdversarialGame = AdversarialGame()

    def __post_init__(self) -> None:
        if not isinstance(self.codes, Sequence):
            raise ValueError(
                f"codes is {self.codes!r}; put it in a tuple, even where there is one: (CategoricalCode(10),)"
            )
        if not self.codes:
            raise ValueError("InfoGAN needs at least one code, such as CategoricalCode(10)")

    @property
    def players(self) -> tuple[str, ...]:
        # The generator comes last, so that the two who judge its samples do so on those that it then improves.
        return (DISCRIMINATOR, RECOGNISER, GENERATOR)

    @property
    def width(self) -> int:
        """Columns by which the codes lengthen the generator's input."""
        return sum(code.width for code in self.codes)

    @property
    def guesses(self) -> int:
        """Columns that the recogniser puts out."""
        return sum(code.guesses for code in self.codes)

    def init(self, players: Players) -> State:
        check_players(self, players)
        return super().init(players)

    def play(self, players: Players, round: Round, of: Collection[str]) -> Outcome:
        codes = round["codes"] if "codes" in round else self._draw(round)
        _check_width("the stream 'codes'", codes, self.width)
        told = round.given(codes=codes)
        fake = told["fake"] if "fake" in told else self._generate(players, told)
        values = {"codes": codes, "fake": fake}
        makers: dict[str, frozenset[str]] = {"codes": frozenset(), "fake": frozenset({GENERATOR})}
        if rivals := [name for name in of if name != RECOGNISER]:
            contest = self.game.play(players, told.given(fake=fake), rivals)
            values |= contest.values
            makers |= contest.makers
        if GENERATOR in of or RECOGNISER in of:
            values["information"] = self._information(codes, players[RECOGNISER](fake))
            makers["information"] = frozenset({GENERATOR, RECOGNISER})
        return Outcome(round, values, makers)

    def costs(self, outcome: Outcome, of: Collection[str]) -> Costs:
        rivals = [name for name in of if name != RECOGNISER]
        costs = dict(self.game.costs(outcome, rivals)) if rivals else {}
        if "information" in outcome.values:
            weights = outcome["information"].new_tensor([code.weight for code in self.codes])
            bound = outcome.round.mean(outcome["information"] @ weights)
            costs |= {GENERATOR: costs[GENERATOR] - bound} if GENERATOR in of else {}
            costs |= {RECOGNISER: -bound} if RECOGNISER in of else {}
        return costs

    def signals(self, outcome: Outcome) -> Mapping[str, Tensor]:
        """Those of the adversarial game, and the bound on the information about all codes, in nats and unweighted."""
        signals = dict(self.game.signals(outcome)) if "fake_scores" in outcome.values else {}
        if "information" in outcome.values:
            signals["information"] = outcome["information"].detach().sum(1).mean()
        return signals

    def _draw(self, round: Round) -> Tensor:
        drawn = [code.draw(round, f"code {i}") for i, code in enumerate(self.codes)]
        return torch.cat(drawn, 1)

    def _generate(self, players: Players, round: Round) -> Tensor:
        told = round.given(latent=torch.cat([round["latent"], round["codes"]], 1))
        return self.game.generate(players[GENERATOR], told)

    def _information(self, codes: Tensor, guesses: Tensor) -> Tensor:
        """The terms log Q(c | x) + H(c) for each sample and each code, (n, codes)."""
        _check_width("the recogniser", guesses, self.guesses)
        parts = zip(
            self.codes,
            torch.split(codes, [code.width for code in self.codes], 1),
            torch.split(widened(guesses), [code.guesses for code in self.codes], 1),
            strict=True,
        )
        return torch.stack([code.log_prob(c, guess) + code.entropy for code, c, guess in parts], 1)


def _check_width(who: str, x: Tensor, width: int) -> None:
    if x.dim() != 2 or x.shape[1] != width:
        raise ValueError(f"{who} has shape {tuple(x.shape)}; these codes need (n, {width})")
