"""Many cues at once against the same cues one after the other: nothing differs, to the last bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent.hopfield import batch
from am_agent.hopfield.batch import scans
from am_agent.hopfield.mirror import Mirror
from am_agent.hopfield.partition import partition
from am_agent.hopfield.patterns import PatternSet
from am_agent.hopfield.roster import Roster
from am_agent.hopfield.scan import Matches, scan
from am_agent.hopfield.scope import Scope, best


def _scope(rng: np.random.Generator, count: int, sets: int, dimension: int, highest: int, *, mirror: bool) -> Scope:
    """Sets of places with a few patterns each, many of them equal, of which some do not take part."""
    pool = rng.standard_normal((max(count // 2, 1), dimension)).astype(np.float32)
    pool /= np.linalg.norm(pool, axis=1, keepdims=True)
    parts = []
    for number in range(sets):
        keys = range(number, count, sets)
        heights = rng.integers(1, highest + 1, len(keys))
        roster, patterns = Roster(), PatternSet(dimension)
        roster.append(keys)
        patterns.append(pool[rng.integers(0, len(pool), heights.sum())], heights)
        patterns.mirror = Mirror("cpu", least=1) if mirror else None
        parts.append((roster.view(), patterns.view()))
    return Scope.of(parts, allowed=range(0, count, rng.integers(1, 3)))


def _told(scope: Scope, matches: Matches, k: int, beta: float) -> tuple[object, ...]:
    """All that an answer is made of."""
    before = matches.scores.tobytes()
    sums = partition(scope, matches, beta)
    found = best(scope, matches.scores, matches.candidates, k)
    exact = not len(found) or bool(matches.scores[found[-1]] >= matches.ceiling)
    candidates = matches.candidates.tolist()
    return before, found.tolist(), exact, candidates, matches.error, matches.ceiling, sums, matches.scores.tobytes()


@given(
    seed=st.integers(0, 2**32),
    count=st.integers(0, 900),
    sets=st.integers(0, 3),
    dimension=st.sampled_from([3, 40]),
    highest=st.integers(1, 3),
    heights=st.lists(st.integers(1, 3), max_size=12),
    k=st.integers(1, 20),
    lead=st.sampled_from([0.0, 0.6]),
    beta=st.sampled_from([0.5, 20.0]),
    mirror=st.booleans(),
    room=st.sampled_from([1, 2**15, 2**27]),
)
def test_many_cues_find_what_each_finds_alone(
    seed: int,
    count: int,
    sets: int,
    dimension: int,
    highest: int,
    heights: list[int],
    k: int,
    lead: float,
    beta: float,
    mirror: bool,
    room: int,
) -> None:
    """Scores, candidates, bounds and log-sum-exp, in however many passes."""
    rng = np.random.default_rng(seed)
    scope = _scope(rng, count, sets, dimension, highest, mirror=mirror)
    cues = [rng.standard_normal((height, dimension)) * rng.uniform(0.1, 3) for height in heights]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch, "_ROOM", room)
        patch.setattr(batch, "_ROWS", 128)
        together = [_told(scope, each, k, beta) for each in scans(scope, cues, k, lead=lead)]
    assert together == [_told(scope, scan(scope, cue, k, lead=lead), k, beta) for cue in cues]


def test_matches_stay_as_they_are_when_the_next_are_made() -> None:
    """Scores of one cue share no memory with those of another."""
    rng = np.random.default_rng(0)
    scope = _scope(rng, 500, 1, 8, 1, mirror=False)
    cues = list(rng.standard_normal((6, 1, 8)))
    kept = list(scans(scope, cues, 3))
    for each in kept:
        partition(scope, each, 20.0)
        each.scores[:] = 0.0
    assert [each.scores.any() for each in kept] == [False] * 6
    again = next(scans(scope, cues, 3))
    assert again.scores.tobytes() == scan(scope, cues[0], 3).scores.tobytes()
    again.scores[:] = 1.0
    assert [each.scores.any() for each in kept] == [False] * 6


def test_few_passes_read_the_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many cues as there is room for are multiplied together, and no more."""
    scope = _scope(np.random.default_rng(0), 100, 1, 8, 1, mirror=False)
    made: list[int] = []
    products = batch._products

    def counted(*args: object) -> list[np.ndarray]:
        found = products(*args)  # type: ignore[arg-type]
        made.append(len(found))
        return found

    monkeypatch.setattr(batch, "_products", counted)
    monkeypatch.setattr(batch, "_ROOM", 8 * 100 * 5)
    assert len(list(scans(scope, [np.ones((1, 8))] * 12, 3))) == 12
    assert made == [5, 5, 2]
