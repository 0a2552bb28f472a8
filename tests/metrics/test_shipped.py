"""Weight files: small, exact, and refused when a single bit of them has turned."""

from pathlib import Path

import pytest
import torch

from gansmith.metrics.shipped import WEIGHTS, load_weights, save_weights, weights_digest


@pytest.mark.identity
def test_round_trip_keeps_what_is_stored(tmp_path: Path) -> None:
    tensors = {"kernel": torch.randn(4, 3), "variance": torch.tensor([1e-9, 1e9]), "count": torch.tensor(7)}
    digest = save_weights(tmp_path / "w.safetensors", tensors)
    back, read = load_weights(tmp_path / "w.safetensors")
    assert read == digest == weights_digest(back)
    assert torch.equal(back["kernel"], tensors["kernel"].half().float())  # kernels in half precision
    assert torch.equal(back["variance"], tensors["variance"])  # vectors as they were
    assert back["count"] == 7


def test_damage_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(path, {"a": torch.arange(100.0)})
    good = path.read_bytes()
    path.write_bytes(good[:-40] + bytes([good[-40] ^ 1]) + good[-39:])
    with pytest.raises(ValueError, match=r"damaged .*reinstall gansmith"):
        load_weights(path)
    path.write_bytes(good[:-8])
    with pytest.raises(ValueError, match="not a readable weight file"):
        load_weights(path)
    with pytest.raises(ValueError, match="not a readable weight file"):
        load_weights(tmp_path / "absent.safetensors")


def test_names_and_shapes_enter_the_digest() -> None:
    a = torch.zeros(2, 3)
    assert len({weights_digest(x) for x in ({"a": a}, {"b": a}, {"a": a.T}, {"a": a, "b": a})}) == 4


def test_what_is_shipped_is_small() -> None:
    files = sorted(WEIGHTS.glob("*.safetensors"))
    assert [file.stem for file in files] == ["digits28", "grey28"]
    assert sum(file.stat().st_size for file in files) < 1_000_000
