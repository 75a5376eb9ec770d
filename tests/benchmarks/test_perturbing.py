"""Perturbed queries: what each perturbation changes and what it leaves, over all texts, seeds and ids."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.beir import Document, Haystack, Query
from benchmarks.perturbing import PERTURBATIONS, PROMPT, perturbed

TEXTS = st.text(min_size=1).filter(str.strip)
SENTENCES = st.lists(st.text("abcxyzÄé", min_size=1, max_size=12), min_size=1, max_size=12).map(" ".join)


def _changed(text: str, how: str, seed: int = 0, key: str = "q") -> str:
    (query,) = perturbed(Haystack("set/stack", (), (Query(key, text, None, {"d": 1}),)), how, seed).queries
    return query.text


def _distance(first: str, second: str) -> int:
    """How many letters are put in, taken out, replaced or swapped with a neighbour, at the least: the plain table."""
    table = [[row + column for column in range(len(second) + 1)] for row in range(len(first) + 1)]
    for row in range(1, len(first) + 1):
        for column in range(1, len(second) + 1):
            costs = [
                table[row - 1][column] + 1,
                table[row][column - 1] + 1,
                table[row - 1][column - 1] + (first[row - 1] != second[column - 1]),
            ]
            if row > 1 and column > 1 and first[row - 2 : row] == second[column - 2 : column][::-1]:
                costs.append(table[row - 2][column - 2] + 1)
            table[row][column] = min(costs)
    return table[-1][-1]


@pytest.mark.parametrize("how", PERTURBATIONS)
def test_only_the_texts_of_queries_change(how: str) -> None:
    """Documents, ids, times, gold, notes and the order of queries stay."""
    noon = datetime(2024, 5, 1, 12, tzinfo=UTC)
    queries = tuple(Query(f"q{number}", "Where did Benjamin travel?", noon, {"d": number}) for number in (1, 2))
    haystack = Haystack("set/stack", (Document("d", "Benjamin went to Lisbon."),), queries, ("a note",))
    found = perturbed(haystack, how)
    assert (found.name, found.documents, found.notes) == (haystack.name, haystack.documents, haystack.notes)
    assert [(each.id, each.asked_at, each.gold) for each in found.queries] == [
        (each.id, each.asked_at, each.gold) for each in queries
    ]
    assert all(each.text != "Where did Benjamin travel?" for each in found.queries)


@given(TEXTS, TEXTS, st.integers(), st.sampled_from(list(PERTURBATIONS)))
def test_a_text_is_a_function_of_seed_id_and_text(text: str, other: str, seed: int, how: str) -> None:
    """What else is asked, and in which order, does not matter."""
    alone = _changed(text, how, seed)
    asked = (Query("other", other, None, {}), Query("q", text, None, {}))
    assert perturbed(Haystack("another", (), asked), how, seed).queries[1].text == alone


def test_the_seed_and_the_id_matter_where_something_is_drawn() -> None:
    """What comes of this sentence is written down: it is the same on every machine."""
    text = "Which instrument does the grandmother of Benjamin practise every Saturday?"
    assert _changed(text, "drop") == "the grandmother of Benjamin practise"
    assert _changed(text, "typos") == "Which inystrumeyt does the ganymother of Bejamn pactie every aSurday?"
    for how in ("typos", "drop"):
        assert len({_changed(text, how), _changed(text, how, seed=1), _changed(text, how, key="p")}) == 3


@given(TEXTS)
def test_the_prompt_stands_before_the_text(text: str) -> None:
    """The text itself is as it was, after a blank line."""
    assert _changed(text, "prompt") == PROMPT.rstrip("\n") + "\n\n" + text


def test_the_prompt_has_about_300_words() -> None:
    """And is longer than the window of the baselines' encoder, which is why it is here."""
    assert 285 <= len(PROMPT.split()) <= 320


@given(SENTENCES, st.integers())
def test_long_words_have_two_typos_and_the_others_none(text: str, seed: int) -> None:
    """A word of six letters or more differs by one or two typos, and every other character stays."""
    words, typed = text.split(" "), _changed(text, "typos", seed).split(" ")
    for word, each in zip(words, typed, strict=True):
        if len(word) > 5:
            assert 1 <= _distance(word, each) <= 2
        else:
            assert each == word


def test_most_long_words_need_two_typos_to_be_put_right() -> None:
    """All four kinds of typo are made, and seldom do two come to one."""
    distances = [_distance("instrument", _changed("instrument", "typos", seed)) for seed in range(200)]
    assert set(distances) <= {1, 2}
    assert sum(distance == 2 for distance in distances) > 190
    lengths = {len(_changed("instrument", "typos", seed)) for seed in range(200)}
    assert lengths == {8, 9, 10, 11, 12}
    assert any(sorted(_changed("instrument", "typos", seed)) == sorted("instrument") for seed in range(200))


def test_what_is_no_letter_parts_words_and_stays() -> None:
    """Digits, hyphens and apostrophes; a word of five letters is short."""
    text = "It's the 1234567 of Ana-Maria's house, isn't it? 2024-05-01!"
    assert _changed(text, "typos") == text
    assert _changed("aaaaaa", "typos") != "aaaaaa"


@given(TEXTS, st.integers())
def test_half_of_the_words_are_dropped(text: str, seed: int) -> None:
    """Rounded down, so that one stays; those that stay keep their order."""
    words, kept = text.split(), _changed(text, "drop", seed).split()
    assert len(kept) == len(words) - len(words) // 2 >= 1
    rest = iter(words)
    assert all(each in rest for each in kept)


def test_every_word_may_be_dropped() -> None:
    """None is spared for its place."""
    seen = {word for seed in range(50) for word in re.findall(r"\w", _changed("a b c d", "drop", seed))}
    assert seen == set("abcd")


def test_another_perturbation_is_refused() -> None:
    """Even where nothing is asked."""
    with pytest.raises(KeyError, match="shout"):
        perturbed(Haystack("set/stack", (), ()), "shout")
