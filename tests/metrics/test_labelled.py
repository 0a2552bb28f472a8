"""Quality by class: against Gaussians whose distances are known, and against who was asked for what."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from gansmith.data import from_array
from gansmith.metrics import examine, measures, pixels
from gansmith.metrics.labelled import labels_of, softmax_regression
from gansmith.metrics.sampling import draw, drawn_labels

ASKED, LEARNT, REAL = (f"{what} (pixels)" for what in ("as asked", "learnt from samples", "learnt from real"))


class Classes:
    """Images of 1x1x4 pixels around the centre of a class, which draws its own classes where none are asked for.

    Args:
        centres: of the classes.
        wrong: the share of samples that are of the next class instead.
        std: of the pixels.
        classes: the names.
    """

    def __init__(self, centres, *, wrong=0.0, std=0.05, classes=("a", "b")):
        self.centres, self.wrong, self.std, self.classes = torch.tensor(centres), wrong, std, classes

    def labels(self, n, *, seed=0):
        return torch.randint(len(self.classes), (n,), generator=torch.Generator().manual_seed(seed))

    def sample(self, n, *, seed=0, labels=None):
        drawn = self.labels(n, seed=seed) if labels is None else labels
        generator = torch.Generator().manual_seed(seed + 1)
        wrong = torch.rand(n, generator=generator) < self.wrong
        centres = self.centres[torch.where(wrong, (drawn + 1) % len(self.classes), drawn)]
        noise = self.std * torch.randn(n, 4, generator=generator)
        return (centres[:, None] + noise).clamp(-1, 1).view(n, 1, 1, 4)


def real(n, centres, *, seed=0, classes=("a", "b"), std=0.05):
    source = Classes(centres, classes=classes, std=std)
    images = (source.sample(n, seed=seed).view(n, 1, 4) * 127.5 + 127.5).round().byte().numpy()
    return from_array(images, labels=source.labels(n, seed=seed).tolist(), classes=classes)


def examined(sampler, reference, n=2000, **settings):
    return examine(sampler, reference, extractor=pixels(), n=n, **{"allow_few": True, **settings})


@pytest.mark.analytic
def test_softmax_regression_is_where_its_convex_cost_is_flat():
    """The cost is strictly convex in W, so a point without slope is the minimum; logits are linear in the features."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(300, 5, generator=generator, dtype=torch.float64)
    y = (x[:, :3] + torch.randn(300, 3, generator=generator)).argmax(1)
    at = torch.cat((torch.zeros(1, 5, dtype=torch.float64), torch.eye(5, dtype=torch.float64)))
    scale, mean = x.std(0), x.mean(0)
    logits = softmax_regression(x, y, at * scale + mean, classes=3, ridge=0.01)
    bias, weight = logits[0].clone().requires_grad_(), (logits[1:] - logits[0]).T.clone().requires_grad_()
    cost = F.cross_entropy(F.linear((x - mean) / scale, weight, bias), y) + 0.005 * weight.square().sum()
    slopes = torch.autograd.grad(cost, (weight, bias))
    assert max(slope.abs().max().item() for slope in slopes) < 1e-5


@pytest.mark.analytic
def test_as_asked_is_the_share_that_were_not_swapped():
    """Classes lie 20 standard deviations apart, so a swapped sample is called what it is, and that is wrong."""
    centres = [-0.5, 0.5]
    seen = examined(Classes(centres, wrong=0.2), real(1000, centres), held_out=real(800, centres, seed=9))
    figures = measures.Asked()(seen)
    assert figures[ASKED].low < 0.8 < figures[ASKED].high
    assert figures[REAL].value == 1.0
    # Where the wrong are fewer than the right, they move no boundary between classes so far apart.
    assert figures[LEARNT].value == 1.0


@pytest.mark.analytic
def test_who_learns_from_samples_of_another_boundary_is_wrong_about_real_images():
    """Samples halve at 0.5 and real images at 0: a regression taught by samples calls all real ones of class a."""
    figures = measures.Asked()(examined(Classes([0.4, 0.6]), real(1000, [-0.2, 0.2])))
    share = (real(1000, [-0.2, 0.2]).labels == 0).mean()
    assert figures[LEARNT].value == pytest.approx(share, abs=0.01)
    assert REAL not in figures  # there are no held-out images to ask about


@pytest.mark.analytic
def test_within_classes_sees_what_the_whole_does_not():
    """Two Gaussians that change places are the same mixture; within each class the means are 4·1² apart, squared."""
    centres = [-0.5, 0.5]
    seen = examined(Classes(centres[::-1]), real(4000, centres), n=4000)
    whole = measures.Frechet()(seen)["Fréchet distance (pixels)"].value
    within = measures.WithinClasses()(seen)["Fréchet distance within classes (pixels)"]
    assert whole < 0.05
    # pixels are taken from 0 to 255 or from -1 to 1 alike: the unit is that of the extractor.
    a, b = (pixels()(torch.full((1, 1, 1, 4), centre)).double() for centre in centres)
    truth = float((a - b).square().sum())
    assert within.low < truth < within.high
    assert within.high - within.low < 0.05 * truth


@pytest.mark.identity
def test_labels_are_those_of_what_was_kept():
    """Of more samples than are kept, a random choice is; here an image says of which class it is."""
    centres = [-0.9, -0.3, 0.3, 0.9]
    sampler, names = Classes(centres, std=0.0, classes=tuple("abcd")), tuple("abcd")
    seen = examined(sampler, real(400, centres, classes=names), n=12_000)
    assert len(seen.labels.samples) == 10_000
    said = ((seen.samples.pictures[:, 0, 0, 0].float() / 127.5 - 1 + 0.9) / 0.6).round().long()
    assert torch.equal(said, seen.labels.samples)
    assert torch.equal(drawn_labels(sampler, 700, seed=3), labels_of(sampler, names, n=700, seed=3))
    images = torch.cat([*draw(sampler, 700, seed=3)])
    assert torch.equal(((images[:, 0, 0, 0] + 0.9) / 0.6).round().long(), drawn_labels(sampler, 700, seed=3))


@pytest.mark.identity
def test_other_classes_or_none_leave_it_out():
    centres, reference = [-0.5, 0.5], real(300, [-0.5, 0.5])
    both = (measures.Asked(), measures.WithinClasses())
    for sampler in (Classes(centres, classes=("a", "c")), reference.pixels()):
        assert examined(sampler, reference, n=300).labels is None
        assert [measure(examined(sampler, reference, n=300)) for measure in both] == [{}, {}]
    few = examined(Classes(centres), real(7, centres), n=300)
    assert measures.WithinClasses()(few) == {}  # no covariance of four pixels from three images
    given = real(300, centres, seed=4)
    assert torch.equal(examined(given, reference).labels.samples.sort()[0], torch.tensor(np.sort(given.labels)))


@pytest.mark.identity
def test_no_figure_depends_on_the_order():
    centres = [-0.2, 0.2]

    def turned(images, seed):
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed)).numpy()
        return from_array(images.images[order], labels=images.labels[order].tolist(), classes=images.classes)

    sets = [real(300, centres, seed=seed, std=0.2) for seed in (1, 2, 3)]
    one, other = (
        examined(fake, reference, held_out=unseen)
        for fake, reference, unseen in (sets, [turned(images, seed) for seed, images in enumerate(sets)])
    )
    for measure in (measures.Asked(), measures.WithinClasses()):
        found, again = measure(one), measure(other)
        assert found.keys() == again.keys() != set()
        for name, figure in found.items():
            assert 0 < figure.value != 1, name
            assert figure.value == pytest.approx(again[name].value, rel=1e-5), name
