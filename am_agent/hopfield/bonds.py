"""What says that it belongs to what: links to names, by place. Arrays only; knows nothing of what links stand for.

A *place* is a position in the order of recording. Each has a name, the key of the first place that had it, and states
bonds to other names. A name stays when its place is replaced by a newer one, which then has the bonds that it states
itself, and all those to its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from am_agent.hopfield.column import Column
from am_agent.hopfield.roster import Booleans, Integers


@dataclass(frozen=True, slots=True)
class BondsView:
    """What bonds there were at one moment; later changes leave it as it is. Safe from several threads.

    Its dictionaries grow with the bonds: it ignores places that are not below the number of its names.

    Attributes:
        names: Of each place, int64 [n].
        owners: The places that state a bond, ascending, one entry for each bond, int64 [m].
        targets: The name that each bond leads to, int64 [m].
    """

    names: Integers
    owners: Integers
    targets: Integers
    _stating: dict[int, list[int]]
    _later: dict[int, list[int]]

    def neighbours(self, places: Integers, keys: Integers, alive: Booleans) -> tuple[Integers, Integers]:
        """The living places that are bound to some places, whichever of the two states it.

        Args:
            places: Places of the view, int64 [m].
            keys: Of all places, ascending, int64 [n].
            alive: The places that count, bool [n].

        Returns:
            For each pair the position in `places`, and the place that is bound to it, both int64 [pairs], in order.
            However many bonds two places have, they are one pair; no place is bound to itself.

        Example:
            >>> bonds = Bonds()
            >>> bonds.append([10, 11, 12], [10, 11, 12], [[], [10], [10, 11]])
            >>> rows, others = bonds.view().neighbours(np.array([0]), np.array([10, 11, 12]), np.ones(3, dtype=bool))
            >>> others.tolist()
            [1, 2]
        """
        size = len(self.names)
        if not len(self.targets):
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        starts, ends = (np.searchsorted(self.owners, places, side=side) for side in ("left", "right"))
        heights = ends - starts
        stating = np.repeat(np.arange(len(places)), heights)
        named = self.targets[np.arange(len(stating)) + np.repeat(starts - (np.cumsum(heights) - heights), heights)]
        first = np.minimum(np.searchsorted(keys, named), size - 1)
        there = keys[first] == named
        loose = [
            (row, place)
            for row, name in zip(stating.tolist(), named.tolist(), strict=True)
            for place in self._later.get(name, ())
        ]
        loose += [
            (row, place)
            for row, name in enumerate(self.names[places].tolist())
            for place in self._stating.get(name, ())
        ]
        more = np.array(loose, dtype=np.int64).reshape(-1, 2)
        rows, others = np.concatenate([stating[there], more[:, 0]]), np.concatenate([first[there], more[:, 1]])
        held = others < size
        pairs = np.unique(rows[held] * size + others[held])  # in order, each once
        rows, others = np.divmod(pairs, size)
        kept = alive[others] & (others != places[rows])
        return rows[kept], others[kept]


class Bonds:
    """Any number of links from each place to names, aligned with a roster. Appending costs O(1) for each, amortised.

    Places that die stay until `compact`, and so does what they state.

    Not safe from several threads, but its views are.
    """

    def __init__(self) -> None:
        self._names = Column(np.dtype(np.int64))
        self._owners = Column(np.dtype(np.int64))
        self._targets = Column(np.dtype(np.int64))
        # Views share these two, so they only grow; compact makes new ones.
        self._stating: dict[int, list[int]] = {}  # by a name, the places that are bound to it, ascending
        self._later: dict[int, list[int]] = {}  # by a name, its places but the first, ascending

    def append(self, keys: Sequence[int], names: Sequence[int], targets: Sequence[Sequence[int]]) -> None:
        """Add the places that follow.

        Args:
            keys: Of each.
            names: Of each: its own key, or that of the first place it replaces.
            targets: The names that each is bound to; a name twice is one bond.
        """
        size = len(self._names)
        stated = [(size + at, name) for at, each in enumerate(targets) for name in dict.fromkeys(each)]
        found = np.array(stated, dtype=np.int64).reshape(-1, 2)
        self._extend(np.array(keys, dtype=np.int64), np.array(names, dtype=np.int64), found[:, 0], found[:, 1])

    @staticmethod
    def of(keys: Integers, names: Integers, owners: Integers, targets: Integers) -> Bonds:
        """What a view shows, of places with these keys, as bonds that grow."""
        made = Bonds()
        made._extend(keys, names, owners, targets)
        return made

    def _extend(self, keys: Integers, names: Integers, owners: Integers, targets: Integers) -> None:
        size = len(self._names)
        self._names.append(names)
        self._owners.append(owners)
        self._targets.append(targets)
        for place, name in zip(owners.tolist(), targets.tolist(), strict=True):
            self._stating.setdefault(name, []).append(place)
        later = np.flatnonzero(keys != names)
        for place, name in zip(later.tolist(), names[later].tolist(), strict=True):
            self._later.setdefault(name, []).append(size + place)

    def compact(self, kept: Booleans) -> None:
        """Keep the places of a mask [n] only, and number them afresh."""
        renumbered = np.cumsum(kept) - 1
        owners = self._owners.view()
        mine = kept[owners]
        self._names.replace(self._names.view()[kept])
        self._owners.replace(renumbered[owners[mine]])
        self._targets.replace(self._targets.view()[mine])
        self._stating = _renumbered(self._stating, kept, renumbered)
        self._later = _renumbered(self._later, kept, renumbered)

    def view(self) -> BondsView:
        """The bonds as they are now, without a copy."""
        columns = (self._names.view(), self._owners.view(), self._targets.view())
        return BondsView(*columns, self._stating, self._later)


def _renumbered(places: dict[int, list[int]], kept: Booleans, numbers: Integers) -> dict[int, list[int]]:
    left = {name: [int(numbers[place]) for place in held if kept[place]] for name, held in places.items()}
    return {name: held for name, held in left.items() if held}
