"""The pattern that a cue retrieves: all patterns, by their weights. Arrays only; knows no candidates and no bound."""

from __future__ import annotations

import numpy as np

from am_agent.hopfield.codes import Reals
from am_agent.hopfield.partition import Partition
from am_agent.hopfield.patterns import PatternView
from am_agent.hopfield.roster import Integers
from am_agent.hopfield.scan import Matches
from am_agent.hopfield.scope import Scope

_NEGLIGIBLE = 1e-9
"""The share of the greatest weight below which a pattern adds nothing that float32 would show, were there a million."""

_GATHERED = 1 / 16
"""Fewer rows than this share are gathered; of more, to read all in their order is faster: at a low beta ten times."""

_BLOCK = 16_384


def retrieved(scope: Scope, matches: Matches, sums: Partition, beta: float) -> Reals:
    """One Hopfield update of a cue: `sum_i p_i x_i` over all that it may see, p the softmax of beta times the scores.

    Ramsauer et al. 2021, equation 3. Of an episode of several patterns, the first one counts. Patterns are those in
    memory: where that holds codes alone, what the codes stand for, each within its error.

    Args:
        scope: What was scanned.
        matches: The scores.
        sums: Their log-sum-exp at the same beta.
        beta: Inverse temperature, positive.

    Returns:
        float64 [d]; zero where nothing is seen.

    Example:
        >>> from am_agent.hopfield.partition import partition
        >>> from am_agent.hopfield.patterns import PatternSet
        >>> from am_agent.hopfield.roster import Roster
        >>> from am_agent.hopfield.scan import scan
        >>> roster, patterns = Roster(), PatternSet(dimension=2)
        >>> roster.append([7, 9])
        >>> patterns.append(np.eye(2, dtype=np.float32), np.array([1, 1]))
        >>> scope = Scope.of([(roster.view(), patterns.view())])
        >>> matches = scan(scope, np.array([[0.0, 1.0]]), k=1)
        >>> retrieved(scope, matches, partition(scope, matches, beta=2.0), beta=2.0).round(3).tolist()
        [0.119, 0.881]
    """
    total = np.zeros(matches.asked.queries.shape[1])
    if sums.log == -np.inf:
        return total
    floor = float(matches.scores.max()) + np.log(_NEGLIGIBLE) / beta
    for number, patterns in enumerate(scope.patterns):
        first, end = scope.bounds[number : number + 2].tolist()
        scores = matches.scores[first:end]
        weighty = np.flatnonzero(scores >= floor)
        if len(weighty) < len(scores) * _GATHERED:
            weights = np.exp(beta * scores[weighty] - sums.log)
            total += _sum(patterns, patterns.starts[weighty], weights)
        else:
            for start in range(0, len(scores), _BLOCK):
                weights = np.exp(beta * scores[start : start + _BLOCK] - sums.log)
                total += _sum(patterns, _span(patterns, start, len(weights)), weights)
    return total


def _span(patterns: PatternView, start: int, count: int) -> slice | Integers:
    """The first rows of places that follow each other; as a slice, which copies nothing, where there are no others."""
    if len(patterns.starts) == len(patterns):
        return slice(start, start + count)
    return patterns.starts[start : start + count]


def _sum(patterns: PatternView, rows: slice | Integers, weights: Reals) -> Reals:
    if patterns.rows is not None:
        found: Reals = (weights.astype(np.float32) @ patterns.rows[rows]).astype(np.float64)
        return found
    codes = patterns.coded(rows)
    scaled = (weights * codes.scales).astype(np.float32)
    restored: Reals = (scaled @ codes.values.astype(np.float32)).astype(np.float64)
    return restored
