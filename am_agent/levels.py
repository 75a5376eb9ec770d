"""What a readout brings back beside single episodes: prototypes, and near-duplicates as one. Knows no SQL and no text.

Every episode has one mass, `exp(beta s)`. What stands for several has the sum of theirs, so that the softmax over a
partition of the episodes is that over the episodes: nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np

from am_agent.consolidation import DUPLICATE, THEME
from am_agent.draft import Vectors
from am_agent.hopfield.codes import Reals
from am_agent.hopfield.fusion import FIELDS
from am_agent.hopfield.roster import Booleans, Integers
from am_agent.hopfield.scope import Scope
from am_agent.readout import Readout
from am_agent.store.prototypes import Kept

Level = Literal["episode", "prototype", "both"]

LEVELS: Final = ("episode", "prototype", "both")


@dataclass(frozen=True, slots=True, eq=False)
class Stand:
    """A prototype and those of its members that a cue may see.

    Attributes:
        kept: The prototype.
        positions: Of its members that take part, in the order of recording.
        whole: Whether those are all of them.
    """

    kept: Kept
    positions: Integers
    whole: bool


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """One thing that is brought back.

    Attributes:
        position: Of the episode that is shown.
        mass: The logarithm of its mass, or of that of all it stands for: beta times a score.
        shares: What makes up that score.
        stand: What stands for several; None where an episode stands for itself.
        origin: The position of the episode whose fields say why; -1 for a prototype.
    """

    position: int
    mass: float
    shares: Mapping[str, float]
    stand: Stand | None = None
    origin: int = -1

    @property
    def prototype(self) -> bool:
        """Whether it is a prototype; otherwise it is an episode, if need be in front of others."""
        return self.stand is not None and self.origin < 0


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """What is brought back, the heaviest first.

    Attributes:
        shown: The things.
        rescored: How many episodes, or means, were scored from their vectors themselves for it.
        log: The logarithm of all mass, where it is that of prototypes; None where it is the readout's.
    """

    shown: Sequence[Shown]
    rescored: int
    log: float | None = None


@dataclass(frozen=True, eq=False)
class Overlaid:
    """The prototypes over what a cue may see.

    Attributes:
        found: All of them, each with those of its members that may be seen.
        count: How many positions there are.
    """

    found: Sequence[Stand]
    count: int

    @staticmethod
    def of(kept: Sequence[Kept], scope: Scope) -> Overlaid:
        """Those of some prototypes."""
        return Overlaid(stands(kept, scope), len(scope.keys))

    @cached_property
    def widest(self) -> list[Stand]:
        """See `widest`."""
        return widest(self.found, self.count)

    @cached_property
    def duplicates(self) -> list[Stand]:
        """The near-duplicates."""
        return [each for each in self.found if each.kept.shape.tier == DUPLICATE]


def stands(kept: Sequence[Kept], scope: Scope) -> list[Stand]:
    """Find the members of prototypes among what a cue may see."""
    if not kept:
        return []
    members = np.concatenate([each.shape.members for each in kept])
    order = np.argsort(scope.keys, kind="stable")
    sorted_ = scope.keys[order]
    at = np.minimum(np.searchsorted(sorted_, members), max(len(sorted_) - 1, 0))
    if not len(sorted_):
        return [Stand(each, np.empty(0, dtype=np.int64), False) for each in kept]
    found = order[at]
    seen = (sorted_[at] == members) & scope.eligible[found]
    ends = np.cumsum([len(each.shape.members) for each in kept])
    starts = np.concatenate([[0], ends[:-1]])
    whole = np.logical_and.reduceat(seen, starts).tolist()
    return [
        Stand(each, found[start:end] if all_ else found[start:end][seen[start:end]], all_)
        for each, start, end, all_ in zip(kept, starts.tolist(), ends.tolist(), whole, strict=True)
    ]


def widest(found: Sequence[Stand], count: int) -> list[Stand]:
    """Those that stand for their members, no episode in two of them: themes, and duplicates that are in no theme.

    One of which a member may not be seen does not take part: its mean, and its text, would tell of that member.

    Args:
        found: Prototypes.
        count: How many positions there are.
    """
    taken, chosen = np.zeros(count, dtype=np.bool_), list[Stand]()
    for tier in (THEME, DUPLICATE):
        for each in found:
            if each.kept.shape.tier == tier and each.whole and not taken[each.positions].any():
                taken[each.positions] = True
                chosen.append(each)
    return chosen


def coarse(readout: Readout, found: Sequence[Stand], k: int) -> Ranking:
    """Let prototypes compete as patterns of their own: each mean with the log-weight of its members.

    science.md 3.4: the score is that of the mean plus `log W / beta`; what other fields give is the mean of what they
    give to the members. By Jensen, no prototype of members of one pattern each outweighs its members together.

    Args:
        readout: What the same cue found among episodes.
        found: No episode in two of them, all members seen.
        k: How many are wanted.
    """
    if not found:
        return Ranking((), 0, -np.inf)
    masses = np.array([float(each.kept.shape.weights.sum()) for each in found])
    shares: dict[str, Reals] = {}
    if readout.asked is not None:
        means = np.stack([each.kept.shape.mean for each in found]).astype(np.float64)
        shares["content"] = (means @ readout.asked.queries.T).max(axis=1)
    members = np.concatenate([each.positions for each in found])
    starts = np.cumsum([0, *(len(each.positions) for each in found[:-1])])
    weights = np.concatenate([each.kept.shape.weights for each in found])
    for name, column in readout.columns.items():
        worth = float(readout.worth[FIELDS.index(name)])
        shares[name] = worth * np.add.reduceat(column[members] * weights, starts) / masses
    shares["strength"] = np.log(masses) / readout.beta
    logs = readout.beta * np.sum(list(shares.values()), axis=0)
    positions = _medoids(readout.scope, found)
    order = np.lexsort((readout.scope.keys[positions], -logs))[:k]
    shown = [
        Shown(
            int(positions[place]),
            float(logs[place]),
            {name: float(given[place]) for name, given in shares.items() if given[place]},
            found[place],
        )
        for place in order.tolist()
    ]
    return Ranking(shown, len(found), float(np.logaddexp.reduce(logs)))


@dataclass(frozen=True, slots=True, eq=False)
class _Entries:
    """Groups, and then single positions: what competes."""

    groups: Sequence[Integers]
    singles: Integers
    members: Integers
    starts: Integers

    @staticmethod
    def of(groups: Sequence[Integers], singles: Integers) -> _Entries:
        members = np.concatenate([*groups, np.empty(0, dtype=np.int64)])
        return _Entries(groups, singles, members, np.cumsum([0, *map(len, groups)])[:-1])

    def masses(self, logs: Reals) -> Reals:
        """The logarithms of the masses of all, by those of positions."""
        if not self.groups:
            return logs[self.singles]
        own = logs[self.members]
        highest = np.maximum.reduceat(own, self.starts)
        sums = np.add.reduceat(np.exp(own - np.repeat(highest, np.diff(self.starts, append=len(own)))), self.starts)
        return np.concatenate([highest + np.log(sums), logs[self.singles]])

    def within(self, entries: Integers) -> Integers:
        """The positions that some of them are made of."""
        few = entries[entries < len(self.groups)]
        found = [self.groups[place] for place in few.tolist()]
        return np.concatenate([*found, self.singles[entries[entries >= len(self.groups)] - len(self.groups)]])


def summed(
    readout: Readout,
    times: Integers,
    k: int,
    *,
    prototypes: Sequence[Stand] = (),
    duplicates: Sequence[Stand] = (),
) -> Ranking:
    """The k heaviest of single episodes and of what stands for several, each with the mass of all it stands for.

    What could be among them by the error of the codes is scored exactly, so that the order is certain.

    Args:
        readout: What a cue found.
        times: When each position occurred, in microseconds.
        k: How many are wanted.
        prototypes: Shown beside their members.
        duplicates: Shown in place of those of their members that may be seen, by the newest of these.
    """
    scope, beta = readout.scope, readout.beta
    duplicates = [each for each in duplicates if len(each.positions) > 1]
    given = [*prototypes, *duplicates]
    entries = _Entries.of([each.positions for each in given], np.flatnonzero(_alone(scope, duplicates)))
    # What was not read of groups is taken for what their means say: no bound would leave any of it out.
    scores, slack = readout.scores, np.full(len(scope.keys), readout.error if readout.read is None else 0.0)
    slack[readout.candidates] = 0.0
    highest = entries.masses(beta * (scores + slack))
    open_ = np.flatnonzero(highest >= _floor(entries.masses(beta * (scores - slack)), k))
    wanted = np.unique(entries.within(open_))
    wanted = wanted[slack[wanted] > 0]
    if len(wanted) and readout.asked is not None:
        scores = scores.copy()
        scores[wanted] = readout.asked.exact(scope, wanted)
    masses = entries.masses(beta * scores)[open_]
    few = [given[entry] for entry in open_[open_ < len(given)].tolist()]
    shown_by = int(np.count_nonzero(open_ < len(prototypes)))
    fronts = np.concatenate(
        [
            _medoids(scope, few[:shown_by]),
            np.array([newest(scope, times, each.positions)[0] for each in few[shown_by:]], dtype=np.int64),
            entries.singles[open_[open_ >= len(given)] - len(given)],
        ]
    )
    later = open_ >= len(prototypes)
    if readout.asked is None:  # all are alike, and the newest come first
        order = np.lexsort((-scope.keys[fronts], -times[fronts], later, np.where(later, 0.0, -masses)))
    else:
        order = np.lexsort((scope.keys[fronts], later, -masses))
    shown = []
    for place in order[:k].tolist():
        entry, position, mass = int(open_[place]), int(fronts[place]), float(masses[place])
        if entry >= len(given):
            shown.append(Shown(position, mass, _shares(readout, position, mass / beta), origin=position))
        elif entry < len(prototypes):
            shown.append(Shown(position, mass, {"members": mass / beta}, given[entry]))
        else:
            heaviest = _heaviest(scores, given[entry].positions)
            shares = dict(_shares(readout, heaviest, float(scores[heaviest])))
            shares["strength"] = mass / beta - float(scores[heaviest])
            shown.append(Shown(position, mass, shares, given[entry], heaviest))
    return Ranking(shown, readout.rescored + len(wanted))


def similarities(found: Sequence[Stand], cues: Vectors) -> Reals:
    """The best cosine of the means of prototypes with a cue, float64 [m]."""
    means = np.stack([each.kept.shape.mean for each in found]).astype(np.float64)
    lengths = np.linalg.norm(means, axis=1)
    products = (means @ cues.astype(np.float64).T).max(axis=1)
    found_: Reals = np.divide(products, lengths, out=np.zeros(len(found)), where=lengths > 0)
    return found_


def newest(scope: Scope, times: Integers, positions: Integers) -> Integers:
    """Positions from the newest to the oldest; of those that occurred at once, what was recorded last comes first."""
    return positions[np.lexsort((-scope.keys[positions], -times[positions]))]


def _alone(scope: Scope, duplicates: Sequence[Stand]) -> Booleans:
    """What takes part, and is in none of these."""
    alone = scope.eligible.copy()
    for each in duplicates:
        alone[each.positions] = False
    return alone


def _floor(masses: Reals, k: int) -> float:
    """What the k heaviest have at least; whatever there is, where there are fewer."""
    return float(np.partition(masses, len(masses) - k)[len(masses) - k]) if k < len(masses) else -np.inf


def _medoids(scope: Scope, found: Sequence[Stand]) -> Integers:
    return np.array(
        [each.positions[scope.keys[each.positions] == each.kept.shape.medoid][0] for each in found], dtype=np.int64
    )


def _heaviest(scores: Reals, positions: Integers) -> int:
    return int(positions[np.argmax(scores[positions])])


def _shares(readout: Readout, position: int, score: float) -> Mapping[str, float]:
    """What each field gave to an exact score, be it a candidate's or not."""
    if readout.looked_at(position):
        return readout.shares(position)
    found = {
        name: float(readout.worth[FIELDS.index(name)] * column[position]) for name, column in readout.columns.items()
    }
    found = {"content": score - sum(found.values()), **found}  # links reach candidates only
    return {name: gave for name, gave in found.items() if gave}
