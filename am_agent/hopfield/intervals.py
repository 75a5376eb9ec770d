"""Intervals of whole numbers by place, and which places one of them meets. Knows no unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from am_agent.hopfield.column import Column
from am_agent.hopfield.roster import Booleans, Integers


@dataclass(frozen=True, slots=True)
class IntervalsView:
    """What intervals there were at one moment; later changes leave it as it is.

    Attributes:
        places: Whose interval each is, ascending, int64 [m].
        firsts: Where it begins, int64 [m].
        lasts: Where it ends, inclusive, int64 [m].
        size: How many places there are, with or without an interval.
    """

    places: Integers
    firsts: Integers
    lasts: Integers
    size: int

    def meeting(self, first: int, last: int) -> Booleans:
        """Which places have an interval in common with [first, last], bool [size]."""
        met = np.zeros(self.size, dtype=np.bool_)
        met[self.places[(self.firsts <= last) & (self.lasts >= first)]] = True
        return met

    def compacted(self, kept: Booleans) -> IntervalsView:
        """The places of a mask [size] only, numbered afresh."""
        mine = kept[self.places]
        renumbered: npt.NDArray[np.int64] = np.cumsum(kept) - 1
        size = int(np.count_nonzero(kept))
        return IntervalsView(renumbered[self.places[mine]], self.firsts[mine], self.lasts[mine], size)


class Intervals:
    """Any number of intervals for each place, aligned with a roster. Appending costs O(1) for each, amortised.

    Not safe from several threads, but its views are.

    Example:
        >>> intervals = Intervals()
        >>> intervals.append([[(1990, 1995)], [], [(1994, 1994), (2001, 2004)]])
        >>> intervals.view().meeting(1995, 2001).tolist()
        [True, False, True]
    """

    def __init__(self) -> None:
        self._places = Column(np.dtype(np.int64))
        self._firsts = Column(np.dtype(np.int64))
        self._lasts = Column(np.dtype(np.int64))
        self._size = 0

    @staticmethod
    def of(view: IntervalsView) -> Intervals:
        """What a view shows, as intervals that grow."""
        made = Intervals()
        made._places.append(view.places)
        made._firsts.append(view.firsts)
        made._lasts.append(view.lasts)
        made._size = view.size
        return made

    def append(self, intervals: list[list[tuple[int, int]]]) -> None:
        """Add the places that follow, each with its intervals, both ends inclusive."""
        flat = [pair for each in intervals for pair in each]
        owners = np.repeat(np.arange(len(intervals)), [len(each) for each in intervals]) + self._size
        self._places.append(owners)
        self._firsts.append(np.array([first for first, _ in flat], dtype=np.int64))
        self._lasts.append(np.array([last for _, last in flat], dtype=np.int64))
        self._size += len(intervals)

    def compact(self, kept: Booleans) -> None:
        """Keep the places of a mask [n] only, and number them afresh."""
        found = self.view().compacted(kept)
        self._places.replace(found.places)
        self._firsts.replace(found.firsts)
        self._lasts.replace(found.lasts)
        self._size = found.size

    def view(self) -> IntervalsView:
        """The intervals as they are now, without a copy."""
        return IntervalsView(self._places.view(), self._firsts.view(), self._lasts.view(), self._size)
