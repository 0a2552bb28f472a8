"""Recipes: what they refuse, and the schedule that a run's length fills in."""

from dataclasses import replace
from pathlib import Path

import pytest

from gansmith.dynamics import SGD, Adam, Alternating, Averaged, Lookahead, Schedule
from gansmith.games import AdversarialGame, Hinge
from gansmith.networks import DCGAN
from gansmith.training import Averaging, Execution, Recipe, Schedules
from gansmith.training.recipe import rebatched, settled


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


def test_smaller_batches_see_as_many_images():
    """Half the batch: twice the steps, and every length in steps doubled, so that each image finds the same factor."""
    schedule = Schedule(warmup=5, hold=10, decay=30, floor=0.1, keep=0.81)
    inner = Alternating(optimizer=Adam(lr=0.01), schedule=schedule)
    recipe = Recipe(batch=64, steps=101, dynamics=Lookahead(dynamics=inner), average=Averaging(half_life=8, ramp=0.3))
    half = rebatched(recipe, 32)
    assert (half.batch, half.steps) == (32, 202)
    assert half.average == Averaging(half_life=16, ramp=0.3)  # the ramp is a share of the run
    assert (half.every.log, half.every.sample, half.every.save, half.every.watch) == (50, 1000, 1000, 200)
    moved = half.dynamics.dynamics
    assert moved.optimizer == Adam(lr=0.01)
    assert (moved.schedule.warmup, moved.schedule.hold, moved.schedule.decay) == (10, 20, 60)
    for step in (0, 7, 20, 40):  # after as many images
        assert replace(moved.schedule, warmup=0)(2 * step) == pytest.approx(replace(schedule, warmup=0)(step))
    assert rebatched(Recipe(batch=64, steps=101), 48).steps == 135  # 134.7: rounded up, never fewer images
    plain = Recipe(batch=8, dynamics=Alternating(optimizer=SGD(lr=0.1, last_momentum=0.5, ramp=7)))
    assert rebatched(plain, 2).dynamics.optimizer == SGD(lr=0.1, last_momentum=0.5, ramp=28)
    assert rebatched(plain, 16) == replace(plain, batch=16)  # larger ones are as many as before
    to_the_end = Recipe(batch=8, dynamics=Alternating(schedule=Schedule(decay=None)))
    assert rebatched(to_the_end, 4).dynamics.schedule.decay is None
    assert rebatched(Recipe(every=Schedules(watch=0)), 7).every.watch == 0
    with pytest.raises(ValueError, match="batch must be at least 1, not 0"):
        rebatched(plain, 0)


def test_a_dynamics_of_ones_own_is_left_as_it_is():
    class Own:
        optimizer = Adam()

        def init(self, game, players):
            return {}

        def step(self, game, players, state, draw, engine):
            raise NotImplementedError

    own = Own()
    assert rebatched(Recipe(dynamics=own), 16).dynamics is own
