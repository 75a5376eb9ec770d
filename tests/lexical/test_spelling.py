"""Misspelt words against a naive edit distance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent.lexical.spelling import nearest, spelt, worth_looking_up

WORDS = st.text("abc", min_size=5, max_size=8)

SPELT = {
    "": [],
    "Ana adopted two dogs, Ana's DOGS": ["adopted", "dogs"],
    "it is a new cat": [],
    "user_name, 1998, a4paper, well-known": ["user", "name", "paper", "well", "known"],
    "Straße Größe": ["strasse", "grösse"],
    "Привет, МИР": ["привет"],
    "我们是中国人": ["我们是中国人"],
    "🙂": [],
}

LONG_ENOUGH = {
    "": False,
    "dogs": False,
    "hound": True,
    "v1998": False,
    "user_name": False,
    "don't": False,
    "größe": True,
    "привет": True,
}

NEAREST = {
    "hound": {"hound": 0, "sound": 1, "mound": 1},
    "hund": {"hound": 1},
    "hounds": {"hound": 1, "sound": 2, "mound": 2},
    "huond": {"hound": 1},
    "houses": {},
    "hounded": {"hound": 2},
    "xylophone": {},
}


@pytest.mark.parametrize("text", SPELT)
def test_the_words_of_a_text(text: str) -> None:
    assert spelt(text) == SPELT[text]


@pytest.mark.parametrize("word", LONG_ENOUGH)
def test_short_words_and_codes_are_not_looked_up(word: str) -> None:
    assert worth_looking_up(word) is LONG_ENOUGH[word]


@pytest.mark.parametrize("word", NEAREST)
def test_examples(word: str) -> None:
    """Ordered by slips, and then as the vocabulary is."""
    assert list(nearest(word, ["sound", "mound", "hound"]).items()) == list(NEAREST[word].items())


def test_a_short_word_may_be_one_slip_away_and_a_long_one_two() -> None:
    assert nearest("abcde", ["abcdx", "abcxy"]) == {"abcdx": 1}
    assert nearest("abcdef", ["abcdex", "abcdxy", "abcxyz"]) == {"abcdex": 1, "abcdxy": 2}


def _slips(one: str, other: str) -> int:
    """Optimal string alignment, as its recurrence is printed."""
    table = {(row, column): max(row, column) for row in range(len(one) + 1) for column in range(len(other) + 1)}
    for row, first in enumerate(one, 1):
        for column, second in enumerate(other, 1):
            ways = [table[row - 1, column] + 1, table[row, column - 1] + 1]
            ways.append(table[row - 1, column - 1] + (first != second))
            if row > 1 and column > 1 and one[row - 2 : row] == other[column - 2 : column][::-1]:
                ways.append(table[row - 2, column - 2] + 1)
            table[row, column] = min(ways)
    return table[len(one), len(other)]


@given(WORDS, st.lists(st.text("abc", max_size=9), unique=True, max_size=8))
def test_the_nearest_are_those_of_the_recurrence(word: str, vocabulary: list[str]) -> None:
    most = 2 if len(word) >= 6 else 1
    expected = {other: slips for other in vocabulary if (slips := _slips(word, other)) <= most}
    assert nearest(word, vocabulary) == expected
    assert list(nearest(word, vocabulary).values()) == sorted(expected.values())


@given(st.text("abc", min_size=6, max_size=8), st.text("abc", min_size=6, max_size=8))
def test_two_long_words_are_as_near_to_each_other(one: str, other: str) -> None:
    assert nearest(one, [other]).get(other) == nearest(other, [one]).get(one)
    assert nearest(one, [one]) == {one: 0}


@given(st.text(), st.lists(st.text()))
def test_any_text_has_an_answer(word: str, vocabulary: list[str]) -> None:
    """Whatever is looked up, among whatever; the vocabulary only is ever found."""
    assert set(nearest(word, vocabulary)) <= set(vocabulary)
    words = spelt(word)
    assert len(words) == len(set(words))
    assert all(len(each) >= 4 and each.casefold() == each for each in words)
    assert worth_looking_up(word) <= word.isalpha()
