"""What is read from gradients, in games whose field is known."""

import math

import pytest
import torch

from gansmith.diagnostics.signals import non_finite, norm, reach, rotation, saturated
from gansmith.games import AdversarialGame, NonSaturating, quadratic
from gansmith.networks import Point
from gansmith.types import Round


@pytest.mark.analytic
def test_a_bilinear_game_only_turns_and_a_common_bowl_only_leads():
    """J = [[0, 1], [−1, 0]] is antisymmetric, diag(2, 3) symmetric."""
    at = {"x": Point(2.0), "y": Point(-1.0)}
    assert rotation(quadratic([[0.0, 1.0], [-1.0, 0.0]], {"x": 1, "y": 1}), at, Round()) == pytest.approx(1.0)
    assert rotation(quadratic([[2.0, 0.0], [0.0, 3.0]], {"x": 1, "y": 1}), at, Round()) == pytest.approx(0.0)


@pytest.mark.analytic
@pytest.mark.parametrize("turn", [0.5, 1.0, 2.0])
def test_a_spiral_turns_by_its_angle(turn):
    """J = I + turn·R with R a rotation by 90°: ‖A F‖² = turn²·‖F‖², ‖S F‖² = ‖F‖²."""
    game = quadratic([[1.0, turn], [-turn, 1.0]], {"x": 1, "y": 1})
    found = rotation(game, {"x": Point(2.0), "y": Point(3.0)}, Round())
    assert found == pytest.approx(turn**2 / (1 + turn**2), rel=1e-5)


def test_where_nothing_changes_there_is_no_share():
    still = quadratic([[0.0, 0.0], [0.0, 0.0]], {"x": 1, "y": 1})
    assert math.isnan(rotation(still, {"x": Point(2.0), "y": Point(3.0)}, Round()))


def test_rotation_leaves_buffers_and_random_state():
    players = {
        "generator": torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)),
        "discriminator": torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Dropout(0.5), torch.nn.Linear(4, 1)),
    }
    round = Round({"real": torch.randn(8, 2), "latent": torch.randn(8, 3)})
    before, state = players["generator"][1].running_mean.clone(), torch.get_rng_state()
    rotation(AdversarialGame(NonSaturating()), players, round)
    assert torch.equal(before, players["generator"][1].running_mean)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.analytic
def test_norms():
    tensors = [torch.randn(3, 4), torch.randn(5)]
    assert norm(tensors) == pytest.approx(torch.cat([t.flatten() for t in tensors]).norm().item(), rel=1e-6)
    assert norm([]) == 0.0
    gradient = torch.randn(6, 2, 3)
    assert reach(gradient) == pytest.approx(sum(g.norm().item() for g in gradient), rel=1e-5)


def test_tensors_that_are_not_finite_are_counted_and_large_ones_are_not():
    """The sum of finite single-precision numbers may overflow; it is taken in double precision."""
    huge = torch.full((10,), 3e38)
    assert non_finite([huge, torch.tensor([torch.inf]), torch.tensor([1.0, torch.nan])]) == 2


@pytest.mark.analytic
def test_the_minimax_cost_is_flat_where_the_discriminator_is_sure():
    """log(1 − σ(s)) has slope −σ(s), and −1/2 at 0: flat from σ(s) < 0.025 on, that is, from s < −3.66."""
    slope = -torch.sigmoid(torch.tensor([-10.0, -4.0, -3.0, 0.0]))
    assert saturated(slope, torch.full((4,), -0.5)) == 0.5
