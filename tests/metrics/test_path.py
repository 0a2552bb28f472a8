"""Path length of linear generators, where it is known."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from gansmith.metrics import path_length, pixels, spherical

SETTINGS = {"dtype": torch.float64, "n": 3000}


def linear(matrix: Tensor):
    return lambda z: (z @ matrix.T).view(len(z), 1, 1, -1)


@pytest.mark.analytic
@pytest.mark.parametrize(("d", "expected"), [(2, math.pi**2 / 3), (3, (math.pi**2 - 4) / 2)])
def test_arcs_between_points_of_the_sphere(d: int, expected: float) -> None:
    # A rotation keeps lengths, so the speed along an arc is the angle Ω, uniform on [0, π] in the plane and of density
    # ½·sin Ω in space; scaled by 2, the squared speed is 4·E Ω².
    turn = torch.linalg.qr(torch.randn(d, d, generator=torch.Generator().manual_seed(0), dtype=torch.float64)).Q
    found = path_length(linear(2 * turn), pixels(), latent=d, mapping=normalize, **SETTINGS)
    assert abs(found.value - 4 * expected) < 3 * found.error
    assert found.error < 0.1 * found.value


@pytest.mark.analytic
def test_chords_of_a_linear_generator() -> None:
    # d/dt A(z₁ + t(z₂ − z₁)) is A(z₂ − z₁), whose mean square is 2‖A‖², whatever ε is.
    matrix = torch.tensor([[1.0, 2.0, 0.0], [0.0, 1.0, -1.0]], dtype=torch.float64)
    found = [
        path_length(linear(matrix), pixels(), latent=3, between=torch.lerp, epsilon=epsilon, **SETTINGS)
        for epsilon in (1e-2, 1e-4)
    ]
    assert abs(found[0].value - 2 * 7) < 3 * found[0].error
    assert found[1].value == pytest.approx(found[0].value, rel=1e-6)


@pytest.mark.analytic
def test_the_place_on_the_path_is_uniform() -> None:
    # For G(z) = z² on the line the speed at t is 2uw with u = a + t(b − a) and w = b − a, normal with variances
    # (1 − t)² + t² and 2 and covariance 2t − 1. E(2uw)² = 4(2·((1 − t)² + t²) + 2(2t − 1)²), over t uniform on [0, 1]
    # 4(4/3 + 2/3) = 8; at either end alone it would be 16, and half-way 4.
    def squared(z: Tensor) -> Tensor:
        return z.square().view(-1, 1, 1, 1)

    found = path_length(squared, pixels(), latent=1, between=torch.lerp, dtype=torch.float64, n=20_000)
    assert abs(found.value - 8) < 3 * found.error < 1


@pytest.mark.analytic
def test_single_precision_is_enough_for_the_papers_step() -> None:
    matrix = torch.randn(20, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    exact = path_length(linear(matrix), pixels(), latent=8, **SETTINGS)
    single = path_length(linear(matrix.float()), pixels(), latent=8, n=3000)
    assert single.value == pytest.approx(exact.value, rel=1e-3)


@pytest.mark.identity
def test_the_batch_does_not_matter_and_the_seed_does() -> None:
    def found(**settings: int) -> tuple[float, float]:
        return path_length(linear(torch.eye(4).double()), pixels(), latent=4, n=301, dtype=torch.float64, **settings)

    expected = found()
    assert found(batch=7) == pytest.approx(expected, rel=1e-9)
    assert found(seed=1) != pytest.approx(expected, rel=1e-3)


@pytest.mark.analytic
def test_spherical_keeps_lengths_and_goes_straight_where_there_is_no_arc() -> None:
    a, b = torch.eye(3).double()[:2]
    for t in (0.0, 0.3, 1.0):
        point = spherical(a[None], b[None], torch.tensor([[t]]).double())[0]
        assert point.norm().item() == pytest.approx(1, rel=1e-12)
        assert torch.acos(point[0]).item() == pytest.approx(t * math.pi / 2, abs=1e-7)
    assert spherical(a[None], -3 * a[None], torch.tensor([[0.25]]).double())[0].tolist() == [0, 0, 0]


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"epsilon=0\.0"):
        path_length(torch.nn.Identity(), pixels(), latent=2, epsilon=0.0)
    with pytest.raises(ValueError, match="n=1"):
        path_length(torch.nn.Identity(), pixels(), latent=2, n=1)
