"""The moments of a set of patterns: sums, exact under removal, and the spread that beta is made of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent.hopfield.energy import critical_beta
from am_agent.hopfield.metric import Moments, spread


def _unit(seed: int, count: int, dimension: int = 8) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((count, dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(0, 40))
def test_removing_what_was_added_restores_the_moments(seed: int, kept: int, removed: int) -> None:
    """Up-date and down-date cancel to rounding."""
    before = Moments.of(_unit(seed, kept))
    extra = Moments.of(_unit(seed + 1, removed))
    after = before + extra - extra
    assert after.count == kept
    np.testing.assert_allclose(after.total, before.total, atol=1e-12)
    np.testing.assert_allclose(after.second, before.second, atol=1e-12)


@given(st.integers(0, 2**32), st.integers(2, 60), st.data())
def test_moments_do_not_depend_on_order_or_on_parts(seed: int, count: int, data: st.DataObject) -> None:
    """A set's moments are the sum of its parts', in any order."""
    rows = _unit(seed, count)
    cut = data.draw(st.integers(0, count))
    order = np.random.default_rng(seed).permutation(count)
    whole, parts = Moments.of(rows), Moments.of(rows[order[:cut]]) + Moments.of(rows[order[cut:]])
    assert whole.count == parts.count
    np.testing.assert_allclose(whole.second, parts.second, atol=1e-12)


def test_many_patterns_are_summed_block_by_block_to_the_same_moments() -> None:
    """The blocks in which a large set is summed do not show."""
    rows = _unit(3, 20_000, 4)
    moments = Moments.of(rows)
    np.testing.assert_allclose(moments.second, rows.astype(np.float64).T @ rows.astype(np.float64), rtol=1e-12)
    np.testing.assert_allclose(np.trace(moments.second), 20_000, rtol=1e-6)


def test_the_spread_is_the_mean_standard_deviation_of_cosines() -> None:
    """The closed form equals the variance over all pairs, up to the shrinkage by 20 pseudo-patterns of spread 0.1."""
    rows = _unit(5, 500, 16)
    cosines = rows.astype(np.float64) @ rows.T.astype(np.float64)
    variance = np.mean(cosines.var(axis=1))
    expected = np.sqrt((500 * variance + 20 * 0.01) / 520)
    assert spread(Moments.of(rows)) == pytest.approx(expected, rel=1e-6)


def test_a_store_of_equal_patterns_has_the_spread_of_the_prior() -> None:
    """Without any variance the prior keeps beta finite."""
    rows = np.repeat(_unit(1, 1), 20, axis=0)
    assert spread(Moments.of(rows)) == pytest.approx(np.sqrt(20 * 0.01 / 40), abs=1e-4)
    assert np.isfinite(critical_beta(20, spread(Moments.of(rows))))
