"""Copies: scipy's Mann–Whitney test, and samples that are new, copied, or far off."""

import math
from statistics import fmean, stdev

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from scipy.stats import mannwhitneyu
from torch import Tensor

from gansmith.metrics import authenticity, copying_test, kmeans, mann_whitney
from gansmith.metrics.copying import TooFewError


def normal(n: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.reference
@pytest.mark.parametrize("ties", [False, True])
def test_mann_whitney_is_scipys(ties: bool) -> None:
    x, y = normal(40, 1, 0)[:, 0] + 0.3, normal(55, 1, 1)[:, 0]
    if ties:
        x, y = x.mul(2).round(), y.mul(2).round()
    expected = mannwhitneyu(x.numpy(), y.numpy(), use_continuity=False, method="asymptotic", alternative="greater")
    z = mann_whitney(x, y)
    assert 0.5 * math.erfc(z / math.sqrt(2)) == pytest.approx(expected.pvalue, rel=1e-9)
    assert mann_whitney(y, x) == pytest.approx(-z, rel=1e-9)
    assert mann_whitney(torch.ones(5), torch.ones(6)) == 0


@pytest.mark.analytic
@pytest.mark.parametrize(("d", "expected"), [(1, 1 / 3), (2, 1 - 6 * math.pi / (8 * math.pi + 3 * math.sqrt(3)))])
def test_new_data_are_authentic_unless_they_and_a_training_point_are_nearest_to_each_other(
    d: int, expected: float
) -> None:
    # The chance that a point's nearest neighbour has it for its own, in a Poisson process: ⅔ on the line, 0.6215 in the
    # plane. A new point is authentic unless that is so.
    uniform = torch.rand(6000, d, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = authenticity(uniform[:3000], uniform[3000:])
    assert found.value == pytest.approx(expected, abs=0.03)
    assert found.error == pytest.approx(math.sqrt(expected * (1 - expected) / 3000), rel=0.05)


@pytest.mark.analytic
def test_authenticity_against_the_definition() -> None:
    train, fake = normal(40, 3, 21).numpy(), 0.9 * normal(60, 3, 22).numpy()
    across, within = cdist(fake, train), cdist(train, train) + np.diag(np.full(40, np.inf))
    expected = (across.min(1) > within.min(1)[across.argmin(1)]).mean()
    assert 0.2 < expected < 0.8  # else the case would tell little
    assert authenticity(torch.from_numpy(train), torch.from_numpy(fake)).value == pytest.approx(expected, rel=1e-12)


@pytest.mark.analytic
def test_authenticity_of_copies_and_of_strangers() -> None:
    train = normal(300, 5, 2)
    assert authenticity(train, train[:50] + 1e-6).value == 0
    assert authenticity(train, train[:50] + 100).value == 1


@pytest.mark.analytic
def test_new_data_do_not_look_copied() -> None:
    # Each cell's Z is standard normal then, so their mean with weights w, which add up to 1, has variance Σ w².
    found = [copying_test(normal(300, 2, 3 * i), normal(200, 2, 3 * i + 1), normal(250, 2, 3 * i + 2), cells=4)
             for i in range(60)]  # fmt: skip
    assert fmean(test.z for test in found) == pytest.approx(0, abs=4 * 0.5 / math.sqrt(60))
    assert stdev(test.z for test in found) == pytest.approx(fmean(test.error for test in found), rel=0.3)
    cells = [z for test in found for z in test.cells if not math.isnan(z)]
    assert stdev(cells) == pytest.approx(1, abs=0.2)


@pytest.mark.analytic
def test_copies_in_one_region_are_found() -> None:
    train, held_out, new = normal(600, 2, 3), normal(600, 2, 4), normal(600, 2, 5)
    # Every copy is nearer than every held-out point: U = 0, and Z = −nm/2 / √(nm(n + m + 1)/12) = −√(3nm/(n + m + 1)).
    copies = train + 1e-6 * normal(600, 2, 23)
    assert copying_test(train, held_out, copies, cells=1).z == pytest.approx(-math.sqrt(3 * 600 * 600 / 1201), rel=1e-3)
    # Copies where x > 0, and samples that keep away from the training set where x < 0.
    half = torch.cat((train[train[:, 0] > 0], new[new[:, 0] < 0] + 0.3 * normal(int((new[:, 0] < 0).sum()), 2, 6)))
    # A cell with some 150 of each has about −√(3·150²/301) = −15 where all are copies, and half of it where half are.
    cells = copying_test(train, held_out, half, cells=4).cells
    assert min(cells) < -7
    assert max(cells) > -2  # not copied, so a standard normal figure or more
    # Samples that are spread over 1.5 times the width lie farther from the training set than held-out points do.
    far = copying_test(train, held_out, 1.5 * new, cells=4)
    assert far.z > 1


@pytest.mark.reference
@pytest.mark.parametrize("cells", [1, 4])
def test_cells_by_hand(cells: int) -> None:
    # Samples and held-out points are spread over the cells in different shares, so that the weights tell which count,
    # and distances go to the training points of the cell alone, which are not always the nearest of all.
    train, held_out, fake = normal(100, 2, 7), normal(160, 2, 8) + 0.4, 0.8 * normal(120, 2, 9) - 0.3
    centres, of_train = kmeans(train, cells)
    of_held_out, of_fake = (cdist(points, centres).argmin(1) for points in (held_out, fake))
    z, n = [], []
    for cell in range(cells):
        made, new = fake[of_fake == cell], held_out[of_held_out == cell]
        known = train[of_train == cell]
        far, near = (cdist(points, known).min(1) for points in (made, new))
        u = mannwhitneyu(far, near, use_continuity=False, method="asymptotic").statistic
        product, count = len(made) * len(new), len(made) + len(new)
        z.append((u - product / 2) / math.sqrt(product * (count + 1) / 12))
        n.append(len(new))
    found = copying_test(train, held_out, fake, cells=cells, least=5)
    assert found.cells == pytest.approx(z, rel=1e-9)
    assert found.z == pytest.approx(np.average(z, weights=n), rel=1e-9)
    assert found.error == pytest.approx(math.hypot(*n) / sum(n), rel=1e-12)
    assert found.judged == pytest.approx(1, rel=1e-12)


@pytest.mark.analytic
def test_weights_and_cells_that_are_left_out() -> None:
    # Two far clusters, the second without samples: only the first is judged, and it holds 30 of 100 held-out points.
    train, held_out = torch.cat((normal(60, 2, 10), normal(60, 2, 11) + 50)), normal(100, 2, 12)
    held_out[30:] += 50
    found = copying_test(train, held_out, normal(40, 2, 13), cells=2)
    assert found.judged == pytest.approx(0.3)
    assert sum(math.isnan(z) for z in found.cells) == 1
    assert found.z in [z for z in found.cells if not math.isnan(z)]
    assert found.error == pytest.approx(1)  # of a single standard normal figure, whatever its weight
    # Just as many as are asked for are enough.
    assert copying_test(train, held_out, normal(40, 2, 13), cells=2, least=30) == found
    with pytest.raises(TooFewError, match="none of 2 cells has 31 samples"):
        copying_test(train, held_out, normal(40, 2, 13), cells=2, least=31)


@pytest.mark.analytic
def test_principal_components_drop_what_hardly_varies() -> None:
    train, held_out, fake = normal(200, 3, 14), normal(150, 3, 15), 0.9 * normal(150, 3, 16)
    small = 1e-9 * torch.ones(1, 4)
    padded = [torch.cat((points, normal(len(points), 4, 17) * small), 1) for points in (train, held_out, fake)]
    expected = copying_test(train, held_out, fake, cells=1)
    assert copying_test(*padded, cells=1, components=3).z == pytest.approx(expected.z, abs=1e-6)


@pytest.mark.identity
def test_order_does_not_matter() -> None:
    train, held_out, fake = normal(200, 3, 18), normal(150, 3, 19), 0.9 * normal(150, 3, 20)
    order = torch.randperm(200, generator=torch.Generator().manual_seed(0))
    expected = copying_test(train, held_out, fake, cells=3, components=2)
    found = copying_test(train[order], held_out.flip(0), fake.flip(0), cells=3, components=2)
    assert found.z == pytest.approx(expected.z, rel=1e-9)
    assert authenticity(train[order], fake.flip(0)) == authenticity(train, fake)


def test_refusals() -> None:
    x = normal(30, 2, 0)
    with pytest.raises(ValueError, match="none of 10 cells has 20 samples and 20 held-out points"):
        copying_test(x, x, x)
    with pytest.raises(ValueError, match=r"components is 3; it must be in \[1, 2\]"):
        copying_test(x, x, x, components=3)
