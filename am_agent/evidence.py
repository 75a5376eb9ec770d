"""What a readout shows of whether the answer is there at all. Knows snapshots and words, no probability and no SQL."""

from __future__ import annotations

import numpy as np

from am_agent.draft import Vectors
from am_agent.episode import Evidence
from am_agent.hopfield.codes import Probe, Reals, products
from am_agent.hopfield.density import NEIGHBOURS, closeness
from am_agent.hopfield.roster import Integers
from am_agent.hopfield.scope import Scope, best
from am_agent.lexical.postings import Statistics
from am_agent.lexical.terms import terms
from am_agent.question import Question
from am_agent.readout import Readout
from am_agent.working_set import Snapshot

_NEAREST = 5
"""Episodes that are nearest to a cue: one may be near by accident. Of few, a quarter."""

_HEAVIEST = 10
"""Episodes that a cue calls to mind."""

_SAME = 0.8
"""The cosine from which on two episodes say the same, as far as the answer goes."""

_USUAL = 0.5
"""The part of the mean cosine of a cue with all episodes that says nothing but how texts here resemble each other."""

_LEAST = 0.1
"""The least density: a cue that everything resembles more than anything resembles itself is not infinitely near."""

_SLIP = 0.7
"""What a guess of one slip counts: such a word was not what was asked for; with more slips, it may be spelt right."""

_CROWDED = 0.5
_BELIEF = 4
"""The density above the usual that is believed beforehand, and how many episodes that is worth: the neighbours of a few
are all there is, and where everything is far from everything, everything would be near."""


def evidence(
    question: Question, cues: Vectors | None, snapshots: list[Snapshot], readout: Readout, k: int, *, worded: bool
) -> Evidence:
    """What a recall shows of whether the answer is there.

    Args:
        question: The cue.
        cues: Its vectors, float32 [n, d], of which the nearest counts; None where it has none.
        snapshots: What was asked.
        readout: What was found.
        k: How many were asked for.
        worded: Whether the words of the cue were compared.
    """
    scope, candidates = readout.scope, readout.candidates
    heaviest = readout.best[:_HEAVIEST]
    if len(heaviest) < _HEAVIEST:
        heaviest = best(scope, readout.scores, candidates, _HEAVIEST)
    shares = _shares(readout)
    alike = _alike(scope, heaviest)
    # What says the same as the heaviest is no rival of it.
    same = alike[0] >= _SAME if len(heaviest) else np.zeros(0, dtype=np.bool_)
    first = shares[np.searchsorted(candidates, heaviest[same])].sum()
    shown = shares[np.searchsorted(candidates, readout.best)]
    return Evidence(
        nearness=None if cues is None or not len(candidates) else _nearness(readout, cues, snapshots),
        coherence=None if cues is None or not len(heaviest) else _mean_of_pairs(alike),
        coverage=_coverage(question, readout.heard, snapshots, scope, heaviest) if worded else None,
        mass=min(float(shown.sum()), 1.0),
        first=min(float(first), 1.0),
        k=k,
        shares=tuple(shown.tolist()),
        episodes=int(np.count_nonzero(scope.eligible)),
        matched=bool(len(candidates)) and bool(readout.scores[candidates].max() > 0),
        silent=question.silent and cues is None,
    )


def _shares(readout: Readout) -> Reals:
    """The softmax over the candidates, which hold nearly all of its mass, at one nat a standard deviation."""
    scores = readout.scores[readout.candidates]
    masses = np.exp(readout.temper * (scores - scores.max(initial=-np.inf)))
    shares: Reals = masses / masses.sum()
    return shares


def _nearness(readout: Readout, cues: Vectors, snapshots: list[Snapshot]) -> float:
    scope, candidates = readout.scope, readout.candidates
    probe, cosines = Probe.of(cues.astype(np.float64)), np.empty(len(candidates))
    for number, places, own in scope.split(candidates):
        patterns = scope.patterns[number]
        found = products(scope.coded(number, places), probe).max(axis=1)
        heights = patterns.heights_of(places)
        cosines[own] = np.maximum.reduceat(found, np.cumsum(heights) - heights)
    order = np.argsort(-cosines, kind="stable")
    around = candidates[order[:_HEAVIEST]]
    densities = np.empty(len(around))
    for number, places, own in scope.split(around):
        densities[own] = _densities(scope, number, places, readout.read, snapshots[number])
    usual, count = _USUAL * _mean(cues, snapshots), int(np.count_nonzero(scope.eligible))
    nearest = min(_NEAREST, -(-count // 4))
    crowded = (count * (densities.mean() - usual) + _BELIEF * _CROWDED) / (count + _BELIEF)
    return float((cosines[order[:nearest]].mean() - usual) / max(crowded, _LEAST))


def _densities(scope: Scope, number: int, places: Integers, read: Integers | None, snapshot: Snapshot) -> Reals:
    """How close what is around some places of a set lies to them."""
    if snapshot.density is not None:
        return snapshot.density.of(places)
    # Of groups, what was read for the cue lies around what is nearest to it.
    read = np.empty(0, dtype=np.int64) if read is None else read
    first, end = scope.bounds[number : number + 2]
    read = read[(read >= first) & (read < end)] - first
    patterns = scope.patterns[number]
    codes = scope.coded(number, read)[patterns.offsets_of(read)]
    return closeness(read, codes, places, scope.openings(number, places), NEIGHBOURS)


def _mean(cues: Vectors, snapshots: list[Snapshot]) -> float:
    """The mean cosine of a cue with all patterns; of several vectors, that of their mean."""
    cue, total, count = cues.mean(axis=0).astype(np.float64), 0.0, 0
    for snapshot in snapshots:
        total += float(cue @ snapshot.tally.total)
        count += snapshot.tally.count
    return total / max(count, 1)


def _alike(scope: Scope, positions: Integers) -> Reals:
    """The cosines between the first patterns of some positions."""
    rows = np.empty((len(positions), 0))
    for number, places, own in scope.split(positions):
        openings = scope.openings(number, places)
        if rows.shape[1] != openings.shape[1]:
            rows = np.empty((len(positions), openings.shape[1]))
        rows[own] = openings
    alike: Reals = rows @ rows.T
    return alike


def _mean_of_pairs(alike: Reals) -> float:
    """The mean off the diagonal; of one alone, 1."""
    count = len(alike)
    return float((alike.sum() - np.trace(alike)) / (count * (count - 1))) if count > 1 else 1.0


def _coverage(
    question: Question, heard: Reals | None, snapshots: list[Snapshot], scope: Scope, positions: Integers
) -> float | None:
    """The greatest share of the cue's words, by rarity, that a position has with its neighbours in the session."""
    asked: dict[str, float] = {}
    for number, (counts, corrected) in enumerate(zip(question.terms, question.corrected, strict=True)):
        share = 1.0 if heard is None else float(heard[number])
        meant = set(terms(corrected)) if min(counts.values(), default=1.0) >= _SLIP else counts.keys()
        for term, count in counts.items():  # in their order: a sum is then the same in every process
            if term in meant:
                asked[term] = max(asked.get(term, 0.0), share * min(count, 1.0))
    statistics = Statistics.none(asked)
    for snapshot in snapshots:
        statistics += snapshot.words.statistics(asked, snapshot.roster.alive)
    worth = {term: weight * statistics.idf(term) for term, weight in asked.items() if weight}
    total = sum(worth.values())
    if not total:
        return None
    greatest, rarities = 0.0, np.array(list(worth.values()))
    for number, places, _ in scope.split(positions):
        snapshot, seen = snapshots[number], scope.eligible[slice(*scope.bounds[number : number + 2])]
        beside = snapshot.chains.neighbours(places, seen, 1).astype(np.int64)
        around = np.column_stack([places, beside])
        found = snapshot.words.holding(np.maximum(around, 0).ravel(), list(worth)).reshape(*around.shape, -1)
        covered = (found & (around >= 0)[:, :, None]).any(axis=1) @ rarities
        greatest = max(greatest, float(covered.max()))
    return greatest / total
