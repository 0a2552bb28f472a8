"""The optimisers' steps as differentiable functions, against the optimisers themselves."""

import pytest
import torch
from torch import nn

from gansmith.dynamics.rules import check_rule, remembered, stepped

RULES = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "sgd, momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.2, weight_decay=0.1),
    "sgd, nesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, maximize=True),
    "adam": lambda p: torch.optim.Adam(p, lr=0.1, betas=(0.5, 0.9)),
    "adam, fused": lambda p: torch.optim.Adam(p, lr=0.1, betas=(0.0, 0.99), fused=True),
    "adam, amsgrad": lambda p: torch.optim.Adam(p, lr=0.1, amsgrad=True, weight_decay=0.1, maximize=True, eps=0.1),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.3),
}


def parameters():
    torch.manual_seed(0)
    return [torch.randn(3, 2).double().requires_grad_(), torch.randn(4).double().requires_grad_()]


def built(name):
    mine = parameters()
    optimizer = RULES[name](mine)
    for group in optimizer.param_groups:
        group["base_lr"] = group["lr"] / 0.5
    return mine, optimizer


def make(optimizer, mine, gradients):
    for parameter, gradient in zip(mine, gradients, strict=True):
        parameter.grad = gradient.clone()
    optimizer.step()


@pytest.mark.reference
@pytest.mark.parametrize("before", [0, 3])
@pytest.mark.parametrize("name", RULES)
def test_hypothetical_steps_are_those_that_torch_makes(name, before):
    """Four steps from a fresh optimiser, and from one that has made three: float64, 1e-12."""
    mine, optimizer = built(name)
    generator = torch.Generator().manual_seed(1)
    noise = [[torch.randn(p.shape, generator=generator).double() for p in mine] for _ in range(before + 4)]
    for gradients in noise[:before]:
        make(optimizer, mine, gradients)
    values, memory = list(mine), remembered(optimizer)
    kept = [p.detach().clone() for p in mine]
    for gradients in noise[before:]:
        values, memory = stepped(optimizer, values, gradients, memory, factor=0.5)
    assert all(torch.equal(p, k) for p, k in zip(mine, kept, strict=True))  # nothing has moved yet
    for gradients in noise[before:]:
        make(optimizer, mine, gradients)
    for found, expected, start in zip(values, mine, kept, strict=True):
        assert torch.allclose(found, expected, rtol=0, atol=1e-12)
        assert (expected - start).abs().min() > 1e-4


@pytest.mark.analytic
@pytest.mark.parametrize("name", RULES)
def test_a_step_is_differentiated_through_the_gradient_and_the_place(name):
    """Three steps down a cost with a parameter c: the derivative in c by finite differences in double precision."""
    mine, optimizer = built(name)
    make(optimizer, mine, [torch.full_like(p, 0.3) for p in mine])

    def ahead(c):
        values, memory = list(mine), remembered(optimizer)
        for _ in range(3):
            cost = sum((v.square() * c + v.sin()).sum() for v in values)
            gradients = torch.autograd.grad(cost, values, create_graph=True)
            values, memory = stepped(optimizer, values, gradients, memory, factor=0.5)
        return sum((v**3).sum() for v in values)

    c = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(ahead(c), c)
    h = 1e-6
    assert slope.item() == pytest.approx((ahead(c + h) - ahead(c - h)).item() / (2 * h), rel=1e-6)
    assert abs(slope.item()) > 1e-3


@pytest.mark.analytic
def test_a_gradient_of_nothing_does_not_make_adam_infinite():
    """√v has an infinite slope at v = 0, where a dead unit's second moment is; the step's slope there is 0, not NaN."""
    w = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([w], lr=0.1)
    optimizer.param_groups[0]["base_lr"] = 0.1
    scale = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    gradient = torch.stack([0 * scale, 1 * scale])
    [ahead], _ = stepped(optimizer, [w], [gradient], remembered(optimizer))
    (slope,) = torch.autograd.grad(ahead.sum(), scale)
    # The other coordinate moves by −lr·g/(|g|+ε), of slope −lr·ε/(|g|+ε)².
    assert slope.item() == pytest.approx(-0.1 * 1e-8 / 4, rel=1e-6)


def test_other_optimisers_are_refused_by_name():
    optimizer = torch.optim.RMSprop(nn.Linear(1, 1).parameters())
    with pytest.raises(ValueError, match=r"the steps of the critic are differentiated.*not with RMSprop; give it one"):
        check_rule(optimizer, "critic")
