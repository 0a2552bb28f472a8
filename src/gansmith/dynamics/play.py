"""The smallest loop: a game played by a dynamics for a number of steps."""

from __future__ import annotations

from collections.abc import Callable

from gansmith.dynamics.engine import LocalEngine
from gansmith.memory import keep_memory
from gansmith.types import Draw, Dynamics, Engine, Game, Players, Result, Round, State, check_piece

__all__ = ["play"]

_LOCAL = LocalEngine()


def _nothing(step: int) -> Draw:
    """Rounds without streams, whose noise is still another one at every step and substep."""
    return lambda substep: Round(key=(step, substep))


def play(
    game: Game,
    dynamics: Dynamics,
    players: Players,
    draws: Callable[[int], Draw] = _nothing,
    *,
    steps: int,
    state: State | None = None,
    first: int = 0,
    engine: Engine = _LOCAL,
    watch: Callable[[int, Result], object] | None = None,
) -> State:
    """`steps` steps of `dynamics`, numbered from `first`; the players change in place.

    Going on later is the same as not having stopped: ``play(…, steps=a + b)`` is ``play(…, steps=a)`` followed by
    ``play(…, steps=b, state=state, first=a)``.

    Args:
        game: what the players want.
        dynamics: how they move.
        players: the networks, by name.
        draws: what each step is played on: a step's number gives a function from substeps to rounds. Games of plain
            functions need nothing.
        steps: how many steps, ≥ 0.
        state: where an earlier call ended; none begins anew.
        first: the number of the first step.
        engine: where gradients come from.
        watch: called with the step's number and its result after each step, when the players have moved.

    Returns:
        The state after the last step.

    Raises:
        ValueError: a game, a dynamics or draws is no such thing, or `steps` is below 0.

    Example:
        >>> import torch
        >>> from gansmith.dynamics import SGD, Simultaneous
        >>> from gansmith.games import AdversarialGame, Wasserstein
        >>> from gansmith.types import Round
        >>> _ = torch.manual_seed(0)
        >>> players = {"generator": torch.nn.Linear(3, 2), "discriminator": torch.nn.Linear(2, 1)}
        >>> round = Round({"real": torch.ones(4, 2), "latent": torch.randn(4, 3)})
        >>> game, dynamics = AdversarialGame(Wasserstein()), Simultaneous(optimizer=SGD(lr=0.1))
        >>> play(game, dynamics, players, lambda step: lambda substep: round, steps=3)["steps"]
        3
    """
    check_piece(game, Game, "game", "AdversarialGame(Hinge())")
    check_piece(dynamics, Dynamics, "dynamics", "Simultaneous()")
    if not callable(draws):
        raise ValueError(
            f"draws is a {type(draws).__name__}; it must be a function of the step, such as Stream(Ring(), ...)"
        )
    if steps < 0:
        raise ValueError(f"steps must be at least 0, not {steps}")
    keep_memory()
    state = dynamics.init(game, players) if state is None else state
    for step in range(first, first + steps):
        state, result = dynamics.step(game, players, state, draws(step), engine)
        if watch is not None:
            watch(step, result)
    return state
