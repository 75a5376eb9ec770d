"""Many cues, scored in one pass over codes. Arrays only; what one cue's scores lead to is left to `scan`."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

import numkong
import numpy as np

from am_agent.hopfield.codes import Probe, Reals
from am_agent.hopfield.patterns import PatternView
from am_agent.hopfield.scan import Matches, Pass, matched
from am_agent.hopfield.scope import Scope

_ROWS = 4096
"""Rows that are multiplied at a time: their sums stay in the cache until they are written to each cue's scores."""

_ROOM = 2**27
"""Bytes of the scores that are made at a time; more cues take another pass."""


def scans(scope: Scope, cues: Sequence[Reals], k: int, *, lead: float = 0.0) -> Iterator[Matches]:
    """What `scan` finds for each cue, to the last bit, from fewer passes over the codes.

    A product of matrices reads the codes once for all of its queries. It is made for so many cues at a time that their
    scores take 128 MiB at most, when the first of them is asked for.

    Args:
        scope: What takes part.
        cues: The windows of each, float64 [windows, d].
        k: How many are wanted of each.
        lead: The share of the first pattern, 0 to 1.

    Yields:
        The matches of each cue, in their order.

    Example:
        >>> from am_agent.hopfield.patterns import PatternSet
        >>> from am_agent.hopfield.roster import Roster
        >>> roster, patterns = Roster(), PatternSet(dimension=2)
        >>> roster.append([7, 9])
        >>> patterns.append(np.eye(2, dtype=np.float32), np.array([1, 1]))
        >>> scope = Scope.of([(roster.view(), patterns.view())])
        >>> cues = [np.array([[0.6, 0.8]]), np.array([[1.0, 0.0]])]
        >>> [each.scores.round(6).tolist() for each in scans(scope, cues, k=1)]
        [[0.6, 0.8], [1.0, 0.0]]
    """
    rows = sum(len(each) for each in scope.patterns)
    room, start = _ROOM // (8 * max(rows, 1)), 0
    while start < len(cues):
        bounds = [0, *accumulate(len(cue) for cue in cues[start:])]
        group = cues[start : start + max(bisect(bounds, room) - 1, 1)]
        spans = list(pairwise(bounds[: len(group) + 1]))
        probe = Probe.of(np.concatenate(group))
        found = [_products(patterns, probe, spans) for patterns in scope.patterns]
        for number, (cue, (first, end)) in enumerate(zip(group, spans, strict=True)):
            asked = Pass.of(cue, probe.rests[first:end], lead, None)
            yield matched(scope, [each[number] for each in found], k, asked)
        del found  # before the next ones are made
        start += len(group)


def _products(patterns: PatternView, probe: Probe, spans: Sequence[tuple[int, int]]) -> list[Reals]:
    """The products of all codes with some queries, [rows, queries] of each span of these."""
    if patterns.mirror is not None or patterns.shared is not None or len(probe.values) == 1:
        found = patterns.products(probe)
        return [np.ascontiguousarray(found[:, first:end]) for first, end in spans]
    codes, packed = patterns.codes, numkong.dots_pack(probe.values)
    apart = [np.empty((len(codes.values), end - first)) for first, end in spans]
    for start in range(0, len(codes.values), _ROWS):
        block = slice(start, start + _ROWS)
        sums, scales = np.asarray(numkong.dots_packed(codes.values[block], packed)), codes.scales[block, None]
        for (first, end), own in zip(spans, apart, strict=True):
            np.multiply(sums[:, first:end], scales * probe.steps[first:end], out=own[block])
    return apart
