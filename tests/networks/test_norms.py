"""Normalisation: virtual batch norm against batch norm on the joined batch, sample by sample, and in a generator."""

import pytest
import torch
from torch import nn

from gansmith.networks import DCGAN, Generator, Norm, PixelNorm, VirtualBatchNorm
from gansmith.networks.norms import norm

KINDS: tuple[Norm, ...] = ("batch", "virtual", "reference", "layer", "instance", "pixel", "none")


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def scaled(layer: VirtualBatchNorm) -> VirtualBatchNorm:
    """The same with a gain and a bias that are not 1 and 0."""
    with torch.no_grad():
        layer.weight.copy_(noise(len(layer.weight), seed=8))
        layer.bias.copy_(noise(len(layer.bias), seed=9))
    return layer.double()


@pytest.mark.reference
@pytest.mark.parametrize("places", [(), (5,), (4, 3)])
def test_virtual_batch_norm_is_batch_norm_over_the_reference_batch_and_one_sample(places: tuple[int, ...]) -> None:
    # The definition itself: PyTorch's batch norm on {x} ∪ reference for each x, of which x's row is kept.
    reference, x = noise(6, 3, *places), 3 + 2 * noise(4, 3, *places, seed=1)
    layer = scaled(VirtualBatchNorm(3, reference=6))
    found = layer(torch.cat((reference, x)))
    for row, sample in zip(found[6:], x, strict=True):
        joined = torch.cat((reference, sample[None]))
        wanted = nn.functional.batch_norm(joined, None, None, layer.weight, layer.bias, training=True, eps=layer.eps)
        torch.testing.assert_close(row, wanted[-1])
    alone = nn.functional.batch_norm(reference, None, None, layer.weight, layer.bias, training=True, eps=layer.eps)
    torch.testing.assert_close(found[:6], alone)


@pytest.mark.reference
@pytest.mark.parametrize("places", [(), (4, 3)])
def test_reference_batch_norm_uses_the_reference_batch_alone(places: tuple[int, ...]) -> None:
    # PyTorch's batch norm in evaluation, its running statistics being the reference batch's.
    reference, x = noise(6, 3, *places), 3 + 2 * noise(4, 3, *places, seed=1)
    layer = scaled(VirtualBatchNorm(3, reference=6, own=False))
    var, mean = torch.var_mean(reference, (0, *range(2, x.ndim)), correction=0)
    wanted = nn.functional.batch_norm(x, mean, var, layer.weight, layer.bias, eps=layer.eps)
    torch.testing.assert_close(layer(torch.cat((reference, x)))[6:], wanted)


@pytest.mark.analytic
def test_gradients_flow_through_both_the_sample_and_the_reference_batch() -> None:
    layer = scaled(VirtualBatchNorm(2, reference=3))
    x = noise(5, 2, 2).requires_grad_()
    assert torch.autograd.gradcheck(layer, (x,))
    assert torch.autograd.gradgradcheck(layer, (x,))


@pytest.mark.identity
@pytest.mark.parametrize("kind", KINDS)
def test_which_kinds_let_samples_see_each_other(kind: Norm) -> None:
    # A sample beside others and by itself: only batch norm may make a difference.
    torch.manual_seed(0)
    g = DCGAN(width=4, generator_norm=kind, reference=5).generator((1, 16, 16), latent=3, classes=2).double()
    if g.reference:
        g.refer(noise(5, 3, seed=2), torch.tensor([0, 1, 0, 1, 1]))
    z, label = noise(4, 3), torch.tensor([0, 1, 1, 0])
    together, apart = g(z, label), torch.cat([g(z[i : i + 1], label[i : i + 1]) for i in range(4)])
    assert torch.allclose(together, apart) == (kind != "batch")
    assert g.samplewise == (kind != "batch")


@pytest.mark.identity
@pytest.mark.parametrize("kind", ["virtual", "reference"])
def test_evaluation_is_training_and_the_reference_batch_is_saved(kind: Norm) -> None:
    torch.manual_seed(0)
    spec = DCGAN(width=4, generator_norm=kind, reference=5)
    g = spec.generator((1, 16, 16), latent=3).double()
    g.refer(noise(5, 3, seed=2))
    z = noise(4, 3)
    torch.testing.assert_close(g.eval()(z), g.train()(z), rtol=0, atol=0)
    again = spec.generator((1, 16, 16), latent=3).double()
    assert not torch.allclose(again(z), g(z))
    again.load_state_dict(g.state_dict())
    torch.testing.assert_close(again(z), g(z), rtol=0, atol=0)
    g.refer(noise(5, 3, seed=3))  # another reference batch makes other samples
    assert not torch.allclose(again(z), g(z))


@pytest.mark.analytic
def test_pixel_norm_leaves_every_pixel_with_mean_square_one() -> None:
    x = noise(2, 5, 3, 3)
    y = PixelNorm()(x)
    torch.testing.assert_close(y.square().mean(1), torch.ones(2, 3, 3, dtype=torch.float64))
    assert (nn.functional.cosine_similarity(x, y, dim=1) > 1 - 1e-12).all()  # and with its direction


@pytest.mark.identity
def test_half_precision_is_computed_in_single() -> None:
    x = (100 + noise(6, 3, 4)).bfloat16()  # the variance is lost in bfloat16's 8 bits of a mean of 100
    for layer in (VirtualBatchNorm(3, reference=2), PixelNorm()):
        assert layer(x).dtype == torch.bfloat16
        torch.testing.assert_close(layer(x), layer(x.float()).bfloat16())


@pytest.mark.identity
def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="reference is 0"):
        VirtualBatchNorm(3, reference=0)
    with pytest.raises(ValueError, match="2 rows came in"):
        VirtualBatchNorm(3, reference=4)(torch.zeros(2, 3))
    with pytest.raises(ValueError, match="no normalisation 'group'"):
        norm("group", 3)  # type: ignore[arg-type]
    plain = Generator(nn.Linear(3, 2), shape=(2,), latent=3)
    with pytest.raises(ValueError, match="the reference batch is"):
        plain.refer(torch.zeros(4, 3))
    with pytest.raises(ValueError, match="discriminator_norm is 'virtual'"):
        DCGAN(discriminator_norm="virtual")  # type: ignore[arg-type]
