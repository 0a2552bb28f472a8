"""One pass over a sampler or a tensor: the same images whatever the batch."""

import pytest
import torch

from gansmith.metrics import Images, draw
from gansmith.metrics.sampling import batches


class Recorder:
    """A sampler that remembers what it was asked for, and answers with its labels or its seed."""

    def __init__(self, extra: int = 0) -> None:
        self.asked: list[tuple[int, int]] = []
        self.extra = extra

    def sample(self, n: int, *, seed: int = 0, labels: torch.Tensor | None = None) -> torch.Tensor:
        self.asked.append((n, seed))
        values = torch.rand(n, generator=torch.Generator().manual_seed(seed)) if labels is None else labels.float()
        return torch.cat((values, torch.zeros(self.extra))).view(-1, 1, 1, 1)


@pytest.mark.identity
def test_the_batch_changes_nothing() -> None:
    first, second = (torch.cat(list(batches(Recorder(), n=700, seed=5, batch=batch))) for batch in (1000, 33))
    assert torch.equal(first, second)


@pytest.mark.identity
def test_more_samples_begin_with_the_fewer_ones() -> None:
    fewer, more = (torch.cat(list(draw(Recorder(), n, seed=5))) for n in (500, 1000))
    assert torch.equal(more[:500], fewer)


def test_every_block_has_a_seed_of_its_own() -> None:
    recorder = Recorder()
    list(draw(recorder, 600, seed=0))
    list(draw(recorder, 600, seed=1))
    assert [n for n, _ in recorder.asked] == [250, 250, 100] * 2
    assert len({seed for _, seed in recorder.asked}) == 6


def test_labels_reach_the_sampler_in_order() -> None:
    labels = torch.arange(600)
    assert torch.equal(torch.cat(list(draw(Recorder(), 600, seed=0, labels=labels))).flatten().long(), labels)


def test_given_images_by_label() -> None:
    images = torch.arange(6.0).view(6, 1, 1, 1) / 6
    labels = torch.tensor([0, 0, 0, 1, 1, 1])
    drawn = Images(images, labels).sample(100, seed=0, labels=torch.ones(100).long())
    assert set(drawn.flatten().tolist()) == set(images[3:].flatten().tolist())
    assert torch.equal(Images(images).sample(9, seed=4), Images(images).sample(9, seed=4))


def test_refusals() -> None:
    with pytest.raises(ValueError, match="asked for 10 samples and returned 11"):
        list(draw(Recorder(extra=1), 10, seed=0))
    with pytest.raises(ValueError, match="at least 1; got 0"):
        list(draw(Recorder(), 0, seed=0))
    with pytest.raises(ValueError, match=r"labels must be \(10,\).*got \(3,\)"):
        list(draw(Recorder(), 10, seed=0, labels=torch.zeros(3)))
    with pytest.raises(ValueError, match="batch must be at least 1; got 0"):
        list(batches(Recorder(), n=1, batch=0))
    images = torch.zeros(4, 1, 2, 2)
    with pytest.raises(ValueError, match="no labels"):
        Images(images).sample(1, labels=torch.tensor([0]))
    with pytest.raises(ValueError, match="none of the images has the label 7"):
        Images(images, torch.zeros(4).long()).sample(1, labels=torch.tensor([7]))
    with pytest.raises(ValueError, match="as many labels"):
        Images(images, torch.zeros(3))
