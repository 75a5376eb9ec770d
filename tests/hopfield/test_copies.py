"""Copies: the same pattern but for rounding counts once, in an order of its own."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from am_agent.hopfield.copies import distinct


def _rows(rng: np.random.Generator, count: int) -> np.ndarray:
    rows = rng.standard_normal((count, 384))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32), count=st.integers(0, 20), times=st.integers(1, 5))
def test_copies_have_one_leader(seed: int, count: int, times: int) -> None:
    """Those that are the same to the bit, and none that is not a copy."""
    rng = np.random.default_rng(seed)
    rows = np.repeat(_rows(rng, count), times, axis=0)
    found = distinct(rows)
    assert len(found.leaders) == count
    assert (rows[found.leaders[found.of]] == rows).all()
    assert sorted(found.leaders.tolist()) == list(range(0, count * times, times))


def test_rounding_makes_no_other_pattern() -> None:
    """Of 3,000 copies of 30 patterns, each of them rounded in its own way, at most one in a thousand stands apart."""
    rng = np.random.default_rng(0)
    rows = np.tile(_rows(rng, 30), (100, 1))
    rows += rng.uniform(-1e-7, 1e-7, rows.shape).astype(np.float32)
    found = distinct(rows)
    assert 30 <= len(found.leaders) <= 33
    assert np.linalg.norm(rows[found.leaders[found.of]] - rows, axis=1).max() < 1e-4


def test_what_is_a_little_apart_is_no_copy() -> None:
    """Though it be in the same cell."""
    rows = np.array([[1, 0], [np.cos(1e-3), np.sin(1e-3)]], np.float32)
    assert len(distinct(rows).leaders) == 2


def test_the_order_is_that_of_the_patterns() -> None:
    """In whatever order they came."""
    rng = np.random.default_rng(1)
    rows = np.tile(_rows(rng, 40), (3, 1))
    order = rng.permutation(len(rows))
    found, turned = distinct(rows), distinct(rows[order])
    assert (rows[found.leaders] == rows[order][turned.leaders]).all()
    assert turned.of.tolist() == found.of[order].tolist()
