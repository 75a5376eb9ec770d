"""Sets of patterns whose groups are in memory as their means: after any changes they are those built anew."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent.hopfield.codes import Codes, Floats
from am_agent.hopfield.grouped import ALONE, GroupedPatterns
from am_agent.hopfield.metric import Moments
from am_agent.hopfield.patterns import PatternSet, PatternView
from am_agent.hopfield.roster import Integers

D = 8

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.lists(st.integers(1, 3), min_size=1, max_size=6)),
        st.tuples(st.just("assign"), st.integers(0, 2**16)),
        st.tuples(st.just("alone"), st.integers(0, 2**16)),
        st.tuples(st.just("discard"), st.integers(0, 2**16)),
    ),
    max_size=12,
)


class _Model:
    """The same set as rows in a list: of each place its patterns and its group."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.rows: list[Floats] = []
        self.groups: list[int] = []

    def drawn(self, heights: list[int]) -> Floats:
        rows = self.rng.standard_normal((sum(heights), D)) + 1.5
        unit: Floats = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        return unit

    def some(self, seed: int) -> Integers:
        """Any of the places."""
        return np.flatnonzero(np.random.default_rng(seed).random(len(self.rows)) < 0.5)

    def patterns(self, places: Integers) -> Floats:
        return np.concatenate([np.empty((0, D), np.float32), *(self.rows[place] for place in places)])

    def means(self) -> dict[int, Floats]:
        return {
            group: np.mean([rows[0] for rows, own in zip(self.rows, self.groups, strict=True) if own == group], axis=0)
            for group in set(self.groups) - {ALONE}
        }


def _means(model: _Model, patterns: GroupedPatterns) -> Mapping[int, Floats]:
    """The means of the model's groups; what belongs to one whose mean has moved is assigned anew."""
    means = model.means()
    patterns.found(means)
    members = np.flatnonzero(np.array(model.groups, dtype=np.int64) != ALONE)
    patterns.assign(members, model.patterns(members), np.array(model.groups, dtype=np.int64)[members])
    patterns.settle()
    return means


@given(seed=st.integers(0, 2**16), steps=STEPS)
def test_any_changes_leave_what_is_built_anew(seed: int, steps: list[tuple[str, object]]) -> None:
    """Codes, errors, moments and bytes; every row lies within its error, and a view that was kept does not change."""
    model, patterns = _Model(seed), GroupedPatterns(D)
    kept: list[tuple[PatternView, list[bytes]]] = []
    for name, given_ in steps:
        kept.append((patterns.view(), _bytes(patterns.view())))
        if name == "append" and isinstance(given_, list):
            rows = model.drawn(given_)
            patterns.append(rows, np.array(given_))
            model.rows += np.split(rows, np.cumsum(given_)[:-1])
            model.groups += [ALONE] * len(given_)
        elif isinstance(given_, int) and model.rows:
            places = model.some(given_)
            if name == "discard":
                alone = np.full(len(places), ALONE)
                patterns.assign(places, model.patterns(places), alone)  # as who takes them out of the moments must
                patterns.discard(places)
                mask = np.ones(len(model.rows), dtype=np.bool_)
                mask[places] = False
                patterns.compact(mask)
                model.rows = [rows for rows, stays in zip(model.rows, mask, strict=True) if stays]
                model.groups = [group for group, stays in zip(model.groups, mask, strict=True) if stays]
            else:
                for place in places.tolist():
                    model.groups[place] = ALONE if name == "alone" else given_ % 3
                groups = np.array(model.groups, dtype=np.int64)[places]
                patterns.found(model.means())
                patterns.assign(places, model.patterns(places), groups)
            _means(model, patterns)
    for view, before in kept:
        assert _bytes(view) == before
    _assert_true(model, patterns)
    anew = GroupedPatterns(D)
    anew.found(model.means())
    heights = np.array([len(rows) for rows in model.rows], dtype=np.int64)
    anew.append(model.patterns(np.arange(len(model.rows))), heights, np.array(model.groups, dtype=np.int64))
    one, other = patterns.view(), anew.view()
    assert (one.shared is None) == (not model.means())
    rows = np.arange(len(one))
    assert len(one) == len(other)
    assert one.coded(rows).restored().tobytes() == other.coded(rows).restored().tobytes()
    assert one.errors.tobytes() == other.errors.tobytes()
    assert one.error == other.error
    assert patterns.held() == anew.held()
    if one.shared is None:
        plain = PatternSet(D, resident=False)
        if len(model.rows):
            plain.append(model.patterns(np.arange(len(model.rows))), heights)
        assert one.codes.values.tobytes() == plain.view().codes.values.tobytes()


def _bytes(view: PatternView) -> list[bytes]:
    shared = b"" if view.shared is None else view.shared.tobytes()
    return [view.starts.tobytes(), view.codes.values.tobytes(), shared, view.errors.tobytes()]


def _assert_true(model: _Model, patterns: GroupedPatterns) -> None:
    view, everything = patterns.view(), np.arange(len(model.rows))
    rows = model.patterns(everything)
    apart = np.linalg.norm(view.coded(np.arange(len(rows))).restored() - rows, axis=1)
    assert (apart <= view.errors).all()
    assert (view.errors <= apart + 0.02).all()
    expected = Moments.of(Codes.of(rows).restored()) if len(rows) else Moments.none(D)
    assert patterns.moments.count == expected.count
    np.testing.assert_allclose(patterns.moments.total, expected.total, atol=1e-9)
    np.testing.assert_allclose(patterns.moments.second, expected.second, atol=1e-9)
    alone = sum(len(rows) for rows, group in zip(model.rows, model.groups, strict=True) if group == ALONE)
    assert patterns.held()[0] == alone + len(model.means())
    for group in range(3):
        assert patterns.within([group]).tolist() == [at for at, own in enumerate(model.groups) if own == group]
    assert patterns.members().tolist() == [group != ALONE for group in model.groups]


def test_a_member_takes_eight_bytes_and_its_start() -> None:
    """Of 384 dimensions, where a code takes 392."""
    rows = np.random.default_rng(1).standard_normal((1000, 384)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    patterns = GroupedPatterns(384)
    patterns.found({5: rows.mean(axis=0)})
    patterns.append(rows, np.ones(1000, dtype=np.int64), np.full(1000, 5))
    assert patterns.held() == (1, 392 + 1000 * (8 + 4 + 4))


def test_the_codes_of_all_are_not_to_be_had() -> None:
    """What is written down would be the means, as if they were the members."""
    with pytest.raises(ValueError, match="the codes of its members are not in memory"):
        GroupedPatterns(2).living(np.empty(0, dtype=np.bool_))
