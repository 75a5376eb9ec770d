"""A growing array against a plain list of rows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from am_agent.hopfield.column import Column


@given(st.lists(st.lists(st.integers(0, 99), max_size=90), max_size=12))
def test_views_keep_what_they_saw_however_it_grows(batches: list[list[int]]) -> None:
    """Each view shows the rows of its moment, after any appends that followed."""
    column, rows, seen = Column(np.dtype(np.float32), 2), [], []
    for batch in batches:
        column.append(np.array([[each, -each] for each in batch]).reshape(-1, 2))
        rows += [[each, -each] for each in batch]
        seen.append((column.view(), list(rows)))
    assert len(column) == len(rows)
    assert all(view.tolist() == then for view, then in seen)


def test_a_row_is_moved_once_in_the_long_run() -> None:
    """A thousand appends of one row move the array five times."""
    column, homes = Column(np.dtype(np.int64)), set()
    kept = []  # so that no address is used again
    for number in range(1000):
        column.append([number])
        kept.append(column.view())
        homes.add(kept[-1].__array_interface__["data"][0])
    assert len(homes) == 5
    assert column.view().tolist() == list(range(1000))


def test_replacing_leaves_views_alone() -> None:
    """The old rows belong to whoever looks at them, the new ones to the column."""
    column = Column(np.dtype(np.int64))
    column.append([1, 2, 3])
    before = column.view()
    column.replace(np.array([9]))
    column.append([10])
    assert before.tolist() == [1, 2, 3]
    assert column.view().tolist() == [9, 10]
