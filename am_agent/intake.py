"""The write side of a memory: batches into transactions, texts into vectors, erasure to its end. Knows no cue."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from am_agent.draft import Draft, Vectors
from am_agent.encoding import Encoder
from am_agent.episode import Episode, Erasure, Namespace
from am_agent.errors import UnknownEpisode
from am_agent.filter import Predicate
from am_agent.formats.export import Line
from am_agent.store import episodes, erasures, namespaces, space
from am_agent.store.caches import Caches
from am_agent.store.database import NOT_NOW, Database
from am_agent.store.episodes import Erased, Visibility
from am_agent.store.links import Stated
from am_agent.store.recording import Outcome, Recording
from am_agent.store.space import Space

_PATIENCE = 1.0  # seconds that an erasure waits for readers; the writes after it try again without waiting


class Intake:
    """Records, replaces and erases. Texts are embedded before a transaction begins: no lock is held for a model."""

    def __init__(self, database: Database, encoder: Encoder) -> None:
        self._database = database
        self._encoder = encoder
        self._caches = None if database.path is None else Caches(database.path)
        self._finishing = threading.Lock()  # over the two numbers: one thread at a time rids the files
        self._scrubbed = 0  # the newest receipt of whose bytes the file itself is rid; the log may hold them still
        self._rid = 0  # the newest receipt of whose bytes the log is rid, too
        with database.reading() as connection:
            self._unfinished = erasures.unfinished(connection) > 0  # by a process before this one
        if self._caches is not None:
            self._caches.sweep()
        self._urgent = self._unfinished  # whether every write tries to finish it
        self.recorded: Callable[[Namespace, int], object] | None = None  # told how many, where, after each batch

    def record(self, drafts: Sequence[Draft]) -> Sequence[Outcome]:
        """Record one batch in one transaction."""
        new = self._embedded([each for each in drafts if each.vector is None])
        with self.writing() as (connection, now):
            outcomes = self._put(connection, drafts, new, now)
        self._tell(each.namespace for each, outcome in zip(drafts, outcomes, strict=True) if outcome.recorded)
        return outcomes

    def _embedded(self, drafts: Sequence[Draft]) -> Mapping[str, Vectors]:
        """The vectors of those texts that are not recorded yet under their ids."""
        if not drafts:
            return {}
        keys = [(each.namespace, each.id) for each in drafts if each.id]
        with self._database.reading() as connection:
            found = space.find(connection).space
            known = episodes.known_texts(connection, keys)
        new = (each.text for each in drafts if known.get((each.namespace, each.id or "")) != each.text)
        return self._encoder.documents(new, found)

    def load(self, drafts: Sequence[Draft]) -> Sequence[Outcome]:
        """Record one batch of a file, but for what was replaced by a later version: that is here already.

        So a file in which an id comes twice can be loaded again, and so can a file whose episodes were updated since.
        """
        told = self._told(drafts)
        outcomes = iter(self.record([each for place, each in enumerate(drafts) if place not in told]))
        return [
            Outcome(each.id or "", recorded=False) if place in told else next(outcomes)
            for place, each in enumerate(drafts)
        ]

    def update(self, path: Namespace, id_: str, changes: Mapping[str, Any], **given: Any) -> Episode:
        """Record the next version of an episode with some facts changed, in one transaction."""
        text = changes.get("text")
        with self._database.reading() as connection:
            found = space.find(connection).space
        new = self._encoder.documents([text] if text is not None and given["vector"] is None else [], found)
        with self.writing() as (connection, now):
            old = _find(connection, path, id_, now)
            kept = {name: getattr(old, name) for name in _KEPT}
            outcomes = self._put(connection, [Draft.checked(**{**kept, **changes, **given})], new, now)
            updated = _find(connection, path, id_, now)
        self._tell(path for each in outcomes if each.recorded)
        return updated

    def restore(self, lines: Sequence[Line], origin: Space | None) -> Sequence[Outcome]:
        """Record one batch of an export, version by version.

        What has expired since the export stays until the next write: later batches may still name it.

        Args:
            lines: Versions with their vectors, if the export has them.
            origin: The space of those vectors.
        """
        with self._database.reading() as connection:
            found = space.find(connection).space
        comparable = origin is not None and self._encoder.accepts(origin, found)
        preferred = origin if comparable else found
        vectors = [line.vectors if comparable else None for line in lines]
        texts = (line.episode.text for line, rows in zip(lines, vectors, strict=True) if rows is None)
        embedded = self._encoder.documents(texts, preferred)
        done = False
        with self.writing(expiring=False) as (connection, now):
            if space.find(connection).space == found:
                given = [rows for rows in vectors if rows is not None]
                space_id, _ = self._adopt(connection, given, preferred, embedded=bool(embedded))
                recording = Recording(connection, space_id, now)
                recording.read((line.episode.namespace, line.episode.id) for line in lines)
                recording.find((line.episode.namespace, _stated(line.episode)) for line in lines)
                outcomes = [
                    recording.restore(line.episode, embedded[line.episode.text] if rows is None else rows)
                    for line, rows in zip(lines, vectors, strict=True)
                ]
                recording.flush()
                done = True
        if done:
            self._tell(line.episode.namespace for line, each in zip(lines, outcomes, strict=True) if each.recorded)
            return outcomes
        return self.restore(lines, origin)  # meanwhile the file has got its first vectors, or another embedder

    def _told(self, drafts: Sequence[Draft]) -> set[int]:
        """The places of those drafts that were recorded before, and replaced since."""
        places: dict[Namespace, dict[str, list[int]]] = {}
        for place, each in enumerate(drafts):
            if each.id is not None:
                places.setdefault(each.namespace, {}).setdefault(each.id, []).append(place)
        with self._database.reading() as connection:
            return {
                place
                for path, ids in places.items()
                for old in episodes.superseded(connection, path, list(ids))
                for place in ids[old.id]
                if _says(old, drafts[place])
            }

    def erase(
        self, path: Namespace, ids: Sequence[str] | None, predicate: Predicate | None, before: datetime | None
    ) -> Erasure:
        """Erase what satisfies every condition that is given, down to the last byte in the write-ahead log."""
        with self.writing() as (connection, now):
            scope = namespaces.find(connection, path)
            if predicate is not None or before is not None:
                matched = [id_ for _, id_ in episodes.matching(connection, scope, Visibility(now), predicate, before)]
                ids = matched if ids is None else sorted(set(ids).intersection(matched))
            erased = episodes.erase(connection, scope, now, ids=ids)
            receipt = erasures.append(connection, now, erased) if erased.seqs else None
        if receipt is not None:
            self._encoder.forget()
            self._unfinished = self._urgent = True
        self.finish_erasure(patience=_PATIENCE)
        gone = not self._unfinished if receipt is None else receipt.number <= self._rid
        return Erasure(erased.episodes, len(erased.seqs), erased=gone, receipt=receipt)

    def finish_erasure(self, *, patience: float = 0.0) -> None:
        """Rid the file and its log of what was erased, or leave it to the next chance: it is written down in the file.

        Args:
            patience: Seconds to wait for other connections that read an older state.
        """
        with self._finishing:
            if self._unfinished:
                with suppress(*NOT_NOW):
                    self._finish_erasure(patience)

    def _finish_erasure(self, patience: float) -> None:
        with self._database.reading() as connection:
            newest = erasures.newest(connection)  # counted before the file is rewritten: others erase, too
        if self._scrubbed < newest and self._database.scrub():
            self._scrubbed = newest
        # Before the rest: what is written from now on lacks what the receipts are of.
        if self._scrubbed and self.drop_caches() and self._database.truncate_log(patience=patience):
            with self._database.writing() as connection:
                erasures.finish(connection, self._scrubbed, at=_now())
                self._unfinished = self._urgent = erasures.unfinished(connection) > 0
            self._rid = self._scrubbed

    def drop_caches(self) -> bool:
        """Remove what was written down beside the database; False where that is not possible now."""
        return self._caches is None or self._caches.remove()

    def leave(self) -> None:
        """The last chance before the file is closed, for what other processes have erased, too."""
        with suppress(*NOT_NOW), self._database.reading() as connection:
            self._unfinished = self._unfinished or erasures.unfinished(connection) > 0
        self.finish_erasure()

    @contextmanager
    def writing(self, *, expiring: bool = True) -> Iterator[tuple[Connection, datetime]]:
        """A write transaction and its time, at whose start everything that has expired is deleted, if asked.

        The bytes of what has expired go with the next `forget` or when the file is closed: a file that is written anew
        at every write, because something expires all the time, would be of no use.
        """
        if self._urgent:
            self.finish_erasure()
        with self._database.writing() as connection:
            now = _now()
            expired = episodes.erase_expired(connection, now) if expiring else Erased(0, [])
            if expired.seqs:
                erasures.append(connection, now, expired)
            yield connection, now
        if expired.seqs:
            self._encoder.forget()
            self._unfinished = True

    def _tell(self, recorded: Iterable[Namespace]) -> None:
        if self.recorded is not None:
            for path, count in Counter(recorded).items():
                self.recorded(path, count)

    def _put(
        self, connection: Connection, drafts: Sequence[Draft], embedded: Mapping[str, Vectors], now: datetime
    ) -> Sequence[Outcome]:
        given = [each.vector for each in drafts if each.vector is not None]
        space_id, agreed = self._adopt(connection, given, None, embedded=bool(embedded))
        recording = Recording(connection, space_id, now)
        recording.read((each.namespace, each.id) for each in drafts if each.id)
        recording.find((each.namespace, _stated(each)) for each in drafts)

        def embed(text: str) -> Vectors:
            # The text was looked up before, and found unchanged; since then another process has changed it.
            return self._encoder.documents([text], agreed)[text]

        outcomes = [
            recording.put(each, embedded.get(each.text) if each.vector is None else each.vector, embed)
            for each in drafts
        ]
        recording.flush()
        return outcomes

    def _adopt(
        self, connection: Connection, given: Sequence[Vectors], preferred: Space | None, *, embedded: bool
    ) -> tuple[int, Space]:
        """The space of a batch, written down if it is the file's first."""
        found = space.find(connection)
        agreed = self._encoder.space(found.space or preferred, given, embedded=embedded)
        return (space.adopt(connection, agreed, _now()) if found.space is None else found.id), agreed


_KEPT = (
    "text",
    "namespace",
    "id",
    "actor",
    "occurred_at",
    "session",
    "reply_to",
    "derived_from",
    "metadata",
    "expires_at",
)


def _stated(given: Draft | Episode) -> Stated:
    return Stated(given.reply_to, given.derived_from)


def _says(old: Episode, draft: Draft) -> bool:
    """Whether a version is what a draft would record."""
    facts = (draft.text, draft.actor, draft.session, draft.occurred_at or old.occurred_at)
    if (old.text, old.actor, old.session, old.occurred_at) != facts or not _stated(old).same(_stated(draft)):
        return False
    # As JSON, because Python takes true for 1 and 1 for 1.0.
    return json.dumps(old.metadata, sort_keys=True) == json.dumps(draft.metadata, sort_keys=True)


def _now() -> datetime:
    return datetime.now(UTC)


def _find(connection: Connection, path: Namespace, id_: str, now: datetime) -> Episode:
    found = episodes.by_id(connection, namespaces.find(connection, path), [id_], Visibility(now))
    if not found:
        raise UnknownEpisode(f"there is no episode {id_!r} in the namespace {path!r}; remember() makes one")
    return found[0]
