"""Ids made of what was said: the same in every process, and counts that never come twice, in memory of a fixed size."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent import identity
from am_agent.identity import Occurrences, derived_id

_keys = st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), max_size=60)


def test_an_id_is_a_function_of_its_parts() -> None:
    """It is the same in every version, or a file that is loaded again would be recorded twice."""
    assert derived_id("message", "s1", "m1") == "message-e6ed2c6c5b8f67ada3aec13119fecd0e"
    assert derived_id("item", "s1", "m1") != derived_id("item", "s1m1", "")


@given(_keys)
def test_counts_of_few_keys_are_exact(keys: list[str]) -> None:
    """As long as a file is not huge, the sketch counts as a dictionary does."""
    occurrences = Occurrences()
    assert [occurrences.count(key) for key in keys] == [keys[: place + 1].count(key) for place, key in enumerate(keys)]


@given(keys=_keys)
def test_a_count_never_comes_twice_for_one_key_even_when_counters_are_shared(keys: list[str]) -> None:
    """With fewer counters than keys the counts of each still rise, are never too low, and are the same each time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(identity, "_COLUMNS", 2)
        first, second = Occurrences(), Occurrences()
        counts = [first.count(key) for key in keys]
        assert counts == [second.count(key) for key in keys]
    for key in set(keys):
        mine = [count for each, count in zip(keys, counts, strict=True) if each == key]
        assert mine == sorted(set(mine))
        assert all(count >= place for place, count in enumerate(mine, 1))


def test_the_sketch_does_not_grow() -> None:
    """It is as large after many keys as before the first."""
    occurrences = Occurrences()
    before = [sys.getsizeof(each) for each in vars(occurrences).values()]
    for number in range(2000):
        occurrences.count(str(number))
    assert [sys.getsizeof(each) for each in vars(occurrences).values()] == before
