"""Patterns in memory, in the order of recording: their codes, and the patterns themselves where there is room for them.

Arrays only; knows no score. A place owns one or more patterns, which are its rows.
"""

from __future__ import annotations

import functools
import operator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from am_agent.hopfield.codes import Codes, Floats, Probe, Reals, products
from am_agent.hopfield.column import Column
from am_agent.hopfield.metric import Moments, Tally
from am_agent.hopfield.mirror import Mirror
from am_agent.hopfield.roster import Booleans, Integers

_BLOCK = 8192
_FEW = 64  # patterns that are not worth a block of their own


@dataclass(frozen=True, slots=True)
class PatternView:
    """What a set of patterns was at one moment; later changes to the set leave it as it is.

    Attributes:
        starts: The first row of each place, int64 [n].
        codes: Of all rows; where several share one, of what they share.
        rows: The patterns, unit rows, float32 [rows, d]; None where the codes alone are in memory.
        error: At least that of any row.
        mirror: Where the codes are multiplied; None for here.
        shared: The code of each row, int32 [rows]; None where each has its own, in their order.
        errors: At least the distance of each row to its code, float32 [rows].
    """

    starts: Integers
    codes: Codes
    rows: Floats | None
    error: float
    mirror: Mirror | None
    shared: npt.NDArray[np.int32] | None
    errors: Floats

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.errors)

    def heights(self) -> Integers:
        """How many patterns each place has, int64 [n]."""
        return np.diff(self.starts, append=len(self))

    def heights_of(self, places: Integers) -> Integers:
        """How many patterns some places have, int64 [m]."""
        if len(self.starts) == len(self):
            return np.ones(len(places), dtype=np.int64)
        following = np.minimum(places + 1, len(self.starts) - 1)
        ends = np.where(places + 1 < len(self.starts), self.starts[following], len(self))
        return np.asarray(ends - self.starts[places], dtype=np.int64)

    def offsets_of(self, places: Integers) -> Integers:
        """Where the rows of each of some places begin among the rows of them all, int64 [m]."""
        if len(self.starts) == len(self):
            return np.arange(len(places))
        heights = self.heights_of(places)
        return np.cumsum(heights) - heights

    def rows_of(self, places: Integers) -> Integers:
        """The rows of some places, in the order of the places, int64."""
        if len(self.starts) == len(self):
            return places
        heights, offsets = self.heights_of(places), self.offsets_of(places)
        rows: Integers = np.arange(heights.sum()) + np.repeat(self.starts[places] - offsets, heights)
        return rows

    def mask(self, places: Booleans) -> Booleans:
        """Which rows belong to the places of a mask [n], bool [rows]."""
        return np.repeat(places, self.heights())

    def products(self, probe: Probe) -> Reals:
        """The products of the codes of all rows with some queries, float64 [rows, w]."""
        found = products(self.codes, probe) if self.mirror is None else self.mirror.products(self.codes, probe)
        return found if self.shared is None else found.take(self.shared, axis=0)

    def coded(self, rows: slice | Integers) -> Codes:
        """The codes of some rows, each with the error of the row."""
        if self.shared is None:
            return self.codes[rows]
        codes = self.codes[self.shared[rows].astype(np.int64)]
        return Codes(codes.values, codes.scales, self.errors[rows])

    def openings(self, places: Integers) -> Reals:
        """The first pattern of some places as its code has it, float64 [m, d]."""
        return self.coded(self.starts[places]).restored()


class PatternSet:
    """A growing set of patterns, aligned with a roster by place. Appending costs O(d), and discarding no copy.

    Not safe from several threads, but its views are.

    Args:
        dimension: d.
        resident: Keep the patterns themselves, too, beside their codes: five times the memory, and nothing has to be
            read again to score a pattern exactly.

    Attributes:
        mirror: Where the codes are multiplied; None for here.
    """

    def __init__(self, dimension: int, *, resident: bool = True) -> None:
        self._starts = Column(np.dtype(np.int64))
        self._values = Column(np.dtype(np.int8), dimension)
        self._scales = Column(np.dtype(np.float32))
        self._errors = Column(np.dtype(np.float32))
        self._error = 0.0
        self._rows = Column(np.dtype(np.float32), dimension) if resident else None
        self.mirror: Mirror | None = None
        self._tally = Tally.of(Moments.none(dimension))
        self._reduced = False  # whether anything was taken out of the moments

    @property
    def moments(self) -> Moments:
        """Of the codes of all places that were not discarded.

        Not of the patterns: these may not be in memory, and are not in the file any more, when they must be taken out
        again. A code is off by less than a hundredth, in no direction more than in another.
        """
        return self._tally.moments

    @property
    def tally(self) -> Tally:
        """The same, and their spread, without making them."""
        return self._tally

    def append(self, rows: Floats, heights: Integers) -> None:
        """Add the patterns of the places that follow.

        Args:
            rows: Unit rows, float32 [sum of heights, d].
            heights: How many of them are of each place, one at least, int64 [m].
        """
        if len(heights):
            codes = Codes.of(rows)
            if self._rows is not None:
                self._rows.append(rows)
            self._extend(codes, heights)
            self._count(codes)

    @staticmethod
    def of(codes: Codes, heights: Integers, moments: Moments) -> PatternSet:
        """A set of which the codes alone are known.

        Args:
            codes: Of all patterns.
            heights: How many of them each place has, one at least, int64 [n].
            moments: Of the codes; see `moments`.
        """
        made = PatternSet(codes.values.shape[1], resident=False)
        made._extend(codes, heights)
        made._tally = Tally.of(moments)
        return made

    def living(self, alive: Booleans) -> tuple[Codes, Integers, Moments]:
        """What `of` makes a set of, of the places of a mask [n] only: all that were not discarded.

        Nothing of the others is in it, not even what rounding would leave of them in the moments.
        """
        view = self.view()
        if alive.all() and not self._reduced:
            return view.codes, view.heights(), self.moments
        codes = view.codes[np.flatnonzero(view.mask(alive))]
        return codes, view.heights()[alive], _moments(codes)

    def _count(self, codes: Codes) -> None:
        """Take what was appended into the moments."""
        if len(codes.values) > _FEW:
            self._tally = Tally.of(self.moments + _moments(codes))
        else:
            self._tally = self._tally.plus(codes.restored())

    def _extend(self, codes: Codes, heights: Integers) -> None:
        self._starts.append(len(self._values) + np.cumsum(heights) - heights)
        self._values.append(codes.values)
        self._scales.append(codes.scales)
        self._errors.append(codes.errors)
        self._error = max(self._error, float(codes.errors.max(initial=0.0)))

    def discard(self, places: Integers) -> None:
        """Take the patterns of some places out of the moments; the rows stay until the set is compacted."""
        if not len(places):
            return
        view = self.view()
        self._reduced = True
        self._tally = Tally.of(self.moments - _moments(view.coded(view.rows_of(places))))

    def compact(self, kept: Booleans) -> None:
        """Keep the places of a mask [n] only, in their order; the others must have been discarded before."""
        view = self.view()
        heights, mask = view.heights()[kept], view.mask(kept)
        self._values.replace(view.codes.values[mask])
        self._scales.replace(view.codes.scales[mask])
        self._errors.replace(view.codes.errors[mask])
        self._error = float(self._errors.view().max(initial=0.0))
        if self._rows is not None and view.rows is not None:
            self._rows.replace(view.rows[mask])
        self._starts.replace(np.cumsum(heights) - heights)

    def held(self) -> tuple[int, int]:
        """How many patterns are in memory, and how many bytes are taken for all."""
        view = self.view()
        taken = view.starts.nbytes + view.codes.values.nbytes + view.codes.scales.nbytes + view.codes.errors.nbytes
        taken += 0 if view.rows is None else view.rows.nbytes
        taken += 0 if view.shared is None else view.shared.nbytes + view.errors.nbytes
        return len(view.codes.values), taken

    def view(self) -> PatternView:
        """The set as it is now, without a copy."""
        codes = Codes(self._values.view(), self._scales.view(), self._errors.view())
        rows = None if self._rows is None else self._rows.view()
        return PatternView(self._starts.view(), codes, rows, self._error, self.mirror, None, codes.errors)


def _moments(codes: Codes) -> Moments:
    """Of codes as patterns, a part of them after the other: in float64 they take eight times the memory."""
    blocks = [codes[start : start + _BLOCK] for start in range(0, len(codes.values), _BLOCK)]
    if not blocks:
        return Moments.none(codes.values.shape[1])
    return functools.reduce(operator.add, (Moments.of(block.restored()) for block in blocks))
