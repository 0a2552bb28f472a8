"""The whole judgement: its parts agree with the pieces, and the controls come out as they must."""

import pytest
import torch

import gansmith
from gansmith.metrics import (
    Blends,
    Examination,
    Figure,
    Halves,
    Images,
    Noise,
    Report,
    collect,
    digits,
    draw,
    evaluate,
    frechet_distance,
    grey28,
    measures,
    pixels,
    precision_recall,
)
from gansmith.metrics.gathered import content_digest

Digits = tuple[torch.Tensor, torch.Tensor]


def judged(sampler, reference: torch.Tensor, **more) -> Report:
    few = (measures.Frechet(), measures.Manifold(), measures.Confidence())
    settings = {"extractor": grey28(), "classifier": digits(), "n": 500, "allow_few": True, "measures": few} | more
    return evaluate(sampler, reference, **settings)


@pytest.mark.identity
def test_the_parts_are_the_pieces(embedded: Digits) -> None:
    images = embedded[0][::5]
    sampler = Images(images[:500])
    report = judged(sampler, images[500:], seed=3)
    drawn = torch.cat(list(draw(sampler, 500, seed=3)))
    real = images[500:].float() / 127.5 - 1
    assert report["Fréchet distance"] == pytest.approx(
        frechet_distance(collect(drawn, grey28()), collect(real, grey28())), rel=1e-4
    )
    shares = precision_recall(grey28()(real), grey28()(drawn))
    assert report["precision"] == pytest.approx(shares.precision, abs=0.004)  # a point at a rim may fall either way
    assert report["recall"] == pytest.approx(shares.recall, abs=0.004)
    assert report["confident share"] == pytest.approx((digits().probabilities(drawn).amax(1) >= 0.9).double().mean())
    total = sum(report[f"share of class {label}"] for label in range(10))
    assert total == pytest.approx(report["confident share"])
    ratio = report["confident share"] / report["confident share of real"]
    assert report["relative share"] == pytest.approx(ratio)


@pytest.mark.identity
def test_the_batch_changes_no_score(embedded: Digits) -> None:
    settings = {"held_out": embedded[0][5::10], "measures": measures.DEFAULT}
    one, other = (judged(Images(embedded[0]), embedded[0][::10], batch=batch, **settings) for batch in (13, 500))
    assert one.protocol == other.protocol
    for first, second in zip(one, other, strict=True):
        assert first.value == pytest.approx(second.value, rel=1e-4, abs=0.004), first.name
    assert {name.partition(" (")[0] for name in one.figures} >= {"told apart", "MS-SSIM of real", "copying, C_T"}


def test_progress_counts_samples_and_real_images_to_their_ends() -> None:
    told: list[tuple[str, int, int]] = []
    images = torch.rand(30, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    settings = {"extractor": pixels(), "classifier": None, "n": 20, "batch": 8}
    judged(Images(images), images, **settings, progress=lambda *call: told.append(call))
    samples, real = "drawing and judging samples", "judging real images"
    looks = [*((samples, n, 20) for n in (8, 16, 20)), *((real, n, 30) for n in (8, 16, 24, 30))]
    of = 3
    assert told == [*looks, *(("measuring", n, of) for n in range(of + 1))]


def test_real_digits_beat_every_control(embedded: Digits) -> None:
    images, labels = embedded
    held_out, rest = images[::10], torch.ones(5000, dtype=torch.bool)
    rest[::10] = False
    reference = images[rest][::6]
    real = judged(Images(held_out), reference)
    halves = Halves(images[rest], labels[rest])
    controls = [judged(control, reference) for control in (Noise((1, 28, 28)), halves, Blends(images, labels))]
    assert real["relative share"] == pytest.approx(1, abs=0.03)
    for control in controls:
        assert control["Fréchet distance"] > 3 * real["Fréchet distance"]
        assert control["precision"] < real["precision"]
        assert control["relative share"] < 0.8
    assert controls[0]["recall"] == 0  # no digit lies near noise


class Unaveraged(Images):
    """A sampler that says of itself what it is."""

    averaged = False


def test_the_protocol_says_how(embedded: Digits) -> None:
    images = embedded[0][::10]
    some = [measures.Frechet(), measures.Manifold()]
    settings = {"seed": 9, "split": "half", "ema": True, "measures": some}
    protocol = judged(Images(images), images[:300], held_out=images[300:], **settings).protocol
    assert (protocol.samples, protocol.reference, protocol.held_out) == (500, 300, 200)
    assert (protocol.seed, protocol.split, protocol.ema, protocol.resize) == (9, "half", True, "none")
    assert protocol.extractor_digest == grey28().digest
    assert protocol.classifier_digest == digits().digest
    assert protocol.version == gansmith.__version__
    assert protocol.reference_digest == content_digest(images[:300])
    assert protocol.held_out_digest == content_digest(images[300:])
    plain = judged(Images(images), images, extractor=pixels(), classifier=None, measures=some)
    assert plain.protocol.ema is None
    assert judged(Unaveraged(images), images, extractor=pixels(), classifier=None, measures=some).protocol.ema is False
    assert (plain.protocol.classifier, plain.protocol.held_out, plain.protocol.held_out_digest) == (None, 0, None)
    names = ("Fréchet distance", "precision", "recall", "density", "coverage")
    assert list(plain.values) == [f"{name} (pixels)" for name in names]
    assert plain.figure("recall").measure == "Manifold(k=3, wide=5)"


def test_a_measure_of_ones_own_is_a_function(embedded: Digits) -> None:
    def brightness(seen: Examination) -> dict[str, Figure]:
        return {"brightness": Figure(value=seen.samples.pictures.double().mean().item(), better="higher")}

    white = judged(Images(torch.ones(9, 1, 28, 28)), embedded[0][::50], n=20, measures=[brightness])
    assert white.values == {"brightness": 255.0}
    assert white.figure("brightness").measure.endswith("brightness")
    with pytest.raises(ValueError, match="two measures have figures named 'brightness'"):
        judged(Images(torch.ones(9, 1, 28, 28)), embedded[0][::50], n=20, measures=[brightness, brightness])


def test_given_images_are_all_judged_and_once(embedded: Digits) -> None:
    report = judged(embedded[0][:40], embedded[0][::50], n=999, measures=[measures.Confidence()])
    assert report.protocol.samples == 40
    sure = (digits().probabilities(embedded[0][:40].float() / 127.5 - 1).amax(1) >= 0.9).double().mean()
    assert report["confident share"] == pytest.approx(float(sure))


def test_other_sizes_only_on_request_and_on_record() -> None:
    images = torch.rand(300, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with pytest.raises(ValueError, match="pass resize=True"):
        judged(Images(images), images, classifier=None)
    report = judged(Images(images), images, classifier=None, resize=True)
    assert report.protocol.resize == "3×32×32 to 1×28×28, luma, antialiased bilinear"


def test_precision_and_recall_of_many_images_take_some_from_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    # Data sorted by class, as folders are: only a choice from everywhere finds both clusters (one of them is sampled).
    monkeypatch.setattr("gansmith.metrics.evaluation.NEIGHBOURS", 100)
    near = torch.rand(400, 1, 2, 2, generator=torch.Generator().manual_seed(0)) / 10
    report = judged(Images(near), torch.cat((near, near - 1)), extractor=pixels(), classifier=None, n=400)
    assert report["precision"] > 0.9
    assert report["recall"] == pytest.approx(0.5, abs=0.15)  # half of 100, three standard errors of a share of 0.5
    assert report.protocol.neighbours == 100


def test_labels_are_asked_for(embedded: Digits) -> None:
    sevens = torch.full((500,), 7)
    report = judged(Images(*embedded), embedded[0][::10], labels=sevens)
    assert report["share of class 7"] > 0.9


def test_refusals(embedded: Digits) -> None:
    with pytest.raises(ValueError, match="of 500 samples and 500 real images is badly biased: take at least 2048"):
        judged(Images(embedded[0]), embedded[0][::10], allow_few=False)
    broken = Images(torch.full((300, 1, 28, 28), torch.nan))
    with pytest.raises(ValueError, match="not finite"):
        judged(broken, embedded[0][::10])
