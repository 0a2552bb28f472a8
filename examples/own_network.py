"""Networks of your own: plain modules, and one object that builds the pair.

Run it:  python examples/own_network.py [steps] [directory]

A generator maps latents (n, d) to images (n, c, h, w) in [-1, 1]; a discriminator maps images to one score each.
They are ordinary `nn.Module`s that know nothing of gansmith. `check_networks` tells what is wrong with them
before a run does.
"""

import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

import gansmith as gs


class Generator(nn.Module):
    """Two hidden layers, reshaped into an image."""

    def __init__(self, shape: tuple[int, ...], latent: int) -> None:
        super().__init__()
        self.shape = shape
        pixels = int(torch.tensor(shape).prod())
        self.layers = nn.Sequential(
            nn.Linear(latent, 256), nn.ReLU(), nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, pixels)
        )

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z).tanh().unflatten(1, self.shape)


class Discriminator(nn.Module):
    """One hidden layer of maxout units (Goodfellow et al. 2013) over the flattened image."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        pixels = int(torch.tensor(shape).prod())
        self.hidden, self.score = nn.Linear(pixels, 4 * 256), nn.Linear(256, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.score(self.hidden(x.flatten(1)).unflatten(1, (256, 4)).amax(2)).squeeze(1)


class Pair:
    """Builds the two players for images of a shape ``(c, h, w)``."""

    def generator(self, shape: tuple[int, ...], *, latent: int, classes: int = 0) -> nn.Module:
        return Generator(shape, latent)

    def discriminator(self, shape: tuple[int, ...], *, classes: int = 0) -> nn.Module:
        return Discriminator(shape)


recipe = gs.Recipe(
    name="own-network",
    data="digits",
    networks=Pair(),
    game=gs.AdversarialGame(gs.NonSaturating(), penalties=(gs.R1(),)),
    steps=3000,
)

if __name__ == "__main__":
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else recipe.steps
    out = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    shape = gs.open_images("digits").shape
    gs.check_networks(Generator(shape, 64), Discriminator(shape), shape=shape, latent=64)
    run = gs.train(replace(recipe, steps=steps), out=out)
    gs.save_grid(gs.load(run.path, recipe=recipe).sample(80), run.path / "own-network.png")
    print(run.path)
