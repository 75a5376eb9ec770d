"""What haystacks are asked: where cues without an answer come from, how many, and with whose names."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from benchmarks.beir import Document, Haystack, Query
from benchmarks.cues import Cues, cues, evenly, people, renamed

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def _query(text: str, asked_at: datetime | None = None, *, gold: bool = True) -> Query:
    return Query(f"id of {text}", text, asked_at, {"0": 1} if gold else {})


def _haystack(name: str, asked: list[str], *, actors: tuple[str | None, ...] = (None,), **more: list[str]) -> Haystack:
    documents = tuple(Document(str(number), "text", actor) for number, actor in enumerate(actors))
    kinds = {kind: tuple(_query(text, gold=False) for text in texts) for kind, texts in more.items()}
    return Haystack(name, documents, tuple(_query(text) for text in asked), (), **kinds)


def _absent(found: Cues) -> list[str]:
    return [query.text for query in found.absent]


def test_a_labelled_set_has_its_own_absent_cues() -> None:
    """All of them, however many are present; there are no others to report."""
    stack = _haystack("a/one", [], labelled=["Pay it."], unanswerable=["Sing!", "Fly!"])
    other = _haystack("b/one", ["Who?"])
    (found,) = cues({"a": [stack], "b": [other]})["a"]
    assert [query.text for query in found.haystack.queries] == ["Pay it."]
    assert (found.haystack.documents, found.absent, found.own) == (stack.documents, stack.unanswerable, ())


def test_a_labelled_set_that_rejects_nothing_is_asked_foreign_questions() -> None:
    """Like any other; and its labelled utterances are questions to others."""
    labelled = _haystack("a/one", [], labelled=["Pay it."])
    plain = _haystack("b/one", ["Who?"])
    found = cues({"a": [labelled], "b": [plain]})
    assert (_absent(found["a"][0]), _absent(found["b"][0])) == (["Who?"], ["Pay it."])


def test_foreign_questions_come_from_the_other_haystacks_of_the_set_first() -> None:
    """And only from those; unanswerable ones are asked of their own haystack alone, apart."""
    one = _haystack("b/one", ["1a", "1b", "1c"], unanswerable=["1x"])
    two, three = _haystack("b/two", ["2a"], unanswerable=["2x"]), _haystack("b/three", ["3a", "3b"])
    found = cues({"a": [_haystack("a/one", ["Who?"])], "b": [one, two, three]})["b"]
    assert [_absent(each) for each in found] == [["2a", "3a", "3b"], ["1a"], ["1a", "1c"]]
    assert [[query.text for query in each.own] for each in found] == [["1x"], ["2x"], []]
    assert [each.haystack for each in found] == [one, two, three]
    assert {query.id for query in found[1].absent} == {"id of 1a"}
    assert all(query.gold == {} for each in found for query in each.absent)


def test_a_set_of_one_haystack_asks_the_next_set_by_name() -> None:
    """In whichever order they were loaded; after the last comes the first, and one that asks nothing is passed over."""
    sets = {name: [_haystack(f"{name}/one", [f"of {name}"])] for name in "dab"}
    sets["c"] = [_haystack("c/one", [])]
    found = cues(sets)
    assert list(found) == ["d", "a", "b"]
    assert {name: _absent(each[0]) for name, each in found.items()} == {"a": ["of b"], "b": ["of d"], "d": ["of a"]}


def test_a_set_without_a_source_of_absent_cues_is_none() -> None:
    """Alone with one haystack, or with nothing to be asked."""
    assert cues({"a": [_haystack("a/one", ["Who?"], unanswerable=["Where?"])]}) == {}
    assert cues({"a": [_haystack("a/one", [])], "b": [_haystack("b/one", [], unanswerable=["Where?"])]}) == {}


def test_there_are_no_more_absent_cues_than_present_ones() -> None:
    """They are spread evenly over all there are."""
    many = [f"m{number}" for number in range(10)]
    found = cues({"a": [_haystack("a/one", ["1", "2", "3"])], "b": [_haystack("b/one", many)]})
    assert _absent(found["a"][0]) == ["m0", "m3", "m6"]
    assert _absent(found["b"][0]) == ["1", "2", "3"]


@pytest.mark.parametrize(("count", "texts"), [(0, ""), (1, "a"), (4, "abcd"), (5, "abcde"), (9, "abcde")])
def test_evenly_spaced_means_each_place_once(count: int, texts: str) -> None:
    """All of them where as many are wanted."""
    assert [query.text for query in evenly([_query(text) for text in "abcde"], count)] == list(texts)


def test_names_are_replaced_by_names_of_this_haystack() -> None:
    """By the order in which people speak; roles have no names."""
    here = _haystack("a/one", ["Who?", "When?"], actors=("user", "Tim Cho", None, "Eva", "Tim Cho"))
    there = _haystack(
        "a/two", ["Has Ana's cat met Ben?", "Did the user ask Ana Ray?"], actors=("Ana Ray", "user", "Ben")
    )
    assert people(here) == ["Tim Cho", "Eva"]
    first, second = cues({"a": [here, there]})["a"]
    assert _absent(first) == ["Has Tim's cat met Eva?", "Did the user ask Tim Cho?"]
    assert _absent(second) == ["Who?", "When?"]


@pytest.mark.parametrize(
    ("text", "renaming"),
    [
        ("Ana and Ben, Ana's and Bens'", "Ben and Ana, Ben's and Bens'"),  # they change places, and Bens is nobody
        ("Anatole likes Ana-Lena and ana", "Anatole likes Ben-Lena and ana"),
        ("Is C. D. (Jr.) here?", "Is Ben here?"),
        ("Is C. here?", "Is Ben here?"),
    ],
)
def test_a_name_is_a_whole_word(text: str, renaming: str) -> None:
    """With capitals as it is written, dots and brackets included; names run out and begin again."""
    assert renamed(text, ["Ana", "Ben", "C. D. (Jr.)"], ["Ben", "Ana"]) == renaming


def test_without_people_a_question_stays_as_it_is() -> None:
    """Here or there."""
    assert renamed("Who is Ana?", ["Ana"], []) == renamed("Who is Ana?", [], ["Ben"]) == "Who is Ana?"


def test_a_question_that_becomes_one_of_its_own_is_none() -> None:
    """Whatever its capitals; nor is one asked twice."""
    here = _haystack("a/one", ["Who is Tim?", "2", "3"], actors=("Tim",), unanswerable=["Where is Tim?"])
    there = _haystack("a/two", ["who is Ana?", "Where is Ana?", "Why?", "Why?"], actors=("Ana",))
    assert _absent(cues({"a": [here, there]})["a"][0]) == ["Why?"]


def test_absent_cues_are_asked_at_the_times_of_present_ones() -> None:
    """So that no time tells them apart."""
    here = Haystack("a/one", (Document("0", "text"),), (_query("1", NOON), _query("2")))
    there = _haystack("a/two", ["3", "4"])
    first, second = cues({"a": [here, there]})["a"]
    assert [query.asked_at for query in first.absent] == [NOON, None]
    assert [query.asked_at for query in second.absent] == [None, None]
