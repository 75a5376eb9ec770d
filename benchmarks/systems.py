"""The systems that are compared, each from a haystack to the ranking of every query. Knows no measure and no file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import bm25s
import numpy as np
import numpy.typing as npt
import Stemmer

from am_agent import Embedder, Memory
from am_agent.working_set import Resident
from benchmarks.beir import Haystack

Ranking = list[str]

K = 10
"""How many a memory is asked for: the deepest place that any measure looks at."""

DEPTH = 100
"""How many of each list are fused, and the length of the baselines' rankings."""

_RRF = 60


def cosine(haystack: Haystack, encoder: Embedder) -> list[Ranking]:
    """Rank by the dot product with one unit vector a text, ties in the order of the corpus."""
    documents = np.concatenate(encoder.documents([each.text for each in haystack.documents]))
    queries = np.concatenate(encoder.queries([each.text for each in haystack.queries]))
    return [_best(haystack, documents @ query) for query in queries]


def bm25(haystack: Haystack) -> list[Ranking]:
    """Rank by BM25 as Lucene has it, ties in the order of the corpus; without a word in common there is no place."""
    asked = [each.text for each in haystack.queries]
    return [_best(haystack, scores, least=0.0) for scores in word_scores(haystack, asked)]


def word_scores(haystack: Haystack, texts: Sequence[str]) -> Iterator[npt.NDArray[np.float32]]:
    """The BM25 of every document for each text, [documents]; that of a document with no word in common is 0."""
    stemmer = Stemmer.Stemmer("english")

    def words(texts: Sequence[str]) -> list[list[str]]:
        split: list[list[str]] = bm25s.tokenize(
            list(texts), stopwords="en", stemmer=stemmer, return_ids=False, show_progress=False
        )
        return split

    index = bm25s.BM25(method="lucene")
    index.index(words([each.text for each in haystack.documents]), show_progress=False)
    for asked in words(texts):
        kept = [word for word in asked if word]
        yield index.get_scores(kept) if kept else np.zeros(len(haystack.documents), dtype=np.float32)


def rrf(first: Sequence[Ranking], second: Sequence[Ranking]) -> list[Ranking]:
    """Fuse the two rankings of each query."""
    return [fuse(pair) for pair in zip(first, second, strict=True)]


def fuse(rankings: Sequence[Ranking]) -> Ranking:
    """Reciprocal rank fusion: the sum over the rankings of 1 / (60 + place), ties for the earlier ranking.

    Example:
        >>> fuse([["a", "b", "c"], ["c", "a"]])
        ['a', 'c', 'b']
    """
    scores: dict[str, float] = defaultdict(float)
    for ranking in rankings:
        for place, each in enumerate(ranking, start=1):
            scores[each] += 1 / (_RRF + place)
    return sorted(scores, key=lambda each: -scores[each])


def am_agent(haystack: Haystack, embedder: Embedder, fields: Sequence[str] | None = None) -> list[Ranking]:
    """Rank by the memory itself, with its defaults: what a user gets who remembers the texts and asks.

    Args:
        haystack: What is remembered, and asked.
        embedder: The memory's.
        fields: The fields to compare by; None lets the memory decide.
    """
    with filled(haystack, embedder) as memory:
        return asked(memory, haystack, fields)


@contextmanager
def filled(haystack: Haystack, embedder: Embedder, *, resident: Resident = "patterns") -> Iterator[Memory]:
    """A memory of its own that holds the haystack's documents."""
    with Memory(embedder=embedder, resident=resident) as memory:
        memory.remember_many(episodes(haystack))
        yield memory


def episodes(haystack: Haystack) -> Iterator[Mapping[str, object]]:
    """The haystack's documents as a memory takes them."""
    for each in haystack.documents:
        yield {
            "text": each.text,
            "id": each.id,
            "actor": each.actor,
            "occurred_at": each.occurred_at,
            "session": each.session,
        }


def asked(memory: Memory, haystack: Haystack, fields: Sequence[str] | None = None) -> list[Ranking]:
    """Ask a filled memory every query of the haystack, each at its time."""
    return [
        [found.id for found in memory.recall(query.text, k=K, now=query.asked_at, fields=fields)]
        for query in haystack.queries
    ]


def ablations(fields: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The fields that are left without each, by the name of the system; a single field cannot be switched off.

    Example:
        >>> ablations(("content", "words"))
        {'am_agent without content': ('words',), 'am_agent without words': ('content',)}
        >>> ablations(("content",))
        {}
    """
    if len(fields) == 1:
        return {}
    return {f"am_agent without {off}": tuple(each for each in fields if each != off) for off in fields}


def _best(haystack: Haystack, scores: npt.NDArray[np.float32], least: float = -np.inf) -> Ranking:
    """The ids of the best scores above the least one, ties in the order of the corpus."""
    order = np.argsort(-scores, kind="stable")[:DEPTH]
    return [haystack.documents[place].id for place in order[scores[order] > least]]
