"""Eight modes, visited in turn: mode collapse is not a place, it is a motion (figure 22, after Metz et al. 2017).

The data is eight narrow Gaussians on a ring. The generator moves fast and the discriminator slowly, so that in effect
the generator replies to a discriminator that stands still: it goes where that one sees data, which is a few modes.
The discriminator learns that there are samples now, and lowers its opinion of the place. The generator moves on.
Nothing in this is an equilibrium, and nothing in it ends: at no time does the generator cover the data, although over
time it visits all of it.

That is why one look at the samples does not tell a generator that has dropped modes for good from one that is
somewhere else a moment later.

The networks here are small and the modes wider than in the paper, so that it takes seconds; both players move at the
same time, and the generator's learning rate is ten times the discriminator's, as in the code that was published with
the paper.
"""

from __future__ import annotations

from collections.abc import Sequence

from gansmith.dynamics import Adam, Simultaneous, play
from gansmith.games import AdversarialGame, NonSaturating
from gansmith.tutorial.claim import AtLeast, AtMost, Claim
from gansmith.tutorial.ring import RING, Diary, beginning, rounds, show, shown_shares
from gansmith.tutorial.studio import Studio

__all__ = ["run"]

STEPS, EVERY = 1500, 50
MOVES = Simultaneous(optimizer=Adam(lr=1e-3, beta1=0.5), rates={"generator": 10.0})


def run(studio: Studio) -> Sequence[Claim]:
    """Play, and keep a diary of which modes have samples."""
    players = beginning(studio)
    diary = Diary.of(players, studio, every=EVERY)
    play(AdversarialGame(NonSaturating()), MOVES, players, rounds(studio), steps=STEPS, watch=diary)
    draw(studio, diary)
    film(studio, diary)
    shares, fair = diary.shares, 1 / RING.count
    largest = shares.argmax(1)
    return (
        Claim(
            "Modes with at least half of their share of the samples, median over time",
            (shares >= fair / 2).sum(1).double().median().item(),
            AtMost(5),
        ),
        Claim(
            "Share of the largest two modes, where 1/4 is fair, median over time",
            shares.topk(2).values.sum(1).median().item(),
            AtLeast(0.4),
        ),
        Claim(
            f"The largest mode is another one {EVERY} steps later, share of the time",
            (largest.diff() != 0).double().mean().item(),
            AtLeast(0.5),
        ),
        Claim("Modes that were the largest at some time", len(set(largest.tolist())), AtLeast(6)),
        Claim(
            "Averaged over time no mode is missing: smallest share over 1/8",
            shares.mean(0).min().item() / fair,
            AtLeast(0.3),
        ),
    )


def draw(studio: Studio, diary: Diary) -> None:
    """Six moments, and all of the time."""
    caption = (
        "Samples (green) of a plain GAN at six moments; the data is where the grey discs are. The generator is always "
        "somewhere, and never everywhere."
    )
    moments = [len(diary.pages) * i // 6 + 4 for i in range(6)]
    with studio.figure("mode-collapse", columns=6, size=(11, 2.3), caption=caption) as all_axes:
        for axes, i in zip(all_axes, moments, strict=True):
            show(axes, diary.pages[i], f"step {diary.steps[i]:,}")
    caption = (
        "The share of the samples that each mode gets, over time: dark is a half or more. An eighth each is wanted."
    )
    with studio.figure("mode-collapse-shares", size=(9, 3), caption=caption) as (axes,):
        shown_shares(axes, diary, "Who gets the samples")


def film(studio: Studio, diary: Diary) -> None:
    """The same, moving."""
    caption = f"The generator's tour of the modes, every {EVERY} steps."
    with studio.animation("mode-collapse-film", caption=caption, size=(3.2, 3.4), milliseconds=200) as reel:
        for step, samples in zip(diary.steps, diary.pages, strict=True):
            with reel.frame() as (axes,):
                show(axes, samples, f"step {step:,}")
