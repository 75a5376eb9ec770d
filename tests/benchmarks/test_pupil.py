"""The memory as a learner, with the embedder of hashed words: who is taught, who inherits, and what stays."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from am_agent.embedders import DeterministicEmbedder
from benchmarks.beir import Document, Haystack, Query
from benchmarks.comparing import Comparison, School, measured
from benchmarks.learning import LESSONS, Lesson, gold, taught
from benchmarks.pupil import opened
from benchmarks.systems import Ranking, am_agent

TEXTS = ("rain falls on the roof", "the dog has a bone", "tea is hot", "the train to Lisbon is late")
ASKED = (
    Query("q1", "dog bone", None, {"1": 1}),
    Query("q2", "Ana: hot rain", None, {"0": 1}),
    Query("q3", "late tea", None, {"3": 1}),
)


def _haystack(name: str, texts: Sequence[str] = TEXTS, queries: Sequence[Query] = ASKED) -> Haystack:
    documents = (Document(str(number), text, ("Ana", "Ben")[number % 2]) for number, text in enumerate(texts))
    return Haystack(name, tuple(documents), tuple(queries))


ONE, TWO = _haystack("set/one"), _haystack("set/two", TEXTS[::-1])
SHARED = ("set",)


def test_an_untaught_pupil_ranks_as_a_memory_of_each_haystack_alone(toy: DeterministicEmbedder) -> None:
    """Equal ids in two haystacks are two documents, and neither haystack sees the other's."""
    with opened([ONE, TWO], toy, gold) as pupil:
        for haystack in (ONE, TWO):
            assert pupil.rankings(haystack, haystack.queries) == am_agent(haystack, toy)
        assert pupil.memory.count(namespace=("set", "one")) == len(TEXTS)
        assert [each[0] for each in pupil.rankings(TWO, ASKED[:1])] == ["2"]


def test_lessons_move_the_weights_that_all_haystacks_share(toy: DeterministicEmbedder) -> None:
    """One round for each feedback; asking is none, and neither is a query without gold among what was shown."""
    unknown = Query("q4", "dog bone", None, {"absent": 1})
    with opened([ONE, TWO], toy, gold) as pupil:
        pupil.teach(ONE, [*ASKED, unknown])
        pupil.rankings(TWO, ASKED)
        inherited = pupil.memory.weights(namespace=("set", "two"))
        assert inherited == pupil.memory.weights(namespace=SHARED)
        assert (inherited.rounds, inherited.namespace) == (3, SHARED)
        assert inherited.learned != inherited.default
        pupil.unlearn()
        forgotten = pupil.memory.weights(namespace=("set", "two"))
        assert (forgotten.rounds, forgotten.learned) == (0, forgotten.default)
        assert pupil.memory.count(namespace=("set", "two")) == len(TEXTS)


def test_what_one_haystack_taught_ranks_another_until_it_is_unlearned(toy: DeterministicEmbedder) -> None:
    """A speaker who is right every time comes before the words, in the haystack that was never taught, too."""
    texts = [f"{word} and {other}" for word in ("rain", "tea", "dog") for other in ("roof", "train", "bone", "lamp")]
    documents = tuple(Document(f"{number}", text, ("Ana", "Ben")[number % 2]) for number, text in enumerate(texts))
    spoken = {each.id: 1 for each in documents if each.actor == "Ben"}
    queries = tuple(
        Query(f"q{number}", f"What did Ben say of {text}?", None, spoken) for number, text in enumerate(texts)
    )
    one, two = Haystack("set/one", documents, queries), Haystack("set/two", documents, queries)

    def hits(rankings: Sequence[Ranking]) -> int:
        return sum(found in spoken for ranking in rankings for found in ranking[: len(spoken)])

    with opened([one, two], toy, gold) as pupil:
        before = pupil.rankings(two, queries)
        for _ in range(10):
            pupil.teach(one, queries)
        assert pupil.memory.weights(namespace=SHARED).ahead
        after = pupil.rankings(two, queries)
        assert hits(after) > hits(before)
        pupil.unlearn()
        assert pupil.rankings(two, queries) == before


def test_no_lesson_is_lost_however_many_there_are(toy: DeterministicEmbedder) -> None:
    """More than the recalls whose feedback a process waits for."""
    queries = [Query(f"q{number}", "dog bone", None, {"1": 1}) for number in range(300)]
    haystack = _haystack("set/one", queries=queries)
    with opened([haystack], toy, gold) as pupil:
        pupil.teach(haystack, queries)
        assert pupil.memory.weights(namespace=SHARED).rounds == 300


def test_the_queries_of_a_single_haystack_teach_each_other(toy: DeterministicEmbedder) -> None:
    """Every query has a ranking in the end, and nothing of the lessons is left."""
    with opened([ONE], toy, gold) as pupil:
        (rankings,) = taught([ONE], pupil, lambda haystack: None)
        assert [ranking[0] for ranking in rankings] == [ranking[0] for ranking in am_agent(ONE, toy)]
        assert pupil.memory.weights(namespace=SHARED).rounds == 0


@pytest.mark.parametrize("lesson", LESSONS.values(), ids=list(LESSONS))
def test_before_it_is_taught_it_has_the_usual_figures(lesson: Lesson, toy: DeterministicEmbedder) -> None:
    """And after it has as many queries as before."""
    haystacks = [ONE, TWO]
    usual = measured(haystacks, Comparison(toy, toy), lambda haystack, system: None)
    found = measured(haystacks, Comparison(toy, toy, school=School(opened, lesson)), lambda haystack, system: None)
    assert {name: found[name] for name in usual} == usual
    assert found[lesson.system]["queries"] == 6
