"""Episodes as rows: reading and erasing, inside a transaction that is given. Knows no model and no cue."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    or_,
    select,
    type_coerce,
)

from am_agent.draft import Vectors
from am_agent.episode import Episode, Namespace
from am_agent.filter import Predicate
from am_agent.store import calibrations, journal, links, namespaces, prototypes, uses
from am_agent.store.journal import Change
from am_agent.store.links import Stated
from am_agent.store.numbered import GIVEN, numbers, written
from am_agent.store.prepared import Prepared
from am_agent.store.schema import episode, namespace, vector
from am_agent.store.vectors import decode_vectors

_CHUNK = 500  # strings in one statement: SQLite bounds the number of its variables
_PAGE = 1000  # rows fetched at a time
_LOT = 1024  # versions whose patterns are read at a time: as fast as any number above, in a few megabytes


@dataclass(frozen=True, slots=True)
class Visibility:
    """Which versions may be seen: the current ones at `now`, or those that were current `as_of` an earlier time."""

    now: datetime
    as_of: datetime | None = None

    def clause(self, table: FromClause = episode) -> ColumnElement[bool]:
        """The condition on `episode`, or on another name of it."""
        alive = or_(table.c.expires_at.is_(None), table.c.expires_at > self.now)
        if self.as_of is None:
            return and_(table.c.superseded_at.is_(None), alive)
        later = or_(table.c.superseded_at.is_(None), table.c.superseded_at > self.as_of)
        return and_(table.c.recorded_at <= self.as_of, later, alive)


class Stored(NamedTuple):
    """One version as the memory's arrays need it, under its place in the order of recording; times in microseconds."""

    seq: int
    namespace_id: int
    first_seq: int  # of the first version of its id
    actor: str | None
    session: str | None
    occurred_at: int
    expires_at: int | None
    named: tuple[int, ...] = ()  # the `first_seq` of each episode that this one answers or was made from


@dataclass(frozen=True, slots=True)
class Lot:
    """Some versions in the order of recording, with their patterns.

    Attributes:
        rows: The versions.
        heights: How many patterns each has, int64 [n].
        patterns: Of all of them, in their order, float32 [sum of heights, d].
    """

    rows: list[Stored]
    heights: npt.NDArray[np.int64]
    patterns: Vectors

    @staticmethod
    def joined(lots: Iterable[Lot]) -> Lot:
        """Several lots as one."""
        parts = [lot for lot in lots if lot.rows]
        if len(parts) < 2:
            return parts[0] if parts else _NO_LOT
        return Lot(
            [row for part in parts for row in part.rows],
            np.concatenate([part.heights for part in parts]),
            np.concatenate([part.patterns for part in parts]),
        )

    def without(self, seqs: Collection[int]) -> Lot:
        """The lot but for some versions."""
        if not seqs:
            return self
        kept = np.array([row.seq not in seqs for row in self.rows], dtype=np.bool_)
        rows = [row for row in self.rows if row.seq not in seqs]
        return Lot(rows, self.heights[kept], self.patterns[np.repeat(kept, self.heights)])


_NO_LOT = Lot([], np.empty(0, dtype=np.int64), np.empty((0, 0), dtype=np.float32))


class Erased(NamedTuple):
    """How many ids were erased, and the row numbers of all their versions."""

    episodes: int
    seqs: list[int]


class Totals(NamedTuple):
    """Visible episodes, versions of all kinds, and patterns of one embedder."""

    episodes: int
    versions: int
    patterns: int


def select_episodes(
    connection: Connection,
    namespace_ids: Sequence[int],
    visibility: Visibility,
    *,
    predicate: Predicate | None = None,
    newest_first: bool = False,
    limit: int | None = None,
    offset: int = 0,
) -> list[Episode]:
    """Read episodes in the order of recording, or against it."""
    order = episode.c.seq.desc() if newest_first else episode.c.seq
    query = _in(namespace_ids, visibility).order_by(order)
    if predicate is None:
        return list(_read(connection, connection.execute(query.limit(limit).offset(offset)), visibility))
    rows = (row for row in _stream(connection, query) if predicate(row.metadata))
    stop = None if limit is None else offset + limit
    return list(_read(connection, islice(rows, offset, stop), visibility))


def matching(
    connection: Connection,
    namespace_ids: Sequence[int],
    visibility: Visibility,
    predicate: Predicate | None = None,
    before: datetime | None = None,
) -> list[tuple[int, str]]:
    """The row number and the id of each episode that satisfies a filter, and that occurred before a time."""
    columns = (episode.c.seq, episode.c.id, episode.c.metadata)
    query = select(*columns).where(episode.c.namespace_id.in_(numbers(namespace_ids)), visibility.clause())
    if before is not None:
        query = query.where(episode.c.occurred_at < before)
    rows = _stream(connection, query)
    return [(row.seq, row.id) for row in rows if predicate is None or predicate(row.metadata)]


def count(
    connection: Connection,
    namespace_ids: Sequence[int],
    visibility: Visibility,
    predicate: Predicate | None = None,
) -> int:
    """How many episodes are visible and satisfy a filter."""
    if predicate is not None:
        return len(matching(connection, namespace_ids, visibility, predicate))
    where = (episode.c.namespace_id.in_(numbers(namespace_ids)), visibility.clause())
    return int(connection.execute(select(func.count()).select_from(episode).where(*where)).scalar_one())


def totals(connection: Connection, now: datetime, space_id: int) -> Totals:
    """The size of everything that is stored."""
    visible = select(func.count()).select_from(episode).where(Visibility(now).clause())
    versions = select(func.count()).select_from(episode)
    patterns = select(func.count()).select_from(vector).where(vector.c.embedder_id == space_id)
    return Totals(*(int(connection.execute(query).scalar_one()) for query in (visible, versions, patterns)))


def by_id(
    connection: Connection, namespace_ids: Sequence[int], ids: Sequence[str], visibility: Visibility
) -> list[Episode]:
    """Read episodes by their ids, in the order of the ids; unknown ones are skipped."""
    found: dict[str, Episode] = {}
    for start in range(0, len(ids), _CHUNK):
        query = _in(namespace_ids, visibility).where(episode.c.id.in_(ids[start : start + _CHUNK]))
        found.update((each.id, each) for each in _read(connection, connection.execute(query), visibility))
    return [found[each] for each in ids if each in found]


def known_texts(
    connection: Connection, keys: Iterable[tuple[Namespace, str | None]]
) -> dict[tuple[Namespace, str], str]:
    """The current texts of those ids that are known in their namespaces."""
    wanted: dict[Namespace, list[str]] = {}
    for path, id_ in keys:
        wanted.setdefault(path, []).append(id_ or "")
    found: dict[tuple[Namespace, str], str] = {}
    for path, ids in wanted.items():
        scope = episode.c.namespace_id.in_(numbers(namespaces.find(connection, path)))
        for start in range(0, len(ids), _CHUNK):
            query = select(episode.c.id, episode.c.text).where(
                scope, episode.c.superseded_at.is_(None), episode.c.id.in_(ids[start : start + _CHUNK])
            )
            found.update(((path, row.id), row.text) for row in connection.execute(query))
    return found


def superseded(connection: Connection, path: Namespace, ids: Sequence[str]) -> Iterator[Episode]:
    """Stream the versions of some ids that were replaced by others."""
    scope = episode.c.namespace_id.in_(numbers(namespaces.find(connection, path)))
    for start in range(0, len(ids), _CHUNK):
        old = (episode.c.superseded_at.is_not(None), episode.c.id.in_(ids[start : start + _CHUNK]))
        yield from _read(connection, _stream(connection, _columns().where(scope, *old)))


def seqs_of(
    connection: Connection, namespace_ids: Sequence[int], ids: Sequence[str], visibility: Visibility
) -> list[int]:
    """The row numbers of the versions that are visible under some ids."""
    where = (episode.c.namespace_id.in_(numbers(namespace_ids)), episode.c.id.in_(ids), visibility.clause())
    return list(connection.execute(select(episode.c.seq).where(*where)).scalars())


def by_seq(connection: Connection, seqs: Sequence[int], visibility: Visibility) -> dict[int, Episode]:
    """Read versions by their row numbers; the links that they state are told where their targets may be seen."""
    rows = _BY_SEQ.rows(connection, given=written(seqs))
    return dict(zip((row.seq for row in rows), _read(connection, rows, visibility), strict=True))


def all_versions(connection: Connection, namespace_ids: Sequence[int]) -> Iterator[tuple[int, Episode]]:
    """Stream every stored version with its row number, in the order of recording."""
    query = _columns().where(episode.c.namespace_id.in_(numbers(namespace_ids))).order_by(episode.c.seq)
    for page in _pages(_stream(connection, query)):
        yield from zip((row.seq for row in page), _read(connection, page), strict=True)


def stored(connection: Connection, space_id: int, where: ColumnElement[bool]) -> Iterator[Lot]:
    """Stream the versions that satisfy a condition on `episode`, in the order of recording."""
    # Which ones first, from an index alone: to order whole rows, SQLite would copy them all.
    seqs = sorted(connection.execute(select(episode.c.seq).where(where)).scalars().all())
    return (_lot(connection, space_id, seqs[start : start + _LOT]) for start in range(0, len(seqs), _LOT))


def visible(
    connection: Connection, space_id: int, namespace_ids: Sequence[int], visibility: Visibility
) -> Iterator[Lot]:
    """Stream the versions of some namespaces that may be seen, in the order of recording."""
    return stored(connection, space_id, and_(episode.c.namespace_id.in_(numbers(namespace_ids)), visibility.clause()))


def current(connection: Connection, space_id: int, seqs: Iterable[int]) -> Lot:
    """Those of some versions that are current, in the order of recording."""
    asked = sorted(seqs)
    parts = (asked[start : start + _LOT] for start in range(0, len(asked), _LOT))
    return Lot.joined(_lot(connection, space_id, part, _CURRENT) for part in parts)


def _lots() -> Select[Any]:
    earlier = episode.alias("earlier")
    first = (
        select(earlier.c.seq)
        .where(earlier.c.namespace_id == episode.c.namespace_id, earlier.c.id == episode.c.id)
        .order_by(earlier.c.version)  # the order of the index: one step, however many versions there are
        .limit(1)
        .correlate(episode)
        .scalar_subquery()
    )
    return (
        select(
            vector.c.ordinal,
            vector.c.data,
            episode.c.seq,
            episode.c.namespace_id,
            case((episode.c.version == 1, episode.c.seq), else_=first),
            episode.c.actor,
            episode.c.session,
            type_coerce(episode.c.occurred_at, BigInteger),
            type_coerce(episode.c.expires_at, BigInteger),
            links.first_rows().label("named"),
        )
        .join(vector, vector.c.episode_seq == episode.c.seq)
        .where(vector.c.embedder_id == bindparam("space"), episode.c.seq.in_(GIVEN))
        .order_by(episode.c.seq, vector.c.ordinal)
    )


_LOTS = Prepared(_lots())
_CURRENT = Prepared(_lots().where(episode.c.superseded_at.is_(None)))


def _lot(connection: Connection, space_id: int, seqs: list[int], lots: Prepared = _LOTS) -> Lot:
    found = lots.rows(connection, given=written(seqs), space=space_id)
    if not found:
        return _NO_LOT
    ordinals, blobs, *facts, named = zip(*found, strict=True)
    starts = np.flatnonzero(np.array(ordinals) == 0)
    heights = np.diff([*starts, len(ordinals)])
    targets = [tuple(map(int, each.split(","))) if each else () for each in named]
    rows = list(map(Stored._make, zip(*facts, targets, strict=True)))
    return Lot([rows[start] for start in starts], heights, decode_vectors(blobs))


_TEXTS = Prepared(select(episode.c.seq, episode.c.text).where(episode.c.seq.in_(GIVEN)))


def texts_of(connection: Connection, seqs: Iterable[int]) -> dict[int, str]:
    """The texts of some versions."""
    return dict(_TEXTS.rows(connection, given=written(seqs)))


def seqs_in(connection: Connection, namespace_ids: Sequence[int], visibility: Visibility) -> list[int]:
    """The row numbers of what may be seen of some namespaces, in the order of recording."""
    query = select(episode.c.seq).where(*_seen(namespace_ids, visibility)).order_by(episode.c.seq)
    return list(connection.execute(query).scalars())


def actors_in(connection: Connection, namespace_ids: Sequence[int], visibility: Visibility) -> list[str]:
    """Who says or does anything that may be seen of some namespaces, in the order of their names."""
    named = select(episode.c.actor).where(*_seen(namespace_ids, visibility), episode.c.actor.is_not(None))
    return list(connection.execute(named.distinct().order_by(episode.c.actor)).scalars())


_NAMES = Prepared(select(episode.c.seq, episode.c.id).where(episode.c.seq.in_(GIVEN)))


def names_of(connection: Connection, seqs: Iterable[int]) -> dict[int, str]:
    """The ids of some versions."""
    return dict(_NAMES.rows(connection, given=written(seqs)))


def erase(
    connection: Connection, namespace_ids: Sequence[int], now: datetime, *, ids: Sequence[str] | None = None
) -> Erased:
    """Delete episodes with all their versions and vectors: those of some ids, or all of the namespaces."""
    scope = episode.c.namespace_id.in_(numbers(namespace_ids))
    if ids is None:
        erased = _erase(connection, scope, now)
        namespaces.drop_empty(connection, set(namespace_ids))  # those without an episode may hold weights
        return erased
    return _together(
        _erase(connection, and_(scope, episode.c.id.in_(ids[start : start + _CHUNK])), now)
        for start in range(0, len(ids), _CHUNK)
    )


_EXPIRED = Prepared(
    select(episode.c.namespace_id, episode.c.id).where(
        episode.c.expires_at <= bindparam("now"), episode.c.superseded_at.is_(None)
    )
)


def erase_expired(connection: Connection, now: datetime) -> Erased:
    """Delete what has expired, in every namespace."""
    found = _EXPIRED.rows(connection, now=now)
    return _together(
        _erase(connection, and_(episode.c.namespace_id == namespace_id, episode.c.id == id_), now)
        for namespace_id, id_ in found
    )


def _together(parts: Iterable[Erased]) -> Erased:
    episodes, seqs = 0, list[int]()
    for part in parts:
        episodes += part.episodes
        seqs += part.seqs
    return Erased(episodes, seqs)


def _erase(connection: Connection, where: ColumnElement[bool], now: datetime) -> Erased:
    rows = connection.execute(select(episode.c.seq, episode.c.namespace_id, episode.c.id).where(where)).all()
    if not rows:
        return Erased(0, [])
    prototypes.unlearn(connection, [row.seq for row in rows], now)
    journal.append(connection, [Change("erase", row.namespace_id, row.seq) for row in rows], now)
    connection.execute(delete(episode).where(where))
    uses.drop(connection, {row.namespace_id for row in rows})
    calibrations.drop(connection, {row.namespace_id for row in rows})
    namespaces.drop_empty(connection, {row.namespace_id for row in rows})
    return Erased(len({(row.namespace_id, row.id) for row in rows}), [row.seq for row in rows])


def _read(connection: Connection, rows: Iterable[Row[Any]], visibility: Visibility | None = None) -> Iterator[Episode]:
    """Make episodes of rows of `_columns`, and ask for the links of those that state any.

    A link is told where its target may be seen; without a visibility, wherever it is stored.
    """
    for page in _pages(rows):
        linking = [row.seq for row in page if row.linking]
        told = links.stated(connection, linking, None if visibility is None else visibility.clause)
        for row in page:
            yield _episode(row, told.get(row.seq, links.NOTHING))


def _pages(rows: Iterable[Row[Any]]) -> Iterator[list[Row[Any]]]:
    iterator = iter(rows)
    while page := list(islice(iterator, _PAGE)):
        yield page


def _episode(row: Row[Any], stated: Stated) -> Episode:
    return Episode(
        id=row.id,
        text=row.text,
        namespace=namespaces.decode(row.path),
        actor=row.actor,
        occurred_at=row.occurred_at,
        session=row.session,
        metadata=row.metadata,
        version=row.version,
        recorded_at=row.recorded_at,
        superseded_at=row.superseded_at,
        expires_at=row.expires_at,
        reply_to=stated.reply_to,
        derived_from=stated.derived_from,
    )


def _columns() -> Select[Any]:
    columns = select(episode, namespace.c.path, links.any_stated().label("linking"))
    return columns.join(namespace, namespace.c.id == episode.c.namespace_id)


_BY_SEQ = Prepared(_columns().where(episode.c.seq.in_(GIVEN)))


def _in(namespace_ids: Sequence[int], visibility: Visibility) -> Select[Any]:
    return _columns().where(*_seen(namespace_ids, visibility))


def _seen(namespace_ids: Sequence[int], visibility: Visibility) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return episode.c.namespace_id.in_(numbers(namespace_ids)), visibility.clause()


def _stream(connection: Connection, query: Select[Any]) -> Iterator[Row[Any]]:
    return iter(connection.execution_options(yield_per=_PAGE).execute(query))
