"""The moments of a set of patterns, kept exact under adding and removing. Arrays only; knows no text, time or SQL."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_PRIOR_SPREAD = 0.1  # of cosines between a cue and the patterns of a store; sentence encoders measure .09 to .14
_PRIOR_WEIGHT = 20  # pseudo-patterns: a store of ten patterns says little about its spread


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, sum and second moment of a set of patterns: three sums, so a union's are the sum of its parts'.

    Attributes:
        count: N.
        total: sum_i x_i, float64 [d].
        second: S = sum_i x_i x_i', float64 [d, d].
    """

    count: int
    total: npt.NDArray[np.float64]
    second: npt.NDArray[np.float64]

    @staticmethod
    def none(dimension: int) -> Moments:
        """The moments of no patterns."""
        return Moments(0, np.zeros(dimension), np.zeros((dimension, dimension)))

    @staticmethod
    def of(patterns: npt.NDArray[np.float32]) -> Moments:
        """The moments of patterns [n, d].

        Example:
            >>> Moments.of(np.eye(2, dtype=np.float32)).second.tolist()
            [[1.0, 0.0], [0.0, 1.0]]
        """
        count, total, second = 0, np.zeros(patterns.shape[1]), np.zeros((patterns.shape[1],) * 2)
        for start in range(0, len(patterns), 8192):  # in float64, but not all of them at once
            block = patterns[start : start + 8192].astype(np.float64)
            total += block.sum(axis=0)
            second += block.T @ block
            count += len(block)
        return Moments(count, total, second)

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.count + other.count, self.total + other.total, self.second + other.second)

    def __sub__(self, other: Moments) -> Moments:
        return Moments(self.count - other.count, self.total - other.total, self.second - other.second)


def spread(moments: Moments) -> float:
    """The standard deviation of the cosines between a pattern as cue and the patterns of the set.

    The cosines of one cue q have the variance q' C q with C = S/N - m m', m the mean; averaged over cues that are
    distributed as the patterns are, that is tr(C S/N). It is shrunk towards 0.1, the usual value for sentence
    encoders, as if 20 more patterns had shown it, so that small stores are treated alike.

    Args:
        moments: Of any number of unit patterns, none included.

    Returns:
        A positive number, in units of cosine.

    Example:
        >>> round(spread(Moments.none(dimension=4)), 3)
        0.1
    """
    if moments.count == 0:
        return _PRIOR_SPREAD
    second = moments.second / moments.count
    mean = moments.total / moments.count
    variance = max(float((second * second).sum() - mean @ second @ mean), 0.0)
    total = moments.count * variance + _PRIOR_WEIGHT * _PRIOR_SPREAD**2
    return math.sqrt(total / (moments.count + _PRIOR_WEIGHT))
