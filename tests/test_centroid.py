"""The mean, the radius and the medoid of some patterns."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from am_agent.centroid import centroid


@given(
    st.integers(0, 2**16),
    st.lists(st.integers(1, 3), min_size=1, max_size=12),
    st.sampled_from([0.0, 1e-4, 1.0]),
)
def test_all_patterns_lie_within_and_the_medoid_is_the_nearest(seed: int, heights: list[int], spread: float) -> None:
    """In float64, of the mean as it is rounded; windows after the first count for the radius alone."""
    rng = np.random.default_rng(seed)
    rows = (1 + spread * rng.normal(size=(sum(heights), 6))).astype(np.float32)
    starts = np.cumsum([0, *heights[:-1]])
    weights = rng.uniform(0.1, 5, size=len(heights))
    found = centroid(rows, starts, weights)
    exact = (weights[:, None] * rows[starts].astype(np.float64)).sum(axis=0) / weights.sum()
    assert found.mean.dtype == np.float32
    assert np.allclose(found.mean, exact, rtol=0, atol=1e-6)
    distances = np.linalg.norm(rows.astype(np.float64) - found.mean.astype(np.float64), axis=1)
    assert distances.max() <= found.radius <= distances.max() * (1 + 1e-11)
    assert distances[starts][found.medoid] <= distances[starts].min() + 1e-7
