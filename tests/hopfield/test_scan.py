"""The certified scan against brute force in float64, with the patterns in memory and with their codes alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent.hopfield.energy import log_partition
from am_agent.hopfield.partition import partition
from am_agent.hopfield.patterns import PatternSet, PatternView
from am_agent.hopfield.roster import Roster, RosterView
from am_agent.hopfield.scan import Matches, nearest, scan
from am_agent.hopfield.scope import Scope, best, rescored


class _Patterns:
    """A roster and its patterns, changed together."""

    def __init__(self, dimension: int, patterns: dict[int, np.ndarray] | None = None, *, resident: bool = True) -> None:
        self.roster, self.patterns = Roster(), PatternSet(dimension, resident=resident)
        self.append(patterns or {})

    def append(self, patterns: dict[int, np.ndarray]) -> None:
        self.roster.append(list(patterns))
        rows = list(patterns.values())
        if rows:
            self.patterns.append(np.concatenate(rows), np.array([len(each) for each in rows]))

    def discard(self, keys: list[int]) -> None:
        places = self.roster.view().places(keys)
        self.patterns.discard(places)
        kept = self.roster.discard(places)
        if kept is not None:
            self.patterns.compact(kept)

    def view(self) -> tuple[RosterView, PatternView]:
        return self.roster.view(), self.patterns.view()


def _unit(rng: np.random.Generator, count: int, dimension: int) -> np.ndarray:
    return _normed(rng.standard_normal((count, dimension)))


def _normed(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _queries(rng: np.random.Generator, count: int, dimension: int) -> np.ndarray:
    """Of any length, as those are that a metric made."""
    return rng.standard_normal((count, dimension)) * rng.uniform(0.01, 10)


def _brute(patterns: dict[int, np.ndarray], queries: np.ndarray, lead: float = 0.0) -> dict[int, float]:
    found = {}
    for key, rows in patterns.items():
        products = rows.astype(np.float64) @ queries.T
        found[key] = float(((1 - lead) * products.max(axis=0) + lead * products[0]).max())
    return found


def _scores(scope: Scope, matches: Matches) -> dict[int, float]:
    """Of the keys that take part."""
    assert (matches.scores[~scope.eligible] == -np.inf).all()
    return dict(zip(scope.keys[scope.eligible].tolist(), matches.scores[scope.eligible].tolist(), strict=True))


def _best(scope: Scope, matches: Matches, k: int) -> list[int]:
    return scope.keys[best(scope, matches.scores, matches.candidates, k)].tolist()


SEEDS = st.integers(0, 2**32)
LEADS = st.sampled_from([0.0, 0.3, 0.6, 1.0])


@given(
    seed=SEEDS,
    count=st.integers(1, 600),
    dimension=st.sampled_from([2, 3, 8, 384]),
    k=st.integers(1, 20),
    windows=st.integers(1, 3),
    distinct=st.integers(1, 50),
    lead=LEADS,
)
def test_the_best_are_those_of_brute_force_in_float64(
    seed: int, count: int, dimension: int, k: int, windows: int, distinct: int, lead: float
) -> None:
    """Order and scores are exact, with several patterns a key, several windows a cue, and many equal patterns."""
    rng = np.random.default_rng(seed)
    pool = _unit(rng, distinct, dimension)  # few different ones, so that ties are common
    patterns = {key: pool[rng.integers(0, distinct, rng.integers(1, 4))] for key in range(10, 10 + count)}
    queries = _queries(rng, windows, dimension)
    scope = Scope.of([_Patterns(dimension, patterns).view()])
    matches = scan(scope, queries, k, lead=lead)
    expected, scores = _brute(patterns, queries, lead), _scores(scope, matches)
    length = float(np.linalg.norm(queries, axis=1).max())
    assert scores.keys() == expected.keys()
    assert max(abs(scores[key] - expected[key]) for key in expected) <= matches.error < 0.05 * length
    exact = scope.keys[matches.candidates].tolist()
    assert exact == sorted(exact)
    assert [scores[key] for key in exact] == pytest.approx([expected[key] for key in exact], abs=1e-12 * length)
    found = _best(scope, matches, k)
    assert len(found) == min(k, count)
    top = sorted(expected.values(), reverse=True)[:k]
    assert [scores[key] for key in found] == pytest.approx(top, abs=1e-12 * length)
    assert found == sorted(found, key=lambda key: (-scores[key], key))


@given(
    seed=SEEDS,
    count=st.integers(1, 600),
    sets=st.integers(1, 4),
    k=st.integers(1, 300),
    windows=st.integers(1, 2),
    lead=LEADS,
    noise=st.sampled_from([1e-7, 1e-6, 1.0]),
    given_by_others=st.sampled_from([None, 1e-7, 1.0]),
    dead=st.floats(0, 1),
)
def test_the_best_are_those_of_a_full_evaluation(
    seed: int,
    count: int,
    sets: int,
    k: int,
    windows: int,
    lead: float,
    noise: float,
    given_by_others: float | None,
    dead: float,
) -> None:
    """To the last bit, though hundreds are as good within the rounding of float32; and whatever other fields give."""
    rng = np.random.default_rng(seed)
    pool = _normed(_unit(rng, 1, 16) + noise * rng.standard_normal((count, 16)))
    patterns = {key: pool[rng.integers(0, count, rng.integers(1, 4))] for key in range(count)}
    owners = rng.integers(0, sets, count)
    parts = [_Patterns(16, {key: patterns[key] for key in range(count) if owners[key] == each}) for each in range(sets)]
    gone = np.flatnonzero(rng.random(count) < dead).tolist()
    for part in parts:
        part.discard(gone)
    scope = Scope.of([part.view() for part in parts], allowed=range(0, count + 5, rng.integers(1, 3)))
    queries = _queries(rng, windows, 16)
    others = None if given_by_others is None else rng.standard_normal(len(scope.keys)) * given_by_others
    matches = scan(scope, queries, k, lead=lead, others=others)
    everyone = np.flatnonzero(scope.eligible)
    full = np.full(len(scope.keys), -np.inf)
    full[everyone] = rescored(scope, everyone, queries, lead=lead) + (0 if others is None else others[everyone])
    assert best(scope, matches.scores, matches.candidates, k).tolist() == best(scope, full, everyone, k).tolist()
    assert matches.scores[matches.candidates].tolist() == full[matches.candidates].tolist()
    assert len(matches.candidates) >= min(len(everyone), max(k, 200))
    assert (matches.scores[~scope.eligible] == -np.inf).all()
    assert (np.abs(matches.scores[everyone] - full[everyone]) <= matches.error).all()
    rest = np.setdiff1d(everyone, matches.candidates)
    assert (full[rest] < matches.ceiling).all()
    for beta in (0.1, 4.0, 1e4):
        found = partition(scope, matches, beta)
        exact = log_partition(full[None, :], beta)[0]
        assert found.lowest <= exact <= found.highest
        assert found.lowest <= found.log <= found.highest


@given(seed=SEEDS, count=st.integers(1, 400), windows=st.integers(1, 4), lead=LEADS, dead=st.floats(0, 1))
def test_codes_alone_answer_as_codes_with_their_patterns_do(
    seed: int, count: int, windows: int, lead: float, dead: float
) -> None:
    """The patterns that an answer needs are fetched; scores, candidates and moments are the same to the last bit."""
    rng = np.random.default_rng(seed)
    patterns = {key: _unit(rng, int(rng.integers(1, 4)), 12) for key in range(count)}
    gone = np.flatnonzero(rng.random(count) < dead).tolist()
    queries, fetched = _queries(rng, windows, 12), []

    def fetch(keys: np.ndarray) -> list[np.ndarray]:
        fetched.extend(keys.tolist())
        return [patterns[key] for key in keys.tolist()]

    scopes, moments = [], []
    for resident in (True, False):
        stored = _Patterns(12, patterns, resident=resident)
        stored.discard(gone)
        assert (stored.patterns.view().rows is None) is not resident
        scopes.append(Scope.of([stored.view()], fetch=fetch))
        moments.append(stored.patterns.moments)
    one, other = (scan(scope, queries, 5, lead=lead) for scope in scopes)
    assert one.scores.tobytes() == other.scores.tobytes()
    assert one.candidates.tolist() == other.candidates.tolist()
    assert (one.error, one.ceiling) == (other.error, other.ceiling)
    assert not set(fetched) & set(gone)
    assert set(fetched) == set(scopes[1].keys[other.candidates].tolist())
    assert moments[0].second.tobytes() == moments[1].second.tobytes()
    assert nearest(scopes[0], queries).tolist() == nearest(scopes[1], queries).tolist()


def test_codes_alone_have_no_patterns_to_score_exactly() -> None:
    """A scope of codes that is not told where the patterns are says so."""
    stored = _Patterns(2, {1: np.eye(2, dtype=np.float32)[:1]}, resident=False)
    with pytest.raises(ValueError, match="give the scope a `fetch`"):
        scan(Scope.of([stored.view()]), np.ones((1, 2)), 1)


@given(seed=SEEDS, count=st.integers(0, 300), windows=st.integers(1, 5), allowed=st.booleans())
def test_the_nearest_is_that_of_brute_force(seed: int, count: int, windows: int, allowed: bool) -> None:
    """The greatest product of each query with any pattern that takes part, exactly."""
    rng = np.random.default_rng(seed)
    patterns = {key: _unit(rng, int(rng.integers(1, 4)), 7) for key in range(count)}
    parts = [_Patterns(7, {key: rows for key, rows in patterns.items() if key % 2 == odd}) for odd in (0, 1)]
    scope = Scope.of([part.view() for part in parts], allowed=range(0, count, 3) if allowed else None)
    queries = _queries(rng, windows, 7)
    seen = [rows for key, rows in patterns.items() if not allowed or key % 3 == 0]
    expected = [max((float((rows.astype(np.float64) @ y).max()) for rows in seen), default=-np.inf) for y in queries]
    assert nearest(scope, queries).tolist() == pytest.approx(expected, abs=1e-12 * np.abs(queries).sum())


def test_a_close_race_is_decided_by_the_patterns_themselves() -> None:
    """Ten thousand patterns whose codes are all the same: the order is that of their last bits."""
    rng = np.random.default_rng(5)
    near = np.zeros((10_000, 8), dtype=np.float32)
    near[:, 0] = 1
    near[:, 1] = rng.permutation(10_000) * np.float32(1e-8)
    stored = _Patterns(8, {key: near[key : key + 1] for key in range(len(near))})
    assert len(np.unique(stored.patterns.view().codes.values, axis=0)) == 1
    scope = Scope.of([stored.view()])
    found = _best(scope, scan(scope, np.eye(8)[1:2], 20), 20)
    assert found == np.argsort(-near[:, 1], kind="stable")[:20].tolist()


def test_an_opening_that_leads_counts_beside_the_best_part() -> None:
    """Of two keys with the same patterns, the one that opens with what is asked for is the better."""
    east, north = np.eye(2, dtype=np.float32)
    stored = _Patterns(2, {1: np.stack([north, east]), 2: np.stack([east, north]), 3: east[None, :]})
    scope, query = Scope.of([stored.view()]), np.array([[0.6, 0.8]])
    assert _scores(scope, scan(scope, query, 3)) == pytest.approx({1: 0.8, 2: 0.8, 3: 0.6})
    led = scan(scope, query, 3, lead=0.25)
    assert _scores(scope, led) == pytest.approx({1: 0.8, 2: 0.75 * 0.8 + 0.25 * 0.6, 3: 0.6})
    assert _best(scope, led, 3) == [1, 2, 3]


def test_equal_patterns_come_in_the_order_of_their_keys() -> None:
    """A thousand equal patterns tie exactly, wherever in the matrix they lie."""
    rng = np.random.default_rng(0)
    one = _unit(rng, 1, 384)
    scope = Scope.of([_Patterns(384, dict.fromkeys(range(1000), one)).view()])
    matches = scan(scope, _queries(rng, 1, 384), 7, lead=0.6)
    assert _best(scope, matches, 7) == list(range(7))


@given(seed=SEEDS, steps=st.lists(st.integers(0, 9), min_size=1, max_size=40))
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
    query = _queries(rng, 1, 6)
    fresh = _Patterns(6, left)
    scopes = [Scope.of([each.view()]) for each in (grown, fresh)]
    one, other = (scan(scope, query, 5, lead=0.6) for scope in scopes)
    assert list(_scores(scopes[0], one)) == list(_scores(scopes[1], other)) == list(left)
    assert _scores(scopes[0], one) == pytest.approx(_scores(scopes[1], other), abs=1e-12)
    assert _best(scopes[0], one, 5) == _best(scopes[1], other, 5)
    assert grown.patterns.moments.count == fresh.patterns.moments.count
    np.testing.assert_allclose(grown.patterns.moments.second, fresh.patterns.moments.second, atol=1e-12)


def test_a_view_keeps_what_it_saw() -> None:
    """Appending and discarding after a view was taken does not show in it, nor in a scope of it."""
    rng = np.random.default_rng(1)
    rows = _unit(rng, 300, 4)
    stored = _Patterns(4, {1: rows[:1], 2: rows[1:2], 3: rows[2:3]})
    view = stored.view()
    scope = Scope.of([view])
    before = scan(scope, rows[:1].astype(np.float64), 3)
    stored.discard([1, 2])
    stored.append({key: rows[key : key + 1] for key in range(4, 200)})
    for later in (scope, Scope.of([view])):
        after = scan(later, rows[:1].astype(np.float64), 3)
        assert list(_scores(later, after)) == [1, 2, 3]
        np.testing.assert_array_equal(after.scores, before.scores)


def test_excluded_and_allowed_keys_bound_who_takes_part() -> None:
    """What is excluded, or not allowed, has no score at all; and the roster is left as it is."""
    rng = np.random.default_rng(2)
    parts = [_Patterns(4, {key: _unit(rng, 1, 4) for key in keys}) for keys in ((1, 2, 3, 4), (5, 6))]
    views, query = [part.view() for part in parts], _queries(rng, 1, 4)
    excluded = [np.array([1]), np.array([], dtype=np.int64)]
    scope = Scope.of(views, excluded=excluded, allowed=[2, 3, 4, 6, 99])
    matches = scan(scope, query, 9)
    assert list(_scores(scope, matches)) == [3, 4, 6]
    assert sorted(_best(scope, matches, 9)) == [3, 4, 6]
    alone = Scope.of(views[:1], excluded=[np.array([0, 1])])
    assert list(_scores(alone, scan(alone, query, 9))) == [3, 4]
    assert views[0][0].alive.all()
    nobody = Scope.of(views, allowed=[])
    assert _best(nobody, scan(nobody, query, 9), 9) == []


def test_nothing_is_found_in_nothing() -> None:
    """No set, and a set without a place."""
    query = np.ones((1, 4))
    for parts in ([], [_Patterns(4).view()], [_Patterns(4).view(), _Patterns(4).view()]):
        scope = Scope.of(parts)
        matches = scan(scope, query, 3, lead=0.6, others=np.empty(0))
        assert matches.scores.tolist() == matches.candidates.tolist() == _best(scope, matches, 3) == []
        assert rescored(scope, matches.candidates, query).tolist() == []


def test_several_sets_are_scanned_as_one() -> None:
    """Scores of a union are those of its parts, ordered by key across them."""
    rng = np.random.default_rng(3)
    rows, query = _unit(rng, 6, 5), _queries(rng, 1, 5)
    rows[4] = rows[1]  # a tie across the parts
    whole, even, odd = (
        _Patterns(5, {key: rows[key : key + 1] for key in keys}) for keys in (range(6), (0, 2, 4), (1, 3, 5))
    )
    one, two = Scope.of([whole.view()]), Scope.of([odd.view(), even.view()])
    matches = [scan(scope, query, 6) for scope in (one, two)]
    assert two.keys.tolist() == [1, 3, 5, 0, 2, 4]
    assert _scores(one, matches[0]) == _scores(two, matches[1])
    assert _best(one, matches[0], 6) == _best(two, matches[1], 6)


def test_positions_are_split_by_set() -> None:
    """Each set is asked for its own places, in the order in which they were given; an empty one is not asked."""
    parts = [_Patterns(2, {key: np.ones((1, 2)) for key in keys}) for keys in ((1, 2), (), (3, 4, 5))]
    scope = Scope.of([part.view() for part in parts])
    assert scope.bounds.tolist() == [0, 2, 2, 5]
    found = [(number, places.tolist(), own.tolist()) for number, places, own in scope.split(np.array([4, 1, 2]))]
    assert found == [(0, [1], [False, True, False]), (2, [2, 0], [True, False, True])]
