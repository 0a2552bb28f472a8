"""Maxout units and the players made of them."""

import pytest
import torch
from torch import nn

from gansmith.networks import Known, Maxout, check_networks
from gansmith.networks.maxout import LinearMaxout


@pytest.mark.analytic
def test_a_unit_is_the_largest_of_its_pieces() -> None:
    layer = LinearMaxout(3, 4, pieces=5)
    x = torch.randn(7, 3)
    weight, bias = layer.linear.weight.view(5, 4, 3), layer.linear.bias.view(5, 4)
    expected = torch.stack([x @ w.T + b for w, b in zip(weight, bias, strict=True)]).amax(0)
    assert torch.allclose(layer(x), expected)


@pytest.mark.analytic
def test_it_can_be_differentiated_twice() -> None:
    # A piecewise linear function has no curvature in x, but its slope depends on the weights.
    layer, x = LinearMaxout(3, 1, pieces=2).double(), torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(layer(x).sum(), x, create_graph=True)
    (again,) = torch.autograd.grad(slope.square().sum(), layer.linear.weight)
    assert torch.allclose(again.sum(0), 2 * slope.sum(0))  # every sample's slope is one of the rows


def test_sizes_of_the_published_players() -> None:
    # Lin et al. 2018: four hidden layers of 400 without biases, normalised; three of 200 units with 5 pieces.
    networks = Maxout(width=400, depth=4, batch_norm=True, units=200, layers=3)
    count = lambda module: sum(p.numel() for p in module.parameters())  # noqa: E731
    assert count(networks.generator((2,), latent=2)) == 2 * 400 + 3 * 400**2 + 4 * 2 * 400 + 400 * 2 + 2
    assert count(networks.discriminator((2,))) == 5 * (200 * 3 + 2 * 200 * 201) + 201


def test_dropout_is_where_it_was_published() -> None:
    drops = [m.p for m in Maxout(input_dropout=0.2, dropout=0.5).discriminator((2,)).modules() if type(m) is nn.Dropout]
    assert drops == [0.2, 0.5, 0.5]
    assert not any(isinstance(m, nn.Dropout) for m in Maxout().discriminator((2,)).modules())


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("shape", [(2,), (1, 8, 8)])
def test_they_are_players(shape: tuple[int, ...], batch_norm: bool) -> None:
    networks = Maxout(width=16, units=8, batch_norm=batch_norm, std=0.2)
    generator, discriminator = networks.generator(shape, latent=4, classes=3), networks.discriminator(shape, classes=3)
    check_networks(generator, discriminator, shape=shape, latent=4, classes=3)
    assert generator.samplewise is not batch_norm


def test_refusals() -> None:
    with pytest.raises(ValueError, match="Maxout units is 0"):
        Maxout(units=0)
    with pytest.raises(ValueError, match="dropout is 1"):
        Maxout(dropout=1.0)
    with pytest.raises(ValueError, match="std is 0"):
        Maxout(std=0)
    with pytest.raises(ValueError, match="generator_range is -1"):
        Maxout(generator_range=-1)
    with pytest.raises(ValueError, match="pieces is 0"):
        LinearMaxout(1, 1, pieces=0)


def test_weights_start_within_their_ranges() -> None:
    torch.manual_seed(0)
    networks = Maxout(width=64, units=16, generator_range=0.05, discriminator_range=0.005, std=7.0)
    players = {0.05: networks.generator((1, 4, 4), latent=8), 0.005: networks.discriminator((1, 4, 4))}
    for reach, player in players.items():
        for layer in (layer for layer in player.modules() if isinstance(layer, nn.Linear)):
            assert layer.weight.abs().max() <= reach
            assert not layer.bias.any()
        weights = torch.cat([p.flatten() for p in player.parameters() if p.ndim > 1])
        assert abs(weights.std() - reach / 3**0.5) < 0.05 * reach  # that of a uniform density


@pytest.mark.analytic
def test_inside_pixels_go_from_0_to_1() -> None:
    torch.manual_seed(0)
    networks = Maxout(width=8, units=8, unit_pixels=True, std=1.0)
    generator, discriminator = networks.generator((1, 4, 4), latent=8), networks.discriminator((1, 4, 4))
    z, black = torch.randn(3, 8), torch.full((1, 1, 4, 4), -1.0)
    logits = generator.body[:-1](z)
    assert torch.allclose((generator(z) + 1) / 2, logits.sigmoid(), atol=1e-6)
    # At black the first layer sees zeros, as it would of pixels that were all dropped: only its biases speak.
    first = discriminator.body[2]
    assert torch.equal(discriminator.body[:3](black), first(torch.zeros(1, 16)))
    assert torch.equal(networks.discriminator((2,)).body[0](z), z)  # numbers that are no pixels stay as they are


@pytest.mark.analytic
@pytest.mark.parametrize("unit_pixels", [False, True])
def test_biases_start_at_the_marginals_of_the_data(unit_pixels: bool) -> None:
    networks = Maxout(width=8, units=8, marginals=True, unit_pixels=unit_pixels, generator_range=1e-9)
    generator = networks.generator((1, 2, 2), latent=8)
    mean = torch.tensor([[[-1.0, -0.5], [0.25, 1.0]]], dtype=torch.float64)
    networks.fit(generator, torch.nn.Identity(), Known(mean=lambda: mean, some=torch.zeros))
    assert torch.allclose(generator(torch.randn(5, 8)).double(), mean.expand(5, 1, 2, 2), atol=1e-6)
    # By itself an architecture does not ask for the data, which may take long to be gone through.
    Maxout().fit(
        generator, torch.nn.Identity(), Known(mean=lambda: pytest.fail("asked for the mean"), some=torch.zeros)
    )


@pytest.mark.analytic
def test_pieces_that_tie_share_the_gradient() -> None:
    layer, x = LinearMaxout(1, 1, pieces=4), torch.ones(1, 1)
    layer.linear.weight.data = torch.tensor([[1.0], [2.0], [2.0], [0.0]])
    (gradient,) = torch.autograd.grad(layer(x).sum(), layer.linear.weight)
    assert gradient.flatten().tolist() == [0.0, 0.5, 0.5, 0.0]
