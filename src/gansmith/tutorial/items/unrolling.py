"""A generator that looks ahead is at eight of eight modes at once (figure 32, after Metz et al. 2017).

The generator of `mode-collapse` goes where the discriminator sees data now. With unrolling it asks instead what the
discriminator would think after K more steps, and goes down the gradient of that, which also sees how those steps
would answer its own move. Crowding onto one mode no longer pays, because K steps later the discriminator has found out.

    the discriminator takes K hypothetical steps,  θᴷ = θᴷ(θ, G),  each a function of G
    the generator descends  J_G(G, θᴷ(θ, G)),  through the steps
    the discriminator takes one real step from where it was

With K = 0 that is simultaneous descent, with K → ∞ it is min max, in that order. Here K = 10, and everything else is
the same for both: networks, data, beginning, learning rates, which fall towards the end, with the generator's three
times the discriminator's. The unrolled generator is all around the ring within the first hundred steps. Then the ring
breaks up, and as the rates fall each piece settles on a mode. The plain one never is at more than a few of them, and
no falling of rates can help it there.

Two things are counted. Coverage asks which mode each sample is nearest to. Sharpness asks how many samples are within
three standard deviations of a mode, as 98.9 % of the data is; a mode counts as found if it gets a quarter of its share
of such samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gansmith.dynamics import Schedule, Simultaneous, Unrolled, play
from gansmith.games import AdversarialGame, NonSaturating
from gansmith.tutorial.claim import AtLeast, AtMost, Claim
from gansmith.tutorial.ring import MOVES, RATES, RING, Diary, beginning, found, near, rounds, show, shown_shares
from gansmith.tutorial.studio import Studio
from gansmith.types import Dynamics

__all__ = ["run"]

STEPS, EVERY, LOOK = 700, 25, 10
FALLING = Schedule(hold=300, decay=400, floor=0.05)
WAYS: Mapping[str, Dynamics] = {
    "plain": Simultaneous(optimizer=MOVES, rates=RATES, schedule=FALLING),
    "unrolled": Unrolled(optimizer=MOVES, rates=RATES, schedule=FALLING, steps=LOOK),
}


def run(studio: Studio) -> Sequence[Claim]:
    """Play twice from the same beginning, and compare what is reached on the way and at the end."""
    diaries = {}
    for name, dynamics in WAYS.items():
        players = beginning(studio)
        diaries[name] = Diary.of(players, studio, every=EVERY)
        play(AdversarialGame(NonSaturating()), dynamics, players, rounds(studio), steps=STEPS, watch=diaries[name])
    draw(studio, diaries)
    film(studio, diaries)
    fair, last = 1 / RING.count, {name: diary.pages[-1] for name, diary in diaries.items()}
    covered = {name: (diary.shares >= fair / 2).sum(1).double().median().item() for name, diary in diaries.items()}
    rarest = (diaries["unrolled"].shares[-1].min() / fair).item()
    return (
        Claim("Unrolled: modes with at least half of their share, median over time", covered["unrolled"], AtLeast(8)),
        Claim("Plain: the same", covered["plain"], AtMost(5)),
        Claim("Unrolled: modes found at the end, of 8", found(last["unrolled"]), AtLeast(8)),
        Claim("Plain: the same", found(last["plain"]), AtMost(3)),
        Claim("Unrolled: share of the samples within 3σ of a mode at the end", near(last["unrolled"]), AtLeast(0.7)),
        Claim("Plain: the same", near(last["plain"]), AtMost(0.4)),
        Claim("Unrolled: the rarest mode's share over 1/8 at the end", rarest, AtLeast(0.4)),
    )


def draw(studio: Studio, diaries: Mapping[str, Diary]) -> None:
    """Moments of both, and the shares over time."""
    caption = (
        f"Samples (green) of the plain GAN (above) and of the one unrolled by {LOOK} steps (below), at the same "
        "moments; the data is where the grey discs are."
    )
    with studio.figure("unrolling", rows=2, columns=5, size=(10, 4.4), caption=caption) as all_axes:
        for row, (name, diary) in enumerate(diaries.items()):
            for column in range(5):
                i = len(diary.steps) * (column + 1) // 5 - 1
                show(all_axes[5 * row + column], diary.pages[i], f"{name}, step {diary.steps[i]}")
    caption = (
        "The share of the samples that each mode gets, over time: dark is a half or more. An eighth each is wanted."
    )
    with studio.figure("unrolling-shares", columns=2, size=(10, 3), caption=caption) as pair:
        for axes, (name, diary) in zip(pair, diaries.items(), strict=True):
            shown_shares(axes, diary, name.capitalize())


def film(studio: Studio, diaries: Mapping[str, Diary]) -> None:
    """The same, moving."""
    caption = f"Both from the same beginning, every {EVERY} steps: plain on the left, unrolled on the right."
    layout = {"columns": 2, "size": (6.4, 3.4)}
    with studio.animation("unrolling-film", caption=caption, milliseconds=200, **layout) as reel:
        for i, step in enumerate(diaries["plain"].steps):
            with reel.frame() as pair:
                for axes, (name, diary) in zip(pair, diaries.items(), strict=True):
                    show(axes, diary.pages[i], f"{name}, step {step}")
