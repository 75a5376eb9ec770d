"""Near-duplicates: patterns that say the same thing, each with each. Arrays only; knows no keys and no text.

What is near differs from set to set and from region to region, so the patterns themselves measure it, by the distances
to their k-th neighbours: two are near-duplicates whose distance is small for both of them, and for the set. Groups are
of complete link: any two patterns of a group are near-duplicates, so nothing is chained to what it does not resemble.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

import numpy as np

from am_agent.hopfield.codes import Reals
from am_agent.hopfield.neighbours import Neighbours
from am_agent.hopfield.roster import Integers

_OWN = 0.6
"""Of the distance to the k-th neighbour of either pattern."""

_COMMON = 0.5, 0.25
"""And of that quantile of these distances: where nothing else is near, what is alike by its words alone looks near."""


def near_duplicates(found: Neighbours, k: int, *, floor: float | None = None) -> Integers:
    """The group of each place, numbered in the order of their first places, int64 [n].

    Args:
        found: At least k neighbours of each place, where there are so many.
        k: The neighbour whose distance is the measure of what is near.
        floor: The similarity from which on two patterns are near-duplicates instead; None to measure.

    Example:
        >>> rows = np.array([[1, 2, 3], [0, 2, 3], [3, 0, 1], [2, 0, 1]], np.int32)
        >>> alike = np.array([[.99, .2, .2], [.99, .2, .2], [.3, .2, .2], [.3, .2, .2]])
        >>> near_duplicates(Neighbours(rows, alike), 3).tolist()
        [0, 0, 1, 2]
    """
    left, right, distances = _pairs(found, k, floor)
    groups = _linked(left.tolist(), right.tolist(), distances.tolist())
    labels = np.arange(len(found.places))
    for members in groups:
        labels[members] = members[0]
    return np.unique(labels, return_inverse=True)[1]


def _pairs(found: Neighbours, k: int, floor: float | None) -> tuple[Integers, Integers, Reals]:
    """Near-duplicates two by two, the lower place on the left, each pair once."""
    count = len(found.places)
    k = found.places.shape[1] if floor is not None else min(k, max(count - 1, 0))  # of a few, the farthest is the k-th
    places, similarities = found.places[:, :k], found.similarities[:, :k]
    there = places >= 0
    left = np.repeat(np.arange(count), there.sum(axis=1))
    right = places[there].astype(np.int64)
    similar = similarities[there]
    distances = _distances(similar)
    if floor is not None:
        near = similar >= floor
    else:
        lengths = _distances(similarities[:, -1]) if count > 1 else np.zeros(count)
        share, quantile = _COMMON
        reach = np.minimum(_OWN * lengths, share * np.quantile(lengths, quantile)) if count > 1 else lengths
        near = distances <= np.minimum(reach[left], reach[right])
    low, high = np.minimum(left, right)[near], np.maximum(left, right)[near]
    _, first = np.unique(low * count + high, return_index=True)
    return low[first], high[first], distances[near][first]


def _distances(similarities: Reals) -> Reals:
    """Of patterns of length one."""
    found: Reals = np.sqrt(np.maximum(2 - 2 * similarities, 0.0))
    return found


def _linked(left: list[int], right: list[int], distances: list[float]) -> list[list[int]]:
    """Groups of complete link among pairs: those whose farthest pair is nearest are merged first, then by place."""
    links: dict[int, dict[int, float]] = {}
    for one, other, distance in zip(left, right, distances, strict=True):
        links.setdefault(one, {})[other] = distance
        links.setdefault(other, {})[one] = distance
    members = {place: [place] for place in links}
    heap = list(zip(distances, left, right, strict=True))
    heapify(heap)
    while heap:
        distance, one, other = heappop(heap)
        if links.get(one, {}).get(other) != distance:
            continue
        theirs = links.pop(other)
        for place in theirs:
            del links[place][other]
        ours = links[one]
        for place, reached in list(ours.items()):
            if place in theirs:
                farthest = max(reached, theirs[place])
                if farthest != reached:
                    ours[place] = links[place][one] = farthest
                    heappush(heap, (farthest, min(one, place), max(one, place)))
            else:
                del ours[place], links[place][one]
        members[one] = sorted(members[one] + members.pop(other))
    return [each for each in members.values() if len(each) > 1]
