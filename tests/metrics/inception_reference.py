"""Another implementation's answers for Inception-v3 with fixed weights, which test_inception.py compares with.

    pip install torch-fidelity==0.4.0 && python tests/metrics/inception_reference.py

writes inception_reference.json beside this file: the names and shapes of torch-fidelity's parameters, and what it makes
of two fixed pictures under weights that are a function of their names. It is no part of the tests: they read the file.
"""

import hashlib
import json
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

PLACE = Path(__file__).with_name("inception_reference.json")


def fixed_weights(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    """Uniform numbers by name, of a size that lets the activations neither die nor explode."""
    weights = {}
    for name, shape in shapes.items():
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        unit = torch.from_numpy(2 * rng.random(shape) - 1).float()
        if len(shape) > 1:
            weights[name] = unit * (6 / np.prod(shape[1:])) ** 0.5
        else:
            weights[name] = 1 + 0.2 * unit if name.endswith(("bn.weight", "var")) else 0.2 * unit
    return weights


def fixed_pictures() -> torch.Tensor:
    """Two colour pictures (2, 3, 40, 32) of bytes, with slopes in them, as uint8."""
    y, x, c = torch.meshgrid(torch.arange(40), torch.arange(32), torch.arange(3), indexing="ij")
    both = torch.stack((6 * y + (c + 1) * x, x * y // (c + 2) + 37 * c))
    return (both % 256).to(torch.uint8).permute(0, 3, 1, 2)


def shapes_of(network: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a network's tensors, without batch norm's counters."""
    tensors = network.state_dict().items()
    return {name: tuple(tensor.shape) for name, tensor in tensors if not name.endswith("_tracked")}


def names_digest(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """SHA-256 of all names and shapes."""
    lines = sorted(f"{name} {tuple(shape)}" for name, shape in shapes.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def main() -> None:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3 as Theirs

    class Fixed(Theirs):
        def load_state_dict(self, state_dict, strict=True):
            del state_dict, strict  # the published weights play no part
            return super().load_state_dict(fixed_weights(shapes_of(self)), strict=False)

    with tempfile.NamedTemporaryFile(suffix=".pth") as empty:
        torch.save({}, empty.name)
        network = Fixed("fixed", ["2048", "logits_unbiased"], feature_extractor_weights_path=empty.name)
    shapes = shapes_of(network)
    features, logits = network(fixed_pictures())
    found = {
        "command": "python tests/metrics/inception_reference.py (torch-fidelity 0.4.0)",
        "tensors": len(shapes),
        "parameters": sum(int(np.prod(shape)) for shape in shapes.values()),
        "names": names_digest(shapes),
        "features[:, ::64]": features[:, ::64].tolist(),
        "logits[:, ::63]": logits[:, ::63].tolist(),
    }
    PLACE.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
