"""Which trainings of the Dirac-GAN converge (Mescheder et al. 2018, table 1, general case, and section 3)."""

from dataclasses import dataclass

import numpy as np
import pytest

from gansmith.dynamics import (
    SGD,
    Alternating,
    Clipped,
    Competitive,
    Consensus,
    Simultaneous,
    SymplecticAdjustment,
    eigenvalues,
    jacobian,
    play,
)
from gansmith.games import FunctionGame, Minimax, NonSaturating, Wasserstein, dirac_gan
from gansmith.networks import Point
from gansmith.types import Dynamics, Round

D, G = "discriminator", "generator"
H, STEPS = 0.2, 500


def flow(game):
    """The eigenvalues at the equilibrium of the flow w′ = −F(w), in the order of numpy."""
    return np.sort_complex(-eigenvalues(game, {D: Point(0.0), G: Point(0.0)}, Round()).numpy())


def pair(real, square):
    """Both roots real ± √square."""
    root = np.sqrt(complex(square))
    return np.sort_complex(np.array([real + root, real - root]))


def norms(game, dynamics, steps=STEPS):
    """‖(ψ, θ)‖ after each step from (1, 1)."""
    players, found = {D: Point(1.0), G: Point(1.0)}, []

    def watch(step, result):
        found.append(np.hypot(players[D]().item(), players[G]().item()))

    play(game, dynamics, players, lambda step: lambda substep: Round(), steps=steps, watch=watch)
    return np.array(found)


def r1(gamma):
    return lambda psi: gamma / 2 * psi.square()


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Args:
        game: the Dirac-GAN of that kind.
        converges: as published.
        eigenvalues: of the flow at the equilibrium, where the paper has them.
        clip: the largest slope of the discriminator, which a projection after each of its moves enforces.
        gamma: the weight of consensus optimisation.
    """

    game: FunctionGame
    converges: bool
    eigenvalues: np.ndarray | None = None
    clip: float | None = None
    gamma: float | None = None

    def dynamics(self, alternating) -> Dynamics:
        if self.gamma is not None:
            return Consensus(optimizer=SGD(lr=H), gamma=self.gamma)
        plain = Alternating(optimizer=SGD(lr=H)) if alternating else Simultaneous(optimizer=SGD(lr=H))
        return plain if self.clip is None else Clipped(dynamics=plain, bound=self.clip)


# f(t) = −log(1+e⁻ᵗ), so f′(0) = 1/2 and f″(0) = −1/4; for the Wasserstein game f(t) = t.
SLOPE, BEND, GAMMA, SIGMA = 0.5, -0.25, 0.6, 0.9
TABLE = {
    "GAN": Row(dirac_gan(Minimax()), False, pair(0, -(SLOPE**2))),
    "NS-GAN": Row(dirac_gan(NonSaturating()), False, pair(0, -(SLOPE**2))),
    "WGAN": Row(dirac_gan(Wasserstein()), False, pair(0, -1)),
    "WGAN, clipping": Row(dirac_gan(Wasserstein()), False, pair(0, -1), clip=0.5),
    "WGAN-GP": Row(dirac_gan(Wasserstein(), penalty=lambda psi: 0.25 * (psi.abs() - 1).square()), False),
    "instance noise": Row(
        dirac_gan(Minimax(), noise=SIGMA), True, pair(BEND * SIGMA**2, BEND**2 * SIGMA**4 - SLOPE**2)
    ),
    "NS-GAN, instance noise": Row(
        dirac_gan(NonSaturating(), noise=SIGMA), True, pair(BEND * SIGMA**2, BEND**2 * SIGMA**4 - SLOPE**2)
    ),
    "R1": Row(dirac_gan(Minimax(), penalty=r1(GAMMA)), True, pair(-GAMMA / 2, GAMMA**2 / 4 - SLOPE**2)),
    "NS-GAN, R1": Row(dirac_gan(NonSaturating(), penalty=r1(GAMMA)), True, pair(-GAMMA / 2, GAMMA**2 / 4 - SLOPE**2)),
    "consensus": Row(dirac_gan(Minimax()), True, gamma=1.0),
    "NS-GAN, consensus": Row(dirac_gan(NonSaturating()), True, gamma=1.0),
}


@pytest.mark.analytic
@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if row.eigenvalues is not None])
def test_the_eigenvalues_at_the_equilibrium_are_those_of_the_paper(name):
    """Plain: ±f′(0)i. Instance noise: f″(0)σ² ± √(f″(0)²σ⁴ − f′(0)²). R1: −γ/2 ± √(γ²/4 − f′(0)²)."""
    row = TABLE[name]
    assert flow(row.game) == pytest.approx(row.eigenvalues, abs=1e-9)
    assert (row.eigenvalues.real.max() < 0) == row.converges


@pytest.mark.analytic
@pytest.mark.parametrize(
    ("name", "alternating"), [(name, a) for name, row in TABLE.items() for a in (False, True) if not (row.gamma and a)]
)
def test_what_converges_is_what_the_paper_says(name, alternating):
    """From (1, 1), h = 0.2: the equilibrium is reached to five digits, or 500 steps end far from it.

    Far is more than 1/4 of where the discriminator began, in each of the last 100 steps. The non-saturating game under
    alternating steps comes nearest: its eigenvalues have modulus 1, and what draws it in is of the fourth order.
    """
    row = TABLE[name]
    end = norms(row.game, row.dynamics(alternating))[-100:]
    assert end.max() < 1e-5 if row.converges else end.min() > 0.25


@pytest.mark.analytic
def test_one_step_of_consensus_has_the_eigenvalues_of_its_flow():
    """At the equilibrium F = 0, so F + γJᵀF has the derivative J + γJᵀJ: eigenvalues γf′(0)² ± f′(0)i of it."""
    game, tiny = dirac_gan(Minimax()), 1e-6
    columns = []
    for start in ((tiny, 0.0), (0.0, tiny)):
        players = {D: Point(start[0]), G: Point(start[1])}
        play(game, Consensus(optimizer=SGD(lr=H), gamma=GAMMA), players, lambda s: lambda k: Round(), steps=1)
        columns.append([players[D]().item() / tiny, players[G]().item() / tiny])
    J = jacobian(game, {D: Point(0.0), G: Point(0.0)}, Round()).numpy()
    assert -flow(game).imag.min() == pytest.approx(SLOPE)
    found = np.array(columns).T
    assert found == pytest.approx(np.eye(2) - H * (J + GAMMA * J.T @ J), abs=1e-6)
    assert np.sort_complex(np.linalg.eigvals(found)) == pytest.approx(
        1 - H * GAMMA * SLOPE**2 + pair(0, -((H * SLOPE) ** 2)), abs=1e-6
    )


@pytest.mark.analytic
def test_the_critical_weight_of_r1_is_one():
    """The slowest rate is the largest real part: −γ/2 up to γ = 2f′(0) = 1, and from there it rises."""
    slowest = {gamma: flow(dirac_gan(penalty=r1(gamma))).real.max() for gamma in (0.5, 0.9, 1.0, 1.1, 2.0)}
    for gamma, rate in slowest.items():
        # At γ = 1 the two eigenvalues meet in one with a single eigenvector, which costs half of the digits.
        assert rate == pytest.approx(-gamma / 2 + np.sqrt(max(0.0, gamma**2 / 4 - 1 / 4)), abs=1e-7)
    assert min(slowest, key=slowest.get) == 1.0


@pytest.mark.analytic
@pytest.mark.parametrize("loss", [Minimax(), NonSaturating()], ids=lambda loss: type(loss).__name__)
@pytest.mark.parametrize(
    ("dynamics", "rate"),
    [
        (Consensus(optimizer=SGD(lr=H), gamma=0.6), np.hypot(1 - H * 0.6 / 4, H / 2)),
        (SymplecticAdjustment(optimizer=SGD(lr=H), weight=0.6), np.hypot(1 - H * 0.6 / 4, H / 2)),
        (Competitive(optimizer=SGD(lr=H)), 1 / np.hypot(1, H / 2)),
    ],
    ids=["consensus", "symplectic", "competitive"],
)
def test_near_the_equilibrium_the_plain_games_contract_as_the_bilinear_one(dynamics, rate, loss):
    """There V is θψ/2 up to the third order: the closed forms of xy with h/2 for h, and γ/2 for γ."""
    players = {D: Point(1e-4), G: Point(0.0)}
    play(dirac_gan(loss), dynamics, players, lambda step: lambda substep: Round(), steps=20)
    end = np.hypot(players[D]().item(), players[G]().item())
    assert (end / 1e-4) ** (1 / 20) == pytest.approx(rate, abs=1e-8)
