"""The probe: it leaves no trace, is a function of its input, and its figures are those that were planted."""

import copy
import math

import pytest
import torch
from torch import nn

from gansmith.diagnostics import Probe
from gansmith.games import (
    R1,
    AdversarialGame,
    Fade,
    Flipped,
    Hinge,
    InstanceNoise,
    LeCam,
    Minimax,
    NonSaturating,
    Packed,
    RelativisticPaired,
    Wasserstein,
)
from gansmith.metrics import pixels
from gansmith.networks import DCGAN, Augmented

SHAPE, LATENT, CLASSES = (1, 16, 16), 8, 4
GAME = AdversarialGame(NonSaturating(), penalties=(R1(gamma=0.2),))


class Sampled:
    """A generator's samples; `single` draws one latent for all of them."""

    def __init__(self, generator: nn.Module, *, single: bool = False) -> None:
        self.generator, self.single = generator, single

    @torch.no_grad()
    def sample(self, n: int, *, seed: int = 0, labels: torch.Tensor | None = None) -> torch.Tensor:
        z = torch.randn(n, LATENT, generator=torch.Generator().manual_seed(seed))
        z = z[:1].expand(n, LATENT) if self.single else z
        return self.generator(z, labels) if labels is not None else self.generator(z)


class Recalled:
    """Samples that are images of a set."""

    def __init__(self, images: torch.Tensor) -> None:
        self.images = images

    def sample(self, n: int, *, seed: int = 0, labels: torch.Tensor | None = None) -> torch.Tensor:
        return self.images[torch.randint(len(self.images), (n,), generator=torch.Generator().manual_seed(seed))]


def pictures(n: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Bars at four places, one for each class, with noise."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % CLASSES
    images = 0.2 * torch.randn(n, *SHAPE, generator=draw) - 0.5
    for i, label in enumerate(labels.tolist()):
        images[i, 0, 4 * label : 4 * label + 3] += 1.0
    return images.clamp(-1, 1), labels


def pair(*, conditional: bool = False, norm: str = "batch", game: object = GAME) -> dict[str, nn.Module]:
    torch.manual_seed(0)
    networks = DCGAN(width=4, max_width=8, discriminator_norm=norm)
    classes = CLASSES if conditional else 0
    shape = (2, 16, 16) if isinstance(game, Packed) else SHAPE
    discriminator = Augmented(networks.discriminator(shape, classes=classes), translation=0.1)
    return {"discriminator": discriminator, "generator": networks.generator(SHAPE, latent=LATENT, classes=classes)}


def probe(*, conditional: bool = False, held_out: bool = True, **more) -> Probe:
    images, labels = pictures(80)
    unseen, theirs = pictures(40, seed=1)
    settings = {"batch": 16, "count": 64, "cells": 4, "extractor": pixels(), **more}
    return Probe(
        images,
        latent=LATENT,
        labels=labels,
        conditional=conditional,
        held_out=unseen if held_out else None,
        held_out_labels=theirs if held_out else None,
        **settings,
    )


def test_players_run_in_the_precision_of_training_and_look_the_same():
    """Bfloat16 keeps 8 bits, so that a figure made of hundreds of its values is off by a per cent or so."""
    players, kinds = pair(conditional=True), []
    first = next(m for m in players["discriminator"].modules() if isinstance(m, nn.Conv2d))
    first.register_forward_hook(lambda module, inputs, output: kinds.append(output.dtype))
    whole, half = (
        probe(conditional=True, turning=1, precision=precision)(GAME, players, Sampled(players["generator"]), step=7)
        for precision in ("float32", "bfloat16")
    )
    assert {torch.float32, torch.bfloat16} == set(kinds)
    assert whole.keys() == half.keys()
    for name in whole:
        assert half[name] == pytest.approx(whole[name], rel=0.05, abs=0.03), name


@pytest.mark.parametrize("conditional", [False, True])
def test_it_leaves_no_trace(conditional):
    """Bit for bit: parameters, gradients, buffers, modes, what requires a gradient, hooks, random state."""
    players = pair(conditional=conditional)
    players["generator"].body[0].weight.grad = torch.ones_like(players["generator"].body[0].weight)
    players["discriminator"].eval()
    first = next(players["discriminator"].parameters()).requires_grad_(False)
    before = {name: copy.deepcopy(player.state_dict()) for name, player in players.items()}
    homes = [id(b) for p in players.values() for b in p.buffers()]
    state = torch.get_rng_state()

    found = probe(conditional=conditional)(GAME, players, Sampled(players["generator"]), step=7)

    assert found["watch/gradient/generator"] > 0
    assert torch.equal(state, torch.get_rng_state())
    for name, player in players.items():
        now = player.state_dict()
        assert all(torch.equal(now[key], value) for key, value in before[name].items())
        assert all(not m._forward_hooks and not m._forward_pre_hooks for m in player.modules())
    assert homes == [id(b) for p in players.values() for b in p.buffers()]
    assert not players["discriminator"].training
    assert players["generator"].training
    assert not first.requires_grad
    assert torch.equal(players["generator"].body[0].weight.grad, torch.ones_like(players["generator"].body[0].weight))
    assert sum(p.grad is not None for player in players.values() for p in player.parameters()) == 1


def test_it_is_a_function_of_the_players_and_the_step():
    """Two probes of the same images at the same step agree to the bit; another step sees other latents."""
    players, look = pair(), probe()
    first = look(GAME, players, Sampled(players["generator"]), step=3)
    torch.manual_seed(99)
    look(GAME, players, Sampled(players["generator"]), step=4)
    assert probe()(GAME, players, Sampled(players["generator"]), step=3) == first
    assert look(GAME, players, Sampled(players["generator"]), step=4)["watch/reach"] != first["watch/reach"]


@pytest.mark.parametrize(
    "game",
    [
        AdversarialGame(Hinge(), joint=True),
        AdversarialGame(RelativisticPaired()),
        AdversarialGame(Wasserstein(), penalties=(LeCam(),)),
        InstanceNoise(GAME, std=Fade(first=0.2)),
        Flipped(GAME, share=0.1),
        Packed(AdversarialGame(), size=2),
    ],
    ids=lambda game: type(game).__name__,
)
def test_any_adversarial_game_can_be_watched(game):
    players = pair(game=game)
    found = probe(turning=1)(game, players, Sampled(players["generator"]), step=1)
    wanted = {"accuracy", "accuracy_held_out", "saturated", "reach", "rotation", "distance", "dead/generator"}
    assert not {f"watch/{name}" for name in wanted} - set(found)
    assert all(math.isfinite(value) for value in found.values())


@pytest.mark.parametrize("noise", ["normal", "uniform"])
def test_the_latents_are_drawn_from_what_the_run_draws_from(noise):
    """Uniform on ±√3 never goes beyond it; of 16 × 8 normal numbers some do: P(none) = 0.917^128 = 1.5e-5."""
    players, seen = pair(), []
    players["generator"].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].abs().max().item()))
    probe = Probe(pictures(64)[0], latent=LATENT, noise=noise, extractor=pixels(), batch=16, count=8)
    probe(GAME, players, Recalled(pictures(64)[0]), step=0)
    assert (max(seen) <= math.sqrt(3)) == (noise == "uniform")


def test_the_gradients_are_those_of_the_game():
    """The norm of the discriminator's gradient, made again from the probe's own round, without augmentation."""
    players = pair(norm="none")
    players["discriminator"] = players["discriminator"].discriminator
    look = probe()
    found = look(GAME, players, Sampled(players["generator"]), step=5)
    round = look._round(look.train, (look.seed, "watch", 5), torch.device("cpu"))
    cost = GAME.costs(GAME.play(players, round, GAME.players), GAME.players)["discriminator"]
    gradients = torch.autograd.grad(cost, list(players["discriminator"].parameters()))
    expected = torch.cat([g.flatten() for g in gradients]).norm().item()
    assert found["watch/gradient/discriminator"] == pytest.approx(expected, rel=1e-5)


def test_a_generator_that_ignores_its_latent_has_no_diversity():
    players = pair(conditional=True)
    look = probe(conditional=True)
    found = look(GAME, players, Sampled(players["generator"].eval(), single=True), step=1)
    assert found["watch/diversity_within"] == pytest.approx(0.0, abs=1e-3)
    assert found["watch/local_diversity"] == pytest.approx(0.0, abs=1e-2)
    assert found["watch/distance"] > 0.3


@pytest.mark.parametrize("there", [4, 3, 1])
def test_classes_that_samples_lack_are_missed(there):
    """Images of some classes only, from another draw: each of four classes is a quarter of the data and a cell."""
    images, labels = pictures(200, seed=2)
    players = pair()
    found = probe()(GAME, players, Recalled(images[labels < there]), step=1)
    assert found["watch/classes_missed"] == pytest.approx(1 - there / 4)
    assert found["watch/missed"] == pytest.approx(1 - there / 4)
    assert found["watch/kl"] == pytest.approx(math.log(4 / there), abs=0.1)


def test_copies_lie_on_the_training_images_and_unseen_ones_do_not():
    players = pair()
    look = probe()
    copies = look(GAME, players, Recalled(pictures(80)[0]), step=1)
    fresh = look(GAME, players, Recalled(pictures(80, seed=3)[0]), step=1)
    assert copies["watch/nearest"] == pytest.approx(0.0, abs=1e-2)
    assert fresh["watch/nearest"] == pytest.approx(1.0, abs=0.1)
    assert fresh["watch/distance"] < 0.02


def test_a_discriminator_that_knows_its_images_by_heart():
    """Scores by hand: 1 for what is in the training set, −1 for anything else."""
    images = pictures(80)[0]

    class Heart(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            near = torch.cdist(x.flatten(1), images.flatten(1)).amin(1) < 1e-2
            return self.scale * (2.0 * near - 1.0) + 1e-3 * x.flatten(1).mean(1)

    players = {"discriminator": Heart(), "generator": pair()["generator"]}
    found = probe()(AdversarialGame(), players, Sampled(players["generator"]), step=1)
    assert found["watch/overfitting"] == pytest.approx(1.0, abs=0.01)
    assert found["watch/accuracy"] == 1.0
    assert found["watch/logit_gap"] == pytest.approx(2.0, abs=0.01)


def test_saturation_depends_on_the_loss():
    """A discriminator that says −20 of everything: the minimax cost is flat there, the non-saturating one steep."""
    players = pair(norm="none")
    nn.init.constant_(players["discriminator"].discriminator.head.score.bias, -20.0)
    flat, steep = (
        probe()(AdversarialGame(loss), players, Sampled(players["generator"]), step=1)["watch/saturated"]
        for loss in (Minimax(), NonSaturating())
    )
    assert (flat, steep) == (1.0, 0.0)


def test_batches_are_tied_together_by_batch_norm_only():
    """A network whose batch norm is followed by nothing that forgets: every sample carries its batch's mean."""

    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(LATENT)
            self.out = nn.Linear(LATENT, 256)

        def forward(self, z: torch.Tensor) -> torch.Tensor:
            shared = z.mean(0, keepdim=True) * 4 if self.training else 0.0
            return self.out(self.norm(z) * 0.1 + shared).view(-1, *SHAPE).tanh()

    players = pair()
    players["generator"] = Tied()
    assert probe()(GAME, players, Sampled(pair()["generator"]), step=2)["watch/batch_correlation"] > 0.5
    players["generator"] = DCGAN(width=4, generator_norm="none").generator(SHAPE, latent=LATENT)
    assert probe()(GAME, players, Sampled(players["generator"]), step=2)["watch/batch_correlation"] == 0.0


def test_without_held_out_images_nothing_is_said_about_them():
    players = pair()
    found = probe(held_out=False, turning=0)(GAME, players, Sampled(players["generator"]), step=1)
    assert not [name for name in found if "held_out" in name or "overfitting" in name or "rotation" in name]
    assert found["watch/nearest"] > 0


def test_colour_is_seen_by_an_extractor_of_grey_pictures():
    """Two sets with the same luma: red bars against blue ones of the same grey."""
    grey = (pictures(120)[0] + 1) / 2
    red = torch.cat([grey * 0.381, torch.zeros_like(grey), torch.zeros_like(grey)], 1) * 2 - 1
    blue = torch.cat([torch.zeros_like(grey), torch.zeros_like(grey), grey], 1) * 2 - 1
    look = Probe(red, latent=LATENT, batch=16, count=64, cells=4)
    players = {
        "discriminator": DCGAN(width=4).discriminator((3, 16, 16)),
        "generator": DCGAN(width=4).generator((3, 16, 16), latent=LATENT),
    }
    same, other = (look(AdversarialGame(), players, Recalled(x), step=1)["watch/distance"] for x in (red, blue))
    assert same < 0.02 < 0.1 < other


@pytest.mark.parametrize("size", [3, 5])
def test_packs_that_do_not_divide_the_rows_of_a_signal_are_watched(size):
    game = Packed(AdversarialGame(), size=size)
    discriminator = DCGAN(width=4, discriminator_norm="none").discriminator((size, 16, 16))
    players = {**pair(), "discriminator": discriminator}
    found = probe(turning=1, batch=15)(game, players, Sampled(players["generator"]), step=7)
    assert "watch/rotation" in found


def test_what_cannot_be_watched_is_refused():
    images, labels = pictures(8)
    with pytest.raises(ValueError, match="at least 4"):
        Probe(images[:3], latent=2)
    with pytest.raises(ValueError, match="labels"):
        Probe(images, latent=2, conditional=True)
    from gansmith.games import bilinear
    from gansmith.networks import Point

    with pytest.raises(ValueError, match="only adversarial games"):
        probe()(bilinear(), {"x": Point(0.0), "y": Point(0.0)}, Recalled(images), step=0)
    assert labels.shape == (8,)
