"""An inverted index that grows, and BM25 of every document in it. Knows places and terms; no text, no key, no SQL.

Why not one that exists: bm25s cannot grow, SQLite's FTS5 takes 51 ms over 50,000 short texts and has no cheap score of
every document, and tantivy keeps the k best only, of a snapshot of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int32]
Counts = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
S = TypeVar("S", bound=np.generic)

K1 = 0.6
"""Where the count of a term saturates. Robertson & Zaragoza 2009, section 3.5, call 1.2 to 2 reasonable for documents;
an episode is shorter, and what comes late in it counts less already (LEAD). Of six sets, 0.6 is best on four."""

B = 0.75
"""How far the length of a text discounts its counts. Lucene's default. Ibid.: 0.5 to 0.8."""

LEAD = 35
"""How many terms the opening of a text has: a term at place p counts 1/(1 + p/LEAD), since a text says at its beginning
what it is about. Measured on chats with an assistant, +7 points of recall@5; on short texts it changes nothing."""

_GRAIN = 2.0**-24
"""What an occurrence counts is a multiple of this, so that sums of up to half a billion are exact in float64: whatever
was appended in whatever order, and whatever died, lengths and scores are the same to the last bit."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """What BM25 has to know of a collection for one query: three sums, so a union's are the sum of its parts'.

    Attributes:
        documents: N, the living ones.
        length: The counts of all terms in all of them.
        frequencies: In how many of them each term of the query is.
    """

    documents: int
    length: float
    frequencies: Mapping[str, int]

    @staticmethod
    def none(terms: Iterable[str]) -> Statistics:
        """Of no documents, for the terms of a query."""
        return Statistics(0, 0, dict.fromkeys(terms, 0))

    def __add__(self, other: Statistics) -> Statistics:
        """Of both collections.

        Raises:
            ValueError: The two are for different terms.
        """
        if self.frequencies.keys() != other.frequencies.keys():
            raise ValueError(
                f"statistics of different terms: {sorted(self.frequencies.keys() ^ other.frequencies)[:5]}"
            )
        frequencies = {term: count + other.frequencies[term] for term, count in self.frequencies.items()}
        return Statistics(self.documents + other.documents, self.length + other.length, frequencies)

    def idf(self, term: str) -> float:
        """The inverse document frequency of a term of the query: log(1 + (N - n + 0.5)/(n + 0.5)).

        Robertson and Sparck Jones' weight with one added inside the logarithm, as Lucene has it, so that it stays
        positive for a term of most documents.

        Raises:
            KeyError: A term that these statistics are not for.

        Example:
            >>> round(Statistics(documents=3, length=9, frequencies={"dog": 1}).idf("dog"), 4)
            0.9808
        """
        frequency = self.frequencies[term]
        return math.log(1 + (self.documents - frequency + 0.5) / (frequency + 0.5))


class _Entry(NamedTuple):
    """The documents of one term. Beyond `used` the arrays are room to grow; what is before it never changes."""

    places: Places
    counts: Counts
    used: int


_NO_ENTRY = _Entry(np.empty(0, dtype=np.int32), np.empty(0, dtype=np.float32), 0)


class Cells(NamedTuple):
    """Documents by what is in them, place by place.

    Attributes:
        terms: By their numbers.
        heights: How many terms each place has, int64 [n].
        held: The numbers of the terms of all places, ascending in each, int32 [cells].
        counts: Of each of these, float32 [cells].
        lengths: The counts of all terms of each place, float64 [n].
    """

    terms: Sequence[str]
    heights: Integers
    held: Places
    counts: Counts
    lengths: Floats


@dataclass(frozen=True, slots=True)
class PostingsView:
    """What an index was at one moment; later changes to the index leave it as it is. Safe from several threads.

    Some of its containers grow with the index. It knows what it may see of them by three sizes: it ignores terms
    numbered from `width` on, and places from `size` on.

    Attributes:
        size: How many places there are, dead or alive.
        width: How many terms there are.
        length: Of all places together.
        lengths: The counts of all terms of each place, float64 [size].
    """

    size: int
    width: int
    length: float
    lengths: Floats
    _ids: dict[str, int]
    _terms: list[str]
    _entries: list[_Entry]
    _bounds: Integers
    _held: Places
    _counts: Counts

    def bm25(self, query: Mapping[str, float], alive: Mask, statistics: Statistics | None = None) -> Floats:
        """Score every place.

        score = sum over the terms t of the query of weight(t) idf(t) c / (c + K1 (1 - B + B length/mean)), c the
        count of t there: Robertson & Zaragoza 2009, section 3.4, without the factor K1 + 1, as in Lucene 8. An
        occurrence counts the less the later it comes (see LEAD), and `length` is the sum of what all occurrences count.

        Args:
            query: The weight of each term: its count in the cue, or less if it is a guess.
            alive: Which places count, bool [size].
            statistics: Of the whole collection, if this view is only a part of it; by default its own.

        Returns:
            Scores, float64 [size]; 0 for a place that is not alive or has no term of the query.

        Raises:
            ValueError: A mask of another size.
            KeyError: Statistics that are not for this query.

        Example:
            >>> postings = Postings()
            >>> postings.append([["dog", "rex"], ["cat"], ["dog", "dog"]])
            >>> postings.view().bm25({"dog": 1.0}, np.array([True, True, True])).round(3).tolist()
            [0.278, 0.0, 0.348]
        """
        if statistics is None:
            statistics = self.statistics(query, alive)
        self._check(alive)
        found = [self.postings(term) for term in query]
        heights = [len(places) for places, _ in found]
        if not sum(heights) or not statistics.length:
            return np.zeros(self.size)
        mean = statistics.length / statistics.documents
        saturation = self.lengths * (K1 * B / mean)
        saturation += K1 * (1 - B)
        # Over the postings of all terms at once, and with places of the width that numpy counts in: measured, a fifth
        # of the time of adding up term by term.
        places = np.concatenate([each for each, _ in found], dtype=np.intp)
        counts = np.concatenate([each for _, each in found])
        parts = saturation.take(places)
        parts += counts
        np.divide(counts, parts, out=parts)
        end = 0
        for (term, weight), height in zip(query.items(), heights, strict=True):
            start, end = end, end + height
            parts[start:end] *= weight * statistics.idf(term)
        scores = np.bincount(places, parts, minlength=self.size).astype(np.float64, copy=False)
        scores[~alive] = 0
        return scores

    def statistics(self, terms: Iterable[str], alive: Mask) -> Statistics:
        """What `bm25` needs to know of this view for a query.

        Args:
            terms: Those of the query.
            alive: Which places count, bool [size].

        Raises:
            ValueError: A mask of another size.
        """
        names = list(dict.fromkeys(terms))
        frequencies = self.frequencies(names, alive).tolist()
        dead = np.flatnonzero(~alive)
        length = self.length - float(self.lengths[dead].sum())
        return Statistics(self.size - len(dead), length, dict(zip(names, frequencies, strict=True)))

    def frequencies(self, terms: Sequence[str], alive: Mask) -> Integers:
        """In how many living places each term is, int64 [terms].

        Raises:
            ValueError: A mask of another size.
        """
        self._check(alive)
        held = [self.postings(term)[0] for term in terms]
        if alive.all():
            return np.array([len(places) for places in held], dtype=np.int64)
        return np.array([np.count_nonzero(alive.take(places)) for places in held], dtype=np.int64)

    def idf(self, term: str, alive: Mask) -> float:
        """The inverse document frequency of one term among the living places; see `Statistics.idf`."""
        return self.statistics([term], alive).idf(term)

    def terms_of(self, places: Sequence[int]) -> list[dict[str, float]]:
        """The terms of some places with their counts, dead ones included.

        Raises:
            IndexError: A place that is not in the view.

        Example:
            >>> postings = Postings()
            >>> postings.append([["dog", "dog", "dog"], ["cat"]])
            >>> [{term: round(count, 2) for term, count in each.items()} for each in postings.view().terms_of([1, 0])]
            [{'cat': 1.0}, {'dog': 2.92}]
        """
        found = []
        for place in places:
            if not 0 <= place < self.size:
                raise IndexError(f"place {place} of {self.size}")
            row = slice(self._bounds[place], self._bounds[place + 1])
            pairs = zip(self._held[row].tolist(), self._counts[row].tolist(), strict=True)
            found.append({self._terms[number]: count for number, count in pairs})
        return found

    def holding(self, places: Integers, terms: Sequence[str]) -> Mask:
        """Which of some terms some places have, bool [places, terms].

        Args:
            places: Of this view, dead ones included.
            terms: Distinct.

        Example:
            >>> postings = Postings()
            >>> postings.append([["dog", "rex"], ["cat"]])
            >>> postings.view().holding(np.array([1, 0]), ["rex", "cow"]).tolist()
            [[False, False], [True, False]]
        """
        starts, ends = self._bounds[places], self._bounds[places + 1]
        heights = ends - starts
        owners = np.repeat(np.arange(len(places)), heights)
        cells = np.arange(len(owners)) + np.repeat(starts - (np.cumsum(heights) - heights), heights)
        numbers = np.array([self._ids.get(term, -1) for term in terms], dtype=np.int32)
        rows, columns = np.nonzero(self._held[cells][:, None] == numbers)
        found = np.zeros((len(places), len(terms)), dtype=np.bool_)
        found[owners[rows], columns] = True
        return found

    def compacted(self, kept: Mask) -> Cells:
        """Only some places, numbered anew in the same order, and only the terms that these have.

        Args:
            kept: bool [size].

        Raises:
            ValueError: A mask of another size.
        """
        self._check(kept)
        heights = np.diff(self._bounds)
        mask = np.repeat(kept, heights)
        held = self._held[mask]
        numbers = np.flatnonzero(np.bincount(held, minlength=self.width))
        renumbered = np.empty(self.width, dtype=np.int32)
        renumbered[numbers] = np.arange(len(numbers))
        terms = [self._terms[number] for number in numbers.tolist()]
        return Cells(terms, heights[kept], renumbered[held], self._counts[mask], self.lengths[kept])

    def vocabulary(self) -> list[str]:
        """Every term that a place has or had, since the index was last compacted."""
        return self._terms[: self.width]

    def postings(self, term: str) -> tuple[Places, Counts]:
        """The places of a term, dead ones included, ascending, and its count in each; both empty for an unknown one.

        Example:
            >>> postings = Postings()
            >>> postings.append([["dog", "rex"], ["cat"], ["dog"]])
            >>> postings.view().postings("dog")
            (array([0, 2], dtype=int32), array([1., 1.], dtype=float32))
        """
        number = self._ids.get(term, self.width)
        entry = self._entries[number] if number < self.width else _NO_ENTRY
        used = entry.used
        if used and entry.places[used - 1] >= self.size:  # appended since
            used = int(np.searchsorted(entry.places[:used], self.size))
        return entry.places[:used], entry.counts[:used]

    def _check(self, alive: Mask) -> None:
        if alive.shape != (self.size,) or alive.dtype != np.bool_:
            raise ValueError(f"the mask must be bool [{self.size}], got {alive.dtype} {list(alive.shape)}")


class Postings:
    """An inverted index of documents at the places 0, 1, 2, ..., and its inverse: the terms of a place.

    Appending costs O(terms of the document), whatever is there already. Which places are alive is the caller's to
    know: a dead one stays until `compact`.

    **Threads.** One at a time changes it or takes a view; views need no lock. After an append that was interrupted it
    is not to be used any more.

    Example:
        >>> postings = Postings()
        >>> postings.append([["dog", "rex"], ["cat"]])
        >>> postings.view().frequencies(["dog", "cow"], np.array([True, True])).tolist()
        [1, 0]
    """

    def __init__(self) -> None:
        # Views share the first three, so they only grow, and an entry is replaced as a whole; compact makes new ones.
        self._ids: dict[str, int] = {}
        self._terms: list[str] = []
        self._entries: list[_Entry] = []
        self._size = 0
        self._length = 0.0
        self._lengths: Floats = np.empty(0)
        self._bounds: Integers = np.zeros(1, dtype=np.int64)  # of the rows of the two below, [size + 1]
        self._held: Places = np.empty(0, dtype=np.int32)  # numbers of terms, ascending in each row
        self._counts: Counts = np.empty(0, dtype=np.float32)

    def append(self, documents: Sequence[Sequence[str]]) -> None:
        """Give the next places to documents, each the list of its terms in order, with repetitions."""
        if not documents:
            return
        tokens = list(chain.from_iterable(documents))
        new = [term for term in dict.fromkeys(tokens) if term not in self._ids]
        self._terms.extend(new)
        self._entries.extend([_NO_ENTRY] * len(new))
        self._ids.update(zip(new, range(len(self._ids), len(self._terms)), strict=True))
        heights = np.fromiter(map(len, documents), dtype=np.int64, count=len(documents))
        numbers = np.fromiter(map(self._ids.__getitem__, tokens), dtype=np.int64, count=len(tokens))
        width = max(len(self._terms), 1)
        owners = np.repeat(np.arange(len(documents)), heights)
        at = np.arange(len(tokens)) - np.repeat(np.cumsum(heights) - heights, heights)
        counted = np.round(LEAD / (LEAD + at) / _GRAIN) * _GRAIN
        cells, cell = np.unique(owners * width + numbers, return_inverse=True)
        counts = np.bincount(cell, counted, minlength=len(cells))
        rows, held = np.divmod(cells, width)
        lengths: Floats = np.bincount(owners, counted, minlength=len(documents)).astype(np.float64)
        self._add(rows, held.astype(np.int32), counts.astype(np.float32), lengths)

    def compact(self, kept: Mask) -> None:
        """Keep only some places and number them anew in the same order. Terms that no document has any more go.

        Args:
            kept: bool [size].

        Raises:
            ValueError: A mask of another size.
        """
        vars(self).update(vars(Postings.of(self.view().compacted(kept))))

    @staticmethod
    def of(cells: Cells) -> Postings:
        """An index of the documents that are given by their cells."""
        made = Postings()
        made._terms = list(cells.terms)
        made._entries = [_NO_ENTRY] * len(made._terms)
        made._ids = dict(zip(made._terms, range(len(made._terms)), strict=True))
        rows = np.repeat(np.arange(len(cells.heights)), cells.heights)
        made._add(rows, cells.held, cells.counts, cells.lengths)
        return made

    def view(self) -> PostingsView:
        """The index as it is now, without a copy."""
        height = int(self._bounds[self._size])
        return PostingsView(
            self._size,
            len(self._entries),
            self._length,
            self._lengths[: self._size],
            self._ids,
            self._terms,
            self._entries,
            self._bounds[: self._size + 1],
            self._held[:height],
            self._counts[:height],
        )

    def _add(self, rows: Integers, held: Places, counts: Counts, lengths: Floats) -> None:
        """Append documents in the form of cells: the row, from 0, the term and the count of each, in order of both."""
        size, start = self._size + len(lengths), int(self._bounds[self._size])
        by_term = np.argsort(held, kind="stable")
        self._enter(held[by_term], (rows[by_term] + self._size).astype(np.int32), counts[by_term])
        self._lengths = _grown(self._lengths, self._size, size)
        self._bounds = _grown(self._bounds, self._size + 1, size + 1)
        self._held = _grown(self._held, start, start + len(held))
        self._counts = _grown(self._counts, start, start + len(held))
        self._lengths[self._size : size] = lengths
        self._bounds[self._size + 1 : size + 1] = start + np.searchsorted(rows, np.arange(len(lengths)), side="right")
        self._held[start : start + len(held)] = held
        self._counts[start : start + len(held)] = counts
        self._size, self._length = size, self._length + float(lengths.sum())

    def _enter(self, held: Places, places: Places, counts: Counts) -> None:
        """Add cells to the entries, given in order of their terms."""
        numbers, firsts, heights = np.unique(held, return_index=True, return_counts=True)
        ends = firsts + heights
        for number, first, end in zip(numbers.tolist(), firsts.tolist(), ends.tolist(), strict=True):
            old = self._entries[number]
            if old is _NO_ENTRY:
                self._entries[number] = _Entry(places[first:end], counts[first:end], end - first)
                continue
            used = old.used + end - first
            entry = _Entry(_grown(old.places, old.used, used), _grown(old.counts, old.used, used), used)
            entry.places[old.used : used] = places[first:end]
            entry.counts[old.used : used] = counts[first:end]
            self._entries[number] = entry


def _grown(array: npt.NDArray[S], used: int, wanted: int) -> npt.NDArray[S]:
    """The array with room for `wanted` entries, twice as much as before when it has to move."""
    if wanted <= len(array):
        return array
    grown = np.empty(max(wanted, 2 * len(array)), dtype=array.dtype)
    grown[:used] = array[:used]
    return grown
