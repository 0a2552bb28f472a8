"""The lines that signals must cross before the doctor speaks, all in one place."""

from __future__ import annotations

from dataclasses import dataclass, fields

__all__ = ["Limits"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Where verdicts draw their lines; signals are medians over the last `smooth` probes.

    Args:
        smooth: probes over which a median is taken.
        persist: probes in a row that must be past a line.
        grace: the share of a run in which nothing is judged but what is not finite.
        slowest: steps in which nothing is judged either, however short the run: to learn anything takes some hundred.
        least: probes below which nothing is judged at all.
        window: the share of a run over which samples must have come nearer to the data to count as improving.
        improving: by what share they must have, in energy distance.
        recovered: the share of the energy distance to which it must fall for a verdict to be taken back.
        poor: the energy distance above which samples are not like the data.
        diversity: pairwise distance over that of real images, below which samples have collapsed.
        local: distance to the nearest fellow over that of real images, below which samples have collapsed to points.
        within: pairwise distance within classes over that of real images, below which classes have collapsed.
        missed: the share of real mass in cells without samples.
        classes_missed: the share of real mass in classes without samples, from which it is said.
        classes_lost: the same, from which a run fails by it.
        sure: the accuracy from which the discriminator is hardly ever wrong.
        saturated: the share of samples on which the generator's cost is flat.
        vanished: the gradient at the samples over its largest so far.
        wide: the logit gap from which the discriminator is certain.
        unsure: the accuracy up to which the discriminator sees no difference.
        overfitting: the share of the logit gap that is gone on held-out images.
        memory: probes over which the median of this share is taken, and turns are counted.
        few: training images below which, without augmentation, they will be learnt by heart.
        copying: samples' distance to their nearest training image over that of unseen real images.
        turns: how often within `memory` probes the discriminator's lead changes sides.
        swing: how far the mean sample moves between probes, in deviations of the real images.
        batch: the share of variance in samples that is explained by their batch.
        grid: the share of samples' variance in a grid.
        dead: the share of dead units.
        worse: the quality over the best one so far from which a run has got worse.
        worse_by: the least energy distance by which it has.
        exploded: scores, or norms of weights over their first, from which a run has diverged.
        start: the energy distance over the first one, above which a run has not started.

    Raises:
        ValueError: one of them is negative, or a count below 1.
    """

    smooth: int = 3
    persist: int = 4
    grace: float = 0.1
    slowest: int = 250
    least: int = 5
    window: float = 0.075
    improving: float = 0.05
    recovered: float = 0.6
    poor: float = 0.1
    diversity: float = 0.4
    local: float = 0.3
    within: float = 0.4
    missed: float = 0.75
    classes_missed: float = 0.08
    classes_lost: float = 0.25
    sure: float = 0.98
    saturated: float = 0.5
    vanished: float = 0.05
    wide: float = 10.0
    unsure: float = 0.6
    overfitting: float = 0.4
    memory: int = 8
    few: int = 50
    copying: float = 0.6
    turns: int = 3
    swing: float = 0.6
    batch: float = 0.15
    grid: float = 0.03
    dead: float = 0.3
    worse: float = 1.5
    worse_by: float = 0.03
    exploded: float = 100.0
    start: float = 0.7

    def __post_init__(self) -> None:
        for item in fields(self):
            least, value = (1 if item.type == "int" else 0), getattr(self, item.name)
            if not value >= least:
                raise ValueError(f"{item.name} is {value}; it must be at least {least}")
