"""Sets of patterns: their views, their codes and their moments."""

import numpy as np

from am_agent.hopfield.codes import Codes
from am_agent.hopfield.metric import Moments
from am_agent.hopfield.patterns import PatternSet


def _unit(rng: np.random.Generator, count: int, dimension: int) -> np.ndarray:
    rows = rng.standard_normal((count, dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_the_patterns_of_a_place_are_its_own() -> None:
    """Of the first, of the last, and of all as a mask."""
    rows = _unit(np.random.default_rng(4), 6, 3)
    patterns = PatternSet(3)
    patterns.append(rows, np.array([1, 3, 2]))
    view = patterns.view()
    assert view.rows is not None
    np.testing.assert_array_equal(view.rows, rows)
    assert view.rows_of(np.array([1])).tolist() == [1, 2, 3]
    assert view.rows_of(np.array([2, 0])).tolist() == [4, 5, 0]
    assert view.heights().tolist() == [1, 3, 2]
    assert view.heights_of(np.array([2, 0, 2])).tolist() == [2, 1, 2]
    assert view.mask(np.array([True, False, True])).tolist() == [True, False, False, False, True, True]


def test_the_moments_are_those_of_the_codes() -> None:
    """So that they can be taken out again when nothing but the codes is left, also of many patterns at once."""
    rows = _unit(np.random.default_rng(5), 20_000, 4)
    patterns = PatternSet(4, resident=False)
    patterns.append(rows, np.array([10_000, 10_000]))
    expected = Moments.of(Codes.of(rows).restored())
    assert patterns.moments.count == 20_000
    np.testing.assert_allclose(patterns.moments.second, expected.second, rtol=1e-12)
    patterns.discard(np.array([0]))
    left = Moments.of(Codes.of(rows[10_000:]).restored())
    np.testing.assert_allclose(patterns.moments.second, left.second, atol=1e-9)
    assert patterns.view().rows is None


def test_openings_are_first_patterns_as_their_codes_have_them() -> None:
    """One row for each place, within the error of its code."""
    rows = _unit(np.random.default_rng(6), 5, 16)
    patterns = PatternSet(16)
    patterns.append(rows, np.array([2, 3]))
    view = patterns.view()
    openings = view.openings(np.array([1, 0]))
    gaps = np.linalg.norm(openings - rows[[2, 0]], axis=1)
    assert (gaps <= view.codes.errors[[2, 0]]).all()
    assert (gaps > 0).all()
