"""Which prototype goes on in which group: laws, for groups by chance."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from am_agent.matching import matched, without
from am_agent.store.prototypes import Kept, Shape


def _shape(members: list[int], text: str | None = None, tier: str = "theme", weight: float = 1.0) -> Shape:
    weights = np.full(len(members), weight)
    author = None if text is None else "x"
    return Shape(tier, np.array(members), weights, np.zeros(2, np.float32), 0.0, members[0], text, author)


def _kept(*shapes: Shape) -> list[Kept]:
    return [Kept(10 + place, f"p{place}", 1, "r", shape) for place, shape in enumerate(shapes)]


def _parts(labels: list[int]) -> list[Shape]:
    parts = [[key for key, own in enumerate(labels) if own == label] for label in range(5)]
    return [_shape(members) for members in parts if len(members) > 1]


partitions = st.lists(st.integers(0, 4), min_size=12, max_size=12).map(_parts)


@given(partitions, partitions)
def test_each_goes_on_once_and_what_is_the_same_stays(old: list[Shape], new: list[Shape]) -> None:
    """Every group is new, changed or as it was; every prototype goes on or is given up; the best match is one."""
    kept = _kept(*old)
    found = matched(kept, new)
    numbers = [each for each in found.numbers if each is not None]
    assert len(numbers) == len(set(numbers))
    assert len(found.plan.made) == found.numbers.count(None)
    assert sorted([*numbers, *found.plan.ended]) == [each.seq for each in kept]
    for each, number in zip(new, found.numbers, strict=True):
        before = next((one.shape for one in kept if one.seq == number), None)
        same = before is not None and before.members.tolist() == each.members.tolist()
        assert (number is not None and number not in found.plan.changed) == same
        if before is not None:
            assert np.intersect1d(before.members, each.members).size
    again = matched(kept, old)
    assert not again.changes
    assert (again.joined, again.split) == (0, 0)


def test_the_largest_share_goes_on_and_the_rest_is_told() -> None:
    """Of one that is split the larger part keeps the id; of two that are joined the larger one does."""
    split = matched(_kept(_shape([1, 2, 3, 4, 5])), [_shape([1, 2]), _shape([3, 4, 5])])
    assert (split.numbers, split.split, split.joined, len(split.plan.made)) == ([None, 10], 1, 0, 1)
    joined = matched(_kept(_shape([1, 2]), _shape([3, 4, 5])), [_shape([1, 2, 3, 4, 5])])
    assert (joined.numbers, joined.split, joined.joined, list(joined.plan.ended)) == ([11], 0, 1, [10])
    apart = matched(_kept(_shape([1, 2])), [_shape([1, 2], tier="duplicate")])
    assert (apart.numbers, list(apart.plan.ended), apart.joined) == ([None], [10], 0)


def test_a_text_stays_as_long_as_the_members_do() -> None:
    """It is made anew when they have changed, asked for where there is none, and replaced when another is given."""
    kept = _kept(_shape([1, 2], "told"))
    assert matched(kept, [_shape([1, 2])]).open == []
    assert not matched(kept, [_shape([1, 2])]).changes
    assert matched(kept, [_shape([1, 2, 3])]).open == [0]
    assert matched(kept, [_shape([1, 2], weight=2.0)]).plan.changed[10].text is None
    assert matched(kept, [_shape([1, 2], "anew")]).plan.changed[10].text == "anew"
    assert matched(_kept(_shape([1, 2])), [_shape([1, 2])]).open == [0]
    assert without(_shape([1, 2], "told")).author is None
