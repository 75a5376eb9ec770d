"""A writer of tiny sets in BEIR's layout, with sentences of the tests' own, and a simple way to judge a memory by."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pytest

from am_agent import Embedder, Memory
from benchmarks.beir import Haystack, Query
from benchmarks.confident import Judgement, Method, Sample
from benchmarks.systems import K, filled

Row = Mapping[str, Any] | str
Write = Callable[..., Path]


@pytest.fixture(scope="session")
def write_haystack() -> Write:
    """A function that writes one haystack; a row that is a string is written as it is."""

    def write(
        folder: Path, corpus: Iterable[Row], queries: Iterable[Row], qrels: Iterable[tuple[str, str, int]] | None
    ) -> Path:
        folder.mkdir(parents=True)
        for name, rows in (("corpus", corpus), ("queries", queries)):
            lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
            (folder / f"{name}.jsonl.gz").write_bytes(gzip.compress("".join(line + "\n" for line in lines).encode()))
        if qrels is not None:
            (folder / "qrels").mkdir()
            lines = ["query-id\tcorpus-id\tscore", *("\t".join(map(str, row)) for row in qrels)]
            (folder / "qrels" / "test.tsv").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        return folder

    return write


@contextmanager
def _opened(haystack: Haystack, embedder: Embedder, prior: tuple[float, float] | None) -> Iterator[Memory]:
    with filled(haystack, embedder) as memory:
        _PRIORS[memory] = (10.0, -5.0) if prior is None else prior
        yield memory


def _asked(memory: Memory, query: Query) -> Judgement:
    (similarity,), ids = _features(memory, query)
    slope, offset = _PRIORS[memory]
    probability = 1 / (1 + math.exp(-(slope * similarity + offset)))
    verdict = "known" if probability > 0.75 else "ambiguous" if probability > 0.5 else "unknown"
    return Judgement(probability, probability, verdict, tuple(ids))


def _features(memory: Memory, query: Query) -> tuple[list[float], list[str]]:
    recall = memory.recall(query.text, k=K, now=query.asked_at)
    return [max(found.similarity for found in recall)], [found.id for found in recall]


def _fit(sample: Sample) -> tuple[float, float]:
    # The middle between the means of the two kinds.
    means = [
        np.average(sample.features[kind, 0], weights=sample.mass[kind]) for kind in (sample.present, ~sample.present)
    ]
    return 10.0, -10 * float(np.mean(means))


_PRIORS: WeakKeyDictionary[Memory, tuple[float, float]] = WeakKeyDictionary()


@pytest.fixture(scope="session")
def by_similarity() -> Method:
    """A way to ask that knows the similarity of the best recollection alone, and a threshold on it for a prior."""
    return Method(_opened, _asked, _features, _fit)
