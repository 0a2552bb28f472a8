import numpy as np
import pytest
import torch

from gansmith.data import Batches, DataError, ImageSet, from_array


def numbered(n: int, *, height: int = 2, width: int = 4, channels: int = 1, labelled: bool = True) -> ImageSet:
    """Image i holds i in its left half and 255 in its right half."""
    pixels = np.full((n, height, width, channels), 255, np.uint8)
    pixels[:, :, : width // 2] = np.arange(n, dtype=np.uint8)[:, None, None, None]
    return from_array(pixels, np.arange(n) if labelled else None)


def values(batches: Batches, step: int) -> list[int]:
    labels = batches(step)[1]
    assert labels is not None
    return labels.tolist()


@pytest.mark.analytic
def test_every_epoch_draws_every_image_once_across_batch_borders() -> None:
    batches = Batches(numbered(10), batch=4, seed=0)
    drawn = [value for step in range(15) for value in values(batches, step)]  # 60 draws: 6 epochs of 10
    epochs = [drawn[start : start + 10] for start in range(0, 60, 10)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 6  # in another order each time


def test_fewer_images_than_a_batch_spans_epochs() -> None:
    # 7 draws of 3 images: two whole epochs and one more, so no image is drawn less than twice or more than 3 times.
    assert sorted(np.bincount(values(Batches(numbered(3), batch=7, seed=0), 0)).tolist()) == [2, 2, 3]
    assert values(Batches(numbered(1), batch=3, seed=0), 5) == [0, 0, 0]


@pytest.mark.identity
def test_batches_are_a_function_of_seed_and_step_alone() -> None:
    images = numbered(30)
    forward = Batches(images, batch=8, seed=5, flip=True)
    wanted = [forward(step) for step in range(20)]
    for step in (19, 0, 7, 12, 7):  # a fresh object in any order: nothing depends on the history
        again = Batches(images, batch=8, seed=5, flip=True)(step)
        assert torch.equal(again[0], wanted[step][0])
        assert again[1] is not None
        assert wanted[step][1] is not None
        assert torch.equal(again[1], wanted[step][1])
    assert values(Batches(images, batch=8, seed=6), 0) != values(Batches(images, batch=8, seed=5), 0)


@pytest.mark.identity
@pytest.mark.parametrize("processes", [2, 3])
def test_parts_of_several_processes_make_up_the_whole_batch(processes: int) -> None:
    batches = Batches(numbered(10), batch=12, seed=1, flip=True)
    share = 12 // processes
    parts = [batches(3, slice(rank * share, (rank + 1) * share)) for rank in range(processes)]
    whole = batches(3)
    assert torch.equal(torch.cat([images for images, _ in parts]), whole[0])
    assert torch.equal(torch.cat([labels for _, labels in parts if labels is not None]), whole[1])


@pytest.mark.analytic
@pytest.mark.parametrize("channels", [1, 3])
def test_bytes_become_floats_from_minus_one_to_one(channels: int) -> None:
    pixels = np.arange(256, dtype=np.uint8).repeat(channels).reshape(1, 16, 16, channels)
    images, labels = Batches(from_array(pixels), batch=1, seed=0)(0)
    assert labels is None
    assert images.shape == (1, channels, 16, 16)
    assert images.dtype == torch.float32
    assert images.is_contiguous(memory_format=torch.channels_last)
    expected = torch.arange(256, dtype=torch.float64).reshape(16, 16) / 127.5 - 1
    assert (images[0, 0] - expected).abs().max() < 1e-7
    assert images.min() == -1
    assert images.max() == 1
    back = ((images.double() + 1) * 127.5).round().to(torch.uint8)  # nothing is lost
    assert torch.equal(back[0].permute(1, 2, 0), torch.from_numpy(pixels[0].copy()))


def test_flip_mirrors_about_half_of_the_draws_and_nothing_else() -> None:
    images = numbered(200)
    plain, flipped = (Batches(images, batch=200, seed=0, flip=flip)(0) for flip in (False, True))
    assert plain[1] is not None
    assert flipped[1] is not None
    assert torch.equal(plain[1], flipped[1])  # the order is the same
    same = (plain[0] == flipped[0]).flatten(1).all(1)
    mirrored = (plain[0].flip(3) == flipped[0]).flatten(1).all(1)
    assert bool((same ^ mirrored).all())  # the two halves of an image differ, so it is one or the other
    assert 70 < int(mirrored.sum()) < 130  # 100 ± 4.2 standard deviations of √50


def test_flips_change_from_epoch_to_epoch() -> None:
    batches = Batches(numbered(64), batch=64, seed=0, flip=True)
    seen = []
    for step in range(2):
        images, labels = batches(step)
        assert labels is not None
        seen.append((images[:, 0, 0, 0] == 1)[labels.argsort()])
    assert not torch.equal(seen[0], seen[1])


def test_read_only_images_are_neither_copied_nor_written_to() -> None:
    images = numbered(10)
    before = images.images.tobytes()
    batch, _ = Batches(images, batch=10, seed=0, flip=True)(0)  # warnings are errors: torch's remark must not appear
    batch.zero_()
    assert images.images.tobytes() == before


def test_misuse_is_refused() -> None:
    with pytest.raises(ValueError, match="batch is 0"):
        Batches(numbered(3), batch=0, seed=0)
    with pytest.raises(DataError, match="no images"):
        Batches(from_array(np.zeros((0, 4, 4), np.uint8)), batch=2, seed=0)
    with pytest.raises(ValueError, match="step is -1"):
        Batches(numbered(3), batch=2, seed=0)(-1)
