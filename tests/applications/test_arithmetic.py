"""Sums of latents: by hand, and on a generator whose attributes are coordinates."""

import math

import pytest
import torch

from gansmith.applications.arithmetic import around, combined


@pytest.mark.analytic
def test_what_two_groups_differ_in_is_carried_to_the_third():
    """Coordinate 0 is "glasses", 1 is "man": means of groups that differ in one coordinate leave that one."""
    generator = torch.Generator().manual_seed(0)

    def group(glasses, man, n=4000):
        z = torch.randn(n, 5, generator=generator)
        z[:, 0], z[:, 1] = glasses * z[:, 0].abs(), man * z[:, 1].abs()
        return z

    found = combined([(1, group(1, 1)), (-1, group(-1, 1)), (1, group(-1, -1))])
    mean = math.sqrt(2 / math.pi)  # of the absolute value of a standard normal number
    # Each coordinate's error is at most √3/√4000 = 0.027.
    torch.testing.assert_close(found, torch.tensor([mean, -mean, 0.0, 0.0, 0.0]), atol=0.12, rtol=0)


@pytest.mark.analytic
def test_three_of_three_terms_are_as_long_as_a_sample():
    """The variance of a mean of three is 1/3, and there are three."""
    generator = torch.Generator().manual_seed(0)
    sums = torch.stack(
        [combined([(s, torch.randn(3, 50, generator=generator)) for s in (1, -1, 1)]) for _ in range(200)]
    )
    assert sums.square().mean().item() == pytest.approx(1.0, abs=5 * math.sqrt(2 / sums.numel()))


@pytest.mark.identity
def test_the_first_latent_around_is_the_one_itself():
    z = torch.linspace(-2, 2, 7)
    near = around(z, 5, seed=3)
    assert torch.equal(near[0], z)
    assert 0.2 < (near[1:] - z).abs().max() <= 0.25
    assert torch.equal(near, around(z, 5, seed=3))
    assert not torch.equal(near, around(z, 5, seed=4))
    assert around(z, 5, noise="uniform").abs().max().item() == pytest.approx(math.sqrt(3))


def test_terms_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="nothing to add up"):
        combined([])
    with pytest.raises(ValueError, match=r"latents \(k, d\) with k at least 1 and the same d"):
        combined([(1, torch.zeros(2, 3)), (1, torch.zeros(2, 4))])
    with pytest.raises(ValueError, match="sign is 1 or -1"):
        combined([(2, torch.zeros(2, 3))])
