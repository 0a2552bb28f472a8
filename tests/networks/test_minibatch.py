"""Minibatch features: against the definitions written out sample by sample, and inside a discriminator."""

import math

import pytest
import torch

from gansmith.games import R1, AdversarialGame
from gansmith.networks import DCGAN, Known, MinibatchDeviation, MinibatchDiscrimination, samplewise
from gansmith.types import Round


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.analytic
def test_minibatch_discrimination_is_its_definition_written_out() -> None:
    # Salimans et al. 2016, sect. 3.2, with the released code's normed columns, left-out self and bias, in plain loops.
    torch.manual_seed(0)
    layer, h = MinibatchDiscrimination(4, kernels=3, size=2).double(), noise(5, 4)
    with torch.no_grad():
        layer.log_length.copy_(noise(3, 2, seed=1))
        layer.bias.copy_(noise(3, seed=2))
    found = layer(h)
    torch.testing.assert_close(found[:, :4], h, rtol=0, atol=0)
    columns = (layer.direction / layer.direction.norm(dim=0) * layer.log_length.exp()).detach()
    for i in range(5):
        for b in range(3):
            near = 0.0
            for j in set(range(5)) - {i}:
                apart = sum(abs(float((h[i] - h[j]) @ columns[:, b, c])) for c in range(2))
                near += math.exp(-apart)
            assert found[i, 4 + b].item() == pytest.approx(near + layer.bias[b].item(), abs=1e-12)


@pytest.mark.analytic
def test_calibration_sets_the_nearest_distance_to_two_and_the_mean_output_to_zero() -> None:
    torch.manual_seed(0)
    layer, h = MinibatchDiscrimination(6, kernels=4).double(), 30 * noise(50, 6)
    layer.calibrate(h)
    nearest = (layer.distances(h) + torch.eye(50)[..., None] * 1e9).amin(1)
    torch.testing.assert_close(nearest.mean(0), torch.full((4,), 2.0, dtype=torch.float64))
    torch.testing.assert_close(layer(h)[:, 6:].mean(0), torch.zeros(4, dtype=torch.float64))


@pytest.mark.analytic
@pytest.mark.parametrize(("n", "group", "groups"), [(8, 4, 2), (7, 3, 2), (3, 4, 1)])
def test_minibatch_deviation_is_its_definition_written_out(n: int, group: int, groups: int) -> None:
    x = noise(n, 3, 2, 2)
    found = MinibatchDeviation(group)(x)
    torch.testing.assert_close(found[:, :3], x, rtol=0, atol=0)
    for i in range(n):
        fellows = x[[j for j in range(n) if j % groups == i % groups]]
        by_hand = ((fellows - fellows.mean(0)) ** 2).mean(0).add(1e-8).sqrt().mean()
        torch.testing.assert_close(found[i, 3], by_hand.expand(2, 2))


@pytest.mark.identity
@pytest.mark.parametrize("minibatch", ["discrimination", "deviation"])
def test_a_discriminator_that_sees_its_batch_says_so_and_sees_copies(minibatch: str) -> None:
    torch.manual_seed(0)
    spec = DCGAN(width=4, discriminator_norm="none", minibatch=minibatch)
    d = spec.discriminator((1, 16, 16)).double()
    assert not d.samplewise
    assert not samplewise(torch.nn.Sequential(d))
    x = noise(8, 1, 16, 16)
    spec.fit(torch.nn.Identity(), d, Known(mean=torch.zeros, some=lambda n: noise(n, 1, 16, 16, seed=1)))
    beside_others, beside_copies = d.body(x)[0], d.body(x[:1].expand(8, 1, 16, 16))[0]
    assert not torch.allclose(beside_others, beside_copies)
    plain = DCGAN(width=4, discriminator_norm="none").discriminator((1, 16, 16)).double()
    torch.testing.assert_close(plain.body(x)[0], plain.body(x[:1].expand(8, 1, 16, 16))[0])


@pytest.mark.smoke
@pytest.mark.parametrize("minibatch", ["discrimination", "deviation"])
def test_penalties_differentiate_through_it(minibatch: str) -> None:
    torch.manual_seed(0)
    spec = DCGAN(width=4, discriminator_norm="none", minibatch=minibatch)
    players = {"generator": spec.generator((1, 16, 16), latent=3), "discriminator": spec.discriminator((1, 16, 16))}
    round = Round({"real": noise(8, 1, 16, 16).float(), "latent": noise(8, 3).float()})
    game = AdversarialGame(penalties=(R1(gamma=1.0),))
    cost = game.costs(game.play(players, round, of=["discriminator"]), of=["discriminator"])["discriminator"]
    cost.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in players["discriminator"].parameters())


@pytest.mark.identity
def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="group is 1"):
        MinibatchDeviation(1)
    with pytest.raises(ValueError, match="minibatch is 'features'"):
        DCGAN(minibatch="features")  # type: ignore[arg-type]
