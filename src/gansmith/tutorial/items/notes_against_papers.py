"""Unrolling as it is sometimes retold, beside unrolling as it was proposed (Metz et al. 2017, section 2.2).

Section 5.1.1 of the notes has a few sentences for unrolling, and what one meets elsewhere as their gist is this: keep K
discriminators, pick one by its loss, and let the generator answer that one. The paper does something else. It keeps one
discriminator; K steps of it are made in thought only, from where it is; nothing is picked, the last one counts; and the
generator goes down its cost *through* the steps, so that it sees how they would answer its own move.

Here both are played, on the ring of `unrolling`, with the same networks, data, rates and seeds. There are two ways to
keep K discriminators:

    the last K states of one    the lowest loss belongs to the newest, as good as always: that is the plain game
    K that train side by side   all learn from the same samples, and all are as late as the one of the plain game

The first collapses like the plain game. The second, with some seeds, brings the samples around the ring in the end, but
not onto the modes. A last but one column takes half of the paper's idea: K steps ahead, but taken as they come, without
asking how they depend on the generator. It finds the modes as well as the whole idea does. So on this ring what counts
is to answer a discriminator that is *ahead*, which has already seen this move; one from the past, or from beside, has
not, however it is picked. What the other half costs is measured in `unrolling-cost`.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gansmith.dynamics import (
    LocalEngine,
    Schedule,
    Seeds,
    Simultaneous,
    Unrolled,
    play,
    stacked,
    together,
    unstacked,
)
from gansmith.games import AdversarialGame, NonSaturating
from gansmith.tutorial.claim import AtLeast, AtMost, Claim
from gansmith.tutorial.kit import Alone
from gansmith.tutorial.ring import MOVES, RATES, RING, beginning, found, near, rounds, show
from gansmith.tutorial.studio import Studio
from gansmith.types import Dynamics, Round

__all__ = ["run"]

SEEDS, STEPS, LOOK, SAMPLES = 3, 600, 5, 2000
GAME, ENGINE = AdversarialGame(NonSaturating()), LocalEngine()
FALLING = Schedule(hold=300, decay=300, floor=0.05)
PLAIN = Simultaneous(optimizer=MOVES, rates=RATES, schedule=FALLING)
JUDGES = Simultaneous(optimizer=MOVES, schedule=FALLING)
AHEAD: Mapping[str, Dynamics] = {
    "plain": PLAIN,
    "K ahead, no derivative": Unrolled(optimizer=MOVES, rates=RATES, schedule=FALLING, steps=LOOK, first_order=True),
    "unrolled": Unrolled(optimizer=MOVES, rates=RATES, schedule=FALLING, steps=LOOK),
}
PAST, BESIDE = "the last K, one picked", "K side by side, one picked"


@dataclass
class Picks:
    """How often the newest of the discriminators that were kept was picked."""

    newest: int = 0
    all: int = 0


def run(studio: Studio) -> Sequence[Claim]:
    """Play each way with each seed, and count."""
    studios = [Studio(studio.out, seed=SEEDS * studio.seed + i) for i in range(SEEDS)]
    latent = torch.randn(SAMPLES, rounds(studio).latent, generator=studio.dice("latent"))
    picks = Picks()
    generators = {name: looked_ahead(studios, dynamics) for name, dynamics in AHEAD.items()}
    generators[PAST] = [kept(one, picks, beside=False) for one in studios]
    generators[BESIDE] = [kept(one, Picks(), beside=True) for one in studios]
    with torch.no_grad():
        samples = {name: [G(latent) for G in each] for name, each in generators.items()}
    draw(studio, samples)
    modes = {name: [found(x) for x in each] for name, each in samples.items()}
    sharp = {name: [near(x) for x in each] for name, each in samples.items()}
    half = "K ahead, no derivative"
    return (
        Claim(f"Unrolled by {LOOK}: modes found, of 8, the worst of {SEEDS} seeds", min(modes["unrolled"]), AtLeast(6)),
        Claim("and the mean of them", _mean(modes["unrolled"]), AtLeast(6.5)),
        Claim("Plain: modes found, the best of them", max(modes["plain"]), AtMost(4)),
        Claim(f"The last {LOOK} kept, one picked: the same, the best of them", max(modes[PAST]), AtMost(4)),
        Claim(f"{LOOK} kept side by side, one picked: the same, the mean of them", _mean(modes[BESIDE]), AtMost(5)),
        Claim("Share of the picks that fall on the newest of the last K", picks.newest / picks.all, AtLeast(0.9)),
        Claim("Unrolled: samples within 3σ of a mode, the worst of them", min(sharp["unrolled"]), AtLeast(0.6)),
        Claim("One of K picked, either way: the same, the best of them", max(sharp[PAST] + sharp[BESIDE]), AtMost(0.5)),
        Claim("K ahead, without their derivative: modes found, the worst of them", min(modes[half]), AtLeast(6)),
    )


def looked_ahead(studios: Sequence[Studio], dynamics: Dynamics) -> list[nn.Module]:
    """Each seed's generator in the end."""
    players = stacked([beginning(one) for one in studios])
    play(Seeds(GAME, len(studios)), dynamics, players, together([rounds(one) for one in studios]), steps=STEPS)
    return [one["generator"] for one in unstacked(players)]


def kept(studio: Studio, picks: Picks, *, beside: bool) -> nn.Module:
    """The generator that answers, at each step, the one of K discriminators whose loss is the lowest.

    Args:
        studio: whose seed is played with.
        picks: what was picked is counted there.
        beside: K discriminators that all train; else the last K states of one.
    """
    players, draws = beginning(studio), rounds(studio)
    generator, trained = players["generator"], [players["discriminator"]]
    if beside:
        trained += [beginning(Studio(studio.out, seed=studio.seed + 1000 * i))["discriminator"] for i in range(1, LOOK)]
    mine, theirs = Alone(GAME, "generator"), Alone(GAME, "discriminator")
    state = PLAIN.init(mine, players)
    states = [JUDGES.init(theirs, players | {"discriminator": D}) for D in trained]
    past: deque[nn.Module] = deque(maxlen=LOOK)
    for step in range(STEPS):
        draw = draws(step)
        past.append(copy.deepcopy(trained[0]))
        candidates = trained if beside else past
        losses = [loss(generator, D, draw(0)) for D in candidates]
        picked = candidates[losses.index(min(losses))]
        picks.newest, picks.all = picks.newest + (picked is candidates[-1]), picks.all + 1
        before, answered = copy.deepcopy(generator), players | {"discriminator": copy.deepcopy(picked)}
        state, _ = PLAIN.step(mine, answered, state, draw, ENGINE)
        for i, D in enumerate(trained):
            seen = {"generator": before, "discriminator": D}  # everybody moves at the same time
            states[i], _ = JUDGES.step(theirs, seen, states[i], draw, ENGINE)
    return generator


@torch.no_grad()
def loss(generator: nn.Module, discriminator: nn.Module, round: Round) -> float:
    """A discriminator's cost on the round."""
    outcome = GAME.play({"generator": generator, "discriminator": discriminator}, round, ("discriminator",))
    return float(GAME.costs(outcome, ("discriminator",))["discriminator"])


def draw(studio: Studio, samples: Mapping[str, Sequence[Tensor]]) -> None:
    """What each way ends with, seed by seed."""
    caption = (
        f"Samples (green) after {STEPS} steps, a row for each seed: the plain game, two ways to keep {LOOK} "
        f"discriminators and pick one by its loss, {LOOK} steps ahead without their derivative, and unrolling. "
        "Below each, how many modes it found."
    )
    order = ("plain", PAST, BESIDE, "K ahead, no derivative", "unrolled")
    layout = {"rows": SEEDS, "columns": len(order), "size": (2.4 * len(order), 2.6 * SEEDS)}
    with studio.figure("notes-against-papers", caption=caption, **layout) as panels:
        for i, axes in enumerate(panels):
            row, name = i // len(order), order[i % len(order)]
            show(axes, samples[name][row], name if row == 0 else "")
            axes.set_xlabel(f"{found(samples[name][row])} of {RING.count}")


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)
