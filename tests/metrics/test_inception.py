"""Our Inception-v3 against another implementation's, and the published file: found, fetched, checked or refused.

The published weights are not here, so nothing is said of published values. What is checked: every name and shape of
the file's tensors as torch-fidelity has them, the features and logits that torch-fidelity's network gives under the
same fixed weights, and that only a file with the published SHA-256 is read.
"""

import hashlib
import json
import runpy
from pathlib import Path
from typing import Any

import pytest
import torch

from gansmith.metrics import published
from gansmith.metrics.extractors import named_classifier, named_extractor
from gansmith.metrics.features import frechet_name
from gansmith.metrics.inception import InceptionFeatures, InceptionLogits, InceptionV3, resized_as_published

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def theirs() -> dict[str, Any]:
    return json.loads((HERE / "inception_reference.json").read_text())


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(HERE / "inception_reference.py"))


@pytest.fixture(scope="module")
def network(script: dict[str, Any]) -> InceptionV3:
    """Ours under the reference's fixed weights."""
    network = InceptionV3()
    network.load(script["fixed_weights"](script["shapes_of"](network)))
    return network.eval().requires_grad_(False)


@pytest.mark.reference
def test_names_and_shapes_are_the_published_ones(
    network: InceptionV3, script: dict[str, Any], theirs: dict[str, Any]
) -> None:
    shapes = script["shapes_of"](network)
    assert len(shapes) == theirs["tensors"]
    assert script["names_digest"](shapes) == theirs["names"]


@pytest.mark.reference
def test_features_and_logits_under_the_same_weights(
    network: InceptionV3, script: dict[str, Any], theirs: dict[str, Any]
) -> None:
    pictures = script["fixed_pictures"]().float() / 127.5 - 1
    features, logits = InceptionFeatures(network)(pictures), InceptionLogits(network)(pictures)
    assert features.shape == (2, 2048)
    assert logits.shape == (2, 1008)
    for ours, key in ((features[:, ::64], "features[:, ::64]"), (logits[:, ::63], "logits[:, ::63]")):
        expected = torch.tensor(theirs[key])
        # Float32 through 94 layers: rounding of another order of sums, against differences that a wrong pooling or
        # resizing would make, which are of the size of the numbers themselves.
        torch.testing.assert_close(ours, expected, rtol=1e-3, atol=1e-3 * expected.abs().mean().item())


@pytest.mark.analytic
def test_resizing_takes_the_left_neighbour_and_the_next() -> None:
    # From 2 to 3 pixels: places 0, 2/3 and 4/3; beyond the last pixel there is only the last.
    line = torch.tensor([0.0, 3.0]).expand(1, 1, 2, 2)
    torch.testing.assert_close(resized_as_published(line, 3)[0, 0, 0], torch.tensor([0.0, 2.0, 3.0]))


@pytest.mark.identity
def test_whole_bytes_are_looked_at_and_grey_is_repeated(network: InceptionV3) -> None:
    picture = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    as_saved = ((picture + 1) * 127.5).round() / 127.5 - 1
    features = InceptionFeatures(network)
    assert torch.equal(features(picture), features(as_saved.expand(-1, 3, -1, -1)))
    with pytest.raises(ValueError, match="got 4 channels"):
        features(torch.zeros(1, 4, 8, 8))


def test_strange_weights_are_named(network: InceptionV3) -> None:
    tensors = network.state_dict()
    with pytest.raises(ValueError, match=r"see 'fc\.bias'"):
        InceptionV3().load({name: tensor for name, tensor in tensors.items() if name != "fc.bias"})
    with pytest.raises(ValueError, match=r"see 'fc\.weight'"):
        InceptionV3().load({**tensors, "fc.weight": torch.zeros(1000, 2048)})


def test_only_the_published_file_is_read_and_only_it_gives_a_fid(
    network: InceptionV3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / published.FILE
    torch.save(network.state_dict(), path, _use_new_zipfile_serialization=False)  # as files were written in 2018
    with pytest.raises(ValueError, match=r"is not the published file .* get pt_inception"):
        named_extractor(f"inception:{path}")
    monkeypatch.setattr(published, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    extractor = named_extractor(f"inception:{path}")
    assert frechet_name(extractor) == "FID"
    picture = torch.zeros(1, 3, 16, 16)
    assert torch.equal(extractor(picture), InceptionFeatures(network)(picture))
    classes = named_classifier(f"inception:{path}").probabilities(picture)
    assert classes.shape == (1, 1008)
    assert classes.sum().item() == pytest.approx(1)


def test_the_digest_that_is_asked_for_begins_as_the_file_is_called() -> None:
    assert published.FILE.endswith(f"-{published.SHA256[:8]}.pth")
    assert len(published.SHA256) == 64
