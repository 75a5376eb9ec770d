"""Which episode says that it answers which, or was made from which, as rows. Knows row numbers and ids, nothing said.

It is a version that says so, and it says it of an id, not of a version: a row holds the number of that version and the
first row number of that id. Whatever the id is updated to, it keeps that number; what is forgotten takes it away, and
the link with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    String,
    bindparam,
    cast,
    exists,
    func,
    insert,
    literal_column,
    select,
)

from am_agent.store.schema import episode, link

_REPLY: Final = 1
_SOURCE: Final = 2
NAMES: Final = {_REPLY: "reply_to", _SOURCE: "derived_from"}
WORDS: Final = {_REPLY: "answer", _SOURCE: "be made from"}
"""What each kind of link is called as an argument, and in a sentence."""

_CHUNK = 500  # strings in one statement: SQLite bounds the number of its variables


class Stated(NamedTuple):
    """What one version says of others, by their ids.

    Attributes:
        reply_to: Which one it answers.
        derived_from: From which it was made, each once. Their order is kept, and says nothing.
    """

    reply_to: str | None = None
    derived_from: tuple[str, ...] = ()

    def same(self, other: Stated) -> bool:
        """Whether both say the same."""
        return self.reply_to == other.reply_to and set(self.derived_from) == set(other.derived_from)

    def targets(self) -> list[tuple[int, str]]:
        """What is named, each with the kind of the link, in the order of the rows."""
        answered = [] if self.reply_to is None else [(_REPLY, self.reply_to)]
        return answered + [(_SOURCE, each) for each in self.derived_from]


NOTHING: Final = Stated()


def any_stated() -> ColumnElement[bool]:
    """Whether a row of `episode` names others: asked beside its columns, so that most need no second query."""
    return exists().where(link.c.episode_seq == episode.c.seq).correlate(episode)


def first_rows() -> ColumnElement[str | None]:
    """The first row numbers of all that a row of `episode` names, with commas between; NULL where it names none."""
    joined = func.group_concat(cast(link.c.target_seq, String), literal_column("','"))
    return select(joined).where(link.c.episode_seq == episode.c.seq).correlate(episode).scalar_subquery()


def stated(
    connection: Connection,
    seqs: Sequence[int],
    visible: Callable[[FromClause], ColumnElement[bool]] | None = None,
) -> Mapping[int, Stated]:
    """What some versions say.

    Args:
        connection: In a transaction.
        seqs: Their row numbers.
        visible: The condition on a table of episodes that a version may be seen: then only those are named of which
            one may be. None for all that are stored.
    """
    if not seqs:
        return {}
    target, version = episode.alias("target"), episode.alias("version")
    query = (
        select(link.c.episode_seq, link.c.kind, target.c.id)
        .join(target, target.c.seq == link.c.target_seq)
        .where(link.c.episode_seq.in_(bindparam(None, list(seqs), expanding=True, literal_execute=True)))
        .order_by(link.c.episode_seq, link.c.ordinal)
    )
    if visible is not None:
        same = (version.c.namespace_id == target.c.namespace_id, version.c.id == target.c.id)
        query = query.where(exists().where(*same, visible(version)).correlate(target))
    return {
        seq: Stated(
            next((id_ for _, kind, id_ in rows if kind == _REPLY), None),
            tuple(id_ for _, kind, id_ in rows if kind == _SOURCE),
        )
        for seq, group in groupby(connection.execute(query), key=lambda row: int(row.episode_seq))
        for rows in [list(group)]
    }


def firsts(connection: Connection, namespace_id: int, ids: Sequence[str]) -> Mapping[str, int]:
    """The first row numbers of those ids that are stored in a namespace."""
    found: dict[str, int] = {}
    for start in range(0, len(ids), _CHUNK):
        where = (episode.c.namespace_id == namespace_id, episode.c.id.in_(ids[start : start + _CHUNK]))
        query = select(episode.c.id, func.min(episode.c.seq)).where(*where).group_by(episode.c.id)
        found.update((id_, first) for id_, first in connection.execute(query))
    return found


def write(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write links down, each a row of the table, in the transaction that inserts the versions which say so."""
    if rows:
        connection.execute(insert(link), list(rows))
