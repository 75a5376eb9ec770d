"""Terms of texts in several scripts, and what holds for any text."""

from concurrent.futures import ThreadPoolExecutor
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent.lexical.terms import STOP_WORDS, keywords, terms

EXAMPLES = {
    "": "",
    "The Dogs, running!": "dog run",
    "Ana's Ana’s Ana dogs' dog": "ana ana ana dog dog",
    "isn't don’t can't we're I'll they've who's": "",
    "O'Brien, l'homme": "o brien l homm",
    "To be, or not to be?": "",
    "in May, in the US": "may us",
    "user_name __init__ parseURL": "user name init parseurl",
    "well-known e-mail ana@example.org": "well known e mail ana exampl org",
    "1998, 1990s, 42nd": "1998 1990s 42nd",
    "3.5 or -0.25.": "3.5 0.25",
    "1,000 and 1000 and 1,234,567.5": "1000 1000 1234567.5",
    "1,2,3 and 1000,5": "1 2 3 1000 5",
    "03.05.1998 v1.2.3 10:30 2021-03-04": "03 05 1998 v1 2 3 10 30 2021 03 04",
    "10.5kg": "10.5 kg",
    "ﬁne Ｆｕｌｌ ½": "fine full 1 2",
    "STRASSE Straße": "strass strass",
    "café cafe\u0301 CAFÉ": "café café café",
    "İstanbul istanbul": "istanbul istanbul",
    "soft\u00adware zero\u200bwidth \ufeffmark": "softwar zero width mark",
    "Привет, МИР": "привет мир",
    "ΟΔΥΣΣΕΥΣ Οδυσσευς": "οδυσσευσ οδυσσευσ",
    "हिन्दी में लिखा": "हिन्दी में लिखा",
    "שָׁלוֹם עולם": "שָׁלוֹם עולם",
    "می\u200cخواهم، میخواهم": "میخواهم میخواهم",
    "我是中国人。猫": "我是 是中 中国 国人 猫",
    "Pythonで書く": "python で書 書く",
    "カタカナ ｶﾞｷﾞ": "カタ タカ カナ ガギ",
    "서울에서": "서울 울에 에서",
    "ลั่นดัง ๓๕": "ลั่น นดั ดัง ๓๕",
    "🙂 👨\u200d👩\u200d👧 ❤\ufe0f !?": "",
}


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples(text: str) -> None:
    assert " ".join(terms(text)) == EXAMPLES[text]


@pytest.mark.parametrize("text", EXAMPLES)
def test_what_surrounds_a_text_does_not_change_its_terms(text: str) -> None:
    """An accent, a mark or an ideograph elsewhere takes another path through the same rules."""
    for other in ("plain", "né", "हि", "中"):
        assert terms(f"{text} {other}") == terms(text) + terms(other)


@given(st.text())
def test_a_term_is_a_word_that_says_something(text: str) -> None:
    found = terms(text)
    assert all(found)
    assert not any(character.isspace() or character == "_" for term in found for character in term)
    assert not STOP_WORDS.intersection(terms(" ".join(STOP_WORDS)))


LETTERS = st.text(st.characters(categories=["Lu", "Ll", "Lo", "Nd"]), min_size=1)


@given(LETTERS.map(lambda text: normalize("NFKC", text)).filter(str.isalnum), st.integers(1, 3))
def test_case_and_repetition_do_not_matter(text: str, times: int) -> None:
    """Letters of any script are never lost, unless the whole is an English function word."""
    found = terms(text)
    assert found or text.casefold().replace("\u0307", "") in STOP_WORDS  # the dot of a Turkish capital I
    assert terms(" ".join([text] * times)) == found * times
    assert terms(text.casefold()) == found


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("When did Caroline's sister GO to the park?", "Caroline's sister GO park"),
        ("What is it, and WHY?", ""),
        ("a well-known e-mail of user_name, v1.2", "well-known e-mail user_name v1 2"),
        ("Pythonで書く, и мир", "Pythonで書く и мир"),
        ("already short", "already short"),
        ("", ""),
    ],
)
def test_keywords_are_words_as_they_stand(text: str, left: str) -> None:
    """In their order and case, unstemmed, without function words and marks."""
    assert keywords(text) == left
    assert keywords(left) == left


@given(st.text(max_size=60))
def test_keywords_have_no_function_word(text: str) -> None:
    assert not STOP_WORDS.intersection(keywords(text).casefold().split())


def test_threads_stem_alike() -> None:
    """A stemmer keeps its word in itself; words no thread has seen before still come out right."""
    texts = [f"running{letter}s jumped{letter}ing" for letter in "abcdefghijklmnopqrstuvwxyz"] * 20
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(terms, texts))
    assert found == [terms(text) for text in texts]
    assert found[0] == ["runninga", "jumpeda"]


def test_a_long_word_is_cut_nowhere() -> None:
    assert terms("x" * 10_000) == ["x" * 10_000]
    assert len(terms("中国" * 5_000)) == 9_999
