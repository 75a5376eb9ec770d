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

from am_agent.hopfield.codes import Codes, Floats, Reals
from am_agent.hopfield.roster import Integers

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
    seen = [_Block(places, codes, numkong.dots_pack(codes.values[places])) for places in blocks]
    found = Neighbours(np.full((len(wanted), k), -1, np.int32), np.full((len(wanted), k), -np.inf))
    slices = [slice(first, first + _ROWS) for first in range(0, len(wanted), _ROWS)]

    def fill(rows: slice) -> None:
        _fill(found, rows, patterns, codes, wanted[rows], seen)

    with ThreadPoolExecutor(max_workers=min(_THREADS, os.cpu_count() or 1)) as pool:
        for done, _ in enumerate(pool.map(fill, slices), start=1):
            if progress is not None:
                progress(done / len(slices))
    return found


class _Block:
    """Patterns that are looked at in one product."""

    def __init__(self, places: Integers, codes: Codes, packed: object) -> None:
        self.places = places
        self.scales = codes.scales[places]
        self.error = float(codes.errors[places].max())
        self._packed = packed

    def scores(self, codes: Codes) -> Floats:
        """By codes alone, float32 [rows, columns]."""
        sums = np.asarray(numkong.dots_packed(codes.values, self._packed))
        found: Floats = np.multiply(sums, self.scales, dtype=np.float32)
        found *= codes.scales[:, None]
        return found


def _fill(
    found: Neighbours, rows: slice, patterns: Floats, codes: Codes, wanted: Integers, blocks: list[_Block]
) -> None:
    k = found.places.shape[1]
    own = codes[wanted]
    # Twice: the k-th best by codes can be too high by as much as another one is too low. 1.01 for rows that rounding
    # made longer than one; the last term is for what float32 rounds of scores.
    error = max((each.error for each in blocks), default=0.0)
    slack = 2 * ((1.01 + own.errors.astype(np.float64)) * error + own.errors * 1.01) + 2.0**-20
    floors = np.full(len(wanted), -np.inf)
    line: list[Integers] = []
    column: list[Integers] = []
    score: list[Floats] = []
    for block in blocks:
        scores = block.scores(own)
        # A pattern is left out below, as its own neighbour, so one more is asked for.
        if scores.shape[1] > k + 1:
            kth = np.partition(scores, scores.shape[1] - k - 1, axis=1)[:, -k - 1]
            floors = np.maximum(floors, kth - slack)
        flat = np.flatnonzero(scores >= floors[:, None].astype(np.float32))
        lines, columns = np.divmod(flat, scores.shape[1])
        line.append(lines)
        column.append(block.places[columns])
        score.append(scores.ravel()[flat])
    lines, places, scores = np.concatenate(line), np.concatenate(column), np.concatenate(score)
    keep = (scores >= floors[lines]) & (places != wanted[lines])
    lines, places, scores = lines[keep], places[keep], scores[keep]
    order = np.lexsort((-scores, lines))
    lines, places, scores = lines[order], places[order], scores[order]
    starts = np.searchsorted(lines, np.arange(len(wanted) + 1))
    kth = np.where(np.diff(starts) >= k, scores[np.minimum(starts[:-1] + k - 1, len(scores) - 1)], -np.inf)
    keep = scores >= (kth - slack)[lines]
    lines, places = lines[keep], places[keep]
    exact = _products(patterns, wanted[lines], places)
    order = np.lexsort((places, -exact, lines))
    lines, places, exact = lines[order], places[order], exact[order]
    ranks = np.arange(len(lines)) - np.searchsorted(lines, lines)
    keep = ranks < k
    block_places, block_similarities = found.places[rows], found.similarities[rows]
    block_places[lines[keep], ranks[keep]] = places[keep]
    block_similarities[lines[keep], ranks[keep]] = exact[keep]


def _products(patterns: Floats, left: Integers, right: Integers) -> Reals:
    """Of pairs, in float64: each is summed in the same order wherever it stands."""
    found = np.empty(len(left))
    for first in range(0, len(left), _PAIRS):
        part = slice(first, first + _PAIRS)
        rows, others = patterns[left[part]].astype(np.float64), patterns[right[part]].astype(np.float64)
        found[part] = np.einsum("ij,ij->i", rows, others)
    return found
