"""Everything that a cue may see, scored in one pass over codes, and exactly where it matters. Arrays only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from am_agent.hopfield.codes import Probe, Reals, bound, products, rounding
from am_agent.hopfield.drilldown import drilled
from am_agent.hopfield.patterns import PatternView
from am_agent.hopfield.roster import Integers
from am_agent.hopfield.scope import Scope, joined, mixed, rescored

_RESCORED = 200
"""At least so many of the best are scored exactly: they hold nearly all of the softmax's mass."""

_HEAD = 64
"""Scores of which the greatest is looked at first, where many are to be put aside."""


@dataclass(frozen=True, slots=True)
class Pass:
    """What everything is scored with: `(1 - lead) max_r x_r'y + lead x_1'y + g`, the greatest over the queries y.

    Attributes:
        queries: float64 [w, d].
        rests: What the codes of the queries leave of them, float64 [w, d].
        lead: The share of a place's first pattern.
        others: g, what other fields give to each position, float64 [n]; None for nothing.
        length: Of the longest query.
        rest: Of the longest rest.
        rounding: How far a sum in float64 of what a score is made of can be from another one.
    """

    queries: Reals
    rests: Reals
    lead: float
    others: Reals | None
    length: float
    rest: float
    rounding: float

    @staticmethod
    def of(queries: Reals, rests: Reals, lead: float, others: Reals | None) -> Pass:
        """A pass with such queries."""
        length, rest = _longest(queries), _longest(rests)
        rounded = 0.0 if others is None or not len(others) else max(others.max(), -others.min()) * 2.0**-51
        return Pass(queries, rests, lead, others, length, rest, float(rounded) + rounding(length, queries.shape[1]))

    def exact(self, scope: Scope, positions: Integers) -> Reals:
        """The scores of some positions from their patterns themselves, float64 [m]."""
        return self._with_others(rescored(scope, positions, self.queries, lead=self.lead), positions)

    def finer(self, scope: Scope, positions: Integers) -> Reals:
        """The scores of some positions from the codes of their patterns and all of the queries, float64 [m]."""
        scores = np.empty(len(positions))
        count = len(self.queries)
        probe = Probe.of(np.concatenate([self.queries, self.rests]))
        for number, places, own in scope.split(positions):
            patterns = scope.patterns[number]
            if len(places) > len(patterns.starts) // 4:  # reading everything in its order is faster
                found = patterns.products(probe)
                scores[own] = mixed(found[:, :count] + found[:, count:], patterns.starts, self.lead)[places]
                continue
            found = products(patterns.coded(patterns.rows_of(places)), probe)
            scores[own] = mixed(found[:, :count] + found[:, count:], patterns.offsets_of(places), self.lead)
        return self._with_others(scores, positions)

    def error(self, scope: Scope) -> float:
        """How far the score of any position by codes alone can be from the exact one."""
        return self.rounding + bound(_error(scope), self.length, self.rest, self.queries.shape[1])

    def errors(self, scope: Scope, positions: Integers) -> Reals:
        """The same of each of some positions, float64 [m]."""
        widest = np.empty(len(positions))
        for number, places, own in scope.split(positions):
            patterns = scope.patterns[number]
            errors = patterns.errors[patterns.rows_of(places)]
            widest[own] = np.maximum.reduceat(errors, patterns.offsets_of(places))
        return self.rounding + bound(widest, self.length, self.rest, self.queries.shape[1])

    @property
    def drift(self) -> float:
        """How much, as a rule, leaving out the rests changes a score.

        They are roundings, so the product of one with a pattern varies by its length over the root of d. But they are
        the same for all patterns, and do not average out over those that are alike.
        """
        return self.rest / math.sqrt(self.queries.shape[1])

    def noise(self, scope: Scope) -> float:
        """How much, as a rule, the codes of patterns change a score, each in a direction of its own."""
        return _error(scope) * self.length / math.sqrt(self.queries.shape[1])

    def _with_others(self, scores: Reals, positions: Integers) -> Reals:
        return scores if self.others is None else scores + self.others[positions]


@dataclass(frozen=True, slots=True)
class Matches:
    """The scores of everything that a cue may see.

    Attributes:
        scores: Of every position, float64 [n]; -inf for those that do not take part. Exact for the candidates.
        candidates: Ascending positions; the best ones are among them, int64 [m].
        error: How far the score of any other position can be off.
        ceiling: What the exact score of no other position exceeds; -inf where there is none.
        asked: What the scores were made with.
        slack: The same of each position, float64 [n], where some are in memory as the means of groups: it differs
            widely, is 0 for those that were read, and the best are among these in all likelihood only. None elsewhere.
    """

    scores: Reals
    candidates: Integers
    error: float
    ceiling: float
    asked: Pass
    slack: Reals | None = None


def scan(
    scope: Scope,
    queries: Reals,
    k: int,
    *,
    lead: float = 0.0,
    others: Reals | None = None,
    shown: int | None = None,
) -> Matches:
    """Score every position, and exactly those that may be among the k best.

    The score of a position is `(1 - lead) max_r x_r'y + lead x_1'y + g` with its patterns x_1, x_2, ..., the greatest
    over the queries y: a long text matches as well as its best part does, and its opening says what it is about. One
    pass over the codes of everything; then every position that the error of that pass could have kept from the k
    best, and at least the 200 best, in float64 from the patterns themselves. Where groups are in memory as their means,
    those that are likely to be among the k best; see `drilled`.

    Args:
        scope: What takes part.
        queries: The windows of one cue, or what became of them, float64 [windows, d].
        k: How many are wanted.
        lead: The share of the first pattern, 0 to 1.
        others: g, what other fields give to each position, float64 [n]; None for nothing.
        shown: For how many of the k best it matters most that they are; None for all. It makes a difference where
            groups are in memory as their means.

    Example:
        >>> from am_agent.hopfield.patterns import PatternSet
        >>> from am_agent.hopfield.roster import Roster
        >>> from am_agent.hopfield.scope import best
        >>> roster, patterns = Roster(), PatternSet(dimension=2)
        >>> roster.append([7, 9])
        >>> patterns.append(np.eye(2, dtype=np.float32), np.array([1, 1]))
        >>> scope = Scope.of([(roster.view(), patterns.view())])
        >>> matches = scan(scope, np.array([[0.6, 0.8]]), k=1)
        >>> matches.scores.round(6).tolist(), best(scope, matches.scores, matches.candidates, k=1).tolist()
        ([0.6, 0.8], [1])
    """
    probe = Probe.of(queries)
    asked = Pass.of(queries, probe.rests, lead, others)
    return matched(scope, [each.products(probe) for each in scope.patterns], k, asked, shown)


def matched(scope: Scope, found: Sequence[Reals], k: int, asked: Pass, shown: int | None = None) -> Matches:
    """What `scan` finds, once the codes are multiplied.

    Args:
        scope: What takes part.
        found: The products of the codes of each set with those of the queries, float64 [rows, w]; written over.
        k: How many are wanted.
        asked: The queries.
        shown: See `scan`.
    """
    parts = [mixed(own, patterns.starts, asked.lead) for patterns, own in zip(scope.patterns, found, strict=True)]
    scores = joined(parts, np.float64)
    if asked.others is not None:
        scores += asked.others
    count = int(np.count_nonzero(scope.eligible))
    if count < len(scores):
        scores[~scope.eligible] = -np.inf
    error = asked.error(scope)
    if scope.grouped and asked.length:  # a query that is nothing meets means as it meets their members
        return _drilled(scope, scores, k, asked, k if shown is None else shown)
    candidates, ceiling = _candidates(scope, scores, count, k, asked, error)
    scores[candidates] = asked.exact(scope, candidates)
    return Matches(scores, candidates, error, ceiling, asked)


def _drilled(scope: Scope, scores: Reals, k: int, asked: Pass, shown: int) -> Matches:
    """The same by the means of groups, and what is read of these."""
    slack = asked.errors(scope, np.arange(len(scores)))
    error = float(slack.max(initial=0.0))
    read, exact = drilled(scores, slack, shown, lambda positions: asked.exact(scope, positions))
    scores[read], slack[read] = exact, 0.0
    highest = scores + slack
    highest[read] = -np.inf
    candidates = read
    if len(read) > max(k, _RESCORED):  # as many as there would be with every code in memory
        candidates = read[exact >= _top(exact, max(k, _RESCORED)).min()]
    return Matches(scores, candidates, error, float(highest.max(initial=-np.inf)), asked, slack)


def nearest(scope: Scope, queries: Reals) -> Reals:
    """The greatest product of each query with any pattern that takes part, float64 [w]; -inf where none does."""
    probe = Probe.of(queries)
    greatest = [_greatest(patterns, patterns.products(probe)) for patterns in scope.patterns]
    scores = np.concatenate([*greatest, np.empty((0, len(queries)))])
    scores[~scope.eligible] = -np.inf
    found = np.full(len(queries), -np.inf)
    if scope.grouped and scope.eligible.any():
        return np.array([_likely(scope, *each) for each in zip(scores.T, queries, strict=True)])
    if scope.eligible.any():
        floors = scores.max(axis=0) - 2 * Pass.of(queries, probe.rests, 0.0, None).error(scope)
        for number, query in enumerate(queries):
            open_ = np.flatnonzero(scores[:, number] >= floors[number])
            found[number] = rescored(scope, open_, query[None, :]).max()
    return found


def _likely(scope: Scope, scores: Reals, query: Reals) -> float:
    """The greatest product of a query with those patterns that are the likeliest to have it."""
    best = _top(scores, min(_RESCORED, len(scores)))
    open_ = np.flatnonzero(scores >= best.min(initial=np.inf))
    open_ = open_[scope.eligible[open_]]
    return float(rescored(scope, open_, query[None, :]).max(initial=-np.inf))


def _error(scope: Scope) -> float:
    """The greatest error of a code."""
    return max((each.error for each in scope.patterns), default=0.0)


def _longest(rows: Reals) -> float:
    if len(rows) == 1:
        return math.sqrt(float(rows[0] @ rows[0]))
    return math.sqrt(float(np.einsum("ij,ij->i", rows, rows).max(initial=0.0)))


def _greatest(patterns: PatternView, found: Reals) -> Reals:
    """The greatest product of each place, [n, w]."""
    if len(found) == len(patterns.starts):
        return found
    greatest: Reals = np.maximum.reduceat(found, patterns.starts, axis=0)
    return greatest


def _candidates(scope: Scope, scores: Reals, count: int, k: int, asked: Pass, error: float) -> tuple[Integers, float]:
    """Positions that must be rescored for the k best to be exact, and what no other can reach."""
    wanted = max(k, _RESCORED)
    if count <= wanted:
        return np.flatnonzero(scope.eligible), -math.inf
    top = _top(scores, wanted)
    frequent, kth = top[0], np.partition(top, wanted - k)[wanted - k]
    open_ = np.flatnonzero(scores >= min(frequent, kth - 2 * error))
    # One bound for all has found few; their own ones, which are half as wide, leave fewer.
    own = asked.errors(scope, open_)
    lowest = scores[open_] - own
    threshold = float(np.partition(lowest, len(lowest) - k)[len(lowest) - k])
    kept = (scores[open_] + own >= threshold) | (scores[open_] >= frequent)
    return open_[kept], max(threshold, float(kth) - error)


def _top(scores: Reals, wanted: int) -> Reals:
    """The greatest scores, so many of them, the least one first and the others in no order."""
    heads = len(scores) // _HEAD
    if heads > 2 * wanted:
        # The greatest of each of so many groups are scores, too: no fewer than are wanted lie above the last of theirs.
        greatest = np.maximum.reduce(scores[: heads * _HEAD].reshape(_HEAD, heads), axis=0)
        scores = scores[scores >= np.partition(greatest, heads - wanted)[heads - wanted]]
    # For one place only: numpy is ten times as fast.
    return np.partition(scores, len(scores) - wanted)[len(scores) - wanted :]
