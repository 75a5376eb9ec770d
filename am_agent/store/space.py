"""Which embedder made a file's vectors. Knows its name, dimension and fingerprint, not how it embeds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import NamedTuple

from sqlalchemy import Connection, insert, select

from am_agent.store.schema import embedder

FOREIGN = "foreign vectors"
"""The name of a space whose vectors were all given by the caller."""


@dataclass(frozen=True, slots=True)
class Space:
    """The vector space of a memory: vectors of two spaces cannot be compared.

    Attributes:
        name: The embedder's name, or FOREIGN.
        dimension: The length of its vectors.
        fingerprint: The embedder's own digest of what decides its vectors.
    """

    name: str
    dimension: int
    fingerprint: str


class Found(NamedTuple):
    """The space of a file and its row number; None, and 0, before the first vector."""

    id: int
    space: Space | None


def find(connection: Connection) -> Found:
    """Read which space a file has."""
    columns = (embedder.c.id, embedder.c.name, embedder.c.dimension, embedder.c.fingerprint)
    row = connection.execute(select(*columns).order_by(embedder.c.id.desc()).limit(1)).first()
    return Found(0, None) if row is None else Found(row.id, Space(row.name, row.dimension, row.fingerprint))


def adopt(connection: Connection, space: Space) -> int:
    """Write down the space of the first vectors, and return its row number."""
    return int(connection.execute(insert(embedder).returning(embedder.c.id), asdict(space)).scalar_one())
