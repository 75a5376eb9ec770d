"""The terms of a text: folded, stemmed words without function words. Knows no document and no frequency."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from itertools import chain, groupby, pairwise
from threading import Lock
from typing import NamedTuple

import Stemmer

_FUNCTION_WORDS = """
    a about above after again against all also am an and any are as at
    be because been before being below between both but by
    can cannot could did do does doing done down during each either else ever every few for from further
    had has have having he her here hers herself him himself his how however
    i if in into is it its itself just
    many me might mine more most much must my myself
    neither no nor not of off on once only onto or other ought our ours ourselves out over own
    per please rather same shall she should since so some such
    than that the their theirs them themselves then there these they this those though through thus till to too
    under unless until up upon very via was we were what whatever when whenever where wherever whether which whichever
    while who whoever whom whose why will with within without would yet you your yours yourself yourselves
"""

STOP_WORDS = frozenset(_FUNCTION_WORDS.split())
"""English function words. Not "may" and "us", which are also a month and a country."""

_SPACELESS_BLOCKS = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1100, 0x11FF),  # Hangul Jamo
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3007),  # Han repetition mark, closing mark, zero
    (0x3040, 0x312F),  # Hiragana, Katakana, Bopomofo
    (0x31F0, 0x31FF),  # Katakana extensions
)
_SPACELESS_WHOLE = "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003fffd"
"""Han and Hangul, all letters. Korean has spaces, but its particles cling to words as Japanese ones do."""

_LAST_MARK = 0x1FFFF  # beyond lie ideographs, tags and variation selectors

# What no reader sees: soft hyphen, joiners, byte order mark, variation selectors; and the dot that casefold
# leaves behind the Turkish capital I.
_UNSEEN = dict.fromkeys([0x00AD, 0x0307, 0x200C, 0x200D, 0x2060, 0xFEFF, *range(0xFE00, 0xFE10)])
_FOLDED = _UNSEEN | {0x2018: "'", 0x2019: "'", 0x02BC: "'"}

# 1,000 and 3.5 are one word each; 3.5.1998 and 1.2.3 are three, so that the year alone finds a date.
_NUMBER = r"(?<!\d[.,])\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![.,]?\d)|(?<!\d[.,])\d+\.\d+(?![.,]?\d)"
_ASCII_WORD = re.compile(rf"{_NUMBER}|[a-z0-9]+(?:'[a-z0-9]+)*")
_SPELT = re.compile(r"\w[\w'’-]*")
_SIMPLE_WORD = re.compile(rf"{_NUMBER}|[^\W_]+(?:'[^\W_]+)*")
_TO_FOLD = re.compile(f"[{''.join(map(chr, _FOLDED))}]")

_stemmer = Stemmer.Stemmer("english", 0)  # no cache of its own: whole words are memoised below
_stemming = Lock()  # a stemmer keeps the word it works on in itself


def terms(text: str) -> list[str]:
    """The terms of a text, in order and with repetitions.

    Words of any script, NFKC and casefolded, parted at everything else and at underscores. English possessives,
    contractions and function words are dropped; the rest goes through the English Snowball stemmer ("Porter2",
    Porter 2001), which leaves other scripts as they are. Scripts written without spaces, and Korean, become
    overlapping pairs of characters, as in Lucene's CJKBigramFilter. Numbers and accents stay.

    Args:
        text: Of any length and language.

    Returns:
        Possibly none: a text of function words or of emoji has no terms.

    Example:
        >>> terms("Ana's dogs weren't running: user_name = 3.5")
        ['ana', 'dog', 'run', 'user', 'name', '3.5']
        >>> terms("東京タワー")
        ['東京', '京タ', 'タワ', 'ワー']
    """
    if text.isascii():
        words = _ASCII_WORD.findall(text.lower())
    else:
        # Casefolding can undo the composition, so it is composed again.
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        if _TO_FOLD.search(folded):
            folded = folded.translate(_FOLDED)
        special = _special()
        words = (special.word if special.character.search(folded) else _SIMPLE_WORD).findall(folded)
    return [term for word in words for term in (_remembered if len(word) < _LONG else _terms_of)(word)]


def keywords(text: str) -> str:
    """The words of a text as they stand there, without function words: what is left of a cue in the way of a telegram.

    Example:
        >>> keywords("When did Caroline's sister go to the park?")
        "Caroline's sister go park"
    """
    return " ".join(word for word in _SPELT.findall(text) if word.casefold() not in STOP_WORDS)


def _terms_of(word: str) -> tuple[str, ...]:
    """The terms of what a pattern found: none, one, or several."""
    if not word.isascii() and _special().spaceless.match(word):
        characters = _special().spaceless.findall(word)
        return tuple(map("".join, pairwise(characters))) or (word,)
    if word[0].isdigit() and not word.isalnum() and "'" not in word:
        return (word.replace(",", ""),)
    if word in STOP_WORDS or word.endswith("n't"):
        return ()
    first, *rest = word.split("'")
    if rest and rest[-1] in {"s", "m", "d", "re", "ve", "ll"}:
        rest.pop()
    with _stemming:
        return tuple(_stemmer.stemWord(part) for part in (first, *rest) if part not in STOP_WORDS)


_LONG = 48  # characters from which on a word is not worth remembering: an address, a line of Chinese
_remembered = lru_cache(maxsize=131_072)(_terms_of)


class _Special(NamedTuple):
    """Patterns for texts of more than letters.

    Attributes:
        word: A word of any script, or a run of a script without spaces.
        character: What may ask for these patterns: a mark, a letter of a script without spaces, all beyond U+FFFF.
        spaceless: One letter of a script without spaces, with its marks.
    """

    word: re.Pattern[str]
    character: re.Pattern[str]
    spaceless: re.Pattern[str]


@cache
def _special() -> _Special:
    r"""Made when the first text needs them, in 20 ms.

    Python's \w leaves out the marks that Indic, Thai and pointed Semitic words are written with.
    """
    mark = _ranges(filter(_is_mark, range(0x300, _LAST_MARK)))
    blocks = chain.from_iterable(range(first, last + 1) for first, last in _SPACELESS_BLOCKS)
    letter = _ranges(filter(_is_letter, blocks)) + _SPACELESS_WHOLE
    spaced = rf"[^\W_{letter}]+(?:[{mark}]+[^\W_{letter}]*)*"
    spaceless = f"[{letter}][{mark}]*"
    word = f"{_NUMBER}|(?:{spaceless})+|{spaced}(?:'{spaced})*"
    # Few rare scripts lie beyond U+FFFF, and asking for all of that is ten times as fast as asking for their marks.
    character = f"[{letter}{_ranges(filter(_is_mark, range(0x300, 0x10000)))}\U00010000-\U0010ffff]"
    return _Special(*map(re.compile, (word, character, spaceless)))


def _ranges(codes: Iterable[int]) -> str:
    """Ascending characters as the inside of a class: ranges, since a class is searched one by one beyond U+FFFF."""
    runs = groupby(enumerate(codes), lambda pair: pair[1] - pair[0])
    ends = [(run[0][1], run[-1][1]) for run in (list(run) for _, run in runs)]
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ends)


def _is_mark(code: int) -> bool:
    return unicodedata.category(chr(code)) in {"Mn", "Mc"}


def _is_letter(code: int) -> bool:
    return unicodedata.category(chr(code))[0] == "L" or chr(code) == "〇"  # a zero among the ideographs
