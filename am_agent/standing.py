"""What a set of namespaces is like as a whole: its moments, its metric, what its links are worth. Knows no cue."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from am_agent.hopfield.codes import Reals
from am_agent.hopfield.graph import Chance, Linked, gate
from am_agent.hopfield.metric import Moments, metric
from am_agent.hopfield.roster import Integers
from am_agent.hopfield.scope import Fetch, Scope
from am_agent.working_set import Snapshot

_SAMPLE = 128
"""Episodes of each namespace that are asked what their links are worth."""

_FAR = 3
"""Steps in a session after which its neighbours should say no more than the session does."""

_BELIEF = 10
"""How many pairs what is believed beforehand is worth."""

_COHERENT = 1.5
_REMOTE = 0.5
"""What is believed of the coherence of neighbours, and of those three steps away, as chats measure it."""

RARE = 20
"""Episodes that may name an entity for it to link them; it links nothing where only one does."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is common to all cues, until an episode comes or goes.

    Attributes:
        episodes: How many are alive.
        moments: Of all their patterns.
        metric: M, float64 [d, d].
        steps: What a link to the next episode of a session is worth, and to the one after it, 0 to 1.
        entities: What a link to an episode that names the same entity is worth, 0 to 1.
    """

    episodes: int
    moments: Moments
    metric: Reals
    steps: tuple[float, float]
    entities: float


def standing(snapshots: Sequence[Snapshot], dimension: int, fetch: Fetch | None = None) -> Standing:
    """Look at namespaces as a whole.

    Links are worth something where linked episodes lie closer than chance, in the set's own metric, measured on a
    sample: in a chat an answer follows its question. Between neighbours in a session it has to be the step that
    brings them closer: in a document about one thing all passages are close, and a neighbour says nothing that the
    passage itself would not.

    Args:
        snapshots: Any number, none included.
        dimension: d.
        fetch: Reads the patterns of groups, of which the means alone are in memory.
    """
    scope = Scope.of([(each.roster, each.patterns) for each in snapshots], fetch=fetch)
    moments = functools.reduce(operator.add, [each.moments for each in snapshots], Moments.none(dimension))
    own = metric(moments)
    chance = Chance()
    steps, named = [Linked()] * _FAR, Linked()
    for number, snapshot in enumerate(snapshots):
        sample = _sample(snapshot)
        if len(sample) > 1:
            firsts = scope.openings(number, sample)
            projected = firsts @ own
            chance += Chance.of(projected, firsts)
            neighbours = snapshot.chains.neighbours(sample, snapshot.roster.alive, _FAR)[:, _FAR:].astype(np.int64)
            for distance in range(_FAR):
                steps[distance] += _linked(scope, number, projected, neighbours[:, distance])
            named += _linked(scope, number, projected, _namesakes(snapshot, sample))
    near, second = (chance.above(step, _COHERENT, _BELIEF) for step in steps[:2])
    far = chance.above(steps[-1], _REMOTE, _BELIEF)
    local = gate((near - far) / near, 0.2, 0.5) if near > 0 else 0.0
    return Standing(
        sum(int(np.count_nonzero(each.roster.alive)) for each in snapshots),
        moments,
        own,
        steps=(local * gate(near, 1.0, 2.0), local * gate(second, 1.0, 2.0)),
        entities=gate(chance.above(named, _COHERENT, _BELIEF), 1.5, 3.0),
    )


def _sample(snapshot: Snapshot) -> Integers:
    """Living places, evenly spread: the same for the same episodes, however they came."""
    alive = np.flatnonzero(snapshot.roster.alive)
    size = min(len(alive), _SAMPLE)
    return alive[np.arange(size) * len(alive) // max(size, 1)]


def _linked(scope: Scope, number: int, projected: Reals, partners: Integers) -> Linked:
    """Compare a sample with one partner of each, -1 for none."""
    there = np.flatnonzero(partners >= 0)
    return Linked.of(projected[there], scope.openings(number, partners[there]))


def _namesakes(snapshot: Snapshot, sample: Integers) -> Integers:
    """For each place the next living one that names its rarest shared entity; -1 for none."""
    found = np.full(len(sample), -1, dtype=np.int64)
    for row, (place, held) in enumerate(zip(sample.tolist(), snapshot.entities.terms_of(sample.tolist()), strict=True)):
        shared = []
        for name in sorted(held):
            places, _ = snapshot.entities.postings(name)
            if len(places) > 1:
                places = places[snapshot.roster.alive[places]]
            if 1 < len(places) <= RARE:
                shared.append((len(places), name, places))
        if shared:
            places = min(shared, key=lambda each: each[:2])[2]
            found[row] = places[(int(np.searchsorted(places, place)) + 1) % len(places)]
    return found
