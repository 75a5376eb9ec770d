"""What a cue may see: several sets of patterns as one, and the exact scores of some of it. Arrays only.

A key stands for whatever owns one or more patterns; it has one score, whatever their number is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from am_agent.hopfield.codes import Codes, Floats, Reals
from am_agent.hopfield.patterns import PatternView
from am_agent.hopfield.roster import Booleans, Integers, RosterView

S = TypeVar("S", bound=np.generic)

Fetch = Callable[[Integers], Sequence[Floats]]
"""Reads the patterns of some keys, in their order, each [windows, d], from where memory does not hold them."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Several sets of patterns as one: what a cue may see.

    A *position* counts through the places of the first set, then of the second, and so on.

    Attributes:
        patterns: The sets.
        keys: Of every position, int64 [n]; distinct.
        eligible: False for positions that do not take part, bool [n].
        bounds: The first position of each set, and n, int64 [sets + 1].
        fetch: Where the patterns are that no set holds itself.
    """

    patterns: tuple[PatternView, ...]
    keys: Integers
    eligible: Booleans
    bounds: Integers
    fetch: Fetch | None = None

    @staticmethod
    def of(
        parts: Sequence[tuple[RosterView, PatternView]],
        *,
        excluded: Sequence[Integers] = (),
        allowed: Iterable[int] | None = None,
        fetch: Fetch | None = None,
    ) -> Scope:
        """Put sets together.

        Args:
            parts: Sets of patterns, each with its roster; their keys are distinct.
            excluded: The places of each set that do not take part; none where the argument is empty.
            allowed: The only keys that may take part; None for all.
            fetch: Reads the patterns of sets that hold codes only.
        """
        bounds = np.cumsum([0, *(len(roster.keys) for roster, _ in parts)])
        keys = joined([roster.keys for roster, _ in parts], np.int64)
        eligible = joined([roster.alive for roster, _ in parts], np.bool_)
        if any(len(places) for places in excluded) or allowed is not None:
            eligible = eligible.copy()  # that of a single roster is its own
        for first, places in zip(bounds, excluded, strict=False):
            eligible[first + places] = False
        if allowed is not None:
            eligible &= np.isin(keys, np.fromiter(allowed, dtype=np.int64))
        return Scope(tuple(patterns for _, patterns in parts), keys, eligible, bounds, fetch)

    @property
    def grouped(self) -> bool:
        """Whether some of it is in memory as the means of groups."""
        return any(patterns.shared is not None for patterns in self.patterns)

    def coded(self, number: int, places: Integers) -> Codes:
        """The codes of the patterns of some places of a set, in their order; of members of groups, made of these."""
        patterns, first = self.patterns[number], self.bounds[number]
        if patterns.shared is None:
            return patterns.coded(patterns.rows_of(places))
        return Codes.of(_rows(self, number, places, first + places))

    def openings(self, number: int, places: Integers) -> Reals:
        """The first pattern of some places of a set as its code has it, float64 [m, d]."""
        patterns = self.patterns[number]
        if patterns.shared is None:
            return patterns.openings(places)
        return self.coded(number, places)[patterns.offsets_of(places)].restored()

    def split(self, positions: Integers) -> Iterator[tuple[int, Integers, Booleans | slice]]:
        """The set of some positions, their places in it, and which of the positions these are, bool [m] or all."""
        if len(self.patterns) == 1:
            if len(positions):
                yield 0, positions, slice(None)
            return
        for number, (first, end) in enumerate(pairwise(self.bounds.tolist())):
            own = (positions >= first) & (positions < end)
            if own.any():
                yield number, positions[own] - first, own


def rescored(scope: Scope, positions: Integers, queries: Reals, *, lead: float = 0.0) -> Reals:
    """The scores of some positions from their patterns alone (g = 0), in float64 [m]."""
    scores = np.empty(len(positions))
    for number, places, own in scope.split(positions):
        rows = _rows(scope, number, places, positions[own])
        scores[own] = mixed(_exact(rows, queries), scope.patterns[number].offsets_of(places), lead)
    return scores


def closest(scope: Scope, positions: Integers, queries: Reals) -> Floats:
    """Of each position the pattern that has the greatest product with any query, float32 [m, d]."""
    found = np.empty((len(positions), queries.shape[1]), dtype=np.float32)
    for number, places, own in scope.split(positions):
        patterns, rows = scope.patterns[number], _rows(scope, number, places, positions[own])
        greatest = (rows.astype(np.float64) @ queries.T).max(axis=1)
        owners = np.repeat(np.arange(len(places)), patterns.heights_of(places))
        found[own] = rows[np.lexsort((-greatest, owners))[patterns.offsets_of(places)]]
    return found


def _rows(scope: Scope, number: int, places: Integers, positions: Integers) -> Floats:
    """The patterns of some places of a set."""
    patterns = scope.patterns[number]
    if patterns.rows is not None:
        return patterns.rows.take(patterns.rows_of(places), axis=0)
    if scope.fetch is None:
        raise ValueError("these patterns are in memory as codes only; give the scope a `fetch` that reads them")
    none = np.empty((0, patterns.codes.values.shape[1]), dtype=np.float32)
    return np.concatenate([none, *scope.fetch(scope.keys[positions])])


def best(scope: Scope, scores: Reals, positions: Integers, k: int) -> Integers:
    """The k best of some positions, the best first, ties in the order of their keys."""
    found = scores[positions]
    if 0 < k < len(positions):
        above = found >= np.partition(found, len(found) - k)[len(found) - k]
        positions, found = positions[above], found[above]
    order = np.lexsort((scope.keys[positions], -found))
    return positions[order[:k]]


def mixed(found: Reals, starts: Integers, lead: float) -> Reals:
    """The scores of places from the products of their rows with the queries, [rows, w]."""
    if not len(starts):
        return np.empty(0)
    if len(starts) == len(found):  # of one pattern the mixture is the pattern's own score
        return _widest(found)
    greatest = np.maximum.reduceat(found, starts, axis=0)
    if lead:  # and rounding must not make it another
        alone = np.diff(starts, append=len(found))[:, None] == 1
        greatest = np.where(alone, greatest, (1 - lead) * greatest + lead * found[starts])
    return _widest(greatest)


def _widest(found: Reals) -> Reals:
    """The greatest of each row; where there is one only, the rows themselves."""
    greatest: Reals = found[:, 0] if found.shape[1] == 1 else found.max(axis=1)
    return greatest


def _exact(patterns: Floats, queries: Reals) -> Reals:
    """The products of some patterns with some queries in float64, [m, w]."""
    rows = patterns.astype(np.float64)
    # Summed row by row, each in the same order, which a matrix product does not promise: equal patterns must have
    # equal scores to the last bit, or chance and not the order of recording would break their tie.
    found = np.empty((len(rows), len(queries)))
    for number, query in enumerate(queries):
        np.einsum("ij,j->i", rows, query, out=found[:, number])
    return found


def joined(parts: Sequence[npt.NDArray[S]], dtype: type[S]) -> npt.NDArray[S]:
    """The parts as one array, without a copy where there is one only."""
    return parts[0] if len(parts) == 1 else np.concatenate([*parts, np.empty(0, dtype=dtype)])
