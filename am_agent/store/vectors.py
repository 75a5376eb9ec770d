"""Patterns as rows: the vectors of versions, and vectors as bytes. Knows numbers, no text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from sqlalchemy import Connection, bindparam, insert, select

from am_agent.draft import Vectors
from am_agent.store.numbered import GIVEN, numbers, written
from am_agent.store.prepared import Prepared
from am_agent.store.schema import episode, vector

_FLOAT = np.dtype("<f4")


def encode_vector(row: Vectors) -> bytes:
    """Write one vector as bytes, the same on every machine."""
    return row.astype(_FLOAT, copy=False).tobytes()


def decode_vectors(blobs: Sequence[bytes]) -> Vectors:
    """Read vectors, the rows of the matrix in their order."""
    flat = np.frombuffer(b"".join(blobs), dtype=_FLOAT).astype(np.float32, copy=False)
    return flat.reshape(len(blobs), -1)


_VECTORS = Prepared(
    select(vector.c.episode_seq, vector.c.data)
    .where(vector.c.episode_seq.in_(GIVEN), vector.c.embedder_id == bindparam("space"))
    .order_by(vector.c.episode_seq, vector.c.ordinal)
)


def vectors_of(connection: Connection, seqs: Iterable[int], space_id: int) -> dict[int, Vectors]:
    """The patterns of some versions, each [windows, d]; of those that are there."""
    found = _VECTORS.rows(connection, given=written(seqs), space=space_id)
    if not found:
        return {}
    owners, blobs = zip(*found, strict=True)
    patterns = decode_vectors(blobs)
    keys, starts = np.unique(owners, return_index=True)
    return {
        key: patterns[start:end]
        for key, (start, end) in zip(keys.tolist(), pairwise([*starts.tolist(), len(owners)]), strict=True)
    }


def add_vectors(connection: Connection, space_id: int, vectors: Mapping[int, Vectors]) -> int:
    """Record the patterns of versions under another embedder, those that are still there and still without.

    Returns:
        How many versions got patterns.
    """
    has = select(vector.c.ordinal).where(vector.c.episode_seq == episode.c.seq, vector.c.embedder_id == space_id)
    query = select(episode.c.seq).where(episode.c.seq.in_(numbers(vectors)), ~has.exists())
    present = connection.execute(query).scalars().all()
    rows = [row for seq in present for row in vector_rows(seq, space_id, vectors[seq])]
    if rows:
        connection.execute(insert(vector), rows)
    return len(present)


def vector_rows(seq: int | None, space_id: int, patterns: Vectors) -> list[dict[str, Any]]:
    """The rows of one version's patterns."""
    return [
        {"episode_seq": seq, "embedder_id": space_id, "ordinal": ordinal, "data": encode_vector(row)}
        for ordinal, row in enumerate(patterns)
    ]
