"""The patterns that are nearest to each pattern, exactly. Arrays only; knows nothing of what is made of them.

Every pair is scored by its codes, which read a quarter of the bytes; what can be among the nearest by the bound of the
codes is scored again in float64, pair by pair, so a similarity depends on its two patterns and on nothing around them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numkong
import numpy as np
import numpy.typing as npt

from am_agent.hopfield.codes import Bytes, Codes, Floats, Reals
from am_agent.hopfield.roster import Booleans, Integers

_ROWS = 512
"""Patterns whose neighbours are looked for at a time."""

_COLUMNS = 8192
"""Patterns that are looked at in one product; with the rows, 16 MiB of sums."""

_THREADS = 8

_PAIRS = 4096
"""Pairs that are scored exactly at a time."""

Places = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The nearest patterns of each, the nearest first; equally near ones in their order.

    Attributes:
        places: int32 [n, k]; -1 where there are no more.
        similarities: float64 [n, k]; -inf where there are no more.
    """

    places: Places
    similarities: Reals


def neighbours(
    patterns: Floats,
    k: int,
    *,
    of: Integers | None = None,
    among: Integers | None = None,
    progress: Callable[[float], object] | None = None,
) -> Neighbours:
    """The k nearest patterns of patterns, by the product with them, none its own neighbour.

    Args:
        patterns: Of length one, float32 [n, d].
        k: How many, at least one.
        of: The places whose neighbours are wanted, int64; None for all.
        among: The places that may be neighbours, int64 ascending; None for all.
        progress: Called now and then with the share that is done.

    Example:
        >>> found = neighbours(np.array([[1, 0], [0.8, 0.6], [0, 1]], np.float32), k=1)
        >>> found.places.tolist(), found.similarities.round(2).tolist()
        ([[1], [0], [1]], [[0.8], [0.8], [0.6]])
    """
    wanted = np.arange(len(patterns)) if of is None else of
    others = np.arange(len(patterns)) if among is None else among
    codes = Codes.of(patterns)
    blocks = [others[first : first + _COLUMNS] for first in range(0, len(others), _COLUMNS)]
    seen = [_Block(places, codes) for places in blocks]
    found = Neighbours(np.full((len(wanted), k), -1, np.int32), np.full((len(wanted), k), -np.inf))
    slices = [slice(first, first + _ROWS) for first in range(0, len(wanted), _ROWS)]

    def fill(rows: slice) -> None:
        _fill(found, rows, patterns, codes, wanted[rows], seen)

    with ThreadPoolExecutor(max_workers=min(_THREADS, os.cpu_count() or 1)) as pool:
        for done, _ in enumerate(pool.map(fill, slices), start=1):
            if progress is not None:
                progress(done / len(slices))
    return found


def extended(
    patterns: Floats, known: Neighbours, stale: Booleans, *, progress: Callable[[float], object] | None = None
) -> Neighbours:
    """The same as neighbours(patterns, k) from what was known before some patterns came, and some went.

    Args:
        patterns: Of length one, float32 [n, d].
        known: The nearest of each by today's places, without those that came, [n, k].
        stale: Those whose row is to be found anew: those that came, and those that lost a neighbour; bool [n].
        progress: Called now and then with the share that is done.

    Example:
        >>> rows = np.array([[1, 0], [0.8, 0.6], [0, 1]], np.float32)
        >>> known = Neighbours(np.array([[2], [-1], [0]], np.int32), np.array([[0.0], [-np.inf], [0.0]]))
        >>> extended(rows, known, np.array([False, True, False])).places.tolist()
        [[1], [0], [1]]
    """
    k = known.places.shape[1]
    came, stay = np.flatnonzero(stale), np.flatnonzero(~stale)
    anew = neighbours(patterns, k, of=came)
    # One that lost a neighbour is stale, but may be in the lists of others already.
    beside = neighbours(patterns, k, of=stay, among=came, progress=progress)
    places = np.concatenate([known.places[stay], beside.places], axis=1)
    similarities = np.concatenate([known.similarities[stay], beside.similarities], axis=1)
    order = np.lexsort((places, -similarities))
    places, similarities = np.take_along_axis(places, order, 1), np.take_along_axis(similarities, order, 1)
    twice = np.zeros(places.shape, np.bool_)
    twice[:, 1:] = (places[:, 1:] == places[:, :-1]) & (places[:, 1:] >= 0)
    last = np.argsort(twice, axis=1, kind="stable")[:, :k]
    found = Neighbours(np.empty((len(patterns), k), np.int32), np.empty((len(patterns), k)))
    found.places[came], found.similarities[came] = anew.places, anew.similarities
    found.places[stay] = np.take_along_axis(places, last, 1)
    found.similarities[stay] = np.take_along_axis(similarities, last, 1)
    return found


class _Block:
    """Patterns that are looked at in one product."""

    def __init__(self, places: Integers, codes: Codes) -> None:
        self.places = places
        self.scales = codes.scales[places]
        self.error = float(codes.errors[places].max())
        self._packed = numkong.dots_pack(codes.values[places])

    def scores(self, values: Bytes) -> Floats:
        """By codes alone, but for the scale of the row, float32 [rows, columns]."""
        sums = np.asarray(numkong.dots_packed(values, self._packed))
        found: Floats = np.multiply(sums, self.scales, dtype=np.float32)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class _Candidates:
    """What may be among the nearest of some rows, sorted by row, then the nearest by codes first."""

    lines: Integers
    places: Integers
    scores: Floats

    def best(self, k: int, rows: int) -> Floats:
        """The k-th best score of each row by codes, -inf where there are fewer; float32 [rows]."""
        starts = np.searchsorted(self.lines, np.arange(rows + 1))
        found = np.full(rows, -np.inf, np.float32)
        enough = np.diff(starts) >= k
        found[enough] = self.scores[starts[:-1][enough] + k - 1]
        return found

    def above(self, floors: Floats) -> _Candidates:
        """Those that are not below what their row asks for."""
        keep = self.scores >= floors[self.lines]
        return _Candidates(self.lines[keep], self.places[keep], self.scores[keep])

    def joined(self, lines: Integers, places: Integers, scores: Floats) -> _Candidates:
        """With more of them."""
        lines, places = np.concatenate([self.lines, lines]), np.concatenate([self.places, places])
        scores = np.concatenate([self.scores, scores])
        order = np.lexsort((-scores, lines))
        return _Candidates(lines[order], places[order], scores[order])


def _fill(
    found: Neighbours, rows: slice, patterns: Floats, codes: Codes, wanted: Integers, blocks: list[_Block]
) -> None:
    k = found.places.shape[1]
    own = codes[wanted]
    # Twice: the k-th best by codes can be too high by as much as another one is too low. 1.01 for rows that rounding
    # made longer than one; the last term is for what float32 rounds of scores.
    error = max((each.error for each in blocks), default=0.0)
    slack = (2 * ((1.01 + own.errors) * np.float32(error) + 1.01 * own.errors) + 2.0**-20) / own.scales
    floors: Floats = np.full(len(wanted), -np.inf, np.float32)
    kept = _Candidates(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))
    for block in blocks:
        scores = block.scores(own.values)
        if kept.lines.size == 0 and scores.shape[1] > k:
            # One more, for a pattern is found among its own neighbours, and left out.
            floors = (np.partition(scores, scores.shape[1] - k - 1, axis=1)[:, -k - 1] - slack).astype(np.float32)
        flat = np.flatnonzero(scores >= floors[:, None])
        lines, columns = np.divmod(flat, scores.shape[1])
        places = block.places[columns]
        others = places != wanted[lines]
        kept = kept.joined(lines[others], places[others], scores.ravel()[flat[others]])
        floors = np.maximum(floors, kept.best(k, len(wanted)) - slack)
        kept = kept.above(floors)
    exact = _products(patterns, wanted[kept.lines], kept.places)
    order = np.lexsort((kept.places, -exact, kept.lines))
    lines = kept.lines[order]
    ranks = np.arange(len(lines)) - np.searchsorted(lines, lines)
    nearest = ranks < k
    cells = lines[nearest] + rows.start, ranks[nearest]
    found.places[cells], found.similarities[cells] = kept.places[order][nearest], exact[order][nearest]


def _products(patterns: Floats, left: Integers, right: Integers) -> Reals:
    """Of pairs, in float64: each is summed in the same order wherever it stands."""
    found = np.empty(len(left))
    for first in range(0, len(left), _PAIRS):
        part = slice(first, first + _PAIRS)
        rows, others = patterns[left[part]].astype(np.float64), patterns[right[part]].astype(np.float64)
        found[part] = np.einsum("ij,ij->i", rows, others)
    return found
