"""The vectors of real texts, by the memory's own model. Knows sets and the embedder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from am_agent import SentenceTransformerEmbedder
from benchmarks.beir import read_sets
from benchmarks.cache import cached
from benchmarks.material import Floats


def texts(folder: Path, names: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """Every document and every query of the sets, each once, in the order of the sets.

    Raises:
        MissingData: See `read_sets`.
        BrokenLine: See `read_sets`.
    """
    haystacks = [each for found in read_sets(folder, names).values() for each in found]
    documents = dict.fromkeys(document.text for each in haystacks for document in each.documents)
    queries = dict.fromkeys(query.text for each in haystacks for query in each.queries)
    return list(documents), list(queries)


def vectors_of(documents: Sequence[str], queries: Sequence[str], cache: Path | None) -> tuple[Floats, Floats]:
    """The windows of all documents, and the first window of each query, float32 [n, d] and [m, d].

    Raises:
        MissingData: The cache is a file.
    """
    with cached(cache, SentenceTransformerEmbedder()) as (embedder,):
        rows = np.concatenate(embedder.documents(documents)).astype(np.float32, copy=False)
        cues = np.stack([windows[0] for windows in embedder.queries(queries)]).astype(np.float32, copy=False)
    return rows, cues
