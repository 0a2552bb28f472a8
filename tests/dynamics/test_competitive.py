"""Competitive gradient descent against the formulas of its papers, and its two ways to solve the linear system."""

import numpy as np
import pytest
import torch
from torch import nn

from gansmith.dynamics import SGD, Adam, Competitive, Schedule, play
from gansmith.dynamics.competitive import conjugate_gradients
from gansmith.games import R1, AdversarialGame, Minimax, bilinear, quadratic
from gansmith.networks import Point
from gansmith.types import Round

D, G = "discriminator", "generator"
SOLVERS = pytest.mark.parametrize("dense", [0, 64], ids=["krylov", "dense"])


def move(game, players, dynamics, steps=1):
    """The change of all parameters, and the signals of each step."""
    before, signals = [torch.cat([p.detach().flatten() for p in m.parameters()]) for m in players.values()], []
    play(
        game, dynamics, players, lambda s: lambda k: Round(), steps=steps, watch=lambda s, r: signals.append(r.signals)
    )
    after = [torch.cat([p.detach().flatten() for p in m.parameters()]) for m in players.values()]
    return [(a - b).numpy() for a, b in zip(after, before, strict=True)], signals


@pytest.mark.analytic
@SOLVERS
@pytest.mark.parametrize("h", [0.1, 0.7])
def test_two_players_move_as_the_paper_has_it(h, dense):
    """Schäfer and Anandkumar 2019, theorem 2.3, for any two costs f of x and g of y:

    Δx = −h(I − h²·D²_xy f·D²_yx g)⁻¹(∇_x f − h·D²_xy f·∇_y g), and the same with the players exchanged.
    """
    M = np.array([[2.0, 0.5, 1.0, -3.0], [0.5, 1.0, 2.0, 0.4], [-1.5, 0.3, 3.0, 0.2], [2.5, 1.0, 0.2, -1.0]])
    x, y, eye = np.array([1.0, -2.0]), np.array([0.5, 3.0]), np.eye(2)
    f, g = M[:2] @ np.r_[x, y], M[2:] @ np.r_[x, y]
    xy, yx = M[:2, 2:], M[2:, :2]
    expected = [
        -h * np.linalg.solve(eye - h**2 * xy @ yx, f - h * xy @ g),
        -h * np.linalg.solve(eye - h**2 * yx @ xy, g - h * yx @ f),
    ]
    players = {"x": Point(x.tolist()), "y": Point(y.tolist())}
    game = quadratic(torch.from_numpy(M), {"x": 2, "y": 2})
    found, _ = move(game, players, Competitive(optimizer=SGD(lr=h), dense=dense, tolerance=1e-13))
    assert np.concatenate(found) == pytest.approx(np.concatenate(expected), abs=1e-10)


@pytest.mark.analytic
@SOLVERS
def test_adaptive_steps_are_those_of_acgd(dense):
    """Schäfer et al. 2020, algorithm 1, three steps in numpy, with A = diag(h/(√v̂ + ε)) for each player:

    Δx = −√A_x·(I + √A_x·D·A_y·Dᵀ·√A_x)⁻¹·√A_x·(∇_x f + D·A_y·∇_y f) with D = D²_xy f, and Δy likewise with −f.
    """
    D, start, h, beta, eps = np.array([[1.0, -3.0], [2.0, 0.4]]), np.array([1.0, -2.0, 0.5, 3.0]), 0.1, 0.9, 1e-3
    M = np.block([[np.diag([2.0, 1.0]), D], [-D.T, np.diag([3.0, 0.5])]])  # f has ½xᵀdiag(2, 1)x − ½yᵀdiag(3, ½)y too
    w, v = start.copy(), np.zeros(4)
    for step in range(1, 4):
        F = M @ w
        v = beta * v + (1 - beta) * F**2
        A = h / (np.sqrt(v / (1 - beta**step)) + eps)
        (Ax, Ay), f_x, f_y = np.split(A, 2), F[:2], -F[2:]
        Rx, Ry, eye = np.diag(np.sqrt(Ax)), np.diag(np.sqrt(Ay)), np.eye(2)
        x = -Rx @ np.linalg.solve(eye + Rx @ D @ np.diag(Ay) @ D.T @ Rx, Rx @ (f_x + D @ np.diag(Ay) @ f_y))
        y = Ry @ np.linalg.solve(eye + Ry @ D.T @ np.diag(Ax) @ D @ Ry, Ry @ (f_y - D.T @ np.diag(Ax) @ f_x))
        w = w + np.r_[x, y]
    players = {"x": Point(start[:2].tolist()), "y": Point(start[2:].tolist())}
    dynamics = Competitive(optimizer=SGD(lr=h), decay=beta, eps=eps, dense=dense, tolerance=1e-13)
    found, _ = move(quadratic(torch.from_numpy(M), {"x": 2, "y": 2}), players, dynamics, steps=3)
    assert start + np.concatenate(found) == pytest.approx(w, abs=1e-10)


@pytest.mark.analytic
@SOLVERS
def test_nobody_can_do_better_in_the_local_game_of_three(dense):
    """Ma et al. 2021: at the step, F_i + Σ_{j≠i} J_ij·Δ_j + Δ_i/h_i = 0 for every player, with that player's own h."""
    M = torch.randn(3, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    start, sizes = np.array([1.0, -1.0, 2.0]), 0.2 * np.array([1.0, 3.0, 0.5]) / 2
    dynamics = Competitive(
        optimizer=SGD(lr=0.2), rates={"y": 3.0, "z": 0.5}, schedule=Schedule(warmup=1), dense=dense, tolerance=1e-13
    )
    players = {name: Point(value) for name, value in zip("xyz", start, strict=True)}
    found, _ = move(quadratic(M, {"x": 1, "y": 1, "z": 1}), players, dynamics)
    m, delta = M.numpy(), np.concatenate(found)
    others = m - np.diag(np.diag(m))
    assert m @ start + others @ delta + delta / sizes == pytest.approx(np.zeros(3), abs=1e-10)


def networks():
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 2))
    discriminator = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    return {G: generator.double(), D: discriminator.double()}


def draws(step):
    generator = torch.Generator().manual_seed(step)
    streams = {name: torch.randn(16, 2, generator=generator).double() for name in ("real", "latent")}
    return lambda substep: Round(streams, key=(step, substep))


@pytest.mark.reference
@pytest.mark.parametrize("game", [AdversarialGame(Minimax()), AdversarialGame(penalties=(R1(gamma=0.7),))])
def test_the_matrix_free_solution_is_the_dense_one(game):
    """Five large steps of networks with 60 parameters, in a game that is zero-sum and in one that is not."""
    one, other = networks(), networks()
    play(game, Competitive(optimizer=SGD(lr=2.0), dense=0, tolerance=1e-12, iterations=500), one, draws, steps=5)
    play(game, Competitive(optimizer=SGD(lr=2.0), dense=1000), other, draws, steps=5)
    start = networks()
    for name in one:
        for a, b, s in zip(*(list(nets[name].parameters()) for nets in (one, other, start)), strict=True):
            assert torch.allclose(a, b, atol=1e-8)
            assert (a - s).abs().max() > 1e-3


def test_the_signals_say_how_the_solve_went():
    """One iteration is not enough for two different singular values; the residual left is reported, and exact."""
    A = torch.tensor([[1.0, 0.0], [0.0, 4.0]])
    for iterations, enough in ((1, False), (20, True)):
        players = {"x": Point([1.0, 1.0]), "y": Point([1.0, -1.0])}
        dynamics = Competitive(optimizer=SGD(lr=1.0), dense=0, tolerance=1e-9, iterations=iterations)
        delta, (signals,) = move(bilinear(A), players, dynamics)
        a, w, solution = A.numpy(), np.array([1.0, 1.0, 1.0, -1.0]), -np.concatenate(delta)
        off = np.block([[np.zeros((2, 2)), a], [-a.T, np.zeros((2, 2))]])
        left = np.linalg.norm(off @ w - solution - off @ solution) / np.linalg.norm(off @ w)
        assert signals["solve_residual"].item() == pytest.approx(left, abs=1e-12)
        assert (left <= 1e-9) == enough
        assert (signals["solve_iterations"].item() == iterations) != enough


def test_the_next_solve_begins_from_the_last_solution():
    """After a small step on the same batch the field is nearly the same, so fewer iterations do."""
    counts = {}
    for warm in (True, False):
        players, dynamics, counts[warm] = networks(), Competitive(optimizer=SGD(lr=0.1), dense=0), 0.0
        state = dynamics.init(AdversarialGame(), players)
        for step in range(4):
            if not warm:
                state["solution"] = torch.zeros_like(state["solution"])
            seen = []
            state = play(
                AdversarialGame(), dynamics, players, lambda step: draws(0), steps=1, first=step, state=state,
                watch=lambda step, result, seen=seen: seen.append(result.signals["solve_iterations"].item()),
            )  # fmt: skip
            counts[warm] += sum(seen)
    assert 0 < counts[True] < counts[False]


def test_a_local_game_without_an_equilibrium_is_refused():
    """Both want the product large: with h = 1, I + hJₒ is [[1, −1], [−1, 1]], which is singular."""
    game = quadratic([[0.0, -1.0], [-1.0, 0.0]], {"x": 1, "y": 1})
    with pytest.raises(ValueError, match="local game has no equilibrium at this learning rate; choose a smaller one"):
        move(game, {"x": Point(1.0), "y": Point(2.0)}, Competitive(optimizer=SGD(lr=1.0)))


@pytest.mark.parametrize("optimizer", [Adam(), SGD(momentum=0.9), lambda p: torch.optim.SGD(p, weight_decay=0.1)])
def test_an_optimiser_that_would_change_the_step_is_refused(optimizer):
    with pytest.raises(ValueError, match=r"the x has another optimiser than SGD without momentum; .* so use SGD"):
        Competitive(optimizer=optimizer).init(bilinear(), {"x": Point(1.0), "y": Point(2.0)})


@pytest.mark.analytic
def test_conjugate_gradients_end_after_as_many_iterations_as_singular_values():
    """In exact arithmetic one iteration for each distinct singular value; from the solution, none; for 0, none."""
    M = np.diag([1.0, 1.0, 2.0, 2.0, 5.0]) @ np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))[0]
    M, b = torch.from_numpy(M), torch.arange(1.0, 6.0, dtype=torch.float64)
    solve = lambda b, start: conjugate_gradients(M.mv, M.T.mv, b, start, tolerance=1e-12, iterations=50)  # noqa: E731
    x, residual, count = solve(b, torch.zeros(5).double())
    assert torch.allclose(M @ x, b, atol=1e-10)
    assert residual.item() < 1e-12
    assert count.item() == 3
    assert solve(b, x)[2].item() == 0
    nowhere, residual, count = solve(0 * b, 0 * b)
    assert not nowhere.any()
    assert residual.item() == count.item() == 0


def test_conjugate_gradients_end_on_numbers_that_are_none():
    broken = torch.full((2,), float("nan"))
    _, residual, count = conjugate_gradients(torch.neg, torch.neg, broken, broken, tolerance=1e-6, iterations=10**9)
    assert torch.isnan(residual)
    assert count.item() == 0
