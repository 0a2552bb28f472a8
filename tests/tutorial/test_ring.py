"""What the items on mode collapse count, against arithmetic; and which discriminator is picked."""

from __future__ import annotations

import math
from itertools import count
from pathlib import Path

import pytest
import torch

from gansmith.tutorial.items import notes_against_papers
from gansmith.tutorial.items.divergences import SEEDS, chance
from gansmith.tutorial.ring import RING, found, near
from gansmith.tutorial.studio import Studio

MANY = 20_000


@pytest.mark.analytic
def test_the_data_itself_is_near_its_modes() -> None:
    """The distance from the mode is Rayleigh: within 3σ lies 1 − e^(−9/2) of it. Four standard errors."""
    data = RING.sample(MANY, torch.Generator().manual_seed(0))
    expected = 1 - math.exp(-4.5)
    assert found(data) == RING.count
    assert abs(near(data) - expected) < 4 * math.sqrt(expected * (1 - expected) / MANY)


@pytest.mark.analytic
def test_a_ring_without_gaps_is_covered_and_yet_not_found() -> None:
    """Of an even ring what is within 3σ of a mode is 0.19 in all: less than a quarter of what is due to each."""
    angles = torch.rand(MANY, generator=torch.Generator().manual_seed(0)) * 2 * math.pi
    ring = RING.radius * torch.stack((angles.sin(), angles.cos()), 1)
    arc = 4 * math.asin(3 * RING.std / (2 * RING.radius)) * RING.count / (2 * math.pi)
    assert near(ring) == pytest.approx(arc, abs=0.012)
    assert found(ring) == 0


def test_a_mode_counts_from_a_quarter_of_its_share() -> None:
    """Of 80 samples each mode is due 10, and a quarter is 2.5: with 3 it counts, with 2 it does not."""
    first, second, third = RING.modes[:3]
    samples = torch.cat((first.expand(75, 2), second.expand(3, 2), third.expand(2, 2)))
    assert found(samples) == 2
    assert near(samples) == 1


def test_fishers_test_agrees_with_a_hand_count() -> None:
    """One run of 2·24 loses modes: it is on either side with probability ½, so both tables are as likely. All or none:
    two tables of the C(48, 24) that there are."""
    assert chance(1, 0) == pytest.approx(1)
    assert chance(SEEDS, 0) == pytest.approx(2 / math.comb(2 * SEEDS, SEEDS))
    assert chance(2, 3) == chance(3, 2)


@pytest.mark.parametrize("beside", [False, True])
def test_the_lowest_loss_is_picked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, beside: bool) -> None:
    """If a loss is higher each time that it is asked for, the first candidate wins: of several, never the newest."""
    asked = count()
    monkeypatch.setattr(notes_against_papers, "STEPS", 4)
    monkeypatch.setattr(notes_against_papers, "loss", lambda *_: float(next(asked)))
    picks = notes_against_papers.Picks()
    notes_against_papers.kept(Studio(tmp_path), picks, beside=beside)
    assert (picks.newest, picks.all) == (0 if beside else 1, 4)
