"""A cue taken apart into what each field can look for. Knows text and namespaces' words, no vector and no score."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from am_agent.lexical.spelling import nearest, worth_looking_up
from am_agent.lexical.terms import STOP_WORDS, keywords, terms
from am_agent.times import Period, holds_time, times_in
from am_agent.working_set import Snapshot

_WORD = re.compile(r"\w+(?:[-.]\w+)*")
_MISSPELT = re.compile(r"(?<![\w'’])[^\W\d_]{5,}(?!\w|['’]t\b)")  # not a part of a code, nor of "couldn't"
_SPEAKER = re.compile(r"\b(?:i|me|my|mine|myself|we|us|our|ours)\b", re.IGNORECASE)
_ADDRESSED = re.compile(r"\b(?:you|your|yours|yourself)\b", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s+|\n+")

SPEAKERS = ("user", "human")
"""What an actor is called whom a cue in the first person is about."""

ADDRESSED = ("assistant", "ai")
"""What an actor is called whom a cue addresses."""

_ROLES = frozenset((*SPEAKERS, *ADDRESSED, "system", "tool"))

_LONG = 64
"""Words from which on a cue is taken for several: whoever hands over a prompt means one sentence of it."""

_SENTENCE = 40
"""Words at which a sentence of such a cue is cut."""

_LETTERS = 10
"""Characters that count as a word: some scripts have no spaces."""

_SURE = {1: 0.7, 2: 0.4}
"""How much a guess counts by the slips that it assumes: a word that is nowhere here may as well be spelt right."""

_MOST = 64
"""Parts of a cue, at the most; of a longer one, the parts are longer."""


@dataclass(frozen=True, slots=True)
class Question:
    """A cue, feature by feature; what it does not have is None or empty.

    Attributes:
        parts: Its text; several parts where it is long, of which one may be what is meant.
        corrected: The same, with words that are nowhere replaced by what they may have been meant to be.
        terms: The terms of each part with their counts, and what such words may have been meant to be with less.
        names: By what actors are called who are mentioned, folded.
        speaker: Whether it speaks of the one who asks.
        addressed: Whether it speaks of the one who is asked.
        actor: Whom it names outside the text.
        periods: The times it names.
        near: The row number of the episode next to which is sought.
        notes: What a person should know about how it was read.
    """

    parts: tuple[str, ...] = ()
    corrected: tuple[str, ...] = ()
    terms: tuple[Mapping[str, float], ...] = ()
    names: frozenset[str] = frozenset()
    speaker: bool = False
    addressed: bool = False
    actor: str | None = None
    periods: tuple[Period, ...] = ()
    near: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def readings(self) -> Sequence[str]:
        """The texts that its content is the mean of, or the parts of a long one.

        A cue of one part is read as it stands, as corrected, and as a telegram: an encoder that was taught by whole
        questions is thrown off by half of one, and by words that are none.
        """
        if len(self.parts) != 1:
            return self.corrected
        read = (self.parts[0], self.corrected[0], keywords(self.corrected[0]))
        return list(dict.fromkeys(filter(None, read)))

    @property
    def silent(self) -> bool:
        """Whether it has a text that says nothing, of function words only, and nothing beside it."""
        beside = self.names or self.periods or self.actor is not None or self.near is not None
        return bool(self.parts) and bool(self.terms) and not any(self.terms) and not beside


def parts_of(text: str) -> list[str]:
    """A text as it is, or its sentences where it is long.

    Example:
        >>> parts_of("What is the dog called?")
        ['What is the dog called?']
    """
    if max(len(text.split()), len(text) // _LETTERS) <= _LONG:
        return [text]
    pieces: list[str] = []
    for sentence in filter(None, _SENTENCE_END.split(text)):
        words = sentence.split()
        for start in range(0, len(words), _SENTENCE):
            piece = " ".join(words[start : start + _SENTENCE])
            pieces += [piece[at : at + _SENTENCE * _LETTERS] for at in range(0, len(piece), _SENTENCE * _LETTERS)]
    stride = -(-len(pieces) // _MOST)
    return [" ".join(pieces[start : start + stride]) for start in range(0, len(pieces), stride)]


def read(
    text: str | None,
    snapshots: Sequence[Snapshot],
    now: datetime,
    *,
    actor: str | None = None,
    periods: Sequence[Period] = (),
    near: int | None = None,
) -> Question:
    """Take a cue apart.

    Args:
        text: Of any length; None where the cue has none.
        snapshots: Of the namespaces it is asked of: their words decide what is misspelt, their actors who is meant.
        now: What "last week" refers to.
        actor: Given beside the text.
        periods: Given beside the text.
        near: Given beside the text.
    """
    if text is None:
        return Question(actor=actor, periods=tuple(periods), near=near)
    notes: list[str] = []
    parts, slips = parts_of(text), dict[str, _Guess]()
    corrected = [_corrected(part, snapshots, slips) for part in parts]
    notes += [f"{word!r} is nowhere here; it may be {guess.word!r}" for word, guess in slips.items()]
    asked = " ".join(corrected)
    found = times_in(text, now) if holds_time(text) else None
    if found is not None:
        notes += [f"the time {each.phrase!r} was ignored: {each.reason}" for each in found.unread]
    return Question(
        parts=tuple(parts),
        corrected=tuple(corrected),
        terms=tuple(_counted(part, slips) for part in parts),
        names=_mentioned(asked, snapshots),
        speaker=_SPEAKER.search(asked) is not None,
        addressed=_ADDRESSED.search(asked) is not None,
        actor=actor,
        periods=(*periods, *(found.periods if found is not None else ())),
        near=near,
        notes=tuple(notes),
    )


def _mentioned(text: str, snapshots: Sequence[Snapshot]) -> frozenset[str]:
    """What actors are called whom a text mentions; a role such as "user" is a common word and mentions nobody."""
    words = [match.group() for match in _WORD.finditer(text)]
    folded = [word.casefold() for word in words]
    found = set()
    for size in range(1, 5):
        for start in range(len(words) - size + 1):
            name = " ".join(folded[start : start + size])
            if name in _ROLES or (name in STOP_WORDS and words[start].islower()):
                continue
            if any(name in snapshot.called for snapshot in snapshots):
                found.add(name)
    return frozenset(found)


class _Guess(NamedTuple):
    """What a word may have been meant to be, and how many slips lie between."""

    word: str
    slips: int


def _counted(text: str, slips: Mapping[str, _Guess]) -> Mapping[str, float]:
    """The terms of a text with their counts; a guess counts for less, the more slips it assumes."""
    counts: dict[str, float] = dict(Counter(terms(text)))
    for match in _MISSPELT.finditer(text):
        guess = slips.get(match.group().casefold())
        if guess is not None:
            for term in terms(guess.word):
                counts[term] = counts.get(term, 0.0) + _SURE[guess.slips]
    return counts


def _corrected(text: str, snapshots: Sequence[Snapshot], slips: dict[str, _Guess]) -> str:
    """The text with words that are nowhere in the namespaces replaced by what they are nearest to, if there is such."""
    found = {match.group().casefold() for match in _MISSPELT.finditer(text)}
    unknown = [word for word in found if worth_looking_up(word) and not _known(word, snapshots)]
    for word in sorted(unknown, key=text.casefold().find):
        if word not in slips:
            meant = _meant(word, snapshots)
            if meant is not None:
                slips[word] = meant
    if not any(word in slips for word in unknown):
        return text

    def mended(match: re.Match[str]) -> str:
        guess = slips.get(match.group().casefold())
        return match.group() if guess is None else guess.word

    return _MISSPELT.sub(mended, text)


def _known(word: str, snapshots: Sequence[Snapshot]) -> bool:
    """Whether a word is there, or is none: a function word has no term, a run of a script without spaces several.

    It may be there as a part of a code only, such as "harbour2", of which it is no term; it is not misspelt, then.
    """
    stems = terms(word)
    return len(stems) != 1 or any(
        word in snapshot.called
        or snapshot.words.frequencies(stems, snapshot.roster.alive)[0] > 0
        or snapshot.spellings.frequencies([word], snapshot.roster.alive)[0] > 0
        for snapshot in snapshots
    )


def _meant(word: str, snapshots: Sequence[Snapshot]) -> _Guess | None:
    """The nearest word that is there: of equally near ones a name, or else the one in the most episodes."""
    found: list[tuple[int, float, str]] = []
    for snapshot in snapshots:
        names = [name for name in list(snapshot.called) if worth_looking_up(name)]
        found += [(slips, -math.inf, name) for name, slips in nearest(word, names).items()]
        words = nearest(word, snapshot.spellings.vocabulary())
        counts = snapshot.spellings.frequencies(list(words), snapshot.roster.alive).tolist()
        found += [(slips, -often, each) for (each, slips), often in zip(words.items(), counts, strict=True) if often]
    if not found:
        return None
    distance, _, meant = min(found)
    return _Guess(meant, distance)
