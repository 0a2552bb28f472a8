"""Some players look ahead: they answer not where the others are, but where the others would be in K steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.optim import Optimizer

from gansmith.dynamics.descent import Descent
from gansmith.dynamics.field import evaluated, field, live, substituted, trainable
from gansmith.dynamics.rules import check_rule, remembered, stepped
from gansmith.types import Costs, Draw, Engine, Game, Outcome, Players, Result, Round, State, moved_with

__all__ = ["Unrolled"]

DISCRIMINATOR = "discriminator"
Gradients = Mapping[str, Sequence[Tensor]]
Places = dict[str, list[Tensor]]


@dataclass(frozen=True, kw_only=True)
class Unrolled(Descent):
    """Unrolled optimisation (Metz et al. 2017, section 2.2): the generator plays against a look ahead.

    θ_D⁰ = θ_D, θ_Dᵏ⁺¹ = θ_Dᵏ + U(∇_D J_D(θ_Dᵏ, θ_G)), with U the rule of the discriminator's own optimiser, from its
    real state; the generator goes down the gradient of J_G(θ_G, θ_Dᴷ(θ_G, θ_D)), which also sees how its move would
    change the K steps. The steps stay hypothetical: the discriminator then makes its ordinary one, at the same time.

    The hypothetical steps are made on the round of the real move, so that the generator runs once. Costs and signals
    are those of the players as they are. The optimisers, their rates and their schedule are those of `Descent`: SGD,
    Adam or AdamW for players whose steps are looked through.

    Args:
        steps: how many steps are looked ahead, ≥ 0; with 0, `Simultaneous`.
        through: the players whose steps are looked through; none means the discriminator, or discriminators
            (``discriminator_x``), and in a game without one, everybody.
        looking: the players that look ahead, each through the steps of the others in `through`; none means all who are
            not in `through`, and where nobody is left, everybody.
        first_order: take the K steps as they are, without asking how they would change with one's own move. Needs the
            memory of one step, not of K.

    Raises:
        ValueError: `steps` is below 0, or a name stands where a tuple of them belongs; when it begins: `through` or
            `looking` names somebody who does not play, or there is no differentiable rule for an optimiser.

    Example:
        >>> from gansmith.games import AdversarialGame
        >>> Unrolled(steps=10).roles(AdversarialGame())
        {'generator': ('discriminator',)}
    """

    steps: int = 5
    through: tuple[str, ...] = ()
    looking: tuple[str, ...] = ()
    first_order: bool = False

    def __post_init__(self) -> None:
        if self.steps < 0:
            raise ValueError(f"steps must be at least 0, not {self.steps}")
        given: dict[str, Sequence[str]] = {"through": self.through, "looking": self.looking}
        for place, names in given.items():
            if isinstance(names, str):
                raise ValueError(f"{place} is {names!r}; it takes a tuple of names, such as ({names!r},)")

    def roles(self, game: Game) -> dict[str, tuple[str, ...]]:
        """Who looks ahead, and through whose steps."""
        if unknown := sorted({*self.through, *self.looking} - set(game.players)):
            raise ValueError(f"the unrolling names {unknown}, but the players are {list(game.players)}")
        rest = tuple(p for p in game.players if p not in self.looking)
        usual = rest if self.looking else tuple(p for p in game.players if p.split("_")[0] == DISCRIMINATOR)
        through = self.through or usual or game.players
        looking = self.looking or tuple(p for p in game.players if p not in through) or game.players
        others = {p: tuple(q for q in game.players if q in through and q != p) for p in game.players if p in looking}
        if self.through and self.looking and not any(others.values()):
            raise ValueError(
                f"nobody would look ahead: through={list(self.through)} leaves looking={list(self.looking)} nobody "
                "whose steps to look through; name different players"
            )
        return {player: theirs for player, theirs in others.items() if theirs and self.steps}

    def init(self, game: Game, players: Players) -> State:
        state = super().init(game, players)
        for player in sorted({q for theirs in self.roles(game).values() for q in theirs}):
            check_rule(state["optimizers"][player], player)
        return state

    def step(self, game: Game, players: Players, state: State, draw: Draw, engine: Engine) -> tuple[State, Result]:
        roles, factor = self.roles(game), self.schedule(state["steps"])
        followed = {q for theirs in roles.values() for q in theirs}
        ordinary = [p for p in game.players if p not in roles or p in followed]
        round = draw(0).recall(state["memory"])
        with live(players, game.players):
            exact = bool(roles) and not self.first_order
            # Everybody's cost, and the gradients of those who make an ordinary step.
            gradients, costs, outcome = evaluated(
                game, players, round, engine, game.players, trainable(players, ordinary), differentiable=exact
            )
            moves: dict[str, Sequence[Tensor]] = {p: [g.detach() for g in gradients[p]] for p in ordinary}
            if roles:
                if engine.pieces == 1:
                    round = round.given(**_kept(players, outcome, ordinary))
                look = _LookAhead(game, players, round, engine, self.steps, exact, state["optimizers"], factor)
                with engine.hypothetical(players):
                    places = {theirs: look.places(theirs, gradients) for theirs in dict.fromkeys(roles.values())}
                    moves |= look.gradients(roles, places)
        self._move(game, state, moves)
        return self._ended(game, state, costs, outcome)


def _kept(players: Players, outcome: Outcome, followed: Sequence[str]) -> dict[str, Tensor]:
    """What need not be evaluated again, because whoever made it neither moves nor has had its gradient taken."""
    return outcome.unmoved(*(name for player in followed for name in moved_with(players, player)))


@dataclass(frozen=True)
class _LookAhead:
    """Hypothetical steps of some players, and what the others want there."""

    game: Game
    players: Players
    round: Round
    engine: Engine
    steps: int
    exact: bool
    optimizers: Mapping[str, Optimizer]
    factor: float

    def places(self, who: Sequence[str], gradients: Gradients) -> Places:
        """Where K steps of the players in `who` lead; the first is made along `gradients`, which are known."""
        start = trainable(self.players, who)
        values: Places = dict(start)
        memories = {p: remembered(self.optimizers[p]) for p in who}
        for k in range(self.steps):
            if k:
                gradients, _, _ = field(
                    self.game, self.players, self.round, self.engine, who, at=values, differentiable=self.exact
                )
            for p in who:
                values[p], memories[p] = stepped(
                    self.optimizers[p], values[p], gradients[p], memories[p], factor=self.factor
                )
            if not self.exact:
                # The way there counts as a constant, but one who shares a parameter with another still moves it.
                values = {p: [w + (v - w).detach() for w, v in zip(start[p], values[p], strict=True)] for p in who}
        return values

    def gradients(self, roles: Mapping[str, tuple[str, ...]], places: Mapping[tuple[str, ...], Places]) -> Gradients:
        """The gradient of each looking player's cost where the others would be."""

        def costs(part: Round) -> Costs:
            found: dict[str, Tensor] = {}
            for theirs, values in places.items():
                lookers = [player for player, others in roles.items() if others == theirs]
                with substituted(self.players, values):
                    found |= self.game.costs(self.game.play(self.players, part, lookers), lookers)
            return found

        return self.engine.gradient(costs, trainable(self.players, roles), self.round)[0]
