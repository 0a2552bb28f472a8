from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from gansmith.networks import DCGAN, MLP, Architecture, Residual
from gansmith.training import Model, Recipe
from gansmith.training.model import slerp
from gansmith.training.recipe import Averaging
from gansmith.types import Sampler

NETWORKS = [MLP(width=16), DCGAN(width=4), Residual(width=8)]
NAMES = ("shirt", "shoe", "7")


def tiny(
    networks: Architecture = NETWORKS[0], *, classes: tuple[str, ...] = (), shares: tuple[float, ...] = ()
) -> Model:
    torch.manual_seed(1)
    shape, recipe = (1, 16, 16), Recipe(networks=networks, latent=8, conditional=bool(classes))
    generator = networks.generator(shape, latent=8, classes=len(classes)).eval()
    # Fresh networks are nearly constant; what is tested is to depend on every input.
    for parameter in generator.parameters():
        if parameter.ndim > 1:
            nn.init.kaiming_normal_(parameter)
    return Model(generator=generator, recipe=recipe, shape=shape, classes=classes, class_shares=shares)


class Echo(nn.Module):
    """A generator that shows its inputs: the first pixels are the latent, the last is the label."""

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return torch.cat((z, label.unsqueeze(1)), 1).view(len(z), 1, 3, 3) / 10


def echo(shares: tuple[float, ...] = ()) -> Model:
    recipe = Recipe(latent=8, conditional=True)
    return Model(generator=Echo(), recipe=recipe, shape=(1, 3, 3), classes=NAMES, class_shares=shares)


def labels_of(images: Tensor) -> list[int]:
    return (images[:, 0, 2, 2] * 10).round().int().tolist()


@pytest.mark.identity
@pytest.mark.parametrize("networks", NETWORKS, ids=lambda n: type(n).__name__)
@pytest.mark.parametrize("classes", [(), NAMES])
def test_a_sample_depends_on_its_place_and_the_seed_alone(networks: Architecture, classes: tuple[str, ...]) -> None:
    """Whatever n and the batch; pixels agree to the rounding of sums that different batches make in different order."""
    model = tiny(networks, classes=classes)
    images = model.sample(9, seed=3)
    assert images.std(0).mean() > 0.05
    torch.testing.assert_close(model.sample(4, seed=3), images[:4], atol=1e-5, rtol=0)
    torch.testing.assert_close(model.sample(9, seed=3, batch=2), images, atol=1e-5, rtol=0)
    assert (model.sample(9, seed=4) - images).abs().max() > 0.1


@pytest.mark.identity
@pytest.mark.parametrize("latent", [1, 7, 16, 100])
def test_noise_is_exactly_a_function_of_seed_and_place(latent: int) -> None:
    """PyTorch fills short and long tensors by different methods, so a longer draw does not begin like a shorter one."""
    model = Model(generator=nn.Identity(), recipe=Recipe(latent=latent), shape=(1, 1, latent))
    latents, uniforms = model.noise(40, seed=5)
    for n in (1, 3, 17):
        fewer = model.noise(n, seed=5)
        assert torch.equal(fewer[0], latents[:n])
        assert torch.equal(fewer[1], uniforms[:n])


@pytest.mark.analytic
def test_noise_is_standard_normal_and_uniform() -> None:
    """Moments of 2,000 rows, within five standard errors: 1/√N for the mean, √2/√N for the variance, and so on."""
    latents, uniforms = echo().noise(2000, seed=0)
    n = latents.numel()
    assert abs(latents.mean()) < 5 / n**0.5
    assert abs(latents.var() - 1) < 5 * (2 / n) ** 0.5
    assert abs(latents[1:].mul(latents[:-1]).mean()) < 5 / n**0.5  # rows are independent
    assert abs(uniforms.mean() - 0.5) < 5 / (12 * 2000) ** 0.5


@pytest.mark.analytic
def test_noise_may_be_uniform_and_walks_then_stay_inside() -> None:
    model = tiny()
    model = replace(model, recipe=replace(model.recipe, noise="uniform"))
    latents, _ = model.noise(2000, seed=0)
    n = latents.numel()
    assert 1.7 < latents.abs().max() < 3**0.5
    assert abs(latents.mean()) < 5 / n**0.5
    assert abs(latents.var() - 1) < 5 * (0.8 / n) ** 0.5  # the variance of the square is 9/5 − 1
    middle = model.interpolate(1, 3, seed=0)[0, 1]
    torch.testing.assert_close(middle, model.generator(latents[:2].mean(0, keepdim=True))[0], atol=1e-5, rtol=0)


def test_samples_stay_in_range_and_on_the_cpu_and_apart_from_the_global_random_state() -> None:
    model, state = tiny(), torch.random.get_rng_state()
    images = model.sample(3)
    assert images.shape == (3, 1, 16, 16)
    assert images.abs().max() <= 1
    assert images.device.type == "cpu"
    assert not images.requires_grad
    assert torch.equal(torch.random.get_rng_state(), state)
    assert isinstance(model, Sampler)


@pytest.mark.identity
@pytest.mark.parametrize("asked", [None, "shoe", ["7", 0, "shoe"] * 10])
def test_the_labels_of_samples_are_known_without_drawing_them(asked) -> None:
    """The generator here shows the label that it was given."""
    model = echo((0.2, 0.3, 0.5))
    assert model.labels(30, seed=6, labels=asked).tolist() == labels_of(model.sample(30, seed=6, labels=asked))
    assert tiny().labels(3) is None


@pytest.mark.parametrize(("half_life", "averaged"), [(500.0, True), (0.0, False)])
def test_a_model_says_whether_it_is_an_average(half_life: float, averaged: bool) -> None:
    recipe = Recipe(latent=4, average=Averaging(half_life=half_life))
    assert Model(generator=nn.Unflatten(1, (1, 2, 2)), recipe=recipe, shape=(1, 2, 2)).averaged is averaged


def test_a_model_shows_itself_in_one_line() -> None:
    model = tiny(NETWORKS[1], classes=NAMES)
    count = sum(p.numel() for p in model.generator.parameters())
    assert repr(model) == f"Model(custom, images of 1×16×16, 3 classes, {count:,} weights, step 0)"


@pytest.mark.parametrize(("n", "batch"), [(0, 4), (-1, 4), (4, 0)])
def test_a_sample_of_nothing_is_refused(n: int, batch: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        tiny().sample(n, batch=batch)


@pytest.mark.parametrize(
    ("asked", "drawn"),
    [
        (1, [1, 1, 1]),
        ("shoe", [1, 1, 1]),
        ("7", [2, 2, 2]),  # a name goes before a number
        ("0", [0, 0, 0]),
        (torch.tensor([2, 0, 1]), [2, 0, 1]),
        (torch.tensor(2), [2, 2, 2]),
        (["shoe", 0, "7"], [1, 0, 2]),
    ],
)
def test_a_class_is_asked_for_by_number_or_name(asked: object, drawn: list[int]) -> None:
    assert labels_of(echo().sample(3, labels=asked)) == drawn  # type: ignore[arg-type]


@pytest.mark.parametrize("asked", [3, -1, "shoo", "9", [0, 1, 5], torch.tensor([0.0, 1.0, 2.0]), True])
def test_a_class_that_does_not_exist_is_refused_with_those_that_do(asked: object) -> None:
    with pytest.raises(ValueError, match="this model knows 0 shirt, 1 shoe, 2 7"):
        echo().sample(3, labels=asked)  # type: ignore[arg-type]


def test_a_class_that_is_misspelt_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'shoe'"):
        echo().sample(3, labels="shoo")


def test_labels_must_fit_the_samples_and_the_model() -> None:
    with pytest.raises(ValueError, match="one class or 3, not 2"):
        echo().sample(3, labels=[0, 1])
    with pytest.raises(ValueError, match="without labels"):
        tiny().sample(3, labels=0)


@pytest.mark.analytic
def test_classes_are_drawn_as_often_as_in_the_data() -> None:
    """Counts of 4,000 draws, within five standard deviations √(N p (1 − p)); a class of no share never."""
    shares = (0.7, 0.3, 0.0)
    drawn = torch.tensor(labels_of(echo(shares).sample(4000))).bincount(minlength=3)
    assert drawn[2] == 0
    assert abs(int(drawn[0]) - 2800) < 5 * (4000 * 0.7 * 0.3) ** 0.5
    even = torch.tensor(labels_of(echo().sample(3000))).bincount(minlength=3)
    assert (even - 1000).abs().max() < 5 * (3000 / 3 * 2 / 3) ** 0.5


def test_shares_must_be_as_many_as_classes() -> None:
    with pytest.raises(ValueError, match="3 classes cannot have 1 shares"):
        echo((1.0,))


@pytest.mark.identity
@pytest.mark.parametrize("networks", NETWORKS, ids=lambda n: type(n).__name__)
def test_walks_begin_and_end_at_samples(networks: Architecture) -> None:
    model = tiny(networks)
    walks, samples = model.interpolate(3, 5, seed=2), model.sample(6, seed=2)
    assert walks.shape == (3, 5, 1, 16, 16)
    torch.testing.assert_close(walks[:, 0], samples[::2], atol=1e-5, rtol=0)
    torch.testing.assert_close(walks[:, -1], samples[1::2], atol=1e-5, rtol=0)
    torch.testing.assert_close(model.interpolate(1, 5, seed=2), walks[:1], atol=1e-5, rtol=0)


def test_a_walk_keeps_its_class() -> None:
    model = echo()
    walks = model.interpolate(4, 3, seed=1)
    rows = [labels_of(walk) for walk in walks]
    assert rows == [[label] * 3 for label in labels_of(model.sample(8, seed=1)[::2])]
    assert labels_of(model.interpolate(2, 2, labels=["shoe", "7"]).flatten(0, 1)) == [1, 1, 2, 2]


@pytest.mark.parametrize(("rows", "steps"), [(0, 3), (2, 1)])
def test_a_walk_needs_both_ends(rows: int, steps: int) -> None:
    with pytest.raises(ValueError, match="steps of at least 2"):
        tiny().interpolate(rows, steps)


@pytest.mark.analytic
def test_points_on_an_arc_are_as_long_as_its_ends_and_equally_far_apart() -> None:
    """On a circle, by the definition of the angle; 0.3 rad per step for ends 1.2 rad apart."""
    angle = torch.tensor(1.2)
    a, b = torch.tensor([[2.0, 0.0]]), 2 * torch.stack((angle.cos(), angle.sin())).unsqueeze(0)
    points = slerp(a, b, 5)[0]
    torch.testing.assert_close(points.norm(dim=1), torch.full((5,), 2.0))
    torch.testing.assert_close(torch.atan2(points[:, 1], points[:, 0]), torch.linspace(0, 1.2, 5))


@pytest.mark.analytic
@pytest.mark.parametrize("factor", [1.0, 3.0, -1.0])
def test_points_between_vectors_on_one_line_are_on_the_chord(factor: float) -> None:
    a = torch.tensor([[1.0, -2.0]])
    torch.testing.assert_close(slerp(a, factor * a, 3)[0, 1], a[0] * (1 + factor) / 2)


@pytest.mark.identity
def test_the_ends_of_an_arc_are_exact() -> None:
    a, b = torch.randn(2, 50, 8, generator=torch.Generator().manual_seed(0))
    points = slerp(a, b, 4)
    assert torch.equal(points[:, 0], a)
    assert torch.equal(points[:, -1], b)


def test_a_showcase_gives_every_class_a_column() -> None:
    images, columns = echo().showcase()
    assert columns == 3
    assert labels_of(images) == [0, 1, 2] * 8
    images, columns = tiny().showcase()
    assert (len(images), columns) == (80, 10)


@pytest.mark.gpu
def test_a_model_on_a_gpu_draws_the_same_images() -> None:
    model = tiny(DCGAN(width=4), classes=NAMES)
    images = model.sample(5)
    model.generator.cuda()
    assert model.device.type == "cuda"
    torch.testing.assert_close(model.sample(5), images, atol=1e-3, rtol=0)


def test_a_shared_model_does_not_tell_where_its_data_lay(tmp_path: Path) -> None:
    """Neither the card nor the config holds the folder; the data's own name stays."""
    model = replace(tiny(), data="cats", recipe=Recipe(networks=NETWORKS[0], latent=8, data="/pictures/secret/cats"))
    folder = model.save_pretrained(tmp_path / "shared")
    for name in ("README.md", "config.json"):
        text = (folder / name).read_text(encoding="utf-8")
        assert "secret" not in text
        assert "cats" in text
