"""How close patterns lie to the patterns around them. Arrays only; knows no cue and no score."""

from __future__ import annotations

import math
import threading

import numpy as np

from am_agent.hopfield.codes import Codes, Probe, Reals, products
from am_agent.hopfield.patterns import PatternView
from am_agent.hopfield.roster import Booleans, Integers

NEIGHBOURS = 10
"""Others that the closeness of a pattern is the mean over."""

_SAMPLE = 3072
"""Places that stand for all, where there are twice as many; each then stands for as many neighbours as it does for
places."""


class Density:
    """The mean cosine of patterns with their nearest others in the set, found when it is asked for and then kept.

    It is the local density that a cue is compared with, as in the local outlier factor (Breunig et al. 2000): a cosine
    of 0.5 is close where patterns are scattered, and far where they are crowded. Measured, a ratio of cosines tells
    absent cues from present ones, and a ratio of distances does not. The codes are compared, of the first pattern of
    each place. Safe from several threads.

    Args:
        patterns: The set.
        alive: Which places count, bool [n].

    Example:
        >>> from am_agent.hopfield.patterns import PatternSet
        >>> patterns = PatternSet(dimension=2)
        >>> patterns.append(np.array([[1, 0], [1, 0], [0, 1]], np.float32), np.array([1, 1, 1]))
        >>> Density(patterns.view(), np.array([True, True, True])).of(np.array([0, 2])).round(3).tolist()
        [0.5, 0.0]
    """

    def __init__(self, patterns: PatternView, alive: Booleans) -> None:
        self._patterns = patterns
        self._alive = alive
        self._lock = threading.Lock()  # over the two below
        self._sample: tuple[Integers, Codes, int] | None = None
        self._found: dict[int, float] = {}

    def of(self, places: Integers) -> Reals:
        """The density at some places, float64 [m]; 0 where there is no other."""
        with self._lock:
            missing = [place for place in dict.fromkeys(places.tolist()) if place not in self._found]
            if missing:
                self._found |= zip(missing, self._densities(np.array(missing)).tolist(), strict=True)
            return np.array([self._found[place] for place in places.tolist()])

    def _densities(self, places: Integers) -> Reals:
        if self._sample is None:
            living = np.flatnonzero(self._alive)
            # Every so many, so that the sample of a set that grows a little is the same and a little more.
            stride = max(len(living) // _SAMPLE, 1)
            chosen = living[::stride]
            self._sample = chosen, self._patterns.coded(self._patterns.starts[chosen]), stride
        chosen, codes, stride = self._sample
        rows = self._patterns.openings(places)
        return closeness(chosen, codes, places, rows, NEIGHBOURS / stride)


def closeness(chosen: Integers, codes: Codes, places: Integers, rows: Reals, wanted: float) -> Reals:
    """The mean cosine of some places with the nearest of others, float64 [m]; 0 where there is no other.

    Args:
        chosen: The others, ascending; a place is no neighbour of its own.
        codes: Of their patterns.
        places: Any.
        rows: Their patterns, float64 [m, d].
        wanted: How many of the nearest count.

    Example:
        >>> codes = Codes.of(np.array([[1, 0], [1, 0], [0, 1]], np.float32))
        >>> closeness(np.arange(3), codes, np.array([0]), codes[:1].restored(), 1.0).round(3).tolist()
        [1.0]
    """
    # Row by row in memory, and what is nearest in order: a sum is then the same to the bit in any company.
    cosines = np.ascontiguousarray(products(codes, Probe.of(rows)).T)
    at = np.searchsorted(chosen, places)
    own = np.flatnonzero(chosen[np.minimum(at, len(chosen) - 1)] == places)
    cosines[own, at[own]] = -np.inf
    weights = _weights(wanted)
    most = min(len(weights), cosines.shape[1])
    nearest = np.sort(np.partition(cosines, cosines.shape[1] - most, axis=1)[:, -most:], axis=1)[:, ::-1]
    there = np.isfinite(nearest)
    counted = np.where(there, weights[:most], 0.0)
    total = (np.where(there, nearest, 0.0) * counted).sum(axis=1)
    density: Reals = total / np.maximum(counted.sum(axis=1), np.finfo(np.float64).tiny)
    return density


def _weights(wanted: float) -> Reals:
    """What each of the nearest counts for so many, one at least, to be counted: the last of them counts in part.

    Example:
        >>> _weights(2.5).tolist()
        [1.0, 1.0, 0.5]
    """
    wanted = max(wanted, 1.0)
    weights = np.ones(math.ceil(wanted))
    weights[-1] -= len(weights) - wanted
    return weights
