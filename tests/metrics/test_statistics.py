"""Streaming statistics: what numpy says, whatever the batches and their order."""

import numpy as np
import pytest
import torch

from gansmith.metrics import GaussianStatistics, Images, collect, grey28, pixels


@pytest.fixture(scope="module")
def features() -> torch.Tensor:
    return torch.randn(503, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 3 + 5


@pytest.mark.reference
@pytest.mark.parametrize("size", [1, 2, 100, 503])
def test_in_pieces_as_numpy_in_one(features: torch.Tensor, size: int) -> None:
    first, *rest = (GaussianStatistics.of(part) for part in features.split(size))
    total = sum(rest, start=first)
    assert total.count == 503
    np.testing.assert_allclose(total.mean, features.numpy().mean(0), rtol=1e-13)
    np.testing.assert_allclose(total.covariance, np.cov(features.numpy().T), rtol=1e-11, atol=1e-12)


@pytest.mark.identity
def test_order_does_not_matter(features: torch.Tensor) -> None:
    parts = [GaussianStatistics.of(part) for part in features.split(50)]
    forwards, backwards = sum(parts[1:], start=parts[0]), sum(parts[-2::-1], start=parts[-1])
    torch.testing.assert_close(forwards.covariance, backwards.covariance, rtol=1e-12, atol=1e-12)


@pytest.mark.analytic
def test_a_large_mean_costs_no_digits() -> None:
    # Sums of raw squares near 1e16 would leave no digit of a variance of one; sums about the mean keep them.
    x = torch.randn(1000, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    near = GaussianStatistics.of(x[:400]) + GaussianStatistics.of(x[400:])
    far = GaussianStatistics.of(x[:400] + 1e8) + GaussianStatistics.of(x[400:] + 1e8)
    torch.testing.assert_close(far.covariance, near.covariance, rtol=1e-6, atol=0)


@pytest.mark.identity
@pytest.mark.parametrize("extractor", [pixels(), grey28()], ids=lambda extractor: extractor.name)
def test_collecting_from_a_sampler_is_the_same_at_every_batch_size(extractor) -> None:
    images = torch.rand(50, 1, 28, 28, generator=torch.Generator().manual_seed(2)) * 2 - 1
    one, other = (collect(Images(images), extractor, n=300, seed=3, batch=batch) for batch in (7, 300))
    torch.testing.assert_close(one.mean, other.mean, rtol=1e-5, atol=1e-5)  # a network's float32 depends on the batch
    torch.testing.assert_close(one.covariance, other.covariance, rtol=1e-4, atol=1e-4)


def test_a_tensor_is_taken_whole_and_in_its_order() -> None:
    images = torch.arange(12.0).view(12, 1, 1, 1) / 12
    assert collect(images, pixels(), batch=5).mean.item() == pytest.approx(images.mean().item())
    assert collect(images, pixels(), n=3, batch=2).mean.item() == pytest.approx(images[:3].mean().item())


def test_refusals() -> None:
    with pytest.raises(ValueError, match="1 of 3 samples have features that are not finite"):
        GaussianStatistics.of(torch.tensor([[1.0], [torch.nan], [2.0]]))
    with pytest.raises(ValueError, match="got \\(4,\\)"):
        GaussianStatistics.of(torch.zeros(4))
    with pytest.raises(ValueError, match="of 2 and of 3 numbers"):
        _ = GaussianStatistics.of(torch.zeros(4, 2)) + GaussianStatistics.of(torch.zeros(4, 3))
    with pytest.raises(ValueError, match="say how many samples"):
        collect(Images(torch.zeros(4, 1, 2, 2)), pixels())
    with pytest.raises(ValueError, match="5 images were asked for; 4 are there"):
        collect(torch.zeros(4, 1, 2, 2), pixels(), n=5)
