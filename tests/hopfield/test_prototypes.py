"""Prototypes: what they do to the energy is never more than the bound, and never less than nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent.centroid import distances, mean, radius
from am_agent.hopfield.prototypes import energy, energy_bound

SEEDS = st.integers(0, 2**32)

ROUNDING = 2.0**-23
"""How far a mean is at most from what it was before it was rounded to float32, twice, for patterns of length one."""


def _unit(rng: np.random.Generator, count: int, spread: float) -> np.ndarray:
    rows = rng.standard_normal(12) + spread * rng.standard_normal((count, 12))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@given(
    seed=SEEDS,
    groups=st.integers(1, 6),
    heights=st.integers(1, 3),
    spread=st.floats(0.0, 2.0),
    beta=st.floats(0.1, 200),
    length=st.floats(0.1, 3),
)
def test_the_bound_is_never_violated(
    seed: int, groups: int, heights: int, spread: float, beta: float, length: float
) -> None:
    """0 <= E^(q) - E(q) <= max_k min(|y| r_k, beta |y|^2 r_k^2 / 2); with several patterns the first of them."""
    rng = np.random.default_rng(seed)
    query = rng.standard_normal(12)
    query *= length / np.linalg.norm(query)
    scores, logs, coarse, sums, radii = [], [], [], [], []
    for _ in range(groups):
        members = int(rng.integers(1, 8))
        patterns = _unit(rng, members * heights, spread)
        weights = rng.random(members) * 3 + 0.01
        centre = mean(patterns[::heights], weights)
        scores += (patterns.astype(np.float64) @ query).reshape(members, heights).max(axis=1).tolist()
        logs += np.log(weights).tolist()
        coarse.append(float(centre.astype(np.float64) @ query))
        sums.append(float(np.log(weights.sum())))
        radii.append(radius(patterns, centre))
    change = energy(np.array(coarse), np.array(sums), beta) - energy(np.array(scores), np.array(logs), beta)
    bound = energy_bound(np.array(radii), beta, length=length, single=heights == 1)
    assert -length * ROUNDING - 1e-9 <= change <= bound + length * ROUNDING + 1e-9


def test_the_second_bound_needs_members_of_one_pattern() -> None:
    """Two members whose second patterns both lie beyond the mean, on the cue's side."""
    first = np.array([[0, 0, 1.0], [0, 0, 1.0]], np.float32)
    second = np.array([[0.6, 0, 0.8], [0.6, 0, 0.8]], np.float32)
    centre = mean(first, np.ones(2))
    reach, beta, query = radius(np.concatenate([first, second]), centre), 0.1, np.array([1.0, 0, 0])
    exact = energy(np.array([0.6, 0.6]), np.zeros(2), beta)
    change = energy(np.array([centre @ query]), np.array([np.log(2)]), beta) - exact
    assert change == pytest.approx(0.6)
    assert change > energy_bound(np.array([reach]), beta)
    assert change <= energy_bound(np.array([reach]), beta, single=False)


@given(seed=SEEDS, count=st.integers(1, 10), spread=st.floats(0, 2))
def test_every_pattern_lies_within_the_radius(seed: int, count: int, spread: float) -> None:
    """However the distance is computed."""
    rng = np.random.default_rng(seed)
    rows = _unit(rng, count, spread)
    centre = mean(rows, rng.random(count) + 0.1)
    assert (np.linalg.norm(rows.astype(np.float64) - centre.astype(np.float64), axis=1) <= radius(rows, centre)).all()
    assert radius(rows, centre) == pytest.approx(distances(rows, centre).max(), rel=1e-9, abs=1e-12)


def test_nothing_has_no_bound() -> None:
    """Where there is no prototype, the energy is what it was."""
    assert energy_bound(np.zeros(0), 5.0) == 0.0
