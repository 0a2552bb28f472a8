"""Dynamics against what they must do on games that can be solved with pen and paper."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from gansmith.dynamics import SGD, Alternating, LocalEngine, Schedule, Simultaneous
from gansmith.games import R1, R2, AdversarialGame, Minimax, NonSaturating
from gansmith.types import Outcome, Round

D, G = "discriminator", "generator"
BOTH = frozenset({D, G})


class Point(nn.Module):
    """A player that is one number."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value, dtype=torch.float64))


@dataclass(frozen=True)
class Bilinear:
    """V(x, y) = xy: the discriminator x makes it small, the generator y makes it large."""

    players = (D, G)
    samplewise = True

    def init(self, players):
        return {}

    def play(self, players, round, of):
        return Outcome(round, {"v": players[D].value * players[G].value}, {"v": BOTH})

    def costs(self, outcome, of):
        return {player: outcome["v"] * (1 if player == D else -1) for player in of}

    def signals(self, outcome):
        return {}

    def remember(self, memory, outcome):
        return memory


def steps(dynamics, x, y, n):
    """Where n steps on the bilinear game lead from (x, y)."""
    game, players = Bilinear(), {D: Point(x), G: Point(y)}
    state = dynamics.init(game, players)
    for step in range(n):
        state, _ = dynamics.step(game, players, state, lambda substep, s=step: Round(key=(s, substep)), LocalEngine())
    return np.array([players[D].value.item(), players[G].value.item()])


def matrix(dynamics):
    """One step on the bilinear game, which is a linear map."""
    return np.stack([steps(dynamics, 1.0, 0.0, 1), steps(dynamics, 0.0, 1.0, 1)], axis=1)


def radius(matrix):
    return abs(np.linalg.eigvals(matrix)).max()


@pytest.mark.analytic
@pytest.mark.parametrize("h", [0.01, 0.2, 1.0])
def test_simultaneous_descent_spirals_out_by_the_root_of_one_plus_h_squared(h):
    """(x, y) ← (x − hy, y + hx) is a rotation times √(1+h²), whatever the start."""
    dynamics = Simultaneous(optimizer=SGD(lr=h))
    assert matrix(dynamics) == pytest.approx(np.array([[1, -h], [h, 1]]), abs=1e-12)
    grown = np.linalg.norm(steps(dynamics, 0.6, -0.8, 100)) ** (1 / 100)
    assert grown == pytest.approx(np.sqrt(1 + h**2), abs=1e-9)


@pytest.mark.analytic
@pytest.mark.parametrize("share", [True, False])
@pytest.mark.parametrize(("k", "m"), [(1, 1), (3, 1), (1, 2), (5, 3)])
@pytest.mark.parametrize("h", [0.05, 0.3, 0.45])
def test_alternating_descent_conserves_up_to_a_step_size(k, m, h, share):
    """x ← x − khy, then y ← y + mhx: the matrix [[1, −kh], [mh, 1 − kmh²]] has determinant 1 and trace 2 − kmh².

    So both eigenvalues lie on the unit circle while kmh² ≤ 4, and beyond it the larger is that of
    λ² − (2 − kmh²)λ + 1 = 0.
    """
    dynamics = Alternating(optimizer=SGD(lr=h), discriminator_steps=k, generator_steps=m, share=share)
    found = matrix(dynamics)
    assert found == pytest.approx(np.array([[1, -k * h], [m * h, 1 - k * m * h**2]]), abs=1e-12)
    assert k * m * h**2 <= 4
    assert radius(found) == pytest.approx(1, abs=1e-9)


@pytest.mark.analytic
@pytest.mark.parametrize("k", [1, 2, 5])
def test_up_to_that_step_size_and_not_beyond(k):
    """A ten-thousandth below kh² = 4 the radius is 1, and a ten-thousandth above it is that of the closed form."""
    edge = 2 / np.sqrt(k)
    below, above = (
        radius(matrix(Alternating(optimizer=SGD(lr=h), discriminator_steps=k)))
        for h in (edge * (1 - 1e-4), edge * (1 + 1e-4))
    )
    half = 1 - k * (edge * (1 + 1e-4)) ** 2 / 2
    assert below == pytest.approx(1, abs=1e-9)
    assert above == pytest.approx(abs(half) + np.sqrt(half**2 - 1), abs=1e-9)
    assert above > 1.01


@pytest.mark.analytic
def test_alternating_descent_diverges_beyond_that_step_size():
    k, h = 3, 1.3
    half = 1 - k * h**2 / 2
    found = radius(matrix(Alternating(optimizer=SGD(lr=h), discriminator_steps=k)))
    assert found == pytest.approx(abs(half) + np.sqrt(half**2 - 1), abs=1e-9)
    assert found > 2


@pytest.mark.analytic
@pytest.mark.parametrize("kind", [Simultaneous, Alternating])
def test_rates_and_schedule_are_factors_on_each_players_step(kind):
    """At step 0 of a rise over three steps the factor is 1/4; the generator is five times as fast."""
    h = 0.1
    x, y = steps(kind(optimizer=SGD(lr=h), rates={G: 5.0}, schedule=Schedule(warmup=3)), 1.0, 2.0, 1)
    x1 = 1.0 - h / 4 * 2.0
    assert x == pytest.approx(x1, abs=1e-12)
    assert y == pytest.approx(2.0 + 5 * h / 4 * (x1 if kind is Alternating else 1.0), abs=1e-12)


class Dirac(nn.Module):
    """A generator of one point θ, whatever its latent."""

    def __init__(self, theta: float) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(theta, dtype=torch.float64))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.theta.expand(len(z), 1)


def dirac(dynamics, game, psi, theta, n):
    """n steps of the Dirac-GAN (Mescheder et al. 2018): data at 0, samples at θ, D(x) = ψx."""
    slope = nn.Linear(1, 1, bias=False).double()
    slope.weight.data.fill_(psi)
    players = {D: slope, G: Dirac(theta)}
    zeros = torch.zeros(1, 1, dtype=torch.float64)
    state = dynamics.init(game, players)
    path = []
    for _ in range(n):
        path.append([slope.weight.item(), players[G].theta.item()])
        state, _ = dynamics.step(game, players, state, lambda s: Round({"real": zeros, "latent": zeros}), LocalEngine())
    return np.array([*path, [slope.weight.item(), players[G].theta.item()]])


H = 0.2


@pytest.mark.analytic
@pytest.mark.parametrize("kind", [Simultaneous, Alternating])
@pytest.mark.parametrize("penalty", [R1, R2])
@pytest.mark.parametrize("gamma", [0.0, 0.4, 1.5, 3.0])
@pytest.mark.parametrize("loss", [Minimax(), NonSaturating()], ids=lambda loss: type(loss).__name__)
def test_near_the_equilibrium_a_step_has_the_eigenvalues_of_the_theory(kind, penalty, gamma, loss):
    """The flow's are −γ/2 ± √(γ²/4 − f′(0)²) with f′(0) = 1/2 (Mescheder et al. 2018, theorem 4.1).

    Simultaneous descent has 1 + hλ. Alternating descent does ψ first: [[1−hγ, −h/2], [(1−hγ)h/2, 1−h²/4]].
    """
    game, tiny = AdversarialGame(loss, penalties=(penalty(gamma=gamma),)), 1e-7
    dynamics = kind(optimizer=SGD(lr=H))
    starts = [(tiny, 0.0), (0.0, tiny)]
    found = np.stack([dirac(dynamics, game, *start, 1)[1] / tiny for start in starts], axis=1)
    root = np.sqrt(complex(gamma**2 / 4 - 1 / 4))
    if kind is Simultaneous:
        expected = [1 + H * (-gamma / 2 + root), 1 + H * (-gamma / 2 - root)]
    else:
        shrink = 1 - H * gamma
        expected = np.linalg.eigvals(np.array([[shrink, -H / 2], [shrink * H / 2, 1 - H**2 / 4]]))
    assert np.sort_complex(np.linalg.eigvals(found)) == pytest.approx(np.sort_complex(np.array(expected)), abs=1e-6)


@pytest.mark.analytic
def test_from_afar_the_plain_game_spirals_out_and_r1_contracts_at_its_rate():
    """500 steps of h = 0.2 from (1, 1), simultaneously: each plain step grows, and R1's tail shrinks by |1 + hλ|."""
    dynamics = Simultaneous(optimizer=SGD(lr=H))
    plain = np.linalg.norm(dirac(dynamics, AdversarialGame(Minimax()), 1.0, 1.0, 500), axis=1)
    assert plain[-1] > 1.5 * plain[0]
    gamma = 0.4
    damped = np.linalg.norm(
        dirac(dynamics, AdversarialGame(Minimax(), penalties=(R1(gamma=gamma),)), 1.0, 1.0, 500), axis=1
    )
    rate = abs(1 + H * (-gamma / 2 + np.sqrt(complex(gamma**2 / 4 - 1 / 4))))
    # The norm also breathes with the turn of the spiral, by a bounded factor, of which the 400th root is within 1 %.
    assert (damped[500] / damped[100]) ** (1 / 400) == pytest.approx(rate, abs=3e-3)
    assert damped[-1] < 1e-7
