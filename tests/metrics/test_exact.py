"""Divergences of known densities, against the closed forms of Gaussians."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Independent, Normal, Uniform
from torch.distributions import kl_divergence as torch_kl
from torch.nn.functional import softplus

from gansmith.metrics import exact

pytestmark = pytest.mark.analytic


def normal(mean: float, std: float) -> Normal:
    return Normal(torch.tensor(mean, dtype=torch.float64), torch.tensor(std, dtype=torch.float64))


def on_line(*densities: Normal) -> tuple[Tensor, ...]:
    points, weights = exact.lattice(-20.0, 20.0, 4000)
    return (*(d.log_prob(points[:, 0]) for d in densities), weights)


def test_lattice_integrates_a_density_in_the_plane() -> None:
    points, weights = exact.lattice((-10.0, -10.0), (10.0, 10.0), 60)  # a spacing of a third of σ
    density = Independent(Normal(torch.zeros(2, dtype=torch.float64), 1.0), 1)
    assert (weights @ density.log_prob(points).exp()).item() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (1.5, 1.0), (-1.0, 0.4), (0.3, 2.0)])
def test_both_directions_of_kl_between_gaussians(mean: float, std: float) -> None:
    # KL(N(0,1)‖N(μ,σ²)) = log σ + (1 + μ²)/(2σ²) − ½, and the other way round −log σ + (σ² + μ²)/2 − ½.
    log_p, log_q, weights = on_line(normal(0.0, 1.0), normal(mean, std))
    forward = math.log(std) + (1 + mean**2) / (2 * std**2) - 0.5
    backward = -math.log(std) + (std**2 + mean**2) / 2 - 0.5
    assert exact.kl_divergence(log_p, log_q, weights).item() == pytest.approx(forward, abs=1e-10)
    assert exact.kl_divergence(log_q, log_p, weights).item() == pytest.approx(backward, abs=1e-10)


def test_kl_where_the_other_density_underflows() -> None:
    # 60 standard deviations apart: q is 0 in floating point wherever p is not, but its logarithm is not.
    points, weights = exact.lattice(-15.0, 15.0, 4000)
    log_p, log_q = normal(0.0, 1.0).log_prob(points[:, 0]), normal(60.0, 1.0).log_prob(points[:, 0])
    assert exact.kl_divergence(log_p, log_q, weights).item() == pytest.approx(1800, rel=1e-10)


def test_total_variation_of_shifted_gaussians() -> None:
    # They cross half-way, so it is P(|Z| < μ/2) = erf(μ / 2√2).
    log_p, log_q, weights = on_line(normal(0.0, 1.0), normal(1.0, 1.0))
    expected = math.erf(1 / (2 * math.sqrt(2)))
    assert exact.total_variation(log_p, log_q, weights).item() == pytest.approx(expected, abs=1e-5)  # |p−q| has a kink


def test_overlapping_intervals() -> None:
    # Uniform on [0, 2) and on [1, 3): half of each mass is common. JSD = ½·log 2 and total variation ½, since half the
    # mass lies where the other density is 0 and contributes log 2, and half where both are equal and contributes 0.
    points, weights = exact.lattice(-1.0, 4.0, 5000)
    x = points[:, 0]
    a, b, c, d = torch.arange(4, dtype=torch.float64)
    log_p, log_q = Uniform(a, c, validate_args=False).log_prob(x), Uniform(b, d, validate_args=False).log_prob(x)
    assert exact.js_divergence(log_p, log_q, weights).item() == pytest.approx(math.log(2) / 2, abs=1e-9)
    assert exact.total_variation(log_p, log_q, weights).item() == pytest.approx(0.5, abs=1e-9)
    assert exact.kl_divergence(log_p, log_q, weights).item() == math.inf
    assert exact.optimal_value(log_p, log_q, weights).item() == pytest.approx(-math.log(2), abs=1e-9)


def test_js_is_symmetric_and_ends_where_it_should() -> None:
    log_p, log_q, log_far, weights = on_line(normal(0.0, 1.0), normal(0.7, 0.5), normal(19.0, 0.02))
    there, back = exact.js_divergence(log_p, log_q, weights), exact.js_divergence(log_q, log_p, weights)
    assert there.item() == pytest.approx(back.item(), abs=1e-12)
    assert exact.js_divergence(log_p, log_p, weights).item() == pytest.approx(0, abs=1e-12)
    assert exact.js_divergence(log_p, log_far, weights).item() == pytest.approx(math.log(2), abs=1e-9)


def test_optimal_discriminator_by_hand() -> None:
    p, q = torch.tensor([0.2, 0.6, 0.0]), torch.tensor([0.6, 0.2, 0.5])
    assert torch.allclose(exact.optimal_discriminator(p.log(), q.log()), torch.tensor([0.25, 0.75, 0.0]))
    smoothed = exact.optimal_discriminator(p.log(), q.log(), real_target=0.9, fake_target=0.2)
    assert torch.allclose(smoothed, (0.9 * p + 0.2 * q) / (p + q))


def test_nobody_beats_the_optimal_discriminator() -> None:
    # Theorem 1: its value is −log 4 + 2·JSD, reached at the logit log p − log q and nowhere exceeded around it.
    log_p, log_q, weights = on_line(normal(0.0, 1.0), normal(1.0, 0.7))
    best = exact.optimal_value(log_p, log_q, weights).item()
    assert exact.game_value(log_p - log_q, log_p, log_q, weights).item() == pytest.approx(best, abs=1e-12)
    wiggle = torch.randn(len(weights), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for size in (-0.5, -1e-3, 1e-3, 0.5):
        assert exact.game_value(log_p - log_q + size * wiggle, log_p, log_q, weights).item() < best
    assert exact.optimal_value(log_p, log_p, weights).item() == pytest.approx(-math.log(4), abs=1e-12)


def test_from_samples_as_on_the_lattice() -> None:
    p, q = normal(0.0, 1.0), normal(1.0, 0.7)
    log_p, log_q, weights = on_line(p, q)
    x, other = torch.randn(2, 100_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = 1.0 + 0.7 * other
    kl = exact.kl_from_samples(p.log_prob(x), q.log_prob(x))
    assert abs(kl.value - torch_kl(p, q).item()) < 4 * kl.error  # four standard errors
    js = exact.js_from_samples(p.log_prob(x), q.log_prob(x), p.log_prob(y), q.log_prob(y))
    assert abs(js.value - exact.js_divergence(log_p, log_q, weights).item()) < 4 * js.error

    # The errors are those of means of log p/q over p, and of log(1 + q/p) over p and log(1 + p/q) over q, halved.
    def variance(log_density: Tensor, terms: Tensor) -> float:
        mass = weights * log_density.exp()
        return (mass @ (terms - mass @ terms).square()).item() / 100_000

    ratio = log_p - log_q
    assert kl.error == pytest.approx(math.sqrt(variance(log_p, ratio)), rel=0.05)
    of_p, of_q = variance(log_p, softplus(-ratio)), variance(log_q, softplus(ratio))
    assert js.error == pytest.approx(math.sqrt(of_p + of_q) / 2, rel=0.05)


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"from 1.0 to 0.0"):
        exact.lattice(1.0, 0.0, 3)
    with pytest.raises(ValueError, match="points is 0"):
        exact.lattice(0.0, 1.0, 0)
    with pytest.raises(ValueError, match=r"\(3,\), \(3, 1\), \(3,\) differ"):
        exact.kl_divergence(torch.zeros(3), torch.zeros(3, 1), torch.ones(3))
    with pytest.raises(ValueError, match="fake_target is 2"):
        exact.optimal_discriminator(torch.zeros(3), torch.zeros(3), fake_target=2)
    with pytest.raises(ValueError, match=r"shape \(1,\)"):
        exact.kl_from_samples(torch.zeros(1), torch.zeros(1))
