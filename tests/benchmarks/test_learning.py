"""Teaching and asking: who teaches whom, each query once, with a learner that only writes down what it is told."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.beir import Haystack, Query
from benchmarks.learning import LESSONS, at_random, gold, halves, taught
from benchmarks.systems import Ranking


def _haystack(name: str, count: int) -> Haystack:
    return Haystack(name, (), tuple(Query(f"q{number}", "Who?", None, {"d": 1}) for number in range(count)))


class Notebook:
    """Ranks by what it was taught since it last unlearned: the names of all those queries, in order."""

    def __init__(self) -> None:
        self.lessons: Ranking = []
        self.log: list[tuple[str, ...]] = []

    def teach(self, haystack: Haystack, queries: Sequence[Query]) -> None:
        self.log.append(("teach", haystack.name, *(each.id for each in queries)))
        self.lessons = self.lessons + [f"{haystack.name}/{each.id}" for each in queries]

    def rankings(self, haystack: Haystack, queries: Sequence[Query]) -> list[Ranking]:
        self.log.append(("ask", haystack.name, *(each.id for each in queries)))
        return [[f"{haystack.name}/{each.id}", *self.lessons] for each in queries]

    def unlearn(self) -> None:
        self.log.append(("unlearn",))
        self.lessons = []


def test_haystacks_teach_each_other_by_turns() -> None:
    """By name the even ones teach the odd ones, then the other way round, with nothing learned in between."""
    haystacks = [_haystack(name, count) for name, count in (("c", 1), ("a", 2), ("b", 1))]
    notebook, steps = Notebook(), []
    rankings = taught(haystacks, notebook, lambda haystack: steps.append(haystack.name))
    assert notebook.log == [
        ("teach", "a", "q0", "q1"),
        ("teach", "c", "q0"),
        ("ask", "b", "q0"),
        ("unlearn",),
        ("teach", "b", "q0"),
        ("ask", "a", "q0", "q1"),
        ("ask", "c", "q0"),
        ("unlearn",),
    ]
    assert steps == ["b", "a", "c"]
    assert rankings == [  # in the order in which the haystacks were given
        [["c/q0", "b/q0"]],
        [["a/q0", "b/q0"], ["a/q1", "b/q0"]],
        [["b/q0", "a/q0", "a/q1", "c/q0"]],
    ]


def test_the_queries_of_a_single_haystack_teach_each_other_by_turns() -> None:
    """Every other one in the order of the file, and the rankings come back in that order."""
    notebook = Notebook()
    (rankings,) = taught([_haystack("a", 3)], notebook, lambda haystack: None)
    assert notebook.log == [
        ("teach", "a", "q0", "q2"),
        ("ask", "a", "q1"),
        ("unlearn",),
        ("teach", "a", "q1"),
        ("ask", "a", "q0", "q2"),
        ("unlearn",),
    ]
    assert rankings == [["a/q0", "a/q1"], ["a/q1", "a/q0", "a/q2"], ["a/q2", "a/q1"]]


@given(st.dictionaries(st.text("abc", min_size=1), st.integers(1, 5), max_size=7))
def test_no_query_is_asked_after_it_has_taught(sizes: dict[str, int]) -> None:
    """Each is in one half, asked once, by a learner that was taught the whole other half."""
    haystacks = [_haystack(name, count) for name, count in sizes.items()]
    parts = [
        {f"{haystack.name}/{each.id}" for haystack, queries in half for each in queries} for half in halves(haystacks)
    ]
    every = {f"{haystack.name}/{each.id}" for haystack in haystacks for each in haystack.queries}
    assert parts[0] | parts[1] == every
    assert not parts[0] & parts[1]
    rankings = taught(haystacks, Notebook(), lambda haystack: None)
    for haystack, found in zip(haystacks, rankings, strict=True):
        assert [ranking[0] for ranking in found] == [f"{haystack.name}/{each.id}" for each in haystack.queries]
        for own, *lessons in found:
            assert set(lessons) == parts[own in parts[0]]


def test_a_learner_that_leaves_a_query_out_is_found_out() -> None:
    """Its rankings would be judged by the gold of other queries."""

    class Forgetful(Notebook):
        def rankings(self, haystack: Haystack, queries: Sequence[Query]) -> list[Ranking]:
            return super().rankings(haystack, queries)[1:]

    with pytest.raises(ValueError, match="zip"):
        taught([_haystack("a", 4)], Forgetful(), lambda haystack: None)


def test_gold_feedback_points_at_nothing_that_was_not_shown() -> None:
    """In the order of the ranking; without any gold there is none."""
    query = Query("q", "Who?", None, {"b": 1, "a": 2, "far": 1})
    assert gold(query, ["a", "x", "b"]) == ["a", "b"]
    assert gold(query, ["x"]) == []


def test_random_feedback_is_one_of_those_shown_whatever_the_gold() -> None:
    """Each place is drawn as often as the others, by the seed and the id."""
    shown = list("abcdefghij")
    drawn = [at_random(Query(f"q{number}", "Who?", None, {"a": 1}), shown) for number in range(1000)]
    assert drawn == [at_random(Query(f"q{number}", "Why?", None, {"b": 1}), shown) for number in range(1000)]
    assert {len(each) for each in drawn} == {1}
    counts = [sum(each == [name] for each in drawn) for name in shown]
    assert min(counts) > 60
    assert sum(counts) == 1000
    first = Query("q0", "Who?", None, {})
    assert len({at_random(first, shown, seed)[0] for seed in range(100)}) == 10
    assert at_random(first, []) == []


def test_the_lessons_have_the_names_under_which_they_are_shown() -> None:
    """And the feedback that belongs to them."""
    assert {name: (each.system, each.feedback) for name, each in LESSONS.items()} == {
        "gold": ("am_agent after learning", gold),
        "random": ("am_agent after random feedback", at_random),
    }
