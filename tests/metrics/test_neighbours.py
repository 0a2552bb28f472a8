"""Precision and recall against enumeration, and where the answer is known."""

import pytest
import torch

from gansmith.metrics import precision_recall


def points(n: int, seed: int, d: int = 3) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def enumerated(real: torch.Tensor, fake: torch.Tensor, k: int) -> tuple[float, float]:
    """The definition, point by point."""

    def share(these: torch.Tensor, those: torch.Tensor) -> float:
        inside = 0
        for point in these:
            for i, centre in enumerate(those):
                others = torch.cat((those[:i], those[i + 1 :]))
                radius = (others - centre).square().sum(1).sqrt().sort().values[k - 1]
                if (point - centre).square().sum().sqrt() <= radius:
                    inside += 1
                    break
        return inside / len(these)

    return share(fake, real), share(real, fake)


@pytest.mark.analytic
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize(("spread", "shift"), [(1.0, 0.0), (0.3, 0.0), (1.0, 1.5)])
def test_against_enumeration(k: int, spread: float, shift: float) -> None:
    real, fake = points(40, seed=0), spread * points(31, seed=1) + shift
    ours = precision_recall(real, fake, k=k)
    assert tuple(ours) == pytest.approx(enumerated(real, fake, k), abs=1e-12)
    assert 0 < min(ours) < 1  # else the case would tell little


@pytest.mark.analytic
def test_known_cases() -> None:
    x = points(200, seed=2)
    assert precision_recall(x, x) == (1, 1)
    assert precision_recall(x, x + 50) == (0, 0)
    # One of two far clusters is sampled: every sample is real, half of the real images are covered.
    near, far = points(100, seed=3), points(100, seed=4) + 50
    assert precision_recall(torch.cat((near, far)), near) == (1, 0.5)
    # The samples cover a cluster that is not there as well: half of them are not real, all of the data are covered.
    assert precision_recall(near, torch.cat((near, far))) == (0.5, 1)


@pytest.mark.identity
def test_neither_chunks_nor_order_nor_a_common_shift_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = points(60, seed=5), 0.7 * points(50, seed=6)
    expected = precision_recall(real, fake, k=3)  # the paper's k, and ours unless told otherwise
    shuffled = torch.randperm(60, generator=torch.Generator().manual_seed(7))
    assert precision_recall(real[shuffled], fake) == expected
    assert precision_recall(real + 1000, fake + 1000) == expected
    monkeypatch.setitem(precision_recall.__globals__, "CHUNK", 7)
    assert precision_recall(real, fake) == expected


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"k must be in \[1, 2\], as many other points as there are; got 3"):
        precision_recall(points(3, seed=0), points(9, seed=0))
    with pytest.raises(ValueError, match="of 3 and of 2 numbers lie in different spaces"):
        precision_recall(points(9, seed=0), points(9, seed=0, d=2))
    with pytest.raises(ValueError, match="1 of 9 points have values that are not finite"):
        precision_recall(points(9, seed=0), points(9, seed=0).index_fill(0, torch.tensor([4]), torch.nan))
