import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gansmith.networks import DCGAN, MLP, Architecture, Residual
from gansmith.training import Model, Recipe
from gansmith.training.export import export_onnx

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

NETWORKS = {
    "mlp": MLP(width=16),
    "dcgan": DCGAN(width=4),
    "dcgan-virtual": DCGAN(width=4, generator_norm="virtual", reference=5),
    "residual": Residual(width=8),
}


def tiny(networks: Architecture, classes: tuple[str, ...] = (), shape: tuple[int, int, int] = (1, 16, 16)) -> Model:
    torch.manual_seed(1)
    generator = networks.generator(shape, latent=8, classes=len(classes)).eval()
    for parameter in generator.parameters():  # fresh networks are nearly constant
        if parameter.ndim > 1:
            nn.init.kaiming_normal_(parameter)
    if generator.reference:
        generator.refer(torch.randn(5, 8), torch.arange(5) % len(classes) if classes else None)
    return Model(generator=generator, recipe=Recipe(latent=8), shape=shape, classes=classes)


def written(generator: nn.Module) -> Model:
    return Model(generator=generator, recipe=Recipe(latent=8), shape=(1, 2, 4))


@pytest.mark.reference
@pytest.mark.parametrize("networks", NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("classes", [(), ("a", "b", "c")], ids=["plain", "classes"])
def test_the_file_draws_what_the_model_draws(tmp_path: Path, networks: Architecture, classes: tuple[str, ...]) -> None:
    """ONNX Runtime against PyTorch, for a batch that was never seen when the file was written."""
    model = tiny(networks, classes, (3, 16, 24))
    model.generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    path = tmp_path / "model.onnx"
    assert export_onnx(model, path) < 1e-5
    assert list(tmp_path.iterdir()) == [path]  # one file
    session = onnxruntime.InferenceSession(path)
    assert json.loads(session.get_modelmeta().custom_metadata_map["classes"]) == list(classes)
    latents, uniforms = model.noise(11, seed=4)
    given = {"latent": latents.numpy()}
    if classes:
        given["label"] = np.minimum((3 * uniforms.numpy()).astype(np.int64), 2)
    assert [i.name for i in session.get_inputs()] == list(given)
    [images] = session.run(["images"], given)
    expected = model.sample(11, seed=4)
    assert expected.std(0).mean() > 0.05
    torch.testing.assert_close(torch.from_numpy(images), expected, atol=1e-5, rtol=0)


class Wrong(nn.Module):
    """A generator whose images depend on whether it is being traced: an exporter's mistake, made on purpose."""

    def forward(self, z: Tensor) -> Tensor:
        error = 1e-3 if torch.compiler.is_exporting() else 0.0
        return (z + error).tanh().view(-1, 1, 2, 4)


def test_a_file_that_draws_something_else_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"the one before")
    with pytest.raises(ValueError, match=r"model\.onnx was not written: its images differ from PyTorch's by"):
        export_onnx(written(Wrong()), path)
    assert path.read_bytes() == b"the one before"
    assert list(tmp_path.iterdir()) == [path]


class Frozen(nn.Module):
    """A generator that can only be traced for the batch at hand."""

    def forward(self, z: Tensor) -> Tensor:
        return torch.zeros(len(z.tolist()), 1, 2, 4) + z[0, 0]


def test_a_generator_that_cannot_be_traced_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be written as ONNX"):
        export_onnx(written(Frozen()), tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # as if it were not installed
    with pytest.raises(ValueError, match=r"not installed \(onnxruntime\): pip install 'gansmith\[onnx\]'"):
        export_onnx(tiny(NETWORKS["mlp"]), tmp_path / "model.onnx")
