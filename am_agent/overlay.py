"""The overlay of prototypes: passes over a namespace, undo, and what there is. Wires clustering and store together.

A pass reads one snapshot, groups it without any lock, and writes what still holds in one short transaction: recall is
never blocked, and whoever is killed has written all or nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

import numpy as np
from sqlalchemy import Connection

from am_agent.coarse import Stand, cost
from am_agent.consolidation import DUPLICATE, THEME, Group, Grouping, Nearest, consolidated
from am_agent.episode import Consolidation, Namespace, Prototype, Unconsolidation
from am_agent.errors import UnknownPrototype
from am_agent.groups import told
from am_agent.hopfield.codes import Floats, Reals
from am_agent.hopfield.roster import Integers
from am_agent.intake import Intake
from am_agent.matching import Matched, matched, without
from am_agent.store import episodes, journal, namespaces, prototypes, space
from am_agent.store.database import Database
from am_agent.store.episodes import Lot, Visibility
from am_agent.store.prototypes import LEAST, Kept, Run, Shape
from am_agent.summaries import NoSummary, Summariser, TooSlow

_log = logging.getLogger("am_agent")

TIERS: Final = (DUPLICATE, THEME)

_GROWN = 2
"""A pass is over all episodes when there are so many times as many as at the last one that was, or as few."""

_UNSETTLING: Final = ("close", "erase", "prototype")
"""The kinds of changes after which what a pass has found holds in part; what is new is left to the next one."""

_PATIENCE = 3
"""A summariser that takes too long so many times in a row is not asked any more in this pass."""

_GROUPED = 0.9
"""The share of the work that grouping is, where texts are made afterwards."""

_LOOK = 1.0
"""Seconds after which a pass that groups looks again whether another process has done it meanwhile."""

_REMEMBERED = 200_000
"""Episodes whose nearest neighbours are kept for the next pass, 512 bytes each; those of the last pass in any case."""

Progress = Callable[[float], object]
Limits = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class Asked:
    """A pass as it was asked for.

    Attributes:
        path: The namespace.
        duplicate: The threshold of near-duplicates; None for the namespace's own.
        theme: The threshold of themes; None for the namespace's own.
        again: Take the thresholds of the last pass instead.
        dry_run: Write nothing.
        summariser: What makes a text of a theme's members; None for their medoid's.
        progress: Called now and then with the share that is done.
    """

    path: Namespace
    duplicate: float | None = None
    theme: float | None = None
    again: bool = False
    dry_run: bool = False
    summariser: Summariser | None = None
    progress: Progress | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Basis:
    """What a pass is over: a namespace at one moment."""

    position: int  # of the journal
    namespace_id: int
    space_id: int
    newest: Run | None
    whole: Run | None
    kept: list[Kept]
    keys: Integers
    starts: Integers
    patterns: Floats

    @property
    def strengths(self) -> Reals:
        return np.ones(len(self.keys))

    def rows(self, key: int) -> Floats:
        place = int(np.searchsorted(self.keys, key))
        end = self.starts[place + 1] if place + 1 < len(self.starts) else len(self.patterns)
        return self.patterns[self.starts[place] : end]


@dataclass(slots=True)
class _Texts:
    """What became of a pass's summaries."""

    made: int = 0
    failed: int = 0


class _Overtaken(Exception):
    """Another process, or thread, has consolidated or undone since the snapshot."""


class Overlay:
    """The prototypes of a memory. Safe from several threads and processes.

    Args:
        database: Where they are.
        intake: What writes.
    """

    def __init__(self, database: Database, intake: Intake) -> None:
        self._database = database
        self._intake = intake
        self._lock = threading.Lock()  # over what was found before
        self._nearest: OrderedDict[tuple[int, int], Nearest] = OrderedDict()

    # ------------------------------------------------------------------------------------------------ a pass

    def consolidate(self, asked: Asked) -> Consolidation:
        """Group the episodes of a namespace, and write down what has changed."""
        began, overtaken = time.perf_counter(), False
        while True:
            basis = self._basis(asked.path)
            try:
                report = Consolidation(asked.path) if basis is None else self._pass(asked, basis)
            except _Overtaken:
                report = None
            if report is not None:
                return replace(report, overtaken=overtaken, seconds=time.perf_counter() - began)
            overtaken = True  # by another process, or thread: look again at what is left to do

    def due(self, path: Namespace) -> int:
        """How many episodes of a namespace no pass has seen."""
        with self._database.reading() as connection:
            return sum(prototypes.unseen(connection, each) for each in namespaces.find(connection, path))

    def _basis(self, path: Namespace) -> _Basis | None:
        now = _now()
        with self._database.reading() as connection:
            found = space.find(connection)
            position = journal.position(connection)
            ids = namespaces.find(connection, path)
            if found.space is None or not ids:
                return None
            lot = Lot.joined(episodes.visible(connection, found.id, ids, Visibility(now)))
            if not lot.rows:
                return None
            return _Basis(
                position,
                ids[0],
                found.id,
                prototypes.newest(connection, ids[0]),
                prototypes.newest_whole(connection, ids[0]),
                prototypes.current(connection, ids, now=now),
                np.array([row.seq for row in lot.rows], dtype=np.int64),
                np.cumsum([0, *lot.heights[:-1]]),
                lot.patterns,
            )

    def _pass(self, asked: Asked, basis: _Basis) -> Consolidation | None:
        newest = basis.newest
        limits: Limits = (asked.duplicate, asked.theme)
        if asked.again and newest is not None:
            limits = (newest.duplicate, newest.theme)
        whole = _is_whole(basis, limits)
        fresh = _fresh(basis)
        grouping: Grouping | None = None
        groups = [without(each.shape) for each in basis.kept]
        if whole or len(fresh):
            grouping = self._grouped(basis, limits, None if whole else fresh, self._watching(asked, basis))
            groups = [_shape(each) for each in grouping.groups]
        found = matched(basis.kept, groups)
        texts = _Texts()
        if asked.summariser is not None and not asked.dry_run:
            groups = self._summarised(groups, found, asked.summariser, texts, asked.progress)
            found = matched(basis.kept, groups)
        run_id = None
        if not asked.dry_run and (found.changes or grouping is not None):
            written = self._write(asked.path, basis, groups, found, limits, whole=whole)
            if written is None:
                return None
            run_id, found, groups = written
        if asked.progress is not None:
            asked.progress(1.0)
        report = _report(asked.path, basis, groups, found, grouping)
        return replace(report, run_id=run_id, whole=whole, summaries=texts.made, failures=texts.failed)

    def _grouped(self, basis: _Basis, limits: Limits, fresh: Integers | None, progress: Progress | None) -> Grouping:
        """Find the groups, with the help of the neighbours that an earlier pass of this process has found."""
        which = basis.namespace_id, basis.space_id
        with self._lock:
            known = self._nearest.pop(which, None)
        found = consolidated(
            basis.keys,
            basis.starts,
            basis.patterns,
            basis.strengths,
            before=None if fresh is None else [_group(each.shape) for each in basis.kept],
            fresh=fresh,
            duplicate=limits[0],
            theme=limits[1],
            known=known,
            progress=progress,
        )
        with self._lock:
            self._nearest[which] = found.neighbours
            while sum(len(each.keys) for each in self._nearest.values()) > _REMEMBERED and len(self._nearest) > 1:
                self._nearest.popitem(last=False)
        return found

    def _watching(self, asked: Asked, basis: _Basis) -> Progress:
        """Tell the progress of grouping, as a share of all there is to do, and stop when somebody else has done it."""
        share, looked = 1.0 if asked.summariser is None else _GROUPED, time.monotonic()

        def tell(done: float) -> None:
            nonlocal looked
            if time.monotonic() - looked >= _LOOK:
                with self._database.reading() as connection:
                    if prototypes.newest(connection, basis.namespace_id) != basis.newest:
                        raise _Overtaken
                looked = time.monotonic()
            if asked.progress is not None:
                asked.progress(share * done)

        return tell

    def _write(
        self, path: Namespace, basis: _Basis, groups: Sequence[Shape], found: Matched, limits: Limits, *, whole: bool
    ) -> tuple[str, Matched, list[Shape]] | None:
        """Write down what still holds of what was found, and say what that is.

        Nothing, and None, where the vectors are others now, or there was another run, or an undo.
        """
        held = list(groups)
        with self._intake.writing() as (connection, now):
            there = namespaces.find(connection, path) == [basis.namespace_id]  # not after all of it was erased
            same = space.find(connection).id == basis.space_id
            if not there or not same or prototypes.newest(connection, basis.namespace_id) != basis.newest:
                return None
            since = [each for _, each in journal.since(connection, basis.position)]
            touched = [each for each in since if each.namespace_id == basis.namespace_id and each.kind in _UNSETTLING]
            if touched:  # otherwise there are the prototypes that it was matched with, and all of its episodes
                lost = {each.episode_seq for each in touched if each.kind != "prototype"}
                held = [left for each in groups if (left := _left(basis, each, lost)) is not None]
                found = matched(prototypes.current(connection, [basis.namespace_id], now=now), held)
            run_id = prototypes.write(
                connection,
                found.plan,
                namespace_id=basis.namespace_id,
                space_id=basis.space_id,
                now=now,
                whole=whole,
                episodes=len(basis.keys),
                through=int(basis.keys[-1]),
                duplicate=limits[0],
                theme=limits[1],
            )
        return run_id, found, held

    def _summarised(
        self,
        groups: Sequence[Shape],
        found: Matched,
        summariser: Summariser,
        texts: _Texts,
        progress: Progress | None,
    ) -> list[Shape]:
        """The groups with a text for each theme that has none; where none can be had, the medoid's stays."""
        wanted = [place for place in found.open if groups[place].tier == THEME]
        made, slow = list(groups), 0
        for done, place in enumerate(wanted):
            if progress is not None:
                progress(_GROUPED + (1 - _GROUPED) * done / len(wanted))
            try:
                if slow == _PATIENCE:
                    raise NoSummary(f"{summariser.name} took too long {slow} times in a row and was not asked again")
                made[place] = without(groups[place], self._summary(groups[place], summariser), summariser.name)
                texts.made += 1
                slow = 0
            except NoSummary as error:
                slow += isinstance(error, TooSlow)
                texts.failed += 1
                _log.warning("a theme of %d episodes keeps its medoid's text: %s", len(groups[place].members), error)
        return made

    def _summary(self, group: Shape, summariser: Summariser) -> str:
        with self._database.reading() as connection:
            told = episodes.texts_of(connection, group.members.tolist())
        return summariser([told[key] for key in group.members.tolist() if key in told])

    # ------------------------------------------------------------------------------------------------ undo

    def unconsolidate(self, id_: str, path: Namespace | None) -> Unconsolidation:
        """Take back a run, or what made a prototype, with all that was built on it."""
        with self._intake.writing() as (connection, now):
            found = prototypes.run_of(connection, id_)
            if found is not None:
                _check_place(connection, id_, found[1], path)
                undone = prototypes.undo_run(connection, *found, now)
            else:
                one = prototypes.find(connection, id_)
                if one is None:
                    raise _unknown(id_)
                _check_place(connection, id_, one[1], path)
                undone = prototypes.undo_prototype(connection, one[0], one[1], now)
        return Unconsolidation(tuple(undone.runs), undone.gone, undone.restored)

    # ------------------------------------------------------------------------------------------------ reading

    def prototypes(self, path: Namespace, tier: str | None, *, subtree: bool = False) -> list[Prototype]:
        """The prototypes of a namespace, the heaviest first."""
        with self._database.reading() as connection:
            now = _now()
            ids = namespaces.find(connection, path, subtree=subtree)
            kept = prototypes.current(connection, ids, now=now)
            found = told(connection, [each for each in kept if tier in (None, each.shape.tier)])
        return sorted(found, key=lambda each: -each.weight)

    def prototype(self, id_: str, path: Namespace | None) -> Prototype:
        """One prototype."""
        with self._database.reading() as connection:
            found = prototypes.find(connection, id_)
            if found is None:
                raise _unknown(id_)
            _check_place(connection, id_, found[1], path)
            kept = prototypes.current(connection, [found[1]], seqs=[found[0]], now=_now())
            if not kept:
                raise UnknownPrototype(
                    f"the prototype {id_!r} was given up, or one of its members has expired; `prototypes()` lists "
                    "those that there are"
                )
            return told(connection, kept)[0]


def _is_whole(basis: _Basis, limits: Limits) -> bool:
    """Whether a pass is to be over all episodes: the first, with other thresholds, or with many more or fewer."""
    newest, whole, count = basis.newest, basis.whole, len(basis.keys)
    if newest is None or whole is None or limits != (newest.duplicate, newest.theme):
        return True
    return count >= _GROWN * whole.episodes or _GROWN * count <= whole.episodes


def _fresh(basis: _Basis) -> Integers:
    """The episodes that came since the newest run. What only says something else about itself is a member already."""
    if basis.newest is None:
        return basis.keys
    held = np.concatenate([np.empty(0, dtype=np.int64), *(each.shape.members for each in basis.kept)])
    return np.setdiff1d(basis.keys[basis.keys > basis.newest.through], held)


def _group(given: Shape) -> Group:
    return Group(given.tier, given.members, given.weights, given.mean, given.radius, given.medoid)


def _shape(given: Group) -> Shape:
    return Shape(given.tier, given.members, given.weights, given.mean, given.radius, int(given.medoid))


def _left(basis: _Basis, group: Shape, lost: set[int]) -> Shape | None:
    """A group without what is gone since it was found; None where nothing is left that belongs together."""
    kept = [
        (key, weight)
        for key, weight in zip(group.members.tolist(), group.weights.tolist(), strict=True)
        if key not in lost
    ]
    if len(kept) == len(group.members):
        return group
    if len(kept) < LEAST:
        return None
    keys = [key for key, _ in kept]
    return prototypes.measure(keys, [weight for _, weight in kept], {key: basis.rows(key) for key in keys}, group.tier)


def _report(
    path: Namespace, basis: _Basis, groups: Sequence[Shape], found: Matched, grouping: Grouping | None
) -> Consolidation:
    strengths = basis.strengths
    stands, covered = list[Stand](), np.zeros(len(basis.keys), dtype=np.bool_)
    for tier in (THEME, DUPLICATE):  # the widest that an episode has stands for it
        for each in groups:
            places = np.searchsorted(basis.keys, each.members)
            if each.tier == tier and not covered[places].any():
                stands.append(Stand(places, each.mean, each.radius))
                covered[places] = True
    held = np.zeros(len(basis.keys), dtype=np.bool_)
    for each in groups:
        held[np.searchsorted(basis.keys, each.members)] = True
    costs = cost(basis.patterns, basis.starts, strengths, stands)
    radii = [each.radius for each in groups]
    themes = sum(each.tier == THEME for each in groups)
    return Consolidation(
        path,
        episodes=len(basis.keys),
        covered=int(np.count_nonzero(held)),
        duplicates=len(groups) - themes,
        themes=themes,
        made=len(found.plan.made),
        changed=len(found.plan.changed),
        joined=found.joined,
        split=found.split,
        largest_radius=max(radii, default=0.0),
        mean_radius=float(np.mean(radii)) if radii else 0.0,
        bound=costs.bound,
        energy_change=costs.change,
        beta=costs.beta,
        saving=None if grouping is None else grouping.saving,
        structured=themes > 0 if grouping is None else grouping.structured,
    )


def _check_place(connection: Connection, id_: str, namespace_id: int, path: Namespace | None) -> None:
    """An id of another namespace is as good as unknown."""
    if path is not None and namespaces.find(connection, path) != [namespace_id]:
        raise _unknown(id_)


def _unknown(id_: str) -> UnknownPrototype:
    return UnknownPrototype(
        f"there is no prototype and no run {id_!r}; `prototypes()` lists the prototypes that there are, and what was "
        "undone is forgotten"
    )


def _now() -> datetime:
    return datetime.now(UTC)
