"""Other libraries on the same clock, in an environment of their own: torchgan 0.1.0 and vegans 0.4.0.

    python -m venv peers && peers/bin/pip install torch==2.13.0 numpy scipy pillow wget matplotlib pandas tensorboard
    peers/bin/pip install --no-deps torchvision==0.28.0 torchgan==0.1.0 vegans==0.4.0
    peers/bin/python benchmarks/peers.py torchgan --images images.npy --out folder --marks 30 60 --seed 0

`time_to_quality.py` calls it. Both libraries are at least four years old and need help to run with a current
torch, which is given here and is not counted against them: torchvision is told of two operators that its CPU
build lacks, and vegans gets a loader whose iterator still has a ``next`` method. Both take images of a power of
two, so 28 px are padded to 32, as vegans' own MNIST loader does, and samples are cropped back. The networks and
optimisers are those that each library's own MNIST example takes, with Adam at 2e-4 and beta1 0.5, batch 64.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

BATCH, SAMPLES = 64, 5000


class TimeIsUpError(Exception):
    """The last mark was passed."""


class Clock(DataLoader[Any]):
    """An endless loader that has samples drawn at certain seconds of training; what that takes does not count."""

    def __init__(
        self, images: Tensor, marks: list[float], visit: Callable[[float, int], None], *, labels: bool
    ) -> None:
        data = TensorDataset(images, torch.zeros(len(images), dtype=torch.long)) if labels else TensorDataset(images)
        super().__init__(data, batch_size=BATCH, shuffle=True, drop_last=True)
        self.marks, self.visit, self.labels = list(marks), visit, labels
        self.spent, self.since, self.steps = 0.0, time.perf_counter(), 0

    def __iter__(self) -> "Clock":  # type: ignore[override]
        self.inner = super().__iter__()
        return self

    def __next__(self) -> Any:
        while self.marks and self.spent + time.perf_counter() - self.since >= self.marks[0]:
            self.spent += time.perf_counter() - self.since
            self.visit(self.marks.pop(0), self.steps)
            self.since = time.perf_counter()
        if not self.marks:
            raise TimeIsUpError
        self.steps += 1
        try:
            batch = next(self.inner)
        except StopIteration:
            self.inner = super().__iter__()
            batch = next(self.inner)
        return batch if self.labels else batch[0]

    next = __next__


def writer(folder: Path, draw: Callable[[int], Tensor]) -> Callable[[float, int], None]:
    """Writes samples as they stand at a mark."""

    def visit(mark: float, steps: int) -> None:
        with torch.no_grad():
            images = torch.cat([draw(250) for _ in range(SAMPLES // 250)])[:, :, 2:-2, 2:-2]
        pixels = ((images.float().cpu() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
        np.savez(folder / f"{mark:g}.npz", images=pixels.numpy(), steps=steps)

    return visit


def torchgan(images: Tensor, folder: Path, marks: list[float]) -> None:
    from torchgan.losses import MinimaxDiscriminatorLoss, MinimaxGeneratorLoss
    from torchgan.models import DCGANDiscriminator, DCGANGenerator
    from torchgan.trainer import Trainer

    adam = {"name": torch.optim.Adam, "args": {"lr": 2e-4, "betas": (0.5, 0.999)}}
    network = {"out_channels": 1, "step_channels": 32, "out_size": 32, "encoding_dims": 100}
    judge = {"in_channels": 1, "step_channels": 32, "in_size": 32}
    models = {
        "generator": {
            "name": DCGANGenerator,
            "args": {**network, "last_nonlinearity": torch.nn.Tanh()},
            "optimizer": adam,
        },
        "discriminator": {"name": DCGANDiscriminator, "args": judge, "optimizer": adam},
    }
    losses = [MinimaxGeneratorLoss(nonsaturating=True), MinimaxDiscriminatorLoss()]
    folders = {"checkpoints": str(folder / "model"), "recon": str(folder / "recon")}
    trainer = Trainer(models, losses, device=torch.device("cpu"), epochs=1, sample_size=8, **folders)

    def draw(n: int) -> Tensor:
        trainer.generator.eval()
        images = trainer.generator(torch.randn(n, 100))
        trainer.generator.train()
        return images

    trainer(Clock(images, marks, writer(folder, draw), labels=True))


def vegans(images: Tensor, folder: Path, marks: list[float]) -> None:
    from vegans.GAN import VanillaGAN
    from vegans.utils.loading import MNISTLoader

    loader = MNISTLoader()
    generator = loader.load_generator(x_dim=(1, 32, 32), z_dim=64, y_dim=None)
    adversary = loader.load_adversary(x_dim=(1, 32, 32), y_dim=None, adv_type="Discriminator")
    kwargs = {name: {"lr": 2e-4, "betas": (0.5, 0.999)} for name in ("Generator", "Adversary")}
    gan = VanillaGAN(
        generator, adversary, (1, 32, 32), 64, optim_kwargs=kwargs, device="cpu", folder=str(folder / "vegans")
    )

    def draw(n: int) -> Tensor:
        gan.eval()
        images = gan.generate(n=n) * 2 - 1  # its own loader scales images to [0, 1]
        gan.train()
        return torch.as_tensor(images)

    clock = Clock((images + 1) / 2, marks, writer(folder, draw), labels=False)
    gan.fit(clock, epochs=1, batch_size=BATCH, save_losses_every=None, print_every=None)


def shim() -> Iterator[Any]:
    """Operators that torchvision's Python side asks for and its CPU build lacks."""
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    yield library


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", choices=("torchgan", "vegans"))
    parser.add_argument("--images", type=Path, required=True, help=".npy of uint8 (N, 28, 28)")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--marks", type=float, nargs="+", required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    pixels = np.pad(np.load(options.images), [(0, 0), (2, 2), (2, 2)])
    images = torch.from_numpy(pixels)[:, None].float() / 127.5 - 1
    options.out.mkdir(parents=True, exist_ok=True)
    for _ in shim():
        try:
            {"torchgan": torchgan, "vegans": vegans}[options.library](images, options.out, options.marks)
        except TimeIsUpError:
            return


if __name__ == "__main__":
    main()
