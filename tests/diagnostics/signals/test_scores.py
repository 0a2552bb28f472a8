"""What is read from scores, against enumeration and closed forms."""

import pytest
import torch

from gansmith.diagnostics.signals import accuracy, logit_gap, overfitting


@pytest.mark.analytic
def test_accuracy_is_the_share_of_pairs_that_are_in_order():
    """Whole numbers, so that there are ties, which count half."""
    real, fake = torch.randint(0, 5, (30,)).float(), torch.randint(-2, 4, (20,)).float()
    pairs = [1.0 if r > f else 0.5 if r == f else 0.0 for r in real.tolist() for f in fake.tolist()]
    assert accuracy(real, fake) == pytest.approx(sum(pairs) / len(pairs))


@pytest.mark.identity
def test_accuracy_knows_no_units_and_no_order():
    """Any increasing function of the scores, and any order of the samples, leaves the pairs' order as it is."""
    real, fake = torch.randn(30) + 1, torch.randn(20)
    assert accuracy(real, fake) == accuracy(real.exp().flip(0), fake.exp().flip(0))


@pytest.mark.analytic
@pytest.mark.parametrize(("held_out", "share"), [(3.0, 0.0), (-1.0, 1.0), (1.0, 0.5), (-100.0, 2.0)])
def test_overfitting_is_where_unseen_images_lie_between_seen_and_generated_ones(held_out, share):
    """Training images are at 3, samples at −1; beyond 2 it is cut."""
    found = overfitting(torch.full((4,), 3.0), torch.full((5,), held_out), torch.full((6,), -1.0))
    assert found == pytest.approx(share)


def test_without_a_gap_there_is_nothing_to_be_lost():
    assert overfitting(torch.zeros(3), torch.ones(3), torch.zeros(3)) == 0.0


def test_logit_gap_is_in_the_units_of_the_scores():
    assert logit_gap(torch.tensor([1.0, 3.0]), torch.tensor([-4.0])) == 6.0
