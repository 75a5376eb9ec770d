"""Everything that a cue may see, scored in one pass over codes, and exactly where it matters. Arrays only.

A key stands for whatever owns one or more patterns; it has one score, whatever their number is. Knows no text, time or
SQL.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from am_agent.hopfield.codes import Floats, Probe, Reals, products
from am_agent.hopfield.patterns import PatternView
from am_agent.hopfield.roster import Booleans, Integers, RosterView

S = TypeVar("S", bound=np.generic)

Fetch = Callable[[Integers], Sequence[Floats]]
"""Reads the patterns of some keys, in their order, each [windows, d], from where memory does not hold them."""

_RESCORED = 200
"""At least so many of the best are scored exactly: they hold nearly all of the softmax's mass."""

_SUMMED = 1e-9
"""How far, in nats, the rounding of float64 can carry a log-sum-exp over as many scores as fit into memory."""


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
        keys = _joined([roster.keys for roster, _ in parts], np.int64)
        eligible = _joined([roster.alive for roster, _ in parts], np.bool_)
        if any(len(places) for places in excluded) or allowed is not None:
            eligible = eligible.copy()  # that of a single roster is its own
        for first, places in zip(bounds, excluded, strict=False):
            eligible[first + places] = False
        if allowed is not None:
            eligible &= np.isin(keys, np.fromiter(allowed, dtype=np.int64))
        return Scope(tuple(patterns for _, patterns in parts), keys, eligible, bounds, fetch)

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
        scores: Of every position, float64 [n]; -inf for those that do not take part. Exact for the candidates.
        candidates: Ascending positions; the best ones are among them, int64 [m].
        error: How far the score of any other position can be off.
        ceiling: What the exact score of no other position exceeds; -inf where there is none.
    """

    scores: Reals
    candidates: Integers
    error: float
    ceiling: float


@dataclass(frozen=True, slots=True)
class Partition:
    """The log-sum-exp over all positions, and the interval that it lies in for certain.

    Attributes:
        log: Of the scores as they are known, in nats.
        lowest: The least that it can be, with every score that is not exact as low as it can be.
        highest: The most that it can be.
    """

    log: float
    lowest: float
    highest: float


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
    pass over the codes of everything; then every position that the error of that pass could have kept from the k
    best, and at least the 200 best, in float64 from the patterns themselves.

    Args:
        scope: What takes part.
        queries: The windows of one cue, or what became of them, float64 [windows, d].
        k: How many are wanted.
        lead: The share of the first pattern, 0 to 1.
        others: g, what other fields give to each position, float64 [n]; None for nothing.

    Example:
        >>> from am_agent.hopfield.patterns import PatternSet
        >>> from am_agent.hopfield.roster import Roster
        >>> roster, patterns = Roster(), PatternSet(dimension=2)
        >>> roster.append([7, 9])
        >>> patterns.append([np.array([[1, 0]], np.float32), np.array([[0, 1]], np.float32)])
        >>> scope = Scope.of([(roster.view(), patterns.view())])
        >>> matches = scan(scope, np.array([[0.6, 0.8]]), k=1)
        >>> matches.scores.round(6).tolist(), best(scope, matches.scores, matches.candidates, k=1).tolist()
        ([0.6, 0.8], [1])
    """
    probe = Probe.of(queries)
    scores = _joined([_scored(patterns, probe, lead) for patterns in scope.patterns], np.float64)
    if others is not None:
        scores += others
    count = int(np.count_nonzero(scope.eligible))
    if count < len(scores):
        scores[~scope.eligible] = -np.inf
    error = _error(scope, probe) + _rounding(others)
    candidates, ceiling = _candidates(scope, scores, count, k, probe, error)
    scores[candidates] = rescored(scope, candidates, queries, lead=lead)
    if others is not None:
        scores[candidates] += others[candidates]
    return Matches(scores, candidates, error, ceiling)


def partition(matches: Matches, beta: float) -> Partition:
    """The log-sum-exp of beta times all scores, and its interval (science: every score has a bound, so has their sum).

    Args:
        matches: What a scan found; scores of candidates may have been raised since.
        beta: Inverse temperature, positive.

    Example:
        >>> found = partition(Matches(np.array([1.0, 0.0]), np.array([0]), error=0.1, ceiling=0.1), beta=1.0)
        >>> [round(each, 3) for each in (found.lowest, found.log, found.highest)]
        [1.287, 1.313, 1.342]
    """
    top = float(matches.scores.max(initial=-np.inf))
    if top == -np.inf:
        return Partition(top, top, top)
    masses = np.exp(beta * (matches.scores - top))
    whole, certain = float(masses.sum()), float(masses[matches.candidates].sum())
    offset, rest = beta * top, max(whole - certain, 0.0)
    known = math.log(certain) if certain else -math.inf
    lowest = np.logaddexp(known, math.log(rest) - beta * matches.error) if rest else known
    # Where the rest is too small for a float64, it is still no more than all of it at the ceiling.
    number = len(matches.scores) - len(matches.candidates)
    bounded = beta * (matches.ceiling - top) + math.log(max(number, 1))
    raised = math.log(rest) + beta * matches.error if rest > _SUMMED else bounded
    highest = np.logaddexp(known, min(raised, bounded))
    log = offset + math.log(whole)
    return Partition(log, min(float(lowest) + offset, log) - _SUMMED, max(float(highest) + offset, log) + _SUMMED)


def nearest(scope: Scope, queries: Reals) -> Reals:
    """The greatest product of each query with any pattern that takes part, float64 [w]; -inf where none does."""
    probe = Probe.of(queries)
    greatest = [_greatest(patterns, products(patterns.codes, probe)) for patterns in scope.patterns]
    scores = np.concatenate([*greatest, np.empty((0, len(queries)))])
    scores[~scope.eligible] = -np.inf
    found = np.full(len(queries), -np.inf)
    if scope.eligible.any():
        floors = scores.max(axis=0) - 2 * _error(scope, probe)
        for number, query in enumerate(queries):
            open_ = np.flatnonzero(scores[:, number] >= floors[number])
            found[number] = rescored(scope, open_, query[None, :]).max()
    return found


def rescored(scope: Scope, positions: Integers, queries: Reals, *, lead: float = 0.0) -> Reals:
    """The scores of some positions from their patterns alone (g = 0), in float64 [m]."""
    scores = np.empty(len(positions))
    for number, places, own in scope.split(positions):
        patterns = scope.patterns[number]
        if patterns.rows is not None:
            rows = patterns.rows[patterns.rows_of(places)]
        elif scope.fetch is not None:
            rows = np.concatenate(scope.fetch(scope.keys[positions[own]]))
        else:
            raise ValueError("these patterns are in memory as codes only; give the scope a `fetch` that reads them")
        scores[own] = _exact(patterns.heights_of(places), rows, queries, lead)
    return scores


def best(scope: Scope, scores: Reals, positions: Integers, k: int) -> Integers:
    """The k best of some positions, the best first, ties in the order of their keys."""
    order = np.lexsort((scope.keys[positions], -scores[positions]))
    return positions[order[:k]]


def _scored(patterns: PatternView, probe: Probe, lead: float) -> Reals:
    """The score of every place by its codes."""
    if not len(patterns.starts):
        return np.empty(0)
    found = products(patterns.codes, probe)
    if len(found) != len(patterns.starts):
        greatest = _greatest(patterns, found)
        found = (1 - lead) * greatest + lead * found[patterns.starts] if lead else greatest
    scores: Reals = found[:, 0] if found.shape[1] == 1 else found.max(axis=1)
    return scores


def _greatest(patterns: PatternView, found: Reals) -> Reals:
    """The greatest product of each place, [n, w]."""
    if len(found) == len(patterns.starts):
        return found
    greatest: Reals = np.maximum.reduceat(found, patterns.starts, axis=0)
    return greatest


def _error(scope: Scope, probe: Probe) -> float:
    """How far the score of any position can be from the exact one."""
    widest = max((float(each.codes.errors.max(initial=0.0)) for each in scope.patterns), default=0.0)
    return float(probe.bounds(np.array([widest])).max(initial=0.0))


def _rounding(others: Reals | None) -> float:
    """What adding other fields can round."""
    return 0.0 if others is None or not len(others) else float(np.abs(others).max()) * 2.0**-51


def _bounds(scope: Scope, positions: Integers, probe: Probe) -> Reals:
    """How far the score of each of some positions can be from the exact one, float64 [m]."""
    bounds = np.empty(len(positions))
    for number, places, own in scope.split(positions):
        patterns = scope.patterns[number]
        heights = patterns.heights_of(places)
        errors = patterns.codes.errors[patterns.rows_of(places)]
        bounds[own] = probe.bounds(np.maximum.reduceat(errors, np.cumsum(heights) - heights)).max(axis=1)
    return bounds


def _candidates(scope: Scope, scores: Reals, count: int, k: int, probe: Probe, error: float) -> tuple[Integers, float]:
    """Positions that must be rescored for the k best to be exact, and what no other can reach."""
    wanted = max(k, _RESCORED)
    if count <= wanted:
        return np.flatnonzero(scope.eligible), -math.inf
    partitioned = np.partition(scores, [len(scores) - wanted, len(scores) - k])
    frequent, kth = partitioned[len(scores) - wanted], partitioned[len(scores) - k]
    open_ = np.flatnonzero(scores >= min(frequent, kth - 2 * error))
    # One bound for all has found few; their own ones, which are half as wide, leave fewer.
    bounds = _bounds(scope, open_, probe) + (error - _error(scope, probe))
    lowest = scores[open_] - bounds
    threshold = float(np.partition(lowest, len(lowest) - k)[len(lowest) - k])
    kept = (scores[open_] + bounds >= threshold) | (scores[open_] >= frequent)
    return open_[kept], max(threshold, float(kth) - error)


def _exact(heights: Integers, patterns: Floats, queries: Reals, lead: float) -> Reals:
    """The scores in float64 of places with so many patterns each."""
    offsets = np.cumsum(heights) - heights
    rows = patterns.astype(np.float64)
    # Summed row by row, each in the same order, which a matrix product does not promise: equal patterns must have
    # equal scores to the last bit, or chance and not the order of recording would break their tie.
    found = np.stack([(rows * query).sum(axis=1) for query in queries], axis=1)
    greatest = np.maximum.reduceat(found, offsets, axis=0)
    # Of one pattern the mixture is the pattern's own score, and rounding must not make it another.
    mixed = np.where(heights[:, None] > 1, (1 - lead) * greatest + lead * found[offsets], greatest)
    scores: Reals = mixed.max(axis=1)
    return scores


def _joined(parts: Sequence[npt.NDArray[S]], dtype: type[S]) -> npt.NDArray[S]:
    """The parts as one array, without a copy where there is one only."""
    return parts[0] if len(parts) == 1 else np.concatenate([*parts, np.empty(0, dtype=dtype)])
