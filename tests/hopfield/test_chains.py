"""The chains of sessions against sorted lists."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent.hopfield.chains import Chains, ChainView

Place = tuple[int, int, int]  # session, time, first

PLACES = st.tuples(st.integers(-1, 3), st.integers(0, 5), st.integers(0, 9))
BATCHES = st.lists(st.lists(PLACES, max_size=5), min_size=1, max_size=12)


def _naive(places: list[Place], alive: list[bool], reach: int) -> list[list[int]]:
    """The neighbours of every place, dead or alive, from one sorted list for each."""
    found = []
    for at, (session, _, _) in enumerate(places):
        here = [
            (other[1:], place)
            for place, other in enumerate(places)
            if other[0] == session >= 0 and (alive[place] or place == at)
        ]
        order = [place for _, place in sorted(here)]
        middle = order.index(at) if session >= 0 else 0
        before, after = order[:middle][::-1][:reach], order[middle + 1 :][:reach]
        found.append([side[step] if step < len(side) else -1 for side in (before, after) for step in range(reach)])
    return found


def _append(chains: Chains, batch: list[Place]) -> None:
    chains.append([each[0] for each in batch], [each[1] for each in batch], [each[2] for each in batch])


def _neighbours(view: ChainView, alive: list[bool], reach: int) -> list[list[int]]:
    return view.neighbours(np.arange(len(alive)), np.array(alive, dtype=bool), reach).tolist()


@given(batches=BATCHES, reach=st.integers(1, 3), data=st.data())
def test_neighbours_are_those_of_sorted_lists(batches: list[list[Place]], reach: int, data: st.DataObject) -> None:
    """Whatever the batches, the dead and the compactions; and every view keeps showing what it showed."""
    chains, places, alive, seen = Chains(), [], [], []
    for batch in batches:
        _append(chains, batch)
        places, alive = places + batch, alive + [True] * len(batch)
        for place in data.draw(st.sets(st.integers(0, len(places) - 1), max_size=3)) if places else ():
            alive[place] = False
        if data.draw(st.integers(0, 4)) == 0:
            chains.compact(np.array(alive, dtype=bool))
            places, alive = [each for each, living in zip(places, alive, strict=True) if living], [True] * sum(alive)
        seen.append((chains.view(), list(alive), _naive(places, alive, reach)))
    for view, then, expected in seen:
        assert _neighbours(view, then, reach) == expected


@given(BATCHES)
def test_one_at_a_time_and_in_bulk_make_the_same_chains(batches: list[list[Place]]) -> None:
    """How places were batched leaves no trace."""
    single, bulk, places = Chains(), Chains(), [each for batch in batches for each in batch]
    for each in places:
        _append(single, [each])
    _append(bulk, places)
    assert single.view().prev.tolist() == bulk.view().prev.tolist()
    assert single.view().next.tolist() == bulk.view().next.tolist()


def test_appending_at_the_end_copies_nothing_and_an_older_view_does_not_see_it() -> None:
    """The link to the new place is written where the view looks, and is none to it."""
    chains = Chains()
    _append(chains, [(0, 1, 0), (0, 2, 1)])
    before = chains.view()
    _append(chains, [(0, 3, 2)])
    after = chains.view()
    assert np.shares_memory(before.next, after.next)
    assert _neighbours(before, [True, True], 2) == [[-1, -1, 1, -1], [0, -1, -1, -1]]
    assert _neighbours(after, [True] * 3, 2) == [[-1, -1, 1, 2], [0, -1, 2, -1], [1, 0, -1, -1]]


def test_inserting_in_the_middle_copies_and_an_older_view_stays() -> None:
    """A late place is linked in arrays of its own."""
    chains = Chains()
    _append(chains, [(0, 1, 0), (0, 5, 1)])
    before = chains.view()
    _append(chains, [(0, 3, 2)])
    assert not np.shares_memory(before.next, chains.view().next)
    assert _neighbours(before, [True, True], 1) == [[-1, 1], [0, -1]]
    assert _neighbours(chains.view(), [True] * 3, 1) == [[-1, 2], [2, -1], [0, 1]]


def test_a_newer_version_takes_the_place_of_the_older() -> None:
    """Equal in time and first, it lies beside the dead one, before what came after that at the same time."""
    chains = Chains()
    _append(chains, [(0, 1, 10), (0, 1, 11), (0, 1, 12)])
    _append(chains, [(0, 1, 11)])
    alive = [True, False, True, True]
    assert _neighbours(chains.view(), alive, 2) == [[-1, -1, 3, 2], [0, -1, 3, 2], [3, 0, -1, -1], [0, -1, 2, -1]]


@pytest.mark.parametrize("places", [[], [1]])
def test_few_places_or_none(places: list[int]) -> None:
    """No places have no neighbours, and a place without a session has none either."""
    chains = Chains()
    empty = chains.view().neighbours(np.empty(0, dtype=np.int64), np.empty(0, dtype=bool), 2)
    assert empty.shape == (0, 4)
    _append(chains, [(-1, 1, 0), (-1, 2, 1)])
    found = chains.view().neighbours(np.array(places, dtype=np.int64), np.ones(2, dtype=bool), 2)
    assert found.tolist() == [[-1] * 4] * len(places)
