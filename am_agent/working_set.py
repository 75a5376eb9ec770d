"""The episodes of the namespaces in use, as arrays, kept equal to the database by its journal. Knows rows, no cue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from sqlalchemy import ColumnElement, Connection, and_

from am_agent.hopfield.attributes import NEVER, Attributes, AttributesView
from am_agent.hopfield.bonds import Bonds, BondsView
from am_agent.hopfield.chains import Chains, ChainView
from am_agent.hopfield.intervals import IntervalsView
from am_agent.hopfield.metric import Moments
from am_agent.hopfield.patterns import PatternSet, PatternView
from am_agent.hopfield.roster import Integers, Roster, RosterView
from am_agent.lexical.postings import PostingsView
from am_agent.store import journal
from am_agent.store.episodes import Lot, Stored, Visibility, current, numbers, stored, texts_of
from am_agent.store.schema import episode, microseconds
from am_agent.wording import Wording, WordingView

Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The episodes of one namespace at one moment. All views are aligned by place, the order of recording.

    Attributes:
        roster: Keys are the row numbers of episodes.
        patterns: Their vectors.
        attributes: Who, in which session, when, until when.
        chains: What lies next to what in its session.
        bonds: What says that it answers what, or was made from what.
        wording: What their texts say; None where nobody has asked for it.
        actors: The number of each name that occurs in `attributes`, and of others that came later or are gone: a name
            keeps its number. To look names up in, not to iterate over while others write.
        called: The numbers of the living episodes' actors by what they are called, folded to lower case: a whole name,
            or a word of one.
        moments: Of the patterns that are alive.
    """

    roster: RosterView
    patterns: PatternView
    attributes: AttributesView
    chains: ChainView
    bonds: BondsView
    wording: WordingView | None
    actors: Mapping[str, int]
    called: Mapping[str, frozenset[int]]
    moments: Moments

    @property
    def words(self) -> PostingsView:
        """The terms of their texts."""
        return self._said().words

    @property
    def spellings(self) -> PostingsView:
        """The words of their texts as they are spelt."""
        return self._said().spellings

    @property
    def entities(self) -> PostingsView:
        """The entities their texts name."""
        return self._said().entities

    @property
    def years(self) -> IntervalsView:
        """The years their texts name."""
        return self._said().years

    def _said(self) -> WordingView:
        if self.wording is None:
            raise ValueError("this snapshot was made without its texts; ask the working set for one that is `worded`")
        return self.wording

    def expired(self, now: datetime) -> Integers:
        """The places that are not to be seen any more."""
        return np.flatnonzero(self.roster.alive & (self.attributes.ends <= microseconds(now)))


class Block:
    """The current episodes of one namespace, as arrays. Taking over a new one costs the same however many there are.

    What texts say is taken in apart, and later: many a recall does not ask for it, and it takes most of the time.

    Args:
        lots: The episodes, in the order of recording.
        dimension: Of their patterns.
        resident: Keep the patterns themselves, too, and not their codes alone.
    """

    def __init__(self, lots: Iterable[Lot], dimension: int, *, resident: bool = True) -> None:
        self._roster = Roster()
        self._patterns = PatternSet(dimension, resident=resident)
        self._attributes = Attributes()
        self._chains = Chains()
        self._bonds = Bonds()
        self._wording = Wording()  # of the first places, up to where texts were last asked for
        self._called: dict[str, frozenset[int]] = {}
        self._living = Counter[int]()  # episodes of each actor, by number
        self._snapshot: Snapshot | None = None
        # Names are only ever added: snapshots that were handed out read the same dictionary.
        self._actors: dict[str, int] = {}
        self._sessions: dict[tuple[int, str], int] = {}  # with the namespace: a session does not reach into another
        self._append(lots)

    def update(self, touched: Iterable[int], lot: Lot) -> None:
        """Take over what rows are now: `lot` holds the touched ones that are still current."""
        self._snapshot = None
        roster = self._roster.view()
        held = set(roster.keys[roster.places(touched)].tolist())
        kept = [row for row in lot.rows if row.seq in held]
        if kept:  # whatever else changes makes another row: only its end can have moved
            self._attributes.prolong(roster.places(row.seq for row in kept), [_end(row) for row in kept])
        self._discard(held.difference(row.seq for row in kept))
        self._append([lot.without(held)])

    def unread(self) -> list[int]:
        """The living episodes whose texts were not taken in yet."""
        roster, start = self._roster.view(), len(self._wording)
        return [int(key) for key in roster.keys[start:][roster.alive[start:]]]

    def word(self, texts: Mapping[int, str]) -> None:
        """Take in the texts of all episodes that are `unread`."""
        keys = self._roster.view().keys[len(self._wording) :].tolist()
        if keys:
            self._snapshot = None
            self._wording.append([texts.get(key, "") for key in keys])  # of the dead, nothing is asked any more

    def _discard(self, seqs: Iterable[int]) -> None:
        places = self._roster.view().places(seqs)
        self._patterns.discard(places)
        self._leave(self._attributes.view().actors[places].tolist())
        kept = self._roster.discard(places)
        if kept is not None:
            self._patterns.compact(kept)
            self._attributes.compact(kept)
            self._chains.compact(kept)
            self._bonds.compact(kept)
            self._wording.compact(kept[: len(self._wording)])

    def _append(self, lots: Iterable[Lot]) -> None:
        rows: list[Stored] = []
        for lot in lots:
            self._patterns.append(lot.patterns, lot.heights)
            rows += lot.rows
        actors = self._enter([row.actor for row in rows])
        sessions = _numbered(
            self._sessions, [None if row.session is None else (row.namespace_id, row.session) for row in rows]
        )
        times = [row.occurred_at for row in rows]
        keys, firsts = [row.seq for row in rows], [row.first_seq for row in rows]
        self._roster.append(keys)
        self._attributes.append(actors, sessions, times, [_end(row) for row in rows])
        self._chains.append(sessions, times, firsts)
        self._bonds.append(keys, firsts, [row.named for row in rows])

    def _enter(self, names: Sequence[str | None]) -> list[int]:
        """The numbers of some episodes' actors, who have one more each."""
        numbers = _numbered(self._actors, names)
        for name, count in Counter(names).items():
            if name is not None:
                number = self._actors[name]
                if not self._living[number]:
                    for called in _calls(name):
                        self._called[called] = self._called.get(called, frozenset()) | {number}
                self._living[number] += count
        return numbers

    def _leave(self, numbers: Sequence[int]) -> None:
        """Let each of some episodes' actors have one less; who has none is not called anything any more."""
        self._living.subtract(numbers)
        gone = {number for number in numbers if number >= 0 and not self._living[number]}
        if gone:  # replaced, never taken out in place: snapshots that were handed out keep what they saw
            left = {called: held - gone for called, held in self._called.items()}
            self._called = {called: held for called, held in left.items() if held}

    def snapshot(self) -> Snapshot:
        """The block as it is now: the same object until something changes, so that what follows from it is kept."""
        if self._snapshot is None:
            roster = self._roster.view()
            self._snapshot = Snapshot(
                roster,
                self._patterns.view(),
                self._attributes.view(),
                self._chains.view(),
                self._bonds.view(),
                self._wording.view() if len(self._wording) == len(roster.keys) else None,
                MappingProxyType(self._actors),
                MappingProxyType(self._called),
                self._patterns.moments,
            )
        return self._snapshot


def _numbered(numbers: dict[Name, int], names: Sequence[Name | None]) -> list[int]:
    """The number of each name, a new one where it has none yet; -1 for no name."""
    return [-1 if name is None else numbers.setdefault(name, len(numbers)) for name in names]


def _calls(name: str) -> set[str]:
    """What somebody of a name is called."""
    whole = name.casefold()
    return {whole, *whole.split()}


def _end(row: Stored) -> int:
    return NEVER if row.expires_at is None else row.expires_at


class WorkingSet:
    """Current episodes by namespace, loaded when a namespace is first asked for.

    Before every answer it reads the journal from where it stopped, so that it sees what other processes wrote.
    Nothing here is the truth: dropping it loses nothing.

    **Threads.** The caller holds a lock over `snapshots`; what that returns is safe without one.

    Args:
        resident: Keep the patterns themselves in memory, too, and not their codes alone.
    """

    def __init__(self, *, resident: bool = True) -> None:
        self._resident = resident
        self._blocks: dict[int, Block] = {}
        self._position = 0  # of the journal, up to which the blocks are true
        self._space_id = 0

    def snapshots(
        self,
        connection: Connection,
        namespace_ids: Sequence[int],
        space_id: int,
        dimension: int,
        *,
        worded: bool = True,
    ) -> list[Snapshot]:
        """The episodes of some namespaces, as the connection's transaction sees them.

        Args:
            connection: A transaction's.
            namespace_ids: Of the namespaces.
            space_id: Of the vectors.
            dimension: Of the vectors.
            worded: With what their texts say, too.
        """
        try:
            if space_id != self._space_id:
                self._blocks, self._space_id = {}, space_id
            self._catch_up(connection)
            for namespace_id in namespace_ids:
                if namespace_id not in self._blocks:
                    lots = self._current(connection, episode.c.namespace_id == namespace_id)
                    self._blocks[namespace_id] = Block(lots, dimension, resident=self._resident)
                if worded:
                    _word(connection, self._blocks[namespace_id])
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
            self._blocks[namespace_id].update(seqs, current(connection, self._space_id, seqs))

    def _current(self, connection: Connection, where: ColumnElement[bool]) -> Iterator[Lot]:
        return stored(connection, self._space_id, and_(where, episode.c.superseded_at.is_(None)))


def past(
    connection: Connection,
    namespace_ids: Sequence[int],
    space_id: int,
    dimension: int,
    visibility: Visibility,
    *,
    worded: bool = True,
) -> Snapshot:
    """The episodes of some namespaces as they were at an earlier time: read for one answer, and not kept."""
    where = and_(episode.c.namespace_id.in_(numbers(namespace_ids)), visibility.clause())
    block = Block(stored(connection, space_id, where), dimension)
    if worded:
        _word(connection, block)
    return block.snapshot()


def _word(connection: Connection, block: Block) -> None:
    """Take in the texts that a block lacks."""
    unread = block.unread()
    block.word(texts_of(connection, unread) if unread else {})
