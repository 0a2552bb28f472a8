"""Images that are kept for the doctor: which ones, and that no player ever sees them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gansmith.data import Batches, from_array, parted
from gansmith.networks import DCGAN
from gansmith.training import resume, train
from gansmith.training.config import from_yaml, to_yaml
from gansmith.training.display import Silent
from gansmith.training.engine import DeviceEngine
from gansmith.training.processes import Processes
from gansmith.training.quality import Quality
from gansmith.training.recipe import Execution, Recipe
from gansmith.training.rundir import RunDirectory
from gansmith.training.session import Session
from gansmith.training.studio import Studio


def numbered(n: int, side: int = 1) -> object:
    """Image i has i in its first two channels, so that it can be told from any other."""
    pixels = np.zeros((n, side, side, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = np.arange(n)[:, None, None] % 256, np.arange(n)[:, None, None] // 256
    return from_array(pixels)


def seen(batch: torch.Tensor) -> set[int]:
    whole = ((batch[:, :, 0, 0] + 1) * 127.5).round().long()
    return set((whole[:, 0] + 256 * whole[:, 1]).tolist())


@pytest.mark.parametrize(
    ("n", "share", "count"),
    [(1000, 0.05, 50), (20, 0.05, 1), (20, 0.01, 1), (19, 0.5, 0), (10_000, 0.05, 256), (1000, 0.0, 0), (20, 0.99, 19)],
)
@pytest.mark.analytic
def test_how_many(n: int, share: float, count: int) -> None:
    """A share, at least one of 20 images, at most 256, and none where it is switched off."""
    train, unseen = parted(numbered(n), share)
    assert len(unseen) == count
    assert sorted([*train, *unseen]) == list(range(n))


def test_a_share_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"held_out is 1: it must be a share"):
        parted(numbered(20), 1)
    with pytest.raises(ValueError, match=r"held_out is 1: it is a share of the images, below 1"):
        Recipe(held_out=1)
    with pytest.raises(ValueError, match="held_out must be at least 0"):
        Recipe(held_out=-0.1)


@pytest.mark.identity
def test_which_ones_is_decided_by_the_images_alone() -> None:
    first, again, other = (parted(images, 0.1)[1] for images in (numbered(500), numbered(500), numbered(501)))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other[: len(first)])


@pytest.mark.identity
def test_batches_draw_every_row_that_they_may_once_and_no_other() -> None:
    images = numbered(300)
    train, unseen = parted(images, 0.2)
    batches = Batches(images, batch=40, seed=3, rows=train)
    drawn = [seen(batches(step)[0]) for step in range(6)]  # 6 · 40 = 240 images: one epoch
    assert set.union(*drawn) == set(train.tolist())
    assert sum(map(len, drawn)) == 240
    assert not set.union(*drawn) & set(unseen.tolist())


@pytest.mark.identity
def test_all_rows_are_the_batches_that_there_were_without_any() -> None:
    images = numbered(30)
    ours, plain = (Batches(images, batch=8, seed=1, flip=True, rows=rows) for rows in (np.arange(30), None))
    for step in range(6):
        assert torch.equal(ours(step)[0], plain(step)[0])


def started(**changes: object) -> Session:
    recipe = replace(Recipe(networks=DCGAN(width=4), latent=3, batch=8), **changes)
    return Session.start(recipe, numbered(100, 16), DeviceEngine())


@pytest.mark.identity
def test_a_session_never_hands_them_out_whatever_its_seed_and_attempt() -> None:
    _, unseen = parted(numbered(100, 16), 0.05)
    for seed, attempt in ((0, 0), (1, 0), (0, 2)):
        session = started(seed=seed)
        draws = [session.feed(step, attempt=attempt)(0)["real"] for step in range(24)]  # two epochs of 95 images
        assert not set.union(*map(seen, draws)) & set(unseen.tolist())
    plain = started(held_out=0.0)
    assert len(set.union(*(seen(plain.feed(step)(0)["real"]) for step in range(13)))) == 100


@pytest.mark.identity
def test_the_rows_that_processes_share_are_those_of_one() -> None:
    batches = Batches(numbered(100), batch=8, seed=7, rows=parted(numbered(100), 0.05)[0])
    halves = [batches(5, Processes(rank, 2).share(8))[0] for rank in range(2)]
    assert torch.equal(torch.cat(halves), batches(5)[0])


def test_it_is_a_setting_like_others_and_an_older_file_gets_the_usual_one() -> None:
    assert from_yaml(to_yaml(Recipe(held_out=0.2))).held_out == 0.2
    assert from_yaml("steps: 5").held_out == 0.05


@pytest.mark.identity
def test_a_run_from_before_there_were_any_goes_on_with_all_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file does not say how many are held out; other batches than before would make it another run."""
    monkeypatch.setattr(Studio, "visit", lambda self: {"step": self.session.step, Quality.name: 1.0})
    monkeypatch.setattr(Studio, "finish", lambda self: None)
    whole = Recipe(
        networks=DCGAN(width=4), latent=3, batch=8, steps=4, held_out=0.0, run=Execution(device="cpu", threads=1)
    )
    images = numbered(100, 16)
    train(whole, out=tmp_path / "whole", data=images, display=Silent())
    train(replace(whole, steps=2), out=tmp_path / "old", data=images, display=Silent())
    file = tmp_path / "old" / "config.yaml"
    text = file.read_text()
    file.write_text(text.replace("held_out: 0.0\n", ""))
    assert file.read_text() != text
    resume(tmp_path / "old", steps=4, data=images, display=Silent())
    weights = []
    for name in ("whole", "old"):
        checkpoints = RunDirectory.open(tmp_path / name).checkpoints()
        newest = checkpoints.latest()
        assert newest is not None
        weights.append(checkpoints.load(newest)[0]["average"])
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
