"""The posteriors of features that a cue left out: who, when, what came next. Knows weights and numbers, no cue.

The readout of an absent feature is the same softmax that ranks the episodes: `p(u) = sum_i p_i [x_i has u]`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from am_agent.hopfield.codes import Reals
from am_agent.readout import Readout
from am_agent.working_set import Snapshot

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN = 10
"""Values of a posterior that are told; the others are the least likely."""


def who(likely: Reals, snapshots: Sequence[Snapshot]) -> Mapping[str, float]:
    """The posterior over actors, the likeliest first; what is missing to 1 was said by nobody in particular.

    Args:
        likely: The weight of every position, float64 [n].
        snapshots: Whose positions these are.
    """
    shares: dict[str, float] = {}
    start = 0
    for snapshot in snapshots:
        actors = snapshot.attributes.actors
        mine = likely[start : start + len(actors)]
        start += len(actors)
        there = actors >= 0
        names = {number: name for name, number in list(snapshot.actors.items())}
        for number, share in enumerate(np.bincount(actors[there], mine[there]).tolist()):
            if share:
                shares[names[number]] = shares.get(names[number], 0.0) + share
    return dict(sorted(shares.items(), key=lambda each: -each[1])[:_SHOWN])


def when(likely: Reals, snapshots: Sequence[Snapshot], quantiles: Sequence[float]) -> list[datetime | None]:
    """Quantiles of the posterior over times; None where no episode is seen."""
    times = np.concatenate([*(each.attributes.times for each in snapshots), np.empty(0, dtype=np.int64)])
    seen = np.flatnonzero(likely > 0)
    if not len(seen):
        return [None for _ in quantiles]
    order = seen[np.argsort(times[seen], kind="stable")]
    total = np.cumsum(likely[order])
    found = np.minimum(np.searchsorted(total, np.array(quantiles) * total[-1]), len(order) - 1)
    return [_EPOCH + timedelta(microseconds=int(times[order[place]])) for place in found]


def after(likely: Reals, readout: Readout, snapshots: Sequence[Snapshot]) -> Mapping[int, float]:
    """The posterior over what came next in the session, by row number: the weight of whatever it followed."""
    shares: dict[int, float] = {}
    for number, places, own in readout.scope.split(readout.candidates):
        snapshot, start = snapshots[number], int(readout.scope.bounds[number])
        seen = readout.scope.eligible[start : int(readout.scope.bounds[number + 1])]
        following = snapshot.chains.neighbours(places, seen, 1)[:, 1]
        for place, share in zip(following.tolist(), likely[readout.candidates[own]].tolist(), strict=True):
            if place >= 0:
                key = int(snapshot.roster.keys[place])
                shares[key] = shares.get(key, 0.0) + share
    return dict(sorted(shares.items(), key=lambda each: (-each[1], each[0]))[:_SHOWN])
