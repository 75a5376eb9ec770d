"""Which embedder made a file's vectors, and which is to. Knows names, dimensions, fingerprints, no embedding."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, exists, func, insert, select, update

from am_agent.errors import EmbedderMismatch
from am_agent.store.prepared import Prepared
from am_agent.store.schema import embedder, episode, vector

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


class Text(NamedTuple):
    """A version that has no vectors in some space yet."""

    seq: int
    text: str


def find(connection: Connection) -> Found:
    """Read which space a file has."""
    return _found(connection, adopted=True)


def adopt(connection: Connection, space: Space, at: datetime) -> int:
    """Write down the space of the first vectors, and return its row number."""
    return _insert(connection, space, at)


def pending(connection: Connection) -> Found:
    """Read to which space a file is being moved."""
    return _found(connection, adopted=False)


def begin_move(connection: Connection, space: Space) -> int:
    """Write down to which space a file is to move; vectors that a move to another one has left behind are deleted.

    Returns:
        The row number of the new space, the same one when that move was begun before.
    """
    started = pending(connection)
    if started.space == space:
        return started.id
    if started.space is not None:
        _delete(connection, started.id)
    return _insert(connection, space, None)


def moving(connection: Connection, target: Found) -> bool:
    """Whether a move goes on; False if it has come to its end, by another process that had begun the same one.

    Raises:
        EmbedderMismatch: Another process has given it up for a move to a third embedder.
    """
    now = pending(connection)
    if now == target:
        return True
    if find(connection) == target:
        return False
    names = [None if each is None else each.name for each in (target.space, now.space or find(connection).space)]
    raise EmbedderMismatch(
        f"the move to the embedder '{names[0]}' was given up, because another process asked for '{names[1]}'. Let one "
        "process move the file",
        found=names[1] or "",
    )


def finish_move(connection: Connection, space_id: int, at: datetime) -> None:
    """Make a space the file's own, and delete the vectors of the one before."""
    found = find(connection)
    if found.space is not None:
        _delete(connection, found.id)
    connection.execute(update(embedder).where(embedder.c.id == space_id).values(adopted_at=at))


def lacking(connection: Connection, space_id: int, *, after: int, limit: int) -> list[Text]:
    """The oldest versions behind a row number that have no vectors in a space."""
    has = exists().where(vector.c.episode_seq == episode.c.seq, vector.c.embedder_id == space_id)
    query = select(episode.c.seq, episode.c.text).where(episode.c.seq > after, ~has)
    return [Text(*row) for row in connection.execute(query.order_by(episode.c.seq).limit(limit))]


def covered(connection: Connection, space_id: int) -> int:
    """How many versions have vectors in a space."""
    query = select(func.count(vector.c.episode_seq.distinct())).where(vector.c.embedder_id == space_id)
    return int(connection.execute(query).scalar_one())


_COLUMNS = select(embedder.c.id, embedder.c.name, embedder.c.dimension, embedder.c.fingerprint)
_ADOPTED = Prepared(_COLUMNS.where(embedder.c.adopted_at.is_not(None)))
_PENDING = Prepared(_COLUMNS.where(embedder.c.adopted_at.is_(None)))


def _found(connection: Connection, *, adopted: bool) -> Found:
    for row in (_ADOPTED if adopted else _PENDING).rows(connection):
        return Found(row.id, Space(row.name, row.dimension, row.fingerprint))
    return Found(0, None)


def _insert(connection: Connection, space: Space, at: datetime | None) -> int:
    values = {**asdict(space), "adopted_at": at}
    return int(connection.execute(insert(embedder).returning(embedder.c.id), values).scalar_one())


def _delete(connection: Connection, space_id: int) -> None:
    connection.execute(delete(vector).where(vector.c.embedder_id == space_id))
    connection.execute(delete(embedder).where(embedder.c.id == space_id))
