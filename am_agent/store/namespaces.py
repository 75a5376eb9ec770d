"""Namespaces as rows: the one place where a scope becomes numbers. Knows paths, no episodes' content."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, exists, insert, or_, select

from am_agent.episode import Namespace
from am_agent.store.numbered import numbers
from am_agent.store.prepared import Prepared
from am_agent.store.schema import calibration, episode, namespace, use, weight

_END = "\x1f"  # ends each segment; no segment can contain it
_AFTER_END = "\x20"  # the next code point, so that a subtree is a half-open range of paths


_EXACT = Prepared(select(namespace.c.id).where(namespace.c.path == bindparam("path")))


def encode(path: Namespace) -> str:
    r"""Write a namespace as one string, so that no two namespaces share one and a subtree shares its start.

    Example:
        >>> encode(("ana", "pets"))
        'ana\x1fpets\x1f'
    """
    return "".join(segment + _END for segment in path)


def decode(path: str) -> Namespace:
    """Undo `encode`."""
    return tuple(path.split(_END)[:-1])


def within(path: Namespace, *, subtree: bool) -> ColumnElement[bool]:
    """The condition on `namespace` that it is this one, or one below it if asked."""
    encoded = encode(path)
    if not subtree:
        return namespace.c.path == encoded
    if not path:
        return namespace.c.path.is_not(None)
    return and_(namespace.c.path >= encoded, namespace.c.path < encoded[:-1] + _AFTER_END)


def find(connection: Connection, path: Namespace, *, subtree: bool = False) -> list[int]:
    """The row numbers of a namespace, and of its descendants if asked; empty where nothing was remembered."""
    if not subtree:
        return [row.id for row in _EXACT.rows(connection, path=encode(path))]
    query = select(namespace.c.id).where(within(path, subtree=True)).order_by(namespace.c.id)
    return list(connection.execute(query).scalars())


def paths(connection: Connection, ids: Iterable[int]) -> dict[int, Namespace]:
    """The namespaces of some row numbers."""
    query = select(namespace.c.id, namespace.c.path).where(namespace.c.id.in_(numbers(ids)))
    return {row.id: decode(row.path) for row in connection.execute(query)}


def ensure(connection: Connection, path: Namespace) -> int:
    """The row number of a namespace, which is made if it is new."""
    found = find(connection, path)
    if found:
        return found[0]
    return int(connection.execute(insert(namespace).returning(namespace.c.id), {"path": encode(path)}).scalar_one())


def occupied(connection: Connection, prefix: Namespace, now: datetime) -> list[Namespace]:
    """The namespaces at and below a prefix that hold a visible episode, sorted."""
    visible = exists().where(
        episode.c.namespace_id == namespace.c.id,
        episode.c.superseded_at.is_(None),
        or_(episode.c.expires_at.is_(None), episode.c.expires_at > now),
    )
    query = select(namespace.c.path).where(within(prefix, subtree=True), visible)
    return sorted(decode(path) for path in connection.execute(query).scalars())


def drop_empty(connection: Connection, ids: set[int]) -> None:
    """Delete the namespaces among these that hold nothing any more: their names may be a person's."""
    for each in ids:  # one by one: a handful, and the number of a statement's variables is bounded
        used = exists().where(episode.c.namespace_id == each)
        connection.execute(delete(namespace).where(namespace.c.id == each, ~used))


def drop_unused(connection: Connection, ids: set[int]) -> None:
    """Delete those among these that hold no episode, nothing that was learned, and no recall that waits."""
    held = [exists().where(each.c.namespace_id == namespace.c.id) for each in (episode, weight, calibration, use)]
    connection.execute(delete(namespace).where(namespace.c.id.in_(numbers(ids)), ~or_(*held)))
