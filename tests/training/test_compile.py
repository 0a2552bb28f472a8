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
def test_compiled_networks_take_the_same_steps():
    """The same arithmetic in another order: equal to rounding after three steps."""
    plain, compiled = (Session.start(RECIPE, IMAGES, DeviceEngine(compile=flag)) for flag in (False, True))
    for _ in range(3):
        plain.advance()
        compiled.advance()
    for mine, theirs in zip(
        plain.players["generator"].parameters(), compiled.players["generator"].parameters(), strict=True
    ):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


def test_compilation_with_a_slope_penalty_is_refused_by_name():
    recipe = replace(RECIPE, game=gs.AdversarialGame(gs.Hinge(), penalties=(gs.R1(),)))
    with pytest.raises(ValueError, match="R1"):
        Session.start(recipe, IMAGES, DeviceEngine(compile=True))
