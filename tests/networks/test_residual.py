"""The residual pair: what fix-up initialisation promises, the count of its parameters, and the fields."""

import math

import pytest
import torch
from torch import nn

from gansmith.networks import MLP, Residual
from gansmith.networks.residual import Block


@pytest.mark.analytic
def test_parameters_counted_by_hand() -> None:
    # 16 px, widths 32-16-8 at 4, 8 and 16 px; a block of c channels has a middle of 2c in groups of 16.
    def block(c: int) -> int:
        return (c * 2 * c + 2 * c) + (2 * c * 16 * 9 + 2 * c) + 2 * c * c

    blocks = block(32) + block(16) + block(8)
    changes = 32 * 16 + 16 * 8
    spec = Residual(width=8)
    g = (5 * 32 * 16 + 32) + blocks + changes + (8 * 3 + 3)
    d = (3 * 8 + 8) + blocks + changes + (32 * 16 + 1)
    assert sum(p.numel() for p in spec.generator((3, 16, 16), latent=5).parameters()) == g
    assert sum(p.numel() for p in spec.discriminator((3, 16, 16)).parameters()) == d


@pytest.mark.analytic
def test_blocks_start_as_identities_and_shrink_with_their_number() -> None:
    torch.manual_seed(0)
    for blocks in (1, 4):
        d = Residual(width=32, max_width=32, blocks=blocks).discriminator((1, 32, 32))
        parts = [part for part in d.modules() if isinstance(part, Block)]
        assert len(parts) == 4 * blocks
        x = torch.randn(2, 32, 4, 4)
        assert all(torch.equal(part(x), x) for part in parts)
        # std = L^(-1/4) sqrt(2 / (1 + 0.2²)) / sqrt(fan-in)
        expected = (4 * blocks) ** -0.25 * math.sqrt(2 / 1.04)
        for part in parts:
            assert part.expand.weight.std().item() * math.sqrt(32) == pytest.approx(expected, rel=0.1)
            assert part.mix.weight.std().item() * math.sqrt(16 * 9) == pytest.approx(expected, rel=0.1)


@pytest.mark.analytic
def test_signals_start_at_unit_scale() -> None:
    torch.manual_seed(0)
    d = Residual(width=64).discriminator((3, 32, 32))
    # White noise is averaged over 2x2 pixels three times, which divides its deviation by 8; the rest keeps it.
    scores = d(torch.randn(256, 3, 32, 32))
    assert scores.std().item() == pytest.approx(1 / 8, rel=0.5)


@pytest.mark.reference
def test_halving_is_bilinear_resampling() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 8, 8)
    expected = nn.functional.interpolate(x, scale_factor=0.5, mode="bilinear", align_corners=False)
    torch.testing.assert_close(nn.AvgPool2d(2)(x), expected)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"width": 12}, "width 12 times expansion 2 is 24, which is not a multiple of group_size 16"),
        ({"max_width": 100}, "max_width 100 times expansion 2 is 200"),
        ({"blocks": 0}, "blocks is 0"),
    ],
)
def test_bad_fields_are_named(fields: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Residual(**fields)


def test_bad_mlp_fields_are_named() -> None:
    with pytest.raises(ValueError, match="MLP depth is 0"):
        MLP(depth=0)
