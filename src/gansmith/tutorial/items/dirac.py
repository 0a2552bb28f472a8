"""The smallest GAN that fails, and what mends it: every regulariser on the Dirac-GAN (Mescheder et al. 2018).

The data is a single point, 0. The generator is a single point, θ. The discriminator is a slope, D(x) = σ(ψx). All is
well at ψ = θ = 0, and one can see on a plane who gets there.

With f(t) = −log(1 + e⁻ᵗ), f′(0) = ½ and f″(0) = −¼, the flow has the eigenvalues, at the equilibrium,

    no regulariser              ±½i: a circle
    instance noise of σ         −σ²/4 ± √(σ⁴/16 − ¼)
    R1 of weight γ              −γ/2 ± √(γ²/4 − ¼), fastest at γ = 1
    consensus of weight γ       −γ/4 ± ½i

Only a negative real part draws the players in. The Wasserstein game circles too, and neither clipping nor the gradient
penalty of WGAN-GP changes that: the one bounds the slope and the other asks for a slope of 1, but at the equilibrium it
must be 0. R1 asks for that.

The non-saturating game is a special case. To second order it is the same circle, but with t = ψθ the energy
½(ψ² + θ²) falls at the rate t²/2, which is of the fourth order: the flow comes in as 1/√time, with 1/r² growing by ⅛
per unit. Simultaneous steps push outwards at the second order, and so they end on a cycle of radius √(2h), where the
two are even. Under minimax nothing pulls, and the spiral does not end.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gansmith.dynamics import SGD, Alternating, Clipped, Consensus, Simultaneous, eigenvalues
from gansmith.games import FunctionGame, Minimax, NonSaturating, Wasserstein, dirac_gan
from gansmith.networks import Point
from gansmith.tutorial.claim import AtLeast, AtMost, Claim, Within
from gansmith.tutorial.planes import path, stream
from gansmith.tutorial.studio import Studio
from gansmith.tutorial.style import COLOURS, INK, JUDGE, MADE, WARM
from gansmith.types import Dynamics, Round

__all__ = ["run"]

H, STEPS, GAMMA, SIGMA = 0.2, 500, 0.6, 0.9
START = {"discriminator": 1.0, "generator": 1.0}
STEP = SGD(lr=H)
TURN = round(2 * math.pi / (H / 2))
"""Steps of one turn around the equilibrium."""


def r1(gamma: float) -> FunctionGame:
    """The minimax Dirac-GAN with R1."""
    return dirac_gan(Minimax(), penalty=lambda psi: gamma / 2 * psi.square())


@dataclass(frozen=True)
class Way:
    """One way to play.

    Args:
        game: what the players want.
        converges: as published.
        dynamics: how they move.
    """

    game: FunctionGame
    converges: bool
    dynamics: Dynamics = Simultaneous(optimizer=STEP)


WAYS: Mapping[str, Way] = {
    "minimax": Way(dirac_gan(Minimax()), False),
    "non-saturating": Way(dirac_gan(NonSaturating()), False),
    "Wasserstein": Way(dirac_gan(Wasserstein()), False),
    "Wasserstein, clipped": Way(
        dirac_gan(Wasserstein()), False, Clipped(dynamics=Simultaneous(optimizer=STEP), bound=0.5)
    ),
    "Wasserstein, WGAN-GP": Way(dirac_gan(Wasserstein(), penalty=lambda psi: 0.25 * (psi.abs() - 1).square()), False),
    "instance noise": Way(dirac_gan(Minimax(), noise=SIGMA), True),
    "R1": Way(r1(GAMMA), True),
    "consensus": Way(dirac_gan(Minimax()), True, Consensus(optimizer=STEP, gamma=1.0)),
}


def run(studio: Studio) -> Sequence[Claim]:
    """Walk each way from (1, 1), and look at the eigenvalues."""
    paths = {name: path(way.game, way.dynamics, START, steps=STEPS) for name, way in WAYS.items()}
    norms = {name: places.norm(dim=1) for name, places in paths.items()}
    planes(studio, paths)
    spectra(studio, norms)
    slowest = {gamma: flow(r1(gamma)).real.max().item() for gamma in (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)}
    measured = (norms["R1"][400] / norms["R1"][100]).item() ** (1 / 300)
    return (
        Claim("Eigenvalues at the equilibrium: largest distance from the closed forms", off(), AtMost(1e-9)),
        Claim(
            f"Published as convergent: largest distance after {STEPS} steps",
            max(norms[name][-1].item() for name, way in WAYS.items() if way.converges),
            AtMost(1e-5),
        ),
        Claim(
            "Published as not convergent: smallest distance in the last 100 steps",
            min(norms[name][-100:].min().item() for name, way in WAYS.items() if not way.converges),
            AtLeast(0.25),
        ),
        Claim(
            f"R1, γ = {GAMMA}: contraction per step, against |1 + hλ|",
            measured,
            Within(abs(1 + H * complex(*rooted(-GAMMA / 2, GAMMA**2 / 4 - 0.25)[0])), 0.002),
        ),
        Claim("The weight of R1 whose flow is fastest, of seven", min(slowest, key=slowest.__getitem__), Within(1, 0)),
        Claim(
            "Non-saturating, simultaneous: radius of the cycle, √(2h)",
            norms["non-saturating"][-TURN:].mean().item(),
            Within(math.sqrt(2 * H), 0.03),
        ),
        Claim("Non-saturating, alternating: growth of 1/r² per unit of time", inwards(), Within(1 / 8, 0.015)),
    )


def flow(game: FunctionGame) -> Tensor:
    """The eigenvalues of w′ = −F(w) at the equilibrium."""
    return -eigenvalues(game, {"discriminator": Point(0.0), "generator": Point(0.0)}, Round())


def rooted(real: float, square: float) -> list[tuple[float, float]]:
    """Both of real ± √square, as real and imaginary parts."""
    root = complex(square) ** 0.5
    return [(real + sign * root.real, sign * root.imag) for sign in (1, -1)]


def off() -> float:
    """How far the eigenvalues are from what the docstring says, at most."""
    expected = {
        "minimax": rooted(0, -0.25),
        "non-saturating": rooted(0, -0.25),
        "Wasserstein": rooted(0, -1),
        "instance noise": rooted(-(SIGMA**2) / 4, SIGMA**4 / 16 - 0.25),
        "R1": rooted(-GAMMA / 2, GAMMA**2 / 4 - 0.25),
    }
    gaps = []
    for name, pair in expected.items():
        found = torch.view_as_real(flow(WAYS[name].game))
        closed = torch.tensor(pair, dtype=torch.float64)
        gaps.append(min((found - closed).abs().max().item(), (found.flip(0) - closed).abs().max().item()))
    return max(gaps)


def inwards() -> float:
    """How fast 1/r² grows for the non-saturating game under alternating steps, from means over whole turns."""
    start = {"discriminator": 0.6, "generator": 0.6}
    places = path(dirac_gan(NonSaturating()), Alternating(optimizer=STEP), start, steps=11 * TURN)
    inverse = 1 / places.square().sum(1)
    return ((inverse[-TURN:].mean() - inverse[:TURN].mean()) / (H * (len(inverse) - TURN))).item()


def planes(studio: Studio, paths: Mapping[str, Tensor]) -> None:
    """Where each way leads."""
    caption = (
        f"The Dirac-GAN, ψ to the right and θ upwards: {STEPS} simultaneous steps of {H} from (1, 1), over the lines "
        "along which one step goes. Green comes to the equilibrium, orange does not."
    )
    with studio.figure("dirac", rows=2, columns=4, size=(11, 5.8), caption=caption) as all_axes:
        for axes, (name, way) in zip(all_axes, WAYS.items(), strict=True):
            stream(axes, way.game, way.dynamics, reach=2.2, cells=11)
            places = paths[name]
            axes.plot(places[:, 0], places[:, 1], color=MADE if way.converges else WARM, linewidth=0.9)
            axes.plot([1], [1], "o", color=INK, markersize=4)
            axes.plot([0], [0], "+", color=INK, markersize=9)
            axes.set(title=name, xticks=(-2, 0, 2), yticks=(-2, 0, 2), xlabel="ψ")
            axes.set_ylabel("θ", rotation=0)


def spectra(studio: Studio, norms: Mapping[str, Tensor]) -> None:
    """Left the eigenvalues as the weight grows, right the distances."""
    caption = (
        "Left: eigenvalues of the flow as the weight of R1, or the noise, grows from 0; lines are the closed forms. "
        "They leave the imaginary axis at once, meet on the real one, where γ = 1 or σ = √2, and then one turns back. "
        "Right: distance from the "
        "equilibrium; a straight line down is what a negative real part looks like."
    )
    with studio.figure("dirac-eigenvalues", columns=2, size=(11, 4), caption=caption) as (plane, distance):
        few, many = (torch.linspace(0, 1.5, n, dtype=torch.float64).tolist() for n in (16, 301))
        for colour, label, games, closed in (
            (JUDGE, "R1, γ up to 1.5", map(r1, few), [(-w / 2, w**2 / 4 - 0.25) for w in many]),
            (
                COLOURS[3],
                "instance noise, σ up to 1.5",
                (dirac_gan(Minimax(), noise=w) for w in few),
                [(-(w**2) / 4, w**4 / 16 - 0.25) for w in many],
            ),
        ):
            found = torch.view_as_real(torch.cat([flow(game) for game in games]))
            plane.plot(found[:, 0], found[:, 1], "o", color=colour, markersize=4, markerfacecolor="none", label=label)
            for sign in (0, 1):
                plane.plot(*zip(*(rooted(*pair)[sign] for pair in closed), strict=True), color=colour, linewidth=1)
        plane.axvline(0, color=INK, linewidth=1)
        plane.set(title="Eigenvalues at the equilibrium", xlabel="real part", ylabel="imaginary part")
        plane.legend(loc="upper left")
        for (name, norm), colour in zip(norms.items(), (*COLOURS, "#999999"), strict=True):
            distance.plot(norm, color=colour, linewidth=1.3, label=name)
        distance.set(title="Distance from the equilibrium", xlabel="step", yscale="log", ylim=(1e-6, 1e4))
        distance.legend(loc="center left", bbox_to_anchor=(1, 0.5))
