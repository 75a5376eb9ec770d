"""What a misspelt word was meant to be, among the words that are there. Knows words, no text and no document."""

from __future__ import annotations

import re
from collections.abc import Sequence

_LONG = re.compile(r"[^\W\d_]{4,}")
_SHORTEST = 5
"""Letters of a word that is looked up: a shorter one has too many neighbours."""

_TWO_SLIPS = 6
"""Letters from which on a word may be two slips away instead of one."""


def spelt(text: str) -> list[str]:
    """The words of a text that others can be taken for, folded, each once.

    Example:
        >>> spelt("Ana adopted two dogs, Ana's dogs")
        ['adopted', 'dogs']
    """
    return list(dict.fromkeys(_LONG.findall(text.casefold())))


def worth_looking_up(word: str) -> bool:
    """Whether a word is long enough, and made of letters only."""
    return len(word) >= _SHORTEST and word.isalpha()


def nearest(word: str, vocabulary: Sequence[str]) -> dict[str, int]:
    """The words that a word may have been meant to be, with the number of slips that lie between.

    A slip is a letter too many, too few, or another one, or two neighbours swapped (optimal string alignment,
    Damerau 1964; Boytsov 2011).

    Args:
        word: Folded, worth looking up.
        vocabulary: The words there are, folded.

    Example:
        >>> nearest("suport", ["sport", "support", "report", "cat"])
        {'sport': 1, 'support': 1, 'report': 2}
    """
    from rapidfuzz import process  # 20 ms, and only for who mistypes
    from rapidfuzz.distance import OSA

    slips = 2 if len(word) >= _TWO_SLIPS else 1
    found = process.extract(word, vocabulary, scorer=OSA.distance, score_cutoff=slips, limit=None)
    return {each: int(distance) for each, distance, _ in sorted(found, key=lambda hit: (hit[1], hit[2]))}
