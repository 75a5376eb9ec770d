"""Codes and their bounds, against the rows that they stand for, on every instruction set of this machine."""

import numkong
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent.hopfield.codes import Codes, Probe, bound, products

SEEDS = st.integers(0, 2**32)
DIMENSIONS = st.sampled_from([1, 2, 3, 63, 64, 65, 384, 1536])


def _unit(rng: np.random.Generator, count: int, dimension: int, tail: float = 1.0) -> np.ndarray:
    """Unit rows; the smaller `tail` is, the more a few numbers of each row stand out."""
    rows = rng.standard_normal((count, dimension)) * rng.random((count, dimension)) ** (1 / tail)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@given(seed=SEEDS, count=st.integers(0, 50), dimension=DIMENSIONS, tail=st.floats(0.05, 1))
def test_the_error_of_a_code_is_at_least_its_distance(seed: int, count: int, dimension: int, tail: float) -> None:
    """And not much more."""
    rows = _unit(np.random.default_rng(seed), count, dimension, tail)
    codes = Codes.of(rows)
    distances = np.linalg.norm(rows.astype(np.float64) - codes.restored(), axis=1)
    assert (codes.errors >= distances).all()
    assert (codes.errors <= distances * 1.01 + 1e-6).all()
    assert (np.abs(codes.values.astype(int)) <= 127).all()
    assert codes[np.arange(count)[::2]].values.tolist() == codes.values[::2].tolist()


def test_a_row_of_zeros_is_its_own_code() -> None:
    """Nothing is divided by a scale of nothing."""
    codes = Codes.of(np.zeros((2, 3), dtype=np.float32))
    assert codes.restored().tolist() == [[0, 0, 0], [0, 0, 0]]
    assert products(codes, Probe.of(np.zeros((1, 3)))).tolist() == [[0], [0]]


def _bounds(codes: Codes, queries: np.ndarray, probe: Probe) -> np.ndarray:
    lengths, rests = np.linalg.norm(queries, axis=1), np.linalg.norm(probe.rests, axis=1)
    errors, dimension = codes.errors.astype(np.float64), queries.shape[1]
    columns = [bound(errors, float(y), float(r), dimension) for y, r in zip(lengths, rests, strict=True)]
    return np.stack(columns, axis=1)


@given(seed=SEEDS, count=st.integers(1, 60), dimension=DIMENSIONS, windows=st.integers(1, 6), tail=st.floats(0.05, 1))
def test_no_product_is_off_by_more_than_its_bound(
    seed: int, count: int, dimension: int, windows: int, tail: float
) -> None:
    """Queries of any length, one or many at a time."""
    rng = np.random.default_rng(seed)
    rows = _unit(rng, count, dimension, tail)
    queries = rng.standard_normal((windows, dimension)) * 10.0 ** rng.integers(-3, 4)
    codes, probe = Codes.of(rows), Probe.of(queries)
    exact = rows.astype(np.float64) @ queries.T
    found = products(codes, probe)
    assert (np.abs(found - exact) <= _bounds(codes, queries, probe)).all()
    finer = Probe.of(probe.rests)
    found += products(codes, finer)
    assert (np.abs(found - exact) <= _bounds(codes, queries, finer)).all()
    assert (np.linalg.norm(finer.rests, axis=1) <= 0.01 * np.linalg.norm(probe.rests, axis=1) + 1e-300).all()


@pytest.mark.parametrize("windows", [1, 2, 3, 64])
def test_products_are_sums_of_whole_numbers(windows: int) -> None:
    """Exact, over more rows than a block, in whatever way several queries are multiplied."""
    rng = np.random.default_rng(7)
    values = rng.integers(-127, 128, (40_000, 384), dtype=np.int8)
    scales = rng.random(40_000).astype(np.float32)
    codes = Codes(values, scales, np.zeros(40_000, np.float32))
    probe = Probe.of(rng.standard_normal((windows, 384)))
    sums = values.astype(np.float64) @ probe.values.T.astype(np.float64)
    assert (products(codes, probe) == sums * (scales.astype(np.float64)[:, None] * probe.steps)).all()


@pytest.mark.parametrize("windows", [1, 3])
def test_every_instruction_set_gives_the_same(windows: int) -> None:
    """A machine without vector instructions takes longer, and nothing else."""
    rng = np.random.default_rng(8)
    codes, probe = Codes.of(_unit(rng, 500, 384)), Probe.of(rng.standard_normal((windows, 384)))
    fast = products(codes, probe)
    able = [name for name, there in numkong.get_capabilities().items() if there and name != "serial"]
    for name in able:
        numkong.disable_capability(name)
    try:
        slow = products(codes, probe)
    finally:
        for name in able:
            numkong.enable_capability(name)
    assert slow.tobytes() == fast.tobytes()
