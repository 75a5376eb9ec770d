"""Groups of episodes that belong together, found in their patterns. Knows keys, patterns and groups; no SQL, no facade.

Two tiers: *duplicate*, the same thing said again, and *theme*, memories in which the walk from neighbour to neighbour
stays. An episode of several patterns is placed by its first one; the radius of a group covers them all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from am_agent.errors import InvalidArgument
from am_agent.hopfield import prototypes
from am_agent.hopfield.codes import Floats, Reals
from am_agent.hopfield.duplicates import near_duplicates
from am_agent.hopfield.neighbours import Neighbours, neighbours
from am_agent.hopfield.roster import Integers
from am_agent.hopfield.themes import codelength, entropy, graph, themes, width

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

_KEPT = 32
"""Neighbours that are kept of each pattern."""

_NOISE = 0.1
"""The saving below which there is no structure: noise of the same covariance saves .02 to .045, texts .21 to .48."""


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
        duplicate: The similarity from which on two episodes are duplicates; None where half of the distance to the
            k-th neighbour decides, which differs from region to region.
        theme: The similarity below which episodes are not neighbours; None where all of the nearest are.
        neighbours: k, of how many neighbours the graph was made.
        nearest: The lowest similarity of two episodes of a duplicate group; None where there is no such group.
    """

    duplicate: float | None
    theme: float | None
    neighbours: int
    nearest: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """What was found in a set of episodes.

    Attributes:
        groups: Of two members or more; duplicates first, each tier in the order of the lowest members.
        saving: The share of the description of the walk that themes save, (H(p) - L) / H(p).
        structured: Whether that is above the level of noise; otherwise there are no themes.
        thresholds: What was near enough.
        neighbours: The nearest neighbours, from which an incremental pass can go on.
    """

    groups: tuple[Group, ...]
    saving: float
    structured: bool
    thresholds: Thresholds
    neighbours: Neighbours


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
    progress: Callable[[float], object] | None = None,
) -> Grouping:
    """The groups of a set of episodes.

    Without `fresh` they are a function of the set alone. With it, they go on from the groups that exist.

    Args:
        keys: Ascending, int64 [n].
        starts: The first row of each episode, int64 [n].
        patterns: Rows of length one, float32 [m, d].
        strengths: Positive, float64 [n].
        before: The groups that exist.
        fresh: The keys that were added since they were made.
        duplicate: The similarity from which on two episodes are duplicates, in (0, 1); None to measure it.
        theme: The similarity below which two episodes are not neighbours, in (0, 1); None for none.
        progress: Called now and then with the share that is done.

    Raises:
        InvalidArgument: A threshold is outside (0, 1), or that of themes is not below that of duplicates.
    """
    _check(duplicate, theme)
    first = patterns[starts]
    k = width(len(keys))
    found = neighbours(first, _KEPT, progress=progress)
    walk = graph(found, k, floor=theme)
    labels = themes(walk)
    bits = entropy(walk)
    saving = (bits - codelength(walk, labels)) / bits if bits > 0 else 0.0
    structured = saving >= _NOISE
    same = near_duplicates(found, k, floor=duplicate)
    ends = np.append(starts[1:], len(patterns))
    groups: list[Group] = []
    for tier, parts in ((DUPLICATE, same), (THEME, labels)):
        if tier == THEME and not structured:
            continue
        for places in _parts(parts):
            groups.append(_group(tier, places, keys, starts, ends, patterns, strengths))
    return Grouping(tuple(groups), saving, structured, Thresholds(duplicate, theme, k, None), found)


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


def _parts(labels: Integers) -> list[Integers]:
    order = np.argsort(labels, kind="stable")
    cuts = np.flatnonzero(np.diff(labels[order])) + 1
    return [places for places in np.split(order, cuts) if len(places) > 1]


def _group(
    tier: str, places: Integers, keys: Integers, starts: Integers, ends: Integers, patterns: Floats, strengths: Reals
) -> Group:
    weights = strengths[places]
    first = patterns[starts[places]]
    mean = prototypes.mean(first, weights)
    apart = prototypes.distances(first, mean)
    rows = np.concatenate([np.arange(starts[place], ends[place]) for place in places])
    radius = float(prototypes.distances(patterns[rows], mean).max())
    return Group(tier, keys[places], weights, mean, radius, int(keys[places[int(apart.argmin())]]))
