"""Two by turns, round by round, and what the times say. Knows nothing of what is timed.

The machine drifts, and a cache remembers: figures of two programs compare only if they were taken in the same moments.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WARM = 2
"""Rounds before the first one that counts."""

FEWEST = 5

Act = Callable[[int], object]
"""Called with the number of the round."""

Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Pair:
    """Seconds of each round.

    Attributes:
        candidate: Of the candidate.
        peer: Of the peer, in the same round.
    """

    candidate: tuple[float, ...]
    peer: tuple[float, ...]


def by_turns(candidate: Act, peer: Act, *, rounds: int, seconds: float) -> Pair:
    """Time both in every round; who goes first changes from round to round.

    Args:
        candidate: What the other is compared with.
        peer: The other.
        rounds: How many there are, at the most.
        seconds: No round begins after so long, once five were timed.

    Example:
        >>> pair = by_turns(lambda _: sum(range(10)), lambda _: sum(range(1000)), rounds=7, seconds=1.0)
        >>> len(pair.candidate), len(pair.peer), min(pair.peer) > 0
        (7, 7, True)
    """
    for number in range(WARM):
        candidate(number), peer(number)
    ours: list[float] = []
    theirs: list[float] = []
    end = time.perf_counter() + seconds
    for number in range(rounds):
        if number >= FEWEST and time.perf_counter() > end:
            break
        order = [(candidate, ours), (peer, theirs)]
        for act, times in order if number % 2 == 0 else reversed(order):
            times.append(timed(act, number))
    return Pair(tuple(ours), tuple(theirs))


def timed(act: Act, number: int) -> float:
    """The seconds that it takes."""
    started = time.perf_counter()
    act(number)
    return time.perf_counter() - started


def ratio(candidate: Sequence[float], peer: Sequence[float]) -> Figures:
    """How many times as long as the candidate the peer took: the median of the rounds' ratios, and their quartiles.

    Example:
        >>> ratio([1.0, 2.0, 4.0], [2.0, 6.0, 4.0])
        {'ratio': 2.0, 'ratio:low': 1.5, 'ratio:high': 2.5}
    """
    ratios = [theirs / ours for ours, theirs in zip(candidate, peer, strict=True)]
    low, middle, high = (quantile(ratios, share) for share in (0.25, 0.5, 0.75))
    return {"ratio": middle, "ratio:low": low, "ratio:high": high}


def milliseconds(times: Sequence[float]) -> Figures:
    """The median and the 95th percentile.

    Example:
        >>> milliseconds([0.001, 0.002, 0.003])
        {'ms': 2.0, 'p95': 2.9}
    """
    return {"ms": 1000 * statistics.median(times), "p95": round(1000 * quantile(times, 0.95), 6)}


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which a share of all lies, interpolated between neighbours."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])
