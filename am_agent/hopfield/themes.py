"""Themes: sets of patterns in which the walk from neighbour to neighbour stays. Arrays only; knows no keys and no text.

The two-level map equation (Rosvall and Bergstrom 2008): the best partition is the one with the shortest description of
the walk, so neither a number of themes nor a similarity is asked of anyone. Nothing is random, and of partitions that
are equally good the one is taken whose places come first, so the same graph has the same themes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import cbrt, log2

import numpy as np

from am_agent.hopfield.codes import Reals
from am_agent.hopfield.neighbours import Neighbours
from am_agent.hopfield.roster import Booleans, Integers

_WEAKEST = 1e-3
"""What an edge weighs at least: a neighbour at a right angle, or beyond it, is one nevertheless."""

_LOCAL = 10
"""Neighbours that say how near others are to a pattern."""

_REACH = 1.5
"""Neighbours that an edge leads to, in multiples of k: with shares that fall evenly, the mean rank is that of k."""

_BLOCK = 4096

_ROUNDS = 10
_FALL = 1e-4
"""Bits by which a round has to shorten the description for another one to follow."""

_TINY = 1e-12
"""A move shortens the description by more than what rounding does."""

_DECIMALS = 6
"""Strengths that agree so far are equal, and places decide who is visited first."""


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A walk on places: how much of it goes over each edge, per step.

    Attributes:
        starts: Where the edges of each place begin, int64 [n + 1].
        ends: Where each edge leads; each is there in both directions, none leads to where it begins. int64 [e].
        flows: Of each edge in one direction, float64 [e].
        visits: How often the walk is at each place; they sum to one. float64 [n].
        total: What strengths are to be multiplied with to be what they were before they became shares.
    """

    starts: Integers
    ends: Integers
    flows: Reals
    visits: Reals
    total: float

    @property
    def sources(self) -> Integers:
        """Where each edge begins, int64 [e]."""
        return np.repeat(np.arange(len(self.visits)), np.diff(self.starts))


def width(count: int) -> int:
    """Of how many neighbours the graph of so many patterns is made; a fixed number fails as they grow.

    Example:
        >>> [width(count) for count in (10, 1000, 4000, 100_000)]
        [5, 10, 16, 32]
    """
    return min(max(round(cbrt(count)), 5), 32)


def graph(found: Neighbours, k: int, *, floor: float | None = None) -> Graph:
    """The walk from each pattern to those near it, and to those to whom it is near.

    Some patterns are near to everything, and would tie themes together. So what is near is told by how near others are:
    `2 cos(x, y) - r(x) - r(y)`, r the mean similarity to the ten nearest (Conneau et al. 2018, equation 1). An edge
    weighs the similarity, less for each that is nearer, down to nothing at half as many again as k: so nothing hangs on
    who is the last to be a neighbour.

    Args:
        found: The more neighbours of each place the better, at least k where there are so many.
        k: How many count.
        floor: A similarity below which patterns are no neighbours; None for none.
    """
    count, most = len(found.places), round(_REACH * k)
    near = found.places[:, :_LOCAL] >= 0
    reach = np.where(near, found.similarities[:, :_LOCAL], 0.0).sum(axis=1) / np.maximum(near.sum(axis=1), 1)
    sources, ends, weights = [], [], []
    for start in range(0, count, _BLOCK):
        block = slice(start, start + _BLOCK)
        places, similarities = found.places[block], found.similarities[block]
        scores = np.where(places >= 0, 2 * similarities - reach[block, None] - reach[places], -np.inf)
        order = np.lexsort((places, -scores))[:, :most]
        places, similarities = np.take_along_axis(places, order, 1), np.take_along_axis(similarities, order, 1)
        there = (places >= 0) & (similarities >= (-np.inf if floor is None else floor))
        shares = 1 - np.arange(order.shape[1]) / most
        sources.append(np.repeat(np.arange(start, start + len(places)), there.sum(axis=1)))
        ends.append(places[there].astype(np.int64))
        weights.append((np.maximum(similarities, _WEAKEST) * shares)[there])
    none = np.zeros(0, np.int64)
    left, right = np.concatenate([none, *sources]), np.concatenate([none, *ends])
    return _graph(count, left * count + right, right * count + left, np.concatenate([none, *weights]))


def _graph(count: int, one_way: Integers, other_way: Integers, weights: Reals) -> Graph:
    starts, ends, weights = _summed(count, np.concatenate([one_way, other_way]), np.tile(weights, 2))
    strengths = np.add.reduceat(np.append(weights, 0.0), starts[:-1]) * (np.diff(starts) > 0)
    total = float(strengths.sum())
    scale = 1 / total if total > 0 else 0.0
    return Graph(starts, ends, weights * scale, strengths * scale, total)


def _summed(count: int, keys: Integers, weights: Reals) -> tuple[Integers, Integers, Reals]:
    """Edges in their order, those with the same ends as one; a key is `from * count + to`."""
    order = np.argsort(keys, kind="stable")
    keys, weights = keys[order], weights[order]
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    keys = keys[first]
    sums = np.add.reduceat(weights, first) if len(first) else weights
    return np.searchsorted(keys, np.arange(count + 1) * count), keys % max(count, 1), sums


def entropy(walk: Graph) -> float:
    """H(p), bits a step: the description without themes."""
    return -float(_plogp(walk.visits).sum())


def codelength(walk: Graph, labels: Integers) -> float:
    """L, bits a step: `pl(sum q_m) - 2 sum pl(q_m) - sum pl(p_i) + sum pl(q_m + p_m)`, pl(x) = x log2 x.

    q_m is how often a step leaves theme m, p_m how often the walk is in it.

    Args:
        walk: The graph.
        labels: The theme of each place, whole numbers from 0, int64 [n].

    Example:
        >>> pair = Neighbours(np.array([[1], [0]], np.int32), np.ones((2, 1)))
        >>> codelength(graph(pair, 1), np.array([0, 0]))
        1.0
    """
    count = int(labels.max(initial=-1)) + 1
    inside = _sums(labels, walk.visits, count)
    across = labels[walk.sources] != labels[walk.ends]
    leaving = _sums(labels[walk.sources[across]], walk.flows[across], count)
    themes = -2 * _plogp(leaving).sum() + _plogp(leaving + inside).sum()
    return float(_plogp(leaving.sum()) + themes - _plogp(walk.visits).sum())


def _sums(labels: Integers, values: Reals, count: int) -> Reals:
    """The sum of the values of each label, float64 [count]."""
    return np.bincount(labels, values, count).astype(np.float64, copy=False)


def _plogp(values: Reals) -> Reals:
    values = np.asarray(values, np.float64)
    found: Reals = values * np.log2(np.where(values > 0, values, 1.0))
    return found


def themes(
    walk: Graph,
    *,
    before: Integers | None = None,
    touched: Booleans | None = None,
    progress: Callable[[float], object] | None = None,
) -> Integers:
    """The partition with the shortest description that was found.

    Args:
        walk: The graph.
        before: A partition to go on from, -1 where a place has no theme yet, int64 [n]; None to begin with every place
            on its own.
        touched: The places that are visited, and whose themes are split, bool [n]; None for all.
        progress: Called now and then with the share that is done.

    Returns:
        The theme of each place, numbered in the order of their first places, int64 [n].

    Example:
        >>> ring = np.array([[1, 2], [0, 2], [0, 1], [4, 5], [3, 5], [3, 4]], np.int32)
        >>> themes(graph(Neighbours(ring, np.ones((6, 2))), 2)).tolist()
        [0, 0, 0, 1, 1, 1]
    """
    start = np.arange(len(walk.visits)) if before is None else _voted(walk, before)
    labels = _merged(walk, start, touched)
    length = codelength(walk, labels)
    known: dict[bytes, Integers] = {}
    for round_ in range(_ROUNDS):
        if progress is not None:
            progress((round_ + 1) / (_ROUNDS + 1))
        tried = _refined(walk, labels, touched, known)
        after = codelength(walk, tried)
        if after >= length - _TINY:
            break
        fall, labels, length = length - after, tried, after
        if fall < _FALL:
            break
    if progress is not None:
        progress(1.0)
    return labels


def _voted(walk: Graph, before: Integers) -> Integers:
    """A theme for each place: of those without one, the one of most of its walk, or one of its own."""
    before = np.where(walk.visits > 0, before, -1)  # where the walk never is, it cannot stay
    count = int(before.max(initial=-1)) + 1
    sources, theirs = walk.sources, before[walk.ends]
    asked = (before[sources] < 0) & (theirs >= 0)
    size = max(count, len(before))
    starts, chosen, shares = _summed(size, sources[asked] * size + theirs[asked], walk.flows[asked])
    labels = before.copy()
    for place in np.flatnonzero(before < 0).tolist():
        edges = slice(starts[place], starts[place + 1])
        if edges.start < edges.stop:
            labels[place] = chosen[edges][int(shares[edges].argmax())]
        else:
            labels[place] = count
            count += 1
    return numbered(labels)


def numbered(labels: Integers) -> Integers:
    """The same partition, its parts numbered in the order of their first places."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    ranks = np.empty(len(first), np.int64)
    ranks[np.argsort(first)] = np.arange(len(first))
    found: Integers = ranks[inverse]
    return found


def _refined(walk: Graph, labels: Integers, touched: Booleans | None, known: dict[bytes, Integers]) -> Integers:
    """One round: each theme is split as if it were alone, the pieces are moved, then single places."""
    pieces = _split(walk, labels, touched, known)
    coarse = _aggregated(walk, pieces)
    first = np.empty(len(coarse.visits), np.int64)
    first[pieces] = labels
    joined = _merged(coarse, numbered(first))[pieces]
    return _merged(walk, joined, touched)


def _split(walk: Graph, labels: Integers, touched: Booleans | None, known: dict[bytes, Integers]) -> Integers:
    """The pieces into which each theme falls when the walk can go nowhere else, numbered throughout.

    Most themes are the same from one round to the next, and so are their pieces.
    """
    asked = np.ones(int(labels.max(initial=-1)) + 1, np.bool_)
    if touched is not None:
        asked[:] = False
        asked[labels[touched]] = True
    order = np.argsort(labels, kind="stable")
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order))
    bounds = np.append(np.flatnonzero(np.diff(labels[order], prepend=-1)), len(order))
    sources = walk.sources
    inside = labels[sources] == labels[walk.ends]
    left, right = places[sources[inside]], places[walk.ends[inside]]
    turn = np.argsort(left * len(order) + right)
    left, right, flows = left[turn], right[turn], walk.flows[inside][turn]
    starts = np.searchsorted(left, np.arange(len(order) + 1))
    pieces = np.empty(len(order), np.int64)
    count = 0
    for first, end, wanted in zip(bounds[:-1].tolist(), bounds[1:].tolist(), asked.tolist(), strict=True):
        if not wanted:
            pieces[order[first:end]] = count
            count += 1
            continue
        members = order[first:end].tobytes()
        if members not in known:
            edges = slice(starts[first], starts[end])
            part = flows[edges]
            visits = _sums(left[edges] - first, part, end - first)
            alone = Graph(starts[first : end + 1] - starts[first], right[edges] - first, part, visits, walk.total)
            known[members] = _merged(alone, np.arange(end - first))
        found = known[members]
        pieces[order[first:end]] = found + count
        count += int(found.max()) + 1
    return pieces


def _merged(walk: Graph, labels: Integers, touched: Booleans | None = None) -> Integers:
    """Move places, those that are touched, then the themes they make as places of their own, until nothing moves."""
    labels, moved = _moved(walk, labels, touched)
    found = labels
    while True:
        walk = _aggregated(walk, labels)
        labels, moved = _moved(walk, np.arange(len(walk.visits)))
        if not moved:
            return found
        found = labels[found]


def _aggregated(walk: Graph, labels: Integers) -> Graph:
    """Each part as one place; labels are whole numbers from 0 without a gap."""
    count = int(labels.max(initial=-1)) + 1
    left, right = labels[walk.sources], labels[walk.ends]
    across = left != right
    starts, ends, flows = _summed(count, left[across] * count + right[across], walk.flows[across])
    return Graph(starts, ends, flows, _sums(labels, walk.visits, count), walk.total)


def _moved(walk: Graph, labels: Integers, touched: Booleans | None = None) -> tuple[Integers, bool]:
    """Move one place after the other to the theme, of those around it and an empty one, that shortens the most.

    The strongest are visited first, and those around one that moved again.

    Returns:
        The themes, numbered in the order of their first places, and whether any place moved.
    """
    count = len(walk.visits)
    order = np.lexsort((np.arange(count), -np.round(walk.visits * walk.total, _DECIMALS)))
    sources = walk.sources
    across = labels[sources] != labels[walk.ends]
    theme: list[int] = labels.tolist()
    exits: list[float] = _sums(labels[sources[across]], walk.flows[across], count + 1).tolist()
    inside: list[float] = _sums(labels, walk.visits, count + 1).tolist()
    sizes: list[int] = np.bincount(labels, minlength=count + 1).tolist()
    terms: list[float] = [_term(leaving, mass) for leaving, mass in zip(exits, inside, strict=True)]
    empty = [number for number in range(count, -1, -1) if not sizes[number]]
    outward: list[float] = _sums(sources, walk.flows, count).tolist()
    visits: list[float] = walk.visits.tolist()
    starts: list[int] = walk.starts.tolist()
    ends, flows = walk.ends, walk.flows
    leaving = sum(exits)
    queue = deque(order.tolist() if touched is None else order[touched[order]].tolist())
    queued = [True] * count if touched is None else touched.tolist()
    moved = False
    while queue:
        place = queue.popleft()
        queued[place] = False
        edges = slice(starts[place], starts[place + 1])
        around: list[int] = ends[edges].tolist()
        shares: dict[int, float] = {}
        for end, flow in zip(around, flows[edges].tolist(), strict=True):
            number = theme[end]
            shares[number] = shares.get(number, 0.0) + flow
        own = theme[place]
        out, mass = outward[place], visits[place]
        if sizes[own] > 1:
            left_exits, left_inside = exits[own] - out + 2 * shares.pop(own, 0.0), inside[own] - mass
            left_term = _term(left_exits, left_inside)
            shares[empty[-1]] = 0.0
        else:
            left_exits = left_inside = left_term = 0.0
        rest = leaving - exits[own] + left_exits
        base = left_term - terms[own] - (leaving * log2(leaving) if leaving > 0 else 0.0)
        target = _best(shares, exits, inside, terms, out, mass, rest, base)
        if target < 0:
            continue
        moved = True
        exits[own], inside[own], terms[own] = left_exits, left_inside, left_term
        if not sizes[target]:
            empty.pop()
        if sizes[own] == 1:
            empty.append(own)
        gained = out - 2 * shares[target]
        leaving = rest + gained
        exits[target] += gained
        inside[target] += mass
        terms[target] = _term(exits[target], inside[target])
        sizes[own] -= 1
        sizes[target] += 1
        theme[place] = target
        for end in around:
            if not queued[end] and theme[end] != target:
                queued[end] = True
                queue.append(end)
    return numbered(np.array(theme, np.int64)), moved


def _best(
    shares: dict[int, float],
    exits: list[float],
    inside: list[float],
    terms: list[float],
    out: float,
    mass: float,
    rest: float,
    base: float,
) -> int:
    """The theme that shortens the description the most when a place joins it, the lowest of equal ones; -1 for none.

    Args:
        shares: How much of the walk leads from the place to each theme.
        exits: q of each theme.
        inside: p of each theme.
        terms: What each adds to the description.
        out: How much of the walk leaves the place.
        mass: How often the walk is at it.
        rest: Q, when the place has left its theme and belongs to none.
        base: By how much that changes the description, but for pl(Q) as it will be.
    """
    best, target = -_TINY, -1
    for number, share in shares.items():
        gained = out - 2 * share
        new_exits, new_leaving = exits[number] + gained, rest + gained
        total = new_exits + inside[number] + mass
        change = base + total * log2(total) - terms[number]
        if new_exits > 0:
            change -= 2 * new_exits * log2(new_exits)
        if new_leaving > 0:
            change += new_leaving * log2(new_leaving)
        if change < best - _TINY or (target > number and change < best + _TINY):
            best, target = change, number
    return target


def _term(exits: float, inside: float) -> float:
    """What a theme adds to the description, but for the walk between themes."""
    total = exits + inside
    found = total * log2(total) if total > 0 else 0.0
    return found - 2 * exits * log2(exits) if exits > 0 else found
