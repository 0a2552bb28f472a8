"""The flags of `train`: every field has one, they override what they should, and they are read as a file is."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from gansmith.cli import train
from gansmith.cli.flags import SHORT, _flags, recipe_flags
from gansmith.dynamics import (
    SGD,
    Adam,
    Alternating,
    Averaged,
    Clipped,
    Extragradient,
    Lookahead,
    Simultaneous,
    Unrolled,
)
from gansmith.games import R2, AdversarialGame, Alpha, Fade, Flipped, Hinge, InstanceNoise, NonSaturating
from gansmith.networks import DCGAN, MLP, Residual
from gansmith.recipes import DIGITS, HINGE_SN, PHOTOS, RECIPES, WGAN_GP
from gansmith.training.config import parse, to_yaml
from gansmith.training.recipe import Recipe

(OWN_R1,) = DIGITS.game.penalties  # naming a penalty keeps the recipe's settings of it


def resolved(*words: str) -> Recipe:
    return train.resolved(train._parser(DIGITS).read(words))


def leaves(tree: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if isinstance(tree, dict) and tree:
        return [leaf for key, item in tree.items() for leaf in leaves(item, (*path, key))]
    if isinstance(tree, list) and tree and isinstance(tree[0], dict):
        return [leaf for item in tree for leaf in leaves(item, path)]
    return [path]


@pytest.mark.parametrize("name", RECIPES)
def test_every_field_of_every_recipe_is_a_flag(name: str) -> None:
    """The paths in the YAML without the names of pieces are the flags; a penalty's name is part of its flag.

    A mapping of names to numbers is one flag, which takes NAME=VALUE.
    """
    pieces = {tag for flag in recipe_flags().values() if flag.slot and not flag.many for tag in flag.slot.members}
    written = {".".join(part for part in path if part not in pieces) for path in leaves(parse(to_yaml(RECIPES[name])))}
    flags = set(recipe_flags())
    assert {path for path in written - flags if path.rpartition(".")[0] != "dynamics.rates"} == set()
    assert "dynamics.rates" in flags


def test_short_names_are_names_of_flags_and_of_nothing_else() -> None:
    assert set(SHORT) <= set(recipe_flags())
    names = [name for flag in recipe_flags().values() for name in flag.names]
    assert len(names) == len(set(names))


def test_a_flag_has_one_form_whatever_piece_it_belongs_to() -> None:
    """Flags are parsed before the recipe is known, so a field of two pieces must be of one kind in both."""
    kinds: dict[str, set[bool]] = {}
    for flag in _flags(Recipe, (), ()):
        kinds.setdefault(flag.dotted, set()).add(flag.kind is bool)
    assert all(len(kind) == 1 for kind in kinds.values())


def test_flags_override_the_file_which_overrides_the_recipe_which_overrides_the_defaults(tmp_path) -> None:
    file = tmp_path / "some.yaml"
    file.write_text("batch: 7\nseed: 7\nnetworks: {dcgan: {width: 7}}")
    recipe = resolved("hinge-sn", "--config", str(file), "--seed", "9")
    assert recipe.average == Recipe().average  # a default
    assert recipe.game == HINGE_SN.game  # the recipe
    assert recipe.networks == DCGAN(width=7, discriminator_norm="spectral")  # the file, over the recipe
    assert (recipe.batch, recipe.seed) == (7, 9)  # the file; the flag


@pytest.mark.parametrize("name", RECIPES)
def test_a_printed_recipe_is_read_back_by_config(gansmith, tmp_path, name: str) -> None:
    file = tmp_path / "printed.yaml"
    file.write_text(gansmith("recipes", name).out)
    assert resolved("--config", str(file)) == RECIPES[name]
    assert resolved("wgan-gp", "--config", str(file)) == RECIPES[name]


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        ("--lr 2e-4 --dynamics.optimizer.beta2 .9", "dynamics.optimizer", Adam(lr=2e-4, beta1=0.5, beta2=0.9)),
        ("--optimizer sgd --lr 3", "dynamics.optimizer", SGD(lr=3.0)),
        ("--loss hinge", "game.loss", Hinge()),
        ("--loss=non-saturating", "game.loss", NonSaturating()),
        (
            "--loss fgan --game.loss.divergence alpha --game.loss.divergence.alpha 3",
            "game.loss.divergence",
            Alpha(alpha=3.0),
        ),
        ("--game.loss.real_target 0.9", "game.loss", NonSaturating(real_target=0.9)),
        ("--penalties r1 r2 --game.penalties.r2.gamma 3", "game.penalties", (OWN_R1, R2(gamma=3.0))),
        ("--penalties r1,r2", "game.penalties", (OWN_R1, R2())),
        ("--penalties none", "game.penalties", ()),
        ("--penalties", "game.penalties", ()),
        ("--networks residual --networks.blocks 2 --width 16", "networks", Residual(width=16, blocks=2)),
        ("--networks mlp --width 8", "networks", MLP(width=8)),
        ("--networks.bias", "networks.bias", True),
        ("--no-networks.bias", "networks.bias", False),
        ("--no-conditional", "conditional", False),
        ("--flip", "augment.flip", True),
        ("--size 64x96", "size", (64, 96)),
        ("--size 64", "size", (64, 64)),
        ("--size none", "size", None),
        ("--channels 3", "channels", 3),
        ("--device cpu", "run.device", "cpu"),
        ("--precision float32", "run.precision", "float32"),
        ("--steps 1e4", "steps", 10_000),
        ("--name 0012", "name", "0012"),
        ("--dynamics.rates discriminator=2 generator=.5", "dynamics.rates", {"discriminator": 2.0, "generator": 0.5}),
        (
            "--dynamics unrolled --dynamics.steps 10 --dynamics.looking generator,encoder --no-dynamics.first_order",
            "dynamics",
            Unrolled(steps=10, looking=("generator", "encoder")),
        ),
        (
            "--dynamics lookahead --dynamics.every 7 --dynamics.dynamics extragradient --dynamics.dynamics.past",
            "dynamics",
            Lookahead(every=7, dynamics=Extragradient(past=True)),
        ),
        (
            "--dynamics averaged --dynamics.dynamics lookahead --dynamics.dynamics.alpha .3 --dynamics.decay .9",
            "dynamics",
            Averaged(decay=0.9, dynamics=Lookahead(alpha=0.3, dynamics=DIGITS.dynamics)),
        ),
        ("--game flipped", "game", Flipped(DIGITS.game)),
        ("--game instance_noise --game.std.first .3", "game", InstanceNoise(DIGITS.game, std=Fade(first=0.3))),
        (
            "--game flipped --game.game instance_noise --game.share .1 --loss hinge",
            "game",
            Flipped(InstanceNoise(AdversarialGame(Hinge(), DIGITS.game.penalties)), share=0.1),
        ),
        ("--dynamics clipped --dynamics.bound .1", "dynamics", Clipped(dynamics=DIGITS.dynamics, bound=0.1)),
    ],
)
def test_flags_people_use(words: str, field: str, value: object) -> None:
    found: object = resolved("digits", *words.split())
    for name in field.split("."):
        found = getattr(found, name)
    assert found == value


def test_the_recipe_may_stand_anywhere() -> None:
    assert resolved("--batch", "8", "hinge-sn", "--no-conditional").name == "hinge-sn"
    assert resolved("--no-conditional", "hinge-sn").name == "hinge-sn"


def test_without_a_recipe_the_data_choose_one(tmp_path) -> None:
    assert resolved() == DIGITS
    assert resolved("--data", "mnist").name == "digits"
    assert resolved("--data", "some/folder").networks == PHOTOS.networks
    (tmp_path / "data.yaml").write_text("data: fashion-mnist")
    assert resolved("--config", str(tmp_path / "data.yaml")).name == "fashion"


def test_another_dynamics_starts_from_its_own_settings() -> None:
    recipe = resolved("wgan-gp", "--dynamics", "simultaneous", "--lr", "1e-3")
    assert recipe.dynamics == Simultaneous(optimizer=Adam(lr=1e-3))
    assert recipe.game == WGAN_GP.game


def test_a_wrapper_goes_around_what_the_recipe_and_the_file_have(tmp_path) -> None:
    """One that is there already is changed where it stands, and a file is read as a flag is."""
    file = tmp_path / "some.yaml"
    file.write_text("game: {flipped: {share: 0.2}}")
    assert resolved("wgan-gp", "--config", str(file)).game == Flipped(WGAN_GP.game, share=0.2)
    assert resolved("wgan-gp", "--config", str(file), "--game", "flipped").game == Flipped(WGAN_GP.game, share=0.2)
    twice = resolved("wgan-gp", "--config", str(file), "--game", "instance_noise")
    assert twice.game == InstanceNoise(Flipped(WGAN_GP.game, share=0.2))


def test_a_setting_that_a_wrapper_does_not_have_is_for_what_it_wraps() -> None:
    words = "--dynamics lookahead --dynamics.dynamics averaged --optimizer sgd --lr 3 --dynamics.discriminator_steps 2"
    inner = replace(DIGITS.dynamics, optimizer=SGD(lr=3.0), discriminator_steps=2)
    assert resolved("digits", *words.split()).dynamics == Lookahead(dynamics=Averaged(dynamics=inner))


def test_a_schedule_may_be_left_to_the_length_of_the_run() -> None:
    assert resolved("digits", "--dynamics.schedule.decay", "none").dynamics.schedule.decay is None
    assert resolved("digits", "--dynamics.schedule.decay", "7").dynamics.schedule.decay == 7


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--stepz 3", "gansmith train has no flag --stepz; did you mean --steps?"),
        ("--game.los hinge", "gansmith train has no flag --game.los; did you mean --game.loss?"),
        ("--learning-rate 1", "gansmith train has no flag --learning-rate; see gansmith train --help"),
        ("digts", "there is no recipe 'digts'; did you mean 'digits'?"),
        ("digits fashion", "gansmith train does not take 'fashion' here; see gansmith train --help"),
        ("--loss hing", "--loss: there is no loss 'hing'; did you mean 'hinge'?"),
        ("--penalties r1 gp", "--penalties: there is no penalty 'gp'; choose r1, r2, wgan_gp, dragan, lecam or con"),
        ("--networks.blocks 2", "--networks.blocks is a setting of residual, not of dcgan; add --networks residual"),
        ("--game.penalties.r2.gamma 2", "--game.penalties.r2.gamma needs the penalty r2; add --penalties r2"),
        (
            "--dynamics lookahead --dynamics.dynamics optimistic --dynamics.past",
            "--dynamics.past is a setting of extragradient, not of optimistic; add --dynamics extragradient",
        ),
        ("--lr fast", "--lr must be a number, not 'fast'"),
        ("--batch 2.5", "--batch must be a whole number, not '2.5'"),
        ("--batch 0", "batch must be at least 1, not 0"),
        ("--width 0", "networks.dcgan: DCGAN width is 0; it must be at least 1"),
        ("--size 64by64", "--size must be height x width, such as 64x96, or one number for a square or none, not"),
        ("--precision bf16", "--precision must be 'auto', 'float32' or 'bfloat16', not 'bf16'; did you mean 'bfloat"),
        ("--dynamics.rates 2", "--dynamics.rates takes NAME=VALUE, such as discriminator=2, not '2'"),
        ("--loss my:loss", "game.adversarial.loss is code of somebody's own (my:loss); add --allow-code if you"),
        ("--config conf.yaml", "there is no file conf.yaml; did you mean conf.yml?"),
        ("--config conf.yml", "conf.yml: networks.dcgan has no key 'wdth'; did you mean 'width'?"),
        ("--config broken.yml", "broken.yml: line 1, column 8: expected the node content, but found '<stream end>'"),
        ("--config .", "--config takes a file, and . is a folder; a run's is config.yaml"),
        ("--init-from nowhere/run", "there is no run or weights file nowhere/run"),
    ],
)
def test_mistakes_are_refused_by_name(gansmith, tmp_path, words: str, sentence: str) -> None:
    (tmp_path / "conf.yml").write_text("networks: {dcgan: {wdth: 3}}")
    (tmp_path / "broken.yml").write_text("name: [")
    answer = gansmith("train", *words.split())
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(f"gansmith: {sentence}")
    assert answer.err.count("\n") == 1


def test_code_in_the_current_folder_is_used_where_it_is_allowed(gansmith, tmp_path) -> None:
    (tmp_path / "lossy.py").write_text(
        "from gansmith.games import Adversarial\n"
        "squares = Adversarial(lambda real, fake: (real - 1) ** 2 + fake ** 2, lambda real, fake: (fake - 1) ** 2)\n"
    )
    recipe = resolved("--loss", "lossy:squares", "--allow-code")
    import lossy

    assert recipe.game == AdversarialGame(lossy.squares, penalties=DIGITS.game.penalties)
    assert parse(to_yaml(recipe))["game"]["adversarial"]["loss"] == {"code": "lossy:squares"}


def test_the_help_shows_the_values_of_the_recipe(gansmith) -> None:
    text = " ".join(gansmith("train", "wgan-gp", "--help", "--lr", "7").out.split())
    assert "--game.penalties.wgan-gp.weight X λ ≥ 0 [10.0]" in text
    assert "--lr X, --dynamics.optimizer.lr X learning rate, > 0 [7.0]" in text
    assert "--networks.blocks" not in text  # of another network
    wrappers = "flipped, instance_noise, packed, feature_matching, historical_averaging, semi_supervised"
    assert f"({wrappers} and auxiliary_classifier: around what is there)" in text


def test_the_yaml_of_a_recipe_is_plain(gansmith) -> None:
    assert yaml.safe_load(gansmith("recipes", "r3gan").out)["networks"]["residual"]["width"] == 32


def test_alternating_is_what_the_textbook_does() -> None:
    assert isinstance(resolved("dcgan").dynamics, Alternating)
