"""Groups of episodes that belong together, found in their patterns. Knows keys, patterns and groups; no SQL, no facade.

Two tiers: *duplicate*, the same thing said again, and *theme*, memories in which the walk from neighbour to neighbour
stays. An episode of several patterns is placed by its first one; the radius of a group covers them all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from am_agent.centroid import distances, mean, radius
from am_agent.errors import InvalidArgument
from am_agent.hopfield import prototypes
from am_agent.hopfield.codes import Floats, Reals
from am_agent.hopfield.copies import distinct
from am_agent.hopfield.duplicates import near_duplicates
from am_agent.hopfield.neighbours import Neighbours, Places, extended, neighbours
from am_agent.hopfield.noise import noise
from am_agent.hopfield.roster import Integers
from am_agent.hopfield.themes import Graph, codelength, entropy, graph, themes, width

Progress = Callable[[float], object]

DUPLICATE = "duplicate"
THEME = "theme"

__all__ = [
    "DUPLICATE",
    "THEME",
    "Group",
    "Grouping",
    "Thresholds",
    "coarse_energy",
    "consolidated",
    "energy_bound",
    "placed",
]

_KEPT = 64
"""Neighbours that are kept of each pattern."""

_HALF = 0.55
"""The share of the work that neighbours are."""

_LEAST = 0.1
"""The saving below which there is no structure, whatever noise saves; of texts that have some it is .21 to .48."""

_CLEAR = 0.2
"""The saving from which on there is; noise of the covariance of texts saves .13 at most, that of 150 of them."""

_ABOVE = 1.5
"""Between them, what themes save at least, in multiples of what they save on noise of the same covariance."""

_EQUAL = 1e-7
"""Distances to a mean that differ by less are equal: the mean is rounded to float32."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Episodes that belong together.

    Attributes:
        tier: "duplicate" or "theme".
        members: Their keys, ascending, int64 [m].
        weights: The strength of each, positive, float64 [m]; the prototype's log-weight is the logarithm of their sum.
        mean: Of the members' first patterns by their weights, float32 [d]; not of length one.
        radius: The largest Euclidean distance of any pattern of any member to the mean.
        medoid: The key of the member whose first pattern is nearest to the mean; of equally near ones the lowest.
    """

    tier: str
    members: Integers
    weights: Reals
    mean: Floats
    radius: float
    medoid: int


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What was near enough in each tier.

    Attributes:
        duplicate: The similarity from which on two episodes are duplicates; None where distances to the k-th
            neighbours decide, which differ from region to region.
        theme: The similarity below which episodes are not neighbours; None where all of the nearest are.
        neighbours: k, of how many neighbours the graph was made.
        nearest: The lowest similarity of two episodes of a duplicate group; None where there is no such group.
    """

    duplicate: float | None
    theme: float | None
    neighbours: int
    nearest: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """The nearest neighbours of episodes by their keys; of copies of one text, only one is there.

    Attributes:
        keys: int64 [n].
        others: The keys of the nearest of each, the nearest first, -1 where there are no more; int64 [n, k].
        similarities: -inf where there are no more; float64 [n, k].
    """

    keys: Integers
    others: Integers
    similarities: Reals


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """What was found in a set of episodes.

    Attributes:
        groups: Of two members or more; duplicates first, each tier in the order of the lowest members.
        saving: The share of the description of the walk that themes save, (H(p) - L) / H(p).
        structured: Whether that is above the level of noise; otherwise there are no themes.
        thresholds: What was near enough.
        neighbours: The nearest neighbours, from which a later pass can go on.
    """

    groups: tuple[Group, ...]
    saving: float
    structured: bool
    thresholds: Thresholds
    neighbours: Nearest


def consolidated(
    keys: Integers,
    starts: Integers,
    patterns: Floats,
    strengths: Reals,
    *,
    before: Sequence[Group] | None = None,
    fresh: Integers | None = None,
    duplicate: float | None = None,
    theme: float | None = None,
    known: Nearest | None = None,
    progress: Progress | None = None,
) -> Grouping:
    """The groups of a set of episodes.

    Without `fresh` they are a function of the set alone, in whatever order it came. With it, themes go on from those
    that exist: what is new joins, what is around it is split and moved. Duplicates are always a function of the set.

    Args:
        keys: Ascending, int64 [n].
        starts: The first row of each episode, int64 [n].
        patterns: Rows of length one, float32 [m, d].
        strengths: Positive, float64 [n].
        before: The groups that exist.
        fresh: The keys that were added since they were made.
        duplicate: The similarity from which on two episodes are duplicates, in (0, 1); None to measure it.
        theme: The similarity below which two episodes are not neighbours, in (0, 1); None for none.
        known: The neighbours that an earlier pass found, of whatever set; they save time, and change nothing.
        progress: Called now and then with the share that is done.

    Raises:
        InvalidArgument: A threshold is outside (0, 1), or that of themes is not below that of duplicates.
    """
    _check(duplicate, theme)
    episodes = _Episodes.of(keys, starts, patterns, strengths)
    found = _nearest(episodes, known, _part(progress, 0.0, _HALF))
    k = width(len(episodes.leaders))
    walk = graph(found, k, floor=theme)
    labels = _themes(episodes, walk, before, fresh, _part(progress, _HALF, 0.95))
    saving = _saving(walk, labels)
    structured = saving >= _CLEAR or (saving >= _LEAST and saving >= _ABOVE * _noise(episodes.rows))
    same = near_duplicates(found, k, floor=duplicate)
    groups = [episodes.group(DUPLICATE, places) for places in _parts(same[episodes.leader])]
    lowest = min((episodes.least(each) for each in _parts(same)), default=None)
    if structured:
        groups += [episodes.group(THEME, places) for places in _parts(labels[episodes.leader])]
    if progress is not None:
        progress(1.0)
    nearest = Nearest(episodes.names, _keys(episodes.names, found.places), found.similarities)
    return Grouping(tuple(groups), saving, structured, Thresholds(duplicate, theme, k, lowest), nearest)


def placed(groups: Sequence[Group], pattern: Floats) -> int | None:
    """Which theme a new episode joins until the next pass: the nearest one, where it lies within its radius.

    Args:
        groups: As they exist.
        pattern: The episode's first one, of length one, float32 [d].

    Returns:
        The position in groups; None where it founds one of its own.
    """
    places = [place for place, each in enumerate(groups) if each.tier == THEME]
    if not places:
        return None
    apart = np.stack([groups[place].mean for place in places]) - pattern
    distances = np.sqrt(np.einsum("ij,ij->i", apart, apart))
    nearest = int(distances.argmin())
    place = places[nearest]
    return place if distances[nearest] <= groups[place].radius else None


def coarse_energy(groups: Sequence[Group], query: Reals, beta: float) -> float:
    """The energy of a query over prototypes, each with the logarithm of its members' summed weights.

    Args:
        groups: Of one tier, at least one.
        query: float64 [d].
        beta: Inverse temperature, positive.
    """
    scores = np.array([float(each.mean.astype(np.float64) @ query) for each in groups])
    weights = np.log([float(each.weights.sum()) for each in groups])
    return prototypes.energy(scores, weights, beta)


def energy_bound(groups: Sequence[Group], beta: float, *, length: float = 1.0, single: bool = True) -> float:
    """How far the energy of prototypes can be above that of their members, for any query.

    Args:
        groups: Of one tier.
        beta: Inverse temperature, positive.
        length: Of the query.
        single: Whether every member has one pattern; with several the bound is wider.
    """
    radii = np.array([each.radius for each in groups])
    return prototypes.energy_bound(radii, beta, length=length, single=single)


def _check(duplicate: float | None, theme: float | None) -> None:
    for name, value in (("duplicate", duplicate), ("theme", theme)):
        if value is not None and not 0 < value < 1:
            raise InvalidArgument(f"{name} is a similarity between 0 and 1, both excluded, not {value!r}")
    if duplicate is not None and theme is not None and theme >= duplicate:
        raise InvalidArgument(f"theme={theme!r} is not below duplicate={duplicate!r}; give themes the lower similarity")


@dataclass(frozen=True, slots=True, eq=False)
class _Episodes:
    """Episodes, and those of different first patterns, in the order of their bytes: so nothing depends on the keys.

    Attributes:
        keys: int64 [n].
        starts: int64 [n + 1].
        patterns: float32 [m, d].
        strengths: float64 [n].
        leaders: The places of those of different patterns, int64 [u].
        leader: Which of them stands for each, int64 [n].
    """

    keys: Integers
    starts: Integers
    patterns: Floats
    strengths: Reals
    leaders: Integers
    leader: Integers

    @staticmethod
    def of(keys: Integers, starts: Integers, patterns: Floats, strengths: Reals) -> _Episodes:
        """Episodes as they are given."""
        alike = distinct(patterns[starts])
        return _Episodes(keys, np.append(starts, len(patterns)), patterns, strengths, alike.leaders, alike.of)

    @property
    def names(self) -> Integers:
        """The keys of those that lead."""
        return self.keys[self.leaders]

    @property
    def rows(self) -> Floats:
        """The first patterns of those that lead."""
        return self.patterns[self.starts[self.leaders]]

    def group(self, tier: str, places: Integers) -> Group:
        """A group of some episodes, their places ascending."""
        # Sums of floats depend on the order, so it is not that of the keys.
        turn = np.lexsort((self.strengths[places], self.leader[places]))
        sorted_ = places[turn]
        centre = mean(self.patterns[self.starts[sorted_]], self.strengths[sorted_])
        reach = radius(self.patterns[_rows(self.starts, places)], centre)
        apart = distances(self.patterns[self.starts[places]], centre)
        medoid = int(np.flatnonzero(apart <= apart.min() + _EQUAL)[0])
        return Group(tier, self.keys[places], self.strengths[places], centre, reach, int(self.keys[places[medoid]]))

    def least(self, leaders: Integers) -> float:
        """The lowest similarity of two of those that lead."""
        rows = self.patterns[self.starts[self.leaders[leaders]]].astype(np.float64)
        return float((rows @ rows.T).min())


def _nearest(episodes: _Episodes, known: Nearest | None, progress: Progress | None) -> Neighbours:
    rows = episodes.rows
    if known is None:
        return neighbours(rows, _KEPT, progress=progress)
    names = episodes.names
    order = np.argsort(names)
    places = _places(names, order, known.others).astype(np.int32)
    of = _places(names, order, known.keys)
    whole = ((places >= 0) == (known.others >= 0)).all(axis=1) & (of >= 0)
    stale = np.ones(len(names), np.bool_)
    stale[of[whole]] = False
    before = Neighbours(np.full((len(names), _KEPT), -1, np.int32), np.full((len(names), _KEPT), -np.inf))
    before.places[of[whole]], before.similarities[of[whole]] = places[whole], known.similarities[whole]
    return extended(rows, before, stale, progress=progress)


def _themes(
    episodes: _Episodes,
    walk: Graph,
    before: Sequence[Group] | None,
    fresh: Integers | None,
    progress: Progress | None,
) -> Integers:
    old = [each for each in before or () if each.tier == THEME]
    if fresh is None or not old:
        return themes(walk, progress=progress)
    names = episodes.keys
    order = np.arange(len(names))
    labels = np.full(len(episodes.leaders), -1)
    touched = np.zeros(len(labels), np.bool_)
    new = np.isin(names, fresh)
    for number, group in enumerate(old):
        places = _places(names, order, group.members)
        there = places[places >= 0]
        labels[episodes.leader[there]] = number
        touched[episodes.leader[there]] |= len(there) < len(places)
    # What has no theme and is not new was on its own.
    settled = np.zeros(len(labels), np.bool_)
    settled[episodes.leader[~new]] = True
    alone = settled & (labels < 0)
    labels[alone] = len(old) + np.arange(int(alone.sum()))
    touched[labels < 0] = True
    touched[walk.ends[touched[walk.sources]]] = True
    return themes(walk, before=labels, touched=touched, progress=progress)


def _saving(walk: Graph, labels: Integers) -> float:
    bits = entropy(walk)
    return (bits - codelength(walk, labels)) / bits if bits > 0 else 0.0


def _noise(rows: Floats) -> float:
    """What themes save where there are none."""
    made = noise(rows)
    walk = graph(neighbours(made, _KEPT), width(len(made)))
    return _saving(walk, themes(walk))


def _part(progress: Progress | None, first: float, last: float) -> Progress | None:
    return None if progress is None else lambda share: progress(first + (last - first) * share)


def _places(names: Integers, order: Integers, wanted: Integers) -> Integers:
    """Where keys are among names, which `order` sorts; -1 for those that are not there."""
    if not len(names):
        return np.full(wanted.shape, -1)
    at = order[np.minimum(np.searchsorted(names, wanted, sorter=order), len(names) - 1)]
    return np.where(names[at] == wanted, at, -1)


def _keys(names: Integers, places: Places) -> Integers:
    return np.where(places >= 0, names[places], -1) if len(names) else places.astype(np.int64)


def _rows(starts: Integers, places: Integers) -> Integers:
    """All rows of some episodes."""
    heights = starts[places + 1] - starts[places]
    ends = np.cumsum(heights)
    found: Integers = np.repeat(starts[places] - ends + heights, heights) + np.arange(int(ends[-1]))
    return found


def _parts(labels: Integers) -> list[Integers]:
    """The places of each part of two or more, ascending, the parts in the order of their first places."""
    order = np.argsort(labels, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
    return sorted((places for places in parts if len(places) > 1), key=lambda places: int(places[0]))
