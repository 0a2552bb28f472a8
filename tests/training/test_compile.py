"""Compilation is an option that changes the speed and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import gansmith as gs
from gansmith.data import from_array
from gansmith.training import DeviceEngine, Session

IMAGES = from_array(np.random.default_rng(0).integers(0, 256, (16, 16, 16, 1), dtype=np.uint8))
RECIPE = gs.Recipe(networks=gs.MLP(width=8, depth=1), latent=4, batch=4)


@pytest.mark.slow
@pytest.mark.identity
@pytest.mark.filterwarnings("ignore")  # the compiler's own
@pytest.mark.parametrize("penalties", [(), (gs.LeCam(), gs.Consistency(fake=1.0))], ids=["plain", "score penalties"])
def test_compiled_networks_take_the_same_steps(penalties):
    """The same arithmetic in another order: equal to rounding after three steps."""
    recipe = replace(RECIPE, game=gs.AdversarialGame(penalties=penalties))
    plain, compiled = (Session.start(recipe, IMAGES, DeviceEngine(compile=flag)) for flag in (False, True))
    for _ in range(3):
        plain.advance()
        compiled.advance()
    for mine, theirs in zip(
        plain.players["generator"].parameters(), compiled.players["generator"].parameters(), strict=True
    ):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


class Own:
    """A penalty that does not say whether it reads a slope, as it does."""

    name, at = "own", frozenset({"real"})

    def __call__(self, critic, round):
        return critic.gradient("real").flatten(1).square().sum(1)


@pytest.mark.parametrize("penalty", [gs.R1(), gs.R2(), gs.WGANGP(), gs.DRAGAN(), Own()], ids=lambda p: p.name)
@pytest.mark.parametrize("wrapped", [gs.AdversarialGame, gs.Packed, gs.Flipped])
def test_compilation_with_a_slope_penalty_is_refused_by_name(penalty, wrapped):
    inner = gs.AdversarialGame(gs.Hinge(), penalties=(gs.LeCam(), penalty))
    recipe = replace(RECIPE, game=inner if wrapped is gs.AdversarialGame else wrapped(inner))
    with pytest.raises(ValueError, match=f"differentiated twice, as {type(penalty).__name__} does; leave compile off"):
        Session.start(recipe, IMAGES, DeviceEngine(compile=True))


@pytest.mark.filterwarnings("ignore")  # the compiler's own
@pytest.mark.parametrize("penalty", [gs.LeCam(), gs.Consistency(fake=1.0)], ids=lambda p: p.name)
def test_a_penalty_on_scores_is_nothing_against_compilation(penalty):
    """It reads the network's first derivative only; compiling itself begins with the first step."""
    recipe = replace(RECIPE, game=gs.AdversarialGame(penalties=(penalty,)))
    Session.start(recipe, IMAGES, DeviceEngine(compile=True))
