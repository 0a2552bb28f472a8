"""Units that are planted dead."""

import pytest
import torch
from torch import nn

from gansmith.diagnostics.signals import watched
from gansmith.networks.maxout import LinearMaxout


def share(net: nn.Module, *batches: torch.Tensor) -> float | None:
    with watched({"net": net}) as units:
        for batch in batches:
            net(batch)
    return units["net"].share


@pytest.mark.parametrize("inplace", [False, True])
def test_rectifiers_that_are_never_on(inplace):
    net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(inplace), nn.Conv2d(8, 4, 3), nn.ReLU(inplace))
    nn.init.constant_(net[0].bias[:3], -1e3)
    assert share(net, torch.randn(16, 1, 8, 8)) == pytest.approx(3 / 12)


def test_a_leaky_rectifier_on_its_lower_branch_is_alive_and_one_behind_no_weights_is_not():
    net = nn.Sequential(nn.Linear(3, 4), nn.LeakyReLU(0.2))
    nn.init.constant_(net[0].bias[:1], -1e3)
    nn.init.zeros_(net[0].weight[1:2])
    assert share(net, torch.randn(16, 3)) == pytest.approx(1 / 4)


def test_a_unit_that_is_constant_on_one_batch_only_is_alive():
    """A collapsed generator shows the discriminator one picture; that is not the discriminator's fault."""
    net = nn.Sequential(nn.Linear(3, 4), nn.LeakyReLU(0.2))
    assert share(net, torch.ones(8, 3)) == 1.0
    assert share(net, torch.randn(8, 3), torch.ones(8, 3)) == 0.0


def test_a_maxout_unit_counts_and_an_output_does_not():
    assert share(LinearMaxout(3, 4, pieces=2), torch.randn(8, 3)) == 0.0
    assert share(nn.Sequential(nn.Linear(3, 1), nn.Tanh()), torch.randn(8, 3)) is None


def test_nothing_is_left_behind():
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    with pytest.raises(RuntimeError, match="stop"), watched({"net": net}):
        raise RuntimeError("stop")
    assert not net[1]._forward_hooks
