"""The roster against a plain set, and when it compacts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent.hopfield.roster import Roster


@given(st.lists(st.tuples(st.integers(0, 5), st.sets(st.integers(0, 60), max_size=8)), max_size=30))
def test_the_living_keys_are_those_of_a_set(steps: list[tuple[int, set[int]]]) -> None:
    """After any appends and discards; what follows the masks stays aligned, and old views stay as they are."""
    roster, column, living, newest, seen = Roster(), np.empty(0, dtype=np.int64), set(), 0, []
    for count, gone in steps:
        keys = list(range(newest, newest + 2 * count, 2))
        newest += 2 * count
        roster.append(keys)
        column = np.append(column, keys)
        kept = roster.discard(roster.view().places(gone))
        if kept is not None:
            column = column[kept]
        living = living.union(keys) - gone
        view = roster.view()
        assert view.keys.tolist() == column.tolist()
        assert view.keys[view.alive].tolist() == sorted(living)
        assert view.places(range(newest + 2)).tolist() == np.flatnonzero(view.alive).tolist()
        assert 4 * len(living) >= 3 * len(view.keys)
        seen.append((view, view.keys.tolist(), view.alive.tolist()))
    assert all((view.keys.tolist(), view.alive.tolist()) == (keys, alive) for view, keys, alive in seen)


def test_it_compacts_when_more_than_a_quarter_is_dead() -> None:
    """A quarter may be dead; with one more, all the dead leave."""
    roster = Roster()
    roster.append([3, 5, 7, 9])
    assert roster.discard(np.array([1])) is None
    assert roster.view().alive.tolist() == [True, False, True, True]
    kept = roster.discard(np.array([3]))
    assert kept is not None
    assert kept.tolist() == [True, False, True, False]
    assert roster.view().keys.tolist() == [3, 7]


def test_keys_must_ascend() -> None:
    """The order of recording is the order of the keys, so a key from the past is refused with the numbers."""
    roster = Roster()
    roster.append([5])
    with pytest.raises(ValueError, match="above 5"):
        roster.append([5])
    with pytest.raises(ValueError, match="above 5"):
        roster.append([7, 6])
    assert roster.view().keys.tolist() == [5]
