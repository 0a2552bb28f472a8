"""The semi-supervised classifier: scikit-learn's own checks, and that samples without labels help."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits, make_moons
from sklearn.model_selection import train_test_split
from sklearn.utils.estimator_checks import parametrize_with_checks

from gansmith.applications import SemiSupervisedClassifier
from gansmith.games import AdversarialGame, SemiSupervised
from gansmith.networks import DCGAN, MLP, NoisyMLP

SMALL = NoisyMLP(width=16, layers=(32, 16), input_noise=0.1, noise=0.1)


def quick(**fields: object) -> SemiSupervisedClassifier:
    return SemiSupervisedClassifier(
        **{"steps": 150, "networks": SMALL, "batch": 40, "latent": 8, "random_state": 0, **fields}
    )


@pytest.mark.reference
@parametrize_with_checks(
    [quick(steps=100)], expected_failed_checks=lambda _: {"check_classifiers_classes": "takes -1 for a class"}
)
def test_scikit_learns_own_checks(estimator, check) -> None:
    check(estimator)


@pytest.mark.smoke
def test_samples_without_labels_help() -> None:
    # Two moons of which 3 points each have labels: what goes by those alone cannot see that the moons are bent.
    X, y = make_moons(400, noise=0.08, random_state=0)
    chosen = np.concatenate([np.flatnonzero(y == c)[:3] for c in (0, 1)])
    known = np.full(400, -1)
    known[chosen] = y[chosen]
    networks = NoisyMLP(width=32, layers=(64, 64), input_noise=0.1, noise=0.1)
    alone, all_ = (
        np.mean(
            [
                quick(networks=networks, steps=1000, random_state=seed, game=game).fit(X, known).score(X, y)
                for seed in range(3)
            ]
        )
        for game in (SemiSupervised(weight=0.0), SemiSupervised())
    )
    assert all_ > alone + 0.03
    assert all_ > 0.9


@pytest.mark.identity
def test_only_the_labels_that_are_known_are_seen() -> None:
    X, y = make_moons(60, noise=0.1, random_state=0)
    known = np.where(np.arange(60) < 20, y, -1)
    first = quick().fit(X, known).predict_proba(X)
    np.testing.assert_array_equal(first, clone(quick()).fit(X, known).predict_proba(X))  # the seed decides
    assert not np.array_equal(first, quick(random_state=1).fit(X, known).predict_proba(X))
    assert quick().fit(X, known).classes_.tolist() == [0, 1]
    np.testing.assert_allclose(first.sum(1), 1)


@pytest.mark.smoke
@pytest.mark.parametrize("networks", [DCGAN(width=4, discriminator_norm="none"), MLP(width=16), SMALL])
def test_images_and_any_architecture(networks) -> None:
    X, y = load_digits(return_X_y=True)
    X = X / 16.0
    small, rest, y_small, y_rest = train_test_split(X, y, train_size=300, random_state=0, stratify=y)
    flat = quick(networks=networks, image_shape=(1, 8, 8), steps=100, lr=2e-3).fit(small, y_small)
    shaped = quick(networks=networks, image_shape=(1, 8, 8), steps=100, lr=2e-3)
    shaped.fit(small.reshape(-1, 8, 8), y_small)
    np.testing.assert_array_equal(flat.predict(rest), shaped.predict(rest.reshape(-1, 8, 8)))
    assert flat.score(rest, y_rest) > 0.5
    whole = np.round(small * 255).astype(np.uint8)  # whole numbers are taken as 0 to 255
    fitted = quick(networks=networks, image_shape=(1, 8, 8), steps=1).fit(whole, y_small)
    assert fitted.generator_(torch.zeros(1, 8)).shape == (1, 1, 8, 8)


@pytest.mark.smoke
def test_another_game_inside() -> None:
    X, y = make_moons(100, noise=0.1, random_state=0)
    assert quick(game=SemiSupervised(AdversarialGame())).fit(X, y).score(X, y) > 0.8


@pytest.mark.identity
def test_names_may_be_unknown_too() -> None:
    X, y = make_moons(60, noise=0.1, random_state=0)
    names = np.where(y == 1, "upper", "lower").astype(object)
    names[20:] = -1
    numbers = np.where(np.arange(60) < 20, y, -1)
    by_name, by_number = (quick().fit(X, told) for told in (names, numbers))
    assert by_name.classes_.tolist() == ["lower", "upper"]
    np.testing.assert_array_equal(by_name.predict_proba(X), by_number.predict_proba(X))


@pytest.mark.identity
def test_a_fit_leaves_the_callers_random_numbers_alone() -> None:
    X, y = make_moons(40, random_state=0)
    torch.manual_seed(5)
    wanted = torch.rand(1)
    torch.manual_seed(5)
    quick(steps=2).fit(X, y)
    assert torch.equal(torch.rand(1), wanted)


@pytest.mark.identity
def test_it_says_how_it_goes_and_that_it_has_diverged(capsys) -> None:
    X, y = make_moons(40, random_state=0)
    quick(steps=40, verbose=True).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 20
    assert lines[-1].startswith("step 40 of 40: cost of the discriminator ")
    assert "classified " in lines[-1]
    with pytest.raises(ValueError, match="diverged: lower lr, which is 1e"):
        quick(lr=1e38, steps=20).fit(X, y)


@pytest.mark.identity
def test_a_reference_batch_holds_different_latents() -> None:
    X = np.random.RandomState(0).rand(40, 64)
    networks = DCGAN(width=4, discriminator_norm="none", generator_norm="virtual", reference=6)
    fitted = quick(networks=networks, image_shape=(1, 8, 8), steps=1).fit(X, np.arange(40) % 2)
    assert fitted.generator_.reference_latent.std(0).min() > 0.05


@pytest.mark.identity
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"precision": "float16"}, "precision is 'float16'"),
        ({"game": AdversarialGame()}, "AdversarialGame is told no labels"),
        ({"image_shape": (1, 1, 2)}, "pixels of type float64 go from 0 to 1"),
        ({"steps": 0}, "steps is 0"),
        ({"batch": 2.5}, "batch is 2.5"),
        ({"decay": 2.0}, "decay is 2.0"),
        ({"image_shape": (1, 3, 3)}, r"no images of image_shape=\(1, 3, 3\)"),
    ],
)
def test_bad_settings_are_named(fields: dict[str, object], message: str) -> None:
    X, y = make_moons(20, random_state=0)
    with pytest.raises(ValueError, match=message):
        quick(**fields).fit(X, y)


@pytest.mark.identity
def test_labels_of_one_class_are_refused() -> None:
    X, y = make_moons(20, random_state=0)
    with pytest.raises(ValueError, match="only one class"):
        quick().fit(X, np.where(y == 1, 1, -1))
