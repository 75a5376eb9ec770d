"""The nearest neighbours, against all products in float64."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import am_agent.hopfield.neighbours as module
from am_agent.hopfield.neighbours import Neighbours, extended, neighbours

SEEDS = st.integers(0, 2**32)


def _rows(seed: int, count: int, dimension: int = 8, copies: int = 0) -> np.ndarray:
    """Unit rows, some of them twice."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((count, dimension)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return np.concatenate([rows, rows[rng.integers(0, max(count, 1), copies if count else 0)]])


def _naive(rows: np.ndarray, k: int) -> np.ndarray:
    """By products in whole multiples of 1e-12, so that equal ones are equal however they are summed."""
    scores = np.round(rows.astype(np.float64) @ rows.T.astype(np.float64), 12)
    np.fill_diagonal(scores, -np.inf)
    found = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    found[np.take_along_axis(scores, found, 1) == -np.inf] = -1
    return found


@settings(max_examples=40)
@given(seed=SEEDS, count=st.integers(1, 60), copies=st.integers(0, 20), k=st.integers(1, 12))
def test_they_are_those_of_all_products(seed: int, count: int, copies: int, k: int) -> None:
    """In their order, and where there are too few, none."""
    rows = _rows(seed, count, copies=copies)
    found = neighbours(rows, k)
    there = found.places >= 0
    exact = np.round(found.similarities, 12)
    scores = np.round(rows.astype(np.float64) @ rows.T.astype(np.float64), 12)
    expected = _naive(rows, k)
    width = expected.shape[1]
    assert there.sum(axis=1).tolist() == [min(k, len(rows) - 1)] * len(rows)
    lines = np.arange(len(rows))[:, None]
    same = np.where(there[:, :width], exact[:, :width] == scores[lines, np.maximum(expected, 0)], expected < 0)
    assert same.all()
    assert (found.places != lines).all()
    assert (found.similarities[~there] == -np.inf).all()


def test_it_is_the_same_in_many_blocks(monkeypatch) -> None:
    """Of rows, of columns and of pairs."""
    rows = _rows(5, 300, dimension=33, copies=40)
    whole = neighbours(rows, 7)
    for name, size in (("_ROWS", 37), ("_COLUMNS", 41), ("_PAIRS", 11)):
        monkeypatch.setattr(module, name, size)
    parts = neighbours(rows, 7)
    assert parts.places.tolist() == whole.places.tolist()
    assert parts.similarities.tolist() == whole.similarities.tolist()


def test_it_is_the_same_in_another_order() -> None:
    """Where no two are equally near."""
    rows = _rows(6, 200, dimension=24)
    order = np.random.default_rng(1).permutation(len(rows))
    found, turned = neighbours(rows, 5), neighbours(rows[order], 5)
    assert order[turned.places].tolist() == found.places[order].tolist()
    assert turned.similarities.tolist() == found.similarities[order].tolist()


@settings(max_examples=30)
@given(seed=SEEDS, count=st.integers(2, 60), k=st.integers(1, 9), data=st.data())
def test_what_was_known_is_extended_to_the_same(seed: int, count: int, k: int, data: st.DataObject) -> None:
    """After some patterns came and some went."""
    rows = _rows(seed, count)
    old = np.array(sorted(data.draw(st.sets(st.integers(0, count - 1), min_size=1))))
    kept = np.array(sorted(data.draw(st.sets(st.sampled_from(old.tolist()), min_size=1))))
    today = np.array(sorted({*kept.tolist(), *(set(range(count)) - set(old.tolist()))}))
    place = np.full(count + 1, -1)
    place[today] = np.arange(len(today))
    before = neighbours(rows[old], k)
    places = np.where(before.places >= 0, place[old[before.places]], -1)
    lost = ((places < 0) & (before.places >= 0)).any(axis=1) | (place[old] < 0)
    known = Neighbours(np.full((len(today), k), -1, np.int32), np.full((len(today), k), -np.inf))
    stale = np.ones(len(today), np.bool_)
    rest = place[old[~lost]]
    known.places[rest], known.similarities[rest], stale[rest] = places[~lost], before.similarities[~lost], False
    found, anew = extended(rows[today], known, stale), neighbours(rows[today], k)
    assert found.places.tolist() == anew.places.tolist()
    assert found.similarities.tolist() == anew.similarities.tolist()


def test_progress_ends_at_one() -> None:
    """And never falls."""
    seen: list[float] = []
    neighbours(_rows(1, 1200), 3, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
