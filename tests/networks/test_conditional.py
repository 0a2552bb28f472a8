"""Labels: the projection's formula, and the mistakes a caller can make."""

import pytest
import torch
from torch import nn

from gansmith.networks import DCGAN, MLP, Projection, Residual
from gansmith.networks.conditional import Concatenation

SPECS = [
    MLP(width=8, depth=1),
    DCGAN(width=4, max_width=8),
    Residual(width=8, max_width=8),
]


@pytest.mark.analytic
def test_projection_is_a_linear_score_plus_the_inner_product_with_the_class() -> None:
    torch.manual_seed(0)
    head = Projection(6, classes=3)
    h, label = torch.randn(4, 6), torch.tensor([0, 2, 1, 2])
    assert isinstance(head.embedding, nn.Embedding)
    expected = [
        head.score.weight[0] @ row + head.score.bias[0] + head.embedding.weight[y] @ row
        for row, y in zip(h, label.tolist(), strict=True)
    ]
    torch.testing.assert_close(head(h, label), torch.stack(expected))


@pytest.mark.analytic
def test_concatenation_is_one_hidden_layer_of_features_and_class() -> None:
    torch.manual_seed(0)
    head = Concatenation(6, classes=3, embedding=2, units=5)
    h, label = torch.randn(4, 6), torch.tensor([0, 2, 1, 2])
    joined = torch.cat((h, head.embedding.weight[label]), 1) @ head.joint.weight.T + head.joint.bias
    expected = torch.where(joined > 0, joined, 0.2 * joined) @ head.score.weight[0] + head.score.bias[0]
    torch.testing.assert_close(head(h, label), expected)
    # Not only shifted: by how much the class changes the score depends on the features.
    change = head(h, torch.zeros(4).long()) - head(h, torch.ones(4).long())
    assert change.std() > 1e-3


@pytest.mark.parametrize("head", [Projection(4), Projection(4, classes=2), Concatenation(4, classes=2)])
def test_scores_keep_float32_under_autocast(head: nn.Module) -> None:
    label = torch.tensor([0, 1]) if head.embedding is not None else None
    with torch.autocast("cpu", torch.bfloat16):
        assert head(torch.randn(2, 4, dtype=torch.bfloat16), label).dtype == torch.float32


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: f"{type(s).__name__} {getattr(s, 'labels', '')}")
def test_labels_matter_to_both_players(spec: MLP | DCGAN | Residual) -> None:
    torch.manual_seed(0)
    g = spec.generator((1, 16, 16), latent=4, classes=3).eval()
    d = spec.discriminator((1, 16, 16), classes=3).eval()
    z, zeros, ones = torch.randn(2, 4), torch.zeros(2).long(), torch.ones(2).long()
    x = g(z, zeros)
    assert not torch.equal(x, g(z, ones))
    assert not torch.equal(d(x, zeros), d(x, ones))


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: f"{type(s).__name__} {getattr(s, 'labels', '')}")
def test_label_mistakes_are_named(spec: MLP | DCGAN | Residual) -> None:
    torch.manual_seed(0)
    shape, z = (1, 16, 16), torch.randn(2, 4)
    conditional = spec.generator(shape, latent=4, classes=3), spec.discriminator(shape, classes=3)
    plain = spec.generator(shape, latent=4), spec.discriminator(shape)
    for inputs, net, unlabelled in zip((z, torch.zeros(2, *shape)), conditional, plain, strict=True):
        with pytest.raises(ValueError, match="built for 3 classes: pass label"):
            net(inputs)
        with pytest.raises(ValueError, match=r"label 3 is out of range.*0 to 2"):
            net(inputs, torch.tensor([0, 3]))
        with pytest.raises(ValueError, match="label -1 is out of range"):
            net(inputs, torch.tensor([0, -1]))
        with pytest.raises(ValueError, match=r"must be int64 of shape \(2,\)"):
            net(inputs, torch.tensor([0]))
        with pytest.raises(ValueError, match="must be int64"):
            net(inputs, torch.tensor([0.0, 1.0]))
        with pytest.raises(ValueError, match="takes no label"):
            unlabelled(inputs, torch.tensor([0, 1]))


def test_counts_are_checked() -> None:
    with pytest.raises(ValueError, match="latent is 0"):
        MLP().generator((2,), latent=0)
    with pytest.raises(ValueError, match="classes is -1"):
        MLP().discriminator((2,), classes=-1)


def test_a_concatenated_label_matters_and_must_be_there() -> None:
    torch.manual_seed(0)
    spec = DCGAN(width=4, max_width=8, discriminator_norm="none", labels="concatenation")
    d, x = spec.discriminator((1, 16, 16), classes=3), torch.randn(2, 1, 16, 16)
    assert not torch.equal(d(x, torch.zeros(2).long()), d(x, torch.ones(2).long()))
    with pytest.raises(ValueError, match="built for 3 classes: pass label"):
        d(x)
    with pytest.raises(ValueError, match="labels is 'concatenation', and this discriminator is told no labels"):
        spec.discriminator((1, 16, 16))
    with pytest.raises(ValueError, match="labels is 'both'; it must be one of projection, concatenation"):
        DCGAN(labels="both")  # type: ignore[arg-type]
