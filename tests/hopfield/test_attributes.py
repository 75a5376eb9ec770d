"""Columns of numbers that stay aligned, in views that stay as they are."""

import numpy as np

from am_agent.hopfield.attributes import NEVER, Attributes, AttributesView


def _rows(view: AttributesView) -> list[tuple[int, ...]]:
    return list(zip(*(column.tolist() for column in (view.actors, view.sessions, view.times, view.ends)), strict=True))


def test_views_keep_what_they_saw() -> None:
    """Appending, moving an end and compacting leave older views alone."""
    attributes = Attributes()
    attributes.append([0, -1], [1, 2], [10, 20], [NEVER, 30])
    first = attributes.view()
    attributes.prolong(np.array([1]), [40])
    attributes.append([1], [-1], [5], [NEVER])
    second = attributes.view()
    attributes.compact(np.array([False, True, True]))
    assert _rows(first) == [(0, 1, 10, NEVER), (-1, 2, 20, 30)]
    assert _rows(second) == [(0, 1, 10, NEVER), (-1, 2, 20, 40), (1, -1, 5, NEVER)]
    assert _rows(attributes.view()) == [(-1, 2, 20, 40), (1, -1, 5, NEVER)]


def test_an_end_that_does_not_move_copies_nothing() -> None:
    """Seeing a row again that is as it was costs no array."""
    attributes = Attributes()
    attributes.append([0, 0], [0, 0], [1, 2], [NEVER, 30])
    before = attributes.view()
    attributes.prolong(np.array([0, 1]), [NEVER, 30])
    assert np.shares_memory(before.ends, attributes.view().ends)
