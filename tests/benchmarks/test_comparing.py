"""What runs on a set, with the embedder of hashed words: each variant of the memory, and one that learns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from am_agent import Embedder, Memory
from am_agent.embedders import DeterministicEmbedder
from am_agent.working_set import Resident
from benchmarks import systems
from benchmarks.beir import Document, Haystack, Query
from benchmarks.comparing import SYSTEMS, Comparison, School, measured
from benchmarks.learning import LESSONS, Feedback, Lesson
from benchmarks.systems import Ranking

DOCUMENTS = (Document("0", "rain falls on the roof"), Document("1", "the dog has a bone"), Document("2", "tea is hot"))
ASKED = (Query("q1", "dog bone", None, {"1": 1}), Query("q2", "hot tea", None, {"2": 1}))
ONE = Haystack("set/one", DOCUMENTS, ASKED)
TWO = Haystack("set/two", DOCUMENTS, ASKED[:1])
SILENT = Haystack("set/silent", (), ())


class Steps(list[tuple[str, str]]):
    """Writes down what comes next."""

    def __call__(self, haystack: Haystack, system: str) -> None:
        self.append((haystack.name, system))


class Pupil:
    """Finds nothing before it was given the gold once, and everything after it."""

    def __init__(self, feedback: Feedback) -> None:
        self.feedback = feedback
        self.used: list[str] = []

    def teach(self, haystack: Haystack, queries: Sequence[Query]) -> None:
        for query in queries:
            self.used += self.feedback(query, ["0", "1", "2"])

    def rankings(self, haystack: Haystack, queries: Sequence[Query]) -> list[Ranking]:
        return [list(query.gold) if self.used else [] for query in queries]

    def unlearn(self) -> None:
        self.used = []


class Pupils:
    """Opens pupils, and keeps what they were opened with."""

    def __init__(self) -> None:
        self.opened: list[tuple[Sequence[Haystack], Embedder, Feedback]] = []

    @contextmanager
    def __call__(self, haystacks: Sequence[Haystack], embedder: Embedder, feedback: Feedback) -> Iterator[Pupil]:
        self.opened.append((haystacks, embedder, feedback))
        yield Pupil(feedback)


def test_the_usual_systems_run_on_each_haystack_in_turn(toy: DeterministicEmbedder) -> None:
    """One without queries is passed over."""
    steps = Steps()
    results = measured([SILENT, ONE, TWO], Comparison(toy, toy), steps)
    assert list(results) == list(SYSTEMS)
    assert steps == [(name, system) for name in ("set/one", "set/two") for system in SYSTEMS]
    assert {name: (found["recall@1"], found["queries"]) for name, found in results.items()} == dict.fromkeys(
        SYSTEMS, (1.0, 3)
    )


def test_a_set_without_queries_has_no_results(toy: DeterministicEmbedder) -> None:
    """And nothing is opened for it."""
    pupils = Pupils()
    assert measured([SILENT], Comparison(toy, toy, school=School(pupils, LESSONS["gold"])), Steps()) == {}
    assert pupils.opened == []


def test_a_memory_is_filled_once_and_asked_by_each_choice_of_fields(
    toy: DeterministicEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each variant has its numbers, beside and after the usual systems."""
    made: list[Memory] = []
    choices: list[Sequence[str] | None] = []
    ask = systems.asked

    class Counted(Memory):
        def __init__(self, *, embedder: Embedder, resident: Resident) -> None:
            super().__init__(embedder=embedder, resident=resident)
            made.append(self)

    def asked(memory: Memory, haystack: Haystack, fields: Sequence[str] | None = None) -> list[Ranking]:
        choices.append(fields)
        rankings = ask(memory, haystack)
        return [ranking[::-1] for ranking in rankings] if fields == ("words",) else rankings

    monkeypatch.setattr("benchmarks.systems.Memory", Counted)
    monkeypatch.setattr("benchmarks.systems.asked", asked)
    comparison = Comparison(toy, toy, systems.ablations(("content", "words")))
    steps = Steps()
    results = measured([ONE], comparison, steps)
    names = [*SYSTEMS, "am_agent without content", "am_agent without words"]
    assert list(results) == list(comparison.systems) == [system for _, system in steps] == names
    assert len(made) == 1
    assert choices == [None, ("words",), ("content",)]
    assert [results[name]["recall@1"] for name in names[3:]] == [1.0, 0.0, 1.0]


@pytest.mark.parametrize("lesson", LESSONS.values(), ids=list(LESSONS))
@pytest.mark.parametrize("haystacks", [[TWO, SILENT, ONE], [ONE]], ids=["several", "single"])
def test_one_memory_is_asked_before_and_after_it_was_taught(
    toy: DeterministicEmbedder, lesson: Lesson, haystacks: list[Haystack]
) -> None:
    """The baselines are as ever, the untaught memory is the learner, and every query is judged after learning."""
    pupils, steps = Pupils(), Steps()
    comparison = Comparison(toy, toy, school=School(pupils, lesson))
    results = measured(haystacks, comparison, steps)
    filled = [each for each in haystacks if each.queries]
    assert pupils.opened == [(filled, toy, lesson.feedback)]
    assert list(results) == list(comparison.systems) == [*SYSTEMS, lesson.system]
    queries = sum(len(each.queries) for each in filled)
    assert {found["queries"] for found in results.values()} == {queries}
    assert [found["recall@1"] for found in results.values()] == [1.0, 1.0, 1.0, 0.0, 1.0]
    assert set(steps) == {(each.name, system) for each in filled for system in comparison.systems}


def test_rankings_are_judged_by_their_own_queries(toy: DeterministicEmbedder) -> None:
    """Whatever the order of the haystacks: a pupil that knows one haystack only has that one's queries right."""

    class OneSided(Pupil):
        def rankings(self, haystack: Haystack, queries: Sequence[Query]) -> list[Ranking]:
            return super().rankings(haystack, queries) if haystack.name == "set/one" else [[] for _ in queries]

    @contextmanager
    def opening(haystacks: Sequence[Haystack], embedder: Embedder, feedback: Feedback) -> Iterator[Pupil]:
        yield OneSided(feedback)

    for haystacks in ([ONE, TWO], [TWO, ONE]):
        results = measured(haystacks, Comparison(toy, toy, school=School(opening, LESSONS["gold"])), Steps())
        assert results["am_agent after learning"]["recall@1"] == pytest.approx(2 / 3)
