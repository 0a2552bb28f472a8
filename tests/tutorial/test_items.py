"""Every item keeps its claims: the quick ones always, all of them with ``-m slow``."""

from __future__ import annotations

from pathlib import Path

import pytest

from gansmith.tutorial import ITEMS, find, perform
from gansmith.tutorial.studio import Studio

QUICK = ("no-gradient-at-half", "value", "interpolation", "optimal-discriminator", "unrolling-cost")


def _proved(name: str, folder: Path, seed: int) -> None:
    told = perform(find(name), Studio(folder, seed=seed))
    assert told.passed, "\n".join(map(str, told.claims))
    assert told.pictures
    assert all(p.path.is_file() and p.caption.endswith(".") for p in told.pictures)


@pytest.mark.parametrize("name", QUICK)
def test_the_quick_items_keep_their_claims(name: str, tmp_path: Path) -> None:
    _proved(name, tmp_path, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ITEMS)
def test_every_item_keeps_its_claims(name: str, tmp_path: Path) -> None:
    _proved(name, tmp_path, seed=0)
