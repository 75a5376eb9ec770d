"""Prototypes in place of their members: what that does to the energy, and how much at the most. Arrays only.

A prototype stands for its members with the logarithm of their summed strength. Since the exponential is convex, the
energy of prototypes is never below that of their members, and by Hoeffding's lemma never far above.
"""

from __future__ import annotations

import math

import numpy as np

from am_agent.hopfield.codes import Reals


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
