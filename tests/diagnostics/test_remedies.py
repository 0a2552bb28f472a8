"""Remedies name the very field, and the flag under which it is typed."""

from typing import Any

import pytest

from gansmith.cli.flags import recipe_flags
from gansmith.diagnostics.remedies import (
    augmented,
    cure,
    even,
    lighter,
    paced,
    penalised,
    remedy,
    slower,
    steady,
    unsaturated,
    wider,
)
from gansmith.recipes import RECIPES
from gansmith.training.config import merge, parse, to_yaml

LR = "dynamics.alternating.optimizer.adam.lr"
WRAPPED = "dynamics.lookahead.dynamics.simultaneous.optimizer.sgd.lr"
PENALTIES = "game.adversarial.penalties"


@pytest.mark.parametrize(
    ("change", "words", "settings"),
    [
        (slower({LR: 0.002}), "lower the learning rate: --lr 0.001", {LR: 0.001}),
        (slower({LR: 0.06}), "lower the learning rate: --lr 0.002", {LR: 0.002}),
        (slower({WRAPPED: 0.1}), "lower the learning rate: --lr 0.05", {WRAPPED: 0.05}),
        (
            penalised({PENALTIES: [], "size": "64x64"}),
            "add a penalty on the slope: --penalties r1 --game.penalties.r1.gamma 1",
            {PENALTIES: [{"r1": {"gamma": 1.0}}]},
        ),
        (
            penalised({"game.flipped.game.adversarial.penalties": [{"r1": {"gamma": 0.2}}, "lecam"]}),
            "a stronger penalty: --game.penalties.r1.gamma 0.6",
            {"game.flipped.game.adversarial.penalties": [{"r1": {"gamma": 0.6}}, {"lecam": {}}]},
        ),
        (
            penalised({PENALTIES: [], "game.adversarial.loss": "wasserstein"}),
            "bound the critic's slope: --penalties wgan_gp",
            {PENALTIES: ["wgan_gp"]},
        ),
        (
            lighter({PENALTIES: [{"r1": {"gamma": 1000.0}}]}),
            "a weaker penalty: --game.penalties.r1.gamma 100",
            {PENALTIES: [{"r1": {"gamma": 100.0}}]},
        ),
        (
            unsaturated({PENALTIES: [], "game.adversarial.loss": "minimax"}),
            "take the loss that does not saturate: --loss non_saturating",
            {"game.adversarial.loss": "non_saturating"},
        ),
        (
            steady({"dynamics.alternating.optimizer.adam.beta1": 0.9}),
            "less momentum: --dynamics.optimizer.beta1 0.5",
            {"dynamics.alternating.optimizer.adam.beta1": 0.5},
        ),
        (
            augmented({"augment.translation": 0.0}),
            "augment the images: --augment.translation 0.125",
            {"augment.translation": 0.125},
        ),
    ],
)
def test_changes(change, words, settings):
    assert change.words == words
    assert change.settings == settings


def test_uneven_rates_are_made_even_however_they_are_written():
    rates = {"discriminator": 1.0, "generator": 1.0}
    for given in ({"dynamics.alternating.rates": {"generator": 10.0}}, {"dynamics.alternating.rates.generator": 10.0}):
        assert even({LR: 0.1, **given}).settings == {"dynamics.alternating.rates": rates}
    assert even({LR: 0.1, "dynamics.alternating.rates": {}}) is None


@pytest.mark.parametrize("change", [slower, paced, even, steady, penalised, lighter, unsaturated, augmented])
def test_what_a_recipe_does_not_have_is_not_changed(change):
    assert change({"steps": 10, "dynamics.code": "mine:Dynamics"}) is None


@pytest.mark.parametrize(("rate", "settings"), [(0.002, None), (1e-4, None), (0.05, {LR: 0.002}), (1e-5, {LR: 0.002})])
def test_only_a_rate_far_from_the_usual_one_is_unusual(rate, settings):
    """Published recipes for Adam lie between 5·10⁻⁵ and 2·10⁻³."""
    change = paced({LR: rate})
    assert (change and change.settings) == settings


def test_a_remedy_is_all_its_changes_or_the_words_that_remain():
    both = remedy(slower({LR: 0.002}), None, penalised({PENALTIES: []}), otherwise="unused")
    assert both.sentence.startswith("Lower the learning rate: --lr 0.001; add a penalty")
    assert set(both.settings) == {LR, PENALTIES}
    assert remedy(None, otherwise="train on more images").sentence == "Train on more images"


def test_what_is_unusual_is_put_right_and_the_usual_is_made_milder_only_where_nothing_is():
    usual = {LR: 0.002, PENALTIES: [{"r1": {"gamma": 0.2}}], "game.adversarial.loss": "non_saturating"}
    assert cure(usual).settings == {LR: 0.001, PENALTIES: [{"r1": {"gamma": 0.6}}]}
    assert cure({**usual, "game.adversarial.loss": "minimax"}).settings == {"game.adversarial.loss": "non_saturating"}
    fast = cure({**usual, LR: 0.02, "dynamics.alternating.optimizer.adam.beta1": 0.9})
    assert fast.settings == {LR: 0.002, "dynamics.alternating.optimizer.adam.beta1": 0.5}
    assert cure({**usual, PENALTIES: []}).settings == {PENALTIES: [{"r1": {"gamma": 0.2}}]}
    assert cure({"steps": 10}, otherwise="start anew").sentence == "Start anew"


def flat(fields: dict[str, Any], at: str = "") -> dict[str, Any]:
    """A mapping of mappings by dotted names; an empty one stays."""
    found: dict[str, Any] = {}
    for name, value in fields.items():
        found |= flat(value, f"{at}{name}.") if isinstance(value, dict) and value else {at + name: value}
    return found


def nested(settings: dict[str, Any]) -> dict[str, Any]:
    """The inverse of `flat`."""
    whole: dict[str, Any] = {}
    for name, value in settings.items():
        *way, last = name.split(".")
        here = whole
        for part in way:
            here = here.setdefault(part, {})
        here[last] = value
    return whole


@pytest.mark.parametrize("name", ["digits", "photos"])
def test_the_flags_and_the_fields_are_those_of_a_recipe(name):
    """A recipe as a file holds it, with every change: it is read back, and its flags are flags of the trainer."""
    recipe = RECIPES[name]
    settings = flat(parse(to_yaml(recipe)))
    assert even({**settings, "dynamics.alternating.rates.generator": 9.0}) is not None
    for change in (slower(settings), penalised(settings), lighter(settings)):
        assert merge(recipe, nested(change.settings)) != recipe
        known = {flag for field in recipe_flags().values() for flag in field.names}
        assert all(word in known for word in change.words.split() if word.startswith("--"))
    assert wider(settings) == f"start anew with wider networks: --networks.width {2 * recipe.networks.width}"
    assert "--networks.width" in known
