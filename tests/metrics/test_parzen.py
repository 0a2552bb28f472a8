"""Parzen windows against sums written out, quadrature and SciPy, and whatever the order and the pieces."""

import math
import re

import numpy as np
import pytest
import torch
from scipy.stats import gaussian_kde
from torch import Tensor

from gansmith.metrics import Images, parzen_estimate, parzen_log_likelihood, parzen_sigma
from gansmith.metrics.parzen import SIGMAS


def draw(n: int, d: int, *, seed: int = 0, shift: float = 0.0) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + shift


@pytest.mark.reference
@pytest.mark.parametrize("d", [1, 2, 3])
def test_it_is_scipys_density_with_the_same_window(d: int) -> None:
    samples, points = draw(200, d), draw(50, d, seed=1)
    # scipy scales the samples' covariance; whitened samples have the identity, so the factor is the width itself.
    white = samples - samples.mean(0)
    white = white @ torch.linalg.inv(torch.linalg.cholesky(white.T @ white / (len(white) - 1))).T
    expected = gaussian_kde(white.T.numpy(), bw_method=0.3).logpdf(points.T.numpy())
    found = parzen_log_likelihood(white, points, 0.3)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-9)


@pytest.mark.analytic
def test_the_density_integrates_to_one() -> None:
    x = torch.linspace(-12, 12, 20_001, dtype=torch.float64).unsqueeze(1)
    density = parzen_log_likelihood(draw(30, 1), x, 0.2).exp()
    assert torch.trapezoid(density, x.squeeze(1)).item() == pytest.approx(1, abs=1e-9)


@pytest.mark.analytic
def test_a_single_sample_is_one_gaussian_of_784_dimensions() -> None:
    points = draw(5, 784, seed=2)
    expected = -0.5 * points.square().sum(1) / 0.04 - 784 * math.log(0.2 * math.sqrt(2 * math.pi))
    torch.testing.assert_close(parzen_log_likelihood(torch.zeros(1, 784), points, 0.2), expected, rtol=1e-12, atol=0)


@pytest.mark.analytic
def test_of_many_gaussian_samples_it_is_the_convolved_gaussian() -> None:
    """Samples of N(0, 1) under a window σ have the density N(0, 1 + σ²), up to the noise of 40,000 samples."""
    points = torch.linspace(-2, 2, 9, dtype=torch.float64).unsqueeze(1)
    expected = torch.distributions.Normal(0.0, math.sqrt(1.25)).log_prob(points.squeeze(1))
    torch.testing.assert_close(parzen_log_likelihood(draw(40_000, 1), points, 0.5), expected, atol=0.02, rtol=0)


@pytest.mark.identity
def test_neither_pieces_nor_order_nor_the_origin_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    samples, points = draw(97, 6), draw(41, 6, seed=3)
    whole = parzen_log_likelihood(samples, points, 0.3)
    monkeypatch.setattr("gansmith.metrics.parzen.SAMPLES", 10)
    monkeypatch.setattr("gansmith.metrics.parzen.POINTS", 7)
    order = torch.randperm(97, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(parzen_log_likelihood(samples[order], points, 0.3), whole, rtol=1e-12, atol=1e-12)
    # Far away, squared distances as differences of squared lengths would have no digit left.
    far = parzen_log_likelihood(samples + 1e6, points + 1e6, 0.3)
    torch.testing.assert_close(far, whole, rtol=1e-6, atol=1e-6)


@pytest.mark.identity
def test_points_beyond_every_window_are_told_exactly() -> None:
    # exp(−½·100²/0.01) is 0 in float64; its logarithm is not.
    found = parzen_log_likelihood(torch.zeros(3, 1), torch.tensor([[100.0]]), 0.1)
    assert found.item() == pytest.approx(-0.5 * 1e6 - math.log(0.1 * math.sqrt(2 * math.pi)), rel=1e-12)


@pytest.mark.analytic
def test_the_width_is_the_one_with_the_greatest_mean() -> None:
    samples, points = draw(50, 2), draw(50, 2, seed=1)
    means = [parzen_log_likelihood(samples, points, sigma).mean().item() for sigma in SIGMAS]
    assert parzen_sigma(samples, points) == SIGMAS[int(np.argmax(means))]
    assert np.allclose(SIGMAS, np.logspace(-1, 0, 10), rtol=1e-15)


@pytest.mark.analytic
def test_the_protocol_by_its_parts() -> None:
    """Pixels in [0, 1], the width from the validation images alone, the standard error over test images."""
    images = (torch.rand(90, 1, 4, 4, generator=torch.Generator().manual_seed(0)) * 255).to(torch.uint8)
    images[30:60] = images[:30] // 2 + 60  # validation images nearer to the samples than test images are
    samples, validation, test = (part.flatten(1).double() / 255 for part in images.split(30))
    sigma = parzen_sigma(samples, validation)
    assert sigma != parzen_sigma(samples, test)  # else the case would tell little
    likelihoods = parzen_log_likelihood(samples, test, sigma)
    found = parzen_estimate(images[:40], images[30:60], images[60:], n=30)
    assert found.sigma == sigma
    assert found.value == pytest.approx(likelihoods.mean().item(), rel=1e-5)  # images go through float32
    assert found.error == pytest.approx(likelihoods.std().item() / math.sqrt(30), rel=1e-4)


def test_a_sampler_is_drawn_from_by_its_seed() -> None:
    images = torch.rand(60, 1, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1
    found = [parzen_estimate(Images(images), images[:20], images[20:], n=50, seed=seed) for seed in (0, 0, 1)]
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(
    ("samples", "points", "sigma", "message"),
    [
        (torch.zeros(2, 3), torch.zeros(2, 4), 0.1, "got (2, 3), (2, 4)"),
        (torch.zeros(0, 3), torch.zeros(2, 3), 0.1, "got (0, 3), (2, 3)"),
        (torch.zeros(2, 3), torch.zeros(2, 3), 0.0, "is 0.0; it must be above 0"),
        (torch.zeros(2, 3), torch.zeros(2, 3), math.inf, "is inf; it must be above 0"),
    ],
)
def test_refusals(samples: Tensor, points: Tensor, sigma: float, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        parzen_log_likelihood(samples, points, sigma)
    with pytest.raises(ValueError, match="no width to choose from"):
        parzen_sigma(samples, points, sigmas=())
    with pytest.raises(ValueError, match="at least 2 test images, not 1"):
        parzen_estimate(torch.zeros(4, 1, 2, 2), torch.zeros(4, 1, 2, 2), torch.zeros(1, 1, 2, 2), n=4)
