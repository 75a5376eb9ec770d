"""The retrieved pattern against the sum over all of them in float64."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent.hopfield.energy import log_partition
from am_agent.hopfield.partition import partition
from am_agent.hopfield.patterns import PatternSet
from am_agent.hopfield.retrieved import retrieved
from am_agent.hopfield.roster import Roster
from am_agent.hopfield.scan import scan
from am_agent.hopfield.scope import Scope


@given(
    seed=st.integers(0, 2**32),
    count=st.integers(0, 700),
    several=st.booleans(),
    resident=st.booleans(),
    beta=st.sampled_from([0.1, 5.0, 50.0, 2000.0]),
    allowed=st.booleans(),
)
def test_it_is_the_sum_of_first_patterns_by_their_weights(
    seed: int, count: int, several: bool, resident: bool, beta: float, allowed: bool
) -> None:
    """In two sets, of which some places may not be seen; by gathering few and by reading all."""
    rng = np.random.default_rng(seed)
    heights = rng.integers(1, 4, count) if several else np.ones(count, dtype=np.int64)
    rows = rng.standard_normal((int(heights.sum()), 16))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    starts, cut = np.cumsum(heights) - heights, count // 3
    parts = []
    for chosen in (range(cut), range(cut, count)):
        roster, patterns = Roster(), PatternSet(16, resident=resident)
        roster.append(chosen)
        first = int(heights[: chosen.start].sum())
        own = heights[chosen.start : chosen.stop]
        patterns.append(rows[first : first + int(own.sum())], own)
        parts.append((roster.view(), patterns.view()))

    def fetch(keys: np.ndarray) -> list[np.ndarray]:
        return [rows[starts[key] : starts[key] + heights[key]] for key in keys.tolist()]

    scope = Scope.of(parts, allowed=range(0, count, 2) if allowed else None, fetch=fetch)
    cue = rng.standard_normal(16)
    matches = scan(scope, cue[None, :], 5)
    found = retrieved(scope, matches, partition(scope, matches, beta), beta)
    seen = np.flatnonzero(scope.eligible)
    if not len(seen):
        assert found.tolist() == [0.0] * 16
        return
    exact = np.array([float((rows[starts[k] : starts[k] + heights[k]] @ cue).max()) for k in scope.keys[seen].tolist()])
    weights = np.exp(beta * exact - float(log_partition(exact[None, :], beta)[0]))
    expected = weights @ rows[starts[scope.keys[seen]]].astype(np.float64)
    # Beyond 200, scores are within the error of a code, and where codes alone are in memory, so are the patterns.
    loose = (1e-5 if resident else 0.02) + (min(1.0, beta * 0.02) if len(seen) > 200 else 1e-6 * beta)
    assert found == pytest.approx(expected, abs=loose)
