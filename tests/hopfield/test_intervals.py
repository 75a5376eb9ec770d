"""Which intervals meet, against a loop over all of them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from am_agent.hopfield.intervals import Intervals

Pairs = list[tuple[int, int]]

PAIRS = st.tuples(st.integers(-9, 9), st.integers(0, 5)).map(lambda pair: (pair[0], pair[0] + pair[1]))
PLACES = st.lists(st.lists(PAIRS, max_size=3), max_size=5)


def _naive(places: list[Pairs], first: int, last: int) -> list[bool]:
    return [any(not (end < first or last < start) for start, end in pairs) for pairs in places]


@given(batches=st.lists(PLACES, max_size=8), data=st.data())
def test_who_meets_is_who_a_loop_finds(batches: list[list[Pairs]], data: st.DataObject) -> None:
    """Whatever the batches and the compactions; and every view keeps showing what it showed."""
    intervals, places, seen = Intervals(), [], []
    for batch in batches:
        intervals.append(batch)
        places = places + batch
        if data.draw(st.integers(0, 3)) == 0:
            kept = data.draw(st.lists(st.booleans(), min_size=len(places), max_size=len(places)))
            intervals.compact(np.array(kept, dtype=bool))
            places = [each for each, stays in zip(places, kept, strict=True) if stays]
        seen.append((intervals.view(), places))
    first, last = data.draw(PAIRS)
    for view, then in seen:
        assert view.size == len(then)
        assert view.meeting(first, last).tolist() == _naive(then, first, last)
        assert view.places.tolist() == sorted(view.places.tolist())


def test_both_ends_belong_to_an_interval() -> None:
    """One that touches meets, one beside it does not, and none meets an interval that ends before it begins."""
    intervals = Intervals()
    intervals.append([[(1990, 1995)]])
    view = intervals.view()
    asked = [(1980, 1989), (1980, 1990), (1992, 1993), (1995, 1995), (1996, 2000), (1980, 2000)]
    assert [view.meeting(*each).tolist() for each in asked] == [[False], [True], [True], [True], [False], [True]]


def test_no_places_meet_nothing() -> None:
    """Nor do places without an interval."""
    intervals = Intervals()
    assert intervals.view().meeting(0, 9).tolist() == []
    intervals.append([])
    intervals.append([[], []])
    assert intervals.view().meeting(0, 9).tolist() == [False, False]
    intervals.compact(np.array([False, True]))
    assert intervals.view().meeting(0, 9).tolist() == [False]
