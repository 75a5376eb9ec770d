"""The entities of texts in several scripts, and where they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent.lexical.entities import entities
from am_agent.lexical.terms import STOP_WORDS

EXAMPLES = {
    "": {},
    "no capitals at all": {},
    "She met Ada Lovelace in London.": {"ada lovelace": 8, "london": 24},
    "Ada Lovelace wrote it": {"ada lovelace": 0},
    "The Royal Society was closed": {"royal society": 4},
    "In London it rains": {"london": 3},
    "The Of": {},
    "the House of the Seven Gables": {"house of the seven gables": 4},
    "by Ludwig van Beethoven & Sons": {"ludwig van beethoven & sons": 3},
    "I know. I do": {},
    "Yesterday we met Bob. Alice came late! Carol? Dave: hello": {"bob": 17},
    "first line\nSecond line\n- Item\n# Heading": {},
    "she read “The Great Gatsby” and (Moby Dick)": {"great gatsby": 14, "moby dick": 33},
    "he said “Hello” to Bob": {"bob": 19},
    "see TICKET-12, ABC_9 and v2 of 3M": {"ticket-12": 4, "abc_9": 15},
    "the U.S. and O'Brien and O’Hara": {"u.s": 4, "o'brien": 13, "o’hara": 25},
    "NASA LAUNCHES ROCKET: CREW SAFE": {"nasa launches rocket": 0, "crew safe": 22},
    "met Ada\n  Lovelace": {"ada lovelace": 4},
    "an iPhone, a MacBook": {"macbook": 13},
    "Bob saw Bob and BOB": {"bob": 8},
    "she met Émile Zola, Šime and Ørsted in Łódź": {"émile zola": 8, "šime": 20, "ørsted": 29, "łódź": 39},
    "é łuk zażółć": {},
    "Я видел Анну Каренину в Москве": {"анну каренину": 8, "москве": 24},
    "στην Αθήνα": {"αθήνα": 5},
    "das Weiße Haus": {"weisse haus": 4},
    "in İstanbul": {"i̇stanbul": 3},
    "a ǅungla": {"ǆungla": 2},
    "我 是中国人 在 北京": {},
    "ที่ กรุงเทพ": {},
    "سلام دنیا خوب": {},
    "हम लोग आए": {},
    "🙂 👍": {},
}


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples(text: str) -> None:
    assert dict(entities(text)) == EXAMPLES[text]


WORDS = st.sampled_from(
    ["Ada", "Lovelace", "The", "of", "the", "In", "met", "TICKET-12", "É", "Łódź", "ß", "我", "A.", "“B"]
)
TEXTS = st.lists(st.tuples(WORDS, st.sampled_from([" ", "  ", "\n", ". ", ", ", ""]))).map(
    lambda pairs: "".join(part for pair in pairs for part in pair)
)


@given(TEXTS | st.text(max_size=30))
def test_an_entity_is_where_it_is_said_to_be(text: str) -> None:
    """Up to folding and white space; it begins with a capital and is no function word."""
    for name, start in entities(text).items():
        words = name.split()
        assert " ".join(words) == name
        assert " ".join(text[start:].casefold().split()).startswith(name)
        assert text[start].isupper() or text[start].istitle()
        assert words[0] not in STOP_WORDS


@given(TEXTS)
def test_a_line_in_front_moves_every_entity(text: str) -> None:
    """What a text names does not depend on what was said before it."""
    front = "nothing here.\n"
    assert entities(front + text) == {name: start + len(front) for name, start in entities(text).items()}


@given(TEXTS)
def test_an_accent_elsewhere_takes_another_path_to_the_same(text: str) -> None:
    """Texts of ASCII letters have a pattern of their own."""
    assert entities(f"{text}\né") == entities(f"{text}\ne")
