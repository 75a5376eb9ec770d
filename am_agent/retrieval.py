"""The read side: from a cue to what it calls to mind. Wires embedder, working set and readout; checks no argument."""

from __future__ import annotations

import functools
import logging
import math
import operator
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import uuid_utils
from sqlalchemy import Connection

from am_agent.asked import COSINE, Asked, Fields
from am_agent.calibrator import Calibrator
from am_agent.confidence import SHIPPED, Calibration, judged
from am_agent.consolidation import DUPLICATE
from am_agent.derived import Derived
from am_agent.draft import Vectors, check_dimension, unit_vectors
from am_agent.encoding import Encoder
from am_agent.episode import Certificate, Completion, Evidence, Namespace, Recall, Recollection
from am_agent.errors import StoreError, UnknownEpisode
from am_agent.evidence import evidence
from am_agent.filter import Predicate
from am_agent.groups import Groups, told
from am_agent.hopfield.codes import Floats, Reals
from am_agent.hopfield.energy import critical_beta
from am_agent.hopfield.fusion import FIELDS
from am_agent.hopfield.metric import Moments, spread
from am_agent.hopfield.roster import Integers
from am_agent.hopfield.scope import Fetch, Scope, best, closest, joined, rescored
from am_agent.latest import LEAST, Statements, latest
from am_agent.levels import Overlaid, Ranking, Shown, coarse, similarities, summed
from am_agent.lexical.entities import entities
from am_agent.posterior import after, when, who
from am_agent.question import Question, read
from am_agent.readout import Readout, fused, newest, plain
from am_agent.reinforcement import Reinforcement
from am_agent.standing import Standing, standing
from am_agent.store import episodes, journal, namespaces, space
from am_agent.store.caches import Caches
from am_agent.store.database import Database
from am_agent.store.episodes import Visibility
from am_agent.store.space import Found, Space
from am_agent.store.uses import Use
from am_agent.store.vectors import vectors_of
from am_agent.working_set import Resident, Snapshot, WorkingSet, past

T = TypeVar("T")

_log = logging.getLogger("am_agent")

_TRIES = 3
"""How often what is in memory is made ready to be written down, where others write meanwhile."""

_WORD = re.compile(r"\w\w+")

_LOGGED = 50
"""The best candidates of a recall, with which feedback compares what was used; what is shown beyond them is added."""


@dataclass(frozen=True, slots=True)
class View:
    """What of a memory a cue may see."""

    namespace: Namespace
    subtree: bool
    visibility: Visibility
    predicate: Predicate | None


@dataclass(frozen=True, slots=True)
class Request:
    """A recall as it was asked for, checked.

    Attributes:
        asked: The cue.
        view: What it may see.
        fields: By which it may be compared.
        k: How many episodes, at the most.
        beta: Inverse temperature; None for the namespace's own.
        log: Write the recall down, to be reinforced later by another process.
        identity: Ask which episode the cue is a part of, not which ones answer it.
        abstain: Bring back nothing where the verdict is `unknown`.
        level: What competes: episodes, prototypes, or both.
        distinct: Let near-duplicates count once.
        latest: Let what is newer come before what it says something else of.
    """

    asked: Asked
    view: View
    fields: Fields
    k: int
    beta: float | None
    log: bool = False
    identity: bool = False
    abstain: bool = False
    level: str = "episode"
    distinct: bool = False
    latest: bool = False

    @property
    def plain(self) -> bool:
        """Whether single episodes are asked for, in the order of their weights."""
        return self.level == "episode" and not self.distinct and not self.latest

    @property
    def depth(self) -> int:
        """How many are looked at."""
        return max(self.k, LEAST) if self.latest else self.k


@dataclass(frozen=True, slots=True)
class _Seen:
    """The namespaces that a cue may see, at a position of the journal."""

    position: int
    ids: tuple[int, ...]
    snapshots: list[Snapshot]


@dataclass(frozen=True, slots=True)
class _Cues:
    """The vectors of a cue, None where it has none.

    Attributes:
        given: What similarity is told to, float32 [n, d].
        read: What content is compared with, float32 [n, d].
    """

    given: Vectors | None
    read: Vectors | None

    @staticmethod
    def alike(vectors: Vectors) -> _Cues:
        return _Cues(vectors, vectors)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a readout found, while its transaction lasts."""

    connection: Connection
    visibility: Visibility
    snapshots: list[Snapshot]
    readout: Readout
    question: Question
    cues: Vectors | None
    calibration: Calibration
    overlaid: Overlaid | None = None


class _Patterns:
    """Patterns that memory holds the codes of, read as the answer's transaction shows them, each once."""

    def __init__(self, connection: Connection, space_id: int) -> None:
        self._connection = connection
        self._space_id = space_id
        self._read: dict[int, Floats] = {}

    def __call__(self, keys: Integers) -> list[Floats]:
        wanted = keys.tolist()
        missing = [key for key in wanted if key not in self._read]
        if missing:
            self._read |= vectors_of(self._connection, missing, self._space_id)
        return [self._read[key] for key in wanted]


class Retrieval:
    """Answers cues from a working set that it keeps true. Safe from several threads.

    Args:
        database: Where the episodes are.
        encoder: What embeds a cue.
        reinforcement: What knows the weights, and waits for feedback.
        calibrator: What knows how confidence is corrected.
        resident: What of each vector is kept in memory; see `WorkingSet`.
        device: Where codes are multiplied.

    Attributes:
        prior: What confidence is computed with.
    """

    def __init__(
        self,
        database: Database,
        encoder: Encoder,
        reinforcement: Reinforcement,
        calibrator: Calibrator,
        *,
        resident: Resident = "patterns",
        device: str = "cpu",
    ) -> None:
        self.prior = SHIPPED
        self._reinforcement = reinforcement
        self._calibrator = calibrator
        self._database = database
        self._encoder = encoder
        self._lock = threading.Lock()  # over the two below
        caches = None if database.path is None else Caches(database.path)
        self._working_set = WorkingSet(resident=resident, caches=caches, device=device)
        self._standings = Derived[Standing]()
        self._overlaid = Derived[Overlaid]()
        self._groups = Groups()

    def held(self) -> tuple[int, int]:
        """How many patterns are in memory, of the namespaces that were asked, and how many bytes they take."""
        with self._lock:
            return self._working_set.held()

    def leave(self) -> None:
        """Write down what is in memory, for the next who opens the file; or do not, where somebody is writing now."""
        with self._lock:
            self._working_set.built = False  # tried once, and then when the file is closed
            if not self._working_set.worth_keeping():
                return
            try:
                for _ in range(_TRIES):
                    # The write lock is held for the writing alone: making the arrays can take a second.
                    with self._database.reading() as connection:
                        prepared = self._working_set.prepared(connection)
                    if prepared is None:
                        return
                    with self._database.writing(patience=0) as connection:
                        if self._working_set.keep(connection, prepared):
                            return
            except StoreError as error:
                _log.info("what is in memory is not written down: %s", error)

    def recall(self, request: Request) -> Recall:
        """The k episodes that a cue calls to mind."""

        def finish(answer: _Answer) -> tuple[Recall, Use | None]:
            ranking = _ranking(answer, request)
            recall, readout = self._recall(answer, request, ranking), answer.readout
            if request.fields == COSINE:  # there are no weights to learn
                return recall, None
            known = [(each.origin, given.id) for each, given in zip(ranking.shown, recall, strict=True)]
            known = [(origin, id_) for origin, id_ in known if readout.looked_at(origin)]
            features, rows = _logged(readout, np.array([origin for origin, _ in known], dtype=np.int64))
            shown = {id_: row for (_, id_), row in zip(known, rows.tolist(), strict=True)}
            return recall, Use(request.view.namespace, readout.temper, shown, features)

        found = self._ask(request, finish)
        if found is None:
            return Recall((), energy=math.inf, beta=_beta(request.beta, 0, 1.0), episodes=0)
        recall, use = found
        if request.abstain and recall.verdict == "unknown":
            return replace(recall, recollections=())
        if use is None or not use.shown:
            return recall
        recall = replace(recall, id=str(uuid_utils.uuid7()))
        self._reinforcement.wait(recall.id, use, written=request.log)
        return recall

    def shown(self, request: Request) -> Evidence | None:
        """What a recall would show of whether the answer is there; None where nothing was ever stored.

        It is asked for a sample, so nothing waits for feedback: the recalls that do are not to be pushed out.
        """
        return self._ask(request, lambda answer: _evidence(answer, request))

    def complete(self, request: Request) -> Completion:
        """The episodes that a cue may be a part of, and the posteriors of what it left out."""

        def finish(answer: _Answer) -> Completion:
            recall = self._recall(answer, request, _ranking(answer, request))
            readout, snapshots = answer.readout, answer.snapshots
            likely = np.zeros(len(readout.scores))
            seen = readout.scope.eligible  # where it is empty, the partition function is zero
            likely[seen] = np.exp(readout.beta * readout.scores[seen] - readout.partition.log)
            following = after(likely, readout, snapshots)
            named = episodes.by_seq(answer.connection, list(following), answer.visibility)
            shares: dict[str, float] = {}
            for seq, share in following.items():  # below each other, namespaces may have the same id
                shares[named[seq].id] = shares.get(named[seq].id, 0.0) + share
            earliest, time, latest = when(likely, snapshots, (0.1, 0.5, 0.9))
            return Completion(
                recall=recall,
                actors=who(likely, snapshots),
                time=time,
                earliest=earliest,
                latest=latest,
                following=dict(sorted(shares.items(), key=lambda each: -each[1])),
            )

        found = self._ask(request, finish)
        if found is None:
            nothing = Recall((), energy=math.inf, beta=_beta(request.beta, 0, 1.0), episodes=0)
            return Completion(nothing, {}, None, None, None, {})
        return found

    def _ask(self, request: Request, finish: Callable[[_Answer], T]) -> T | None:
        """Put a question to what is stored, and finish within the transaction; None where nothing was ever stored."""
        found = self._put(request, finish)
        if self._working_set.built:
            self.leave()  # not every process comes to its end, and the next one is not to build it again
        return found

    def _put(self, request: Request, finish: Callable[[_Answer], T]) -> T | None:
        """The same, whatever had to be built for it."""
        worded = request.fields != COSINE
        if request.asked.text is None:  # nothing has to be embedded: one transaction will do
            with self._database.reading() as connection:
                found, seen = self._look(connection, request.view, None, worded=worded)
                if found.space is None or seen is None:
                    if request.asked.near is not None:
                        _seq(connection, (), request.asked.near, request.view)
                    return None
                question = _question(request, seen.snapshots)
                cues = self._cues(request, question, found.space)
                return finish(self._answer(connection, request, question, cues, seen, found, found.space.dimension))
        while True:  # asked again where the file moved to another embedder in between
            with self._database.reading() as connection:
                if worded:
                    found, seen = self._look(connection, request.view, None, worded=True)
                else:
                    found, seen = space.find(connection), None
                if found.space is None:
                    if request.asked.near is not None:
                        _seq(connection, (), request.asked.near, request.view)
                    return None
            # The model runs outside of the transaction; what the words here were a moment ago only mends the spelling.
            question = _question(request, [] if seen is None else seen.snapshots)
            cues = self._cues(request, question, found.space)
            with self._database.reading() as connection:
                now, seen = self._look(connection, request.view, seen, worded=worded)
                if now == found and seen is not None:
                    return finish(self._answer(connection, request, question, cues, seen, found, found.space.dimension))

    def _cues(self, request: Request, question: Question, found: Space) -> _Cues:
        """The vectors of a cue: what was given, or one for each part of its text."""
        if request.asked.vectors is not None:
            check_dimension(request.asked.vectors, found.dimension)
            return _Cues.alike(request.asked.vectors)
        if not question.parts or question.silent:
            return _Cues(None, None)
        if request.fields == COSINE:
            return _Cues.alike(self._encoder.cue(question.parts[0], found))
        vectors = self._encoder.cues(question.readings, found)
        if len(question.parts) > 1:
            return _Cues.alike(vectors)
        return _Cues(vectors[:1], unit_vectors(vectors.mean(axis=0)))

    def _look(
        self, connection: Connection, view: View, before: _Seen | None, *, worded: bool
    ) -> tuple[Found, _Seen | None]:
        """The space and the namespaces that a cue may see, as the connection's transaction shows them.

        The transaction begins with its first read. That happens under the lock: another thread could move the working
        set past what this transaction sees otherwise.

        Args:
            connection: A transaction's.
            view: What the cue may see.
            before: What was seen for the same cue earlier; it is returned if it is still so.
            worded: With what texts say.
        """
        with self._lock:
            found = space.find(connection)
            if found.space is None:
                return found, None
            position = journal.position(connection)
            if before is not None and before.position == position:
                return found, before
            ids = namespaces.find(connection, view.namespace, subtree=view.subtree)
            here = connection, ids, found.id, found.space.dimension
            if view.visibility.as_of is None:
                snapshots = self._working_set.snapshots(*here, worded=worded)
            else:
                snapshots = [past(*here, view.visibility, worded=worded)]
        return found, _Seen(position, tuple(ids), snapshots)

    def _answer(
        self,
        connection: Connection,
        request: Request,
        question: Question,
        cues: _Cues,
        seen: _Seen,
        found: Found,
        dimension: int,
    ) -> _Answer:
        view, snapshots = request.view, seen.snapshots
        if request.asked.near is not None:
            question = replace(question, near=_seq(connection, seen.ids, request.asked.near, view))
        allowed = None
        if view.predicate is not None:
            allowed = [seq for seq, _ in episodes.matching(connection, seen.ids, view.visibility, view.predicate)]
        scope = Scope.of(
            [(each.roster, each.patterns) for each in snapshots],
            excluded=[each.expired(view.visibility.now) for each in snapshots],
            allowed=allowed,
            fetch=_Patterns(connection, found.id),
        )
        count = int(np.count_nonzero(scope.eligible))
        if request.fields == COSINE and cues.given is not None:
            beta = _critical(snapshots, count, dimension) if request.beta is None else request.beta
            readout = plain(scope, cues.given, request.k, beta)
        elif question.silent and cues.read is None:
            readout = newest(snapshots, scope, request.k, _beta(request.beta, count, 1.0))
        else:
            readout = fused(
                question,
                cues.read,
                snapshots,
                scope,
                self._standing(seen, dimension, view, scope.fetch),
                weights=self._reinforcement.active(connection, view.namespace),
                fields=request.fields,
                beta=_beta(request.beta, count, 1.0),
                k=request.k,
                identity=request.identity,
            )
        calibration = self._calibrator.active(connection, view.namespace, found.id)
        overlaid = None if request.plain else self._prototypes(connection, seen, found.id, scope, view)
        return _Answer(connection, view.visibility, snapshots, readout, question, cues.given, calibration, overlaid)

    def _standing(self, seen: _Seen, dimension: int, view: View, fetch: Fetch | None) -> Standing:
        """What the namespaces are like as a whole, kept until one of them changes."""
        if view.visibility.as_of is not None:
            return standing(seen.snapshots, dimension, fetch)
        return self._standings.of(seen.ids, seen.snapshots, lambda: standing(seen.snapshots, dimension, fetch))

    def _prototypes(self, connection: Connection, seen: _Seen, space_id: int, scope: Scope, view: View) -> Overlaid:
        """The prototypes over what a cue may see, kept until something changes where that is everything there is."""
        kept = self._groups.current(connection, seen.ids, space_id)
        living = sum(int(np.count_nonzero(each.roster.alive)) for each in seen.snapshots)
        if view.visibility.as_of is not None or int(np.count_nonzero(scope.eligible)) < living:
            return Overlaid.of(kept, scope)
        return self._overlaid.of(seen.ids, [kept, *seen.snapshots], lambda: Overlaid.of(kept, scope))

    def _recall(self, answer: _Answer, request: Request, ranking: Ranking) -> Recall:
        """What a readout found, with the episodes themselves."""
        readout = answer.readout
        log = readout.partition.log if ranking.log is None else ranking.log
        recollections = _recollections(answer, ranking, log)
        plainly = request.fields == COSINE
        shown = _evidence(answer, request)
        sure = judged(shown, self.prior, answer.calibration)
        n_eff, margin = _spread(readout)
        return Recall(
            recollections,
            energy=-log / readout.beta,
            beta=readout.beta,
            episodes=int(np.count_nonzero(readout.scope.eligible)),
            weights={} if plainly else {name: float(worth) for name, worth in zip(FIELDS, readout.worth, strict=True)},
            notes=answer.question.notes,
            certificate=_certificate(readout, ranking, request),
            familiarity=sure.familiarity,
            reliability=sure.reliability,
            verdict=sure.verdict,
            reason=sure.reason,
            evidence=shown,
            n_eff=n_eff,
            margin=margin,
        )


def _ranking(answer: _Answer, request: Request) -> Ranking:
    """What of a readout is brought back."""
    ranking = _heaviest(answer, request)
    if not request.latest:
        return ranking
    return replace(ranking, shown=_newest_first(answer, request, ranking.shown)[: request.k])


def _newest_first(answer: _Answer, request: Request, shown: Sequence[Shown]) -> list[Shown]:
    """What is newer before what it says something else of; prototypes stay where they are."""
    readout, scope = answer.readout, answer.readout.scope
    places = [place for place, each in enumerate(shown) if not each.prototype]
    if readout.asked is None or not places:  # what says nothing has called the newest to mind already
        return list(shown)
    positions = np.array([shown[place].position for place in places], dtype=np.int64)
    names = set[str]()
    if request.asked.text is not None:
        names = {word for name in entities(request.asked.text) for word in _WORD.findall(name)}
    told = episodes.texts_of(answer.connection, scope.keys[positions].tolist()) if names else {}
    said = [names.intersection(_WORD.findall(told.get(key, "").casefold())) for key in scope.keys[positions].tolist()]
    groups = np.full(len(scope.keys), -1, dtype=np.int64)
    for number, each in enumerate(() if answer.overlaid is None else answer.overlaid.duplicates):
        groups[each.positions] = number
    ages = np.empty(len(positions), dtype=np.int64)
    ages[np.lexsort((scope.keys[positions], _times(answer.snapshots)[positions]))] = np.arange(len(positions))
    scores = np.array([shown[place].mass for place in places]) / readout.beta
    cues = readout.asked.queries if answer.cues is None else answer.cues.astype(np.float64)
    order = latest(Statements(scores, closest(scope, positions, cues), ages, said, groups[positions]))
    mixed = list(shown)
    for place, which in zip(places, order, strict=True):
        mixed[place] = shown[places[which]]
    return mixed


def _heaviest(answer: _Answer, request: Request) -> Ranking:
    """What of a readout weighs most."""
    readout, k = answer.readout, request.depth
    if request.plain or answer.overlaid is None:
        best_ = readout.best.tolist()
        masses = (readout.beta * readout.scores[readout.best]).tolist()
        shown = [
            Shown(position, mass, readout.shares(position), origin=position)
            for position, mass in zip(best_, masses, strict=True)
        ]
        return Ranking(shown, readout.rescored)
    wide = [] if request.level == "episode" else answer.overlaid.widest
    if request.level == "prototype":
        return coarse(readout, wide, k)
    twice = answer.overlaid.duplicates if request.distinct else []
    if request.distinct:  # its duplicates are shown as such already
        wide = [each for each in wide if each.kept.shape.tier != DUPLICATE]
    return summed(readout, _times(answer.snapshots), k, prototypes=wide, duplicates=twice)


def _recollections(answer: _Answer, ranking: Ranking, log: float) -> tuple[Recollection, ...]:
    """What is brought back, read from what is stored."""
    scope, shown = answer.readout.scope, ranking.shown
    positions = np.array([each.position for each in shown], dtype=np.int64)
    keys = scope.keys[positions].tolist()
    found = episodes.by_seq(answer.connection, keys, answer.visibility)
    grouped = [each.stand for each in shown if each.stand is not None]
    prototypes = [each.stand for each in shown if each.stand is not None and each.prototype]
    named = dict(
        zip(
            (each.kept.seq for each in prototypes),
            told(answer.connection, [each.kept for each in prototypes]) if prototypes else (),
            strict=True,
        )
    )
    members = [key for each in grouped for key in scope.keys[each.positions].tolist()]
    ids = episodes.names_of(answer.connection, members) if members else {}
    similar = np.zeros(len(shown))
    if answer.cues is not None:
        similar = rescored(scope, positions, answer.cues.astype(np.float64))
        means = np.flatnonzero([each.prototype for each in shown])
        if prototypes:
            similar[means] = similarities(prototypes, answer.cues)
    return tuple(
        Recollection(
            found[key],
            # Rounding can carry the cosine of equal vectors past one by an ulp.
            similarity=min(max(float(similarity), -1.0), 1.0),
            weight=math.exp(each.mass - log),
            shares=each.shares,
            prototype=named[each.stand.kept.seq] if each.stand is not None and each.prototype else None,
            also=()
            if each.stand is None or each.prototype
            else tuple(ids[other] for other in scope.keys[each.stand.positions].tolist() if other != key),
        )
        for each, key, similarity in zip(shown, keys, similar, strict=True)
    )


def _certificate(readout: Readout, ranking: Ranking, request: Request) -> Certificate:
    if ranking.log is not None:
        return Certificate(True, (ranking.log, ranking.log), ranking.rescored)
    exact = readout.exact if request.plain or readout.read is not None else True
    return Certificate(exact, (readout.partition.lowest, readout.partition.highest), ranking.rescored)


def _times(snapshots: Sequence[Snapshot]) -> Integers:
    """When each position occurred, in microseconds."""
    return joined([each.attributes.times for each in snapshots], np.int64)


def _question(request: Request, snapshots: Sequence[Snapshot]) -> Question:
    asked = request.asked
    if request.fields == COSINE:
        return Question(parts=() if asked.text is None else (asked.text,))
    return read(asked.text, snapshots, request.view.visibility.now, actor=asked.actor, periods=asked.periods)


def _beta(given: float | None, count: int, deviation: float) -> float:
    """The inverse temperature that was asked for, or the one that fits what is stored."""
    return critical_beta(max(count, 1), deviation) if given is None else given


def _critical(snapshots: Sequence[Snapshot], count: int, dimension: int) -> float:
    """The inverse temperature that fits the cosines of what is stored."""
    if len(snapshots) == 1:
        return _beta(None, count, snapshots[0].tally.spread)
    moments = functools.reduce(operator.add, [each.moments for each in snapshots], Moments.none(dimension))
    return _beta(None, count, spread(moments))


def _evidence(answer: _Answer, request: Request) -> Evidence:
    """What an answer shows of whether it is one, by the fields that were asked for."""
    return evidence(
        answer.question,
        answer.cues if {"content", *COSINE}.intersection(request.fields) else None,
        answer.snapshots,
        answer.readout,
        request.k,
        worded="words" in request.fields,
    )


def _spread(readout: Readout) -> tuple[float, float]:
    """How many episodes share the weight, and by how much the best score exceeds the second."""
    scores = np.sort(readout.scores[readout.candidates])[::-1]
    if not len(scores):
        return 0.0, math.inf
    weights = np.exp(readout.beta * scores - readout.partition.log)
    margin = float(scores[0] - scores[1]) if len(scores) > 1 else math.inf
    return 1 / float(weights @ weights), margin


def _logged(readout: Readout, shown: Integers) -> tuple[Reals, Integers]:
    """What feedback is compared with: the fields of the best candidates, and which rows those are that are shown."""
    # Where all are alike, those that are shown say as much as any.
    positions = readout.candidates if readout.fields.any() else shown
    kept = np.union1d(best(readout.scope, readout.scores, positions, _LOGGED), shown)
    return readout.fields[np.searchsorted(readout.candidates, kept)], np.searchsorted(kept, shown)


def _seq(connection: Connection, ids: Sequence[int], id_: str, view: View) -> int:
    """The row number of the episode that a cue calls near."""
    found = episodes.seqs_of(connection, ids, [id_], view.visibility)
    if not found:
        raise UnknownEpisode(f"there is no episode {id_!r} in the namespace {view.namespace!r} for a cue to be near to")
    return found[0]
