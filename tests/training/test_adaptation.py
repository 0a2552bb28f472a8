"""The share of images that are augmented follows the discriminator."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from gansmith.data import ImageSet
from gansmith.games import AdversarialGame, FeatureMatching
from gansmith.networks import DCGAN, Augmented
from gansmith.training import Augmentation, DeviceEngine, Processes, Recipe, Session
from gansmith.training.adaptation import Ranked, adapted
from gansmith.training.session import unaugmented
from gansmith.training.trees import pack, unpack
from gansmith.types import Outcome, Result, Round


def moved(*accuracies: float, images: int = 1000, target: float = 0.8) -> list[float]:
    """The shares after steps of such accuracies."""
    judge, shares = Augmented(nn.Identity(), colour=True, adaptive=True), []
    for accuracy in accuracies:
        result = Result({}, {"ranked": torch.tensor(accuracy)})
        told = adapted(judge, result, target, images=images, among=Processes())
        shares.append(told.signals["augmented"].item())
    return shares


@pytest.mark.analytic
def test_it_rises_with_the_excess_over_the_target_and_stays_at_it() -> None:
    # Always right: 1,000 images of 100,000. At 0.9, half way between 0.8 and 1, half as much; below, it falls.
    assert moved(1.0, 0.9, 0.8, 0.7) == pytest.approx([0.01, 0.015, 0.015, 0.01])


@pytest.mark.analytic
def test_it_falls_no_faster_than_it_rises_and_stays_within_its_bounds() -> None:
    assert moved(1.0, 1.0, 0.0, 0.0, 0.0) == pytest.approx([0.01, 0.02, 0.01, 0.0, 0.0])
    assert moved(1.0, 1.0, images=90_000) == pytest.approx([0.8, 0.8])


def started(*, engine: DeviceEngine | None = None, **fields: object) -> Session:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 16, 1), np.uint8)
    images = ImageSet("noise", pixels, None, (), "")
    augment = Augmentation(translation=0.2, cutout=0.3, adaptive=0.6)
    recipe = Recipe(**{"networks": DCGAN(width=4), "latent": 3, "batch": 8, "augment": augment, **fields})
    return Session.start(recipe, images, engine or DeviceEngine())


@pytest.mark.identity
def test_a_run_says_it_and_goes_on_with_it() -> None:
    whole = started()
    for _ in range(4):
        said = whole.advance().signals
    again = started()
    again.load(unpack(*pack(whole.tree())))
    assert again.players["discriminator"].strength == said["augmented"]
    for session in (whole, again):
        for _ in range(3):
            session.advance()
    for a, b in zip(*(s.players["discriminator"].state_dict().values() for s in (whole, again)), strict=True):
        assert torch.equal(a, b)


@pytest.mark.identity
def test_processes_that_share_a_batch_come_to_the_figure_of_the_whole() -> None:
    torch.manual_seed(0)
    scores = {"real_scores": torch.randn(32).round(), "fake_scores": torch.randn(32).round()}  # with ties

    def ranked(rows: slice) -> float:
        outcome = Outcome(
            Round(), {name: part[rows] for name, part in scores.items()}, dict.fromkeys(scores, frozenset())
        )
        return Ranked().signals(outcome)["ranked"].item()

    ties = (scores["real_scores"] == scores["fake_scores"]).sum().item()
    above = (scores["real_scores"] > scores["fake_scores"]).sum().item()
    assert ties
    assert ranked(slice(32)) == (above + ties / 2) / 32
    assert (ranked(slice(16)) + ranked(slice(16, 32))) / 2 == pytest.approx(ranked(slice(32)), abs=1e-7)


def test_a_batch_that_is_worked_off_in_parts_is_refused() -> None:
    with pytest.raises(ValueError, match=r"augment\.adaptive follows all of a batch"):
        started(engine=DeviceEngine(pieces=2))


@pytest.mark.identity
def test_other_runs_start_from_weights_with_and_without_it() -> None:
    adaptive, plain = started(), started(augment=Augmentation())
    adaptive.players["discriminator"].strength.fill_(0.4)
    for one, other in ((adaptive, plain), (plain, adaptive)):
        fresh = started(augment=other.recipe.augment)
        tree = one.tree()
        fresh.adopt(tree["players"], tree["average"])
        for a, b in zip(
            unaugmented(one.players["discriminator"]).parameters(),
            fresh.players["discriminator"].parameters(),
            strict=True,
        ):
            assert torch.equal(a, b)
        if isinstance(judge := fresh.players["discriminator"], Augmented):
            assert judge.strength == 0  # of the data that were trained on before


def test_a_game_that_does_not_say_how_often_the_discriminator_is_right_is_refused() -> None:
    session = started(game=FeatureMatching(AdversarialGame()))
    session.advance()  # which says so, for the discriminator's move
    judge = session.players["discriminator"]
    with pytest.raises(ValueError, match=r"augment\.adaptive follows how often"):
        adapted(judge, Result({}), 0.8, images=8, among=Processes())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"colour": True, "adaptive": 0.5}, "augment.adaptive is 0.5"),
        ({"colour": True, "adaptive": 1.0}, "between 1/2 and 1"),
        ({"flip": True, "adaptive": 0.8}, "nothing to adapt"),
    ],
)
def test_what_cannot_be_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Augmentation(**fields)
