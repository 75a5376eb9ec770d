"""What was learned from use, and recalls that wait for feedback, as rows. Knows bytes and ids, not what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, delete, insert, select

from am_agent.episode import Namespace
from am_agent.store import namespaces
from am_agent.store.schema import namespace, use, weight

_REALS = np.dtype("<f8")
_KEPT = 1000
"""Recalls that wait for feedback in one file; older ones give way."""


@dataclass(frozen=True, slots=True)
class Use:
    """A recall as feedback needs it.

    Attributes:
        path: The namespace it was asked in.
        beta: Inverse temperature, in units of the features times the weights.
        shown: The ids that it brought back, each with its row of the features.
        features: The scores of the fields, float64 [candidates, fields].
    """

    path: Namespace
    beta: float
    shown: Mapping[str, int]
    features: npt.NDArray[np.float64]


def keep(connection: Connection, id_: str, entry: Use, now: datetime) -> None:
    """Write a recall down; nothing is kept of a namespace that holds nothing."""
    found = namespaces.find(connection, entry.path)
    if not found:
        return
    row = {
        "id": id_,
        "namespace_id": found[0],
        "at": now,
        "beta": entry.beta,
        "shown": dict(entry.shown),
        "features": entry.features.astype(_REALS).tobytes(),
    }
    connection.execute(insert(use), row)
    newest = select(use.c.id).order_by(use.c.id.desc()).limit(_KEPT)  # ids are UUIDv7, in the order of time
    connection.execute(delete(use).where(use.c.id.not_in(newest)))


def find(connection: Connection, id_: str, fields: int) -> Use | None:
    """A recall that was written down."""
    query = select(use, namespace.c.path).join(namespace, namespace.c.id == use.c.namespace_id).where(use.c.id == id_)
    row = connection.execute(query).first()
    if row is None:
        return None
    features = np.frombuffer(row.features, dtype=_REALS).astype(np.float64).reshape(-1, fields)
    return Use(namespaces.decode(row.path), row.beta, row.shown, features)


def drop(connection: Connection, namespace_ids: set[int]) -> None:
    """Forget the recalls of some namespaces: they name episodes that are erased."""
    for each in namespace_ids:
        connection.execute(delete(use).where(use.c.namespace_id == each))


def learned(connection: Connection, path: Namespace) -> tuple[Namespace, bytes] | None:
    """What was learned in a namespace, or else in the nearest one above it, and which one that is."""
    for depth in range(len(path), -1, -1):
        query = (
            select(weight.c.data)
            .join(namespace, namespace.c.id == weight.c.namespace_id)
            .where(namespace.c.path == namespaces.encode(path[:depth]))
        )
        data = connection.execute(query).scalar()
        if data is not None:
            return path[:depth], data
    return None


def learn(connection: Connection, path: Namespace, data: bytes) -> None:
    """Write down what was learned in a namespace, which is made if it holds nothing yet."""
    namespace_id = namespaces.ensure(connection, path)
    connection.execute(delete(weight).where(weight.c.namespace_id == namespace_id))
    connection.execute(insert(weight), {"namespace_id": namespace_id, "data": data})


def unlearn(connection: Connection, path: Namespace) -> bool:
    """Forget what was learned in a namespace itself; whether there was anything."""
    ids = namespaces.find(connection, path)
    gone = [connection.execute(delete(weight).where(weight.c.namespace_id == each)).rowcount for each in ids]
    namespaces.drop_empty(connection, set(ids))
    return sum(gone) > 0
