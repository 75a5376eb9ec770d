"""The exact scan against brute force in float64, and the set of patterns against one that is built afresh."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent.hopfield.roster import Roster, RosterView
from am_agent.hopfield.scan import PatternSet, PatternView, scan


class _Patterns:
    """A roster and its patterns, changed together."""

    def __init__(self, dimension: int, patterns: dict[int, np.ndarray] | None = None) -> None:
        self.roster, self.patterns = Roster(), PatternSet(dimension)
        self.append(patterns or {})

    def append(self, patterns: dict[int, np.ndarray]) -> None:
        self.roster.append(list(patterns))
        self.patterns.append(list(patterns.values()))

    def discard(self, keys: list[int]) -> None:
        places = self.roster.view().places(keys)
        self.patterns.discard(places)
        kept = self.roster.discard(places)
        if kept is not None:
            self.patterns.compact(kept)

    def view(self) -> tuple[RosterView, PatternView]:
        return self.roster.view(), self.patterns.view()


def _unit(rng: np.random.Generator, count: int, dimension: int) -> np.ndarray:
    rows = rng.standard_normal((count, dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _brute(patterns: dict[int, np.ndarray], cues: np.ndarray) -> dict[int, float]:
    return {key: float((rows.astype(np.float64) @ cues.T.astype(np.float64)).max()) for key, rows in patterns.items()}


@given(
    seed=st.integers(0, 2**32),
    count=st.integers(1, 600),
    dimension=st.sampled_from([2, 3, 8, 384]),
    k=st.integers(1, 20),
    windows=st.integers(1, 3),
    distinct=st.integers(1, 50),
)
def test_the_best_are_those_of_brute_force_in_float64(
    seed: int, count: int, dimension: int, k: int, windows: int, distinct: int
) -> None:
    """Order and scores are exact, with several patterns a key, several windows a cue, and many equal patterns."""
    rng = np.random.default_rng(seed)
    pool = _unit(rng, distinct, dimension)  # few different ones, so that ties are common
    patterns = {key: pool[rng.integers(0, distinct, rng.integers(1, 4))] for key in range(10, 10 + count)}
    cues = _unit(rng, windows, dimension)
    stored = _Patterns(dimension, patterns)
    matches = scan([stored.view()], cues, k)
    expected = _brute(patterns, cues)
    scores = dict(zip(matches.keys.tolist(), matches.scores.tolist(), strict=True))
    assert scores.keys() == expected.keys()
    assert max(abs(scores[key] - expected[key]) for key in expected) < 3e-5
    found = matches.keys[matches.best].tolist()
    assert len(found) == min(k, count)
    exact = [scores[key] for key in found]
    assert exact == pytest.approx(sorted(expected.values(), reverse=True)[:k], abs=1e-12)
    assert found == sorted(found, key=lambda key: (-scores[key], key))


def test_equal_patterns_come_in_the_order_of_their_keys() -> None:
    """A thousand equal patterns tie exactly, wherever in the matrix they lie."""
    rng = np.random.default_rng(0)
    one = _unit(rng, 1, 384)
    stored = _Patterns(384, dict.fromkeys(range(1000), one))
    matches = scan([stored.view()], _unit(rng, 1, 384), 7)
    assert matches.keys[matches.best].tolist() == list(range(7))


@given(seed=st.integers(0, 2**32), steps=st.lists(st.integers(0, 9), min_size=1, max_size=40))
def test_a_set_that_grew_and_shrank_equals_one_built_afresh(seed: int, steps: list[int]) -> None:
    """After any appends and discards, keys, scores and moments are those of the keys that are left."""
    rng = np.random.default_rng(seed)
    grown, left, newest = _Patterns(6), {}, 0
    for step in steps:
        if step < 7 or not left:
            added = {newest + place: _unit(rng, int(rng.integers(1, 3)), 6) for place in range(step + 1)}
            newest += len(added)
            grown.append(added)
            left |= added
        else:
            gone = rng.choice(list(left), size=int(rng.integers(1, len(left) + 1)), replace=False).tolist()
            grown.discard([*gone, 10**9])  # an unknown key is ignored
            left = {key: rows for key, rows in left.items() if key not in gone}
    cue = _unit(rng, 1, 6)
    fresh = _Patterns(6, left)
    one, other = scan([grown.view()], cue, 5), scan([fresh.view()], cue, 5)
    assert one.keys.tolist() == other.keys.tolist() == list(left)
    np.testing.assert_array_equal(one.scores, other.scores)
    assert one.best.tolist() == other.best.tolist()
    assert grown.patterns.moments.count == fresh.patterns.moments.count
    np.testing.assert_allclose(grown.patterns.moments.second, fresh.patterns.moments.second, atol=1e-12)


def test_a_view_keeps_what_it_saw() -> None:
    """Appending and discarding after a view was taken does not show in it."""
    rng = np.random.default_rng(1)
    rows = _unit(rng, 300, 4)
    stored = _Patterns(4, {1: rows[:1], 2: rows[1:2], 3: rows[2:3]})
    view = stored.view()
    before = scan([view], rows[:1], 3)
    stored.discard([1, 2])
    stored.append({key: rows[key : key + 1] for key in range(4, 200)})
    after = scan([view], rows[:1], 3)
    assert after.keys.tolist() == before.keys.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(after.scores, before.scores)


def test_excluded_and_allowed_keys_bound_who_takes_part() -> None:
    """What is excluded, or not allowed, has no score at all."""
    rng = np.random.default_rng(2)
    stored = _Patterns(4, {key: _unit(rng, 1, 4) for key in (1, 2, 3, 4)})
    matches = scan([stored.view()], _unit(rng, 1, 4), 9, excluded=[2], allowed=[2, 3, 4, 99])
    assert matches.keys.tolist() == [3, 4]
    assert scan([], _unit(rng, 1, 4), 3).keys.tolist() == []


def test_several_sets_are_scanned_as_one() -> None:
    """Scores of a union are those of its parts, ordered by key across them."""
    rng = np.random.default_rng(3)
    rows, cue = _unit(rng, 6, 5), _unit(rng, 1, 5)
    whole, even, odd = (
        _Patterns(5, {key: rows[key : key + 1] for key in keys}) for keys in (range(6), (0, 2, 4), (1, 3, 5))
    )
    one, two = scan([whole.view()], cue, 6), scan([odd.view(), even.view()], cue, 6)
    assert two.keys.tolist() == list(range(6))
    np.testing.assert_array_equal(one.scores, two.scores)
    assert one.best.tolist() == two.best.tolist()
