"""The discriminator's strategy: estimate a ratio of densities, and say uphill.

At its best the logit of D is a(x) = log p_data(x) − log p_g(x). Its slope at a sample points to where the data gains on
the samples, and that is all that a generator is ever told. It is enough. Move every sample a little along ∇a, and

    d/dt KL(p_g‖p_data) = −E_{p_g} ‖∇a‖²

which is below nothing until the slope is gone everywhere, and so the densities are equal. (Differentiate the
divergence, put in the flow of the density −∇·(p_g ∇a), and integrate by parts.) No density is ever written down: D
learns the ratio from samples of both sides. That is what sets it apart from methods that approximate by lower bounds or
by chains, and its own weakness: the ratio is only as good as D has learned it.

To show that it is D who steers, there is no generator here: a thousand points begin as one bump and are moved along
the slope of a discriminator that is trained on them. They split up, and become the data's two modes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gansmith.data.toy import Mixture
from gansmith.dynamics import Adam, Simultaneous, play
from gansmith.games import AdversarialGame, Minimax
from gansmith.metrics.exact import kl_divergence, lattice
from gansmith.tutorial.claim import AtLeast, AtMost, Claim, Within
from gansmith.tutorial.kit import Alone, density_of, probabilities, smooth
from gansmith.tutorial.studio import Studio
from gansmith.tutorial.style import JUDGE, MADE, REAL
from gansmith.types import Draw, Round, State

__all__ = ["run"]

DATA = Mixture(means=(-1.5, 1.5), std=0.6)
START = Mixture(means=(0.3,), std=0.8)
POINTS, BATCH, FIRST, ROUNDS, AFTER, STEP = 4000, 500, 400, 120, 10, 0.05
X, WEIGHTS = lattice(-6.0, 6.0, 2400)
GAP = 1e-4


def slope(discriminator: nn.Module, x: Tensor) -> Tensor:
    """∇a at each point."""
    live = x.clone().requires_grad_()
    (found,) = torch.autograd.grad(discriminator(live).sum(), live)
    return found


def best_slope(x: Tensor) -> Tensor:
    """The slope of log p_data − log p_g at the beginning, where both are known."""
    live = x.clone().requires_grad_()
    (found,) = torch.autograd.grad((DATA.log_density(live) - START.log_density(live)).sum(), live)
    return found


def predicted() -> float:
    """−E_{p_g} ‖∇a‖², by quadrature."""
    return -(WEIGHTS * START.log_density(X).exp() * best_slope(X)[:, 0].square()).sum().item()


def happened() -> float:
    """How fast KL(p_g‖p_data) changes when every sample moves along ∇a, by the change of variables."""

    def after(t: float) -> float:
        live = X.clone().requires_grad_()
        logits = DATA.log_density(live) - START.log_density(live)
        (first,) = torch.autograd.grad(logits.sum(), live, create_graph=True)
        (second,) = torch.autograd.grad(first.sum(), live)
        moved, stretched = (X + t * first).detach(), (1 + t * second[:, 0]).log()
        terms = START.log_density(X) - stretched - DATA.log_density(moved)
        return (WEIGHTS * START.log_density(X).exp() * terms).sum().item()

    return (after(GAP) - after(-GAP)) / (2 * GAP)


def steered(studio: Studio) -> tuple[nn.Module, list[Tensor], list[Tensor]]:
    """Points moved by a discriminator: D, the points, and D on the lattice at each stop."""
    with studio.seeded("network"):
        discriminator = smooth(width=32, reach=4.0)
    points, dice = START.sample(POINTS, studio.dice("points")), studio.dice("rounds")

    def drawn(step: int) -> Draw:
        chosen = torch.randint(POINTS, (BATCH,), generator=dice)
        drawn = Round({"real": DATA.sample(BATCH, dice), "fake": points[chosen]})
        return lambda substep: drawn

    game, dynamics = Alone(AdversarialGame(Minimax()), "discriminator"), Simultaneous(optimizer=Adam(lr=5e-3))
    players: dict[str, nn.Module] = {"discriminator": discriminator, "generator": nn.Identity()}
    state: State | None = None
    stops, judged, steps = [], [], 0
    for r in range(ROUNDS + 1):
        length = AFTER if r else FIRST
        state = play(game, dynamics, players, drawn, steps=length, state=state, first=steps)
        steps += length
        stops.append(points)
        judged.append(probabilities(discriminator, X))
        points = points + STEP * slope(discriminator, points)
    return discriminator, stops, judged


def distance(points: Tensor) -> float:
    """The total variation between a histogram of the points and the data."""
    edges = torch.linspace(-6, 6, 41, dtype=torch.float64)
    cells, width = (edges[1:] + edges[:-1]) / 2, 0.3
    p = DATA.log_density(cells[:, None]).exp()
    return (0.5 * width * (density_of(points[:, 0], edges) - p).abs().sum()).item()


def run(studio: Studio) -> Sequence[Claim]:
    """Check the rate at which the divergence falls, and let a discriminator steer."""
    _, stops, judged = steered(studio)
    draw(studio, stops, judged)
    start = kl_divergence(START.log_density(X), DATA.log_density(X), WEIGHTS).item()
    return (
        Claim(
            f"Along the slope of D*'s logit the divergence falls as theory says (KL is {start:.2f}): rate over −E‖∇a‖²",
            happened() / predicted(),
            Within(1.0, 1e-4),
        ),
        Claim("That rate is below nothing: E‖∇a‖² at the beginning", -predicted(), AtLeast(0.1)),
        Claim(
            "Points steered by a trained D, without a generator: total variation to the data",
            distance(stops[-1]),
            AtMost(0.12),
        ),
        Claim("What it was at the beginning", distance(stops[0]), AtLeast(0.3)),
    )


def draw(studio: Studio, stops: Sequence[Tensor], judged: Sequence[Tensor]) -> None:
    """Three moments: the densities, D, and where it sends the samples."""
    caption = (
        "Points (green) that no network makes: at each round D (dashed) is trained a little on them and on the data, "
        "and every point goes a step up the slope of its logit (arrows). Dotted: the data."
    )
    edges = torch.linspace(-6, 6, 61, dtype=torch.float64)
    cells = (edges[1:] + edges[:-1]) / 2
    with studio.figure("discriminator-strategy", caption=caption, columns=3, sharey=True, size=(13, 3.8)) as panels:
        for axes, r in zip(panels, (0, ROUNDS // 10, ROUNDS), strict=True):
            axes.plot(X[:, 0], DATA.log_density(X).exp(), color=REAL, linestyle=":", label="p_data")
            axes.fill_between(
                cells, density_of(stops[r][:, 0], edges), step="mid", color=MADE, alpha=0.45, label="points"
            )
            axes.plot(X[:, 0], judged[r], color=JUDGE, linestyle="--", label="D")
            slopes = torch.gradient(judged[r].logit(), spacing=(X[1, 0] - X[0, 0]).item())[0]
            stems, level = X[700:1701:100, 0], torch.full((11,), 0.75)
            arrows: dict[str, Any] = {"angles": "xy", "scale_units": "xy", "scale": 1 / 0.15, "width": 0.007}
            axes.quiver(stems, level, slopes[700:1701:100], 0 * level, color=JUDGE, headwidth=4, **arrows)
            axes.set(title=f"after {r} moves", xlabel="x", xlim=(-4, 4), ylim=(0, 1))
        panels[2].legend(loc="upper right")
