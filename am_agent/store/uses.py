"""What was learned from use, and recalls that wait for feedback, as rows. Knows bytes and ids, not what they mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, delete, insert, select

from am_agent.episode import Namespace
from am_agent.store import namespaces
from am_agent.store.schema import episode, namespace, use, weight

_REALS = np.dtype("<f8")
_KEPT = 1000
"""Recalls that wait for feedback in one file; older ones give way."""
_CHUNK = 500  # strings in one statement: SQLite bounds the number of its variables


@dataclass(frozen=True, slots=True)
class Use:
    """A recall as feedback needs it.

    Attributes:
        path: The namespace it was asked in.
        beta: Inverse temperature, in units of the features times the weights.
        shown: The ids that it brought back, each with its row of the features.
        features: The scores of the fields for the best candidates and all that is shown, float64 [rows, fields].
    """

    path: Namespace
    beta: float
    shown: Mapping[str, int]
    features: npt.NDArray[np.float64]


def keep(connection: Connection, id_: str, entry: Use, now: datetime) -> bool:
    """Write a recall down, unless an episode that it names was erased meanwhile; whether it was written."""
    if not _all_there(connection, entry):
        return False
    row = {
        "id": id_,
        "namespace_id": namespaces.ensure(connection, entry.path),
        "at": now,
        "beta": entry.beta,
        "shown": dict(entry.shown),
        "features": entry.features.astype(_REALS).tobytes(),
    }
    connection.execute(insert(use), row)
    newest = select(use.c.id).order_by(use.c.id.desc()).limit(_KEPT)  # ids are UUIDv7, in the order of time
    connection.execute(delete(use).where(use.c.id.not_in(newest)))
    return True


def _all_there(connection: Connection, entry: Use) -> bool:
    """Whether all that a recall names is still stored, in its namespace or below."""
    scope = select(namespace.c.id).where(namespaces.within(entry.path, subtree=True))
    ids, found = list(entry.shown), set[str]()
    for start in range(0, len(ids), _CHUNK):
        wanted = (episode.c.namespace_id.in_(scope), episode.c.id.in_(ids[start : start + _CHUNK]))
        found.update(connection.execute(select(episode.c.id).where(*wanted)).scalars())
    return len(found) == len(ids)


def find(connection: Connection, id_: str, fields: int) -> Use | None:
    """A recall that was written down."""
    query = select(use, namespace.c.path).join(namespace, namespace.c.id == use.c.namespace_id).where(use.c.id == id_)
    row = connection.execute(query).first()
    if row is None:
        return None
    features = np.frombuffer(row.features, dtype=_REALS).astype(np.float64).reshape(-1, fields)
    return Use(namespaces.decode(row.path), row.beta, row.shown, features)


def drop(connection: Connection, namespace_ids: set[int]) -> None:
    """Forget the recalls that may name what was erased in some namespaces: those of them, and of all above them."""
    erased = select(namespace.c.path).where(namespace.c.id.in_(namespace_ids))
    paths = [namespaces.decode(path) for path in connection.execute(erased).scalars()]
    above = {namespaces.encode(path[:depth]) for path in paths for depth in range(len(path))}
    ids = set(connection.execute(select(namespace.c.id).where(namespace.c.path.in_(above))).scalars())
    connection.execute(delete(use).where(use.c.namespace_id.in_(ids | namespace_ids)))
    namespaces.drop_unused(connection, ids - namespace_ids)  # one that was made for a recall goes with it


def learned(connection: Connection, path: Namespace) -> Iterator[tuple[Namespace, bytes]]:
    """What was learned in a namespace and in those above it, the nearest first, and which one each is."""
    for depth in range(len(path), -1, -1):
        query = (
            select(weight.c.data)
            .join(namespace, namespace.c.id == weight.c.namespace_id)
            .where(namespace.c.path == namespaces.encode(path[:depth]))
        )
        data = connection.execute(query).scalar()
        if data is not None:
            yield path[:depth], data


def learn(connection: Connection, path: Namespace, data: bytes) -> None:
    """Write down what was learned in a namespace, which is made if it holds nothing yet."""
    namespace_id = namespaces.ensure(connection, path)
    connection.execute(delete(weight).where(weight.c.namespace_id == namespace_id))
    connection.execute(insert(weight), {"namespace_id": namespace_id, "data": data})


def unlearn(connection: Connection, path: Namespace) -> bool:
    """Forget what was learned in a namespace itself; whether there was anything."""
    ids = namespaces.find(connection, path)
    gone = [connection.execute(delete(weight).where(weight.c.namespace_id == each)).rowcount for each in ids]
    namespaces.drop_unused(connection, set(ids))
    return sum(gone) > 0
