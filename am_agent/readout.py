"""One question put to the episodes it may see: the scores of every field, fused, and what links add. Knows no SQL.

Two stages. The first gives every episode a score that depends on it alone, and its best are exact. The second starts
from these and follows their links: what it adds is never negative, it adds nothing elsewhere, and everything it reaches
is scored exactly, so the best of the whole are exact, too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from am_agent.association import LEAD, SEEDS, Stage, linked
from am_agent.draft import Vectors
from am_agent.fields import actors, beside, heard, queries, times, words
from am_agent.hopfield.codes import Reals
from am_agent.hopfield.energy import log_partition
from am_agent.hopfield.fusion import FIELDS, default_weights, norm
from am_agent.hopfield.partition import Partition, partition
from am_agent.hopfield.roster import Integers
from am_agent.hopfield.scan import Matches, Pass, scan
from am_agent.hopfield.scope import Scope, best, rescored
from am_agent.question import Question
from am_agent.standing import Standing
from am_agent.working_set import Snapshot


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
        temper: Inverse temperature per unit of `fields` times the default weights, for learning: one nat per standard
            deviation of the fused score. beta fits the noise of all there is; words have heavy tails, and at beta the
            few best would be far surer than they are.
        partition: The log-sum-exp of beta times the scores, over all positions.
        exact: Whether no other episode can be among the best, for certain.
        rescored: How many episodes were scored from their patterns themselves.
        heard: How much each part of a long cue counted, float64 [parts]; None for a cue of one part.
        asked: What the scores were made with, but for links; None where all are alike.
        error: How far the score of a position that is no candidate can be off.
        read: Where groups are in memory as their means, the positions whose scores are exact, candidates or not, and
            among which the best are in all likelihood; None elsewhere.
        columns: The scores of each sparse field that the cue has, float64 [n], before they are weighted; without links
            that were followed.
    """

    scope: Scope
    scores: Reals
    beta: float
    best: Integers
    fields: Reals
    candidates: Integers
    worth: Reals
    temper: float
    partition: Partition
    exact: bool
    rescored: int
    heard: Reals | None = None
    asked: Pass | None = None
    error: float = 0.0
    columns: Mapping[str, Reals] = field(default_factory=dict)
    read: Integers | None = None

    def looked_at(self, position: int) -> bool:
        """Whether a position is a candidate."""
        at = int(np.searchsorted(self.candidates, position))
        return at < len(self.candidates) and int(self.candidates[at]) == position

    def shares(self, position: int) -> Mapping[str, float]:
        """What each field gave to the score of a candidate."""
        row = self.fields[np.searchsorted(self.candidates, position)] * self.worth
        return {field: float(gave) for field, gave in zip(FIELDS, row, strict=True) if gave}


def plain(scope: Scope, cues: Vectors, k: int, beta: float) -> Readout:
    """The readout by cosine alone, of whatever pattern of an episode is nearest."""
    matches = scan(scope, cues.astype(np.float64), k)
    table = np.zeros((len(matches.candidates), len(FIELDS)))
    table[:, 0] = matches.scores[matches.candidates]
    return _read(scope, matches, k, beta, table, np.array([1.0, 0.0, 0.0, 0.0, 0.0]), beta)


def newest(snapshots: Sequence[Snapshot], scope: Scope, k: int, beta: float) -> Readout:
    """The readout of a cue that says nothing: all are as likely, and the newest come first."""
    scores = np.where(scope.eligible, 0.0, -np.inf)
    times = np.concatenate([*(each.attributes.times for each in snapshots), np.empty(0, dtype=np.int64)])
    seen = np.flatnonzero(scope.eligible)
    order = seen[np.lexsort((-scope.keys[seen], -times[seen]))]
    table = np.zeros((len(seen), len(FIELDS)))
    total = float(log_partition(scores[scope.eligible][None, :], beta)[0])
    sums = Partition(total, total, total)
    return Readout(scope, scores, beta, order[:k], table, seen, np.zeros(len(FIELDS)), beta, sums, True, 0)


def fused(
    question: Question,
    cues: Vectors | None,
    snapshots: Sequence[Snapshot],
    scope: Scope,
    known: Standing,
    *,
    weights: Reals,
    fields: Collection[str],
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
    shares = None if cues is None else heard(question, cues, scope)
    columns = _columns(question, shares, snapshots, scope, fields)
    dense = cues is not None and "content" in fields
    present = ["content"] * dense + list(columns)
    worth = weights / norm(weights, present)
    asked = np.zeros((1, len(known.moments.total)))
    if dense and cues is not None:
        asked = queries(cues, shares, known, identity=identity)
    nothing = np.zeros(len(scope.keys))
    others = nothing.copy()
    for name, column in columns.items():
        others += worth[FIELDS.index(name)] * column
    matches = scan(scope, worth[0] * asked, max(k, SEEDS), lead=LEAD, others=others, shown=k)
    added = np.zeros(len(matches.candidates))
    if "links" in fields and not identity:
        mean = worth[0] * float((asked @ known.moments.total).max()) / max(known.moments.count, 1)
        if "words" in columns:
            mean += worth[1] * float(columns["words"].sum()) / max(known.episodes, 1)
        sure = sum((worth[FIELDS.index(field)] * columns[field] for field in columns.keys() - {"words"}), nothing)
        first = Stage(snapshots, scope, matches, sure, mean)
        matches, added = linked(question, first, known, float(worth[-1]))
    table = np.zeros((len(matches.candidates), len(FIELDS)))
    if dense:
        table[:, 0] = rescored(scope, matches.candidates, asked, lead=LEAD)
    for name, column in columns.items():
        table[:, FIELDS.index(name)] = column[matches.candidates]
    table[:, -1] += added
    found = _read(scope, matches, k, beta, table, worth, 1 / norm(default_weights(), present))
    return replace(found, heard=shares, columns=columns)


def _columns(
    question: Question,
    shares: Reals | None,
    snapshots: Sequence[Snapshot],
    scope: Scope,
    fields: Collection[str],
) -> dict[str, Reals]:
    """The scores of the sparse fields that the cue has, but for those that are the same for all."""
    columns: dict[str, Reals] = {}
    if "words" in fields:
        found = words(question, shares, snapshots)
        if found is not None:
            columns["words"] = found
    if "actor" in fields:
        columns["actor"] = actors(question, snapshots)
    if "time" in fields and question.periods:
        columns["time"] = times(question.periods, snapshots)
    if "links" in fields and question.near is not None:
        columns["links"] = beside(question.near, snapshots, scope)
    seen = {field: column[scope.eligible] for field, column in columns.items()}
    return {field: columns[field] for field, scores in seen.items() if len(scores) and scores.min() < scores.max()}


def _read(scope: Scope, matches: Matches, k: int, beta: float, table: Reals, worth: Reals, temper: float) -> Readout:
    found = best(scope, matches.scores, matches.candidates, k)
    # Links only raise scores, and only those of candidates: what was below the ceiling is still.
    exact = not len(found) or bool(matches.scores[found[-1]] >= matches.ceiling)
    read = None if matches.slack is None else np.union1d(np.flatnonzero(matches.slack == 0), matches.candidates)
    return Readout(
        scope,
        matches.scores,
        beta,
        found,
        table,
        matches.candidates,
        worth,
        temper,
        partition(scope, matches, beta),
        exact,
        len(matches.candidates) if read is None else len(read),
        asked=matches.asked,
        error=matches.error,
        read=read,
    )
