"""Modes of labelled and stacked sets, by enumeration."""

import math

import pytest
import torch
from scipy.stats import entropy

from gansmith.metrics import class_counts, mode_counts, share_divergence


@pytest.mark.analytic
def test_every_number_once() -> None:
    numbers = torch.cartesian_prod(*(torch.arange(10),) * 3)
    reference = class_counts(numbers, (10, 10, 10))
    assert reference.shape == (10, 10, 10)
    assert (reference == 1).all()
    assert mode_counts(numbers, reference) == (1000, 1000, 0)
    # The first 250 numbers, each as often: KL = log(1000 / 250).
    found = mode_counts(numbers[:250], reference)
    assert found[:2] == (250, 1000)
    assert found.kl == pytest.approx(math.log(4), rel=1e-12)


@pytest.mark.analytic
def test_digits_stand_at_their_channel() -> None:
    counts = class_counts(torch.tensor([[1, 2, 3], [1, 2, 3], [3, 2, 1]]), (10, 10, 10))
    assert counts.nonzero().tolist() == [[1, 2, 3], [3, 2, 1]]
    assert (counts[1, 2, 3], counts[3, 2, 1]) == (2, 1)


@pytest.mark.reference
def test_divergence_is_scipys() -> None:
    generator = torch.Generator().manual_seed(0)
    reference = torch.randint(1, 50, (12,), generator=generator)
    classes = torch.randint(0, 9, (300,), generator=generator)
    ours = mode_counts(classes, reference)
    assert ours[:2] == (9, 12)
    counts = class_counts(classes, (12,))
    assert ours.kl == pytest.approx(entropy(counts, reference), rel=1e-12)
    # Its error: the deviation of log q/p over the samples, each with its own class's, over √n.
    told = (counts / 300 * reference.sum() / reference).log()[classes]
    assert share_divergence(counts, reference).error == pytest.approx(
        told.double().std(correction=0).item() / math.sqrt(300), rel=1e-5
    )


@pytest.mark.analytic
def test_few_samples_of_the_right_shares() -> None:
    # 2n·KL is about χ² with K − 1 degrees of freedom, so its mean is K − 1 and its deviation √(2(K − 1)).
    generator = torch.Generator().manual_seed(1)
    n, classes = 5000, 50
    scaled = [
        2 * n * mode_counts(torch.randint(classes, (n,), generator=generator), torch.ones(classes)).kl
        for _ in range(100)
    ]
    assert sum(scaled) / 100 == pytest.approx(classes - 1, abs=4 * math.sqrt(2 * 49 / 100))


@pytest.mark.analytic
def test_the_error_of_the_divergence_is_its_spread_over_other_samples() -> None:
    generator, n, repeats = torch.Generator().manual_seed(3), 2000, 400
    shares, reference = torch.tensor([0.6, 0.25, 0.1, 0.05]), torch.tensor([200, 300, 400, 100])
    drawn = torch.multinomial(shares.expand(repeats, 4), n, replacement=True, generator=generator)
    found = [share_divergence(torch.bincount(row, minlength=4), reference) for row in drawn]
    spread = torch.tensor([kl for kl, _ in found], dtype=torch.float64).std().item()
    # A standard deviation from 400 values is itself uncertain by 1/√800 = 3.5 %.
    assert sum(error for _, error in found) / repeats == pytest.approx(spread, rel=0.14)


@pytest.mark.analytic
def test_what_the_data_do_not_have() -> None:
    # A sample of a class that the data lack is no mode found, and its divergence is infinite.
    assert mode_counts(torch.tensor([0, 2]), torch.tensor([5, 5, 0])) == (1, 2, math.inf)


@pytest.mark.identity
def test_order_does_not_matter_and_probabilities_count_by_the_likeliest() -> None:
    generator = torch.Generator().manual_seed(2)
    digits = torch.randint(0, 4, (200, 3), generator=generator)
    reference = class_counts(digits, (4, 4, 4))
    expected = mode_counts(digits[:90], reference)
    assert mode_counts(digits[:90].flip(0), reference) == expected
    sure = 0.7 * torch.nn.functional.one_hot(digits[:90], 4) + 0.3 / 4
    assert mode_counts(sure, reference) == expected
    assert mode_counts(sure[:, 0], torch.ones(4)) == mode_counts(digits[:90, 0], torch.ones(4))


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"go from 0 to \[2\]; got 3"):
        mode_counts(torch.tensor([0, 3]), torch.ones(3))
    with pytest.raises(ValueError, match=r"shape \(4,\); for counts \(10, 10\) give \(n, 2\)"):
        mode_counts(torch.zeros(4, dtype=torch.int64), torch.ones(10, 10))
    with pytest.raises(ValueError, match=r"probabilities \(4, 3\) do not fit classes \(10,\)"):
        mode_counts(torch.rand(4, 3), torch.ones(10))
    with pytest.raises(ValueError, match="no counts"):
        mode_counts(torch.zeros(4, dtype=torch.int64), torch.zeros(10))
