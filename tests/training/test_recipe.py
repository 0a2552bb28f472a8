"""Recipes: what they refuse, and the schedule that a run's length fills in."""

from dataclasses import replace
from pathlib import Path

import pytest

from gansmith.dynamics import Adam, Alternating, Averaged, Lookahead, Schedule
from gansmith.games import AdversarialGame, Hinge
from gansmith.networks import DCGAN
from gansmith.training import Averaging, Execution, Recipe, Schedules
from gansmith.training.recipe import settled


@pytest.mark.parametrize(
    ("kind", "field", "least"),
    [
        (Recipe, "batch", 1),
        (Recipe, "latent", 1),
        (Recipe, "steps", 0),
        (Recipe, "retries", 0),
        (Averaging, "half_life", 0),
        (Averaging, "ramp", 0),
        (Execution, "pieces", 1),
        (Execution, "threads", 0),
        *((Schedules, field, 1) for field in ("log", "sample", "save", "keep")),
    ],
)
def test_a_number_below_its_least_is_refused_by_name(kind, field, least):
    """Every 0 steps is never, which a loop that counts steps cannot do; it is said before anything is written."""
    kind(**{field: least})
    with pytest.raises(ValueError, match=rf"^{field} must be at least {least}, not {least - 1}$"):
        kind(**{field: least - 1})


def test_noise_is_of_one_of_two_kinds():
    with pytest.raises(ValueError, match="noise is 'gauss'; it must be 'normal' or 'uniform'"):
        Recipe(noise="gauss")


def test_a_schedule_is_settled_once_and_for_all():
    """A run that goes on past its end keeps the steps that it has made: the fall stays where the first run put it."""
    recipe_dynamics = Alternating(schedule=Schedule(hold=20, decay=None))
    recipe = settled(Recipe(steps=100, dynamics=recipe_dynamics))
    assert recipe.dynamics.schedule.decay == 80
    assert settled(replace(recipe, steps=500)).dynamics.schedule.decay == 80
    wrapped = Recipe(steps=100, dynamics=Lookahead(dynamics=Averaged(dynamics=recipe_dynamics)))
    assert settled(wrapped).dynamics.dynamics.dynamics.schedule.decay == 80
    assert settled(Recipe(steps=10, dynamics=Alternating(schedule=Schedule(hold=20, decay=None)))) == settled(
        Recipe(steps=10, dynamics=Alternating(schedule=Schedule(hold=20, decay=0)))
    )


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            {"networks": "dcgan"},
            "networks is 'dcgan', which has no generator and no discriminator; give one such as DCGAN",
        ),
        ({"networks": DCGAN}, "networks is the class DCGAN itself"),
        ({"game": Hinge()}, r"game is Hinge\(\), which has no players"),
        ({"game": AdversarialGame}, "game is the class AdversarialGame itself"),
        ({"dynamics": Adam()}, r"dynamics is Adam\(.*, which has no init"),
        ({"data": Path("photos")}, r"data is .*Path\('photos'\); write it as text"),
        ({"size": 64}, r"size is 64; give \(height, width\)"),
        ({"size": "64x64"}, "size is '64x64'; give"),
        ({"steps": "3"}, "steps must be a number, not '3'"),
    ],
)
def test_what_is_of_another_kind_is_refused_by_name(given, says):
    with pytest.raises(ValueError, match=says):
        Recipe(**given)
