"""Which members of groups a cue has to be compared with themselves, where their means alone are in memory.

Arrays only; knows no group, only how far a score can be off.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from am_agent.hopfield.codes import Reals
from am_agent.hopfield.roster import Integers

FIRST = 512
"""So many of the best are read at once; then twice as many, until it is enough."""

_MOST = 8192
"""No more are read for one cue: a cue to which everything is as near would read everything."""

_MISSED = 0.001
"""The part of those that are wanted that may be expected to be missed."""

_CERTAIN = 30.0
"""Deviations beyond which chances are too small for a float64."""

_BELIEF = 20
_SPREAD = 0.2
"""How far a score is off beforehand, as a part of how far it can be, and how many scores that is worth."""


def drilled(known: Reals, slack: Reals, k: int, exact: Callable[[Integers], Reals]) -> tuple[Integers, Reals]:
    """Read on from the best until no more than a thousandth of the k best can be expected among the others.

    No bound that is certain ever closes here: a mean is far from its members. But how far off scores are, as a part of
    that bound, is seen in those that are read, and the chance that one of the others exceeds the k-th best is at most
    `exp(-z^2/2)/2`, z deviations below it (Chernoff's bound, of a normal distribution).

    Args:
        known: The score of each position by its code, float64 [n]; -inf for those that do not take part.
        slack: How far it can be off, at least, float64 [n].
        k: How many are wanted.
        exact: The scores of some positions from their patterns.

    Returns:
        What was read, ascending, and its scores.

    Example:
        >>> scores = np.array([0.9, 0.5, 0.1])
        >>> drilled(scores, np.zeros(3), 1, lambda places: scores[places])
        (array([0, 1, 2]), array([0.9, 0.5, 0.1]))
    """
    eligible = np.flatnonzero(known > -np.inf)
    most, wanted = min(len(eligible), max(_MOST, k)), min(len(eligible), max(FIRST, 2 * k))
    read, scores = np.empty(0, dtype=np.int64), np.empty(0)
    while True:
        best = eligible
        if wanted < len(eligible):
            best = eligible[np.argpartition(-known[eligible], wanted)[:wanted]]
        fresh = np.setdiff1d(best, read, assume_unique=True)
        places = np.concatenate([read, fresh])
        found = np.concatenate([scores, exact(fresh)])
        order = np.argsort(places)
        read, scores = places[order], found[order]
        if wanted >= most or _missed(known, slack, read, scores, k) <= _MISSED * k:
            return read, scores
        wanted = min(2 * wanted, most)


def _missed(known: Reals, slack: Reals, read: Integers, scores: Reals, k: int) -> float:
    """How many of the others may be expected to exceed the k-th best of those that were read."""
    kth = float(np.partition(scores, len(scores) - k)[len(scores) - k])
    # What is off by less has a code of its own: how much that is rounded says nothing of means.
    wide = slack[read] > 0.1 * float(slack.max())
    off = (scores - known[read])[wide] / slack[read][wide]
    # Around zero, of so many scores more, each as far off as is believed beforehand.
    mean = float(off.sum()) / (len(off) + _BELIEF)
    spread = math.sqrt((float(((off - mean) ** 2).sum()) + _BELIEF * _SPREAD**2) / (len(off) + _BELIEF))
    left = known > -np.inf
    left[read] = False
    left &= known + slack > kth  # the others cannot, for certain
    below = np.clip(((kth - known[left]) / slack[left] - mean) / spread, 0.0, _CERTAIN)
    return float(np.where(below > 0, 0.5 * np.exp(-0.5 * below**2), 1.0).sum())
