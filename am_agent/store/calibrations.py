"""Evidence with known answers, as rows: what a namespace's confidence is calibrated on. Knows numbers, no cue."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, bindparam, delete, func, insert, select

from am_agent.episode import Namespace
from am_agent.store import namespaces
from am_agent.store.numbered import GIVEN, numbers
from am_agent.store.prepared import Prepared
from am_agent.store.schema import calibration, namespace

LABELLED = "labelled"
"""The caller knew the answers."""

OWN = "own"
"""Cues were made of the namespace's own episodes, and of what is foreign to it."""

USED = "used"
"""What a recall brought back was used."""

_OF_EPISODES = (OWN, USED)
"""Origins whose numbers follow from what is stored, and go when any of it is erased."""

_REALS = np.dtype("<f8")


@dataclass(frozen=True, slots=True)
class Sample:
    """The log-odds of cues with known answers.

    Attributes:
        present: Of those whose answer is there, float64 [n].
        absent: Of the others, float64 [m].
        alpha: The share of present cues that may be rejected; 0 where nobody asked for a threshold.
    """

    present: npt.NDArray[np.float64]
    absent: npt.NDArray[np.float64]
    alpha: float = 0.0

    def to_bytes(self) -> bytes:
        """The sample as bytes, the same on every machine."""
        head = np.array([self.alpha, len(self.present)])
        return np.concatenate([head, self.present, self.absent]).astype(_REALS).tobytes()

    @staticmethod
    def from_bytes(data: bytes) -> Sample:
        """Undo `to_bytes`."""
        values = np.frombuffer(data, dtype=_REALS).astype(np.float64)
        count = 2 + int(values[1])
        return Sample(values[2:count], values[count:], float(values[0]))


_FOUND = Prepared(
    select(namespace.c.path, calibration.c.origin, calibration.c.data)
    .join(namespace, namespace.c.id == calibration.c.namespace_id)
    .where(namespace.c.path.in_(GIVEN), calibration.c.embedder_id == bindparam("space"))
    .order_by(func.length(namespace.c.path).desc(), namespace.c.path)
)


def find(connection: Connection, path: Namespace, space_id: int) -> Mapping[str, Sample]:
    """The samples that hold in a namespace: of each origin its own, or that of the nearest above it that has one."""
    above = [namespaces.encode(path[:depth]) for depth in range(len(path) + 1)]
    rows = _FOUND.rows(connection, given=json.dumps(above), space=space_id)
    # The nearest comes first. What is used below must not undo what those above have labelled.
    return {row.origin: Sample.from_bytes(row.data) for row in reversed(rows)}


def own(connection: Connection, path: Namespace, space_id: int, origin: str) -> Sample | None:
    """The sample of one origin of a namespace itself."""
    query = (
        select(calibration.c.data)
        .join(namespace, namespace.c.id == calibration.c.namespace_id)
        .where(
            namespace.c.path == namespaces.encode(path),
            calibration.c.embedder_id == space_id,
            calibration.c.origin == origin,
        )
    )
    data = connection.execute(query).scalar()
    return None if data is None else Sample.from_bytes(data)


def keep(connection: Connection, path: Namespace, space_id: int, origin: str, sample: Sample) -> None:
    """Write a sample down in the place of the one before."""
    key = {"namespace_id": namespaces.ensure(connection, path), "embedder_id": space_id, "origin": origin}
    connection.execute(delete(calibration).where(*(calibration.c[name] == value for name, value in key.items())))
    connection.execute(insert(calibration), {**key, "data": sample.to_bytes()})


def drop(connection: Connection, namespace_ids: Iterable[int]) -> None:
    """Forget what followed from the episodes of some namespaces, for some of these are erased."""
    of = calibration.c.namespace_id.in_(numbers(namespace_ids)), calibration.c.origin.in_(_OF_EPISODES)
    connection.execute(delete(calibration).where(*of))


def reset(connection: Connection, path: Namespace) -> None:
    """Forget all samples of a namespace itself."""
    ids = namespaces.find(connection, path)
    connection.execute(delete(calibration).where(calibration.c.namespace_id.in_(numbers(ids))))
    namespaces.drop_unused(connection, set(ids))
