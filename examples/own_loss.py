"""A loss of your own, in five lines: no registry, no subclass.

Run it:  python examples/own_loss.py [steps] [directory]

A loss says what each player wants to make small, as a function of the discriminator's scores of real and
generated samples. This one is least squares (Mao et al. 2017); it composes with every network, penalty and
dynamics.
"""

import sys
from dataclasses import replace
from pathlib import Path

import gansmith as gs

least_squares = gs.Adversarial(
    discriminator=lambda real, fake: (real - 1).square() + fake.square(),
    generator=lambda real, fake: (fake - 1).square(),
)

recipe = gs.Recipe(
    name="own-loss",
    data="digits",
    conditional=True,
    networks=gs.DCGAN(width=16, discriminator_norm="none"),
    game=gs.AdversarialGame(least_squares, penalties=(gs.R1(),)),
    steps=1500,
)

if __name__ == "__main__":
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else recipe.steps
    out = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    run = gs.train(replace(recipe, steps=steps), out=out)
    gs.save_grid(gs.load(run.path, recipe=recipe).sample(80), run.path / "own-loss.png")
    print(run.path)
