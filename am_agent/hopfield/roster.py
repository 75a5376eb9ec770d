"""Which keys there are, and which of them are alive. Arrays only; knows nothing of what is kept of a key.

A key's *place* is its position in the order of recording. Whatever is kept per key is aligned by place, and compacted
when the roster says so: all of it at once, by the same mask.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from am_agent.hopfield.column import Column

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RosterView:
    """What a roster was at one moment; later changes to the roster leave it as it is.

    Attributes:
        keys: Ascending, int64 [n].
        alive: False for keys that were discarded, bool [n].
    """

    keys: Integers
    alive: Booleans

    def places(self, keys: Iterable[int]) -> Integers:
        """The places of those keys that are here and alive, ascending, int64."""
        wanted = np.unique(np.fromiter(keys, dtype=np.int64))
        places = np.searchsorted(self.keys, wanted)
        known = places < len(self.keys)
        known[known] = self.keys[places[known]] == wanted[known]
        found = places[known]
        return found[self.alive[found]]


class Roster:
    """Keys in the order of recording. Appending costs O(1) per key, amortised; discarding O(n) bytes.

    Not safe from several threads, but its views are.

    Example:
        >>> roster = Roster()
        >>> roster.append([3, 5, 8])
        >>> roster.discard(roster.view().places([5, 6]))
        array([ True, False,  True])
        >>> roster.view().keys.tolist()
        [3, 8]
    """

    def __init__(self) -> None:
        self._keys = Column(np.dtype(np.int64))
        self._alive = Column(np.dtype(np.bool_))

    def append(self, keys: Sequence[int] | Integers) -> None:
        """Add keys at the places that follow.

        Args:
            keys: Ascending, and above every key that was ever appended: the order of recording.

        Raises:
            ValueError: A key that is not above the one before.
        """
        last = int(self._keys.view()[-1]) if len(self._keys) else -1
        added = np.array(keys, dtype=np.int64)
        if len(added) and (added[0] <= last or (added[1:] <= added[:-1]).any()):
            raise ValueError(f"keys must ascend and lie above {last}, the newest; got {list(keys)[:5]}")
        self._keys.append(added)
        self._alive.append(np.ones(len(added), dtype=np.bool_))

    def discard(self, places: Integers) -> Booleans | None:
        """Let the keys of some places die.

        Returns:
            None as long as three quarters of the places are alive. Otherwise the mask of the places that are kept,
            bool [n]: the dead have left the roster, and whatever is aligned with it must be compacted by this mask.
        """
        if not len(places):
            return None
        # Replaced, never written in place: views that were handed out keep what they saw.
        alive = self._alive.view().copy()
        alive[places] = False
        if alive.sum() * 4 >= alive.size * 3:
            self._alive.replace(alive)
            return None
        self._keys.replace(self._keys.view()[alive])
        self._alive.replace(np.ones(len(self._keys), dtype=np.bool_))
        return alive

    def view(self) -> RosterView:
        """The roster as it is now, without a copy."""
        return RosterView(self._keys.view(), self._alive.view())
