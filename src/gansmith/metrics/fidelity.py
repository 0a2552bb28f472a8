"""The share of samples that a calibrated classifier calls with confidence, and how it is spread over the classes."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

__all__ = ["Calls", "calls", "relative_share"]

CONFIDENCE = 0.9


@dataclass(frozen=True)
class Calls:
    """How many samples were called with confidence, class by class; two of them add up.

    Args:
        count: samples that were looked at.
        confident: for each class, the samples called it with a probability of at least the threshold.
        threshold: of the probability.

    Example:
        >>> Calls(10, (4, 5)).share, Calls(10, (4, 5)).class_shares
        (0.9, (0.4, 0.5))
    """

    count: int
    confident: tuple[int, ...]
    threshold: float = CONFIDENCE

    @property
    def share(self) -> float:
        """The share of samples called with confidence: whatever the class."""
        return sum(self.confident) / self.count

    @property
    def class_shares(self) -> tuple[float, ...]:
        """For each class, the share of all samples that are called it with confidence; they add up to `share`."""
        return tuple(number / self.count for number in self.confident)

    def __add__(self, other: Calls) -> Calls:
        """Calls over both sets.

        Raises:
            ValueError: different classes or thresholds.
        """
        if len(self.confident) != len(other.confident) or self.threshold != other.threshold:
            raise ValueError("calls under different classes or thresholds do not add up")
        both = tuple(a + b for a, b in zip(self.confident, other.confident, strict=True))
        return Calls(self.count + other.count, both, self.threshold)


def calls(probabilities: Tensor, *, threshold: float = CONFIDENCE) -> Calls:
    """Count the confident calls among class probabilities.

    Args:
        probabilities: (n, k), calibrated, rows adding up to 1.
        threshold: in (0.5, 1], so that at most one class can reach it.

    Raises:
        ValueError: another shape, or a threshold outside its range.

    Example:
        >>> import torch
        >>> calls(torch.tensor([[0.95, 0.05], [0.6, 0.4], [0.08, 0.92]]))
        Calls(count=3, confident=(1, 1), threshold=0.9)
    """
    if probabilities.ndim != 2 or not len(probabilities):
        raise ValueError(f"probabilities are (n, k) with n > 0; got {tuple(probabilities.shape)}")
    if not 0.5 < threshold <= 1:
        raise ValueError(f"the threshold lies in (0.5, 1]; got {threshold}")
    sure = (probabilities >= threshold).sum(0)
    return Calls(len(probabilities), tuple(int(number) for number in sure.tolist()), threshold)


def relative_share(samples: Calls, real: Calls) -> float:
    """The confident share of samples as a part of that of held-out real images; 1 is as good as real.

    It sees neither variety within a class nor whether an image is a copy, and a classifier may be sure about what no
    person reads: look at it beside recall, the class shares and the controls.

    Raises:
        ValueError: no real image is called with confidence, so the classifier does not belong to the data.

    Example:
        >>> round(relative_share(Calls(100, (45, 45)), Calls(100, (50, 46))), 4)
        0.9375
    """
    if not real.share:
        raise ValueError("no real image is called with confidence: this classifier does not know this kind of image")
    return samples.share / real.share
