"""The patterns of the namespaces in use, kept equal to the database by its journal. Knows rows and arrays, no text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_

from am_agent.hopfield.metric import Moments
from am_agent.hopfield.scan import PatternSet, View
from am_agent.store import journal
from am_agent.store.episodes import Stored, Visibility, numbers, stored
from am_agent.store.schema import episode


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The patterns of one namespace at one moment.

    Attributes:
        view: The patterns; keys are the row numbers of episodes.
        moments: Of all of them.
        expiries: When those expire that do, by row number.
    """

    view: View
    moments: Moments
    expiries: dict[int, datetime]

    def expired(self, now: datetime) -> list[int]:
        """The row numbers that are not to be seen any more."""
        return [seq for seq, at in self.expiries.items() if at <= now]


class _Block:
    """The current patterns of one namespace."""

    def __init__(self, rows: Sequence[Stored], dimension: int) -> None:
        self._patterns = PatternSet(dimension)
        self._seqs: set[int] = set()
        self._expiries: dict[int, datetime] = {}
        self.update((), rows)

    def update(self, touched: Iterable[int], rows: Sequence[Stored]) -> None:
        """Take over what rows are now: `rows` holds the touched ones that are still current."""
        gone = self._seqs.intersection(touched).difference(row.seq for row in rows)
        new = [row for row in rows if row.seq not in self._seqs]
        self._patterns.discard(gone)
        self._patterns.append([row.seq for row in new], [row.patterns for row in new])
        self._seqs = self._seqs - gone | {row.seq for row in new}
        # Replaced, never changed in place: snapshots that were handed out keep what they saw.
        kept = {seq: at for seq, at in self._expiries.items() if seq not in gone}
        self._expiries = kept | {row.seq: row.expires_at for row in rows if row.expires_at is not None}

    def snapshot(self) -> Snapshot:
        return Snapshot(self._patterns.view(), self._patterns.moments, self._expiries)


class WorkingSet:
    """Current patterns by namespace, loaded when a namespace is first asked for.

    Before every answer it reads the journal from where it stopped, so that it sees what other processes wrote.
    Nothing here is the truth: dropping it loses nothing.

    **Threads.** The caller holds a lock over `snapshots`; what that returns is safe without one.
    """

    def __init__(self) -> None:
        self._blocks: dict[int, _Block] = {}
        self._position = 0  # of the journal, up to which the blocks are true
        self._space_id = 0

    def snapshots(
        self, connection: Connection, namespace_ids: Sequence[int], space_id: int, dimension: int
    ) -> list[Snapshot]:
        """The patterns of some namespaces, as the connection's transaction sees them."""
        try:
            if space_id != self._space_id:
                self._blocks, self._space_id = {}, space_id
            self._catch_up(connection)
            for namespace_id in namespace_ids:
                if namespace_id not in self._blocks:
                    rows = self._current(connection, episode.c.namespace_id == namespace_id)
                    self._blocks[namespace_id] = _Block(rows, dimension)
        except BaseException:
            self._blocks = {}  # read half of the journal, or interrupted in the middle of a block: true no more
            raise
        return [self._blocks[namespace_id].snapshot() for namespace_id in namespace_ids]

    def _catch_up(self, connection: Connection) -> None:
        if not self._blocks:
            self._position = journal.position(connection)
            return
        touched: dict[int, set[int]] = {}
        for position, change in journal.since(connection, self._position):
            self._position = position
            if change.namespace_id in self._blocks:
                touched.setdefault(change.namespace_id, set()).add(change.episode_seq)
        for namespace_id, seqs in touched.items():
            # What happened to a row does not matter, only what it is now: a burst of entries folds into one read.
            rows = self._current(connection, episode.c.seq.in_(numbers(seqs)))
            self._blocks[namespace_id].update(seqs, rows)

    def _current(self, connection: Connection, where: ColumnElement[bool]) -> list[Stored]:
        return list(stored(connection, self._space_id, and_(where, episode.c.superseded_at.is_(None))))


def past(
    connection: Connection,
    namespace_ids: Sequence[int],
    space_id: int,
    dimension: int,
    visibility: Visibility,
) -> Snapshot:
    """The patterns as they were at an earlier time: read for one answer, and not kept."""
    where = and_(episode.c.namespace_id.in_(numbers(namespace_ids)), visibility.clause())
    return _Block(list(stored(connection, space_id, where)), dimension).snapshot()
