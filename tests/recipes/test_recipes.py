"""The named recipes: complete, distinct, and kept by a round trip through YAML."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gansmith.data import from_array
from gansmith.recipes import DIGITS, RECIPES, get, suited
from gansmith.training import load, resume, train
from gansmith.training.config import from_yaml, to_yaml
from gansmith.training.display import Silent
from gansmith.training.recipe import Recipe


@pytest.mark.identity
@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_survives_yaml_on_any_base(name: str) -> None:
    text = to_yaml(get(name))
    assert from_yaml(text) == get(name)
    # The file names everything, so that it gives the same recipe whatever it is laid over.
    assert all(from_yaml(text, base=base) == get(name) for base in RECIPES.values())


@pytest.mark.parametrize(("name", "recipe"), RECIPES.items())
def test_recipes_are_called_what_they_are_and_say_what_they_are_for(name: str, recipe: Recipe) -> None:
    assert recipe.name == name
    assert recipe.about.endswith(".")
    assert len(recipe.about) <= 120


def test_recipes_cannot_be_changed_by_accident() -> None:
    with pytest.raises(TypeError):
        RECIPES["digits"] = Recipe()  # type: ignore[index]


def test_a_mistyped_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"^there is no recipe 'hinge'; did you mean 'hinge-sn'\?$"):
        get("hinge")


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_builds_its_networks_at_its_size(name: str) -> None:
    recipe = get(name)
    shape = (1, *(recipe.size or (28, 28)))
    assert recipe.networks.generator(shape, latent=recipe.latent, classes=10 * recipe.conditional)
    assert recipe.networks.discriminator(shape, classes=10 * recipe.conditional)


def test_data_without_a_recipe_of_their_own_get_one_that_needs_no_labels() -> None:
    assert suited(None) is suited("mnist") is DIGITS
    assert not suited("some/folder").conditional
    assert suited("some/folder").size is not None


@pytest.mark.smoke
def test_the_experiment_of_2014_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    """Six steps at once, and three that were saved and three more: dropout, ramps and the average go on."""
    pixels = np.random.default_rng(0).integers(0, 256, (32, 28, 28, 1), np.uint8)
    images = from_array(pixels, name="noise")
    recipe = get("goodfellow2014-mnist")
    recipe = replace(recipe, batch=4, steps=6, networks=replace(recipe.networks, width=32, units=8))
    whole = train(recipe, out=tmp_path / "whole", data=images, display=Silent())
    train(replace(recipe, steps=3), out=tmp_path / "parts", data=images, display=Silent())
    parts = resume(tmp_path / "parts", steps=6, data=images, display=Silent())
    expected, found = load(whole.path), load(parts.path)
    assert found.recipe == recipe
    assert torch.equal(found.sample(5), expected.sample(5))
    assert (found.sample(5)[:, 0] + 1).mean() == pytest.approx((images.mean() + 1).mean().item(), abs=0.05)
