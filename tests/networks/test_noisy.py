"""The networks of semi-supervised digits: layer by layer, first scales from the data, and noise in training only."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from gansmith.games import SemiSupervised, check_game
from gansmith.networks import Known, NoisyMLP
from gansmith.networks.noisy import GaussianNoise, WeightNormLinear
from gansmith.types import Round

SMALL = NoisyMLP(width=16, layers=(32, 16, 8))


def some(n: int) -> torch.Tensor:
    return torch.rand(n, 1, 6, 6, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.analytic
def test_parameters_are_those_of_the_released_code() -> None:
    # By hand: G 100-500-500-784 with weights, biases, and lengths of the last layer; D 784-1000-500-250-250-250-10
    # with weights and biases, and trained lengths of the last layer only.
    networks = NoisyMLP()
    g = networks.generator((1, 28, 28), latent=100)
    d = networks.classifier((1, 28, 28), classes=10)
    sizes = [784, 1000, 500, 250, 250, 250, 10]
    inside = sum(a * b + b for a, b in pairwise(sizes)) + 10
    assert sum(p.numel() for p in d.parameters()) == inside
    assert sum(p.numel() for p in g.parameters()) == 100 * 500 + 500 + 500 * 500 + 500 + 500 * 784 + 784 + 784
    noises = [layer.std for layer in d.modules() if isinstance(layer, GaussianNoise)]
    assert noises == [0.3, 0.5, 0.5, 0.5, 0.5, 0.5]


@pytest.mark.reference
def test_weight_normalisation_is_pytorchs() -> None:
    torch.manual_seed(0)
    mine, theirs = WeightNormLinear(5, 3), nn.utils.parametrizations.weight_norm(nn.Linear(5, 3))
    with torch.no_grad():
        mine.length.copy_(torch.tensor([0.5, 2.0, 3.0]))
        weights = theirs.parametrizations.weight
        weights.original0.copy_(mine.length[:, None])
        weights.original1.copy_(mine.direction)
        theirs.bias.copy_(mine.bias)
    x = torch.randn(7, 5)
    torch.testing.assert_close(mine(x), theirs(x))


@pytest.mark.analytic
def test_the_data_set_the_first_scales() -> None:
    # After Salimans & Kingma (2016, sect. 3): with mean 0 and variance 1 before every rectifier and of every logit.
    torch.manual_seed(0)
    d = SMALL.classifier((1, 6, 6), classes=4)
    SMALL.fit(nn.Identity(), d, Known(mean=lambda: pytest.fail("asked for the mean"), some=some))
    seen: list[torch.Tensor] = []
    layers = [layer for layer in d.modules() if isinstance(layer, WeightNormLinear)]
    hooks = [layer.register_forward_hook(lambda _, __, out: seen.append(out)) for layer in layers]
    d.logits(some(500))
    for hook in hooks:
        hook.remove()
    assert len(seen) == 4
    for out in seen:  # the noise is drawn anew, so that this holds to within its sampling error
        assert out.mean(0).abs().max() < 0.25
        assert (out.std(0) - 1).abs().max() < 0.25
    torch.testing.assert_close(seen[0].mean().item(), 0.0, atol=0.02, rtol=0)


@pytest.mark.identity
def test_noise_comes_in_training_only() -> None:
    torch.manual_seed(0)
    d = SMALL.classifier((1, 6, 6), classes=4)
    assert not torch.allclose(d(some(5)), d(some(5)))
    torch.testing.assert_close(d.eval()(some(5)), d(some(5)), rtol=0, atol=0)


@pytest.mark.identity
def test_they_play() -> None:
    torch.manual_seed(0)
    quiet = NoisyMLP(width=16, layers=(32, 8), input_noise=0.0, noise=0.0)  # or two plays would differ
    players = {
        "generator": quiet.generator((1, 6, 6), latent=4),
        "discriminator": quiet.classifier((1, 6, 6), classes=4),
    }
    streams = {"real": some(8), "latent": torch.rand(8, 4), "labelled": -some(8), "answer": torch.arange(8) % 4}
    check_game(SemiSupervised(), players, Round(streams))
    images = players["generator"](torch.randn(8, 4))
    assert images.shape == (8, 1, 6, 6)
    assert images.abs().max() <= 1


@pytest.mark.identity
@pytest.mark.parametrize(
    ("fields", "message"),
    [({"layers": ()}, "layers is ()"), ({"noise": -1.0}, "noise is -1"), ({"width": 0}, "width is 0")],
)
def test_bad_fields_are_named(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NoisyMLP(**fields)  # type: ignore[arg-type]
