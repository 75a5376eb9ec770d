"""The episodes of the namespaces in use, as arrays, kept equal to the database by its journal. Knows rows, no cue."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, and_

from am_agent.hopfield.attributes import NEVER, Attributes, AttributesView
from am_agent.hopfield.chains import Chains, ChainView
from am_agent.hopfield.metric import Moments
from am_agent.hopfield.roster import Roster, RosterView
from am_agent.hopfield.scan import PatternSet, PatternView
from am_agent.store import journal
from am_agent.store.episodes import Stored, Visibility, numbers, stored
from am_agent.store.schema import episode, microseconds

Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The episodes of one namespace at one moment. All views are aligned by place, the order of recording.

    Attributes:
        roster: Keys are the row numbers of episodes.
        patterns: Their vectors.
        attributes: Who, in which session, when, until when.
        chains: What lies next to what in its session.
        actors: The number of each name that occurs in `attributes`, and of others that came later or are gone: a name
            keeps its number. To look names up in, not to iterate over while others write.
        moments: Of the patterns that are alive.
    """

    roster: RosterView
    patterns: PatternView
    attributes: AttributesView
    chains: ChainView
    actors: Mapping[str, int]
    moments: Moments

    def expired(self, now: datetime) -> list[int]:
        """The row numbers that are not to be seen any more."""
        gone = self.roster.alive & (self.attributes.ends <= microseconds(now))
        seqs: list[int] = self.roster.keys[gone].tolist()
        return seqs


class _Block:
    """The current episodes of one namespace, as arrays. Taking over a new one costs the same however many there are."""

    def __init__(self, rows: Sequence[Stored], dimension: int) -> None:
        self._roster = Roster()
        self._patterns = PatternSet(dimension)
        self._attributes = Attributes()
        self._chains = Chains()
        # Names are only ever added: snapshots that were handed out read the same dictionary.
        self._actors: dict[str, int] = {}
        self._sessions: dict[tuple[int, str], int] = {}  # with the namespace: a session does not reach into another
        self.update((), rows)

    def update(self, touched: Iterable[int], rows: Sequence[Stored]) -> None:
        """Take over what rows are now: `rows` holds the touched ones that are still current."""
        roster = self._roster.view()
        held = set(roster.keys[roster.places(touched)].tolist())
        kept = [row for row in rows if row.seq in held]
        if kept:  # whatever else changes makes another row: only its end can have moved
            self._attributes.prolong(roster.places(row.seq for row in kept), [_end(row) for row in kept])
        self._discard(held.difference(row.seq for row in kept))
        self._append([row for row in rows if row.seq not in held])

    def _discard(self, seqs: Iterable[int]) -> None:
        places = self._roster.view().places(seqs)
        self._patterns.discard(places)
        kept = self._roster.discard(places)
        if kept is not None:
            self._patterns.compact(kept)
            self._attributes.compact(kept)
            self._chains.compact(kept)

    def _append(self, rows: Sequence[Stored]) -> None:
        actors = [_number(self._actors, row.actor) for row in rows]
        sessions = [
            _number(self._sessions, None if row.session is None else (row.namespace_id, row.session)) for row in rows
        ]
        times = [row.occurred_at for row in rows]
        self._roster.append([row.seq for row in rows])
        self._patterns.append([row.patterns for row in rows])
        self._attributes.append(actors, sessions, times, [_end(row) for row in rows])
        self._chains.append(sessions, times, [row.first_seq for row in rows])

    def snapshot(self) -> Snapshot:
        return Snapshot(
            self._roster.view(),
            self._patterns.view(),
            self._attributes.view(),
            self._chains.view(),
            MappingProxyType(self._actors),
            self._patterns.moments,
        )


def _number(names: dict[Name, int], name: Name | None) -> int:
    """The number of a name, a new one where it has none yet; -1 for no name."""
    return -1 if name is None else names.setdefault(name, len(names))


def _end(row: Stored) -> int:
    return NEVER if row.expires_at is None else row.expires_at


class WorkingSet:
    """Current episodes by namespace, loaded when a namespace is first asked for.

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
        """The episodes of some namespaces, as the connection's transaction sees them."""
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
    """The episodes of some namespaces as they were at an earlier time: read for one answer, and not kept."""
    where = and_(episode.c.namespace_id.in_(numbers(namespace_ids)), visibility.clause())
    return _Block(list(stored(connection, space_id, where)), dimension).snapshot()
