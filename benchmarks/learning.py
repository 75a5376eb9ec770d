"""What feedback on some queries does to the recall of others: who teaches, who is asked. Knows no rule of learning.

Every query is asked once after learning, by a learner that was taught on the half in which the query is not.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from am_agent import Embedder
from benchmarks.beir import Haystack, Query
from benchmarks.systems import Ranking

Feedback = Callable[[Query, Ranking], list[str]]
"""From a query and the ids it was shown, the best first, to those it says were used; none of them is no feedback."""

Part = tuple[Haystack, Sequence[Query]]
"""Some of a haystack's queries; its documents are always there as a whole."""


class Learner(Protocol):
    """A memory that holds several haystacks apart, and learns how to rank from the feedback on all of them together.

    What it has learned from one haystack counts for whichever it is asked about next.
    """

    def teach(self, haystack: Haystack, queries: Sequence[Query]) -> None:
        """Ask these queries one by one, and learn from the feedback on each."""

    def rankings(self, haystack: Haystack, queries: Sequence[Query]) -> list[Ranking]:
        """The ranking of each query, in their order; nothing is learned from asking."""

    def unlearn(self) -> None:
        """Go back to where it was before the first lesson; the documents stay."""


Opening = Callable[[Sequence[Haystack], Embedder, Feedback], AbstractContextManager[Learner]]
"""Fills a learner with the documents of a set's haystacks, and closes it afterwards."""


def gold(query: Query, shown: Ranking) -> list[str]:
    """The gold among what was shown: all that a user who knows the answer can point at.

    Example:
        >>> gold(Query("q", "Who barks?", None, {"rex": 1, "absent": 1}), ["cat", "rex"])
        ['rex']
    """
    return [each for each in shown if each in query.gold]


def at_random(query: Query, shown: Ranking, seed: int = 0) -> list[str]:
    """One of those that were shown, drawn without a look at the gold: feedback in which there is nothing to learn.

    What is drawn is a function of the seed, the query's id and what was shown.

    Example:
        >>> at_random(Query("q", "Who barks?", None, {"rex": 1}), ["rex"]), at_random(Query("q", "Who?", None, {}), [])
        (['rex'], [])
    """
    return [random.Random(f"{seed} {query.id}").choice(shown)] if shown else []


@dataclass(frozen=True, slots=True)
class Lesson:
    """A kind of feedback.

    Attributes:
        system: What the learner is called after it.
        feedback: The feedback itself.
    """

    system: str
    feedback: Feedback


LESSONS: Mapping[str, Lesson] = {
    "gold": Lesson("am_agent after learning", gold),
    "random": Lesson("am_agent after random feedback", at_random),
}
"""By the names under which the command knows them."""


def halves(haystacks: Sequence[Haystack]) -> tuple[list[Part], list[Part]]:
    """Part a set in two: every other haystack by name, or, where there is but one, every other query.

    Args:
        haystacks: Those that have queries.

    Example:
        >>> asked = tuple(Query(each, each, None, {"d": 1}) for each in "abc")
        >>> [[[query.id for query in queries] for _, queries in half] for half in halves([Haystack("x", (), asked)])]
        [[['a', 'c']], [['b']]]
    """
    if len(haystacks) == 1:
        (only,) = haystacks
        return [(only, only.queries[::2])], [(only, only.queries[1::2])]
    parts: list[Part] = [(each, each.queries) for each in sorted(haystacks, key=lambda each: each.name)]
    return parts[::2], parts[1::2]


def taught(haystacks: Sequence[Haystack], learner: Learner, step: Callable[[Haystack], object]) -> list[list[Ranking]]:
    """Let each half of a set teach, and the other half be asked.

    Args:
        haystacks: Those that have queries.
        learner: Filled with them; it has learned nothing, and will have learned nothing at the end.
        step: Called with each haystack before it is asked.

    Returns:
        The rankings of every haystack's queries, in the order of both.
    """
    found: dict[tuple[str, str], Ranking] = {}
    one, other = halves(haystacks)
    for lessons, questions in ((one, other), (other, one)):
        for haystack, queries in lessons:
            learner.teach(haystack, queries)
        for haystack, queries in questions:
            step(haystack)
            rankings = learner.rankings(haystack, queries)
            found |= {(haystack.name, query.id): each for query, each in zip(queries, rankings, strict=True)}
        learner.unlearn()
    return [[found[haystack.name, query.id] for query in haystack.queries] for haystack in haystacks]
