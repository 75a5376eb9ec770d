"""The episodes of the namespaces in use, as arrays, kept equal to the database by its journal. Knows rows, no cue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeVar, get_args

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, Connection, and_

from am_agent.draft import Vectors
from am_agent.hopfield.attributes import NEVER, Attributes, AttributesView
from am_agent.hopfield.bonds import Bonds, BondsView
from am_agent.hopfield.chains import Chains, ChainView
from am_agent.hopfield.codes import Codes
from am_agent.hopfield.density import Density
from am_agent.hopfield.grouped import ALONE, GroupedPatterns
from am_agent.hopfield.intervals import IntervalsView
from am_agent.hopfield.metric import Moments, Tally
from am_agent.hopfield.mirror import Mirror, mirrored
from am_agent.hopfield.patterns import PatternSet, PatternView
from am_agent.hopfield.roster import Integers, Roster, RosterView
from am_agent.lexical.postings import PostingsView
from am_agent.store import journal, space
from am_agent.store.caches import KINDS, Arrays, Caches, read_names, written_names
from am_agent.store.episodes import Lot, Stored, Visibility, current, stored, texts_of
from am_agent.store.numbered import numbers
from am_agent.store.prototypes import Standing, members_of, standing_for
from am_agent.store.schema import episode, microseconds
from am_agent.store.vectors import vectors_of
from am_agent.wording import Wording, WordingView

Name = TypeVar("Name", bound=Hashable)

Resident = Literal["patterns", "codes", "prototypes"]

RESIDENT: tuple[Resident, ...] = get_args(Resident)
"""What can be kept in memory of vectors."""

LEAST = 5000
"""Episodes from which on a namespace is written down: fewer are read from the database as fast."""

_PART = 10
"""What was written down is replaced when one in so many episodes has changed since."""


_MANY = 4
"""A block of which one episode in so many is in another group than before is loaded anew."""

_PORTION = 4096
"""Episodes that are put into other groups at a time, which bounds what is read at once."""

_NOTHING = Standing({}, {})

_OVERLAY = "prototype"
"""The kind of a change that names a prototype, and no episode."""


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
        tally: The moments of the patterns that are alive, and their spread.
        density: How close the patterns that are alive lie to each other; None where those of groups are not in memory.
    """

    roster: RosterView
    patterns: PatternView
    attributes: AttributesView
    chains: ChainView
    bonds: BondsView
    wording: WordingView | None
    actors: Mapping[str, int]
    called: Mapping[str, frozenset[int]]
    tally: Tally
    density: Density | None

    @property
    def moments(self) -> Moments:
        """Of the patterns that are alive."""
        return self.tally.moments

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
        standing: Keep of the members of prototypes what stands for them.
    """

    def __init__(
        self, lots: Iterable[Lot], dimension: int, *, resident: bool = True, standing: Standing | None = None
    ) -> None:
        self._roster = Roster()
        self._grouped = None if standing is None else GroupedPatterns(dimension)
        self._patterns = PatternSet(dimension, resident=resident) if self._grouped is None else self._grouped
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
        if self._grouped is not None and standing is not None:
            self._grouped.found(standing.means)
        self._append(lots, standing)
        if self._grouped is not None:
            self._grouped.settle()

    def reflect(self, mirror: Mirror | None) -> None:
        """Let the codes be multiplied elsewhere."""
        self._patterns.mirror, self._snapshot = mirror, None

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

    @property
    def grouped(self) -> bool:
        """Whether of the members of prototypes only what stands for them is in memory."""
        return self._grouped is not None

    def held(self) -> tuple[int, int]:
        """How many patterns are in memory, and how many bytes they take with what is kept of those that are not."""
        return self._patterns.held()

    def holding(self, keys: Iterable[int]) -> list[int]:
        """Those of some episodes that are here and alive."""
        roster = self._roster.view()
        return [int(key) for key in roster.keys[roster.places(keys)]]

    def members(self, prototypes: Collection[int]) -> list[int]:
        """The living episodes that some prototypes stand for here."""
        if self._grouped is None:
            return []
        roster, places = self._roster.view(), self._grouped.within(prototypes)
        return [int(key) for key in roster.keys[places][roster.alive[places]]]

    def leaving(self, touched: Iterable[int], lot: Lot) -> list[int]:
        """Of the touched rows, the members of prototypes that `update` would discard: it asks for their patterns."""
        if self._grouped is None:
            return []
        roster = self._roster.view()
        places = roster.places(touched)
        if not len(places):  # what is new is all there is, as a rule
            return []
        held = roster.keys[places[self._grouped.members()[places]]].tolist()
        return sorted(set(held).difference(row.seq for row in lot.rows))

    def regroup(self, patterns: Mapping[int, Vectors], standing: Standing) -> None:
        """Let other prototypes stand for some living episodes than before.

        Args:
            patterns: Those of the episodes.
            standing: What stands for them from now on.
        """
        if self._grouped is None or not patterns:
            return
        self._snapshot = None
        keys = sorted(patterns)
        groups = np.array([standing.groups.get(key, ALONE) for key in keys], dtype=np.int64)
        self._grouped.found(standing.means)
        self._grouped.assign(self._roster.view().places(keys), np.concatenate([patterns[key] for key in keys]), groups)
        self._grouped.settle()

    @property
    def worded(self) -> bool:
        """Whether any text was taken in."""
        return len(self._wording) > 0

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

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What there is beside texts, to be written down; nothing in it is of an episode that is gone."""
        roster, attributes = self._roster.view(), self._attributes.view()
        alive = roster.alive
        codes, heights, moments = self._patterns.living(alive)
        bonds = self._bonds.view()
        stated = alive[bonds.owners]
        actors, names = _renumbered(attributes.actors[alive], list(self._actors))
        sessions, titles = _renumbered(attributes.sessions[alive], [title for _, title in self._sessions])
        return {
            "keys": roster.keys[alive],
            "heights": heights,
            "values": codes.values,
            "scales": codes.scales,
            "errors": codes.errors,
            "total": moments.total,
            "second": moments.second,
            "actors": actors,
            "sessions": sessions,
            "times": attributes.times[alive],
            "ends": attributes.ends[alive],
            "firsts": self._chains.firsts[alive],
            "owners": (np.cumsum(alive) - 1)[bonds.owners[stated]],
            "targets": bonds.targets[stated],
            "names": written_names(names),
            "titles": written_names(titles),
        }

    @staticmethod
    def of(arrays: Arrays, dimension: int, namespace_id: int) -> Block:
        """The episodes of a namespace that were written down, with the codes of their patterns."""
        made = Block((), dimension, resident=False)
        made._roster.append(arrays["keys"])
        codes = Codes(arrays["values"], arrays["scales"], arrays["errors"])
        moments = Moments(len(codes.values), arrays["total"], arrays["second"])
        made._patterns = PatternSet.of(codes, arrays["heights"], moments)
        made._attributes.append(arrays["actors"], arrays["sessions"], arrays["times"], arrays["ends"])
        made._chains.append(arrays["sessions"], arrays["times"], arrays["firsts"])
        made._bonds = Bonds.of(arrays["keys"], arrays["firsts"], arrays["owners"], arrays["targets"])
        actors = arrays["actors"]
        counts = np.bincount(actors[actors >= 0]).tolist()
        for name, count in zip(read_names(arrays["names"]), counts, strict=True):
            made._actors[name] = len(made._actors)
            made._join(name, count)
        titles = read_names(arrays["titles"])
        made._sessions = {(namespace_id, title): number for number, title in enumerate(titles)}
        return made

    def words(self) -> dict[str, npt.NDArray[Any]]:
        """What texts say, to be written down, for those who have the same episodes; all must have been taken in."""
        roster = self._roster.view()
        return {"keys": roster.keys[roster.alive], **self._wording.arrays(roster.alive)}

    def take_words(self, arrays: Arrays) -> bool:
        """Take over what `words` has written down, if nothing is known of texts here, and if it fits.

        Returns:
            Whether it did; later texts may be missing still.
        """
        keys = arrays["keys"]
        here = self._roster.view().keys
        kept = np.isin(keys, here)  # of the others, the places are gone by now
        known = keys[kept]
        if len(self._wording) or not np.array_equal(known, here[: len(known)]):
            return False
        self._snapshot = None
        self._wording = Wording.of(arrays, len(keys))
        if not kept.all():
            self._wording.compact(kept)
        return True

    def __len__(self) -> int:
        """How many places there are, dead or alive."""
        return len(self._roster.view().keys)

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

    def _append(self, lots: Iterable[Lot], standing: Standing | None = None) -> None:
        rows: list[Stored] = []
        for lot in lots:
            if self._grouped is None or standing is None:
                self._patterns.append(lot.patterns, lot.heights)
            else:
                groups = [standing.groups.get(row.seq, ALONE) for row in lot.rows]
                self._grouped.append(lot.patterns, lot.heights, np.array(groups, dtype=np.int64))
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
                self._join(name, count)
        return numbers

    def _join(self, name: str, count: int) -> None:
        """Let an actor have so many episodes more."""
        number = self._actors[name]
        if not self._living[number]:
            for called in _calls(name):
                self._called[called] = self._called.get(called, frozenset()) | {number}
        self._living[number] += count

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
            roster, patterns = self._roster.view(), self._patterns.view()
            self._snapshot = Snapshot(
                roster,
                patterns,
                self._attributes.view(),
                self._chains.view(),
                self._bonds.view(),
                self._wording.view() if len(self._wording) == len(roster.keys) else None,
                MappingProxyType(self._actors),
                MappingProxyType(self._called),
                self._patterns.tally,
                Density(patterns, roster.alive) if patterns.shared is None else None,
            )
        return self._snapshot


def _numbered(numbers: dict[Name, int], names: Sequence[Name | None]) -> list[int]:
    """The number of each name, a new one where it has none yet; -1 for no name."""
    return [-1 if name is None else numbers.setdefault(name, len(numbers)) for name in names]


def _renumbered(numbers: npt.NDArray[np.int32], names: Sequence[str]) -> tuple[npt.NDArray[np.int32], list[str]]:
    """The names that are used of some numbered ones, -1 for none, and their numbers among themselves."""
    used = np.unique(numbers[numbers >= 0])
    found = np.searchsorted(used, numbers).astype(np.int32)
    found[numbers < 0] = -1
    return found, [names[number] for number in used.tolist()]


def _calls(name: str) -> set[str]:
    """What somebody of a name is called."""
    whole = name.casefold()
    return {whole, *whole.split()}


def _end(row: Stored) -> int:
    return NEVER if row.expires_at is None else row.expires_at


class Prepared(NamedTuple):
    """What is to be written down: for which position of the journal, in which space, and the arrays of each file."""

    position: int
    space_id: int
    files: list[tuple[str, int, Arrays]]


class WorkingSet:
    """Current episodes by namespace, loaded when a namespace is first asked for.

    Before every answer it reads the journal from where it stopped, so that it sees what other processes wrote.
    Nothing here is the truth: dropping it loses nothing.

    **Threads.** The caller holds a lock over `snapshots`; what that returns is safe without one.

    Args:
        resident: What is kept in memory: "patterns", these and their codes, though of those that were written down the
            codes only; "codes", these alone; "prototypes", of the members of prototypes what stands for them.
        caches: Where blocks are written down.
        device: Where codes are multiplied; see `mirrored`.
    """

    def __init__(self, *, resident: Resident = "patterns", caches: Caches | None = None, device: str = "cpu") -> None:
        self._resident = resident
        self._device = device
        self._caches = caches
        self._changes: dict[tuple[str, int], int] = {}  # since what was written down of a block
        self.built = False  # whether something large was made that could be written down
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
                self._blocks, self._changes, self._space_id = {}, {}, space_id
            self._catch_up(connection)
            for namespace_id in namespace_ids:
                if namespace_id not in self._blocks:
                    self._blocks[namespace_id] = self._loaded(connection, namespace_id, dimension)
                if worded:
                    self._word(connection, namespace_id)
        except BaseException:
            self._blocks, self._changes = (
                {},
                {},
            )  # read half of the journal, or interrupted in the middle of a block: true no more
            raise
        return [self._blocks[namespace_id].snapshot() for namespace_id in namespace_ids]

    def _catch_up(self, connection: Connection) -> None:
        if not self._blocks:
            self._position = journal.position(connection)
            return
        touched: dict[int, set[int]] = {}
        overlaid: dict[int, set[int]] = {}
        for position, change in journal.since(connection, self._position):
            self._position = position
            if change.namespace_id in self._blocks:
                of = overlaid if change.kind == _OVERLAY else touched
                of.setdefault(change.namespace_id, set()).add(change.episode_seq)
        for namespace_id, seqs in touched.items():
            self._renew(connection, namespace_id, self._blocks[namespace_id], seqs)
        for namespace_id, prototypes in overlaid.items():
            if namespace_id in self._blocks and self._blocks[namespace_id].grouped:
                self._regroup(connection, namespace_id, self._blocks[namespace_id], prototypes)

    def _renew(self, connection: Connection, namespace_id: int, block: Block, seqs: set[int]) -> None:
        """Take over what some rows are now."""
        if seqs:
            # What happened to a row does not matter, only what it is now: a burst of entries folds into one read.
            lot = current(connection, self._space_id, seqs)
            leaving = block.leaving(seqs, lot)
            patterns = vectors_of(connection, leaving, self._space_id) if leaving else {}
            if len(patterns) < len(leaving):  # erased: what they leave behind in the moments is not known any more
                self._drop(namespace_id)
                return
            block.regroup(patterns, _NOTHING)
            block.update(seqs, lot)
            for kind in KINDS:
                if (kind, namespace_id) in self._changes:
                    self._changes[kind, namespace_id] += len(seqs)

    def _regroup(self, connection: Connection, namespace_id: int, block: Block, prototypes: set[int]) -> None:
        """Take over what some prototypes are now; where that is most of them, by loading the block anew."""
        affected = members_of(connection, prototypes).union(block.members(prototypes))
        if len(affected) * _MANY > len(block):
            self._drop(namespace_id)
            return
        keys = sorted(affected)
        for start in range(0, len(keys), _PORTION):
            part = keys[start : start + _PORTION]
            alive = block.holding(part)
            block.regroup(vectors_of(connection, alive, self._space_id), standing_for(connection, namespace_id, alive))

    def _drop(self, namespace_id: int) -> None:
        """Forget a block: it is loaded when it is asked for again."""
        del self._blocks[namespace_id]
        for kind in KINDS:
            self._changes.pop((kind, namespace_id), None)

    def _loaded(self, connection: Connection, namespace_id: int, dimension: int) -> Block:
        """The episodes of a namespace, as they were written down and with what came since, or from the database."""
        if self._resident == "prototypes":  # of what is written down, most would have to be let go of again
            lots = self._current(connection, episode.c.namespace_id == namespace_id)
            block = Block(lots, dimension, standing=standing_for(connection, namespace_id))
            block.reflect(mirrored(self._device))
            return block
        held = None if self._caches is None else self._caches.read(connection, "codes", namespace_id)
        if held is None:
            lots = self._current(connection, episode.c.namespace_id == namespace_id)
            block = Block(lots, dimension, resident=self._resident == "patterns")
            block.reflect(mirrored(self._device))
            self.built = self.built or len(block) >= LEAST
            return block
        block = Block.of(held.arrays, dimension, namespace_id)
        block.reflect(mirrored(self._device))
        self._changes["codes", namespace_id] = 0
        changes = journal.since(connection, held.position)
        touched = {
            each.episode_seq for _, each in changes if each.kind != _OVERLAY and each.namespace_id == namespace_id
        }
        self._renew(connection, namespace_id, block, touched)
        return block

    def _word(self, connection: Connection, namespace_id: int) -> None:
        """Take in what the texts of a namespace say, as it was written down, and what that lacks from the texts."""
        block = self._blocks[namespace_id]
        if self._caches is not None and not block.worded:
            held = self._caches.read(connection, "words", namespace_id)
            if held is not None and block.take_words(held.arrays):
                self._changes["words", namespace_id] = len(block.unread())
            self.built = self.built or len(block.unread()) >= LEAST
        _word(connection, block)

    def held(self) -> tuple[int, int]:
        """How many patterns are in memory, of all blocks, and how many bytes they take."""
        found = [block.held() for block in self._blocks.values()]
        return sum(patterns for patterns, _ in found), sum(taken for _, taken in found)

    def worth_keeping(self) -> bool:
        """Whether there is something to write down."""
        return self._caches is not None and any(True for _ in self._paying(self._caches))

    def prepared(self, connection: Connection) -> Prepared | None:
        """What is worth it to be written down, as the connection's transaction sees it."""
        if self._caches is None or space.find(connection).id != self._space_id:
            return None
        files: list[tuple[str, int, Arrays]] = []
        try:
            self._catch_up(connection)
            for kind, namespace_id in self._paying(self._caches):
                block = self._blocks[namespace_id]
                if kind == "words":
                    _word(connection, block)
                files.append((kind, namespace_id, block.arrays() if kind == "codes" else block.words()))
        except BaseException:
            self._blocks, self._changes = {}, {}
            raise
        return Prepared(self._position, self._space_id, files)

    def keep(self, connection: Connection, prepared: Prepared) -> bool:
        """Write it down, in a transaction that holds the write lock: nobody can erase meanwhile.

        Returns:
            False, and nothing is written, if the database has changed since.
        """
        now = Prepared(journal.position(connection), space.find(connection).id, [])
        if self._caches is None or now[:2] != prepared[:2]:
            return False
        for kind, namespace_id, arrays in prepared.files:
            if self._caches.write(connection, kind, namespace_id, arrays):
                self._changes[kind, namespace_id] = 0
        return True

    def _paying(self, files: Caches) -> Iterator[tuple[str, int]]:
        """What is not written down yet, or not any more, or has changed enough since."""
        for namespace_id, block in self._blocks.items():
            if len(block) < LEAST:
                continue
            for kind in KINDS:
                if (kind == "codes" and block.grouped) or (kind == "words" and not block.worded):
                    continue
                changes = self._changes.get((kind, namespace_id))
                if changes is None or changes * _PART > len(block) or not files.has(kind, namespace_id):
                    yield kind, namespace_id

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
