"""What is kept of each place beside its patterns: who, in which session, when, until when. Numbers only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from am_agent.hopfield.column import Column
from am_agent.hopfield.roster import Booleans, Integers

NEVER = int(np.iinfo(np.int64).max)
"""The end of what does not end."""


@dataclass(frozen=True, slots=True)
class AttributesView:
    """What the attributes were at one moment; later changes leave it as it is.

    Attributes:
        actors: The number of each place's actor, int32 [n]; -1 for none.
        sessions: The number of each place's session, int32 [n]; -1 for none.
        times: When it happened, in microseconds, int64 [n].
        ends: When it is to be seen no more, in microseconds, int64 [n]; NEVER where it stays.
    """

    actors: npt.NDArray[np.int32]
    sessions: npt.NDArray[np.int32]
    times: Integers
    ends: Integers


class Attributes:
    """Columns of numbers, aligned with a roster by place. Appending costs O(1) per place, amortised.

    Not safe from several threads, but its views are.

    Example:
        >>> attributes = Attributes()
        >>> attributes.append([0, -1], [0, 0], [10, 20], [NEVER, 30])
        >>> attributes.view().actors
        array([ 0, -1], dtype=int32)
    """

    def __init__(self) -> None:
        self._actors = Column(np.dtype(np.int32))
        self._sessions = Column(np.dtype(np.int32))
        self._times = Column(np.dtype(np.int64))
        self._ends = Column(np.dtype(np.int64))

    def append(self, actors: npt.ArrayLike, sessions: npt.ArrayLike, times: npt.ArrayLike, ends: npt.ArrayLike) -> None:
        """Add the places that follow, each argument [m]; see `AttributesView`."""
        self._actors.append(actors)
        self._sessions.append(sessions)
        self._times.append(times)
        self._ends.append(ends)

    def prolong(self, places: Integers, ends: npt.ArrayLike) -> None:
        """Move the ends of some places; O(n) bytes where one is moved indeed."""
        held = self._ends.view()
        if np.array_equal(held[places], np.asarray(ends)):
            return
        # Replaced, never written in place: views that were handed out keep what they saw.
        moved = held.copy()
        moved[places] = ends
        self._ends.replace(moved)

    def compact(self, kept: Booleans) -> None:
        """Keep the places of a mask [n] only, in their order."""
        for codes in (self._actors, self._sessions):
            codes.replace(codes.view()[kept])
        for instants in (self._times, self._ends):
            instants.replace(instants.view()[kept])

    def view(self) -> AttributesView:
        """The attributes as they are now, without a copy."""
        return AttributesView(self._actors.view(), self._sessions.view(), self._times.view(), self._ends.view())
