"""What lies next to what: the chain of each session, by place. Arrays only; knows neither times nor what a session is.

A *place* is a position in the order of recording. A session is a number, and its places form a chain in the order of
(time, first, place), where `first` tells which of two equal times came first, and stays what it was when a place is
replaced by a newer one: the newer one then lies beside the older.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from am_agent.hopfield.column import Column
from am_agent.hopfield.roster import Booleans, Integers

Links = npt.NDArray[np.int32]

_NONE = -1


@dataclass(frozen=True, slots=True)
class ChainView:
    """What the chains were at one moment; later changes to the chains leave it as it is.

    A link to a place that is not in the view was made later, and is none.

    Attributes:
        prev: The place before each in its session, int32 [n]; -1 for none.
        next: The place after each in its session, int32 [n]; -1 for none, n or more for one that came later.
    """

    prev: Links
    next: Links

    def neighbours(self, places: Integers, alive: Booleans, reach: int) -> Links:
        """The nearest living places before and after some places, in their sessions.

        Args:
            places: Places of the view, dead or alive, int [m].
            alive: The places that count, bool [n]; the others are stepped over, and add nothing to a distance.
            reach: How far to go, at least 1.

        Returns:
            int32 [m, 2 * reach]: first those before, at distance 1 to reach, then those after; -1 for none.

        Example:
            >>> chains = Chains()
            >>> chains.append([0, 0, 0, 0], [10, 20, 30, 40], [0, 1, 2, 3])
            >>> alive = np.array([True, False, True, True])
            >>> chains.view().neighbours(np.array([2]), alive, reach=2)
            array([[ 0, -1,  3, -1]], dtype=int32)
        """
        found = np.full((len(places), 2 * reach), _NONE, dtype=np.int32)
        for side, links in enumerate((self.prev, self.next)):
            at = np.asarray(places, dtype=np.int32)
            for distance in range(reach):
                at = _step(links, at, alive)
                found[:, side * reach + distance] = at
        return found


class Chains:
    """Sessions as doubly linked lists over places, aligned with a roster.

    A place at the end of its session costs O(1), amortised, one that belongs in the middle O(n) bytes, once in a batch.
    Places that die stay in their chains until `compact`: walking steps over them.

    Not safe from several threads, but its views are.
    """

    def __init__(self) -> None:
        self._prev = Column(np.dtype(np.int32))
        self._next = Column(np.dtype(np.int32))
        self._sessions = Column(np.dtype(np.int32))
        self._times = Column(np.dtype(np.int64))
        self._firsts = Column(np.dtype(np.int64))
        self._tails = Column(np.dtype(np.int32))  # the last place of each session, by its number; in no view

    def append(self, sessions: npt.ArrayLike, times: npt.ArrayLike, firsts: npt.ArrayLike) -> None:
        """Add the places that follow, each into the chain of its session.

        Args:
            sessions: Small numbers, int [m]; -1 for a place without a session, which has no neighbours.
            times: What orders a session, int [m].
            firsts: What orders equal times, int [m].
        """
        size = len(self._sessions)
        self._sessions.append(sessions)
        self._times.append(times)
        self._firsts.append(firsts)
        added = len(self._sessions) - size
        self._prev.append(np.full(added, _NONE, dtype=np.int32))
        self._next.append(np.full(added, _NONE, dtype=np.int32))
        self._link(np.arange(size, size + added))

    def compact(self, kept: Booleans) -> None:
        """Keep the places of a mask [n] only, and number them afresh."""
        self._sessions.replace(self._sessions.view()[kept])
        self._times.replace(self._times.view()[kept])
        self._firsts.replace(self._firsts.view()[kept])
        for links in (self._prev, self._next):
            links.replace(np.full(len(self._sessions), _NONE, dtype=np.int32))
        self._tails.replace(np.full(len(self._tails), _NONE, dtype=np.int32))
        self._link(np.arange(len(self._sessions)))

    @property
    def firsts(self) -> Integers:
        """What orders equal times, int64 [n]."""
        return self._firsts.view()

    def view(self) -> ChainView:
        """The chains as they are now, without a copy."""
        return ChainView(self._prev.view(), self._next.view())

    def _link(self, places: Integers) -> None:
        """Put places that have no neighbours yet into their chains."""
        places = self._ordered(places)
        if not len(places):
            return
        sessions = self._sessions.view()
        newest = int(sessions[places[-1]])
        if newest >= len(self._tails):
            self._tails.append(np.full(newest + 1 - len(self._tails), _NONE, dtype=np.int32))
        heads = places[_starts(sessions[places])]
        tails = self._tails.view()[sessions[heads]].astype(np.int64)
        behind = tails != _NONE
        early = behind.copy()
        early[behind] = self._before(heads[behind], tails[behind])
        if early.any():
            self._relink(sessions[heads[early]])
            late = np.isin(sessions[places], sessions[heads[early]], invert=True)
            places, heads, tails, behind = places[late], heads[~early], tails[~early], behind[~early]
        # In place: where a tail had no link, a view that was handed out reads one beyond its end, which is none.
        self._chain(places)
        self._prev.view()[heads[behind]] = tails[behind]
        self._next.view()[tails[behind]] = heads[behind]

    def _relink(self, touched: Links) -> None:
        """Chain some sessions afresh, in new arrays: views that were handed out keep the old ones."""
        self._prev.replace(self._prev.view().copy())
        self._next.replace(self._next.view().copy())
        self._chain(self._ordered(np.flatnonzero(np.isin(self._sessions.view(), touched))))

    def _chain(self, places: Integers) -> None:
        """Link neighbours in a list of places in the order of sessions, and remember the last of each session."""
        sessions = self._sessions.view()[places]
        first = _starts(sessions)
        inner = np.flatnonzero(~first)
        last = np.append(first[1:], True)[: len(places)]
        prev, following = self._prev.view(), self._next.view()
        prev[places[inner]] = places[inner - 1]
        prev[places[first]] = _NONE
        following[places[inner - 1]] = places[inner]
        following[places[last]] = _NONE
        self._tails.view()[sessions[last]] = places[last]

    def _ordered(self, places: Integers) -> Integers:
        """Those of the places that have a session, by session and in its order."""
        places = places[self._sessions.view()[places] >= 0]
        keys = (self._firsts, self._times, self._sessions)
        return places[np.lexsort((places, *(column.view()[places] for column in keys)))]

    def _before(self, places: Integers, others: Integers) -> Booleans:
        """Whether each place comes before another of its session, which was recorded earlier."""
        times, firsts = self._times.view(), self._firsts.view()
        same = times[places] == times[others]
        before: Booleans = np.where(same, firsts[places] < firsts[others], times[places] < times[others])
        return before


def _starts(sessions: Links) -> Booleans:
    """Where a new session starts, in a list that is ordered by session."""
    return np.append(True, sessions[1:] != sessions[:-1])[: len(sessions)]


def _step(links: Links, at: Links, alive: Booleans) -> Links:
    """One living place further along the links; -1 at the end, and from there on."""
    reached = np.full(len(at), _NONE, dtype=np.int32)
    walking = np.flatnonzero(at != _NONE)
    current = at[walking]
    while len(walking):
        current = links[current]
        inside = (current != _NONE) & (current < len(links))
        walking, current = walking[inside], current[inside]
        here = alive[current]
        reached[walking[here]] = current[here]
        walking, current = walking[~here], current[~here]
    return reached
