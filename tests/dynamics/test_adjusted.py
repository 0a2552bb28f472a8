"""Dynamics that correct the field by its Jacobian: their steps in closed form, and what every dynamics must respect."""

import json
import os
import socket
import subprocess
import sys
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from gansmith.dynamics import (
    SGD,
    Adam,
    Competitive,
    Consensus,
    Linearisation,
    Schedule,
    Simultaneous,
    SymplecticAdjustment,
    play,
)
from gansmith.games import R1, AdversarialGame, bilinear, quadratic
from gansmith.networks import Point
from gansmith.training.session import restore, state_tree
from gansmith.types import Round

D, G = "discriminator", "generator"
KINDS = [
    Consensus(gamma=0.3),
    SymplecticAdjustment(weight=0.3),
    SymplecticAdjustment(weight=0.3, align=True),
    Competitive(),
    Competitive(dense=0),
]
names = pytest.mark.parametrize("dynamics", KINDS, ids=["consensus", "symplectic", "aligned", "dense", "krylov"])


def nothing(step):
    return lambda substep: Round(key=(step, substep))


def moved(game, dynamics, start, steps=1):
    """Where steps from `start` lead: a player for each entry, by name."""
    players = {name: Point(value) for name, value in start.items()}
    play(game, dynamics, players, nothing, steps=steps)
    return np.concatenate([point().detach().numpy() for point in players.values()])


def step_matrix(dynamics):
    """One step on V(x, y) = xy, which is a linear map."""
    columns = [moved(bilinear(), dynamics, {"x": x, "y": y}) for x, y in ((1.0, 0.0), (0.0, 1.0))]
    return np.stack(columns, axis=1)


def radius(matrix):
    return abs(np.linalg.eigvals(matrix)).max()


def networks():
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2))
    discriminator = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
    return {G: generator.double(), D: discriminator.double()}


def draws(step):
    generator = torch.Generator().manual_seed(step)
    streams = {name: torch.randn(6, 2, generator=generator).double() for name in ("real", "latent")}
    return lambda substep: Round(streams, key=(step, substep))


GAME = AdversarialGame(penalties=(R1(gamma=0.7),))


@pytest.mark.analytic
@pytest.mark.parametrize("strength", [0.1, 1.0, 2.5])
@pytest.mark.parametrize("h", [0.05, 0.3, 0.9])
def test_consensus_and_symplectic_steps_on_the_bilinear_game(h, strength):
    """F = (y, −x), so J = [[0, 1], [−1, 0]] is its own antisymmetric part and JᵀF = AᵀF = (x, y).

    A step is [[1−hc, −h], [h, 1−hc]] with c the strength; its eigenvalues 1 − hc ± ih have the modulus √((1−hc)²+h²).
    """
    expected = np.array([[1 - h * strength, -h], [h, 1 - h * strength]])
    for dynamics in (
        Consensus(optimizer=SGD(lr=h), gamma=strength),
        SymplecticAdjustment(optimizer=SGD(lr=h), weight=strength),
        SymplecticAdjustment(optimizer=SGD(lr=h), weight=strength, align=True),  # ⟨F, ∇H⟩ = 0: the sign of 1/10
    ):
        found = step_matrix(dynamics)
        assert found == pytest.approx(expected, abs=1e-12)
        assert radius(found) == pytest.approx(np.sqrt((1 - h * strength) ** 2 + h**2), abs=1e-9)


@pytest.mark.analytic
@pytest.mark.parametrize("dense", [0, 64])
@pytest.mark.parametrize("h", [0.05, 0.3, 0.9, 30.0])
def test_a_competitive_step_on_the_bilinear_game(h, dense):
    """1 − ih/(1 + ih) = 1/(1 + ih): the map is [[1, −h], [h, 1]]/(1+h²), of modulus 1/√(1+h²) whatever h is."""
    found = step_matrix(Competitive(optimizer=SGD(lr=h), dense=dense, tolerance=1e-13))
    assert found == pytest.approx(np.array([[1, -h], [h, 1]]) / (1 + h**2), abs=1e-12)
    assert radius(found) == pytest.approx(1 / np.sqrt(1 + h**2), abs=1e-9)


@pytest.mark.analytic
def test_the_rates_over_many_steps_are_the_radii():
    """The maps are rotations times their radius, so the norm after 50 steps is its 50th power."""
    h, c = 0.2, 0.5
    for dynamics, rate in (
        (Consensus(optimizer=SGD(lr=h), gamma=c), np.sqrt((1 - h * c) ** 2 + h**2)),
        (SymplecticAdjustment(optimizer=SGD(lr=h), weight=c), np.sqrt((1 - h * c) ** 2 + h**2)),
        (Competitive(optimizer=SGD(lr=h)), 1 / np.sqrt(1 + h**2)),
    ):
        end = moved(bilinear(), dynamics, {"x": 0.6, "y": -0.8}, steps=50)
        assert np.linalg.norm(end) ** (1 / 50) == pytest.approx(rate, abs=1e-9)


@pytest.mark.analytic
@pytest.mark.parametrize(("start", "sign"), [(0.1, 1.0), (3.0, -1.0)])
def test_the_sign_turns_away_from_an_equilibrium_that_repels(start, sign):
    """F = Mw with M = [[−1, 2], [−2, −1]]: ⟨F, MᵀF⟩ = −‖F‖² and ⟨AᵀF, MᵀF⟩ = 4‖F‖².

    Their product over n = 2 is −2‖F‖⁴, which outweighs 1/10 far away, where ‖F‖² = 5·9, and not near, at 5/100.
    """
    M, w, h = np.array([[-1.0, 2.0], [-2.0, -1.0]]), np.array([start, 0.0]), 0.1
    game = quadratic(torch.from_numpy(M), {"x": 1, "y": 1})
    F = M @ w
    expected = w - h * (F + sign * 0.5 * ((M - M.T) / 2).T @ F)
    dynamics = SymplecticAdjustment(optimizer=SGD(lr=h), weight=0.5, align=True)
    assert moved(game, dynamics, {"x": start, "y": 0.0}) == pytest.approx(expected, abs=1e-12)


@pytest.mark.analytic
def test_where_all_want_the_same_the_symplectic_adjustment_is_zero():
    """Two players with one cost: J is a matrix of second derivatives, which is symmetric."""
    game = quadratic([[2.0, 1.0], [1.0, 3.0]], {"x": 1, "y": 1})
    start = {"x": 1.0, "y": -2.0}
    expected = moved(game, Simultaneous(optimizer=SGD(lr=0.1)), start)
    assert moved(game, SymplecticAdjustment(optimizer=SGD(lr=0.1)), start) == pytest.approx(expected, abs=1e-15)


@pytest.mark.analytic
def test_any_number_of_players():
    """On a linear field Mw of four players, one with two coordinates, every step is a matrix that numpy can make."""
    sizes, h, c = {"w": 1, "x": 2, "y": 1, "z": 1}, 0.1, 0.4
    M = torch.randn(5, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    M[1:3, 1:3] = M[1:3, 1:3] + M[1:3, 1:3].T
    off = M.clone()
    off[1:3, 1:3] = 0
    off.fill_diagonal_(0)
    m, o, start = M.numpy(), off.numpy(), np.array([1.0, -1.0, 0.5, 2.0, -0.3])
    steps = [
        (Consensus(optimizer=SGD(lr=h), gamma=c), m + c * m.T @ m),
        (SymplecticAdjustment(optimizer=SGD(lr=h), weight=c), m + c * ((m - m.T) / 2).T @ m),
        (Competitive(optimizer=SGD(lr=h)), np.linalg.solve(np.eye(5) + h * o, m)),
        (Competitive(optimizer=SGD(lr=h), dense=0, tolerance=1e-13), np.linalg.solve(np.eye(5) + h * o, m)),
    ]
    for dynamics, direction in steps:
        parts = dict(zip(sizes, (start[:1], start[1:3], start[3:4], start[4:]), strict=True))
        found = moved(quadratic(M, sizes), dynamics, {name: part.tolist() for name, part in parts.items()})
        assert found == pytest.approx(start - h * direction @ start, abs=1e-10)


@pytest.mark.analytic
@names
def test_one_player_descends(dynamics):
    """With J symmetric and nobody across, only consensus differs from gradient descent: it adds γJᵀF."""
    game, h = quadratic([[2.0]], {"x": 1}), 0.1
    dynamics = replace(dynamics, optimizer=SGD(lr=h))
    extra = 0.3 * 2.0 * 6.0 if isinstance(dynamics, Consensus) else 0.0
    assert moved(game, dynamics, {"x": 3.0}) == pytest.approx(3.0 - h * (6.0 + extra), abs=1e-12)


@pytest.mark.identity
@pytest.mark.parametrize("dynamics", [Consensus(gamma=0.0), SymplecticAdjustment(weight=0.0)], ids=["c", "s"])
def test_without_the_adjustment_it_is_simultaneous_descent(dynamics):
    """With Adam, on networks: the same trajectory, to the last digit."""
    found, expected = networks(), networks()
    play(GAME, dynamics, found, draws, steps=3)
    play(GAME, Simultaneous(), expected, draws, steps=3)
    for name in found:
        for a, b in zip(found[name].parameters(), expected[name].parameters(), strict=True):
            assert torch.equal(a, b)


@pytest.mark.reference
def test_an_optimiser_gets_the_adjusted_field():
    """Three steps of Adam, with rates and a schedule, against torch's Adam on F + γJᵀF."""
    found, expected = networks(), networks()
    dynamics = Consensus(optimizer=Adam(lr=0.01), rates={G: 3.0}, schedule=Schedule(warmup=1), gamma=0.2)
    play(GAME, dynamics, found, draws, steps=3)
    optimizers = {name: torch.optim.Adam(expected[name].parameters(), betas=(0.5, 0.999)) for name in (D, G)}
    for step in range(3):
        at = Linearisation(GAME, expected, draws(step)(0))
        towards = at.vjp(at.field)
        for name, optimizer in optimizers.items():
            optimizer.param_groups[0]["lr"] = 0.01 * (3.0 if name == G else 1.0) * (0.5 if step == 0 else 1.0)
            for p, g, r in zip(expected[name].parameters(), at.field[name], towards[name], strict=True):
                p.grad = g + 0.2 * r
            optimizer.step()
    for name in found:
        for a, b in zip(found[name].parameters(), expected[name].parameters(), strict=True):
            assert torch.allclose(a, b, atol=1e-12)


@names
def test_the_trace_is_that_of_one_evaluation(dynamics):
    """Buffers, their counters and the random state are afterwards those that simultaneous descent leaves."""
    ends = []
    for kind in (dynamics, Simultaneous()):
        players = networks()
        players[G].insert(1, nn.BatchNorm1d(3).double())
        players[D].insert(2, nn.Dropout())
        torch.manual_seed(4)
        play(GAME, kind, players, draws, steps=1)
        assert players[G][1].num_batches_tracked == 1
        ends.append([*(b for module in players.values() for b in module.buffers()), torch.get_rng_state()])
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


@names
def test_frozen_parameters_stay_and_flags_come_back(dynamics):
    players = networks()
    players[G][0].weight.requires_grad_(False)
    before = deepcopy(players)
    play(GAME, dynamics, players, draws, steps=2)
    for name in players:
        for (key, a), b in zip(players[name].named_parameters(), before[name].parameters(), strict=True):
            frozen = (name, key) == (G, "0.weight")
            assert torch.equal(a, b) == frozen
            assert a.requires_grad != frozen
            assert a.grad is None


@names
def test_a_run_that_was_saved_goes_on_to_the_last_digit(dynamics):
    whole, saved = networks(), networks()
    play(GAME, dynamics, whole, draws, steps=5)
    tree = state_tree(play(GAME, dynamics, saved, draws, steps=2))
    state = restore(dynamics.init(GAME, saved), deepcopy(tree))
    play(GAME, dynamics, saved, draws, steps=3, state=state, first=2)
    for name in whole:
        for a, b in zip(whole[name].parameters(), saved[name].parameters(), strict=True):
            assert torch.equal(a, b)


@names
def test_the_result_is_detached_and_says_how_it_went(dynamics):
    players, results = networks(), []
    play(GAME, dynamics, players, draws, steps=1, watch=lambda step, result: results.append(result))
    (result,) = results
    own = {Consensus: {"field_norm"}, Competitive: {"solve_residual", "solve_iterations"}}.get(type(dynamics), set())
    assert {"accuracy", "r1", *own} <= set(result.signals)
    assert set(result.costs) == {D, G}
    for value in (*result.costs.values(), *result.signals.values()):
        assert value.shape == ()
        assert not value.requires_grad


@pytest.mark.parametrize(
    ("kind", "setting", "sentence"),
    [
        (Consensus, {"gamma": -1.0}, "gamma must be a number that is not negative, not -1"),
        (Consensus, {"gamma": float("nan")}, "gamma must be a number that is not negative, not nan"),
        (SymplecticAdjustment, {"weight": -0.5}, "weight must be a number that is not negative, not -0.5"),
        (Competitive, {"tolerance": 0.0}, "tolerance must be above 0, not 0"),
        (Competitive, {"eps": -1.0}, "eps must be above 0, not -1"),
        (Competitive, {"decay": 1.0}, r"decay must be in \[0, 1\), or none for steps that do not adapt, not 1"),
        (Competitive, {"iterations": 0}, "iterations must be at least 1 and dense at least 0, not 0 and 64"),
        (Competitive, {"dense": -1}, "iterations must be at least 1 and dense at least 0, not 100 and -1"),
    ],
)
def test_settings_that_cannot_work_are_refused(kind, setting, sentence):
    with pytest.raises(ValueError, match=sentence):
        kind(**setting)


def _finish(rank, world, port, out):
    environment = os.environ | {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(world), "LOCAL_WORLD_SIZE": str(world),
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "",
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2] / "src"), os.environ.get("PYTHONPATH", "")]),
    } | ({"GLOO_SOCKET_IFNAME": "lo"} if sys.platform == "linux" else {})  # fmt: skip
    worker = str(Path(__file__).with_name("worker.py"))
    return subprocess.Popen([sys.executable, worker, str(out)], env=environment, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What one process and each of two found, from one run of both."""
    out = tmp_path_factory.mktemp("processes")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = [_finish(0, 1, port, out), _finish(0, 2, port, out), _finish(1, 2, port, out)]
    try:
        for process in running:
            said = process.communicate(timeout=120)[1]
            assert process.returncode == 0, said
    finally:
        for process in running:
            process.kill()
            process.communicate()
    return {name: json.loads((out / f"{name}.json").read_text()) for name in ("1-0", "2-0", "2-1")}


@pytest.mark.reference
@pytest.mark.parametrize("kind", ["plain", "batch norm"])
@pytest.mark.parametrize(
    "what",
    [
        *("field", "vjp", "jvp", "across", "consensus", "symplectic", "competitive"),
        *("unrolled", "both unrolled", "first order", "extragradient", "lookahead", "one pass", "one pass or two"),
    ],
)
def test_two_processes_find_what_one_does(results, what, kind):
    """Relativistic average with R1 and R2, which mix the samples of both processes; float64, to 1e-9 of the largest."""
    one, two, other = (np.array(results[name][f"{kind} {what}"]) for name in ("1-0", "2-0", "2-1"))
    assert len(one) > 30
    assert abs(one).max() > 1e-3
    assert np.array_equal(two, other)
    assert two == pytest.approx(one, abs=1e-9 * abs(one).max())
