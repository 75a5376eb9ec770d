"""One question put to the episodes it may see: the scores of every field, fused, and what links add. Knows no SQL.

Two stages. The first gives every episode a score that depends on it alone, and its best are exact. The second starts
from these and follows their links: what it adds is never negative, it adds nothing elsewhere, and everything it reaches
is scored exactly, so the best of the whole are exact, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from am_agent.draft import Vectors
from am_agent.hopfield.energy import log_partition
from am_agent.hopfield.fusion import FIELDS, attention, content_query, deviation, norm
from am_agent.hopfield.graph import Links, spread
from am_agent.hopfield.roster import Booleans, Integers
from am_agent.hopfield.scan import Matches, Reals, Scope, best, rescored, scan
from am_agent.lexical.postings import PostingsView, Statistics
from am_agent.question import ADDRESSED, SPEAKERS, Question
from am_agent.standing import RARE, Standing
from am_agent.store.schema import microseconds
from am_agent.times import Period
from am_agent.working_set import Snapshot

_LEAD = 0.6
"""The share of a text's opening in its content, beside that of its best part."""

_SEEDS = 200
"""Episodes from which activation spreads along sessions."""

_NAMING = 3
"""Episodes from which it spreads along entities: they are many, and the first few say what the cue is about."""

_FLOOR = 2.0
"""Standard deviations above the mean from which on an episode is a seed."""

_STEPS = (0.4, 0.3)
"""What an episode passes on to the next in its session, and to the one after."""

_BESIDE = (2.0, 1.2, 0.8)
"""Standard deviations that the neighbours of an episode get, by distance, for a cue that asks for what is near it."""

_BOUND_STEPS = 0.9
_BOUND_ENTITIES = 0.7
_ENTITY = 0.8
_FAN = 3
"""Entities of one episode that count in full; of more, each counts less (the fan effect, Anderson 1974)."""

_FADING = 7 * 86_400 * 1e6
"""Microseconds from a period at which being near it has lost all but 1/e."""

_ROLE = 0.8
"""What it is worth that a cue in the first person meets an episode of the user's, beside 1 for a name."""

_NEGLIGIBLE = 0.01
"""The share of a long cue below which a part of it is not heard."""


@dataclass(frozen=True, slots=True)
class Readout:
    """What a question found.

    Attributes:
        scope: What took part.
        scores: The fused score of every position, float64 [n]; -inf for those that do not take part.
        beta: Inverse temperature, per unit of the score.
        best: The k best positions, the best first.
        fields: The score of each field at each position of `candidates`, in the order of FIELDS, float64 [m, 5].
        candidates: Ascending positions whose scores are exact, the best among them.
        worth: What the score of each field counts, in the order of FIELDS, float64 [5].
        log_partition: Of beta times the scores, over all positions.
    """

    scope: Scope
    scores: Reals
    beta: float
    best: Integers
    fields: Reals
    candidates: Integers
    worth: Reals
    log_partition: float

    def shares(self, position: int) -> Mapping[str, float]:
        """What each field gave to the score of a candidate."""
        row = self.fields[np.searchsorted(self.candidates, position)] * self.worth
        return {field: float(gave) for field, gave in zip(FIELDS, row, strict=True) if gave}


def plain(scope: Scope, cues: Vectors, k: int, beta: float) -> Readout:
    """The readout by cosine alone, of whatever pattern of an episode is nearest."""
    queries = cues.astype(np.float64)
    matches = scan(scope, queries, k)
    fields = np.zeros((len(matches.candidates), len(FIELDS)))
    fields[:, 0] = matches.scores[matches.candidates]
    worth = np.array([1.0, 0.0, 0.0, 0.0, 0.0])
    return _read(scope, matches.scores, matches.candidates, k, beta, fields, worth)


def fused(
    question: Question,
    cues: Vectors | None,
    snapshots: Sequence[Snapshot],
    scope: Scope,
    known: Standing,
    *,
    weights: Reals,
    fields: Iterable[str],
    beta: float,
    k: int,
    identity: bool = False,
) -> Readout:
    """The readout by several fields.

    Args:
        question: The cue.
        cues: Its vectors: one for each part of the question, or windows of one cue where it has no parts.
        snapshots: What is asked.
        scope: The same, and what of it may be seen.
        known: The same as a whole.
        weights: Of the fields, in the order of FIELDS.
        fields: Those that may be used.
        beta: Inverse temperature, per unit of the fused score.
        k: How many are wanted.
        identity: Ask which episode the cue is a part of: content is then the metric readout alone, and no link counts.
    """
    allowed = set(fields)
    shares = None if cues is None else _heard(question, cues, scope)
    words = _words(question, shares, snapshots, scope) if "words" in allowed else None
    dense = cues is not None and "content" in allowed
    present = ["content"] * dense + ["words"] * (words is not None)
    worth = weights / norm(weights, present)
    columns: dict[str, Reals] = {}
    if words is not None:
        columns["words"] = words
    if "actor" in allowed:
        columns["actor"] = _actors(question, snapshots)
    if "time" in allowed:
        columns["time"] = _times(question.periods, snapshots)
    if "links" in allowed and question.near is not None:
        columns["links"] = _beside(question.near, snapshots, scope)
    others = np.zeros(len(scope.keys))
    for field, column in list(columns.items()):
        seen = column[scope.eligible]
        if not len(seen) or seen.min() == seen.max():
            del columns[field]  # what is the same for all tells nothing apart
        else:
            others += worth[FIELDS.index(field)] * column
    queries = np.zeros((1, len(known.moments.total)))
    if dense and cues is not None:
        queries = _queries(cues, shares, known, identity) * worth[0]
    matches = scan(scope, queries, max(k, _SEEDS), lead=_LEAD, others=others)
    mean = float((queries @ known.moments.total).max()) / max(known.moments.count, 1)
    if "words" in columns:
        mean += worth[1] * float(columns["words"].sum()) / max(int(sum(s.roster.alive.sum() for s in snapshots)), 1)
    scores, candidates, added = matches.scores, matches.candidates, np.zeros(len(matches.candidates))
    if "links" in allowed and not identity:
        scores, candidates, added = _linked(question, snapshots, scope, known, matches, queries, others, mean, worth[4])
    table = np.zeros((len(candidates), len(FIELDS)))
    if dense:
        table[:, 0] = rescored(scope, candidates, queries / worth[0], lead=_LEAD) if worth[0] else 0.0
    for field, column in columns.items():
        table[:, FIELDS.index(field)] = column[candidates]
    table[:, 4] += added
    return _read(scope, scores, candidates, k, beta, table, worth)


def _read(
    scope: Scope, scores: Reals, candidates: Integers, k: int, beta: float, fields: Reals, worth: Reals
) -> Readout:
    total = float(log_partition(scores[scope.eligible][None, :], beta)[0])
    return Readout(scope, scores, beta, best(scope, scores, candidates, k), fields, candidates, worth, total)


def _heard(question: Question, cues: Vectors, scope: Scope) -> Reals | None:
    """How much each part of a question counts; None for a cue of one part."""
    if len(question.parts) < 2:
        return None
    familiarity = np.full(len(cues), -1.0)
    for patterns in scope.patterns:
        if len(patterns.rows):
            familiarity = np.maximum(familiarity, (patterns.rows @ cues.T).max(axis=0))
    shares = attention(familiarity.astype(np.float64))
    shares[shares < _NEGLIGIBLE] = 0.0
    heard: Reals = shares / shares.sum()
    return heard


def _queries(cues: Vectors, shares: Reals | None, known: Standing, identity: bool) -> Reals:
    """The cue as what patterns are multiplied with; the parts of a question become one."""
    if shares is not None:
        parts = [
            share * content_query(cue.astype(np.float64), known.metric, known.moments, identity=identity)
            for share, cue in zip(shares, cues, strict=True)
            if share
        ]
        return np.sum(parts, axis=0)[None, :]
    return np.stack(
        [content_query(cue.astype(np.float64), known.metric, known.moments, identity=identity) for cue in cues]
    )


def _words(question: Question, shares: Reals | None, snapshots: Sequence[Snapshot], scope: Scope) -> Reals | None:
    """BM25 in standard deviations, float64 [n]; None for a cue without a term."""
    query: dict[str, float] = {}
    for number, terms in enumerate(question.terms):
        share = 1.0 if shares is None else float(shares[number])
        for term, count in terms.items():
            query[term] = query.get(term, 0.0) + share * count
    query = {term: weight for term, weight in query.items() if weight}
    if not query:
        return None
    statistics = Statistics.none(query)
    for snapshot in snapshots:
        statistics += snapshot.words.statistics(query, snapshot.roster.alive)
    parts = [snapshot.words.bm25(query, snapshot.roster.alive, statistics) for snapshot in snapshots]
    scores = parts[0] if len(parts) == 1 else np.concatenate([*parts, np.empty(0)])
    scores /= deviation(statistics.documents, float(scores.sum()), float((scores**2).sum()))
    return scores


def _actors(question: Question, snapshots: Sequence[Snapshot]) -> Reals:
    """1 for an actor that the cue names, less for a role that it implies, float64 [n]."""
    parts = []
    for snapshot in snapshots:
        actors = snapshot.attributes.actors
        match = np.zeros(len(actors))
        roles = SPEAKERS * question.speaker + ADDRESSED * question.addressed
        implied = _numbers(snapshot, roles)
        if implied:
            match[np.isin(actors, implied)] = _ROLE
        named = _numbers(snapshot, question.names)
        if question.actor is not None:
            named.append(snapshot.actors.get(question.actor, -2))
        if named:
            match[np.isin(actors, named)] = 1.0
        parts.append(match)
    return np.concatenate([*parts, np.empty(0)])


def _numbers(snapshot: Snapshot, names: Iterable[str]) -> list[int]:
    return sorted({number for name in names for number in snapshot.called.get(name, ())})


def _times(periods: Sequence[Period], snapshots: Sequence[Snapshot]) -> Reals:
    """1 for what happened in a period of the cue or whose text names its years, less further away, float64 [n]."""
    parts = []
    for snapshot in snapshots:
        times = snapshot.attributes.times
        match = np.zeros(len(times))
        for period in periods:
            start, end = microseconds(period.start), microseconds(period.end)
            away = np.maximum(np.maximum(start - times, times - end), 0)
            match = np.maximum(match, np.exp(-away / _FADING))
            if not period.relative:
                match[snapshot.years.meeting(period.start.year, _last_year(period))] = 1.0
        parts.append(match)
    return np.concatenate([*parts, np.empty(0)])


def _last_year(period: Period) -> int:
    """The year of the last moment of a period; its end is the first moment after it."""
    end = period.end
    return end.year - 1 if (end.month, end.day, end.hour, end.minute) == (1, 1, 0, 0) and end.year > 1 else end.year


def _beside(near: int, snapshots: Sequence[Snapshot], scope: Scope) -> Reals:
    """What the neighbours of an episode get, float64 [n]."""
    match = np.zeros(len(scope.keys))
    for first, snapshot in zip(scope.bounds, snapshots, strict=False):
        places = snapshot.roster.places([near])
        if len(places):
            around = snapshot.chains.neighbours(places, snapshot.roster.alive, len(_BESIDE))[0]
            for place, given in zip(around, (*_BESIDE, *_BESIDE), strict=True):
                if place >= 0:
                    match[first + place] = given
    return match


def _linked(
    question: Question,
    snapshots: Sequence[Snapshot],
    scope: Scope,
    known: Standing,
    matches: Matches,
    queries: Reals,
    others: Reals,
    mean: float,
    worth: float,
) -> tuple[Reals, Integers, Reals]:
    """The second stage: the scores with what links add, the candidates with what they reach, and what each got."""
    seeds = best(scope, matches.scores, matches.candidates, _SEEDS)
    seeds = seeds[matches.scores[seeds] - mean > _FLOOR]
    edges = [
        *_along_sessions(seeds, snapshots, scope, known),
        *_along_entities(question, seeds, snapshots, scope, known),
    ]
    edges = [edge for edge in edges if len(edge.sources)]
    if not edges:
        return matches.scores, matches.candidates, np.zeros(len(matches.candidates))
    reached = np.unique(np.concatenate([edge.targets for edge in edges]))
    fresh = np.setdiff1d(reached, matches.candidates, assume_unique=True)
    matches.scores[fresh] = rescored(scope, fresh, queries, lead=_LEAD) + others[fresh]
    candidates = np.union1d(matches.candidates, reached)
    local = [
        Links(
            np.searchsorted(candidates, edge.sources),
            np.searchsorted(candidates, edge.targets),
            edge.strengths * worth,
            edge.bound,
        )
        for edge in edges
    ]
    added = spread(matches.scores[candidates] - mean, local, _FLOOR)
    matches.scores[candidates] += added
    return matches.scores, candidates, added / worth if worth else added


def _along_sessions(seeds: Integers, snapshots: Sequence[Snapshot], scope: Scope, known: Standing) -> Iterable[Links]:
    """Links to the next two episodes of a session, on either side."""
    if not any(known.steps) or not len(seeds):
        return
    reach = len(_STEPS)
    strengths = [share * open_ for share, open_ in zip(_STEPS, known.steps, strict=True)]
    for number, places, own in scope.split(seeds):
        first = scope.bounds[number]
        seen = scope.eligible[first : scope.bounds[number + 1]]
        targets = snapshots[number].chains.neighbours(places, seen, reach).astype(np.int64)
        there = targets >= 0
        sources = np.broadcast_to(seeds[own][:, None], targets.shape)
        carried = np.broadcast_to(np.array([*strengths, *strengths]), targets.shape)
        yield Links(sources[there], targets[there] + first, carried[there], _BOUND_STEPS)


def _along_entities(
    question: Question, seeds: Integers, snapshots: Sequence[Snapshot], scope: Scope, known: Standing
) -> Iterable[Links]:
    """Links to the episodes that name the same rare entity, other than those which the cue names itself."""
    if not known.entities or not len(seeds):
        return
    asked = {word for part in question.parts for word in part.casefold().split()}
    sources, targets, strengths = [], [], []
    for number, places, own in scope.split(seeds[:_NAMING]):
        first, index = scope.bounds[number], snapshots[number].entities
        seen = scope.eligible[first : scope.bounds[number + 1]]
        for seed, held in zip(seeds[:_NAMING][own], index.terms_of(places.tolist()), strict=True):
            found = [_naming(name, index, seen) for name in held if not asked.issuperset(name.split())]
            linking = [(others, counts) for others, counts in found if 1 < len(others) <= RARE]
            fan = max(1.0, len(linking) / _FAN)
            for others, counts in linking:
                apart = others + first != seed
                sources.append(np.full(int(apart.sum()), seed))
                targets.append(others[apart] + first)
                strengths.append(_ENTITY * known.entities * counts[apart] / (fan * (len(others) - 1) ** 0.5))
    if sources:
        yield Links(np.concatenate(sources), np.concatenate(targets), np.concatenate(strengths), _BOUND_ENTITIES)


def _naming(name: str, index: PostingsView, seen: Booleans) -> tuple[Integers, Reals]:
    """The places that name an entity and may be seen, and how much each makes of it."""
    places, counts = index.postings(name)
    here = seen[places]
    return places[here].astype(np.int64), np.minimum(counts[here].astype(np.float64), 2.0)
