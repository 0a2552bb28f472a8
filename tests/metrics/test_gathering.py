"""Gathering: the same whatever the batch and the order, the same from disk as afresh, and no more of it for more."""

import weakref
from pathlib import Path

import numpy as np
import pytest
import torch

from gansmith.metrics import Classifier, Images, NetworkExtractor, digits, grey28, pixels
from gansmith.metrics.gathered import Gathered
from gansmith.metrics.gathering import Judge, choice, gather


def random_images(n: int, *, side: int = 4, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, 1, side, side, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def parts(found: Gathered) -> dict[str, torch.Tensor]:
    """Everything that was gathered, as tensors by name."""
    tensors = {
        "mean": found.statistics.mean,
        "scatter": found.statistics.scatter,
        "called": found.called,
        "rows": found.rows,
        "features": found.features,
        "pictures": found.pictures,
        "probabilities": found.probabilities,
    }
    if found.calls is not None:
        tensors["confident"] = torch.tensor([found.calls.count, *found.calls.confident])
    return {name: tensor for name, tensor in tensors.items() if tensor is not None}


@pytest.mark.identity
def test_the_batch_changes_nothing_beyond_rounding(embedded: tuple[torch.Tensor, torch.Tensor]) -> None:
    judge = Judge(grey28(), digits())
    one, other = (parts(gather(embedded[0][:600], judge, keep=200, batch=batch)) for batch in (7, 600))
    assert one.keys() == other.keys()
    assert len(one) == 8
    for name, tensor in one.items():
        torch.testing.assert_close(tensor, other[name], rtol=1e-4, atol=1e-4, msg=name)


@pytest.mark.identity
def test_the_order_changes_only_the_order(embedded: tuple[torch.Tensor, torch.Tensor]) -> None:
    images, judge = embedded[0][:300], Judge(grey28(), digits())
    order = torch.randperm(300, generator=torch.Generator().manual_seed(1))
    one, other = (parts(gather(source, judge)) for source in (images, images[order]))
    for name in ("mean", "scatter", "called", "confident"):
        torch.testing.assert_close(one[name], other[name], rtol=1e-4, atol=1e-4)
    for name in ("features", "pictures", "probabilities"):  # row by row, where each image stands in the source
        mine = torch.empty_like(one[name]).index_copy_(0, one["rows"], one[name])
        theirs = torch.empty_like(one[name]).index_copy_(0, order[other["rows"]], other[name])
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)


def test_what_is_kept_of_an_image_belongs_to_it() -> None:
    images = random_images(500)
    found = gather(images, Judge(pixels()), keep=50, batch=32)
    assert found.count == 500
    assert torch.equal(found.features, images[found.rows].flatten(1))
    assert torch.equal(found.pictures, ((images[found.rows] + 1) * 127.5).round().to(torch.uint8))
    torch.testing.assert_close(found.statistics.mean, images.flatten(1).double().mean(0))


@pytest.mark.analytic
def test_the_choice_is_uniform_without_repetition_and_nested() -> None:
    for keep in (1, 7, 10, 99):
        chosen = choice(10, keep)
        assert len(chosen.unique()) == len(chosen) == min(keep, 10)
        assert torch.equal(chosen, choice(10, 10)[: len(chosen)])
    # 2,000 of 20,000 in ten stretches of 2,000: each has 200 ± 4 standard deviations of √(2,000 · 0.1 · 0.9 · 0.9) ≈ 13
    stretches = torch.bincount(choice(20_000, 2_000) // 2_000, minlength=10)
    assert ((stretches - 200).abs() < 52).all()


def test_large_images_are_kept_small() -> None:
    found = gather(random_images(3, side=100)[:, :, :50], Judge(pixels()))
    assert found.pictures.shape == (3, 1, 32, 64)


class Counting:
    """A sampler of tiny images that knows how many of those that it gave are still held by anybody."""

    def __init__(self) -> None:
        self.given = self.held = self.most = 0

    def sample(self, n: int, *, seed: int = 0, labels: torch.Tensor | None = None) -> torch.Tensor:
        images = np.random.default_rng(seed).random((n, 1, 2, 2), np.float32)
        self.given, self.held = self.given + n, self.held + n
        self.most = max(self.most, self.held)
        weakref.finalize(images, self.returned, n)  # a tensor of them holds the array itself, and so does every view
        return torch.from_numpy(images)

    def returned(self, n: int) -> None:
        self.held -= n


def test_a_million_samples_are_never_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gansmith.metrics.sampling.DRAW", 10_000)  # the same images in fewer pieces, for speed
    sampler = Counting()
    found = gather(sampler, Judge(pixels()), n=1_000_000, keep=1000, batch=10_000)
    assert (found.count, sampler.given) == (1_000_000, 1_000_000)
    assert sampler.most <= 3 * 10_000  # the block that is drawn, the one that is judged, the one that is let go
    assert sum(tensor.numel() for tensor in parts(found).values()) < 20_000


@pytest.mark.parametrize("judge", [Judge(pixels()), Judge(grey28(), digits())], ids=["features", "classes too"])
def test_from_disk_it_is_the_same_bit_for_bit(tmp_path: Path, judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    images = random_images(40, side=28)
    fresh = gather(images, judge, keep=20, cache=tmp_path)
    monkeypatch.setattr(Judge, "features", _only_a_probe(Judge.features))
    again = gather(images, judge, keep=20, cache=tmp_path)
    assert again.digest == fresh.digest is not None
    one, other = parts(fresh), parts(again)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) and one[name].dtype == other[name].dtype for name in one)


def _only_a_probe(features):
    def few(self: Judge, images: torch.Tensor) -> torch.Tensor:
        assert len(images) <= 2, "the images were looked at again"
        return features(self, images)

    return few


def test_another_question_has_another_answer(tmp_path: Path) -> None:
    """Images, extractor, its arithmetic, classifier and how much is kept all tell entries apart."""
    images, plain = random_images(40, side=28), NetworkExtractor(name="own", network=torch.nn.Flatten().eval())
    twice = NetworkExtractor(name="own", network=torch.nn.Sequential(torch.nn.Flatten(), torch.nn.ReLU()).eval())
    hot = Classifier(name="digits28", network=digits().network, temperature=9.0, shape=(1, 28, 28))
    assert plain.digest == twice.digest  # neither has weights
    questions = [(images, Judge(plain), 20), (images, Judge(plain), 10), (images.flip(0), Judge(plain), 20)]
    questions += [(images, judge, 20) for judge in (Judge(twice), Judge(plain, digits()), Judge(plain, hot))]
    for source, judge, keep in questions:
        gather(source, judge, keep=keep, cache=tmp_path)
    assert len(list(tmp_path.rglob("*"))) == 1 + len(questions)


@pytest.mark.parametrize("damage", [lambda d: b"", lambda d: d[:100], lambda d: d[:-1] + bytes([d[-1] ^ 1])])
def test_damage_is_found_and_mended(tmp_path: Path, damage) -> None:
    images = random_images(40)
    fresh = gather(images, Judge(pixels()), cache=tmp_path)
    (path,) = (tmp_path / "gathered").iterdir()
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    again = gather(images, Judge(pixels()), cache=tmp_path)
    assert torch.equal(again.features, fresh.features)
    assert path.read_bytes() == whole


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert gather(random_images(5), Judge(pixels()), cache=tmp_path / "file").count == 5


def test_a_sampler_is_told_how_many_and_its_samples_are_not_kept(tmp_path: Path) -> None:
    sampler = Images(random_images(5))
    with pytest.raises(ValueError, match="say how many samples"):
        gather(sampler, Judge(pixels()))
    assert gather(sampler, Judge(pixels()), n=7, cache=tmp_path).digest is None
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="no images"):
        gather(random_images(5)[:0], Judge(pixels()))
