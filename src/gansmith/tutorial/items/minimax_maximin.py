"""min max is not max min: the order decides whether the generator covers the data or collapses (section 5.1.1).

The theory wants G* = argmin_G max_D V(G, D): the generator moves first, knowing that the discriminator will find
whatever is wrong. The other order is max_D min_G V(G, D): the generator moves last, against a discriminator that is
already there, and then its best reply is simple. V is linear in p_g, so all the mass goes to the one mode that D
believes in most. Gradient steps, a little of each in turn, do not say which of the two they solve.

Eight modes, equally likely, show it. The discriminator has a score for each mode.

First a generator that puts each of its four samples on a mode. All its 330 choices can be listed. Where it moves
first, it takes four different modes, D* is ⅓ there and 1 elsewhere, and the game is worth ½ log ⅓ + log ⅔. Where it
moves last, D = ½ is the best that the discriminator can do: since min_j log(1 − D_j) is at most the mean,

    Σ_j p_j log D_j + min_j log(1 − D_j)  ≤  Σ_j p_j (log D_j + log(1 − D_j))  ≤  −log 4

and the value is −log 4, less by log(8/√27). The orders differ, and the reply to anything but a draw is a single mode.

Then a generator that owns the weights of the modes, and gradient steps. Many steps of the discriminator to each one of
the generator come near min max: all eight modes. Many steps of the generator come near max min: one mode at a time,
and as soon as the discriminator has caught it, another one. (The stays grow longer, because a softmax that is nearly
certain is slow to change its mind.)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations_with_replacement

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from gansmith.dynamics import SGD, Alternating
from gansmith.games import zero_sum
from gansmith.metrics.exact import optimal_value
from gansmith.tutorial.claim import AtLeast, AtMost, Claim, Within
from gansmith.tutorial.planes import path
from gansmith.tutorial.studio import Studio
from gansmith.tutorial.style import INK, MADE, WARM

__all__ = ["run"]

MODES, SAMPLES, ROUNDS, MANY = 8, 4, 80, 20
P = torch.full((MODES,), 1 / MODES, dtype=torch.float64)
ONES = torch.ones(MODES, dtype=torch.float64)
ORDERS = {
    "min max": Alternating(optimizer=SGD(lr=2.0), discriminator_steps=MANY),
    "max min": Alternating(optimizer=SGD(lr=2.0), rates={"generator": 20.0}, generator_steps=MANY),
}


def value(logits: Tensor, scores: Tensor) -> Tensor:
    """V where p_g is softmax(logits) and D is σ(scores)."""
    return P @ logsigmoid(scores) + logits.softmax(0) @ logsigmoid(-scores)


def run(studio: Studio) -> Sequence[Claim]:
    """Solve by listing, then play in both orders."""
    least, best = listed()
    D = torch.rand(10_000, MODES, generator=studio.dice("discriminators"), dtype=torch.float64)
    replies = (1 - D).log().min(1)
    later = D.log() @ P + replies.values
    draw_even = P @ (0.5 * ONES).log() + (0.5 * ONES).log().min()
    game = zero_sum(value, players=("generator", "discriminator"))
    start = {
        "generator": torch.randn(MODES, generator=studio.dice("generator")).tolist(),
        "discriminator": [0.0] * MODES,
    }
    weights = {name: path(game, order, start, steps=ROUNDS)[:, :MODES].softmax(1) for name, order in ORDERS.items()}
    covered = {name: torch.special.entr(q).sum(1).exp() for name, q in weights.items()}
    draw(studio, weights, covered)
    return (
        Claim(
            "Four samples: min max less max min, log(8/√27)",
            least - draw_even.item(),
            Within(math.log(8 / math.sqrt(27)), 1e-9),
        ),
        Claim("Four samples, moving first: modes of the best choice", best, Within(SAMPLES, 0)),
        Claim("Moving last: the best of 10,000 discriminators over D = ½", (later - draw_even).max().item(), AtMost(0)),
        Claim("Gradient steps near min max: modes, e^entropy, at the end", covered["min max"][-1].item(), AtLeast(7.9)),
        Claim(
            "Gradient steps near max min: median number of modes at a time",
            covered["max min"][10:].median().item(),
            AtMost(2.0),
        ),
        Claim(
            "and modes that were the largest at some time",
            len(set(weights["max min"][10:].argmax(1).tolist())),
            AtLeast(6),
        ),
    )


def listed() -> tuple[float, int]:
    """The value of the best choice of a generator with four samples that moves first, and how many modes it takes."""
    found = []
    for choice in combinations_with_replacement(range(MODES), SAMPLES):
        q = torch.bincount(torch.tensor(choice), minlength=MODES) / SAMPLES
        found.append((optimal_value(P.log(), q.double().log(), ONES).item(), len(set(choice))))
    return min(found)


def draw(studio: Studio, weights: Mapping[str, Tensor], covered: Mapping[str, Tensor]) -> None:
    """The weights of the modes over time, in both orders."""
    caption = (
        f"The same game and the same beginning, with {MANY} steps of the discriminator for one of the generator (left) "
        "and the reverse (middle): the weight that the generator gives each mode. Right: how many modes it covers."
    )
    titles = {"min max": "Near min max: D replies", "max min": "Near max min: G replies"}
    with studio.figure("minimax-maximin", columns=3, size=(11, 3.4), caption=caption) as (*maps, count):
        for axes, (name, q) in zip(maps, weights.items(), strict=True):
            axes.imshow(q.T.numpy(), aspect="auto", vmin=0, vmax=0.5, cmap="Greys", interpolation="nearest")
            axes.grid(visible=False)
            axes.set(title=titles[name], xlabel="round", ylabel="mode", yticks=range(MODES), yticklabels=range(1, 9))
        for (name, modes), colour in zip(covered.items(), (MADE, WARM), strict=True):
            count.plot(modes, color=colour, label=name)
        count.axhline(MODES, color=INK, linestyle=":", linewidth=1)
        count.set(title="Modes covered: e^entropy", xlabel="round", ylim=(0, MODES + 0.5))
        count.legend(loc="center right")
