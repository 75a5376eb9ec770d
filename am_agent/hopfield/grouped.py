"""Patterns in memory of which those of a group share the code of the group's mean. Arrays only; knows no score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from am_agent.hopfield.codes import Codes, Floats
from am_agent.hopfield.column import Column
from am_agent.hopfield.metric import Moments
from am_agent.hopfield.patterns import PatternSet, PatternView
from am_agent.hopfield.roster import Booleans, Integers

_BLOCK = 4096

ALONE = -1
"""The group of what belongs to none."""


class GroupedPatterns(PatternSet):
    """A growing set of patterns, in which a group is held as its mean, and every member by its distance to that.

    A distance takes four bytes where a code takes 400. The bounds of scores are those of any other code, of a wide
    error: a member that matters is read from where it is stored. The moments are those of the members' own codes.

    Args:
        dimension: d.

    Example:
        >>> patterns = GroupedPatterns(dimension=2)
        >>> patterns.found({7: np.array([0.5, 0.5], np.float32)})
        >>> patterns.append(np.eye(2, dtype=np.float32), np.array([1, 1]), np.array([7, 7]))
        >>> view = patterns.view()
        >>> len(view), len(view.codes.values), [round(float(error), 3) for error in view.errors]
        (2, 1, [0.707, 0.707])
    """

    def __init__(self, dimension: int) -> None:
        super().__init__(dimension, resident=False)
        self._shared = Column(np.dtype(np.int32))
        self._apart = Column(np.dtype(np.float32))
        self._found: dict[int, int] = {}  # the code of each group

    def found(self, means: Mapping[int, Floats]) -> None:
        """Hold the means of some groups, those that are of another mean now included.

        What belongs to the latter has to be assigned anew.
        """
        if not means:
            return
        codes = Codes.of(np.stack(list(means.values())))
        known = self._codes()
        for place, number in enumerate(means):
            held = self._found.get(number)
            same = held is not None and known.scales[held] == codes.scales[place]
            if held is None or not same or not np.array_equal(known.values[held], codes.values[place]):
                self._found[number] = len(self._values)
                self._hold(codes[place : place + 1])

    def append(self, rows: Floats, heights: Integers, groups: Integers | None = None) -> None:
        """Add the patterns of the places that follow.

        Args:
            rows: Unit rows, float32 [sum of heights, d].
            heights: How many of them are of each place, one at least, int64 [m].
            groups: The group of each place, whose mean is held already, or ALONE, int64 [m]; None for none.
        """
        if not len(heights):
            return
        self._starts.append(len(self._shared) + np.cumsum(heights) - heights)
        groups = np.full(len(heights), ALONE) if groups is None else groups
        shared, apart = self._coded(rows, np.repeat(groups, heights))
        self._shared.append(shared)
        self._apart.append(apart)
        self._error = max(self._error, float(apart.max()))
        self._count(Codes.of(rows))

    def assign(self, places: Integers, rows: Floats, groups: Integers) -> None:
        """Let some places belong to other groups than before.

        Args:
            places: Distinct, int64 [m].
            rows: Their patterns, as they were appended, float32.
            groups: The group of each, whose mean is held already, or ALONE, int64 [m].
        """
        view = self.view()
        at = view.rows_of(places)
        # Replaced, never written in place: views that were handed out keep what they saw.
        shared, apart = self._shared.view().copy(), self._apart.view().copy()
        shared[at], apart[at] = self._coded(rows, np.repeat(groups, view.heights_of(places)))
        self._shared.replace(shared)
        self._apart.replace(apart)
        self._error = float(apart.max(initial=0.0))

    def settle(self) -> None:
        """Let go of the codes that no row has any more; without any group, it is a set as any other."""
        shared = self._shared.view()
        used = np.unique(shared).astype(np.int64)
        if len(used) == len(self._values):
            return
        places = dict(zip(used.tolist(), range(len(used)), strict=True))
        self._found = {number: places[code] for number, code in self._found.items() if code in places}
        if not self._found:
            used = shared.astype(np.int64)
            shared = np.arange(len(used), dtype=np.int32)
        else:
            shared = np.searchsorted(used, shared).astype(np.int32)
        kept = self._codes()[used]
        self._values.replace(kept.values)
        self._scales.replace(kept.scales)
        self._errors.replace(kept.errors)
        self._shared.replace(shared)

    def within(self, groups: Iterable[int]) -> Integers:
        """The places that belong to some groups, ascending."""
        return np.flatnonzero(self._among([self._found[number] for number in groups if number in self._found]))

    def members(self) -> Booleans:
        """Which places belong to any group, bool [n]."""
        return self._among(list(self._found.values()))

    def compact(self, kept: Booleans) -> None:
        """Keep the places of a mask [n] only, in their order; the others must have been discarded before."""
        view = self.view()
        heights, mask = view.heights()[kept], view.mask(kept)
        self._shared.replace(self._shared.view()[mask])
        self._apart.replace(view.errors[mask])
        self._error = float(self._apart.view().max(initial=0.0))
        self._starts.replace(np.cumsum(heights) - heights)
        self.settle()

    def living(self, alive: Booleans) -> tuple[Codes, Integers, Moments]:  # noqa: ARG002
        """Not here.

        Raises:
            ValueError: Not all of the codes are in memory.
        """
        raise ValueError("of a group, the codes of its members are not in memory; write down those of a PatternSet")

    def view(self) -> PatternView:
        """The set as it is now, without a copy."""
        shared = self._shared.view() if self._found else None
        return PatternView(
            self._starts.view(), self._codes(), None, self._error, self.mirror, shared, self._apart.view()
        )

    def _codes(self) -> Codes:
        return Codes(self._values.view(), self._scales.view(), self._errors.view())

    def _among(self, codes: list[int]) -> Booleans:
        return np.isin(self._shared.view()[self._starts.view()], np.array(codes, dtype=np.int32))

    def _hold(self, codes: Codes) -> None:
        self._values.append(codes.values)
        self._scales.append(codes.scales)
        self._errors.append(codes.errors)

    def _coded(self, rows: Floats, groups: Integers) -> tuple[Integers, Floats]:
        """The code of each row, and how far it is from that; those of no group get one of their own."""
        shared, apart = np.empty(len(rows), dtype=np.int64), np.empty(len(rows), dtype=np.float32)
        alone = np.flatnonzero(groups == ALONE)
        own = Codes.of(rows[alone])
        shared[alone], apart[alone] = len(self._values) + np.arange(len(alone)), own.errors
        self._hold(own)
        members = np.flatnonzero(groups != ALONE)
        numbers, which = np.unique(groups[members], return_inverse=True)
        shared[members] = np.array([self._found[number] for number in numbers.tolist()], dtype=np.int64)[which]
        codes = self._codes()
        for start in range(0, len(members), _BLOCK):
            block = members[start : start + _BLOCK]
            beyond = codes[shared[block]].restored()
            beyond -= rows[block]
            lengths = np.sqrt(np.einsum("ij,ij->i", beyond, beyond))
            apart[block] = np.nextafter(lengths.astype(np.float32), np.float32(np.inf))
        return shared, apart
