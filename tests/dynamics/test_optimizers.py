"""Optimisers and schedules as values: what changes over steps, by hand."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from gansmith.dynamics import SGD, Alternating, Compiled, Optimistic, Schedule, Simultaneous
from gansmith.dynamics.engine import LocalEngine
from gansmith.dynamics.field import move
from gansmith.games import FunctionGame, bilinear
from gansmith.networks import Point
from gansmith.types import Round


@pytest.mark.analytic
def test_momentum_goes_in_a_straight_line() -> None:
    """v ← μ·v + g, w ← w − h·v with μ = 0.2, 0.3, 0.4, 0.4 …, and a learning rate that halves at every step."""
    parameter = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = SGD(lr=0.1, momentum=0.2, last_momentum=0.4, ramp=2)([parameter])
    optimizer.param_groups[0]["base_lr"] = 0.1
    schedule = Schedule(keep=0.5)
    w = v = 0.0
    for step, (momentum, g) in enumerate(zip((0.2, 0.3, 0.4, 0.4), (1.0, -2.0, 0.5, 3.0), strict=True)):
        move(optimizer, [torch.tensor([g], dtype=torch.float64)], factor=schedule(step))
        v = momentum * v + g
        w -= 0.1 * 0.5**step * v
        assert parameter.item() == pytest.approx(w, rel=1e-12)


@pytest.mark.analytic
@pytest.mark.parametrize("dynamics", [Simultaneous(), Alternating(discriminator_steps=3), Optimistic()])
def test_the_ramp_goes_by_the_step_of_the_run(dynamics: Any) -> None:
    """As schedules do: with optimisers that begin anew at step 5, a ramp of 10 steps from 0 to 0.8 is at 0.4."""
    want = {"discriminator": lambda p: p["discriminator"] ** 2, "generator": lambda p: p["generator"] ** 2}
    game, players = FunctionGame(want), {name: Point(1.0) for name in want}
    moves = replace(dynamics, optimizer=SGD(lr=0.01, momentum=0.0, last_momentum=0.8, ramp=10))
    state = moves.init(game, players) | {"steps": 5}
    for expected in (0.4, 0.48):
        state, _ = moves.step(game, players, state, lambda substep: Round(), LocalEngine())
        assert [o.param_groups[0]["momentum"] for o in state["optimizers"].values()] == pytest.approx([expected] * 2)


@pytest.mark.identity
def test_a_saved_optimiser_knows_where_its_ramp_is() -> None:
    parameters = [torch.zeros(1, requires_grad=True) for _ in range(2)]
    whole, later = (SGD(momentum=0.1, last_momentum=0.9, ramp=10)([p]) for p in parameters)
    for optimizer in (whole, later):
        optimizer.param_groups[0]["base_lr"] = 0.1
    for _ in range(4):
        move(whole, [torch.ones(1)])
    later.load_state_dict(whole.state_dict())
    for optimizer in (whole, later):
        move(optimizer, [torch.ones(1)])
    assert later.param_groups[0]["momentum"] == whole.param_groups[0]["momentum"] == pytest.approx(0.1 + 0.8 * 0.4)


@pytest.mark.analytic
def test_what_a_step_keeps_goes_with_the_rise_and_the_fall_and_stops_at_the_floor() -> None:
    schedule = Schedule(warmup=1, hold=2, decay=4, floor=0.1, keep=0.9)
    without = Schedule(warmup=1, hold=2, decay=4, floor=0.1)
    for step in range(12):
        rise = min(1.0, (step + 1) / 2)
        assert schedule(step) == pytest.approx(max(0.1 * rise, without(step) * 0.9**step), rel=1e-12)
    assert [Schedule(keep=1 / 1.000004)(step) for step in (0, 250_000)] == pytest.approx([1, 0.36788], rel=1e-4)  # 1/e


def test_refusals() -> None:
    for wrong in ({"last_momentum": 1.0}, {"last_momentum": -0.1}, {"ramp": 0}):
        with pytest.raises(ValueError, match=rf"^{next(iter(wrong))} must be"):
            SGD(**wrong)
    for keep in (0.0, 1.1):
        with pytest.raises(ValueError, match="keep must be in"):
            Schedule(keep=keep)
    ramped = Compiled(dynamics=Simultaneous(optimizer=SGD(momentum=0.1, last_momentum=0.2)))
    with pytest.raises(ValueError, match="one momentum for good; leave last_momentum of the x out"):
        ramped.init(bilinear(), {"x": Point(1.0), "y": Point(1.0)})
