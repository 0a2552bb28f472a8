"""Comparisons: only of like with like, and only what exceeds the noise is called a difference."""

from dataclasses import replace
from statistics import fmean, stdev

import pytest
import torch

from gansmith.metrics import Figure, Protocol, Report
from gansmith.metrics.comparison import Entry, UnlikeError, compare

PROTOCOL = Protocol(
    samples=10_000,
    reference=5_000,
    reference_digest="12" * 32,
    held_out=0,
    held_out_digest=None,
    neighbours=10_000,
    split="digits",
    extractor="grey28",
    extractor_digest="ab" * 32,
    classifier=None,
    classifier_digest=None,
    resize="none",
    ema=True,
    seed=0,
    version="0.1.0",
)


def report(value: float, error: float | None = 0.1, **protocol) -> Report:
    ends = {} if error is None else {"low": value - 1.96 * error, "high": value + 1.96 * error}
    figures = {
        "distance": Figure(value=value, better="lower", measure="Frechet()", **ends),
        "share of class 0": Figure(value=value / 10, **ends),
    }
    return Report(replace(PROTOCOL, **protocol), figures)


def entries(*values: float, error: float | None = 0.1) -> list[Entry]:
    return [Entry(name, (report(value, error),)) for name, value in zip("abcdefghij", values, strict=False)]


def trainings(name: str, values: list[float]) -> Entry:
    return Entry(name, tuple(report(value) for value in values))


def test_what_exceeds_the_noise_is_a_difference_and_the_rest_is_not() -> None:
    # The difference of two errors of 0.1 has one of 0.141: 1.96 of them are 0.277.
    near, far = compare(entries(1.0, 1.25)), compare(entries(1.0, 1.3))
    assert [level.behind for level in near.levels["distance"]] == [False, False]
    assert list(near.sentences()) == ["within the noise: distance"]
    assert [(level.best, level.behind) for level in far.levels["distance"]] == [(True, False), (False, True)]
    assert list(far.sentences()) == ["distance: a is better than b by more than the noise"]


def test_the_more_are_compared_the_more_is_asked_of_a_difference() -> None:
    """0.3 are 2.12 errors: beyond the 1.96 of one comparison, within the 2.5 or so of four."""
    found = compare(entries(1.0, 1.3, 1.0, 1.0, 1.0)).levels["distance"]
    assert found[1].behind is False


@pytest.mark.analytic
def test_false_alarms_are_as_rare_as_promised() -> None:
    """Entries that are truly alike: in at most 5 % of the cases is any of them called behind, however many they are."""
    for count in (3, 8):
        values = torch.randn(600, count, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 0.1
        found = (compare(entries(*row)).levels["distance"] for row in values.tolist())
        alarms = sum(any(level.behind for level in levels) for levels in found)
        # 5 % of 600 are 30, ± 5.3; Bonferroni's bound is nearly reached.
        assert 10 < alarms < 30 + 3 * 5.3


def test_several_trainings_are_as_sure_as_their_spread() -> None:
    values = [1.0, 1.4, 1.1, 0.9]
    found = compare([trainings("a", values), trainings("b", [2.0, 2.1, 1.9])])
    level = found.levels["distance"][0]
    assert (level.value, level.spread, level.trainings) == (fmean(values), stdev(values), 4)
    assert str(level) == "1.1000 ± 0.2160"
    assert found.levels["distance"][1].behind
    wild = compare([trainings("a", [1.0, 3.0]), trainings("b", [2.0, 2.5])])
    assert wild.levels["distance"][1].behind is False  # two trainings of each say little: Student's t, not the normal's


@pytest.mark.reference
def test_the_verdict_on_trainings_is_welchs() -> None:
    stats = pytest.importorskip("scipy.stats")
    verdicts = []
    for seed in range(40):  # of unlike numbers and spreads, on which the degrees of freedom depend
        values = torch.randn(15, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        a, b = values[:3].tolist(), (values[3:] * 0.7 + 2).tolist()
        verdicts.append(stats.ttest_ind(a, b, equal_var=False).pvalue < 0.05)
        levels = compare([trainings("a", a), trainings("b", b)]).levels["distance"]
        assert any(level.behind for level in levels) == verdicts[-1]
    assert 10 < sum(verdicts) < 30  # else the cases would tell little


def test_an_interval_that_ends_at_a_bound_hides_no_noise() -> None:
    figure = Figure(value=0.1, low=0.0, high=0.3, better="lower", measure="Frechet()")
    low, high = (Report(PROTOCOL, {"distance": replace(figure, value=v, high=v + 0.2)}) for v in (0.1, 0.32))
    found = compare([Entry("a", (low,)), Entry("b", (high,))]).levels["distance"]
    assert [level.error for level in found] == pytest.approx([0.2 / 1.96, 0.32 / 1.96], rel=1e-3)
    assert found[1].behind is False


def test_a_score_without_a_better_side_has_no_best() -> None:
    levels = compare(entries(1.0, 9.0)).levels["share of class 0"]
    assert [(level.best, level.behind) for level in levels] == [(False, None)] * 2


def test_without_an_interval_nothing_is_said() -> None:
    found = compare(entries(1.0, 9.0, error=None))
    assert [level.behind for level in found.levels["distance"]] == [False, None]
    assert list(found.sentences()) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"samples": 5_000}, "differ in samples: 10,000 and 5,000"),
        ({"reference_digest": "99" * 32}, "differ in reference digest: 121212121212… and 999999999999…"),
        ({"extractor": "pixels"}, "differ in extractor: grey28 and pixels"),
        ({"extractor_digest": "cd" * 32}, "differ in extractor digest"),
        ({"resize": "3×32×32 to 1×28×28"}, "differ in resize: none and"),
        ({"classifier": "digits28"}, "differ in classifier: None and digits28"),
        ({"held_out": 500}, "differ in held out: 0 and 500"),
        ({"neighbours": 500}, "differ in neighbours"),
        ({"version": "0.2.0"}, "differ in version: 0.1.0 and 0.2.0"),
    ],
)
def test_unlike_protocols_are_refused_with_the_difference(change, words: str) -> None:
    two = [Entry("a", (report(1.0),)), Entry("b", (report(1.0, **change),))]
    with pytest.raises(UnlikeError, match="a and b " + words):
        compare(two)
    (field,) = change
    assert any(words in note for note in compare(two, despite=[field]).notes)


def test_the_seed_and_the_name_of_the_same_reference_may_differ() -> None:
    found = compare([Entry("a", (report(1.0),)), Entry("b", (report(2.0, seed=7, split="./digits.npz"),))])
    assert found.notes == ()


def test_another_name_needs_leave_of_its_own_where_the_reference_is_another() -> None:
    other = report(2.0, reference_digest="99" * 32, split="letters")
    two = [Entry("a", (report(1.0),)), Entry("b", (other,))]
    with pytest.raises(UnlikeError, match="differ in split: digits and letters"):
        compare(two, despite=["reference_digest"])
    assert len(compare(two, despite=["reference_digest", "split"]).notes) == 2


def test_an_average_and_the_weights_themselves_compare_with_a_note() -> None:
    found = compare([Entry("a", (report(1.0),)), Entry("b", (report(2.0, ema=False),))])
    assert found.notes == ("a and b differ in ema: True and False",)


def test_scores_that_some_reports_lack_are_left_out_and_named() -> None:
    whole = report(1.0)
    part = Report(whole.protocol, {"distance": whole.figures["distance"]})
    for two in ((whole, part), (part, whole)):
        found = compare([Entry(name, (one,)) for name, one in zip("ab", two, strict=True)])
        assert list(found.levels) == ["distance"]
        missing = ", ".join(name for name in whole.figures if name != "distance")
        assert found.notes == (f"left out, because not every report has it: {missing}",)


def test_the_settings_of_a_measure_belong_to_the_protocol() -> None:
    other = report(1.0)
    figures = {"distance": replace(other.figures["distance"], measure="Frechet(replicates=9)")}
    with pytest.raises(UnlikeError, match=r"how distance was measured: Frechet\(\) and Frechet\(replicates=9\)"):
        compare([Entry("a", (report(1.0),)), Entry("b", (Report(other.protocol, figures),))])


def test_refusals() -> None:
    with pytest.raises(ValueError, match="at least two"):
        compare(entries(1.0))
    with pytest.raises(ValueError, match="no field 'sample'"):
        compare(entries(1.0, 2.0), despite=["sample"])
