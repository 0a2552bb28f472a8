"""How sure a number is: a value with its standard error, and a share with its interval."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

__all__ = ["Estimate", "wilson"]


class Estimate(NamedTuple):
    """A value that was estimated, and its standard error.

    Example:
        >>> [round(end, 2) for end in Estimate(2.0, 0.5).interval()]
        [1.02, 2.98]
    """

    value: float
    error: float

    def interval(self, *, confidence: float = 0.95) -> tuple[float, float]:
        """The normal interval: value ± z·error, with z the quantile that leaves (1 − confidence)/2 on either side.

        Raises:
            ValueError: a confidence outside (0, 1).
        """
        reach = _quantile(confidence) * self.error
        return self.value - reach, self.value + reach


def wilson(successes: int, trials: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """The interval of a share from a count, which is right for few trials and for shares near 0 and 1 too.

        (p̂ + z²/2n ± z·√(p̂(1 − p̂)/n + z²/4n²)) / (1 + z²/n)

    Args:
        successes: in [0, trials].
        trials: n, at least 1.
        confidence: in (0, 1).

    Returns:
        The lower and the upper end, in [0, 1].

    Raises:
        ValueError: a value outside its range.

    From Wilson 1927, "Probable inference, the law of succession, and statistical inference".

    Example:
        >>> [round(end, 4) for end in wilson(9, 10)]
        [0.5958, 0.9821]
    """
    if trials < 1 or not 0 <= successes <= trials:
        raise ValueError(
            f"{successes} successes in {trials} trials make no share; count from 0 to the trials, 1 or more"
        )
    z, share = _quantile(confidence), successes / trials
    middle = share + z * z / (2 * trials)
    reach = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials**2))
    low, high = ((middle + sign * reach) / (1 + z * z / trials) for sign in (-1, 1))
    return (0.0 if successes == 0 else low), (1.0 if successes == trials else high)


def _quantile(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"the confidence is {confidence}; it must be in (0, 1), such as 0.95")
    return NormalDist().inv_cdf((1 + confidence) / 2)
