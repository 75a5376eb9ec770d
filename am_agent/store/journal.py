"""The change feed: every write leaves an entry in its own transaction. Knows row numbers and kinds, nothing said."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, NamedTuple, get_args

from sqlalchemy import BigInteger, Connection, bindparam, func, insert, select, type_coerce

from am_agent.store.prepared import Prepared
from am_agent.store.schema import journal

Kind = Literal["insert", "close", "expire", "erase", "prototype"]
KINDS = get_args(Kind)


_POSITION = Prepared(select(func.coalesce(func.max(journal.c.id), 0)))
_SINCE = Prepared(
    select(journal.c.id, journal.c.kind, journal.c.namespace_id, journal.c.episode_seq)
    .where(journal.c.id > bindparam("position"))
    .order_by(journal.c.id)
)
_APPEND = Prepared(insert(journal), ("at", "kind", "namespace_id", "episode_seq"))


class Change(NamedTuple):
    """One row of `episode` was inserted, closed, given another expiry, or erased.

    Of the kind "prototype", `episode_seq` is the number of a prototype of the namespace, which is now another, or none
    any more: what it is like is read anew.
    """

    kind: Kind
    namespace_id: int
    episode_seq: int


def append(connection: Connection, changes: Iterable[Change], at: datetime) -> None:
    """Write down changes, in the transaction that makes them."""
    _APPEND.insert(connection, ({"at": at, **change._asdict()} for change in changes))


def position(connection: Connection) -> int:
    """The number of the newest entry; 0 when there is none."""
    return int(_POSITION.rows(connection)[0][0])


def since(connection: Connection, position: int) -> list[tuple[int, Change]]:
    """The entries after a position, oldest first, each with its own."""
    rows = _SINCE.rows(connection, position=position)
    return [(id_, Change(kind, namespace_id, seq)) for id_, kind, namespace_id, seq in rows]


def entry(connection: Connection, position: int) -> tuple[int, ...]:
    """One entry with all its fields, as numbers; all zeros where there is none.

    Which database it is, is known by it: another one that has as many entries has another time here.
    """
    columns = (type_coerce(journal.c.at, BigInteger), journal.c.kind, journal.c.namespace_id, journal.c.episode_seq)
    row = connection.execute(select(*columns).where(journal.c.id == position)).first()
    return (0, 0, 0, 0) if row is None else (row[0], KINDS.index(row[1]), row[2], row[3])
