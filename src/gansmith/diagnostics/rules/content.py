"""Disorders that show in what the generator makes: collapse, missing modes, copies, grids, batches of a kind."""

from __future__ import annotations

from dataclasses import replace

from gansmith.diagnostics.case import Case, every, some
from gansmith.diagnostics.remedies import augmented, awake, cure, penalised, remedy
from gansmith.diagnostics.verdict import Evidence, Verdict

__all__ = ["batch_correlation", "checkerboard", "dropped_modes", "mode_collapse", "overfitting"]


def collapsed(case: Case) -> list[bool]:
    """Where samples are too much alike, at all or within their classes."""
    limits = case.limits
    return some(
        case.below("diversity", limits.diversity),
        case.below("local_diversity", limits.local),
        case.below("diversity_within", limits.within),
    )


def mode_collapse(case: Case) -> Verdict | None:
    """Whatever the latent, the same few pictures."""
    limits = case.limits
    shown: list[Evidence] = []
    for name, bound, sentence in (
        ("diversity", limits.diversity, "samples are {:.2f} times as far apart as real images"),
        ("local_diversity", limits.local, "a sample's nearest fellow is {:.2f} times as far as a real image's"),
        ("diversity_within", limits.within, "within a class, samples are {:.2f} times as far apart as real images"),
    ):
        if case.last(name) < bound:
            shown.append(case.evidence(name, bound, sentence, above=False))
    return case.verdict(
        "mode collapse",
        case.stretch(collapsed(case), once=case.stuck),
        shown,
        cure(case.settings, otherwise="add a penalty on the discriminator's slope", anew=awake(case.settings)),
    )


def dropped_modes(case: Case) -> Verdict | None:
    """Some kinds of real images have no samples; a run fails by it when they are many."""
    limits = case.limits
    apart = [not flag for flag in collapsed(case)]
    lost = some(case.above("missed", limits.missed), case.above("classes_missed", limits.classes_lost))
    some_lost = some(lost, case.above("classes_missed", limits.classes_missed))
    many = case.stretch(every(lost, apart), once=case.stuck)
    when = many or case.stretch(every(some_lost, apart), once=case.stuck)
    shown: list[Evidence] = []
    if case.last("missed") > limits.missed:
        shown.append(
            case.evidence("missed", limits.missed, "{:.0%} of the real images have no samples near them", above=True)
        )
    if case.last("classes_missed") > limits.classes_missed:
        sentence = "classes with {:.0%} of the real images have hardly any samples"
        shown.append(case.evidence("classes_missed", limits.classes_missed, sentence, above=True))
    cured = cure(case.settings, anew=awake(case.settings))
    return case.verdict("dropped modes", when, shown, cured, failure=many is not None)


def overfitting(case: Case) -> Verdict | None:
    """The discriminator knows its training images by heart, or samples are copies of them."""
    limits = case.limits
    s, known = case.settings, [share > limits.overfitting for share in case.over("overfitting", limits.memory)]
    copies = case.below("nearest", limits.copying)
    # So few that none can be held out to see it by; it is only a question of when.
    few = case.below("images", limits.few) if augmented(s) else [False] * len(known)
    shown: list[Evidence] = []
    if known[-1:] == [True]:
        share = case.over("overfitting", limits.memory)[-1]
        sentence = f"{share:.0%} of the discriminator's logit gap is gone on real images that it has not seen"
        line = case.evidence("overfitting", limits.overfitting, sentence, above=True)
        shown.append(replace(line, over=limits.memory))
    if copies[-1:] == [True]:
        sentence = "samples are {:.2f} times as far from the training images as unseen real ones are"
        shown.append(case.evidence("nearest", limits.copying, sentence, above=False))
    if few[-1:] == [True]:
        shown.append(case.evidence("images", limits.few, "there are {:.0f} training images, and no more", above=False))
    # Over fewer probes the share means nothing: each is noisy.
    known = [i + 1 >= limits.memory and flag for i, flag in enumerate(known)]
    return case.verdict(
        "overfitting",
        case.stretch(some(known, copies, few)),
        shown,
        remedy(augmented(s), penalised(s), otherwise="train on more images, or stop earlier"),
    )


def batch_correlation(case: Case) -> Verdict | None:
    """Samples look like the others of their batch."""
    bound = case.limits.batch
    shown = case.evidence(
        "batch_correlation", bound, "{:.0%} of the variance in samples is explained by their batch", above=True
    )
    return case.verdict(
        "intra-batch correlation",
        case.stretch(case.above("batch_correlation", bound)),
        [shown],
        remedy(
            otherwise=f"start anew with larger batches: --batch {max(64, 2 * int(case.settings.get('batch', 32)))}; "
            "or without batch norm in the generator: --networks.generator-norm none"
        ),
        failure=False,
    )


def checkerboard(case: Case) -> Verdict | None:
    """A grid of the size of a stride lies over the samples."""
    bound = case.limits.grid
    shown = case.evidence(
        "grid", bound, "{:.1%} of the variance in samples is a grid that real images lack", above=True
    )
    return case.verdict(
        "checkerboard artefacts",
        case.stretch(case.above("grid", bound)),
        [shown],
        remedy(otherwise="start anew with networks that enlarge before they convolve: --networks residual"),
        failure=False,
    )
