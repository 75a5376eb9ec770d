"""What is newer comes first, where it says something else of the same. Knows scores, cosines, times and names; no text.

Two statements are of the same, if what the newer one lost against the older in fitting the cue is made up for by how
alike they are: `s_new / s_old * cos(new, old) >= 1/3`, each by the pattern that is nearest to the cue; and if whom the
cue names, and the older one names, the newer one names, too.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np

from am_agent.hopfield.codes import Floats, Reals
from am_agent.hopfield.roster import Integers

LEAST = 10
"""So many are looked at where fewer are wanted: what is newer may fit a little less well."""

_ALIKE = 1 / 3
"""Between .30 and .35, nine of ten changed facts are found in chats and 97 of 100 in plain statements."""


@dataclass(frozen=True, slots=True, eq=False)
class Statements:
    """Episodes in the order in which they fit a cue.

    Attributes:
        scores: How well, float64 [m].
        patterns: Of each the one that is nearest to the cue, of length one, float32 [m, d].
        ages: The greater, the newer; distinct, int64 [m].
        named: What each names of what the cue names.
        groups: The group of near-duplicates of each; -1 for none, int64 [m].
    """

    scores: Reals
    patterns: Floats
    ages: Integers
    named: Sequence[Set[str]]
    groups: Integers


def latest(given: Statements) -> list[int]:
    """The order in which each comes after all that are newer and of the same, and were below it.

    The best comes first, but for what is newer and of the same as it, which comes before it, the newest first; then the
    best of the rest, and so on. What is in one group of near-duplicates is of the same in any case.

    Example:
        >>> moved = np.array([[0.6, 0.8], [0.8, 0.6], [-0.6, 0.8]], dtype=np.float32)
        >>> facts = np.array([7.0, 6.5, 6.0]), moved, np.array([1, 2, 3]), [{"ana"}, {"ana"}, {"ana"}]
        >>> latest(Statements(*facts, groups=np.array([-1, -1, -1])))
        [1, 0, 2]
    """
    rows = given.patterns.astype(np.float64)
    alike = rows @ rows.T
    left, order = list(range(len(given.scores))), list[int]()
    while left:
        first = left[0]
        newer = [
            each for each in left[1:] if given.ages[each] > given.ages[first] and _of_same(given, alike, first, each)
        ]
        newer.sort(key=lambda each: -int(given.ages[each]))
        order += [*newer, first]
        left = [each for each in left[1:] if each not in newer]
    return order


def _of_same(given: Statements, alike: Reals, old: int, new: int) -> bool:
    if given.groups[old] >= 0 and given.groups[old] == given.groups[new]:
        return True
    if not given.named[old] <= given.named[new] or given.scores[old] <= 0:
        return False
    return bool(given.scores[new] * alike[old, new] >= _ALIKE * given.scores[old])
