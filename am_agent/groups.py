"""The current prototypes of namespaces, kept until the journal tells of others, and as callers have them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection

from am_agent.episode import Prototype
from am_agent.store import episodes, journal, namespaces, prototypes
from am_agent.store.prototypes import Kept

_REMEMBERED = 8
"""Sets of namespaces whose prototypes are kept; a thousand of them take two megabytes."""

_EVER = datetime(1, 1, 1, tzinfo=UTC)
"""Before anything expires: who reads this leaves out what the cue may not see."""


class Groups:
    """Reads prototypes, those that have not changed since only once. Safe from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, tuple[int, ...]], tuple[int, list[Kept]]] = OrderedDict()

    def current(self, connection: Connection, namespace_ids: Sequence[int], space_id: int) -> list[Kept]:
        """The prototypes of some namespaces as the connection's transaction shows them, expired members or not."""
        ids, position = tuple(sorted(namespace_ids)), journal.position(connection)
        which = space_id, ids
        with self._lock:
            before = self._kept.get(which)
        if before is not None and before[0] <= position and not _touched(connection, before[0], ids):
            found = before[1]
        else:
            found = prototypes.current(connection, ids, now=_EVER)
        with self._lock:
            held = self._kept.get(which)
            if held is None or held[0] <= position:  # not after another thread, which sees a later state
                self._kept[which] = position, found
            self._kept.move_to_end(which)
            while len(self._kept) > _REMEMBERED:
                self._kept.popitem(last=False)
        return found


def told(connection: Connection, kept: Sequence[Kept]) -> list[Prototype]:
    """Prototypes as callers have them."""
    named = episodes.names_of(connection, {key for each in kept for key in each.shape.members.tolist()})
    texts = episodes.texts_of(connection, [each.shape.medoid for each in kept if each.shape.text is None])
    paths = namespaces.paths(connection, {each.namespace_id for each in kept})
    return [
        Prototype(
            id=each.id,
            tier=each.shape.tier,
            namespace=paths[each.namespace_id],
            text=texts[each.shape.medoid] if each.shape.text is None else each.shape.text,
            weight=float(each.shape.weights.sum()),
            radius=each.shape.radius,
            members=tuple(named[key] for key in each.shape.members.tolist()),
            medoid=named[each.shape.medoid],
            run=each.run,
            author=each.shape.author,
        )
        for each in kept
    ]


def _touched(connection: Connection, position: int, ids: tuple[int, ...]) -> bool:
    return any(
        change.kind == "prototype" and change.namespace_id in ids for _, change in journal.since(connection, position)
    )
