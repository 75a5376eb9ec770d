"""What texts say, as indexes by place: terms, spellings, entities, years. Knows texts; no row, no cue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from am_agent.hopfield.intervals import Intervals, IntervalsView
from am_agent.hopfield.roster import Booleans
from am_agent.lexical.entities import entities
from am_agent.lexical.postings import Cells, Postings, PostingsView
from am_agent.lexical.spelling import spelt
from am_agent.lexical.terms import terms
from am_agent.store.caches import Arrays, read_names, written_names
from am_agent.times import years_in

_OPENING = 60
"""Characters of a text whose entities count twice: what a text is about is named at its beginning."""


_PARTS = ("heights", "held", "counts", "lengths")
"""The fields of `Cells` that are arrays."""


@dataclass(frozen=True, slots=True, eq=False)
class WordingView:
    """What a wording was at one moment; later changes leave it as it is.

    Attributes:
        words: The terms of the texts.
        spellings: The words of the texts as they are spelt.
        entities: The entities the texts name.
        years: The years the texts name.
    """

    words: PostingsView
    spellings: PostingsView
    entities: PostingsView
    years: IntervalsView


class Wording:
    """Indexes over texts, aligned with a roster by place. Taking in a text costs the same however many there are.

    Not safe from several threads, but its views are.

    Example:
        >>> wording = Wording()
        >>> wording.append(["tea in Oslo", "the rain of 1994"])
        >>> wording.view().years.meeting(1990, 1999).tolist(), len(wording)
        ([False, True], 2)
    """

    def __init__(self) -> None:
        self._words = Postings()
        self._spellings = Postings()
        self._entities = Postings()
        self._years = Intervals()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def append(self, texts: Sequence[str]) -> None:
        """Take in the texts of the places that follow."""
        self._words.append([terms(text) for text in texts])
        self._spellings.append([spelt(text) for text in texts])
        self._entities.append([_named(text) for text in texts])
        self._years.append([years_in(text) for text in texts])
        self._size += len(texts)

    def compact(self, kept: Booleans) -> None:
        """Keep the places of a mask [n] only, in their order."""
        for index in self._indexes().values():
            index.compact(kept)
        self._years.compact(kept)
        self._size = int(kept.sum())

    def arrays(self, kept: Booleans) -> dict[str, npt.NDArray[Any]]:
        """What it says of the places of a mask [n], to be written down; nothing in it is of any other place."""
        found: dict[str, npt.NDArray[Any]] = {}
        for name, index in self._indexes().items():
            cells = index.view().compacted(kept)
            found |= {f"{name}.{part}": getattr(cells, part) for part in _PARTS}
            found[f"{name}.terms"] = written_names(list(cells.terms))
        years = self._years.view().compacted(kept)
        return found | {"years.places": years.places, "years.firsts": years.firsts, "years.lasts": years.lasts}

    @staticmethod
    def of(arrays: Arrays, size: int) -> Wording:
        """What was written down of so many places."""
        made = Wording()
        made._words, made._spellings, made._entities = (
            Postings.of(
                Cells(read_names(arrays[f"{name}.terms"]), *(arrays[f"{name}.{part}"] for part in _PARTS)),
            )
            for name in made._indexes()
        )
        years = IntervalsView(arrays["years.places"], arrays["years.firsts"], arrays["years.lasts"], size)
        made._years = Intervals.of(years)
        made._size = size
        return made

    def _indexes(self) -> dict[str, Postings]:
        return {"words": self._words, "spellings": self._spellings, "entities": self._entities}

    def view(self) -> WordingView:
        """The indexes as they are now, without a copy."""
        return WordingView(self._words.view(), self._spellings.view(), self._entities.view(), self._years.view())


def _named(text: str) -> list[str]:
    """The entities of a text, those of its opening twice."""
    found = entities(text)
    return [name for name, start in found.items() if start < _OPENING] + list(found)
