"""The entities that a text names, found by their spelling: names of several words, quoted titles, codes. No model.

English writes a name with capitals, so a run of capitalised words inside a sentence is one. A single capitalised word
that opens a sentence tells nothing and is left out. Scripts without capitals name no entity here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache

from am_agent.lexical.terms import STOP_WORDS

_JOINT = r"(?:of|the|de|von|van|du|la|le|&)"
_OPENING = re.compile(r"(?:^|[.!?:;…\n\"“”(*#>-])\s*$")
_BEFORE = 4  # characters that decide whether a sentence opens


def entities(text: str) -> Mapping[str, int]:
    """The entities of a text, folded to lower case, each with the place of its first character.

    Example:
        >>> dict(entities("She met Ada Lovelace in London. The Royal Society was closed."))
        {'ada lovelace': 8, 'london': 24, 'royal society': 36}
    """
    found: dict[str, int] = {}
    for run in (_ASCII_RUN if text.isascii() else _any_run()).finditer(text):
        words, start = run.group().split(), run.start()
        opens = bool(_OPENING.search(text[max(0, start - _BEFORE) : start]))
        while words and words[0].lower() in STOP_WORDS:  # "The Royal Society", and "In London" at the beginning
            start = text.index(words[1], start + len(words[0])) if len(words) > 1 else start
            words, opens = words[1:], False
        if words and not (opens and len(words) == 1):
            found.setdefault(" ".join(words).casefold(), start)
    return found


def _run_of(capital: str) -> re.Pattern[str]:
    """A run of words that begin with a character of a class, given as its inside."""
    word = rf"[{capital}](?:[\w'’.&-]*\w)?"
    return re.compile(rf"(?<![\w'’]){word}(?:\s+(?:{_JOINT}\s+){{0,2}}{word})*")


_ASCII_RUN = _run_of("A-Z")


@cache
def _any_run() -> re.Pattern[str]:
    """The same with the capitals of every script, made when the first text needs it, in 10 ms."""
    return _run_of("".join(filter(_is_capital, map(chr, range(0x10000)))))


def _is_capital(character: str) -> bool:
    return unicodedata.category(character) in {"Lu", "Lt"}
