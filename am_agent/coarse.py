"""What it costs to ask prototypes in place of their members: a bound on the energy, and a measurement. Arrays only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from am_agent.hopfield.codes import Floats, Reals
from am_agent.hopfield.energy import critical_beta
from am_agent.hopfield.prototypes import energy, energy_bound
from am_agent.hopfield.roster import Integers

_CUES = 64
"""Episodes that are taken as cues."""


_SLICE = 8192
"""Patterns that are compared at a time."""


class Stand(NamedTuple):
    """A prototype that stands for its members.

    Attributes:
        places: Of its members among all episodes, int64 [m].
        mean: Of their first patterns, float32 [d].
        radius: The largest distance of any of their patterns to the mean.
    """

    places: Integers
    mean: Floats
    radius: float


class Cost(NamedTuple):
    """How far the energy can rise for any cue, how far it did for some, and the inverse temperature of both."""

    bound: float
    change: float
    beta: float


def cost(patterns: Floats, starts: Integers, strengths: Reals, stands: Sequence[Stand]) -> Cost:
    """Compare the energy of content of all episodes with that of prototypes and of those that have none.

    science.md 3.4 (5): it never falls, and rises by at most `min(r, beta r^2 / 2)` for a cue of length one, or by `r`
    where a member has several patterns. The cues are the first patterns of evenly spaced episodes; beta is where the
    softmax over all of them condenses.

    Args:
        patterns: Of length one, float32 [rows, d].
        starts: The first row of each episode, int64 [n].
        strengths: Of each episode, positive, float64 [n].
        stands: The prototypes; no episode is in two of them.
    """
    count = len(starts)
    if not stands or not count:
        return Cost(0.0, 0.0, 0.0)
    cues = patterns[starts[np.linspace(0, count - 1, min(_CUES, count)).astype(np.int64)]].astype(np.float64)
    slices = (patterns[start : start + _SLICE].astype(np.float64) for start in range(0, len(patterns), _SLICE))
    scores = np.maximum.reduceat(np.concatenate([cues @ each.T for each in slices], axis=1), starts, axis=1)
    beta = critical_beta(count, max(float(scores.std()), 1e-6))
    covered = np.concatenate([each.places for each in stands])
    alone = np.setdiff1d(np.arange(count), covered)
    means = cues.astype(np.float64) @ np.stack([each.mean for each in stands]).astype(np.float64).T
    coarse = np.concatenate([means, scores[:, alone]], axis=1)
    masses = np.log(np.array([*(float(strengths[each.places].sum()) for each in stands), *strengths[alone]]))
    logs = np.log(strengths)
    change = max(energy(few, masses, beta) - energy(all_, logs, beta) for few, all_ in zip(coarse, scores, strict=True))
    single = np.diff(starts, append=len(patterns)) == 1
    bound = max(energy_bound(np.array([each.radius]), beta, single=bool(single[each.places].all())) for each in stands)
    return Cost(bound, max(change, 0.0) if math.isfinite(change) else 0.0, beta)
