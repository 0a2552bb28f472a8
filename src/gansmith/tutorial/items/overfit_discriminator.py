"""A discriminator that is trained to completion on finite data learns the data by heart.

The best discriminator against samples that *are* the data says ½ everywhere. But it never sees densities, it sees
points. Give it thirty real and thirty generated points, and let it go on for long: it finds a border around each one,
says 1 on the real points and 0 on the others, and knows nothing about points that it has not seen. This is why
Algorithm 1 does not train D to completion in the inner loop: it would be costly, and on
finite data it would overfit. The same network shown fresh points at every step stays near ½.

Both sets of points are drawn from one distribution here, so whatever D believes to see is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from gansmith.data.toy import Mixture
from gansmith.dynamics import Adam, Schedule, Simultaneous, play
from gansmith.games import AdversarialGame, Minimax
from gansmith.metrics.exact import lattice
from gansmith.networks import MLP
from gansmith.tutorial.claim import AtLeast, AtMost, Claim, Within
from gansmith.tutorial.kit import Alone, probabilities
from gansmith.tutorial.studio import Studio
from gansmith.tutorial.style import JUDGE, WARM
from gansmith.types import Draw, Round

__all__ = ["run"]

SAME = Mixture(means=((0.0, 0.0),))
POINTS, STEPS, FRESH = 30, 800, 10_000


def run(studio: Studio) -> Sequence[Claim]:
    """Train D on the same few points again and again, and on fresh ones, with nothing to be found in either."""
    real, fake = (SAME.sample(POINTS, studio.dice(name)) for name in ("real", "fake"))
    by_heart = trained(studio, lambda step: lambda substep: Round({"real": real, "fake": fake}))
    fresh = trained(studio, lambda step: lambda substep: drawn(studio, POINTS, step))
    unseen = drawn(studio, FRESH, -1)
    draw(studio, by_heart, fresh, real, fake)
    return (
        Claim(
            "The same 30 + 30 points for ever: share of them that D tells apart",
            right(by_heart, real, fake),
            AtLeast(0.95),
        ),
        Claim(
            "On points that it has not seen it is right as often as a coin",
            right(by_heart, unseen["real"], unseen["fake"]),
            Within(0.5, 0.03),
        ),
        Claim("and far from ½ all the same: mean |D − ½| there", off(by_heart, unseen["real"]), AtLeast(0.25)),
        Claim("Fresh points at every step: mean |D − ½|", off(fresh, unseen["real"]), AtMost(0.1)),
    )


def drawn(studio: Studio, n: int, step: int) -> Round:
    """Fresh points for both sides."""
    return Round({name: SAME.sample(n, studio.dice(name, step)) for name in ("real", "fake")})


def trained(studio: Studio, draws: Callable[[int], Draw]) -> nn.Module:
    """A discriminator after many steps against a generator that does not move."""
    with studio.seeded("network"):
        discriminator = MLP(width=128, depth=3).discriminator((2,))
    play(
        Alone(AdversarialGame(Minimax()), "discriminator"),
        Simultaneous(optimizer=Adam(lr=3e-3, beta1=0.9), schedule=Schedule(hold=STEPS // 2, decay=STEPS // 2)),
        {"discriminator": discriminator, "generator": nn.Identity()},
        draws,
        steps=STEPS,
    )
    return discriminator


def right(discriminator: nn.Module, real: Tensor, fake: Tensor) -> float:
    """How often D is on the right side of ½."""
    return float(
        torch.cat((probabilities(discriminator, real) > 0.5, probabilities(discriminator, fake) < 0.5)).double().mean()
    )


def off(discriminator: nn.Module, x: Tensor) -> float:
    """The mean |D − ½|."""
    return (probabilities(discriminator, x) - 0.5).abs().mean().item()


def draw(studio: Studio, by_heart: nn.Module, fresh: nn.Module, real: Tensor, fake: Tensor) -> None:
    """D over the plane, with the points that it was shown."""
    caption = (
        "D over the plane; real and generated points come from one and the same Gaussian, so the right answer is ½ "
        "everywhere. Left: trained for long on the 60 points shown. Right: the same network shown fresh points "
        "at every step."
    )
    x, _ = lattice((-3.0, -3.0), (3.0, 3.0), 150)
    extent = (-3.0, 3.0, -3.0, 3.0)
    layout = {"columns": 2, "size": (10, 4.6), "sharey": True}
    with studio.figure("overfit-discriminator", caption=caption, **layout) as panels:
        for axes, player, title in zip(
            panels, (by_heart, fresh), ("The same points again and again", "Fresh points at every step"), strict=True
        ):
            D = probabilities(player, x).view(150, 150).T.numpy()
            shown = axes.imshow(
                D, extent=extent, origin="lower", cmap="PuOr", vmin=0, vmax=1, aspect="equal", alpha=0.85
            )
            axes.set(title=title, xlim=(-3, 3), ylim=(-3, 3))
            axes.grid(visible=False)
        panels[0].plot(*real.T, "o", color=JUDGE, markeredgecolor="white", label="real")
        panels[0].plot(*fake.T, "s", color=WARM, markeredgecolor="white", label="generated")
        panels[0].legend(loc="upper left", frameon=True, facecolor="white", framealpha=0.9)
        panels[1].figure.colorbar(shown, ax=panels[1], label="D", shrink=0.9)
