"""Bonds against sets of pairs."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from am_agent.hopfield.bonds import Bonds, BondsView

Place = tuple[int, int, list[int]]  # key, name, targets

BATCHES = st.lists(
    st.lists(st.tuples(st.booleans(), st.integers(0, 99), st.lists(st.integers(0, 99), max_size=3)), max_size=5),
    min_size=1,
    max_size=12,
)


def _naive(places: list[Place], alive: list[bool]) -> list[list[int]]:
    """What every place is bound to, dead or alive, from all pairs."""
    return [
        [
            other
            for other, (_, name, targets) in enumerate(places)
            if other != at and alive[other] and (places[at][1] in targets or name in places[at][2])
        ]
        for at in range(len(places))
    ]


def _neighbours(view: BondsView, places: list[Place], alive: list[bool]) -> list[list[int]]:
    keys = np.array([key for key, _, _ in places], dtype=np.int64)
    rows, others = view.neighbours(np.arange(len(places)), keys, np.array(alive, dtype=bool))
    assert rows.dtype == others.dtype == np.int64
    return [others[rows == at].tolist() for at in range(len(places))]


def _append(bonds: Bonds, batch: list[Place]) -> None:
    bonds.append([each[0] for each in batch], [each[1] for each in batch], [each[2] for each in batch])


@given(batches=BATCHES, data=st.data())
def test_neighbours_are_those_of_all_pairs(
    batches: list[list[tuple[bool, int, list[int]]]], data: st.DataObject
) -> None:
    """Whatever the batches, the newer versions, the dead and the compactions; and every view keeps what it showed.

    Names are those of places that are there, were there, or never were.
    """
    bonds, places, alive, names, seen, key = Bonds(), list[Place](), list[bool](), [7], [], 10
    for batch in batches:
        new = []
        for newer, which, targets in batch:
            key += 1
            name = names[which % len(names)] if newer and len(names) > 1 and which % len(names) else key
            new.append((key, name, [names[each % len(names)] for each in targets] if name == key else []))
            names.append(name)
        _append(bonds, new)
        places, alive = places + new, alive + [True] * len(new)
        for place in data.draw(st.sets(st.integers(0, len(places) - 1), max_size=3)) if places else ():
            alive[place] = False
        if data.draw(st.integers(0, 4)) == 0:
            bonds.compact(np.array(alive, dtype=bool))
            places, alive = [each for each, living in zip(places, alive, strict=True) if living], [True] * sum(alive)
        seen.append((bonds.view(), list(places), list(alive), _naive(places, alive)))
    for view, then, living, expected in seen:
        assert _neighbours(view, then, living) == expected


def test_a_newer_version_has_the_bonds_to_its_name_and_its_own() -> None:
    """It answers for the name, and what the older one stated is dead with it."""
    bonds = Bonds()
    places: list[Place] = [(1, 1, []), (2, 2, [1]), (3, 3, []), (4, 1, [3]), (5, 2, [1, 3])]
    _append(bonds, places)
    alive = [False, False, True, True, True]
    assert _neighbours(bonds.view(), places, alive)[2:] == [[3, 4], [2, 4], [2, 3]]
    bonds.compact(np.array(alive))
    left = places[2:]
    assert _neighbours(bonds.view(), left, [True] * 3) == [[1, 2], [0, 2], [0, 1]]


def test_two_places_are_one_pair_however_many_bonds_they_have() -> None:
    """Stated twice by one, and by the other; no place is bound to itself, and a name that is not there binds none."""
    bonds = Bonds()
    places: list[Place] = [(1, 1, []), (2, 2, [1, 1]), (3, 1, [2, 9])]
    _append(bonds, places)
    assert bonds.view().targets.tolist() == [1, 2, 9]
    assert _neighbours(bonds.view(), places, [False, True, True]) == [[1], [2], [1]]


def test_appending_copies_nothing_and_an_older_view_does_not_see_it() -> None:
    """What is bound to a name later is not there for the view of before."""
    bonds = Bonds()
    _append(bonds, [(1, 1, []), (2, 2, [1])])
    before = bonds.view()
    _append(bonds, [(3, 3, [1, 2]), (4, 1, [3])])
    after = bonds.view()
    for name in ("names", "owners", "targets"):
        assert np.shares_memory(getattr(before, name), getattr(after, name))
    rows, others = before.neighbours(np.array([0, 1]), np.array([1, 2]), np.ones(2, dtype=bool))
    assert (rows.tolist(), others.tolist()) == ([0, 1], [1, 0])
    rows, others = after.neighbours(np.array([1]), np.array([1, 2, 3, 4]), np.array([False, True, True, True]))
    assert (rows.tolist(), others.tolist()) == ([0, 0], [2, 3])


def test_none_have_none() -> None:
    """No places, and places without a bond."""
    bonds = Bonds()
    nothing = np.empty(0, dtype=np.int64)
    for size in (0, 3):
        keys = np.arange(size)
        rows, others = bonds.view().neighbours(keys, keys, np.ones(size, dtype=bool))
        assert (len(rows), len(others), rows.dtype) == (0, 0, nothing.dtype)
        bonds.append([0, 1, 2], [0, 1, 2], [[], [], []])
    bonds.append([3], [3], [[0]])
    rows, others = bonds.view().neighbours(nothing, np.arange(4), np.ones(4, dtype=bool))
    assert (len(rows), len(others)) == (0, 0)
