"""Some patterns as one: their mean, how far the farthest lies from it, and which one is nearest. Knows arrays only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Reals = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Centroid:
    """What a group of episodes is like.

    Attributes:
        mean: Of the first patterns of the members by their weights, float32 [d]; not of length one.
        radius: The largest Euclidean distance of any pattern of any member to the mean.
        medoid: The place of the member whose first pattern is nearest to the mean; of equally near ones the first.
    """

    mean: Floats
    radius: float
    medoid: int


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
    return _reach(distances(patterns, centre))


def centroid(patterns: Floats, starts: npt.NDArray[np.int64], weights: Reals) -> Centroid:
    """Measure a group.

    Args:
        patterns: Of all members in their order, float32 [rows, d].
        starts: The first row of each member, int64 [m].
        weights: Of each member, positive, float64 [m].

    Example:
        >>> found = centroid(np.eye(2, dtype=np.float32), np.array([0, 1]), np.array([3.0, 1.0]))
        >>> found.mean.tolist(), round(found.radius, 3), found.medoid
        ([0.75, 0.25], 1.061, 0)
    """
    centre = mean(patterns[starts], weights)
    apart = distances(patterns, centre)
    near = apart[starts]
    # Distances that differ by less than the mean was rounded to float32 are equal.
    return Centroid(centre, _reach(apart), int(np.flatnonzero(near <= near.min() + 1e-7)[0]))


def _reach(apart: Reals) -> float:
    """A little more than the largest, for what float64 rounds."""
    return float(apart.max()) * (1 + 2.0**-40)
