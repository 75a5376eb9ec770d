"""The moments of a set of patterns: sums, exact under removal, and what is made of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent.hopfield.energy import critical_beta
from am_agent.hopfield.metric import Moments, Tally, metric, scale, spread


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


@given(st.integers(0, 2**32), st.integers(0, 60), st.sampled_from([1, 2, 8, 30]))
def test_the_metric_is_that_of_the_textbook(seed: int, count: int, dimension: int) -> None:
    """Symmetric, between 0 and I, and what two formulas of ridge regression say: over directions and over patterns."""
    rows = _unit(seed, count, dimension)
    own = metric(Moments.of(rows))
    exact, ridge = rows.astype(np.float64), 3.0 * count / dimension + 3.0
    np.testing.assert_array_equal(own, own.T)
    assert np.linalg.eigvalsh(own).min() > 0
    assert np.linalg.eigvalsh(own).max() < 1 + 1e-12
    primal = np.linalg.solve(exact.T @ exact + ridge * np.eye(dimension), ridge * np.eye(dimension))
    np.testing.assert_allclose(own, primal, atol=1e-12)
    dual = np.eye(dimension) - exact.T @ np.linalg.solve(exact @ exact.T + ridge * np.eye(count), exact)
    np.testing.assert_allclose(own, dual, atol=1e-12)


def test_the_metric_discounts_what_many_share() -> None:
    """The direction of a crowd counts less than that of one."""
    rows = np.array([[1, 0, 0]] * 60 + [[0, 1, 0]], dtype=np.float32)
    shared, own, empty = np.diag(metric(Moments.of(rows)))
    ridge = 61 + 3
    assert (shared, own, empty) == pytest.approx((ridge / (60 + ridge), ridge / (1 + ridge), 1.0))


@given(st.integers(0, 2**32), st.integers(0, 40), st.integers(0, 40))
def test_removing_what_was_added_restores_the_metric(seed: int, kept: int, removed: int) -> None:
    """And the scale of any query."""
    before, extra = Moments.of(_unit(seed, kept)), Moments.of(_unit(seed + 1, removed))
    after, query = before + extra - extra, _unit(seed + 2, 1)[0].astype(np.float64)
    np.testing.assert_allclose(metric(after), metric(before), atol=1e-12)
    assert scale(query, after) == pytest.approx(scale(query, before), rel=1e-9)


@given(st.integers(0, 2**32), st.integers(0, 60), st.floats(0.01, 100))
def test_the_scale_is_the_standard_deviation_with_twenty_more(seed: int, count: int, length: float) -> None:
    """Those 20 vary by a tenth of the query's length; and it grows with that length."""
    rows, query = _unit(seed, count), _unit(seed + 1, 1)[0].astype(np.float64)
    products = rows.astype(np.float64) @ query
    variance = float(products.var()) if count else 0.0
    expected = np.sqrt((count * variance + 20 * 0.01 * (query @ query)) / (count + 20))
    assert scale(query, Moments.of(rows)) == pytest.approx(expected)
    assert scale(-length * query, Moments.of(rows)) == pytest.approx(length * expected)


def test_the_scale_of_many_patterns_is_their_own_and_of_few_the_usual_one() -> None:
    """Of patterns along the query, which vary a lot, 20,000 say so and 2 do not."""
    query = np.array([1.0, 0.0])
    rows = np.array([[1, 0], [-1, 0]] * 10_000, dtype=np.float32)
    assert scale(query, Moments.of(rows)) == pytest.approx(1.0, abs=1e-3)
    assert scale(query, Moments.of(rows[:2])) == pytest.approx(np.sqrt((2 + 0.2) / 22))
    assert scale(query, Moments.none(2)) == pytest.approx(0.1)
    assert scale(np.zeros(2), Moments.of(rows)) == 0.0


def test_the_metric_by_halves_is_the_general_inverse() -> None:
    """Of an odd number of dimensions, and of many more than patterns."""
    rng = np.random.default_rng(0)
    for count, dimension in ((5, 97), (700, 385)):
        rows = rng.standard_normal((count, dimension)).astype(np.float32)
        moments = Moments.of(rows / np.linalg.norm(rows, axis=1, keepdims=True))
        ridge = 3 * count / dimension + 3
        expected = np.linalg.inv(moments.second + ridge * np.eye(dimension)) * ridge
        assert metric(moments) == pytest.approx(expected, abs=1e-12)


@given(
    seed=st.integers(0, 2**32),
    steps=st.lists(st.integers(0, 12), max_size=30),
    dimension=st.sampled_from([1, 3, 20]),
)
def test_a_tally_knows_the_spread_without_the_matrix(seed: int, steps: list[int], dimension: int) -> None:
    """Pattern by pattern and in blocks, what it tells is what the moments of all patterns tell; views stay."""
    rng = np.random.default_rng(seed)
    tally, rows = Tally.of(Moments.none(dimension)), np.empty((0, dimension))
    seen: list[tuple[Tally, int, float]] = []
    for step in steps:
        seen.append((tally, len(rows), tally.spread))
        added = rng.standard_normal((step, dimension)) + 0.5
        added /= np.linalg.norm(added, axis=1, keepdims=True)
        tally, rows = tally.plus(added), np.concatenate([rows, added])
    exact = Moments.of(rows)
    assert tally.moments.count == len(rows)
    np.testing.assert_allclose(tally.moments.second, exact.second, atol=1e-12)
    np.testing.assert_allclose(tally.pull, exact.second @ exact.total, atol=1e-9)
    assert tally.spread == pytest.approx(spread(exact), rel=1e-7)
    for before, count, told in seen:
        assert (before.moments.count, before.spread) == (count, told)
        np.testing.assert_allclose(before.moments.total, rows[:count].sum(axis=0), atol=1e-12)
