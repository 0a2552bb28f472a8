"""The Fréchet distance against closed forms and against other implementations on the same features."""

import numpy as np
import pytest
import scipy.linalg
import torch

from gansmith.metrics import GaussianStatistics, frechet_distance


def normal(n: int, d: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(d, d, generator=generator, dtype=torch.float64)
    return torch.randn(n, d, generator=generator, dtype=torch.float64) @ mix + seed


def gaussian(mean: list[float], covariance: list[list[float]]) -> GaussianStatistics:
    """Statistics that have exactly this mean and covariance."""
    return GaussianStatistics(2, torch.tensor(mean, dtype=torch.float64), torch.tensor(covariance, dtype=torch.float64))


@pytest.mark.analytic
def test_one_dimension() -> None:
    # N(1, 2²) against N(4, 3²): (1 − 4)² + (2 − 3)² = 10.
    assert frechet_distance(gaussian([1], [[4]]), gaussian([4], [[9]])) == pytest.approx(10, abs=1e-12)


@pytest.mark.analytic
def test_commuting_covariances_add_up_over_axes() -> None:
    # Rotating both by the same matrix changes nothing, and on the axes the distance is Σ (σ_i − τ_i)².
    angle = torch.tensor(0.7, dtype=torch.float64)
    turn = torch.stack((torch.stack((angle.cos(), -angle.sin())), torch.stack((angle.sin(), angle.cos()))))
    first = turn @ torch.diag(torch.tensor([4.0, 25.0]).double()) @ turn.T
    second = turn @ torch.diag(torch.tensor([1.0, 9.0]).double()) @ turn.T
    distance = frechet_distance(gaussian([0, 0], first.tolist()), gaussian([0, 0], second.tolist()))
    assert distance == pytest.approx((2 - 1) ** 2 + (5 - 3) ** 2, abs=1e-12)


@pytest.mark.analytic
def test_rank_one_covariances() -> None:
    # For Σ = uuᵀ and vvᵀ the trace of the root is |u·v|, so d² = |u|² + |v|² − 2 |u·v| = 25 + 4 − 2·6 = 17.
    u, v = torch.tensor([3.0, 4.0]).double(), torch.tensor([2.0, 0.0]).double()
    a, b = (gaussian([0, 0], torch.outer(x, x).tolist()) for x in (u, v))
    assert frechet_distance(a, b) == pytest.approx(17, abs=1e-12)


@pytest.mark.analytic
def test_identical_sets_are_at_zero_even_where_the_covariance_is_singular() -> None:
    few = GaussianStatistics.of(normal(20, 64, seed=0))  # rank 19 of 64
    assert 0 <= frechet_distance(few, few) < 1e-10


@pytest.mark.reference
@pytest.mark.parametrize("d", [3, 32])
def test_against_the_matrix_square_root_of_scipy(d: int) -> None:
    a, b = normal(500, d, seed=1).numpy(), normal(400, d, seed=2).numpy()
    root = np.real(scipy.linalg.sqrtm(np.cov(a.T) @ np.cov(b.T)))
    expected = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(np.cov(a.T) + np.cov(b.T) - 2 * root)
    ours = frechet_distance(*(GaussianStatistics.of(torch.from_numpy(x)) for x in (a, b)))
    assert ours == pytest.approx(expected, rel=1e-9)


@pytest.mark.reference
def test_against_torchmetrics_on_the_same_features() -> None:
    fid = pytest.importorskip("torchmetrics.image.fid")

    class Identity(torch.nn.Module):
        num_features = 16

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.flatten(1)

    real, fake = normal(300, 16, seed=3), normal(200, 16, seed=4)
    metric = fid.FrechetInceptionDistance(feature=Identity(), normalize=True, input_img_size=(1, 4, 4))
    metric.set_dtype(torch.float64)
    metric.update(real.view(-1, 1, 4, 4), real=True)
    metric.update(fake.view(-1, 1, 4, 4), real=False)
    ours = frechet_distance(GaussianStatistics.of(real), GaussianStatistics.of(fake))
    assert ours == pytest.approx(metric.compute().item(), rel=1e-6)


@pytest.mark.identity
def test_symmetric_and_unmoved_by_a_common_rotation_and_shift() -> None:
    a, b = normal(300, 8, seed=5), normal(300, 8, seed=6)
    turn = torch.linalg.qr(torch.randn(8, 8, generator=torch.Generator().manual_seed(7), dtype=torch.float64)).Q
    of = GaussianStatistics.of
    distance = frechet_distance(of(a), of(b))
    assert frechet_distance(of(b), of(a)) == pytest.approx(distance, rel=1e-10)
    assert frechet_distance(of(a @ turn + 3), of(b @ turn + 3)) == pytest.approx(distance, rel=1e-10)


def test_refuses_different_spaces_and_single_samples() -> None:
    of = GaussianStatistics.of
    with pytest.raises(ValueError, match="features of 2 and of 3 numbers"):
        frechet_distance(of(torch.randn(9, 2)), of(torch.randn(9, 3)))
    with pytest.raises(ValueError, match="at least 2 samples; got 1"):
        frechet_distance(of(torch.randn(1, 2)), of(torch.randn(9, 2)))
