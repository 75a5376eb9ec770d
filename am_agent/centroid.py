"""Some patterns as one: their mean, how far the farthest lies from it, and which one is nearest. Knows arrays only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class Centroid:
    """What a group of episodes is like.

    Attributes:
        mean: Of the first patterns of the members by their weights, float32 [d]; not of length one.
        radius: The largest Euclidean distance of any pattern of any member to the mean.
        medoid: The place of the member whose first pattern is nearest to the mean; of equally near ones the first.
    """

    mean: npt.NDArray[np.float32]
    radius: float
    medoid: int


def centroid(
    patterns: npt.NDArray[np.float32], starts: npt.NDArray[np.int64], weights: npt.NDArray[np.float64]
) -> Centroid:
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
    rows = patterns.astype(np.float64)
    mean = ((weights / weights.sum()) @ rows[starts]).astype(np.float32)
    apart = rows - mean.astype(np.float64)
    distances = np.sqrt(np.einsum("ij,ij->i", apart, apart))
    near = distances[starts]
    # A little more than the largest, for what float64 rounds; and distances that differ by less than the mean was
    # rounded to float32 are equal.
    return Centroid(mean, float(distances.max()) * (1 + 2.0**-40), int(np.flatnonzero(near <= near.min() + 1e-7)[0]))
