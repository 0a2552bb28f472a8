"""Settings of published work, on the embedded data unless told otherwise."""

from __future__ import annotations

from gansmith.dynamics import SGD, Adam, Alternating, Schedule, Simultaneous
from gansmith.games import R1, R2, WGANGP, AdversarialGame, Hinge, NonSaturating, RelativisticPaired, Wasserstein
from gansmith.networks import DCGAN, Maxout, Residual
from gansmith.training.recipe import Averaging, Recipe

__all__ = ["GOODFELLOW_MNIST", "HINGE_SN", "R3GAN", "RADFORD", "WGAN_GP"]

EPOCH = 500
"""Steps in which a batch of 100 has seen 50,000 images."""

GOODFELLOW_MNIST = Recipe(
    name="goodfellow2014-mnist",
    about="Goodfellow et al. 2014 on MNIST, as in the authors' code: maxout discriminator, SGD, both move at once.",
    data="mnist:50000",
    networks=Maxout(
        input_dropout=0.2,
        dropout=0.5,
        generator_range=0.05,
        discriminator_range=0.005,
        unit_pixels=True,
        marginals=True,
    ),
    latent=100,
    noise="uniform",
    game=AdversarialGame(NonSaturating()),
    dynamics=Simultaneous(
        optimizer=SGD(lr=0.1, momentum=0.5, last_momentum=0.7, ramp=250 * EPOCH),
        rates={"discriminator": 0.5},  # their discriminator's cost is the mean of its two terms, here it is the sum
        schedule=Schedule(keep=1 / 1.000004, floor=1e-5),
    ),
    held_out=0.0,
    batch=100,
    steps=200 * EPOCH,
    average=Averaging(half_life=50 * EPOCH, ramp=0.25),  # theirs had none
)

RADFORD = Recipe(
    name="dcgan",
    about="Radford, Metz and Chintala 2016 at 64 px: batch norm in both players, Adam 2e-4 with β₁ 0.5, batch 128.",
    size=(64, 64),
    networks=DCGAN(width=64),
    latent=100,
    game=AdversarialGame(NonSaturating()),
    dynamics=Alternating(optimizer=Adam(lr=2e-4, beta1=0.5)),
    batch=128,
    steps=10000,
)

R3GAN = Recipe(
    name="r3gan",
    about="In the spirit of Huang et al. 2024: residual players without norms, paired relativistic loss, R1 and R2.",
    conditional=True,
    networks=Residual(width=32, max_width=256),
    latent=64,
    game=AdversarialGame(RelativisticPaired(), penalties=(R1(gamma=1.0), R2(gamma=1.0))),
    dynamics=Simultaneous(optimizer=Adam(lr=2e-4, beta1=0.0, beta2=0.99)),
    batch=64,
    steps=10000,
    average=Averaging(half_life=1000),
)

WGAN_GP = Recipe(
    name="wgan-gp",
    about="Gulrajani et al. 2017: Wasserstein critic, gradient penalty 10, five of its steps to one of the generator.",
    networks=DCGAN(width=32, discriminator_norm="none"),
    latent=128,
    game=AdversarialGame(Wasserstein(), penalties=(WGANGP(weight=10.0),)),
    dynamics=Alternating(optimizer=Adam(lr=1e-4, beta1=0.0, beta2=0.9), discriminator_steps=5),
    batch=64,
    steps=10000,
)

HINGE_SN = Recipe(
    name="hinge-sn",
    about="Miyato et al. 2018: hinge loss and a spectrally normalised discriminator, Adam 2e-4 with β₁ 0.",
    conditional=True,
    networks=DCGAN(width=32, discriminator_norm="spectral"),
    latent=128,
    game=AdversarialGame(Hinge()),
    dynamics=Alternating(optimizer=Adam(lr=2e-4, beta1=0.0, beta2=0.9)),
    batch=64,
    steps=10000,
)
