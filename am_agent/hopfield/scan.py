"""Patterns in memory, and the exact best match of each key. Arrays only; knows no text, time or SQL.

A key stands for whatever owns one or more patterns. Its score is the maximum over them, and over the windows of the
cue: a long text matches as well as its best part does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from am_agent.hopfield.column import Column
from am_agent.hopfield.metric import Moments
from am_agent.hopfield.roster import Booleans, Integers, RosterView

Floats = npt.NDArray[np.float32]

_RESCORED = 200
"""At least so many of the best are scored in float64: they hold nearly all of the softmax's mass."""


@dataclass(frozen=True, slots=True)
class PatternView:
    """What a set of patterns was at one moment; later changes to the set leave it as it is.

    Attributes:
        starts: The first row of each place, int64 [n].
        rows: The patterns, unit rows, float32 [rows, d].
    """

    starts: Integers
    rows: Floats

    def of(self, place: int) -> Floats:
        """The patterns of one place, float32 [windows, d]."""
        end = int(self.starts[place + 1]) if place + 1 < len(self.starts) else len(self.rows)
        return self.rows[self.starts[place] : end]

    def heights(self) -> Integers:
        """How many patterns each place has, int64 [n]."""
        return np.diff(self.starts, append=len(self.rows))

    def mask(self, places: Booleans) -> Booleans:
        """Which rows belong to the places of a mask [n], bool [rows]."""
        return np.repeat(places, self.heights())


class PatternSet:
    """A growing matrix of patterns, aligned with a roster by place. Appending costs O(d), and discarding no copy.

    Not safe from several threads, but its views are.
    """

    def __init__(self, dimension: int) -> None:
        self._starts = Column(np.dtype(np.int64))
        self._rows = Column(np.dtype(np.float32), dimension)
        self._moments = Moments.none(dimension)

    @property
    def moments(self) -> Moments:
        """Of the patterns of all places that were not discarded."""
        return self._moments

    def append(self, patterns: Sequence[Floats]) -> None:
        """Add the patterns of the places that follow, each [windows, d], unit rows."""
        if not patterns:
            return
        heights = np.array([len(each) for each in patterns], dtype=np.int64)
        rows = np.concatenate(patterns).astype(np.float32, copy=False)
        self._starts.append(len(self._rows) + np.cumsum(heights) - heights)
        self._rows.append(rows)
        self._moments = self._moments + Moments.of(rows)

    def discard(self, places: Integers) -> None:
        """Take the patterns of some places out of the moments; the rows stay until the set is compacted."""
        if not len(places):
            return
        view = self.view()
        self._moments = self._moments - Moments.of(view.rows[_rows_of(view, places)])

    def compact(self, kept: Booleans) -> None:
        """Keep the places of a mask [n] only, in their order; the others must have been discarded before."""
        view = self.view()
        heights = view.heights()[kept]
        self._rows.replace(view.rows[view.mask(kept)])
        self._starts.replace(np.cumsum(heights) - heights)

    def view(self) -> PatternView:
        """The set as it is now, without a copy."""
        return PatternView(self._starts.view(), self._rows.view())


@dataclass(frozen=True, slots=True)
class Matches:
    """The scores of the eligible keys for one cue.

    Attributes:
        keys: Ascending, int64 [n].
        scores: The best inner product of each key, float64 [n]; exact for the best ones, within 3e-5 for the rest.
        best: Positions of the k best in order, ties by key, int64 [min(k, n)].
    """

    keys: Integers
    scores: npt.NDArray[np.float64]
    best: Integers


def scan(
    parts: Sequence[tuple[RosterView, PatternView]],
    cues: Floats,
    k: int,
    *,
    excluded: Iterable[int] = (),
    allowed: Iterable[int] | None = None,
) -> Matches:
    """Score every key and find the k best, exactly.

    One pass in float32 over everything; then every key that the rounding of that pass could have kept from the k
    best, and at least the 200 best, in float64 from the same stored patterns.

    Args:
        parts: Sets of patterns, each with its roster; their keys are distinct.
        cues: The windows of one cue, unit rows, float32 [windows, d].
        k: How many are wanted.
        excluded: Keys that do not take part.
        allowed: The only keys that may take part; None for all.

    Example:
        >>> from am_agent.hopfield.roster import Roster
        >>> roster, patterns = Roster(), PatternSet(dimension=2)
        >>> roster.append([7, 9])
        >>> patterns.append([np.array([[1, 0]], np.float32), np.array([[0, 1]], np.float32)])
        >>> matches = scan([(roster.view(), patterns.view())], np.array([[0.6, 0.8]], np.float32), k=1)
        >>> matches.keys[matches.best].tolist(), matches.scores.round(6).tolist()
        ([9], [0.6, 0.8])
    """
    barred = np.fromiter(excluded, dtype=np.int64)
    only = None if allowed is None else np.fromiter(allowed, dtype=np.int64)
    found = [_eligible(roster, patterns, cues, barred, only) for roster, patterns in parts]
    keys = np.concatenate(
        [roster.keys[places] for (roster, _), (places, _) in zip(parts, found, strict=True)] or [barred[:0]]
    )
    scores = np.concatenate([scored for _, scored in found] or [np.empty(0)])
    if not len(keys):
        return Matches(keys, scores, np.empty(0, dtype=np.int64))
    candidates = _candidates(scores, k, cues.shape[1])
    end = 0
    for (_, patterns), (places, _) in zip(parts, found, strict=True):
        start, end = end, end + len(places)
        own = candidates[(candidates >= start) & (candidates < end)]
        scores[own] = _rescored(patterns, places[own - start], cues)
    by_key = np.argsort(keys, kind="stable")
    keys, scores = keys[by_key], scores[by_key]
    return Matches(keys, scores, np.argsort(-scores, kind="stable")[:k].astype(np.int64))


def _eligible(
    roster: RosterView, patterns: PatternView, cues: Floats, barred: Integers, only: Integers | None
) -> tuple[Integers, npt.NDArray[np.float64]]:
    """Positions of the keys that take part, and their scores in float32."""
    mask = roster.alive.copy()
    if len(barred):
        mask &= ~np.isin(roster.keys, barred)
    if only is not None:
        mask &= np.isin(roster.keys, only)
    places = np.flatnonzero(mask)
    if not len(places):
        return places, np.empty(0)
    scores = (patterns.rows @ cues.T).max(axis=1)
    if len(patterns.rows) != len(patterns.starts):
        scores = np.maximum.reduceat(scores, patterns.starts)
    return places, scores[places].astype(np.float64)


def _candidates(scores: npt.NDArray[np.float64], k: int, dimension: int) -> Integers:
    """Positions that must be rescored for the k best to be exact."""
    wanted = max(k, _RESCORED)
    if len(scores) <= wanted:
        return np.arange(len(scores))
    # |fl(x.y) - x.y| <= d u |x||y| / (1 - d u), u = 2^-24 (Higham 2002, eq. 3.5), in whatever order it is summed.
    unit = dimension * 2.0**-24
    error = 1.01 * unit / (1 - unit)  # 1.01: rounded patterns are not of length one exactly
    partitioned = np.partition(scores, [len(scores) - wanted, len(scores) - k])
    floor = min(partitioned[len(scores) - wanted], partitioned[len(scores) - k] - 2 * error)
    return np.flatnonzero(scores >= floor)


def _rescored(view: PatternView, places: Integers, cues: Floats) -> npt.NDArray[np.float64]:
    """The scores of some places in float64."""
    heights = view.heights()[places]
    offsets = np.cumsum(heights) - heights
    rows = view.rows[_rows_of(view, places)].astype(np.float64)
    # Summed row by row, each in the same order, which a matrix product does not promise: equal patterns must have
    # equal scores to the last bit, or chance and not the order of recording would break their tie.
    scores = np.max([(rows * cue).sum(axis=1) for cue in cues.astype(np.float64)], axis=0)
    best: npt.NDArray[np.float64] = np.maximum.reduceat(scores, offsets) if len(offsets) else scores
    return best


def _rows_of(view: PatternView, places: Integers) -> Integers:
    """The rows of some places, in the order of the places."""
    heights = view.heights()[places]
    offsets = np.cumsum(heights) - heights
    rows: Integers = np.arange(heights.sum()) + np.repeat(view.starts[places] - offsets, heights)
    return rows
