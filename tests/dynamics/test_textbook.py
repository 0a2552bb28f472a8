"""The dynamics against training loops written out by hand, as a textbook has them."""

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from gansmith.dynamics import Adam, Alternating, LocalEngine, Simultaneous
from gansmith.games import (
    R1,
    R2,
    WGANGP,
    AdversarialGame,
    NonSaturating,
    RelativisticAverage,
    RelativisticPaired,
    Wasserstein,
)
from gansmith.types import Round

STEPS, N = 6, 8
GAMMA, WEIGHT = 0.3, 2.0


def players():
    torch.manual_seed(1)
    generator = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 2)).double()
    discriminator = nn.Sequential(nn.Linear(2, 8), nn.Softplus(), nn.Linear(8, 1), nn.Flatten(0)).double()
    return {"generator": generator, "discriminator": discriminator}


def draw(step):
    def round(substep):
        generator = torch.Generator().manual_seed(100 * step + substep)
        real = torch.randn(N, 2, generator=generator, dtype=torch.float64) + 2
        latent = torch.randn(N, 3, generator=generator, dtype=torch.float64)
        return Round({"real": real, "latent": latent}, key=(step, substep))

    return round


def slopes(D, x):
    """‖∇D(x)‖² of each sample."""
    x = x.detach().requires_grad_()
    return torch.autograd.grad(D(x).sum(), x, create_graph=True)[0].square().sum(1)


def cost_of_d(name, D, round, fake):
    real = round["real"]
    r, f = D(real), D(fake)
    if name == "wgan-gp":
        epsilon = round.uniform("wgan_gp", 1).double()
        norm = (slopes(D, epsilon * real + (1 - epsilon) * fake.detach()) + 1e-12).sqrt()
        return (f - r).mean() + WEIGHT * (norm - 1).square().mean()
    if name == "relativistic average":
        cost = softplus(-(r - f.mean())).mean() + softplus(f - r.mean()).mean()
    elif name == "relativistic paired":
        cost = softplus(-(r - f)).mean()
    else:
        cost = softplus(-r).mean() + softplus(f).mean()
    if name != "plain":
        cost = cost + GAMMA / 2 * (slopes(D, real) + slopes(D, fake)).mean()
    return cost


def cost_of_g(name, D, round, fake):
    f = D(fake)
    if name == "wgan-gp":
        return -f.mean()
    if name == "relativistic average":
        r = D(round["real"])
        return softplus(-(f - r.mean())).mean() + softplus(r - f.mean()).mean()
    if name == "relativistic paired":
        return softplus(-(f - D(round["real"]))).mean()
    return softplus(-f).mean()


BOTH = (R1(gamma=GAMMA), R2(gamma=GAMMA))
GAMES = {
    "plain": AdversarialGame(NonSaturating()),
    "r1 and r2": AdversarialGame(NonSaturating(), penalties=BOTH),
    "relativistic paired": AdversarialGame(RelativisticPaired(), penalties=BOTH),
    "relativistic average": AdversarialGame(RelativisticAverage(), penalties=BOTH),
    "wgan-gp": AdversarialGame(Wasserstein(), penalties=(WGANGP(weight=WEIGHT),)),
}


def by_hand(name, *, k=1, share=True, simultaneous=False):
    """The loop as one finds it in tutorials: backward passes, zeroed gradients, a detach."""
    nets = players()
    G, D = nets["generator"], nets["discriminator"]
    optimizers = [torch.optim.Adam(net.parameters(), lr=1e-2, betas=(0.5, 0.999)) for net in (D, G)]

    def move(optimizer, cost):
        for each in optimizers:
            each.zero_grad()
        cost.backward()
        optimizer.step()

    for step in range(STEPS):
        for substep in range(k):
            round = draw(step)(substep)
            fake = G(round["latent"])
            if not simultaneous:
                move(optimizers[0], cost_of_d(name, D, round, fake.detach()))
        if simultaneous:
            costs = cost_of_d(name, D, round, fake.detach()), cost_of_g(name, D, round, fake)
            gradients = [
                torch.autograd.grad(cost, list(net.parameters()), retain_graph=True)
                for cost, net in zip(costs, (D, G), strict=True)
            ]
            for optimizer, net, mine in zip(optimizers, (D, G), gradients, strict=True):
                for parameter, gradient in zip(net.parameters(), mine, strict=True):
                    parameter.grad = gradient
                optimizer.step()
            continue
        if not share:
            round = draw(step)(k)
            fake = G(round["latent"])
        move(optimizers[1], cost_of_g(name, D, round, fake))
    return nets


def by_dynamics(game, dynamics):
    nets = players()
    state = dynamics.init(game, nets)
    for step in range(STEPS):
        state, _ = dynamics.step(game, nets, state, draw(step), LocalEngine())
    return nets


def assert_same(found, expected, tolerance=1e-9):
    for who in expected:
        for (name, a), b in zip(found[who].state_dict().items(), expected[who].state_dict().values(), strict=True):
            assert torch.allclose(a, b, atol=tolerance), (who, name, (a - b).abs().max())


OPTIMIZER = Adam(lr=1e-2)


@pytest.mark.reference
@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize(("k", "share"), [(1, True), (1, False), (3, True)])
@pytest.mark.parametrize("name", list(GAMES))
def test_alternating_is_the_loop_written_by_hand(name, k, share, joint):
    """Six steps of Adam in float64: weights, batch-norm statistics and counters (so G ran as often) agree to 1e-9."""
    game = AdversarialGame(GAMES[name].loss, GAMES[name].penalties, joint=joint)
    dynamics = Alternating(optimizer=OPTIMIZER, discriminator_steps=k, share=share)
    assert_same(by_dynamics(game, dynamics), by_hand(name, k=k, share=share))


@pytest.mark.reference
@pytest.mark.parametrize("name", list(GAMES))
def test_simultaneous_is_the_loop_written_by_hand(name):
    assert_same(by_dynamics(GAMES[name], Simultaneous(optimizer=OPTIMIZER)), by_hand(name, simultaneous=True))


def test_the_loops_written_by_hand_differ_from_one_another():
    """Else the comparisons above would not tell them apart."""
    plain = by_hand("plain")["generator"][0].weight
    for other in (by_hand("r1 and r2"), by_hand("plain", share=False), by_hand("plain", simultaneous=True)):
        assert (other["generator"][0].weight - plain).abs().max() > 1e-4
