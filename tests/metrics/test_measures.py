"""Measures: their values are those of the functions that they are named after, their intervals hold the truth."""

import math
import statistics

import pytest
import torch

from gansmith.metrics import (
    Estimate,
    Examination,
    Figure,
    GaussianStatistics,
    NetworkExtractor,
    authenticity,
    class_counts,
    copying_test,
    density_coverage,
    digits,
    duplicate_distance,
    examine,
    frechet_distance,
    grey28,
    inception_score,
    kernel_distance,
    measures,
    ms_ssim_diversity,
    pixels,
    precision_recall,
    share_divergence,
    two_sample_test,
    wilson,
)
from gansmith.metrics.frechet import frechet_influence
from gansmith.metrics.measures.manifold import overlap

SCALE = torch.tensor([0.5, 1.0, 2.0, 0.7], dtype=torch.float64)
SHIFT = torch.tensor([0.5, 0.0, 0.0, -0.3], dtype=torch.float64)


def normal(n: int, d: int, seed: int) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def examined(samples: torch.Tensor, real: torch.Tensor) -> Examination:
    """Points (n, d) as images of d pixels, whose features are those."""
    images = (points.float()[:, None, None, :] for points in (samples, real))
    return examine(*images, extractor=pixels(), allow_few=True)


def frechet(samples: torch.Tensor, real: torch.Tensor) -> Figure:
    return measures.Frechet()(examined(samples, real))["Fréchet distance (pixels)"]


@pytest.mark.analytic
def test_the_interval_of_the_frechet_distance_holds_the_truth() -> None:
    """Σ (σᵢ − 1)² + ‖μ‖² for diagonal Gaussians, up to what the real set's own noise makes of it, taken out here."""
    real = normal(500, 4, seed=0)
    real = (real - real.mean(0)) @ torch.linalg.inv(torch.linalg.cholesky(real.T.cov())).T  # exactly N(0, I) to it
    truth = float((SCALE - 1).square().sum() + SHIFT.square().sum())
    figures = [frechet(normal(400, 4, seed) * SCALE + SHIFT, real) for seed in range(1, 121)]
    inside = [figure.low <= truth <= figure.high for figure in figures]
    # 95 % of 120 are 114, with a standard deviation of 2.4
    assert sum(inside) >= 106
    widths = [(figure.high - figure.low) / (2 * 1.96) for figure in figures]
    spread = statistics.stdev(figure.value for figure in figures)
    assert statistics.mean(widths) == pytest.approx(spread, rel=0.2)  # three standard errors of a spread of 120


@pytest.mark.reference
def test_the_influence_has_the_spread_that_a_bootstrap_finds() -> None:
    samples, b = normal(500, 4, seed=3) * SCALE + SHIFT, GaussianStatistics.of(normal(500, 4, seed=4))
    error = float(frechet_influence(samples, GaussianStatistics.of(samples), b).std()) / math.sqrt(500)
    generator = torch.Generator().manual_seed(0)
    drawn = (samples[torch.randint(500, (500,), generator=generator)] for _ in range(300))
    again = [frechet_distance(GaussianStatistics.of(some), b) for some in drawn]
    assert error == pytest.approx(statistics.stdev(again), rel=0.15)  # a spread of 300 is known to 4 %, and O(1/n)


@pytest.mark.analytic
def test_the_influence_is_the_derivative() -> None:
    """Of the distance when a little mass moves from all points to one, by finite differences."""
    samples, b = normal(30, 3, seed=5), GaussianStatistics.of(normal(50, 3, seed=6) * 2)
    a = GaussianStatistics.of(samples)
    influence, step = frechet_influence(samples, a, b), 1e-5
    for i in (0, 7):
        gap = samples[i] - a.mean
        # (1 − ε) P + ε δ has the mean μ + ε(x − μ) and, to first order, the covariance Σ + ε((x − μ)(x − μ)ᵀ − Σ).
        covariance = a.covariance * (1 - step) + step * torch.outer(gap, gap)
        moved = GaussianStatistics(a.count, a.mean + step * gap, covariance * (a.count - 1))
        slope = (frechet_distance(moved, b) - frechet_distance(a, b)) / step
        assert float(influence[i]) == pytest.approx(slope, rel=1e-3, abs=1e-3)


@pytest.mark.analytic
@pytest.mark.parametrize(("n", "d"), [(30, 3), (20, 30)], ids=["full rank", "fewer samples than features"])
def test_the_influence_adds_up(n: int, d: int) -> None:
    # Over the samples, (x − μ)(x − μ)ᵀ adds up to (n − 1)Σ, so ψ to −Tr (I − T)Σ_a = Tr (Σ_a Σ_b)^½ − Tr Σ_a, of which
    # the distance knows the first.
    samples, b = normal(n, d, seed=7), GaussianStatistics.of(normal(60, d, seed=8) * 2 + 1)
    a = GaussianStatistics.of(samples)
    shift, spread = (a.mean - b.mean).square().sum(), a.covariance.trace() + b.covariance.trace()
    root = (shift + spread - frechet_distance(a, b)) / 2
    assert float(frechet_influence(samples, a, b).sum()) == pytest.approx(float(root - a.covariance.trace()), rel=1e-6)


def test_constant_features_have_an_interval() -> None:
    flat = normal(200, 3, seed=0) * torch.tensor([1.0, 1.0, 0.0])
    figure = frechet(flat, normal(300, 3, seed=1))
    assert 0 <= figure.low < figure.value < figure.high < figure.value + 1


def test_the_bias_of_few_samples_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of samples like the real images the distance is all bias: twice as many samples have half of it."""
    fake, real = normal(100, 4, seed=0), normal(20_000, 4, seed=1)

    def told() -> float:
        return float(frechet(fake, real).interval.split("about ")[1].split(" of the value")[0])

    expected = statistics.mean(frechet(normal(100, 4, seed), real).value for seed in range(2, 22))
    assert told() == pytest.approx(expected, rel=0.5)
    # Half of the samples, from which it is told then, have twice the bias of the distance, which is still of all.
    monkeypatch.setattr("gansmith.metrics.evaluation.NEIGHBOURS", 50)
    assert told() == pytest.approx(expected, rel=0.5)


@pytest.mark.identity
def test_the_overlap_is_precision_and_recall() -> None:
    real, fake = normal(700, 3, seed=0), normal(600, 3, seed=1) * 0.7 + 0.2
    for k in (1, 3):
        found, shares = overlap(real, fake, k=k), precision_recall(real, fake, k=k)
        assert (found.precision, found.recall.value) == shares


@pytest.mark.identity
def test_the_overlap_is_density_and_coverage() -> None:
    """Copies among the samples too: they lie on the spheres around their neighbours, and so outside the open balls."""
    real, new = normal(400, 3, seed=0), normal(200, 3, seed=1) * 0.7 + 0.2
    for fake in (new, real, torch.cat((real[:150], new))):
        found, expected = overlap(real, fake), density_coverage(real, fake)
        assert (found.density.value, found.coverage.value) == pytest.approx(expected, rel=1e-12)


def test_the_errors_of_the_overlap_are_those_of_drawing_again() -> None:
    real = normal(300, 2, seed=0)
    found = [overlap(real, normal(250, 2, seed) * 0.8 + 0.3) for seed in range(1, 41)]
    for name in ("recall", "density", "coverage"):
        estimates = [getattr(each, name) for each in found]
        spread = statistics.stdev(estimate.value for estimate in estimates)
        error = statistics.mean(estimate.error for estimate in estimates)
        # The spread of 40 is known to 11 %. A jackknife errs upwards (Efron and Stein 1981), the more so the fewer
        # points there are, because a radius jumps when the point that sets it goes.
        assert 0.75 * spread < error < 1.8 * spread, name


@pytest.fixture(scope="module")
def thirds(embedded: tuple[torch.Tensor, torch.Tensor]) -> list[torch.Tensor]:
    """Samples, real images and held-out ones."""
    return [embedded[0][i::20] for i in range(3)]


def examined_digits(sets: list[torch.Tensor]) -> Examination:
    fake, real, unseen = sets
    judges = {"extractor": grey28(), "classifier": digits()}
    return examine(fake, real, held_out=unseen, allow_few=True, split="counting", **judges)


@pytest.mark.identity
def test_no_measure_depends_on_the_order(thirds: list[torch.Tensor]) -> None:
    turned = [some[torch.randperm(250, generator=torch.Generator().manual_seed(i))] for i, some in enumerate(thirds)]
    one, other = examined_digits(thirds), examined_digits(turned)
    for measure in measures.DEFAULT:
        if isinstance(measure, measures.Asked | measures.WithinClasses):
            continue  # they are about labels, which test_labelled.py has
        found, again = measure(one), measure(other)
        assert found.keys() == again.keys() != set(), measure
        for name, figure in found.items():
            # What the networks make of an image depends on its place in the batch in the seventh digit.
            assert figure.value == pytest.approx(again[name].value, rel=1e-4, abs=1e-6), name


@pytest.mark.identity
def test_figures_are_those_of_the_functions_with_their_intervals(thirds: list[torch.Tensor]) -> None:
    # With 250 images of each nothing is left out, so every function can be given the same features. Shares of real
    # images are those of the held-out ones, which the classifier does not know, and intervals end where values can.
    seen = examined_digits(thirds)
    real, fake = seen.features()
    assert seen.held_out is not None
    unseen, of_class = seen.held_out.features, seen.samples.probabilities
    sure, known = seen.samples.calls, seen.held_out.calls
    shares, told = overlap(real, fake, k=3, wide=5), two_sample_test(real, fake)
    copied = copying_test(real, unseen, fake)
    divergence = share_divergence(class_counts(of_class, (10,)), seen.real.called)
    assert 0 < shares.precision < 1  # else the case would tell little
    low, high = wilson(sum(sure.confident), 250)
    normal_ones = {
        "recall (grey28)": (shares.recall, 0, 1),
        "density (grey28)": (shares.density, 0, math.inf),
        "coverage (grey28)": (shares.coverage, 0, 1),
        "class score (digits28)": (inception_score(of_class, splits=1), 1, math.inf),
        "KL of class shares (digits28)": (divergence, 0, math.inf),
        "kernel distance (grey28)": (kernel_distance(real, fake, subsets=None), -math.inf, math.inf),
        "MS-SSIM of samples": (ms_ssim_diversity(thirds[0], of_class[seen.samples.rows.argsort()].argmax(1)), 0, 1),
        "copying, C_T (grey28)": (Estimate(copied.z, copied.error), -math.inf, math.inf),
    }
    counted = {
        "precision (grey28)": shares.precision * 250,
        "share of class 3 (digits28)": sure.confident[3],
        "confident share (digits28)": sum(sure.confident),
        "confident share of real (digits28)": sum(known.confident),
        "authentic (grey28)": authenticity(real, fake).value * 250,
        "authentic of held-out (grey28)": authenticity(real, unseen).value * 250,
        "samples that get it wrong (counting)": 250,  # no digit has five spots
    }
    expected = {
        "told apart (grey28)": told[:3],
        "relative share (digits28)": tuple(end / known.share for end in (sure.share, low, high)),
        **{name: (count / 250, *wilson(round(count), 250)) for name, count in counted.items()},
    }
    for name, (estimate, least, most) in normal_ones.items():
        low, high = estimate.interval()
        expected[name] = (estimate.value, max(least, low), min(most, high))
    found = {name: figure for measure in measures.DEFAULT for name, figure in measure(seen).items()}
    for name, figures in expected.items():
        assert (found[name].value, found[name].low, found[name].high) == pytest.approx(figures, rel=1e-9), name


def test_measures_without_what_they_need_say_nothing() -> None:
    seen = examined(normal(20, 3, seed=0), normal(20, 3, seed=1))
    assert measures.Confidence()(seen) == {}
    assert measures.Manifold(wide=30)(seen) == {}


def test_too_few_for_a_radius_are_refused() -> None:
    with pytest.raises(ValueError, match="1 ≤ k ≤ wide < number of points; got 3, 5 and 20, 5 points"):
        overlap(normal(20, 2, seed=0), normal(5, 2, seed=1))


def test_the_judge_is_named() -> None:
    own = NetworkExtractor(name="own", network=torch.nn.Flatten().eval())
    images = torch.rand(30, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    figures = measures.Manifold()(examine(images, images, extractor=own, allow_few=True))
    assert {name.partition(" (")[2] for name in figures} == {"own)"}


class Weighted:
    """A classifier of one-pixel images: the pixel says the class."""

    name, digest, shape = "own", "", None

    def __init__(self, classes: int) -> None:
        self.classes = classes

    def probabilities(self, images: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.one_hot((images[:, 0, 0, 0] * 4).round().long(), self.classes).double()


def labelled(shares: list[float], n: int, seed: int) -> torch.Tensor:
    weights, generator = torch.tensor(shares, dtype=torch.float64), torch.Generator().manual_seed(seed)
    return torch.multinomial(weights, n, replacement=True, generator=generator).view(-1, 1, 1, 1) / 4


@pytest.mark.analytic
def test_the_divergence_of_class_shares_lies_in_its_interval() -> None:
    """Σ q log(q / p) of shares that are known, for samples drawn with them."""
    q, exact = [0.5, 0.3, 0.2], torch.arange(3).repeat(50).view(-1, 1, 1, 1) / 4
    truth = sum(share * math.log(3 * share) for share in q)
    inside = 0
    for seed in range(60):
        seen = examine(labelled(q, 1000, seed), exact, extractor=pixels(), classifier=Weighted(3), allow_few=True)
        figures = measures.Classes()(seen)
        assert figures["classes found (own)"].value == 3
        figure = figures["KL of class shares (own)"]
        inside += figure.low <= truth <= figure.high
    assert inside >= 52  # 95 % of 60 are 57, with a standard deviation of 1.7


def test_a_class_that_the_reference_lacks_has_no_divergence() -> None:
    samples, zeros = labelled([1, 1, 1], 90, 0), torch.zeros(9, 1, 1, 1)
    seen = examine(samples, zeros, extractor=pixels(), classifier=Weighted(3), allow_few=True)
    assert list(measures.Classes()(seen)) == ["classes found (own)"]


@pytest.mark.identity
def test_class_and_kernel_scores_are_those_of_their_functions(embedded: tuple[torch.Tensor, torch.Tensor]) -> None:
    images = embedded[0]
    seen = examine(images[::10], images[1::10], extractor=grey28(), classifier=digits(), allow_few=True)
    score = measures.ClassScore(splits=3)(seen)["class score (digits28)"]
    assert score.value == inception_score(seen.samples.probabilities, splits=3).value
    real, fake = seen.features()
    found = measures.Kernel(subsets=10, size=300)(seen)["kernel distance (grey28)"]
    expected = kernel_distance(real, fake, subsets=10, size=300)
    assert (found.value, found.low, found.high) == (expected.value, *expected.interval())
    assert found.interval.startswith("jackknife over 10 subsets of 300, from ")


def test_real_images_that_the_classifier_does_not_know_have_shares_but_no_ratio() -> None:
    """Its probabilities are all below the 0.9 from which on a call is confident."""

    class Unsure(Weighted):
        def probabilities(self, images: torch.Tensor) -> torch.Tensor:
            return torch.full((len(images), self.classes), 1 / self.classes, dtype=torch.float64)

    images = labelled([1, 1, 1], 90, 0)
    figures = measures.Confidence()(examine(images, images, extractor=pixels(), classifier=Unsure(3), allow_few=True))
    assert figures["confident share of real (own)"].value == 0
    assert "relative share (own)" not in figures


@pytest.mark.analytic
def test_copies_are_told_from_new_data() -> None:
    """Samples that are the reference with a touch of noise, and samples that are as new as the held-out points."""
    real, held_out, new = (normal(600, 2, seed) for seed in range(3))
    points = {"copies": real + 1e-3, "new": new}
    found = {}
    for name, samples in points.items():
        sets = (x.float()[:, None, None, :] for x in (samples, real, held_out))
        samples, reference, unseen = sets
        seen = examine(samples, reference, held_out=unseen, extractor=pixels(), allow_few=True)
        found[name] = measures.Copied()(seen) | measures.Authentic()(seen) | measures.ToldApart()(seen)
    copies, new = (found[name]["copying, C_T (pixels)"] for name in ("copies", "new"))
    assert copies.high < -5
    # The mean of about ten standard normal figures: its deviation is about 1/√10, of which three are allowed.
    assert (new.high - new.low) / (2 * 1.96) == pytest.approx(1 / math.sqrt(10), rel=0.15)
    assert abs(new.value) < 3 / math.sqrt(10)
    assert found["copies"]["authentic (pixels)"].value < 0.05
    other = found["new"]["authentic of held-out (pixels)"]
    assert other.low <= found["new"]["authentic (pixels)"].value <= other.high
    chance = found["new"]["told apart (pixels)"]
    assert chance.low <= 0.5 <= chance.high


def test_too_few_to_judge_copies_by_is_no_figure_and_any_other_fault_is_said() -> None:
    def seen(*counts: int) -> Examination:
        samples, real, unseen = (normal(n, 2, n).float()[:, None, None, :] for n in counts)
        return examine(samples, real, held_out=unseen, extractor=pixels(), allow_few=True)

    assert measures.Copied()(seen(30, 300, 300)) == measures.Copied()(seen(300, 9, 300)) == {}
    with pytest.raises(ValueError, match="k=0"):
        measures.Copied(cells=0)(seen(30, 300, 300))


@pytest.mark.analytic
def test_the_support_of_few_outcomes_lies_in_its_interval() -> None:
    """Thirty equally likely points of a grid, for a real set that is not on it."""
    inside = 0
    for seed in range(20):
        chosen = torch.randint(30, (400, 1), generator=torch.Generator().manual_seed(seed)).double() / 30
        figure = measures.Support()(examined(chosen, real := normal(500, 1, seed)))["support by birthdays (pixels)"]
        assert figure.interval.endswith(f"nearer than {duplicate_distance(real.float(), share=0.01):.4g}")
        inside += figure.low <= 30 <= figure.high
    assert inside >= 16  # 95 % of 20 are 19, with a standard deviation of 1


def test_where_no_two_are_the_same_the_support_has_a_lower_bound_and_no_upper_one() -> None:
    spread = torch.arange(50.0).view(-1, 1) * 100
    figure = measures.Support()(examined(spread, normal(100, 1, seed=0)))["support by birthdays (pixels)"]
    assert figure.interval.startswith("a lower bound")
    assert (figure.low, figure.high) == (figure.value, None)
    assert 1 < figure.value < math.comb(50, 2)
    assert str(figure).startswith("at least ")


def test_the_diversity_is_that_of_pairs_of_one_class(embedded: tuple[torch.Tensor, torch.Tensor]) -> None:
    one, all_ten = embedded[0][:100], embedded[0][::50]
    seen = examine(one, all_ten, extractor=pixels(), allow_few=True)
    found = measures.Diversity(pairs=200)(seen)
    assert found["MS-SSIM of samples"].low > found["MS-SSIM of real"].high  # one digit is less varied than ten
    alike = examine(one[:1].expand(50, -1, -1, -1), all_ten, extractor=pixels(), classifier=digits(), allow_few=True)
    assert measures.Diversity(pairs=20)(alike)["MS-SSIM of samples"].value == pytest.approx(1)


def test_pictures_without_room_for_a_window_have_no_similarity() -> None:
    assert measures.Diversity()(examined(normal(9, 3, seed=0), normal(9, 3, seed=1))) == {}
