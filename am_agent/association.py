"""The second stage of a recall: what the links of the best episodes add. Knows sessions, bonds and names, no SQL."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from am_agent.hopfield.codes import Reals
from am_agent.hopfield.graph import Links, spread
from am_agent.hopfield.roster import Booleans, Integers
from am_agent.hopfield.scan import Matches
from am_agent.hopfield.scope import Scope, best
from am_agent.lexical.postings import PostingsView
from am_agent.question import Question
from am_agent.standing import RARE, Standing
from am_agent.working_set import Snapshot

_WORD = re.compile(r"\w+")

LEAD = 0.6
"""The share of a text's opening in its content, beside that of its best part."""

SEEDS = 200
"""Episodes from which activation spreads along sessions and along what is stated."""

_NAMING = 3
"""Episodes from which it spreads along entities: they are many, and the first few say what the cue is about."""

_FLOOR = 2.0
"""Standard deviations above the mean from which on an episode is a seed."""

_STEPS = (0.4, 0.3)
"""What an episode passes on to the next in its session, and to the one after."""

_STATED = _STEPS[0]
"""What it passes on, either way, along a link that one of the two states: as much as to the next in its session."""

_ENTITY = 0.8
"""What it passes on along an entity that one other episode names; along more common ones it is less."""

_BOUND_STEPS = 0.9
"""The share of a seed's score that its neighbours can reach."""

_BOUND_ENTITIES = 0.7
"""The same for what names the same entity, which is a weaker bond."""

_FAN = 3
"""Entities of one episode that count in full; of more, each counts less (the fan effect, Anderson 1974)."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What the first stage of a recall leaves to the second.

    Attributes:
        snapshots: What was asked.
        scope: The same, and what of it may be seen.
        matches: The scores, and those that are exact.
        sure: What those fields gave that match or do not: who said it, and when. It does not spread: that a neighbour
            was said by the same or at the same time says nothing about what it says.
        mean: The score that chance gives without them.
    """

    snapshots: Sequence[Snapshot]
    scope: Scope
    matches: Matches
    sure: Reals
    mean: float


def linked(question: Question, first: Stage, known: Standing, worth: float) -> tuple[Matches, Reals]:
    """Add what links are worth to what they reach, each of which is scored exactly before.

    Args:
        question: The cue; the entities that it names itself link nothing.
        first: What the first stage found.
        known: What links are worth in these namespaces.
        worth: The weight of the field.

    Returns:
        The scores, with everything reached among the candidates, and what each candidate got before it was weighted.
    """
    scope, matches = first.scope, first.matches
    seeds = best(scope, matches.scores, matches.candidates, SEEDS)
    seeds = seeds[matches.scores[seeds] - first.sure[seeds] - first.mean > _FLOOR]
    found = [
        *_along_sessions(seeds, first, known),
        *_along_bonds(seeds, first),
        *_along_entities(question, seeds, first, known),
    ]
    edges = [edge for edge in found if len(edge.sources)]
    if not edges or not worth:
        return matches, np.zeros(len(matches.candidates))
    reached = np.unique(np.concatenate([edge.targets for edge in edges]))
    fresh = np.setdiff1d(reached, matches.candidates, assume_unique=True)
    scores, candidates = matches.scores, np.union1d(matches.candidates, reached)
    scores[fresh] = matches.asked.exact(scope, fresh)
    local = [
        Links(
            np.searchsorted(candidates, edge.sources),
            np.searchsorted(candidates, edge.targets),
            edge.strengths * worth,
            edge.bound,
        )
        for edge in edges
    ]
    added = spread(scores[candidates] - first.sure[candidates] - first.mean, local, _FLOOR)
    scores[candidates] += added
    return replace(matches, candidates=candidates), added / worth


def _along_sessions(seeds: Integers, first: Stage, known: Standing) -> Iterable[Links]:
    """Links to the next two episodes of a session, on either side."""
    if not any(known.steps) or not len(seeds):
        return
    reach = len(_STEPS)
    strengths = [share * open_ for share, open_ in zip(_STEPS, known.steps, strict=True)]
    for number, places, own in first.scope.split(seeds):
        start, seen = _part(first.scope, number)
        targets = first.snapshots[number].chains.neighbours(places, seen, reach).astype(np.int64)
        there = targets >= 0
        sources = np.broadcast_to(seeds[own][:, None], targets.shape)
        carried = np.broadcast_to(np.array([*strengths, *strengths]), targets.shape)
        yield Links(sources[there], targets[there] + start, carried[there], _BOUND_STEPS)


def _along_bonds(seeds: Integers, first: Stage) -> Iterable[Links]:
    """Links to what a seed answers or was made from, and to what says so of the seed.

    Somebody stated them, so they are not asked first whether they are worth something.
    """
    for number, places, own in first.scope.split(seeds):
        snapshot = first.snapshots[number]
        start, seen = _part(first.scope, number)
        rows, others = snapshot.bonds.neighbours(places, snapshot.roster.keys, seen)
        yield Links(seeds[own][rows], others + start, np.full(len(rows), _STATED), _BOUND_STEPS)


def _along_entities(question: Question, seeds: Integers, first: Stage, known: Standing) -> Iterable[Links]:
    """Links to the episodes that name the same rare entity, other than those which the cue names itself."""
    if not known.entities or not len(seeds):
        return
    asked = {word for part in question.corrected for word in _WORD.findall(part.casefold())}
    sources, targets, strengths = [], [], []
    for number, places, own in first.scope.split(seeds[:_NAMING]):
        index = first.snapshots[number].entities
        start, seen = _part(first.scope, number)
        for seed, held in zip(seeds[:_NAMING][own], index.terms_of(places.tolist()), strict=True):
            found = [_naming(name, index, seen) for name in held if not asked.issuperset(_WORD.findall(name))]
            linking = [(others, counts) for others, counts in found if 1 < len(others) <= RARE]
            fan = max(1.0, len(linking) / _FAN)
            for others, counts in linking:
                apart = others + start != seed
                sources.append(np.full(int(apart.sum()), seed))
                targets.append(others[apart] + start)
                strengths.append(_ENTITY * known.entities * counts[apart] / (fan * (len(others) - 1) ** 0.5))
    if sources:
        yield Links(np.concatenate(sources), np.concatenate(targets), np.concatenate(strengths), _BOUND_ENTITIES)


def _part(scope: Scope, number: int) -> tuple[int, Booleans]:
    """The first position of a set, and which of its places take part."""
    start, end = scope.bounds[number : number + 2].tolist()
    return start, scope.eligible[start:end]


def _naming(name: str, index: PostingsView, seen: Booleans) -> tuple[Integers, Reals]:
    """The places that name an entity and may be seen, and how much each makes of it."""
    places, counts = index.postings(name)
    here = seen[places]
    return places[here].astype(np.int64), np.minimum(counts[here].astype(np.float64), 2.0)
