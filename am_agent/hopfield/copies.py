"""Patterns that are the same but for rounding, counted once, in an order that is theirs. Arrays only.

The same text has not always the same vector: what else is in the batch changes the last bits. A thousand copies of one
text would fill each other's lists of neighbours, so of copies one stands for all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from am_agent.hopfield.codes import Floats
from am_agent.hopfield.roster import Integers

_STEPS = 128
"""Cells of a component of 1. Rounding crosses a boundary in one of 200 copies, so there are two grids."""

_APART = 1e-4
"""How far copies are from each other at most: a comma more is a thousand times as far, rounding a hundredth."""

_BLOCK = 16_384


@dataclass(frozen=True, slots=True, eq=False)
class Distinct:
    """Which patterns stand for which.

    Attributes:
        leaders: The places of those that stand for others or for themselves alone, in the order of their bytes, which
            is the same in whatever order they came; int64 [m].
        of: Which of them stands for each place, int64 [n].
    """

    leaders: Integers
    of: Integers


def distinct(patterns: Floats) -> Distinct:
    """Patterns without their copies; of identical ones the first place leads.

    Args:
        patterns: float32 [n, d].

    Example:
        >>> found = distinct(np.array([[0, 1], [1, 0], [1e-7, 1]], np.float32))
        >>> sorted(found.leaders.tolist()), (found.of[0] == found.of[2]).item()
        ([0, 1], True)
    """
    order = np.argsort(_words(patterns.view(np.uint8)), kind="stable")
    leaders = order
    lead = np.arange(len(order))
    for shift in (0.5, 0.0):
        stand = _led(patterns, leaders, shift)
        lead = stand[lead]
        kept, lead = np.unique(lead, return_inverse=True)
        leaders = leaders[kept]
    of = np.empty(len(order), np.int64)
    of[order] = lead
    return Distinct(leaders, of)


def _led(patterns: Floats, places: Integers, shift: float) -> Integers:
    """For each of some places, the position of the first one in its cell of a grid, if that is a copy, or its own."""
    cells = np.empty((len(places), patterns.shape[1]), np.int16)
    for start in range(0, len(places), _BLOCK):
        part = slice(start, start + _BLOCK)
        cells[part] = np.floor(patterns[places[part]] * _STEPS + shift)
    _, first, inverse = np.unique(_words(cells.view(np.uint8)), return_index=True, return_inverse=True)
    stand: Integers = first[inverse]
    for place in np.flatnonzero(stand != np.arange(len(places))).tolist():
        apart = patterns[places[place]] - patterns[places[stand[place]]]
        if apart @ apart > _APART**2:
            stand[place] = place
    return stand


def _words(rows: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> np.ndarray[tuple[int, ...], np.dtype[np.void]]:
    """Each row as one value that is compared by its bytes."""
    return np.ascontiguousarray(rows).view(np.dtype((np.void, rows.shape[1]))).ravel()
