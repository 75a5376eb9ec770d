"""Patterns in memory, and the exact scores of whoever owns them. Arrays only; knows no text, time or SQL.

A key stands for whatever owns one or more patterns; it has one score, whatever their number is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from am_agent.hopfield.column import Column
from am_agent.hopfield.metric import Moments
from am_agent.hopfield.roster import Booleans, Integers, RosterView

Floats = npt.NDArray[np.float32]
Reals = npt.NDArray[np.float64]
S = TypeVar("S", bound=np.generic)

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
        return self.rows[_rows_of(self, np.array([place]))]

    def heights(self) -> Integers:
        """How many patterns each place has, int64 [n]."""
        return np.diff(self.starts, append=len(self.rows))

    def heights_of(self, places: Integers) -> Integers:
        """How many patterns some places have, int64 [m]."""
        following = np.minimum(places + 1, len(self.starts) - 1)
        ends = np.where(places + 1 < len(self.starts), self.starts[following], len(self.rows))
        return np.asarray(ends - self.starts[places], dtype=np.int64)

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
class Scope:
    """Several sets of patterns as one: what a cue may see.

    A *position* counts through the places of the first set, then of the second, and so on.

    Attributes:
        patterns: The sets.
        keys: Of every position, int64 [n]; distinct.
        eligible: False for positions that do not take part, bool [n].
        bounds: The first position of each set, and n, int64 [sets + 1].
    """

    patterns: tuple[PatternView, ...]
    keys: Integers
    eligible: Booleans
    bounds: Integers

    @staticmethod
    def of(
        parts: Sequence[tuple[RosterView, PatternView]],
        *,
        excluded: Sequence[Integers] = (),
        allowed: Iterable[int] | None = None,
    ) -> Scope:
        """Put sets together.

        Args:
            parts: Sets of patterns, each with its roster; their keys are distinct.
            excluded: The places of each set that do not take part; none where the argument is empty.
            allowed: The only keys that may take part; None for all.
        """
        bounds = np.cumsum([0, *(len(roster.keys) for roster, _ in parts)])
        keys = _joined([roster.keys for roster, _ in parts], np.int64)
        eligible = _joined([roster.alive for roster, _ in parts], np.bool_)
        if any(len(places) for places in excluded) or allowed is not None:
            eligible = eligible.copy()  # that of a single roster is its own
        for first, places in zip(bounds, excluded, strict=False):
            eligible[first + places] = False
        if allowed is not None:
            eligible &= np.isin(keys, np.fromiter(allowed, dtype=np.int64))
        return Scope(tuple(patterns for _, patterns in parts), keys, eligible, bounds)

    def split(self, positions: Integers) -> Iterator[tuple[int, Integers, Booleans]]:
        """The set of some positions, their places in it, and which of the positions these are, bool [m]."""
        for number, (first, end) in enumerate(pairwise(self.bounds.tolist())):
            own = (positions >= first) & (positions < end)
            if own.any():
                yield number, positions[own] - first, own


@dataclass(frozen=True, slots=True)
class Matches:
    """The scores of everything that a cue may see.

    Attributes:
        scores: Of every position, float64 [n]; -inf for those that do not take part. Exact for the candidates, within
            the rounding of float32 for the rest.
        candidates: Ascending positions; the best ones are among them, int64 [m].
    """

    scores: Reals
    candidates: Integers


def scan(
    scope: Scope,
    queries: Reals,
    k: int,
    *,
    lead: float = 0.0,
    others: Reals | None = None,
) -> Matches:
    """Score every position, and exactly those that may be among the k best.

    The score of a position is `(1 - lead) max_r x_r'y + lead x_1'y + g` with its patterns x_1, x_2, ..., the greatest
    over the queries y: a long text matches as well as its best part does, and its opening says what it is about. One
    pass in float32 over everything; then every position that the rounding of that pass could have kept from the k
    best, and at least the 200 best, in float64 from the same stored patterns.

    Args:
        scope: What takes part.
        queries: The windows of one cue, or what became of them, float64 [windows, d].
        k: How many are wanted.
        lead: The share of the first pattern, 0 to 1.
        others: g, what other fields give to each position, float64 [n]; None for nothing.

    Example:
        >>> from am_agent.hopfield.roster import Roster
        >>> roster, patterns = Roster(), PatternSet(dimension=2)
        >>> roster.append([7, 9])
        >>> patterns.append([np.array([[1, 0]], np.float32), np.array([[0, 1]], np.float32)])
        >>> scope = Scope.of([(roster.view(), patterns.view())])
        >>> matches = scan(scope, np.array([[0.6, 0.8]]), k=1)
        >>> matches.scores.round(6).tolist(), best(scope, matches.scores, matches.candidates, k=1).tolist()
        ([0.6, 0.8], [1])
    """
    scores = _joined([_scanned(patterns, queries, lead) for patterns in scope.patterns], np.float64)
    if others is not None:
        scores += others
    scores[~scope.eligible] = -np.inf
    candidates = _candidates(scores, int(np.count_nonzero(scope.eligible)), k, _rounding(queries))
    scores[candidates] = rescored(scope, candidates, queries, lead=lead)
    if others is not None:
        scores[candidates] += others[candidates]
    return Matches(scores, candidates)


def rescored(scope: Scope, positions: Integers, queries: Reals, *, lead: float = 0.0) -> Reals:
    """The scores of some positions from their patterns alone (g = 0), in float64 [m]."""
    scores = np.empty(len(positions))
    for number, places, own in scope.split(positions):
        scores[own] = _exact(scope.patterns[number], places, queries, lead)
    return scores


def best(scope: Scope, scores: Reals, positions: Integers, k: int) -> Integers:
    """The k best of some positions, the best first, ties in the order of their keys."""
    order = np.lexsort((scope.keys[positions], -scores[positions]))
    return positions[order[:k]]


def _scanned(patterns: PatternView, queries: Reals, lead: float) -> Reals:
    """The score of every place in float32, which is read as float64 from here on."""
    if not len(patterns.starts):
        return np.empty(0)
    products = patterns.rows @ queries.T.astype(np.float32)
    if len(patterns.rows) != len(patterns.starts):
        greatest = np.maximum.reduceat(products, patterns.starts, axis=0)
        products = (1 - lead) * greatest + lead * products[patterns.starts] if lead else greatest
    scores: Reals = (products[:, 0] if products.shape[1] == 1 else products.max(axis=1)).astype(np.float64)
    return scores


def _rounding(queries: Reals) -> float:
    """How far a score of the pass in float32 can be from the exact one."""
    # |fl(x.y) - x.y| <= d u |x||y| / (1 - d u), u = 2^-24 (Higham 2002, eq. 3.5), in whatever order it is summed; to
    # d, 4 are added for rounding y itself and for the sum with the opening.
    unit = (queries.shape[1] + 4) * 2.0**-24
    # 1.01: rounded patterns are not of length one exactly
    longest = float(np.sqrt((queries**2).sum(axis=1)).max(initial=0.0))
    bound: float = 1.01 * unit / (1 - unit) * longest
    return bound


def _candidates(scores: Reals, eligible: int, k: int, error: float) -> Integers:
    """Positions that must be rescored for the k best to be exact."""
    wanted = max(k, _RESCORED)
    if eligible <= wanted:
        return np.flatnonzero(scores > -np.inf)
    partitioned = np.partition(scores, [len(scores) - wanted, len(scores) - k])
    floor = min(partitioned[len(scores) - wanted], partitioned[len(scores) - k] - 2 * error)
    return np.flatnonzero(scores >= floor)


def _exact(view: PatternView, places: Integers, queries: Reals, lead: float) -> Reals:
    """The scores of some places in float64."""
    heights = view.heights_of(places)
    offsets = np.cumsum(heights) - heights
    rows = view.rows[_rows_of(view, places)].astype(np.float64)
    # Summed row by row, each in the same order, which a matrix product does not promise: equal patterns must have
    # equal scores to the last bit, or chance and not the order of recording would break their tie.
    products = np.stack([(rows * query).sum(axis=1) for query in queries], axis=1)
    greatest = np.maximum.reduceat(products, offsets, axis=0)
    # Of one pattern the mixture is the pattern's own score, and rounding must not make it another.
    mixed = np.where(heights[:, None] > 1, (1 - lead) * greatest + lead * products[offsets], greatest)
    scores: Reals = mixed.max(axis=1)
    return scores


def _rows_of(view: PatternView, places: Integers) -> Integers:
    """The rows of some places, in the order of the places."""
    heights = view.heights_of(places)
    offsets = np.cumsum(heights) - heights
    rows: Integers = np.arange(heights.sum()) + np.repeat(view.starts[places] - offsets, heights)
    return rows


def _joined(parts: Sequence[npt.NDArray[S]], dtype: type[S]) -> npt.NDArray[S]:
    """The parts as one array, without a copy where there is one only."""
    return parts[0] if len(parts) == 1 else np.concatenate([*parts, np.empty(0, dtype=dtype)])
