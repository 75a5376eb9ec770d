"""Which prototype goes on in which of the groups that were found: by the members they share. Knows no patterns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from am_agent.store.prototypes import Kept, Plan, Shape


@dataclass(frozen=True, slots=True)
class Matched:
    """What becomes of prototypes.

    Attributes:
        plan: What is to be written.
        joined: How many are given up because another one has members of theirs.
        split: Of how many the members are in several now.
        numbers: For each group the number of the prototype that goes on in it; None where it is a new one.
        open: The positions of the groups that have no text of a summariser.
    """

    plan: Plan
    joined: int
    split: int
    numbers: Sequence[int | None]
    open: Sequence[int]

    @property
    def changes(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.plan.made or self.plan.changed or self.plan.ended)


def matched(kept: Sequence[Kept], groups: Sequence[Shape]) -> Matched:
    """Find for each group the prototype of its tier with which it shares the most members, each once.

    Those that share the most come first; of equals, the older prototype and then the earlier group. A group that has
    the very members of its prototype, with the same weights, leaves it as it is, its text included.

    Args:
        kept: The prototypes as they are; no episode is in two of a tier.
        groups: As they were found; the same holds.
    """
    owners = {(each.shape.tier, key): place for place, each in enumerate(kept) for key in each.shape.members.tolist()}
    shared: Counter[tuple[int, int]] = Counter(
        (owner, place)
        for place, group in enumerate(groups)
        for key in group.members.tolist()
        if (owner := owners.get((group.tier, key))) is not None
    )
    goes_on: dict[int, int] = {}  # from groups to prototypes
    taken = set[int]()
    for (old, new), _ in sorted(shared.items(), key=lambda each: (-each[1], each[0])):
        if old not in taken and new not in goes_on:
            goes_on[new] = old
            taken.add(old)
    changed: dict[int, Shape] = {}
    made: list[Shape] = []
    open_: list[int] = []
    for place, group in enumerate(groups):
        if place not in goes_on:
            made.append(group)
        else:
            before = kept[goes_on[place]]
            same = _same(before.shape, group)
            if not same or (group.text is not None and _told(before.shape) != _told(group)):
                changed[before.seq] = group
            if same and before.shape.text is not None:
                continue
        if group.text is None:
            open_.append(place)
    parts = Counter(old for old, _ in shared)
    given_up = [place for place in range(len(kept)) if place not in taken]
    return Matched(
        Plan(made, changed, [kept[place].seq for place in given_up]),
        joined=sum(parts[place] > 0 for place in given_up),
        split=sum(count > 1 for count in parts.values()),
        numbers=[kept[goes_on[place]].seq if place in goes_on else None for place in range(len(groups))],
        open=open_,
    )


def without(group: Shape, text: str | None = None, author: str | None = None) -> Shape:
    """A group with another text, or with none."""
    return replace(group, text=text, author=author)


def _same(one: Shape, other: Shape) -> bool:
    return np.array_equal(one.members, other.members) and np.array_equal(one.weights, other.weights)


def _told(given: Shape) -> tuple[str | None, str | None]:
    return given.text, given.author
