"""Patterns in memory, and the exact best match of each key. Arrays only; knows no text, time or SQL.

A key stands for whatever owns one or more patterns. Its score is the maximum over them, and over the windows of the
cue: a long text matches as well as its best part does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from am_agent.hopfield.metric import Moments

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
S = TypeVar("S", bound=np.generic)

_RESCORED = 200
"""At least so many of the best are scored in float64: they hold nearly all of the softmax's mass."""


@dataclass(frozen=True, slots=True)
class View:
    """What a set of patterns was at one moment; later changes to the set leave it as it is.

    Attributes:
        keys: Ascending, int64 [n].
        starts: The first row of each key, int64 [n].
        alive: False for keys that were discarded, bool [n].
        rows: The patterns, unit rows, float32 [rows, d].
    """

    keys: Integers
    starts: Integers
    alive: npt.NDArray[np.bool_]
    rows: Floats


class PatternSet:
    """A growing matrix of patterns by key. Appending costs O(d), discarding O(n) bytes and no copy of a pattern.

    Not safe from several threads, but its views are.
    """

    def __init__(self, dimension: int) -> None:
        self._keys: Integers = np.empty(0, dtype=np.int64)
        self._starts: Integers = np.empty(0, dtype=np.int64)
        self._alive: npt.NDArray[np.bool_] = np.empty(0, dtype=np.bool_)
        self._rows: Floats = np.empty((0, dimension), dtype=np.float32)
        self._size = 0  # keys in use, dead or alive; the arrays beyond are room to grow
        self._height = 0  # rows in use
        self._moments = Moments.of(self._rows)

    @property
    def moments(self) -> Moments:
        """Of the patterns of all keys that were not discarded."""
        return self._moments

    def append(self, keys: Sequence[int], patterns: Sequence[Floats]) -> None:
        """Add keys, each with its patterns [windows, d].

        Args:
            keys: Ascending, and above every key that was ever appended: the order of recording.
            patterns: As many as keys.

        Raises:
            ValueError: A key that is not above the one before.
        """
        if not keys:
            return
        last = int(self._keys[self._size - 1]) if self._size else -1
        if any(after <= before for before, after in zip([last, *keys], keys, strict=False)):
            raise ValueError(f"keys must ascend and lie above {last}, the newest; got {list(keys)[:5]}")
        heights = np.array([len(each) for each in patterns], dtype=np.int64)
        rows = np.concatenate(patterns).astype(np.float32, copy=False)
        size, height = self._size + len(keys), self._height + len(rows)
        self._keys = _grown(self._keys, self._size, size)
        self._starts = _grown(self._starts, self._size, size)
        self._alive = _grown(self._alive, self._size, size)
        self._rows = _grown(self._rows, self._height, height)
        self._keys[self._size : size] = keys
        self._starts[self._size : size] = self._height + np.cumsum(heights) - heights
        self._alive[self._size : size] = True
        self._rows[self._height : height] = rows
        self._size, self._height = size, height
        self._moments = self._moments + Moments.of(rows)

    def discard(self, keys: Iterable[int]) -> None:
        """Forget keys; unknown ones are ignored."""
        view = self.view()
        wanted = np.fromiter(keys, dtype=np.int64)
        places = np.searchsorted(view.keys, wanted)
        known = places < self._size
        known[known] = view.keys[places[known]] == wanted[known]
        gone = np.zeros(self._size, dtype=np.bool_)
        gone[places[known]] = True
        gone &= view.alive
        if not gone.any():
            return
        self._moments = self._moments - Moments.of(view.rows[_row_mask(view, gone)])
        # Replaced, never written in place: views that were handed out keep what they saw.
        alive = view.alive & ~gone
        self._alive = alive
        if alive.sum() * 4 < alive.size * 3:
            self._compact(view, alive)

    def view(self) -> View:
        """The set as it is now, without a copy."""
        return View(
            self._keys[: self._size],
            self._starts[: self._size],
            self._alive[: self._size],
            self._rows[: self._height],
        )

    def _compact(self, view: View, alive: npt.NDArray[np.bool_]) -> None:
        heights = _heights(view)[alive]
        self._rows = view.rows[_row_mask(view, alive)]
        self._keys = view.keys[alive]
        self._starts = np.cumsum(heights) - heights
        self._alive = np.ones(len(self._keys), dtype=np.bool_)
        self._size, self._height = len(self._keys), len(self._rows)


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
    views: Sequence[View],
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
        views: One or more sets of patterns with distinct keys.
        cues: The windows of one cue, unit rows, float32 [windows, d].
        k: How many are wanted.
        excluded: Keys that do not take part.
        allowed: The only keys that may take part; None for all.

    Example:
        >>> patterns = PatternSet(dimension=2)
        >>> patterns.append([7, 9], [np.array([[1, 0]], np.float32), np.array([[0, 1]], np.float32)])
        >>> matches = scan([patterns.view()], np.array([[0.6, 0.8]], np.float32), k=1)
        >>> matches.keys[matches.best].tolist(), matches.scores.round(6).tolist()
        ([9], [0.6, 0.8])
    """
    barred = np.fromiter(excluded, dtype=np.int64)
    only = None if allowed is None else np.fromiter(allowed, dtype=np.int64)
    parts = [_eligible(view, cues, barred, only) for view in views]
    keys = np.concatenate([view.keys[places] for view, (places, _) in zip(views, parts, strict=True)] or [barred[:0]])
    scores = np.concatenate([found for _, found in parts] or [np.empty(0)])
    if not len(keys):
        return Matches(keys, scores, np.empty(0, dtype=np.int64))
    candidates = _candidates(scores, k, cues.shape[1])
    end = 0
    for view, (places, _) in zip(views, parts, strict=True):
        start, end = end, end + len(places)
        own = candidates[(candidates >= start) & (candidates < end)]
        scores[own] = _rescored(view, places[own - start], cues)
    by_key = np.argsort(keys, kind="stable")
    keys, scores = keys[by_key], scores[by_key]
    return Matches(keys, scores, np.argsort(-scores, kind="stable")[:k].astype(np.int64))


def _eligible(
    view: View, cues: Floats, barred: Integers, only: Integers | None
) -> tuple[Integers, npt.NDArray[np.float64]]:
    """Positions of the keys that take part, and their scores in float32."""
    mask = view.alive.copy()
    if len(barred):
        mask &= ~np.isin(view.keys, barred)
    if only is not None:
        mask &= np.isin(view.keys, only)
    places = np.flatnonzero(mask)
    if not len(places):
        return places, np.empty(0)
    scores = (view.rows @ cues.T).max(axis=1)
    if len(view.rows) != len(view.keys):
        scores = np.maximum.reduceat(scores, view.starts)
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


def _rescored(view: View, places: Integers, cues: Floats) -> npt.NDArray[np.float64]:
    """The scores of some keys in float64."""
    heights = _heights(view)[places]
    offsets = np.cumsum(heights) - heights
    index = np.arange(heights.sum()) + np.repeat(view.starts[places] - offsets, heights)
    rows = view.rows[index].astype(np.float64)
    # Summed row by row, each in the same order, which a matrix product does not promise: equal patterns must have
    # equal scores to the last bit, or chance and not the order of recording would break their tie.
    scores = np.max([(rows * cue).sum(axis=1) for cue in cues.astype(np.float64)], axis=0)
    best: npt.NDArray[np.float64] = np.maximum.reduceat(scores, offsets) if len(offsets) else scores
    return best


def _heights(view: View) -> Integers:
    return np.diff(view.starts, append=len(view.rows))


def _row_mask(view: View, keys: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    return np.repeat(keys, _heights(view))


def _grown(array: npt.NDArray[S], used: int, wanted: int) -> npt.NDArray[S]:
    """The array with room for `wanted` entries, twice as much as before when it has to move."""
    if wanted <= len(array):
        return array
    grown = np.empty((max(wanted, 2 * len(array), 64), *array.shape[1:]), dtype=array.dtype)
    grown[:used] = array[:used]
    return grown
