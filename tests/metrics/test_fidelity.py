"""Counting confident calls."""

import pytest
import torch

from gansmith.metrics import Calls, calls, relative_share


@pytest.mark.analytic
def test_counts_by_hand() -> None:
    called = calls(torch.tensor([[0.9, 0.1, 0.0], [0.0, 0.95, 0.05], [0.5, 0.3, 0.2], [0.0, 1.0, 0.0]]))
    assert called == Calls(count=4, confident=(1, 2, 0))  # the threshold itself is confident
    assert called.share == 0.75
    assert called.class_shares == (0.25, 0.5, 0)


@pytest.mark.identity
def test_in_pieces_as_in_one() -> None:
    logits = 4 * torch.randn(100, 5, generator=torch.Generator().manual_seed(0))
    first, *rest = (calls(part) for part in logits.softmax(1).split(17))
    assert sum(rest, start=first) == calls(logits.softmax(1))


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"threshold lies in .* got 0.3"):
        calls(torch.ones(2, 1), threshold=0.3)
    with pytest.raises(ValueError, match="got \\(3,\\)"):
        calls(torch.ones(3))
    with pytest.raises(ValueError, match="do not add up"):
        _ = Calls(1, (1, 0)) + Calls(1, (1,))
    with pytest.raises(ValueError, match="does not know this kind of image"):
        relative_share(Calls(1, (1, 0)), Calls(5, (0, 0)))
