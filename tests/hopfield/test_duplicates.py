"""Near-duplicates: each with each, small for both and for the set, and in the same order merged."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from am_agent.hopfield.duplicates import near_duplicates
from am_agent.hopfield.neighbours import neighbours

SEEDS = st.integers(0, 2**32)


def _rows(seed: int, groups: int, each: int, spread: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows = np.repeat(rng.standard_normal((groups, 12)), each, axis=0)
    rows = rows + spread * rng.standard_normal(rows.shape) * rng.random((len(rows), 1))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _distances(rows: np.ndarray) -> np.ndarray:
    return np.linalg.norm(rows[:, None].astype(np.float64) - rows[None].astype(np.float64), axis=2)


def test_what_is_said_twice_is_found() -> None:
    """Ten things, each of them said three times in nearly the same words."""
    rows = _rows(1, 10, 3, 0.02)
    assert near_duplicates(neighbours(rows, 16), 5).tolist() == np.repeat(np.arange(10), 3).tolist()


def test_of_unrelated_things_none_is() -> None:
    """However few there are."""
    for count in (0, 1, 2, 3, 5, 30):
        rows = _rows(2, count, 1, 0.0)
        assert near_duplicates(neighbours(rows, 16), 5).tolist() == list(range(count))


@settings(max_examples=30)
@given(seed=SEEDS, spread=st.floats(0.01, 1.0))
def test_every_pair_of_a_group_is_near(seed: int, spread: float) -> None:
    """For both of them, and for the set; and no two groups could be merged."""
    rows, k = _rows(seed, 12, 4, spread), 6
    apart = _distances(rows)
    kth = np.sort(apart, axis=1)[:, k]
    reach = np.minimum(0.6 * kth, 0.5 * np.quantile(kth, 0.25))
    near = apart <= np.minimum(reach[:, None], reach[None]) + 1e-6
    labels = near_duplicates(neighbours(rows, 16), k)
    for label in range(labels.max() + 1):
        members = np.flatnonzero(labels == label)
        assert near[np.ix_(members, members)].all()
    surely = apart <= np.minimum(reach[:, None], reach[None]) - 1e-6
    for one in range(labels.max() + 1):
        for other in range(one):
            assert not surely[np.ix_(labels == one, labels == other)].all()


@settings(max_examples=20)
@given(seed=SEEDS, floor=st.floats(0.5, 0.99))
def test_a_given_similarity_holds_for_every_pair(seed: int, floor: float) -> None:
    """Whatever the distances to others are."""
    rows = _rows(seed, 12, 4, 0.5)
    labels = near_duplicates(neighbours(rows, 47), 6, floor=floor)
    scores = rows.astype(np.float64) @ rows.T.astype(np.float64)
    same = labels[:, None] == labels[None]
    np.fill_diagonal(same, False)
    assert (scores[same] >= floor - 1e-12).all()


def test_a_chain_is_not_a_group() -> None:
    """Each is near the next, but not near the one after that."""
    angles = np.concatenate([[0, 0.18, 0.4, 0.58, 0.8, 0.98], np.pi + np.arange(20) * 0.1])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    labels = near_duplicates(neighbours(rows, 25), 5, floor=float(np.cos(0.25)))
    assert labels[:6].tolist() == [0, 0, 1, 1, 2, 2]
