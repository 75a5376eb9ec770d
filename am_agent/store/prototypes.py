"""The overlay of prototypes as rows: runs, what they changed, undo, un-learning. Knows numbers, and how to measure.

A run overwrites nothing: what it changes, it ends, and writes anew, so that what it found can be brought back. What an
erased or replaced episode has left in a prototype is taken out of every row, those of earlier runs included.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import uuid_utils
from sqlalchemy import ColumnElement, Connection, Table, bindparam, delete, func, insert, or_, select, update

from am_agent.centroid import centroid
from am_agent.draft import Vectors
from am_agent.store import journal
from am_agent.store.journal import Change
from am_agent.store.numbered import numbers
from am_agent.store.schema import episode, member, prototype, run, shape
from am_agent.store.vectors import decode_vectors, encode_vector, vectors_of

LEAST = 2
"""A prototype of fewer members is none."""


@dataclass(frozen=True, slots=True)
class Run:
    """A pass that was written down.

    Attributes:
        seq: Its place in the order of the runs.
        id: What a caller knows it by.
        whole: Whether it was a pass over all episodes.
        episodes: How many it was over.
        through: The number of the newest episode that it has seen.
        duplicate: The threshold that was asked for; None for the namespace's own.
        theme: The same for themes.
    """

    seq: int
    id: str
    whole: bool
    episodes: int
    through: int
    duplicate: float | None
    theme: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """What a prototype is like.

    Attributes:
        tier: "duplicate" or "theme".
        members: The row numbers of its episodes, ascending, int64 [m].
        weights: Of each, float64 [m].
        mean: Of their first patterns, float32 [d], not of length one.
        radius: The largest distance of any of their patterns to the mean.
        medoid: The member that is nearest to the mean.
        text: Of a summariser; None where the text is the medoid's.
        author: The summariser's name; None where there was none.
    """

    tier: str
    members: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]
    mean: Vectors
    radius: float
    medoid: int
    text: str | None = None
    author: str | None = None


class Kept(NamedTuple):
    """A current prototype: its number, its id, its namespace, the run that gave it its shape, and the shape."""

    seq: int
    id: str
    namespace_id: int
    run: str
    shape: Shape


class Standing(NamedTuple):
    """What stands for some episodes: the number of the prototype of each that has one, and the means of those."""

    groups: dict[int, int]
    means: dict[int, Vectors]


class Undone(NamedTuple):
    """What an undo took back: ids of runs, newest first, how many prototypes are gone, and how many are as before."""

    runs: list[str]
    gone: int
    restored: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is to change.

    Attributes:
        made: New prototypes.
        changed: Prototypes that are to be of another shape, by their numbers.
        ended: The numbers of those that are given up.
    """

    made: Sequence[Shape]
    changed: Mapping[int, Shape]
    ended: Sequence[int]


def newest(connection: Connection, namespace_id: int) -> Run | None:
    """The newest run in a namespace."""
    return _run(connection, run.c.namespace_id == namespace_id)


def newest_whole(connection: Connection, namespace_id: int) -> Run | None:
    """The newest run in a namespace that was over all episodes."""
    return _run(connection, run.c.namespace_id == namespace_id, run.c.whole)


def count(connection: Connection, now: datetime) -> int:
    """How many prototypes there are, without those of which a member has expired."""
    query = select(func.count()).select_from(shape).where(shape.c.ended_seq.is_(None))
    return int(connection.execute(query).scalar_one()) - len(_expired(connection, now))


def current(
    connection: Connection, namespace_ids: Iterable[int], *, seqs: Collection[int] | None = None, now: datetime
) -> list[Kept]:
    """The prototypes of some namespaces as they are, in the order in which they were made.

    One of which a member has expired is left out: the next write un-learns that.

    Args:
        connection: In a transaction.
        namespace_ids: Of the namespaces.
        seqs: The numbers of those that are wanted; None for all.
        now: When members must not have expired.
    """
    wanted = (
        run.c.namespace_id.in_(numbers(namespace_ids)),
        shape.c.ended_seq.is_(None),
        *(() if seqs is None else (prototype.c.seq.in_(numbers(seqs)),)),
    )
    shaping = run.alias("shaping")
    query = (
        select(prototype.c.seq, prototype.c.id, prototype.c.tier, run.c.namespace_id, shaping.c.id.label("by"), shape)
        .join(shape, shape.c.prototype_seq == prototype.c.seq)
        .join(run, run.c.seq == prototype.c.run_seq)
        .join(shaping, shaping.c.seq == shape.c.run_seq)
        .where(*wanted)
        .order_by(prototype.c.seq)
    )
    belonging = (
        select(member.c.prototype_seq, member.c.episode_seq, member.c.weight)
        .join(prototype, prototype.c.seq == member.c.prototype_seq)
        .join(shape, shape.c.prototype_seq == prototype.c.seq)
        .join(run, run.c.seq == prototype.c.run_seq)
        .where(*wanted, member.c.ended_seq.is_(None))
        .order_by(member.c.prototype_seq, member.c.episode_seq)
    )
    rows = connection.execute(query).all()
    if not rows:
        return []
    owners, members, weights = (np.array(each) for each in zip(*connection.execute(belonging).all(), strict=True))
    cuts = np.searchsorted(owners, [row.seq for row in rows])
    means = decode_vectors([row.mean for row in rows])
    expired = _expired(connection, now)
    return [
        Kept(
            row.seq,
            row.id,
            row.namespace_id,
            row.by,
            Shape(
                row.tier,
                members[start:end].astype(np.int64),
                weights[start:end].astype(np.float64),
                mean,
                row.radius,
                row.medoid_seq,
                row.text,
                row.author,
            ),
        )
        for row, mean, start, end in zip(rows, means, cuts, [*cuts[1:], len(owners)], strict=True)
        if row.seq not in expired
    ]


def standing_for(connection: Connection, namespace_id: int, seqs: Collection[int] | None = None) -> Standing:
    """What stands for the episodes of a namespace: the theme of each, or the duplicates that it is one of.

    Args:
        connection: In a transaction.
        namespace_id: The namespace.
        seqs: The episodes that are asked about; None for all.
    """
    query = (
        select(member.c.episode_seq, member.c.prototype_seq)
        .join(prototype, prototype.c.seq == member.c.prototype_seq)
        .join(run, run.c.seq == prototype.c.run_seq)
        .where(
            run.c.namespace_id == namespace_id,
            member.c.ended_seq.is_(None),
            *(() if seqs is None else (member.c.episode_seq.in_(numbers(seqs)),)),
        )
        .order_by(prototype.c.tier, prototype.c.seq.desc())  # so that the first theme is the last one
    )
    groups = dict(connection.execute(query).all())
    shapes = select(shape.c.prototype_seq, shape.c.mean).where(
        shape.c.prototype_seq.in_(numbers(set(groups.values()))), shape.c.ended_seq.is_(None)
    )
    found = connection.execute(shapes).all()
    means = decode_vectors([row.mean for row in found]) if found else ()
    return Standing(groups, dict(zip([row.prototype_seq for row in found], means, strict=True)))


def members_of(connection: Connection, seqs: Collection[int]) -> set[int]:
    """The episodes that are members of some prototypes."""
    query = select(member.c.episode_seq).where(member.c.prototype_seq.in_(numbers(seqs)), member.c.ended_seq.is_(None))
    return set(connection.execute(query).scalars())


def find(connection: Connection, id_: str) -> tuple[int, int, bool] | None:
    """The number of a prototype, its namespace's, and whether it is current."""
    shaped = select(shape.c.run_seq).where(shape.c.prototype_seq == prototype.c.seq, shape.c.ended_seq.is_(None))
    query = select(prototype.c.seq, run.c.namespace_id, shaped.exists())
    row = connection.execute(query.join(run, run.c.seq == prototype.c.run_seq).where(prototype.c.id == id_)).first()
    return None if row is None else (row[0], row[1], bool(row[2]))


def run_of(connection: Connection, id_: str) -> tuple[int, int] | None:
    """The number of a run, and its namespace's."""
    row = connection.execute(select(run.c.seq, run.c.namespace_id).where(run.c.id == id_)).first()
    return None if row is None else (row[0], row[1])


def unseen(connection: Connection, namespace_id: int) -> int:
    """How many episodes of a namespace are newer than its newest run."""
    seen = select(func.coalesce(func.max(run.c.through), 0)).where(run.c.namespace_id == namespace_id)
    query = select(func.count()).where(
        episode.c.seq > seen.scalar_subquery(),
        episode.c.namespace_id == namespace_id,
        episode.c.superseded_at.is_(None),
    )
    return int(connection.execute(query).scalar_one())


def write(
    connection: Connection,
    plan: Plan,
    *,
    namespace_id: int,
    space_id: int,
    now: datetime,
    whole: bool,
    episodes: int,
    through: int,
    duplicate: float | None,
    theme: float | None,
) -> str:
    """Write a run down; the arguments are those of `Run`.

    Returns:
        The run's id.
    """
    id_ = str(uuid_utils.uuid7())
    facts = {"whole": whole, "episodes": episodes, "through": through, "duplicate": duplicate, "theme": theme}
    given = {"id": id_, "namespace_id": namespace_id, "embedder_id": space_id, "at": now, **facts}
    seq = int(connection.execute(insert(run).returning(run.c.seq), given).scalar_one())
    shapes: list[dict[str, Any]] = []
    members: list[dict[str, Any]] = []
    left: list[tuple[int, int]] = []
    new = [{"id": str(uuid_utils.uuid7()), "run_seq": seq, "tier": each.tier} for each in plan.made]
    made: list[int] = []
    if new:
        inserting = insert(prototype).returning(prototype.c.seq, sort_by_parameter_order=True)
        made = list(connection.execute(inserting, new).scalars())
    before = _belonging(connection, plan.changed)
    for number, each in [*zip(made, plan.made, strict=True), *plan.changed.items()]:
        old, now_ = before.get(number, {}), dict(zip(each.members.tolist(), each.weights.tolist(), strict=True))
        left += [(number, key) for key, weight in old.items() if now_.get(key) != weight]
        members += [
            {"prototype_seq": number, "episode_seq": key, "run_seq": seq, "weight": weight}
            for key, weight in now_.items()
            if old.get(key) != weight
        ]
        shapes.append({"prototype_seq": number, "run_seq": seq, **_columns(each)})
    touched = [*plan.changed, *plan.ended]
    _end(connection, shape, seq, touched)
    _end(connection, member, seq, plan.ended)
    if left:
        leaving = (
            update(member)
            .where(
                member.c.prototype_seq == bindparam("of"),
                member.c.episode_seq == bindparam("who"),
                member.c.ended_seq.is_(None),
            )
            .values(ended_seq=seq)
        )
        connection.execute(leaving, [{"of": number, "who": key} for number, key in left])
    if shapes:
        connection.execute(insert(shape), shapes)
        connection.execute(insert(member), members) if members else None
    _tell(connection, [(namespace_id, number) for number in sorted([*made, *touched])], now)
    return id_


def undo_run(connection: Connection, seq: int, namespace_id: int, now: datetime) -> Undone:
    """Take back a run and all that came after it in its namespace: every row is as it was before."""
    later = select(run.c.seq).where(run.c.namespace_id == namespace_id, run.c.seq >= seq)
    runs = connection.execute(later.order_by(run.c.seq.desc()).add_columns(run.c.id)).all()
    wanted = numbers([row.seq for row in runs])
    touched = _touched(connection, wanted)
    gone = set(connection.execute(select(prototype.c.seq).where(prototype.c.run_seq.in_(wanted))).scalars())
    for table in (shape, member):
        connection.execute(update(table).where(table.c.ended_seq.in_(wanted)).values(ended_seq=None))
    connection.execute(delete(run).where(run.c.seq.in_(wanted)))
    _tell(connection, [(namespace_id, number) for number in sorted(touched)], now)
    return Undone([row.id for row in runs], len(gone), len(touched - gone))


def undo_prototype(connection: Connection, seq: int, namespace_id: int, now: datetime) -> Undone:
    """Take back what made a prototype, and what was built on it, and leave the rest of those runs as it is.

    Two prototypes of a tier hang together where an episode has come to, or gone from, both of them since. Of those that
    hang together with this one, all that has happened since it was made is undone.
    """
    made, tier = connection.execute(select(prototype.c.run_seq, prototype.c.tier).where(prototype.c.seq == seq)).one()
    events = (
        select(member.c.prototype_seq, member.c.episode_seq, member.c.run_seq, member.c.ended_seq)
        .join(prototype, prototype.c.seq == member.c.prototype_seq)
        .join(run, run.c.seq == prototype.c.run_seq)
        .where(
            run.c.namespace_id == namespace_id,
            prototype.c.tier == tier,
            or_(member.c.run_seq >= made, member.c.ended_seq >= made),
        )
    )
    held: dict[int, set[int]] = {}
    for row in connection.execute(events):
        held.setdefault(row.prototype_seq, set()).add(row.episode_seq)
    together = _together(seq, held)
    wanted = numbers(sorted(together))
    affected = {
        number
        for table, number in ((shape, shape.c.run_seq), (shape, shape.c.ended_seq))
        for number in connection.execute(
            select(number).where(table.c.prototype_seq.in_(wanted), number >= made)
        ).scalars()
    }
    gone = set(
        connection.execute(
            select(prototype.c.seq).where(prototype.c.seq.in_(wanted), prototype.c.run_seq >= made)
        ).scalars()
    )
    for table in (shape, member):
        mine = table.c.prototype_seq.in_(wanted)
        connection.execute(delete(table).where(mine, table.c.run_seq >= made))
        connection.execute(update(table).where(mine, table.c.ended_seq >= made).values(ended_seq=None))
    connection.execute(delete(prototype).where(prototype.c.seq.in_(numbers(sorted(gone)))))
    empty = [number for number in sorted(affected, reverse=True) if not _touched(connection, numbers([number]))]
    ids = dict(connection.execute(select(run.c.seq, run.c.id).where(run.c.seq.in_(numbers(empty)))).all())
    connection.execute(delete(run).where(run.c.seq.in_(numbers(empty))))
    _tell(connection, [(namespace_id, number) for number in sorted(together)], now)
    return Undone([ids[number] for number in empty], len(gone), len(together - gone))


def grouped(connection: Connection, seqs: Collection[int]) -> set[int]:
    """Those of some episodes that are, or once were, a member of a prototype."""
    query = select(member.c.episode_seq).distinct().where(member.c.episode_seq.in_(numbers(seqs)))
    return set(connection.execute(query).scalars())


def unlearn(connection: Connection, seqs: Collection[int], now: datetime) -> None:
    """Take episodes out of every prototype, before they are erased or when they have been replaced.

    What is left of each is measured anew, as it is and as it was in earlier runs; a text that was made of them goes.
    """
    query = (
        select(prototype.c.seq, run.c.namespace_id, run.c.embedder_id)
        .join(run, run.c.seq == prototype.c.run_seq)
        .where(prototype.c.seq.in_(select(member.c.prototype_seq).where(member.c.episode_seq.in_(numbers(seqs)))))
    )
    affected = connection.execute(query.order_by(prototype.c.seq)).all()
    if not affected:
        return
    lost, touched = set(seqs), numbers([row.seq for row in affected])
    held = select(member.c.prototype_seq).where(
        member.c.prototype_seq.in_(touched), member.c.episode_seq.not_in(numbers(seqs))
    )
    left = set(connection.execute(held).scalars())
    for row in affected:
        if row.seq in left:
            _unlearn(connection, row.seq, row.embedder_id, lost)
    # What is left of a prototype may be no group at any time.
    shaped = select(shape.c.run_seq).where(shape.c.prototype_seq == prototype.c.seq)
    gone = or_(~shaped.exists(), prototype.c.seq.not_in(numbers(left)))
    connection.execute(delete(prototype).where(prototype.c.seq.in_(touched), gone))
    _tell(connection, [(row.namespace_id, row.seq) for row in affected], now)


def move(connection: Connection, pairs: Sequence[tuple[int, int]], now: datetime) -> None:
    """Let the next version of an episode, of the same patterns and text, take its place in every prototype."""
    old = numbers([each for each, _ in pairs])
    query = (
        select(prototype.c.seq, run.c.namespace_id)
        .join(run, run.c.seq == prototype.c.run_seq)
        .where(prototype.c.seq.in_(select(member.c.prototype_seq).where(member.c.episode_seq.in_(old))))
    )
    affected = connection.execute(query.order_by(prototype.c.seq)).all()
    if not affected:
        return
    given = [{"old": before, "new": after} for before, after in pairs]
    for table, name in ((member, "episode_seq"), (shape, "medoid_seq")):
        moving = update(table).where(table.c[name] == bindparam("old")).values({name: bindparam("new")})
        connection.execute(moving, given)
    _tell(connection, [(row.namespace_id, row.seq) for row in affected], now)


def _unlearn(connection: Connection, seq: int, space_id: int, lost: set[int]) -> None:
    """Take episodes out of one prototype."""
    mine = select(member.c.episode_seq, member.c.weight, member.c.run_seq, member.c.ended_seq)
    belonged = connection.execute(mine.where(member.c.prototype_seq == seq).order_by(member.c.episode_seq)).all()
    shapes = connection.execute(select(shape.c.run_seq).where(shape.c.prototype_seq == seq)).scalars().all()
    connection.execute(delete(member).where(member.c.prototype_seq == seq, member.c.episode_seq.in_(numbers(lost))))
    patterns: dict[int, Vectors] = {}
    for at in shapes:
        then = [row for row in belonged if row.run_seq <= at and (row.ended_seq is None or row.ended_seq > at)]
        left = [row for row in then if row.episode_seq not in lost]
        if len(left) == len(then):
            continue
        here = (shape.c.prototype_seq == seq, shape.c.run_seq == at)
        if len(left) < LEAST:
            connection.execute(delete(shape).where(*here))
            continue
        keys = [row.episode_seq for row in left]
        patterns |= vectors_of(connection, [key for key in keys if key not in patterns], space_id)
        measured = measure(keys, [row.weight for row in left], patterns)
        connection.execute(update(shape).where(*here).values(**_columns(measured)))


def measure(keys: Sequence[int], weights: Sequence[float], patterns: Mapping[int, Vectors], tier: str = "") -> Shape:
    """The shape of some members, in the order of their numbers, by their patterns."""
    heights = [len(patterns[key]) for key in keys]
    strengths = np.array(weights, dtype=np.float64)
    starts = np.cumsum([0, *heights[:-1]])
    found = centroid(np.concatenate([patterns[key] for key in keys]), starts, strengths)
    return Shape(tier, np.array(keys, dtype=np.int64), strengths, found.mean, found.radius, keys[found.medoid])


def _columns(given: Shape) -> dict[str, Any]:
    return {
        "mean": encode_vector(given.mean),
        "radius": given.radius,
        "weight": float(given.weights.sum()),
        "medoid_seq": int(given.medoid),
        "text": given.text,
        "author": given.author,
    }


def _run(connection: Connection, *where: ColumnElement[bool]) -> Run | None:
    columns = (run.c.seq, run.c.id, run.c.whole, run.c.episodes, run.c.through, run.c.duplicate, run.c.theme)
    row = connection.execute(select(*columns).where(*where).order_by(run.c.seq.desc()).limit(1)).first()
    return None if row is None else Run(*row)


def _belonging(connection: Connection, seqs: Collection[int]) -> dict[int, dict[int, float]]:
    """The members of some current prototypes with their weights."""
    query = (
        select(member.c.prototype_seq, member.c.episode_seq, member.c.weight)
        .where(member.c.prototype_seq.in_(numbers(seqs)), member.c.ended_seq.is_(None))
        .order_by(member.c.prototype_seq)
    )
    rows: Iterator[Any] = iter(connection.execute(query))
    return {
        number: {row.episode_seq: row.weight for row in group}
        for number, group in groupby(rows, key=lambda row: int(row.prototype_seq))
    }


def _end(connection: Connection, table: Table, seq: int, prototypes: Sequence[int]) -> None:
    mine = (table.c.prototype_seq.in_(numbers(prototypes)), table.c.ended_seq.is_(None))
    connection.execute(update(table).where(*mine).values(ended_seq=seq))


def _touched(connection: Connection, runs: Any) -> set[int]:
    """The prototypes in which some runs have made or ended anything."""
    found = set(connection.execute(select(prototype.c.seq).where(prototype.c.run_seq.in_(runs))).scalars())
    for table in (shape, member):
        where = or_(table.c.run_seq.in_(runs), table.c.ended_seq.in_(runs))
        found |= set(connection.execute(select(table.c.prototype_seq).distinct().where(where)).scalars())
    return found


def _together(start: int, held: Mapping[int, set[int]]) -> set[int]:
    """The sets that hang together with one by what they share, and by what those share with others."""
    owners: dict[int, list[int]] = {}
    for owner, things in held.items():
        for thing in things:
            owners.setdefault(thing, []).append(owner)
    found, waiting = {start}, [start]
    while waiting:
        for thing in held.get(waiting.pop(), ()):
            near = [each for each in owners[thing] if each not in found]
            found.update(near)
            waiting += near
    return found


_EXPIRED = (
    select(member.c.prototype_seq)
    .distinct()
    .join(shape, shape.c.prototype_seq == member.c.prototype_seq)
    .where(
        member.c.episode_seq.in_(select(episode.c.seq).where(episode.c.expires_at <= bindparam("now"))),
        member.c.ended_seq.is_(None),
        shape.c.ended_seq.is_(None),
    )
)


def _expired(connection: Connection, now: datetime) -> set[int]:
    """The prototypes of which a member has expired."""
    return set(connection.execute(_EXPIRED, {"now": now}).scalars())


def _tell(connection: Connection, touched: Iterable[tuple[int, int]], now: datetime) -> None:
    journal.append(connection, [Change("prototype", *each) for each in touched], now)
