"""How close patterns lie to others: as a loop over the codes has it, of a sample where there are many, once for all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent.hopfield import density
from am_agent.hopfield.density import NEIGHBOURS, Density
from am_agent.hopfield.patterns import PatternSet, PatternView


def _view(seed: int, heights: np.ndarray, *, resident: bool = True) -> PatternView:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((int(heights.sum()), 16)) + rng.standard_normal(16)
    patterns = PatternSet(dimension=16, resident=resident)
    patterns.append((rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), heights)
    return patterns.view()


def _naive(view: PatternView, among: list[int], place: int) -> float:
    """The mean cosine of the first pattern of a place with its nearest among others, by their codes."""
    own = view.openings(np.array([place]))[0]
    cosines = sorted((float(view.openings(np.array([each]))[0] @ own) for each in among if each != place), reverse=True)
    return float(np.mean(cosines[:NEIGHBOURS])) if cosines else 0.0


@given(
    seed=st.integers(0, 2**32),
    heights=st.lists(st.integers(1, 3), min_size=1, max_size=30),
    data=st.data(),
)
def test_it_is_the_mean_over_the_nearest_others(seed: int, heights: list[int], data: st.DataObject) -> None:
    """With several patterns a place, with dead places among them, asked about in any order, also about the dead."""
    count = len(heights)
    alive = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    alive[data.draw(st.integers(0, count - 1))] = True
    view = _view(seed, np.array(heights))
    places = data.draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=12))
    found = Density(view, alive).of(np.array(places))
    living = np.flatnonzero(alive).tolist()
    # A query is two planes of bytes, and no code of one: that is the difference.
    assert found == pytest.approx([_naive(view, living, place) for place in places], abs=1e-3)


def test_what_is_alone_has_none() -> None:
    """The only place, and the only one that is alive; another that is dead has one neighbour."""
    view = _view(1, np.ones(3, np.int64))
    assert Density(_view(1, np.ones(1, np.int64)), np.ones(1, bool)).of(np.array([0])).tolist() == [0.0]
    found = Density(view, np.array([False, True, False])).of(np.array([1, 0]))
    assert found[0] == 0.0
    assert found[1] == pytest.approx(_naive(view, [1], 0), abs=1e-3)


def test_of_many_a_sample_stands_for_all() -> None:
    """Every third of three times as many as are compared, whether or not the place itself is among them."""
    count = 3 * density._SAMPLE + 7
    view = _view(2, np.ones(count, np.int64))
    alive = np.ones(count, bool)
    alive[[0, 4000]] = False
    chosen = np.flatnonzero(alive)[::3].tolist()
    places = np.array([chosen[0], chosen[1] + 1, chosen[-1], count - 1, chosen[700], 4000])
    codes = view.openings(np.array(chosen))
    for place, found in zip(places.tolist(), Density(view, alive).of(places).tolist(), strict=True):
        cosines = codes[[each != place for each in chosen]] @ view.openings(np.array([place]))[0]
        nearest = np.sort(cosines)[::-1][:4]  # a third of ten: three, and a third of the fourth
        assert found == pytest.approx((nearest[:3].sum() + nearest[3] / 3) / (10 / 3), abs=1e-3)


def test_below_twice_a_sample_all_are_compared() -> None:
    """There is no step where a set begins to be sampled: only whole strides leave anything out."""
    count = 2 * density._SAMPLE - 1
    view = _view(3, np.ones(count, np.int64))
    place = np.array([17])
    cosines = np.delete(view.openings(np.arange(count)) @ view.openings(place)[0], 17)
    found = Density(view, np.ones(count, bool)).of(place)
    assert found == pytest.approx([np.sort(cosines)[-NEIGHBOURS:].mean()], abs=1e-3)


def test_codes_alone_say_the_same() -> None:
    """Bit for bit: the patterns themselves take no part."""
    heights, alive, places = np.array([1, 2, 1, 3, 1, 1]), np.ones(6, bool), np.arange(6)
    whole = Density(_view(4, heights), alive).of(places)
    assert whole.tolist() == Density(_view(4, heights, resident=False), alive).of(places).tolist()


def test_threads_find_the_same() -> None:
    """Asked at once for places that overlap, in any order, one answer each."""
    view, alive = _view(5, np.ones(400, np.int64)), np.ones(400, bool)
    expected, shared = Density(view, alive).of(np.arange(400)), Density(view, alive)
    asked = [np.random.default_rng(n).permutation(400)[:60] for n in range(40)]
    with ThreadPoolExecutor(8) as pool:
        for places, found in zip(asked, pool.map(shared.of, asked), strict=True):
            assert found.tolist() == expected[places].tolist()
