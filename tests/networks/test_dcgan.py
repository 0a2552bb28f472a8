"""DCGAN: Radford's network counted by hand, the tutorial's network layer for layer, and the fields."""

import pytest
import torch
from torch import nn

from gansmith.networks import DCGAN, MLP
from gansmith.networks.layers import Double, Halve, Start


def _count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.analytic
def test_parameters_at_64_pixels_are_radfords() -> None:
    # Weights: 100·512 from z, then each pair of neighbouring widths, all times 16 taps; two per channel of batch norm.
    generator = 16 * (100 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 3) + 2 * (512 + 256 + 128 + 64)
    discriminator = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512 * 1) + 2 * (128 + 256 + 512)
    bare = DCGAN(bias=False)
    assert _count(bare.generator((3, 64, 64), latent=100)) == generator == 3_576_704
    assert _count(bare.discriminator((3, 64, 64))) == discriminator == 2_765_568
    # Biases only at G's output (3), D's input (64) and D's score (1).
    assert _count(DCGAN().generator((3, 64, 64), latent=100)) == generator + 3
    assert _count(DCGAN().discriminator((3, 64, 64))) == discriminator + 64 + 1


def _tutorial(width: int, latent: int, channels: int) -> tuple[nn.Sequential, nn.Sequential]:
    """The textbook pair as plain convolutions, from the latent as a 1x1 image to a score as a 1x1 image."""
    up, down = [], []
    for inputs, outputs in ((latent, 8), (8, 4), (4, 2), (2, 1)):
        step = (1, 0) if inputs == latent else (2, 1)
        inputs = latent if inputs == latent else inputs * width
        up += [nn.ConvTranspose2d(inputs, outputs * width, 4, *step, bias=False), nn.BatchNorm2d(outputs * width)]
        up.append(nn.ReLU())
    for inputs, outputs in ((0, 1), (1, 2), (2, 4), (4, 8)):
        down.append(nn.Conv2d(inputs * width or channels, outputs * width, 4, 2, 1, bias=False))
        down += [nn.BatchNorm2d(outputs * width)] if inputs else []
        down.append(nn.LeakyReLU(0.2))
    up += [nn.ConvTranspose2d(width, channels, 4, 2, 1, bias=False), nn.Tanh()]
    down.append(nn.Conv2d(8 * width, 1, 4, bias=False))
    return nn.Sequential(*up), nn.Sequential(*down)


@pytest.mark.reference
def test_the_tutorials_network_layer_for_layer() -> None:
    torch.manual_seed(0)
    spec = DCGAN(width=4, bias=False)
    g, d = spec.generator((3, 64, 64), latent=10).double(), spec.discriminator((3, 64, 64)).double()
    up, down = (net.double() for net in _tutorial(4, 10, 3))
    up.load_state_dict(dict(zip(up.state_dict(), g.state_dict().values(), strict=True)))
    weights = list(d.state_dict().values())
    # The score's weights lie as (h, w, channel) in the linear map and as (channel, h, w) in the convolution.
    weights[-1] = weights[-1].view(1, 4, 4, 32).permute(0, 3, 1, 2)
    down.load_state_dict(dict(zip(down.state_dict(), weights, strict=True)))
    z = torch.randn(3, 10, dtype=torch.float64)
    images = g(z)
    torch.testing.assert_close(images, up(z[:, :, None, None]), check_stride=False)
    torch.testing.assert_close(d(images), down(images)[:, 0, 0, 0])


@pytest.mark.analytic
def test_initial_weights_have_radfords_spread() -> None:
    torch.manual_seed(0)
    g = DCGAN(width=16).generator((1, 32, 32), latent=32)
    for layer in g.modules():
        if isinstance(layer, Start | Double):
            # 4 standard errors of a standard deviation estimated from that many weights.
            assert layer.weight.std().item() == pytest.approx(0.02, rel=4 / (2 * layer.weight.numel()) ** 0.5)
        if isinstance(layer, nn.BatchNorm2d):
            assert layer.weight.mean().item() == pytest.approx(1.0, abs=0.02)
            assert not layer.bias.any()


def test_norms_are_where_they_belong() -> None:
    def norms(network: nn.Module) -> int:
        return sum(isinstance(part, nn.BatchNorm2d) for part in network.modules())

    shape = (1, 32, 32)
    assert norms(DCGAN(width=4).generator(shape, latent=4)) == 3
    assert norms(DCGAN(width=4).discriminator(shape)) == 2
    free = DCGAN(width=4, generator_norm="none", discriminator_norm="none")
    assert norms(free.generator(shape, latent=4)) == norms(free.discriminator(shape)) == 0
    assert free.discriminator(shape).samplewise
    assert not DCGAN(width=4).discriminator(shape).samplewise


@pytest.mark.analytic
@pytest.mark.parametrize("networks", [DCGAN(width=4, discriminator_norm="spectral"), MLP(width=8, spectral=True)])
def test_spectral_norm_brings_every_layer_to_one(networks: DCGAN | MLP) -> None:
    """Against the singular values themselves: each evaluation is a step of the power iteration, which goes there."""
    torch.manual_seed(0)
    d = networks.discriminator((1, 16, 16), classes=3).double()
    for _ in range(500):
        d(torch.zeros(1, 1, 16, 16).double(), torch.zeros(1, dtype=torch.int64))
    layers = [layer for layer in d.eval().modules() if isinstance(layer, Halve | nn.Linear | nn.Embedding)]
    assert len(layers) >= 4
    for layer in layers:
        raw, weight = (w.flatten(1) for w in (layer.parametrizations.weight.original, layer.weight))
        assert torch.linalg.matrix_norm(weight, 2).item() == pytest.approx(1, abs=1e-6)
        assert torch.allclose(weight, raw / torch.linalg.matrix_norm(raw, 2), atol=1e-6)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"width": 0}, "width is 0"),
        ({"generator_norm": "spectral"}, "generator_norm is 'spectral'"),
        ({"discriminator_norm": "virtual"}, "discriminator_norm is 'virtual'"),
    ],
)
def test_bad_fields_are_named(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DCGAN(**fields)  # type: ignore[arg-type]


@pytest.mark.analytic
def test_he_keeps_the_size_of_a_signal_where_radfords_weights_lose_it() -> None:
    # He et al. (2015, sect. 2.2): with variance 2 / ((1 + slope²)·fan in) a layer's output has its input's mean square.
    x = torch.randn(64, 1, 32, 32, generator=torch.Generator().manual_seed(0))

    def size(init: str) -> float:
        torch.manual_seed(0)
        d = DCGAN(width=32, discriminator_norm="none", discriminator_init=init).discriminator((1, 32, 32))
        return d.body(x).square().mean().sqrt().item()

    assert 0.7 < size("he") < 1.4
    assert size("normal") < 0.2
