"""A group of patterns as one: its mean, how far its members are from it, and what that does to the energy. Arrays only.

A prototype stands for its members with the logarithm of their summed strength. Since the exponential is convex, the
energy of prototypes is never below that of their members, and by Hoeffding's lemma never far above.
"""

from __future__ import annotations

import math

import numpy as np

from am_agent.hopfield.codes import Floats, Reals

ROUNDING = 2.0**-23
"""How far a mean is at most from what it was before it was rounded to float32, twice, for patterns of length one."""


def mean(patterns: Floats, weights: Reals) -> Floats:
    """The weighted mean of patterns, not of length one.

    Args:
        patterns: float32 [m, d].
        weights: Positive, float64 [m].

    Example:
        >>> mean(np.array([[1, 0], [0, 1]], np.float32), np.array([3.0, 1.0])).tolist()
        [0.75, 0.25]
    """
    found: Floats = ((weights / weights.sum()) @ patterns.astype(np.float64)).astype(np.float32)
    return found


def distances(patterns: Floats, centre: Floats) -> Reals:
    """The Euclidean distance of each pattern to a centre, float64 [m]."""
    apart = patterns.astype(np.float64) - centre.astype(np.float64)
    found: Reals = np.sqrt(np.einsum("ij,ij->i", apart, apart))
    return found


def radius(patterns: Floats, centre: Floats) -> float:
    """The largest distance of any pattern to a centre, and a little more than that, for what float64 rounds.

    Example:
        >>> round(radius(np.array([[1, 0], [0, 1]], np.float32), np.array([0.5, 0.5], np.float32)), 4)
        0.7071
    """
    return float(distances(patterns, centre).max()) * (1 + 2.0**-40)


def energy(scores: Reals, log_weights: Reals, beta: float) -> float:
    """E = -(1/beta) log sum_k W_k exp(beta s_k); of prototypes, with s_k = y'c_k, the coarse energy.

    Args:
        scores: float64 [k].
        log_weights: log W_k, float64 [k].
        beta: Inverse temperature, positive.

    Example:
        >>> round(energy(np.array([0.5, 0.5]), np.zeros(2), beta=2.0), 4)
        -0.8466
    """
    logits = beta * scores + log_weights
    highest = float(logits.max())
    return -(highest + math.log(float(np.exp(logits - highest).sum()))) / beta


def energy_bound(radii: Reals, beta: float, *, length: float = 1.0, single: bool = True) -> float:
    """How far the energy of prototypes can be above that of their members, for any query.

    `max_k min(|y| r_k, beta |y|^2 r_k^2 / 2)`. A member of several patterns scores the greatest of their products,
    which is still within |y| r_k of y'c_k, and not below that of its first pattern, of which c_k is the mean: so the
    energy of prototypes is not below, and the first bound holds. The second one (Hoeffding) needs y'c_k to be the mean
    of the members' scores, which it is where each has one pattern.

    Args:
        radii: The largest distance of any pattern of a prototype to its mean, float64 [k].
        beta: Inverse temperature, positive.
        length: |y|.
        single: Whether every member has one pattern.

    Example:
        >>> energy_bound(np.array([0.1, 0.5]), beta=2.0), energy_bound(np.array([0.4]), beta=2.0, single=False)
        (0.25, 0.4)
    """
    if not len(radii):
        return 0.0
    reach = length * float(radii.max())
    return min(reach, beta * reach**2 / 2) if single else reach
