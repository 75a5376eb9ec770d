"""The scores of each field of a cue, on a scale of its own: what was said, in which words, by whom, when, near to what.

Knows a question and arrays, no weights and no energy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from am_agent.draft import Vectors
from am_agent.hopfield.codes import Reals
from am_agent.hopfield.fusion import attention, content_query, deviation
from am_agent.hopfield.scan import nearest
from am_agent.hopfield.scope import Scope
from am_agent.lexical.postings import Statistics
from am_agent.question import ADDRESSED, SPEAKERS, Question
from am_agent.standing import Standing
from am_agent.store.schema import microseconds
from am_agent.times import Period
from am_agent.working_set import Snapshot

_BESIDE = (2.0, 1.2, 0.8)
"""Standard deviations that the neighbours of an episode get, by distance, for a cue that asks for what is near it."""

_FADING = 7 * 86_400 * 1e6
"""Microseconds from a period at which being near it has lost all but 1/e."""

_ROLE = 0.8
"""What it is worth that a cue in the first person meets an episode of the user's, beside 1 for a name."""

_NEGLIGIBLE = 0.01
"""The share of a long cue below which a part of it is not heard."""


def heard(question: Question, cues: Vectors, scope: Scope) -> Reals | None:
    """How much each part of a question counts; None for a cue of one part."""
    if len(question.parts) < 2:
        return None
    # Where nothing is seen, all parts are as unfamiliar.
    familiarity = np.maximum(nearest(scope, cues.astype(np.float64)), -1.0)
    shares = attention(familiarity)
    shares[shares < _NEGLIGIBLE] = 0.0
    heard: Reals = shares / shares.sum()
    return heard


def queries(cues: Vectors, shares: Reals | None, known: Standing, *, identity: bool) -> Reals:
    """The cue as what patterns are multiplied with; the parts of a question become one."""
    each = [content_query(cue.astype(np.float64), known.metric, known.moments, identity=identity) for cue in cues]
    parts: Reals = np.stack(each)
    if shares is None:
        return parts
    one: Reals = (shares[:, None] * parts).sum(axis=0, keepdims=True)
    return one


def words(question: Question, shares: Reals | None, snapshots: Sequence[Snapshot]) -> Reals | None:
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


def actors(question: Question, snapshots: Sequence[Snapshot]) -> Reals:
    """1 for an actor that the cue names, less for a role that it implies, float64 [n]."""
    parts = []
    for snapshot in snapshots:
        numbers = snapshot.attributes.actors
        match = np.zeros(len(numbers))
        roles = SPEAKERS * question.speaker + ADDRESSED * question.addressed
        implied = _numbers(snapshot, roles)
        if implied:
            match[np.isin(numbers, implied)] = _ROLE
        named = _numbers(snapshot, question.names)
        if question.actor is not None:
            named.append(snapshot.actors.get(question.actor, -2))
        if named:
            match[np.isin(numbers, named)] = 1.0
        parts.append(match)
    return np.concatenate([*parts, np.empty(0)])


def _numbers(snapshot: Snapshot, names: Iterable[str]) -> list[int]:
    return sorted({number for name in names for number in snapshot.called.get(name, ())})


def times(periods: Sequence[Period], snapshots: Sequence[Snapshot]) -> Reals:
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


def beside(near: int, snapshots: Sequence[Snapshot], scope: Scope) -> Reals:
    """What the neighbours of an episode get, float64 [n]: in its session, and what is linked to it as the nearest."""
    match = np.zeros(len(scope.keys))
    for first, snapshot in zip(scope.bounds, snapshots, strict=False):
        places = snapshot.roster.places([near])
        if len(places):
            around = snapshot.chains.neighbours(places, snapshot.roster.alive, len(_BESIDE))[0]
            for place, given in zip(around, (*_BESIDE, *_BESIDE), strict=True):
                if place >= 0:
                    match[first + place] = given
            _, bound = snapshot.bonds.neighbours(places, snapshot.roster.keys, snapshot.roster.alive)
            match[first + bound] = _BESIDE[0]
    return match
