"""The log-sum-exp over everything that a cue may see, and the interval that it lies in for certain. Arrays only."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from am_agent.hopfield.codes import Reals
from am_agent.hopfield.scan import Matches
from am_agent.hopfield.scope import Scope

_BLOCK = 65_536

_PRECISE = 4e-5
"""How far a weight may be off for a reason that can be helped."""

_SURE = 3
"""Deviations that are allowed for."""

_MOST = 4096
"""Positions that are scored exactly for the sake of the weights alone."""

_SUMMED = 1e-9
"""How far, in nats, the rounding of float64 can carry a log-sum-exp over as many scores as fit into memory."""


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


def partition(scope: Scope, matches: Matches, beta: float) -> Partition:
    """The log-sum-exp of beta times all scores, and the interval that it lies in for certain.

    Each score is known up to an error, so the sum is, too. Within the interval it is told so precisely that, as a rule,
    no weight is off by 1e-4: see `_refine`.

    Args:
        scope: What was scanned.
        matches: What the scan found; scores of candidates may have been raised since.
        beta: Inverse temperature, positive.

    Returns:
        The sum; on the way, scores that matter to it have become more precise, those of no candidate exact.

    Example:
        >>> from am_agent.hopfield.patterns import PatternSet
        >>> from am_agent.hopfield.roster import Roster
        >>> from am_agent.hopfield.scan import scan
        >>> roster, patterns = Roster(), PatternSet(dimension=2)
        >>> roster.append([7, 9])
        >>> patterns.append(np.eye(2, dtype=np.float32), np.array([1, 1]))
        >>> scope = Scope.of([(roster.view(), patterns.view())])
        >>> round(partition(scope, scan(scope, np.array([[0.0, 1.0]]), k=1), beta=1.0).log, 6)
        1.313262
    """
    exact = matches.scores[matches.candidates]
    top = float(exact.max(initial=-np.inf))  # of all, but for an error: what masses are told in
    if top == -np.inf:
        return Partition(top, top, top)
    certain = _mass(exact, beta, top)
    if matches.slack is not None:
        return _loose(matches, matches.slack, beta, top, certain)
    whole = _refine(scope, matches, beta, top, certain)
    number = len(matches.scores) - len(matches.candidates)
    rest = max(whole - certain, 0.0) if number else 0.0
    known = math.log(certain) if certain else -math.inf
    lowest = np.logaddexp(known, math.log(rest) - beta * matches.error) if rest else known
    # Where the rest is too small for a float64, it is still no more than all of it at the ceiling.
    bounded = beta * (matches.ceiling - top) + math.log(max(number, 1))
    raised = math.log(rest) + beta * matches.error if rest > _SUMMED else bounded
    highest = np.logaddexp(known, min(raised, bounded))
    log = beta * top + math.log(whole)
    # What float64 rounds: the sum, the greatest term, and the exact scores themselves.
    slack = _SUMMED + abs(beta * top) * 2.0**-50 + beta * matches.asked.rounding
    return Partition(log, min(beta * top + float(lowest), log) - slack, max(beta * top + float(highest), log) + slack)


def _loose(matches: Matches, slack: Reals, beta: float, top: float, certain: float) -> Partition:
    """The same where scores can be off by much, each by another amount, and what would help has been read."""
    others = matches.scores > -np.inf
    others[matches.candidates] = False
    scores, slack = matches.scores[others], slack[others]
    whole = certain + _mass(scores, beta, top)
    lowest, highest = math.log(certain + _mass(scores - slack, beta, top)), math.log(certain)
    if len(scores):
        raised = beta * (scores + slack - top)
        highest = float(np.logaddexp(highest, raised.max() + math.log(np.exp(raised - raised.max()).sum())))
    rounded = _SUMMED + abs(beta * top) * 2.0**-50 + beta * matches.asked.rounding
    return Partition(beta * top + math.log(whole), beta * top + lowest - rounded, beta * top + highest + rounded)


def _refine(scope: Scope, matches: Matches, beta: float, top: float, certain: float) -> float:
    """Make the scores that matter to the sum of all masses more precise, in place; returns that sum.

    What may be off in the sum is off in the greatest weight, times that. Two things are, for all but the candidates,
    whose masses are certain:

    The codes of the queries leave a rest, whose product with what is alike is alike. It is added to every score but
    those that together have too little mass.

    The codes of the patterns are off, each in a direction of its own. It averages out over many small masses and not
    over a few large ones: whatever is heavier than that allows is scored exactly.
    """
    scores, whole = matches.scores, _mass(matches.scores, beta, top)
    noise = min(1.0, _SURE * beta * matches.asked.noise(scope))
    # As a rule the first is the greater one. Of a query that is its own code nothing is left, and the other stays.
    drift = max(min(1.0, _SURE * beta * matches.asked.drift), noise / 2)
    if (whole - certain) * drift <= _PRECISE * whole**2:
        return whole
    # All those below the floor together have at most half of what may be left, however many they are.
    allowed = _PRECISE * whole**2 / drift
    above = scores >= top + math.log(allowed / 2 / len(scores)) / beta
    above[matches.candidates] = False
    heavy = np.flatnonzero(above)
    masses = np.exp(beta * (scores[heavy] - top))
    kept = masses >= _floor(masses, allowed / 2)
    heavy, masses = heavy[kept], masses[kept]
    whole -= float(masses.sum())
    scores[heavy] = matches.asked.finer(scope, heavy)
    spread = _PRECISE * whole**2 / noise
    heaviest = np.flatnonzero(masses**2 >= _floor(masses**2, spread**2))
    if len(heaviest) > _MOST:
        heaviest = heaviest[np.argpartition(-masses[heaviest], _MOST)[:_MOST]]
    scores[heavy[heaviest]] = matches.asked.exact(scope, heavy[heaviest])
    return whole + _mass(scores[heavy], beta, top)


def _floor(masses: Reals, left: float) -> float:
    """A mass such that all below it have at most so much together."""
    ordered = np.sort(masses)
    first = int(np.searchsorted(np.cumsum(ordered), left, side="right"))
    return float(ordered[first]) if first < len(ordered) else math.inf


def _mass(scores: Reals, beta: float, top: float) -> float:
    """The sum of exp(beta (s - top)), block by block: what is made on the way stays in the cache."""
    total, room = 0.0, np.empty(min(len(scores), _BLOCK))
    for start in range(0, len(scores), _BLOCK):
        block = scores[start : start + _BLOCK]
        masses = np.subtract(block, top, out=room[: len(block)])
        masses *= beta
        total += float(np.exp(masses, out=masses).sum())
    return total
