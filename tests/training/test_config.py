"""Recipes as YAML: what is written is read back, and what cannot be meant is refused in one helpful sentence."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch

from gansmith.dynamics import (
    SGD,
    Adam,
    Alternating,
    Averaged,
    Extragradient,
    Lookahead,
    Schedule,
    Simultaneous,
    Unrolled,
)
from gansmith.games import (
    DRAGAN,
    FGAN,
    R1,
    R2,
    WGANGP,
    Adversarial,
    AdversarialGame,
    Alpha,
    Consistency,
    FeatureMatching,
    Hinge,
    HistoricalAveraging,
    Jitter,
    LeastSquares,
    LeCam,
    MaximumLikelihood,
    Minimax,
    NonSaturating,
    Packed,
    RelativisticAverage,
    RelativisticPaired,
    TotalVariation,
    Wasserstein,
)
from gansmith.networks import DCGAN, MLP, NoisyMLP, Residual
from gansmith.training.config import from_yaml, merge, parse, to_yaml
from gansmith.training.fields import documentation, field_types
from gansmith.training.pieces import SLOTS, address_of
from gansmith.training.recipe import Augmentation, Averaging, Execution, Recipe, Schedules

LOSSES = [
    Minimax(real_target=0.9),
    NonSaturating(),
    LeastSquares(),
    Hinge(),
    Wasserstein(),
    RelativisticAverage(),
    RelativisticPaired(),
    MaximumLikelihood(fake_target=0.1),
    FGAN(divergence=Alpha(alpha=3.0), non_saturating=True),
    FGAN(divergence=TotalVariation()),
]


@dataclass(frozen=True)
class Squared:
    """A loss of one's own with a setting."""

    weight: float = 1.0
    relative = batchwise = False

    def discriminator(self, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        return self.weight * ((real - 1).square() + fake.square())

    def generator(self, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        return (fake - 1).square()


INSTANCE = Adversarial(lambda real, fake: real - fake, lambda real, fake: fake)


def rmsprop(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.RMSprop(parameters, lr=1e-4)


def with_loss(loss: Any) -> Recipe:
    return Recipe(game=AdversarialGame(loss))


@pytest.mark.identity
@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(),
        *(with_loss(loss) for loss in LOSSES),
        Recipe(game=AdversarialGame(penalties=(R1(gamma=0.25), R2(gamma=3), WGANGP(weight=1, target=0)), joint=True)),
        Recipe(game=AdversarialGame(penalties=(DRAGAN(std=0.5), LeCam(hinged=False), Consistency(fake=1.0)))),
        Recipe(game=AdversarialGame(penalties=(Consistency(transformation=Jitter(std=0.5)),))),
        Recipe(networks=MLP(width=8, depth=1), size=(64, 96), channels=3, about="β₁ & 'quotes': yes", name="on"),
        Recipe(networks=Residual(width=16, blocks=2), run=Execution(device="cuda:1", precision="bfloat16", pieces=3)),
        Recipe(networks=DCGAN(discriminator_norm="spectral"), augment=Augmentation(flip=True, cutout=0.5)),
        Recipe(networks=DCGAN(generator_norm="virtual", minibatch="deviation", discriminator_init="he")),
        Recipe(networks=NoisyMLP(layers=(40, 20)), game=HistoricalAveraging(FeatureMatching(weight=2.0), weight=0.1)),
        Recipe(game=Packed(AdversarialGame(penalties=(R1(gamma=0.25),)), size=3)),
        Recipe(dynamics=Simultaneous(optimizer=SGD(lr=1e-7, momentum=0.9), rates={"generator": 0.5})),
        Recipe(dynamics=Alternating(optimizer=Adam(eps=1e-16), schedule=Schedule(decay=9, floor=0.1), share=False)),
        Recipe(dynamics=Unrolled(steps=10, looking=("generator",), first_order=True, optimizer=SGD())),
        Recipe(
            dynamics=Lookahead(every=7, alpha=0.25, dynamics=Averaged(decay=0.9, dynamics=Extragradient(past=True)))
        ),
        Recipe(every=Schedules(log=1, keep=9), average=Averaging(half_life=1e9, ramp=float("inf")), seed=-3, data="12"),
    ],
)
def test_what_is_written_is_read_back(recipe: Recipe) -> None:
    assert from_yaml(to_yaml(recipe)) == recipe


def test_a_base_makes_no_difference_to_a_whole_file() -> None:
    other = Recipe(game=AdversarialGame(Minimax(real_target=0.5), penalties=(R1(gamma=7.0),)), steps=1, size=(8, 8))
    assert from_yaml(to_yaml(Recipe()), base=other) == Recipe()


def test_what_a_file_leaves_out_stays_as_it_was() -> None:
    base = with_loss(NonSaturating(real_target=0.9))
    text = "steps: 5\nnetworks: {dcgan: {width: 8}}\ngame: {adversarial: {penalties: [r1, {r2: {gamma: 2}}]}}"
    read = from_yaml(text, base=replace(base, networks=DCGAN(max_width=100)))
    assert read.networks == DCGAN(width=8, max_width=100)
    assert read.game == AdversarialGame(NonSaturating(real_target=0.9), penalties=(R1(), R2(gamma=2.0)))
    assert read.steps == 5


def test_another_piece_starts_from_its_own_defaults() -> None:
    base = Recipe(networks=DCGAN(width=8), dynamics=Alternating(optimizer=Adam(lr=1.0)))
    read = from_yaml("networks: residual\ndynamics: {simultaneous: {}}", base=base)
    assert (read.networks, read.dynamics) == (Residual(), Simultaneous())


@pytest.mark.parametrize(
    ("text", "recipe"),
    [
        ("", Recipe()),
        ("game: {adversarial: {loss: least-squares}}", with_loss(LeastSquares())),
        ("game: {adversarial: {loss: {hinge: }}}", with_loss(Hinge())),
        (
            "dynamics: {alternating: {optimizer: {adam: {lr: 2e-3}}}}",
            Recipe(dynamics=Alternating(optimizer=Adam(lr=2e-3))),
        ),
        ("steps: 1e4", Recipe(steps=10_000)),
        ("steps: '12'", Recipe(steps=12)),
        ("size: 64x96", Recipe(size=(64, 96))),
        ("size: 64", Recipe(size=(64, 64))),
        ("size: [64, 96]", Recipe(size=(64, 96))),
        ("size: none", Recipe()),
        ("conditional: yes", Recipe(conditional=True)),
    ],
)
def test_forms_that_people_write(text: str, recipe: Recipe) -> None:
    assert from_yaml(text) == recipe


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stepz: 3", "a recipe has no key 'stepz'; did you mean 'steps'?"),
        ("loss: hinge", "a recipe has no key 'loss'; it stands at game.adversarial.loss"),
        ("lr: 0.1", "a recipe has no key 'lr'; it stands at dynamics.alternating.optimizer.adam.lr"),
        ("steps: many", "steps must be a whole number, not 'many'"),
        ("steps: yes", "steps must be a whole number, not True"),
        ("steps: 2.5", "steps must be a whole number, not 2.5"),
        ("steps: 1e999999999", "steps must be a whole number, not '1e999999999'"),
        ("batch: 0", "batch must be at least 1, not 0"),
        ("name: 3", "name must be a text, not 3; put it in quotes"),
        ("size: big", "size must be height x width, such as 64x96, or one number for a square or none, not 'big'"),
        ("every: 3", "every must be a mapping of log, sample, save, keep and watch, not 3"),
        ("run: {precision: bf}", "run.precision must be 'auto', 'float32' or 'bfloat16', not 'bf'"),
        ("networks: dcgn", "networks: there is no architecture 'dcgn'; did you mean 'dcgan'?"),
        ("networks: {dcgan: {widht: 3}}", "networks.dcgan has no key 'widht'; did you mean 'width'?"),
        ("networks: {dcgan: {width: 0}}", "networks.dcgan: DCGAN width is 0; it must be at least 1"),
        (
            "networks: {dcgan: {}, mlp: {}}",
            (
                "networks must name mlp, dcgan, residual, maxout, multiscale or noisy_mlp, with its settings below it, "
                "not {'dcgan': {}, 'mlp': {}}"
            ),
        ),
        (
            "dynamics: {alternating: {optimizer: {adam: {lr: fast}}}}",
            "dynamics.alternating.optimizer.adam.lr must be a number, not 'fast'",
        ),
        (
            "dynamics: {alternating: {rates: {generator: x}}}",
            "dynamics.alternating.rates must be a mapping from names to numbers, not {'generator': 'x'}",
        ),
        (
            "game: {adversarial: {loss: {gamma: 1}}}",
            (
                "game.adversarial.loss: there is no loss 'gamma'; choose minimax, non_saturating, "
                "maximum_likelihood, least_squares, hinge, wasserstein, relativistic_average, "
                "relativistic_paired or fgan"
            ),
        ),
        (
            "game: {adversarial: {loss: {real_target: 1}}}",
            (
                "game.adversarial.loss: there is no loss 'real_target'; it is a setting of minimax, "
                "non_saturating and maximum_likelihood: write {minimax: {real_target: ...}}"
            ),
        ),
        (
            "game: {adversarial: {penalties: r1}}",
            "game.adversarial.penalties must be a list such as [{r1: {}}], not 'r1'",
        ),
        (
            "game: {adversarial: {penalties: [r1, r3]}}",
            (
                "game.adversarial.penalties[1]: there is no penalty 'r3'; choose r1, r2, wgan_gp, dragan, lecam or "
                "consistency"
            ),
        ),
        ("- steps", "a recipe is a mapping such as 'steps: 3000', not ['steps']"),
        ("steps: 3\nsteps: 4", "line 2, column 1: the key 'steps' stands twice"),
        ("name: [", "line 1, column 8: expected the node content, but found '<stream end>'"),
        (
            "name: !!python/object/apply:os.getcwd []",
            "line 1, column 7: tags such as !!python/object are refused; a recipe is plain YAML",
        ),
        ("name: \x00", "this is not YAML: unacceptable character #x0000: special characters are not allowed"),
    ],
)
def test_mistakes_are_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        from_yaml(text)


def test_references_that_unfold_to_billions_are_refused_at_once() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefghi", "bcdefghij", strict=True)]
    with pytest.raises(ValueError, match="a recipe has no key 'a'"):
        from_yaml("\n".join(lines))
    with pytest.raises(ValueError, match="steps must be a whole number"):
        from_yaml("steps:\n" + "\n".join(f"  {line}" for line in lines))


def test_pieces_of_ones_own_come_back_where_code_is_allowed() -> None:
    for recipe in (
        with_loss(INSTANCE),
        with_loss(Squared(weight=3.0)),
        Recipe(dynamics=Alternating(optimizer=rmsprop)),
    ):
        text = to_yaml(recipe)
        assert from_yaml(text, allow_code=True) == recipe
        with pytest.raises(ValueError, match=r"is code of somebody's own .*; add --allow-code if you trust it"):
            from_yaml(text)


def test_a_class_of_ones_own_is_made_without_arguments() -> None:
    address = address_of(Squared)
    assert from_yaml(f"game: {{adversarial: {{loss: '{address}'}}}}", allow_code=True) == with_loss(Squared())


def test_code_is_not_imported_before_it_is_allowed(tmp_path: Any) -> None:
    (tmp_path / "trap.py").write_text("raise SystemExit('imported')")
    program = "from gansmith.training.config import from_yaml; from_yaml('networks: {code: \"trap:Net\"}')"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "add --allow-code if you trust it" in done.stderr
    assert "imported" not in done.stderr.replace("is imported", "")


def test_what_cannot_be_imported_is_described_and_refused() -> None:
    recipe = with_loss(Adversarial(lambda real, fake: real, lambda real, fake: fake))
    written = parse(to_yaml(recipe))["game"]["adversarial"]["loss"]
    assert written["code"] is None
    assert written["was"].startswith("Adversarial(discriminator=<function")
    assert " at 0x" not in written["was"]
    with pytest.raises(ValueError, match="which cannot be imported by name; go on from Python"):
        from_yaml(to_yaml(recipe), allow_code=True)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("gansmith.games:Hing", "'gansmith.games' has no 'Hing'; did you mean 'Hinge'?"),
        ("no_such_module:x", "the module 'no_such_module' cannot be imported"),
        ("gansmith.games:", "code is written module:attribute, not 'gansmith.games:'"),
        ("gansmith.games:check_game", "gansmith.games:check_game is not a loss: it has no 'discriminator'"),
        ("gansmith.games:Adversarial", "cannot be made without arguments"),
    ],
)
def test_code_that_does_not_fit_is_refused(code: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        from_yaml(f"game: {{adversarial: {{loss: {{code: '{code}'}}}}}}", allow_code=True)


def test_merging_keeps_objects_that_a_file_could_not_name() -> None:
    own = AdversarialGame(Adversarial(lambda real, fake: real, lambda real, fake: fake))
    assert merge(Recipe(game=own), {"steps": 3}).game is own


@pytest.mark.parametrize("kind", [Recipe, *(member for slot in SLOTS.values() for member in slot.members.values())])
def test_every_field_is_documented_because_the_help_shows_it(kind: type) -> None:
    assert set(field_types(kind)) <= set(documentation(kind))
