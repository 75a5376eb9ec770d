"""Writing episodes: what is new, what is unchanged, what replaces what. Knows versions and rows, no model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import uuid_utils
from sqlalchemy import Connection, Text, bindparam, func, insert, literal_column, select, update

from am_agent.draft import Draft, Vectors
from am_agent.episode import Episode, Namespace
from am_agent.errors import UnknownEpisode
from am_agent.store import journal, links, namespaces, prototypes
from am_agent.store.journal import Change
from am_agent.store.links import Stated
from am_agent.store.prepared import Prepared
from am_agent.store.schema import episode, vector
from am_agent.store.vectors import vector_rows, vectors_of

_CHUNK = 500  # strings in one statement: SQLite bounds the number of its variables


_INSERT = Prepared(insert(episode), [each.name for each in episode.c if each is not episode.c.seq])
_VECTORS = Prepared(insert(vector), [each.name for each in vector.c])
_GIVEN = func.json_each(bindparam("given")).table_valued(literal_column("value", Text))
_NEWEST = Prepared(
    select(episode, links.any_stated().label("linking")).where(
        episode.c.seq.in_(
            select(func.max(episode.c.seq))
            .where(episode.c.namespace_id == bindparam("namespace"), episode.c.id.in_(select(_GIVEN.c.value)))
            .group_by(episode.c.id)
        )
    )
)


class Outcome(NamedTuple):
    """The id under which a draft is known, and whether anything had to be written."""

    id: str
    recorded: bool


@dataclass
class _Version:
    """The newest version of an id: a row of the table, or one that is about to be inserted (seq None)."""

    row: dict[str, Any]
    seq: int | None = None
    patterns: Vectors | None = None
    stated: Stated = links.NOTHING


_Target = tuple[int, int | _Version]
"""The kind of a link, and the first version of the id that it names: a row number, or one that is about to be one."""


class Recording:
    """One batch of episodes, collected and then written by `flush`, in the transaction of one connection.

    Args:
        connection: In a write transaction.
        space_id: The row number of the embedder of the vectors.
        now: The time of recording of the whole batch.
    """

    def __init__(self, connection: Connection, space_id: int, now: datetime) -> None:
        self._connection = connection
        self._space_id = space_id
        self._now = now
        self._namespaces: dict[Namespace, int] = {}
        self._newest: dict[tuple[int, str], _Version] = {}
        self._firsts: dict[tuple[int, str], int | _Version] = {}  # of ids that are named, and of those that are new
        self._pending: list[_Version] = []
        self._links: list[tuple[_Version, list[_Target]]] = []
        self._changes: list[Change] = []
        self._closed: list[int] = []
        self._replaced: dict[tuple[int, str], _Version] = {}  # by what `_newest` has under the same key

    def read(self, keys: Iterable[tuple[Namespace, str]]) -> None:
        """Fetch the newest versions of some ids at once, before they are asked for one by one."""
        wanted: dict[int, list[str]] = {}
        for path, id_ in keys:
            wanted.setdefault(self._namespace(path), []).append(id_)
        for namespace_id, ids in wanted.items():
            rows = _NEWEST.rows(self._connection, namespace=namespace_id, given=json.dumps(ids))
            linking = [row.seq for row in rows if row.linking]
            told: dict[int, Stated] = {}
            for start in range(0, len(linking), _CHUNK):
                told |= links.stated(self._connection, linking[start : start + _CHUNK])
            for row in rows:
                facts = row._asdict()
                del facts["linking"]
                stated = told.get(row.seq, links.NOTHING)
                self._newest[namespace_id, row.id] = _Version(facts, row.seq, stated=stated)

    def find(self, named: Iterable[tuple[Namespace, Stated]]) -> None:
        """Look up at once which of the ids that are named in some namespaces are stored there."""
        wanted: dict[int, dict[str, None]] = {}
        for path, stated in named:
            ids = dict.fromkeys(id_ for _, id_ in stated.targets())
            if ids:
                wanted.setdefault(self._namespace(path), {}).update(ids)
        for namespace_id, ids in wanted.items():
            found = links.firsts(self._connection, namespace_id, list(ids))
            self._firsts.update(((namespace_id, id_), first) for id_, first in found.items())

    def put(self, draft: Draft, patterns: Vectors | None, embed: Callable[[str], Vectors]) -> Outcome:
        """Record a draft as a new episode, as the next version of its id, or not at all if nothing changed.

        Args:
            draft: What is to be recorded.
            patterns: Its vectors; None to take those of the newest version if the text is the same, and to embed
                it otherwise.
            embed: Called with the text when there is no other way to its vectors.

        Raises:
            UnknownEpisode: It names an episode that is neither stored nor among those that were put before.
        """
        namespace_id = self._namespace(draft.namespace)
        id_ = draft.id or str(uuid_utils.uuid7())
        newest = self._newest.get((namespace_id, id_))
        expires_at = draft.expires_at if draft.ttl is None else self._now + draft.ttl
        if newest is not None and self._unchanged(newest, draft):
            self._prolong(newest, expires_at)
            return Outcome(id_, recorded=False)
        stated = Stated(draft.reply_to, draft.derived_from)
        targets = self._targets(namespace_id, draft, stated)
        if patterns is None and newest is not None and newest.row["text"] == draft.text:
            patterns = self._patterns(newest)
        if patterns is None:
            patterns = embed(draft.text)
        row = {
            "namespace_id": namespace_id,
            "id": id_,
            "version": 1 if newest is None else newest.row["version"] + 1,
            "text": draft.text,
            "actor": draft.actor,
            "session": draft.session,
            "occurred_at": draft.occurred_at or self._now,
            "recorded_at": self._now,
            "superseded_at": None,
            "expires_at": expires_at,
            "metadata": dict(draft.metadata),
        }
        if newest is not None:
            self._close(newest)
        self._insert(_Version(row, patterns=patterns, stated=stated), targets)
        return Outcome(id_, recorded=True)

    def restore(self, given: Episode, patterns: Vectors) -> Outcome:
        """Insert an exported version as it was, with its number and its times.

        A version that is here already is left alone. Where the id has another history here, a current version
        becomes the next one of that history, and an older one is left out.

        Raises:
            UnknownEpisode: It names an episode that is neither stored nor among those that were put before.
        """
        namespace_id = self._namespace(given.namespace)
        newest = self._newest.get((namespace_id, given.id))
        if newest is None or _continues(newest.row, given):
            row = {name: getattr(given, name) for name in _COPIED}
            row |= {"metadata": dict(given.metadata), "namespace_id": namespace_id}
            stated = Stated(given.reply_to, given.derived_from)
            targets = self._targets(namespace_id, given, stated)
            self._insert(_Version(row, None, patterns, stated), targets)
            return Outcome(given.id, recorded=True)
        if given.superseded_at is not None or self._holds(namespace_id, given):
            return Outcome(given.id, recorded=False)
        return self.put(Draft.of(given), patterns, lambda _: patterns)

    def flush(self) -> None:
        """Write what was collected: first what is closed, since an id has one current version at a time."""
        if self._closed:
            close = update(episode).where(episode.c.seq == bindparam("closed")).values(superseded_at=self._now)
            self._connection.execute(close, [{"closed": seq} for seq in self._closed])
        if self._pending:
            rows = [version.row for version in self._pending]
            for version, seq in zip(self._pending, _INSERT.insert(self._connection, rows), strict=True):
                version.seq = seq
                self._changes.append(Change("insert", version.row["namespace_id"], seq))
            _VECTORS.insert(
                self._connection,
                (
                    row
                    for each in self._pending
                    if each.patterns is not None
                    for row in vector_rows(each.seq, self._space_id, each.patterns)
                ),
            )
            links.write(
                self._connection,
                [
                    {"episode_seq": each.seq, "ordinal": ordinal, "kind": kind, "target_seq": _seq(target)}
                    for each, targets in self._links
                    for ordinal, (kind, target) in enumerate(targets)
                ],
            )
        journal.append(self._connection, self._changes, self._now)
        self._regroup()
        self._pending, self._links, self._closed, self._changes, self._replaced = [], [], [], [], {}

    def _regroup(self) -> None:
        """Let next versions that say the same take the place of those before in prototypes, and un-learn the rest."""
        moved, lost = list[tuple[int, int]](), list[int]()
        grouped = prototypes.grouped(self._connection, self._closed) if self._closed else set()
        for key, old in self._replaced.items():
            new = self._newest[key]
            assert new.seq is not None  # all that was pending is written
            if old.seq is None or old.seq not in grouped:
                continue
            same = old.row["text"] == new.row["text"] and np.array_equal(self._patterns(old), self._patterns(new))
            moved.append((old.seq, new.seq)) if same else lost.append(old.seq)
        if moved:
            prototypes.move(self._connection, moved, self._now)
        if lost:
            prototypes.unlearn(self._connection, lost, self._now)

    def _insert(self, version: _Version, targets: list[_Target]) -> None:
        key = version.row["namespace_id"], version.row["id"]
        if key not in self._newest:
            self._firsts[key] = version
        self._newest[key] = version
        self._pending.append(version)
        if targets:
            self._links.append((version, targets))

    def _targets(self, namespace_id: int, given: Draft | Episode, stated: Stated) -> list[_Target]:
        found: list[_Target] = []
        for kind, named in stated.targets():
            first = self._firsts.get((namespace_id, named))
            if first is None:
                whom = "" if given.id is None else f" for {given.id!r}"
                raise UnknownEpisode(
                    f"there is no episode {named!r} in the namespace {given.namespace!r}{whom} to {links.WORDS[kind]}; "
                    f"remember it first, or leave it out of {links.NAMES[kind]}"
                )
            found.append((kind, first))
        return found

    def _close(self, version: _Version) -> None:
        if version.row["superseded_at"] is not None:
            return
        version.row["superseded_at"] = self._now
        if version.seq is not None:
            self._closed.append(version.seq)
            self._replaced[version.row["namespace_id"], version.row["id"]] = version
            self._changes.append(Change("close", version.row["namespace_id"], version.seq))

    def _prolong(self, version: _Version, expires_at: datetime | None) -> None:
        """Move the expiry of an unchanged episode: when it ends is not part of what was said."""
        if expires_at is None or expires_at == version.row["expires_at"]:
            return
        version.row["expires_at"] = expires_at
        if version.seq is not None:
            change = update(episode).where(episode.c.seq == version.seq).values(expires_at=expires_at)
            self._connection.execute(change)
            self._changes.append(Change("expire", version.row["namespace_id"], version.seq))

    def _unchanged(self, version: _Version, draft: Draft) -> bool:
        row = version.row
        if row["superseded_at"] is not None or (row["text"], row["actor"], row["session"]) != (
            draft.text,
            draft.actor,
            draft.session,
        ):
            return False
        if not version.stated.same(Stated(draft.reply_to, draft.derived_from)):
            return False
        if draft.occurred_at is not None and draft.occurred_at != row["occurred_at"]:
            return False
        # As JSON, because Python takes true for 1 and 1 for 1.0.
        if json.dumps(row["metadata"], sort_keys=True) != json.dumps(draft.metadata, sort_keys=True):
            return False
        return draft.vector is None or np.array_equal(self._patterns(version), draft.vector)

    def _patterns(self, version: _Version) -> Vectors:
        if version.patterns is None:
            assert version.seq is not None  # a pending version always has its patterns
            version.patterns = vectors_of(self._connection, [version.seq], self._space_id)[version.seq]
        return version.patterns

    def _holds(self, namespace_id: int, given: Episode) -> bool:
        """Whether this very version is stored."""
        where = (
            episode.c.namespace_id == namespace_id,
            episode.c.id == given.id,
            episode.c.version == given.version,
            episode.c.text == given.text,
            episode.c.recorded_at == given.recorded_at,
        )
        return self._connection.execute(select(episode.c.seq).where(*where)).first() is not None

    def _namespace(self, path: Namespace) -> int:
        if path not in self._namespaces:
            self._namespaces[path] = namespaces.ensure(self._connection, path)
        return self._namespaces[path]


def _seq(first: int | _Version) -> int | None:
    return first.seq if isinstance(first, _Version) else first


_COPIED = (
    "id",
    "version",
    "text",
    "actor",
    "session",
    "occurred_at",
    "recorded_at",
    "superseded_at",
    "expires_at",
)


def _continues(row: Mapping[str, Any], given: Episode) -> bool:
    """Whether an exported version is the one that replaced a stored version."""
    return bool(row["version"] + 1 == given.version and row["superseded_at"] == given.recorded_at)
