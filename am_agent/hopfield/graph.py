"""Spreading activation: what a seed's links add to what they reach. Arrays only; knows nothing of what links stand for.

Activation here is rectified, since what is half forgotten has nothing to give, and bounded, since an association is
never surer than what it came from. Without the first it costs most corpora points of recall, without the second the
best match itself is overtaken by what lies next to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from am_agent.hopfield.roster import Integers

Reals = npt.NDArray[np.float64]


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
        flows = given > 0
        targets = kind.targets[flows]
        reached = np.bincount(targets, given[flows] * kind.strengths[flows], minlength=len(activation))
        greatest = np.full(len(activation), -np.inf)
        np.maximum.at(greatest, targets, activation[kind.sources[flows]])
        gain = np.minimum(reached, kind.bound * greatest - activation)
        added = np.maximum(added, np.where(greatest > -np.inf, gain, 0.0))
    return added


def gate(coherence: float, low: float, high: float) -> float:
    """How much a kind of links is worth: 0 up to a coherence of `low`, 1 from `high` on, in a straight line between.

    Example:
        >>> gate(1.5, low=1.0, high=2.0)
        0.5
    """
    return min(max((coherence - low) / (high - low), 0.0), 1.0)


@dataclass(frozen=True, slots=True)
class Coherence:
    """How much closer linked patterns lie than patterns by chance: sums, so a union's are the sums of its parts'.

    Attributes:
        pairs: How many linked pairs were looked at.
        linked: The sum of their inner products.
        others: How many pairs by chance were looked at.
        total: The sum of theirs.
        square: The sum of the squares of theirs.
    """

    pairs: int = 0
    linked: float = 0.0
    others: int = 0
    total: float = 0.0
    square: float = 0.0

    def __add__(self, other: Coherence) -> Coherence:
        return Coherence(
            self.pairs + other.pairs,
            self.linked + other.linked,
            self.others + other.others,
            self.total + other.total,
            self.square + other.square,
        )

    def value(self, prior: float, weight: float) -> float:
        """The mean inner product of linked pairs, in standard deviations above that of chance.

        Args:
            prior: What is believed before a pair was seen.
            weight: How many pairs that belief is worth.

        Example:
            >>> round(Coherence(90, 45.0, others=100, total=10.0, square=2.0).value(prior=1.5, weight=10), 6)
            3.75
        """
        if not self.pairs or not self.others:
            return prior
        mean = self.total / self.others
        spread = max(self.square / self.others - mean**2, 0.0) ** 0.5
        if not spread:
            return prior
        return ((self.linked / self.pairs - mean) / spread * self.pairs + prior * weight) / (self.pairs + weight)


def coherence(sample: Reals, partners: Reals, of: Integers, metric: Reals) -> Coherence:
    """Compare linked pairs with all pairs of a sample, in a metric.

    Args:
        sample: Patterns, float64 [n, d].
        partners: Patterns that are linked to some of them, float64 [m, d].
        of: Which one of the sample each partner is linked to, int64 [m].
        metric: M, float64 [d, d].
    """
    projected = sample @ metric
    chance = projected @ sample.T
    apart = chance[~np.eye(len(sample), dtype=np.bool_)]
    linked = (projected[of] * partners).sum()
    return Coherence(len(partners), float(linked), apart.size, float(apart.sum()), float((apart**2).sum()))
