"""The conformance check: it passes good networks, names what is wrong with others, and leaves no trace."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from gansmith.networks import MLP, check_networks

SHAPE = (1, 4, 4)


class Plain(nn.Module):
    """A generator as a user would write it, with something to break."""

    def __init__(self, scale: float = 1.0, *, unused: bool = False) -> None:
        super().__init__()
        self.layer, self.scale = nn.Linear(3, 16), scale
        self.extra = nn.Linear(2, 2) if unused else None

    def forward(self, z: Tensor) -> Tensor:
        return self.layer(z).tanh().view(-1, *SHAPE) * self.scale


class Score(nn.Module):
    def __init__(self, mistake: str = "") -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.Softplus(), nn.Linear(8, 1))
        self.mistake = mistake

    def forward(self, x: Tensor) -> Tensor:
        if self.mistake in ("once", "detached gradient"):
            x = (Once if self.mistake == "once" else Detached).apply(x)
        score = self.layers(x)
        if self.mistake == "column":
            return score
        score = score.squeeze(1)
        if self.mistake == "detached input":
            return self.layers(x.detach()).squeeze(1)
        return score / 0 if self.mistake == "infinite" else score


class Detached(torch.autograd.Function):
    """An operation whose derivative has silently no derivative."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: object, grad: Tensor) -> Tensor:
        return grad.detach()


class Once(Detached):
    """An operation whose derivative refuses to be differentiated."""

    backward = staticmethod(once_differentiable(Detached.backward))


def test_good_networks_pass_and_stay_as_they_were() -> None:
    torch.manual_seed(0)
    g = nn.Sequential(nn.Linear(3, 16), nn.BatchNorm1d(16), nn.Tanh(), nn.Unflatten(1, SHAPE))
    d = Score()
    before = copy.deepcopy((g.state_dict(), d.state_dict(), torch.get_rng_state()))
    check_networks(g, d, shape=SHAPE, latent=3)
    for old, new in zip(before[:2], (g.state_dict(), d.state_dict()), strict=True):
        assert all(torch.equal(old[key], new[key]) for key in new)
    assert torch.equal(before[2], torch.get_rng_state())
    assert all(p.grad is None for p in g.parameters())


@pytest.mark.parametrize(
    ("generator", "discriminator", "message"),
    [
        (nn.Linear(3, 16), Score(), r"the generator gave \(4, 16\)"),
        (Plain(1.5), Score(), r"images lie in \[-1, 1\]"),
        (Plain(float("nan")), Score(), "generator gave values that are not finite"),
        (Plain(unused=True), Score(), "parameters of the generator: extra.weight, extra.bias"),
        (Plain(), Score("column"), r"squeeze\(1\)"),
        (Plain(), Score("infinite"), "scores that are not finite"),
        (Plain(), Score("detached input"), "no gradient reaches these parameters of the generator"),
        (Plain(), Score("once"), "no finite second derivative"),
        (Plain(), Score("detached gradient"), "no finite second derivative"),
    ],
)
def test_each_mistake_is_named(generator: nn.Module, discriminator: nn.Module, message: str) -> None:
    torch.manual_seed(0)
    with pytest.raises(ValueError, match=message):
        check_networks(generator, discriminator, shape=SHAPE, latent=3)


def test_vectors_may_leave_the_unit_box() -> None:
    torch.manual_seed(0)
    spec = MLP(width=8)
    g = nn.Sequential(spec.generator((2,), latent=3), nn.Linear(2, 2))
    nn.init.constant_(g[1].bias, 10.0)
    check_networks(g, spec.discriminator((2,)), shape=(2,), latent=3)
