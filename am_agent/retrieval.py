"""The read side: from a cue to what it calls to mind. Wires embedder, working set and readout; checks no argument."""

from __future__ import annotations

import functools
import math
import operator
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import uuid_utils
from sqlalchemy import Connection

from am_agent.asked import COSINE, Asked, Fields
from am_agent.draft import Vectors, unit_vectors
from am_agent.encoding import Encoder
from am_agent.episode import Episode, Namespace, Recall, Recollection
from am_agent.errors import UnknownEpisode
from am_agent.filter import Predicate
from am_agent.hopfield.energy import critical_beta
from am_agent.hopfield.fusion import FIELDS, default_weights
from am_agent.hopfield.metric import Moments, spread
from am_agent.hopfield.scan import Scope, rescored
from am_agent.question import Question, read
from am_agent.readout import Readout, fused, newest, plain
from am_agent.standing import Standing, standing
from am_agent.store import episodes, namespaces, space
from am_agent.store.database import Database
from am_agent.store.episodes import Visibility
from am_agent.store.space import Found, Space
from am_agent.working_set import Snapshot, WorkingSet, past

_KEPT = 32
"""Sets of namespaces whose standing is kept; the metric of one takes a megabyte."""


@dataclass(frozen=True, slots=True)
class View:
    """What of a memory a cue may see."""

    namespace: Namespace
    subtree: bool
    visibility: Visibility
    predicate: Predicate | None


class Retrieval:
    """Answers cues from a working set that it keeps true. Safe from several threads.

    Args:
        database: Where the episodes are.
        encoder: What embeds a cue.
    """

    def __init__(self, database: Database, encoder: Encoder) -> None:
        self._database = database
        self._encoder = encoder
        self._lock = threading.RLock()  # over the two below
        self._working_set = WorkingSet()
        self._standings: dict[tuple[int, ...], tuple[list[Snapshot], Standing]] = {}

    def recall(self, asked: Asked, view: View, *, fields: Fields, k: int, beta: float | None) -> Recall:
        """The k episodes that a cue calls to mind."""
        recall: Recall | None = None
        while recall is None:  # asked again where the file moved to another embedder in between
            with self._database.reading() as connection, self._lock:  # see _answer
                found = space.find(connection)
                if found.space is None:
                    return Recall((), energy=math.inf, beta=_beta(beta, 0, 1.0), episodes=0)
                words = asked.text is not None and fields != COSINE
                snapshots = self._snapshots(connection, found.id, found.space, view)[1] if words else []
            # The model runs outside of the transaction; what the words here were a moment ago only mends the spelling.
            question = _question(asked, snapshots, view, fields)
            cues = self._cues(asked, question, found.space, fields)
            recall = self._answer(found, asked, question, cues, view, fields=fields, k=k, beta=beta)
        return recall

    def _cues(self, asked: Asked, question: Question, found: Space, fields: Fields) -> Vectors | None:
        """The vectors of a cue: what was given, or one for each part of its text."""
        if asked.vectors is not None:
            return unit_vectors(asked.vectors, found.dimension)
        if not question.parts or question.silent:
            return None
        if fields == COSINE:
            return self._encoder.cue(question.parts[0], found)
        return self._encoder.cues(question.parts, found)

    def _snapshots(
        self, connection: Connection, space_id: int, found: Space, view: View
    ) -> tuple[Sequence[int], list[Snapshot]]:
        """The namespaces that a cue may see, as the connection's transaction shows them."""
        with self._lock:
            ids = namespaces.find(connection, view.namespace, subtree=view.subtree)
            if view.visibility.as_of is None:
                return ids, self._working_set.snapshots(connection, ids, space_id, found.dimension)
            return ids, [past(connection, ids, space_id, found.dimension, view.visibility)]

    def _answer(
        self,
        found: Found,
        asked: Asked,
        question: Question,
        cues: Vectors | None,
        view: View,
        *,
        fields: Fields,
        k: int,
        beta: float | None,
    ) -> Recall | None:
        """Compare a cue with what is stored; None if the file has another space by now."""
        with self._database.reading() as connection:
            with self._lock:  # a transaction shows the moment of its first read: that of the working set, or rows miss
                if found.space is None or space.find(connection) != found:
                    return None
                ids, snapshots = self._snapshots(connection, found.id, found.space, view)
            if asked.near is not None:
                question = replace(question, near=_seq(connection, ids, asked.near, view))
            allowed = None
            if view.predicate is not None:
                allowed = [seq for seq, _ in episodes.matching(connection, ids, view.visibility, view.predicate)]
            scope = Scope.of(
                [(each.roster, each.patterns) for each in snapshots],
                excluded=[each.expired(view.visibility.now) for each in snapshots],
                allowed=allowed,
            )
            count = int(np.count_nonzero(scope.eligible))
            if fields == COSINE and cues is not None:
                moments = functools.reduce(
                    operator.add, [each.moments for each in snapshots], Moments.none(cues.shape[1])
                )
                readout = plain(scope, cues, k, _beta(beta, count, spread(moments)))
            elif question.silent and cues is None:
                readout = newest(snapshots, scope, k, _beta(beta, count, 1.0))
            else:
                known = self._standing(tuple(ids), snapshots, found.space.dimension, view)
                readout = fused(
                    question,
                    cues,
                    snapshots,
                    scope,
                    known,
                    weights=default_weights(),
                    fields=fields,
                    beta=_beta(beta, count, 1.0),
                    k=k,
                )
            best = episodes.by_seq(connection, scope.keys[readout.best].tolist())
        return _recall(readout, cues, best, question, fields)

    def _standing(self, ids: tuple[int, ...], snapshots: list[Snapshot], dimension: int, view: View) -> Standing:
        """What the namespaces are like as a whole, kept until one of them changes."""
        if view.visibility.as_of is not None:
            return standing(snapshots, dimension)
        with self._lock:
            kept = self._standings.get(ids)
        if kept is not None and len(kept[0]) == len(snapshots) and all(map(_same, kept[0], snapshots)):
            return kept[1]
        known = standing(snapshots, dimension)
        with self._lock:
            self._standings.pop(ids, None)
            self._standings[ids] = snapshots, known
            while len(self._standings) > _KEPT:
                del self._standings[next(iter(self._standings))]
        return known


def _same(one: Snapshot, other: Snapshot) -> bool:
    return one is other


def _question(asked: Asked, snapshots: Sequence[Snapshot], view: View, fields: Fields) -> Question:
    if fields == COSINE:
        return Question(parts=() if asked.text is None else (asked.text,))
    return read(asked.text, snapshots, view.visibility.now, actor=asked.actor, periods=asked.periods)


def _beta(given: float | None, count: int, deviation: float) -> float:
    """The inverse temperature that was asked for, or the one that fits what is stored."""
    return critical_beta(max(count, 1), deviation) if given is None else given


def _recall(
    readout: Readout, cues: Vectors | None, found: Mapping[int, Episode], question: Question, fields: Fields
) -> Recall:
    """What a readout found, with the episodes themselves."""
    similar = np.zeros(len(readout.best))
    if cues is not None:
        similar = rescored(readout.scope, readout.best, cues.astype(np.float64))
    recollections = tuple(
        Recollection(
            found[int(readout.scope.keys[position])],
            # Rounding can carry the cosine of equal vectors past one by an ulp.
            similarity=min(max(float(similarity), -1.0), 1.0),
            weight=math.exp(readout.beta * float(readout.scores[position]) - readout.log_partition),
            shares=readout.shares(position),
        )
        for position, similarity in zip(readout.best.tolist(), similar, strict=True)
    )
    plainly = fields == COSINE
    return Recall(
        recollections,
        energy=-readout.log_partition / readout.beta,
        beta=readout.beta,
        episodes=int(np.count_nonzero(readout.scope.eligible)),
        id=str(uuid_utils.uuid7()),
        weights={} if plainly else {name: float(worth) for name, worth in zip(FIELDS, readout.worth, strict=True)},
        notes=question.notes,
    )


def _seq(connection: Connection, ids: Sequence[int], id_: str, view: View) -> int:
    """The row number of the episode that a cue calls near."""
    found = episodes.seqs_of(connection, ids, [id_], view.visibility)
    if not found:
        raise UnknownEpisode(f"there is no episode {id_!r} in the namespace {view.namespace!r} for a cue to be near to")
    return found[0]
