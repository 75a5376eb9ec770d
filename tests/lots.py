"""Lots of versions, as a store would hand them over, from rows that hold their patterns; and patterns as bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from am_agent.draft import Vectors
from am_agent.hopfield.codes import Codes
from am_agent.hopfield.patterns import PatternView
from am_agent.store.episodes import Lot, Stored
from am_agent.working_set import Block


class Row(NamedTuple):
    """One version with all that is known of it; times in microseconds."""

    seq: int
    namespace_id: int
    first_seq: int
    text: str
    actor: str | None
    session: str | None
    occurred_at: int
    expires_at: int | None
    patterns: Vectors  # [windows, d]
    named: tuple[int, ...] = ()


def lot(rows: Sequence[Row]) -> Lot:
    """The rows as one lot."""
    return Lot(
        [Stored(*row[:3], *row[4:8], row.named) for row in rows],
        np.array([len(row.patterns) for row in rows], dtype=np.int64),
        np.concatenate([row.patterns for row in rows]) if rows else np.empty((0, 0), dtype=np.float32),
    )


def block(rows: Sequence[Row], dimension: int) -> Block:
    """The rows as a block that has taken in their texts."""
    made = Block([lot(rows)], dimension)
    made.word({row.seq: row.text for row in rows})
    return made


def bytes_of(patterns: PatternView, place: int) -> bytes:
    """The patterns of one place, whose codes are theirs."""
    rows = patterns.rows_of(np.array([place]))
    assert patterns.rows is not None
    held, expected = patterns.codes[rows], Codes.of(patterns.rows[rows])
    assert held.restored().tobytes() == expected.restored().tobytes()
    assert held.errors.tobytes() == expected.errors.tobytes()
    return patterns.rows[rows].tobytes()
