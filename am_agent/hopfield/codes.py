"""Patterns as int8 codes, each with a scale and an error, and how far a product of codes can be off. Arrays only.

A quarter of the bytes of float32, and every score still has a bound: with the pattern x, its code x̂ and the error
e = |x - x̂|, the query y and its code ŷ, `|x'y - x̂'ŷ| <= e |y| + |x̂| |y - ŷ|` (Cauchy-Schwarz, twice).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numkong
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Reals = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.int8]

S = TypeVar("S", float, Reals)

_LEVELS = 127
"""The largest code; -128 is left out, so that a code and its negative are both codes."""

_BLOCK = 16_384
"""Rows that are scored at a time: their scores stay in the cache between one operation on them and the next."""

_UNIT = 2.0**-53


@dataclass(frozen=True, slots=True)
class Codes:
    """Rows of numbers in a quarter of their bytes: `x̂ = scale * value`.

    Attributes:
        values: int8 [n, d].
        scales: The step of each row, float32 [n].
        errors: At least |x - x̂| of each row, float32 [n].
    """

    values: Bytes
    scales: Floats
    errors: Floats

    @staticmethod
    def of(rows: Floats) -> Codes:
        """The codes of rows [n, d], each with the step that its largest number needs.

        Example:
            >>> codes = Codes.of(np.array([[1.0, 0.5, 0.0]], np.float32))
            >>> codes.values.tolist(), bool(codes.errors[0] < 0.004)
            ([[127, 64, 0]], True)
        """
        values = np.empty(rows.shape, dtype=np.int8)
        scales = np.empty(len(rows), dtype=np.float32)
        errors = np.empty(len(rows), dtype=np.float32)
        for start in range(0, len(rows), _BLOCK):  # what is made on the way stays in the cache
            block = slice(start, start + _BLOCK)
            exact = rows[block]
            steps = np.abs(exact).max(axis=1, initial=0.0, keepdims=True) / np.float32(_LEVELS)
            scaled = np.divide(exact, steps, out=np.zeros_like(exact), where=steps > 0)
            np.rint(scaled, out=scaled)
            values[block], scales[block] = scaled, steps[:, 0]
            scaled *= steps
            scaled -= exact
            # In float32, where the product and the difference are each off by at most 2^-24 of a component; 1 + 1e-3
            # is for the sum of thousands of squares.
            lengths = np.sqrt(np.einsum("ij,ij->i", scaled, scaled))
            errors[block] = lengths * np.float32(1 + 1e-3) + np.float32(2.0**-22)
        return Codes(values, scales, errors)

    def __getitem__(self, rows: slice | npt.NDArray[np.int64]) -> Codes:
        """The codes of some rows."""
        values = self.values[rows] if isinstance(rows, slice) else self.values.take(rows, axis=0)
        return Codes(values, self.scales[rows], self.errors[rows])

    def restored(self) -> Reals:
        """x̂, float64 [n, d]."""
        rows = self.values.astype(np.float64)
        rows *= self.scales.astype(np.float64)[:, None]
        return rows


@dataclass(frozen=True, slots=True)
class Probe:
    """Queries as codes.

    Attributes:
        values: int8 [w, d].
        steps: float64 [w].
        rests: y - ŷ, what the codes leave of the queries, float64 [w, d].
    """

    values: Bytes
    steps: Reals
    rests: Reals

    @staticmethod
    def of(queries: Reals) -> Probe:
        """The codes of queries [w, d], of any length."""
        steps = np.abs(queries).max(axis=1, initial=0.0) / _LEVELS
        scaled = np.divide(queries, steps[:, None], out=np.zeros_like(queries), where=steps[:, None] > 0)
        values = np.rint(scaled).astype(np.int8)
        return Probe(values, steps, queries - steps[:, None] * values)


def bound(error: S, length: float, rest: float, dimension: int) -> S:
    """How far the product of a code with the code of a query can be from that of the row with the query.

    Args:
        error: Of the code, or of several; the rows have length one.
        length: Of the query.
        rest: The length of what its code leaves of it.
        dimension: d.
    """
    # 1.01 for |x|: rounded rows are not of length one exactly.
    return error * length + (1.01 + error) * rest + rounding(length, dimension)


def rounding(length: float, dimension: int) -> float:
    """What float64 rounds of such a product, and of the exact one that it is compared with.

    d u |x||y| for a sum of d terms (Higham 2002, eq. 3.5), twice.
    """
    return 2.1 * (dimension + 8) * _UNIT * length


def products(codes: Codes, probe: Probe) -> Reals:
    """x̂'ŷ of every row with every query, float64 [n, w]; what is summed are whole numbers, so the sums are exact.

    Example:
        >>> codes, probe = Codes.of(np.eye(2, dtype=np.float32)), Probe.of(np.array([[0.6, 0.8]]))
        >>> products(codes, probe).round(2).tolist()
        [[0.6], [0.8]]
    """
    # NumKong's kernels, of those that were tried over a million codes of 384 dimensions: 14 ms a query on one core,
    # where reading the bytes takes 11, torch._int_mm 53 and FAISS's own float32 scan 100. SimSIMD, which it replaces,
    # takes 13 but keeps the interpreter's lock meanwhile. It picks the instructions at run time, VNNI, AVX2, NEON or
    # none; the sums are the same. Of a single query `cdist` reads twice as fast as `dots_packed`, which takes as long
    # for four as for one.
    found = np.empty((len(codes.values), len(probe.values)))
    packed = numkong.dots_pack(probe.values) if len(probe.values) > 1 else None
    for start in range(0, len(found), _BLOCK):
        block = slice(start, start + _BLOCK)
        values = codes.values[block]
        sums = numkong.cdist(values, probe.values, "dot") if packed is None else numkong.dots_packed(values, packed)
        np.multiply(np.asarray(sums), codes.scales[block, None] * probe.steps, out=found[block])
    return found
