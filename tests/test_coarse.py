"""What prototypes cost in energy: never less than nothing, never more than the bound, for whatever groups."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from am_agent.centroid import centroid
from am_agent.coarse import Cost, Stand, cost


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**16),
    labels=st.lists(st.integers(0, 4), min_size=2, max_size=30),
    heights=st.lists(st.integers(1, 3), min_size=30, max_size=30),
    spread=st.sampled_from([0.0, 0.05, 0.5, 2.0]),
)
def test_the_energy_rises_and_by_no_more_than_the_bound(
    seed: int, labels: list[int], heights: list[int], spread: float
) -> None:
    """Of groups by chance, tight or not, of episodes of one pattern or several, strong or weak; group 0 is alone."""
    rng = np.random.default_rng(seed)
    count = len(labels)
    starts = np.cumsum([0, *heights[: count - 1]])
    rows = rng.normal(size=5) + spread * rng.normal(size=(sum(heights[:count]), 5))
    patterns = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    strengths = rng.uniform(0.5, 3, size=count)
    stands = []
    for label in range(1, 5):
        places = np.flatnonzero(np.array(labels) == label)
        if len(places) > 1:
            own = [np.arange(starts[place], starts[place] + heights[place]) for place in places]
            mine = np.cumsum([0, *(len(each) for each in own[:-1])])
            found = centroid(patterns[np.concatenate(own)], mine, strengths[places])
            stands.append(Stand(places, found.mean, found.radius))
    found_cost = cost(patterns, starts, strengths, stands)
    assert 0 <= found_cost.change <= found_cost.bound + 1e-6  # a pattern and a mean are rounded to float32
    if stands:
        assert found_cost.beta > 0
        assert found_cost.bound <= max(each.radius for each in stands)


def test_nothing_stands_for_anything() -> None:
    """Without prototypes nothing is lost."""
    assert cost(np.eye(3, dtype=np.float32), np.arange(3), np.ones(3), []) == Cost(0.0, 0.0, 0.0)


def test_the_cost_of_one_pair_by_hand() -> None:
    """Two orthogonal patterns in their mean: a radius of sqrt(1/2), and the energy of the cue that is one of them."""
    patterns, starts = np.eye(2, dtype=np.float32), np.arange(2)
    found = centroid(patterns, starts, np.ones(2))
    paid = cost(patterns, starts, np.ones(2), [Stand(starts, found.mean, found.radius)])
    beta = paid.beta
    exact = -np.log(np.exp(beta) + 1) / beta
    assert np.isclose(paid.change, -np.log(2 * np.exp(beta / 2)) / beta - exact)
    assert np.isclose(paid.bound, min(np.sqrt(0.5), beta / 4))
