"""On V(x, y) = xy a step is a linear map: its spectral radius against the closed form of each dynamics.

F(x, y) = (y, −x), which has the eigenvalues μ = ±i: along its eigenvectors a step multiplies by a polynomial in hμ.
"""

import numpy as np
import pytest
import torch

from gansmith.dynamics import (
    SGD,
    Alternating,
    Averaged,
    Competitive,
    Extragradient,
    Lookahead,
    Optimistic,
    Simultaneous,
    Unrolled,
    averaged,
    play,
)
from gansmith.games import bilinear
from gansmith.networks import Point
from gansmith.types import Round

GAME = bilinear(players=("discriminator", "generator"))
STEPS = [0.01, 0.2, 0.45, 1.0]


def draws(step):
    return lambda substep: Round(key=(step, substep))


def after(dynamics, start, *, steps=1, memory=None):
    """Where `steps` steps lead from (x, y), with what is remembered under `memory` as two more coordinates."""
    players = dict(zip(GAME.players, (Point(start[0]), Point(start[1])), strict=True))
    state = dynamics.init(GAME, players)
    if memory is not None:
        state[memory] = {p: [torch.tensor([v]).double()] for p, v in zip(GAME.players, start[2:], strict=True)}
    state = play(GAME, dynamics, players, draws, steps=steps, state=state)
    kept = [] if memory is None else [state[memory][p][0].item() for p in GAME.players]
    return np.array([players[p]().item() for p in GAME.players] + kept)


def matrix(dynamics, *, steps=1, memory=None):
    basis = np.eye(2 if memory is None else 4)
    return np.stack([after(dynamics, start, steps=steps, memory=memory) for start in basis], axis=1)


def radius(matrix):
    return abs(np.linalg.eigvals(matrix)).max()


@pytest.mark.analytic
@pytest.mark.parametrize("share", [True, False])
@pytest.mark.parametrize("h", STEPS)
def test_extragradient(h, share):
    """w ← w − hF(w − hF(w)) multiplies by 1 − hμ + h²μ² = 1 − h² ∓ ih, of modulus √((1−h²)² + h²)."""
    found = matrix(Extragradient(optimizer=SGD(lr=h), share=share))
    assert found == pytest.approx(np.array([[1 - h**2, -h], [h, 1 - h**2]]), abs=1e-12)
    assert radius(found) == pytest.approx(np.sqrt(1 - h**2 + h**4), abs=1e-9)


def companion(h):
    """The radius of wₜ₊₁ = (1 − 2hμ)·wₜ + hμ·wₜ₋₁, as a map of (wₜ, wₜ₋₁)."""
    return max(radius(np.array([[1 - 2 * h * mu, h * mu], [1, 0]])) for mu in (1j, -1j))


@pytest.mark.analytic
@pytest.mark.parametrize("h", [*STEPS, 0.5, 1 / np.sqrt(3)])
@pytest.mark.parametrize(
    ("kind", "memory"), [(Optimistic(), "moves"), (Extragradient(past=True), "past")], ids=["optimistic", "past"]
)
def test_optimism_and_extrapolation_from_the_past(kind, memory, h):
    """Both have the companion matrix of two steps, whose λ² − (1−2hμ)λ − hμ has the roots ½(1 − 2hμ ± √(1 − 4h²)).

    For h ≤ ½ the larger modulus is ½√((1+s)² + 4h²) with s² = 1 − 4h², so √((1+s)/2). Beyond, the roots are
    ½ ∓ i(h ± √(h² − ¼)), and the circle is left at h = 1/√3.
    """
    dynamics = type(kind)(**vars(kind) | {"optimizer": SGD(lr=h)})
    found = radius(matrix(dynamics, memory=memory))
    closed = np.sqrt((1 + np.sqrt(1 - 4 * h**2)) / 2) if h <= 0.5 else np.hypot(0.5, h + np.sqrt(h**2 - 0.25))
    # At h = ½ the root is double, and a double root is only known to the square root of the precision.
    tolerance = 1e-7 if h == 0.5 else 1e-9
    assert found == pytest.approx(closed, abs=tolerance)
    assert companion(h) == pytest.approx(closed, abs=tolerance)
    assert (found < 1 - 1e-5) == (h < 1 / np.sqrt(3))


TWO_SCALES = {
    "simultaneous": (Simultaneous(), None, lambda h: np.sqrt(1 + h**2)),
    "alternating": (Alternating(), None, lambda h: 1.0),
    "extragradient": (Extragradient(), None, lambda h: np.sqrt(1 - h**2 + h**4)),
    "from the past": (Extragradient(past=True), "past", lambda h: np.sqrt((1 + np.sqrt(1 - 4 * h**2)) / 2)),
    "optimistic": (Optimistic(), "moves", lambda h: np.sqrt((1 + np.sqrt(1 - 4 * h**2)) / 2)),
    "competitive": (Competitive(), None, lambda h: 1 / np.sqrt(1 + h**2)),
}


@pytest.mark.analytic
@pytest.mark.parametrize("name", TWO_SCALES)
@pytest.mark.parametrize("ratio", [0.25, 4.0])
def test_two_time_scales_are_one_in_between(name, ratio):
    """With h for one and rh for the other, y = √r·y′ turns a step into that of h√r for both, which has its radius."""
    kind, memory, closed = TWO_SCALES[name]
    dynamics = type(kind)(**vars(kind) | {"optimizer": SGD(lr=0.2), "rates": {"generator": ratio}})
    assert radius(matrix(dynamics, memory=memory)) == pytest.approx(closed(0.2 * np.sqrt(ratio)), abs=1e-9)


@pytest.mark.identity
def test_optimistic_iterates_are_the_extrapolated_points_of_the_past():
    """w½ₜ₊₁ = wₜ₊₁ − hFₜ = wₜ − 2hFₜ = w½ₜ + hFₜ₋₁ − 2hFₜ, from the same beginning."""
    h, start = 0.3, (0.7, -0.4)
    for steps in range(1, 6):
        optimistic = after(Optimistic(optimizer=SGD(lr=h)), start, steps=steps)
        w, state = (
            Extragradient(optimizer=SGD(lr=h), past=True),
            dict(zip(GAME.players, map(Point, start), strict=True)),
        )
        past = play(GAME, w, state, draws, steps=steps)["past"]
        ahead = [state[p]().item() - h * past[p][0].item() for p in GAME.players]
        assert ahead == pytest.approx(optimistic, abs=1e-14)


@pytest.mark.analytic
@pytest.mark.parametrize("first_order", [False, True])
@pytest.mark.parametrize("K", [0, 1, 2, 10])
@pytest.mark.parametrize("h", STEPS)
def test_unrolled(h, K, first_order):
    """K steps lead the discriminator x to x − Khy, where the generator's cost is −(x − Khy)y.

    Its slope in y is −x + 2Khy, and −x + Khy when the steps are taken as they are. So with c = 2K or K a step is
    [[1, −h], [h, 1 − ch²]]: trace 2 − ch², determinant 1 + (1−c)h². First-order with K = 1 conserves, like alternating
    descent, and K = 0 is simultaneous descent.
    """
    c = (1 if first_order else 2) * K
    found = matrix(Unrolled(optimizer=SGD(lr=h), steps=K, first_order=first_order))
    assert found == pytest.approx(np.array([[1, -h], [h, 1 - c * h**2]]), abs=1e-12)
    half, determinant = 1 - c * h**2 / 2, 1 + (1 - c) * h**2
    root = np.sqrt(complex(half**2 - determinant))
    assert radius(found) == pytest.approx(max(abs(half + root), abs(half - root)), abs=1e-9)


@pytest.mark.analytic
@pytest.mark.parametrize("K", [1, 4])
def test_unrolled_when_both_look_ahead(K):
    """Both costs get the term Kh·(own)²: the discriminator's look is at y + Khx, so F = (y + 2Khx, −x + 2Khy).

    A step multiplies by 1 − 2Kh² ∓ ih.
    """
    h = 0.1
    both = Unrolled(optimizer=SGD(lr=h), steps=K, through=GAME.players, looking=GAME.players)
    assert radius(matrix(both)) == pytest.approx(np.hypot(1 - 2 * K * h**2, h), abs=1e-9)


INNER = {
    "simultaneous": (Simultaneous, lambda h: np.sqrt(1 + h**2)),
    "alternating": (Alternating, lambda h: 1.0),
    "extragradient": (Extragradient, lambda h: np.sqrt(1 - h**2 + h**4)),
}


@pytest.mark.analytic
@pytest.mark.parametrize("alpha", [0.25, 0.5, 1.0])
@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("inner", INNER)
@pytest.mark.parametrize("h", [0.05, 0.3])
def test_lookahead(h, inner, k, alpha):
    """In k steps an eigenvector of the inner step is multiplied by 1 − α + αλᵏ: per step the k-th root of that."""
    kind, modulus = INNER[inner]
    within = kind(optimizer=SGD(lr=h))
    eigenvalues = np.linalg.eigvals(matrix(within))
    assert abs(eigenvalues).max() == pytest.approx(modulus(h), abs=1e-9)
    found = radius(matrix(Lookahead(dynamics=within, every=k, alpha=alpha), steps=k)) ** (1 / k)
    assert found == pytest.approx(abs(1 - alpha + alpha * eigenvalues**k).max() ** (1 / k), abs=1e-9)
    if alpha == 1.0:
        assert found == pytest.approx(modulus(h), abs=1e-9)


@pytest.mark.analytic
def test_lookahead_around_simultaneous_descent_converges_only_if_it_looks_far_enough():
    """λ = 1 ± ih. With k = 2, α = ½ the factor is ½(1 + λ²) = 1 − h²/2 ± ih, of squared modulus 1 + h⁴/4: it grows.

    With k = 5, h = ½ the angle of λᵏ is 133° and its modulus 1.25^2.5 = 1.75, so ½(1 + λ⁵) is 0.64 long: it shrinks.
    """
    shrinking = Lookahead(dynamics=Simultaneous(optimizer=SGD(lr=0.5)), every=5, alpha=0.5)
    found = radius(matrix(shrinking, steps=5))
    assert found == pytest.approx(abs(1 + (1 + 0.5j) ** 5) / 2, abs=1e-9)
    assert found < 0.7
    growing = Lookahead(dynamics=Simultaneous(optimizer=SGD(lr=0.5)), every=2, alpha=0.5)
    assert radius(matrix(growing, steps=2)) == pytest.approx(np.sqrt(1 + 0.5**4 / 4), abs=1e-9)


@pytest.mark.analytic
def test_a_lookahead_around_a_lookahead():
    """The inner factor per k steps is ν = 1 − α + αλᵏ, the outer's per jk steps 1 − β + βνʲ."""
    h, k, j, alpha, beta = 0.2, 2, 3, 0.5, 0.75
    within = Lookahead(dynamics=Simultaneous(optimizer=SGD(lr=h)), every=k, alpha=alpha)
    found = radius(matrix(Lookahead(dynamics=within, every=j * k, alpha=beta), steps=j * k))
    nu = 1 - alpha + alpha * (1 + 1j * h) ** k
    assert found == pytest.approx(abs(1 - beta + beta * nu**j), abs=1e-9)


@pytest.mark.analytic
@pytest.mark.parametrize(("decay", "start"), [(None, 0), (None, 4), (0.9, 0), (0.9, 4)])
def test_averages_are_the_sums_that_define_them(decay, start):
    """With wₜ = Mᵗw₀: the mean of those after `start`, or Σ (1−β)βᵗ⁻ⁱwᵢ + what remains of the first one."""
    within, first, steps = Alternating(optimizer=SGD(lr=0.3)), np.array([0.7, -0.4]), 9
    M = matrix(within)
    path = [np.linalg.matrix_power(M, t) @ first for t in range(steps + 1)]
    if decay is None:
        expected = np.mean(path[start + 1 :], axis=0)
    else:
        expected = path[start]
        for w in path[start + 1 :]:
            expected = decay * expected + (1 - decay) * w
    players = dict(zip(GAME.players, map(Point, first), strict=True))
    state = play(GAME, Averaged(dynamics=within, decay=decay, start=start), players, draws, steps=steps)
    copies = averaged(players, state)
    assert [copies[p]().item() for p in GAME.players] == pytest.approx(expected, abs=1e-12)
    assert [players[p]().item() for p in GAME.players] == pytest.approx(path[-1], abs=1e-12)


@pytest.mark.analytic
@pytest.mark.parametrize("decay", [0.5, 0.99])
@pytest.mark.parametrize("kind", [Simultaneous, Extragradient])
def test_the_exponential_average_adds_only_its_own_eigenvalue(kind, decay):
    """(w, w̄) ↦ (Mw, βw̄ + (1−β)Mw) is block triangular, so its radius is the larger of M's and β."""
    M = matrix(kind(optimizer=SGD(lr=0.3)))
    dynamics = Averaged(dynamics=kind(optimizer=SGD(lr=0.3)), decay=decay)
    found = radius(matrix(dynamics, memory="average"))
    assert found == pytest.approx(max(radius(M), decay), abs=1e-9)


@pytest.mark.analytic
def test_the_uniform_average_of_an_orbit_goes_to_its_centre_like_one_over_t():
    """Σ Mᵗ = (M − Mᵀ⁺¹)(1 − M)⁻¹ is bounded where alternating descent only circles, so the mean is O(1/T)."""
    norms = {}
    for steps in (100, 1000):
        players = dict(zip(GAME.players, map(Point, (1.0, 1.0)), strict=True))
        state = play(GAME, Averaged(dynamics=Alternating(optimizer=SGD(lr=0.5))), players, draws, steps=steps)
        norms[steps] = np.hypot(*[state["average"][p][0].item() for p in GAME.players])
    assert norms[100] < 10 / 100
    assert norms[1000] < 10 / 1000
