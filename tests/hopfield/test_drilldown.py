"""Members of groups that are read for a cue: enough of them, and not many more."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent.hopfield.drilldown import FIRST, drilled
from am_agent.hopfield.grouped import ALONE, GroupedPatterns
from am_agent.hopfield.partition import partition
from am_agent.hopfield.patterns import PatternSet
from am_agent.hopfield.roster import Roster
from am_agent.hopfield.scan import Matches, nearest, scan
from am_agent.hopfield.scope import Scope, best

RANDOM = np.random.default_rng(7)


def _unit(rows: np.ndarray) -> np.ndarray:
    unit: np.ndarray = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


class _Themes:
    """Patterns around centres, in memory as codes, and as the means of those around each centre."""

    def __init__(self, count: int, themes: int, *, alone: int = 0, dimension: int = 64, windows: int = 1) -> None:
        centres = RANDOM.standard_normal((themes, dimension))
        self.groups = np.concatenate([np.arange(count) % themes, np.full(alone, ALONE)])
        noise = RANDOM.standard_normal((count + alone, windows, dimension)) * 0.8
        rows = noise + np.where(self.groups >= 0, 1.0, 0.0)[:, None, None] * centres[self.groups][:, None, :]
        self.rows = _unit(rows.reshape(-1, dimension))
        self.heights = np.full(count + alone, windows)
        self.roster, self.whole, self.few = Roster(), PatternSet(dimension), GroupedPatterns(dimension)
        self.roster.append(range(count + alone))
        self.whole.append(self.rows, self.heights)
        firsts = self.rows[::windows]
        self.few.found({theme: firsts[self.groups == theme].mean(axis=0) for theme in range(themes)})
        self.few.append(self.rows, self.heights, self.groups)
        self.fetched = 0

    def scopes(self) -> tuple[Scope, Scope]:
        """All codes; and means, with what reads the members."""
        split = self.rows.reshape(len(self.groups), -1, self.rows.shape[1])

        def fetch(keys: np.ndarray) -> list[np.ndarray]:
            self.fetched += len(keys)
            return list(split[keys])

        roster = self.roster.view()
        return Scope.of([(roster, self.whole.view())]), Scope.of([(roster, self.few.view())], fetch=fetch)

    def cues(self, count: int) -> np.ndarray:
        """Near to some of the patterns, as cues are."""
        chosen = self.rows[RANDOM.integers(0, len(self.rows), count)]
        return _unit(chosen + 0.1 * RANDOM.standard_normal(chosen.shape)).astype(np.float64)


def _kept(one: Matches, other: Matches, scope: Scope, k: int) -> float:
    first, second = (set(best(scope, each.scores, each.candidates, k).tolist()) for each in (one, other))
    return len(first & second) / k


@pytest.mark.parametrize(("alone", "windows", "lead"), [(0, 1, 0.0), (2000, 1, 0.0), (0, 3, 0.6)])
def test_nearly_all_of_the_best_are_found(alone: int, windows: int, lead: float) -> None:
    """99 of 100 of the exact top 10, by a part of the patterns; scores within their errors, sums in their intervals."""
    themes = _Themes(8000, 100, alone=alone, windows=windows)
    whole, few = themes.scopes()
    kept, read = [], []
    for cue in themes.cues(60):
        one, other = scan(whole, cue[None], 10, lead=lead), scan(few, cue[None], 10, lead=lead)
        kept.append(_kept(one, other, whole, 10))
        assert other.slack is not None
        read.append(int((other.slack == 0).sum()))
        exact = one.asked.exact(whole, np.arange(len(one.scores)))
        assert (np.abs(other.scores - exact) <= other.slack + 1e-12).all()
        unread = np.flatnonzero(other.slack > 0)
        assert exact[unread].max() <= other.ceiling
        for beta in (1.0, 30.0):
            found, true = partition(few, other, beta), float(np.logaddexp.reduce(beta * exact))
            assert found.lowest <= true <= found.highest
            assert found.lowest <= found.log <= found.highest
    assert np.mean(kept) >= 0.99
    assert FIRST <= np.mean(read) < 0.4 * len(themes.groups)


def test_others_are_added_before_anything_is_read() -> None:
    """What another field lifts is read, however far its group is from the cue."""
    themes = _Themes(4000, 50)
    whole, few = themes.scopes()
    others = np.zeros(4000)
    lifted = RANDOM.choice(4000, 10, replace=False)
    others[lifted] = 5.0
    for cue in themes.cues(5):
        found = scan(few, cue[None], 10, others=others)
        assert set(best(few, found.scores, found.candidates, 10).tolist()) == set(lifted.tolist())
        assert found.scores[lifted] == pytest.approx(scan(whole, cue[None], 10, others=others).scores[lifted])


def test_few_are_all_read() -> None:
    """And then everything is as if all had been in memory."""
    themes = _Themes(FIRST, 10)
    whole, few = themes.scopes()
    for cue in themes.cues(5):
        one, other = scan(whole, cue[None], 10), scan(few, cue[None], 10)
        assert other.ceiling == -math.inf
        exact = one.asked.exact(whole, np.arange(FIRST))
        assert other.scores.tobytes() == exact.tobytes()
        sums = partition(few, other, 20.0)
        assert sums.highest - sums.lowest < 1e-6


def test_what_may_not_be_seen_is_not_read() -> None:
    """Nor scored."""
    themes = _Themes(3000, 30)
    _, few = themes.scopes()
    seen = Scope(few.patterns, few.keys, few.keys % 2 == 0, few.bounds, few.fetch)
    found = scan(seen, themes.cues(1), 10)
    assert (found.candidates % 2 == 0).all()
    assert (found.scores[1::2] == -np.inf).all()
    nothing = Scope(few.patterns, few.keys, np.zeros(3000, dtype=np.bool_), few.bounds, few.fetch)
    assert len(scan(nothing, themes.cues(1), 10).candidates) == 0
    assert nearest(nothing, themes.cues(1)).tolist() == [-math.inf]


def test_the_nearest_of_each_query_is_likely_found() -> None:
    """Which is enough to hear the parts of a long cue; never more than is true."""
    themes = _Themes(5000, 60)
    whole, few = themes.scopes()
    cues = themes.cues(40)
    true, found = nearest(whole, cues), nearest(few, cues)
    assert (found <= true + 1e-12).all()
    assert np.mean(np.abs(found - true) < 1e-9) >= 0.95


def test_a_query_of_nothing_reads_by_what_else_there_is() -> None:
    """Where content is not asked for, means lose nothing: the order is that of the others, ties by key."""
    themes = _Themes(3000, 30)
    whole, few = themes.scopes()
    others = (np.arange(3000) % 7 == 0).astype(np.float64)
    nothing = np.zeros((1, 64))
    one, other = scan(whole, nothing, 10, others=others), scan(few, nothing, 10, others=others)
    assert (
        best(few, other.scores, other.candidates, 10).tolist() == best(whole, one.scores, one.candidates, 10).tolist()
    )
    assert other.slack is None


@given(seed=st.integers(0, 2**16), count=st.integers(0, 3000), k=st.integers(1, 20), wide=st.floats(0.01, 2.0))
def test_what_is_read_is_exact_and_the_best_by_code(seed: int, count: int, k: int, wide: float) -> None:
    """Whatever scores are like: no more than there are, from the top of those by code, each read once."""
    rng = np.random.default_rng(seed)
    known = rng.standard_normal(count)
    known[rng.random(count) < 0.1] = -np.inf
    slack = wide * rng.random(count) + 1e-6
    exact = known + slack * rng.uniform(-1, 1, count)
    asked: list[int] = []

    def read(places: np.ndarray) -> np.ndarray:
        asked.extend(places.tolist())
        found: np.ndarray = exact[places]
        return found

    places, scores = drilled(known, slack, k, read)
    assert sorted(asked) == places.tolist()
    assert scores.tobytes() == exact[places].tobytes()
    eligible = np.flatnonzero(known > -np.inf)
    assert len(places) >= min(FIRST, len(eligible))
    left = np.setdiff1d(eligible, places)
    if len(left):
        assert known[left].max() <= known[places].min()
