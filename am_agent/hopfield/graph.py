"""Spreading activation: what a seed's links add to what they reach. Arrays only; knows nothing of what links stand for.

Activation here is rectified, since what is half forgotten has nothing to give, and bounded, since an association is
never surer than what it came from. Without the first it costs most corpora points of recall, without the second the
best match itself is overtaken by what lies next to it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from am_agent.hopfield.roster import Integers

Reals = npt.NDArray[np.float64]

_ROUNDING = 1e-10
"""The share of the squared mean that a variance has to exceed, or it is the rounding of patterns that are all alike."""


@dataclass(frozen=True, slots=True)
class Links:
    """Directed links of one kind.

    Attributes:
        sources: Where they start, int64 [links].
        targets: Where they lead, int64 [links].
        strengths: What share of the source's activation they carry, non-negative, float64 [links].
        bound: No target gets above this share of the greatest activation that reaches it, between 0 and 1.
    """

    sources: Integers
    targets: Integers
    strengths: Reals
    bound: float


def spread(activation: Reals, links: Sequence[Links], floor: float) -> Reals:
    """What the links add to each activation: never less than 0, and 0 where nothing reaches.

    One step of spreading activation (Anderson 1983) on the rectified sources:
    `min(a_j + sum_i s_ij max(a_i - floor, 0), bound max_i a_i) - a_j`, the greatest over the kinds of links.

    Args:
        activation: a, centred at what chance gives, float64 [n].
        links: By kind; a source at or below the floor gives nothing.
        floor: What an activation must exceed to spread.

    Returns:
        float64 [n].

    Example:
        >>> next_to = Links(np.array([0, 1]), np.array([1, 2]), np.array([0.5, 0.5]), bound=0.9)
        >>> spread(np.array([4.0, 1.0, 1.0]), [next_to], floor=2.0).tolist()
        [0.0, 1.0, 0.0]
    """
    added = np.zeros_like(activation)
    for kind in links:
        given = np.maximum(activation[kind.sources] - floor, 0.0)
        flows = (given > 0) & (kind.strengths > 0)  # what carries nothing reaches nothing, and lifts no bound
        targets = kind.targets[flows]
        reached = np.bincount(targets, given[flows] * kind.strengths[flows], minlength=len(activation))
        greatest = np.full(len(activation), -np.inf)
        np.maximum.at(greatest, targets, activation[kind.sources[flows]])
        there = greatest > -np.inf
        gain = np.minimum(reached[there], kind.bound * greatest[there] - activation[there])
        added[there] = np.maximum(added[there], gain)
    return added


def gate(coherence: float, low: float, high: float) -> float:
    """How much a kind of links is worth: 0 up to a coherence of `low`, 1 from `high` on, in a straight line between.

    Example:
        >>> gate(1.5, low=1.0, high=2.0)
        0.5
    """
    return min(max((coherence - low) / (high - low), 0.0), 1.0)


@dataclass(frozen=True, slots=True)
class Linked:
    """How close linked patterns lie: sums, so a union's are the sums of its parts'.

    Attributes:
        pairs: How many pairs were looked at.
        total: The sum of their inner products.
    """

    pairs: int = 0
    total: float = 0.0

    @staticmethod
    def of(projected: Reals, partners: Reals) -> Linked:
        """Look at pairs.

        Args:
            projected: One of each pair, times the metric M, float64 [n, d].
            partners: The other, float64 [n, d].
        """
        return Linked(len(partners), float((projected * partners).sum()))

    def __add__(self, other: Linked) -> Linked:
        return Linked(self.pairs + other.pairs, self.total + other.total)


@dataclass(frozen=True, slots=True)
class Chance:
    """How close patterns lie by chance: sums, as those of `Linked`.

    Attributes:
        pairs: How many pairs were looked at.
        total: The sum of their inner products.
        square: The sum of the squares.
    """

    pairs: int = 0
    total: float = 0.0
    square: float = 0.0

    @staticmethod
    def of(projected: Reals, sample: Reals) -> Chance:
        """Look at all pairs of a sample.

        Args:
            projected: The sample times the metric M, float64 [n, d].
            sample: Patterns, float64 [n, d].
        """
        products = (projected @ sample.T)[~np.eye(len(sample), dtype=np.bool_)]
        return Chance(products.size, float(products.sum()), float((products**2).sum()))

    def __add__(self, other: Chance) -> Chance:
        return Chance(self.pairs + other.pairs, self.total + other.total, self.square + other.square)

    def above(self, linked: Linked, prior: float, weight: float) -> float:
        """The coherence of links: how far the mean of linked pairs lies above chance, in standard deviations.

        Args:
            linked: Pairs of the same set.
            prior: What is believed before a pair was seen.
            weight: How many pairs that belief is worth.

        Example:
            >>> round(Chance(pairs=100, total=10.0, square=2.0).above(Linked(90, 45.0), prior=1.5, weight=10), 6)
            3.75
        """
        mean = self.total / self.pairs if self.pairs else 0.0
        variance = self.square / self.pairs - mean**2 if self.pairs else 0.0
        if not linked.pairs or variance <= _ROUNDING * (mean**2 + _ROUNDING):
            return prior
        return ((linked.total / linked.pairs - mean) / math.sqrt(variance) * linked.pairs + prior * weight) / (
            linked.pairs + weight
        )
