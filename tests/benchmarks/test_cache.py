"""The cache keeps the embedder's contract, asks for nothing twice, and keeps models, kinds and texts apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from am_agent.embedders import DeterministicEmbedder, Embedder
from am_agent.embedders.protocol import Vectors
from am_agent.testing import EmbedderContract
from benchmarks.cache import CachedEmbedder, VectorFile


class _Asked(DeterministicEmbedder):
    """Writes down what it is asked for, and gives queries vectors of their own."""

    def __init__(self, dimension: int = 64) -> None:
        super().__init__(dimension)
        self.calls: list[list[str]] = []

    def documents(self, texts: Sequence[str]) -> list[Vectors]:
        self.calls.append(list(texts))
        return super().documents(texts)

    def queries(self, texts: Sequence[str]) -> list[Vectors]:
        return [-rows for rows in self.documents(texts)]


@pytest.fixture
def file(tmp_path: Path) -> Iterator[VectorFile]:
    """A new file of vectors."""
    opened = VectorFile(tmp_path / "vectors.db")
    yield opened
    opened.close()


class TestCachedEmbedder(EmbedderContract):
    """The cache around the toy under the whole contract; the second instance finds what the first one kept."""

    @pytest.fixture
    def embedder(self, file: VectorFile) -> Embedder:
        return CachedEmbedder(DeterministicEmbedder(), file)

    @pytest.fixture
    def another(self, file: VectorFile) -> Embedder:
        return CachedEmbedder(DeterministicEmbedder(), file)


def test_it_is_the_wrapped_embedder_to_all_appearance(file: VectorFile, toy: DeterministicEmbedder) -> None:
    """Name, dimension, fingerprint and vectors, to the bit."""
    cached = CachedEmbedder(toy, file)
    assert (cached.name, cached.dimension, cached.fingerprint) == (toy.name, toy.dimension, toy.fingerprint)
    texts = ["Rex barks.", "word " * 100]
    for own, again, wrapped in zip(cached.documents(texts), cached.documents(texts), toy.documents(texts), strict=True):
        np.testing.assert_array_equal(own, wrapped)
        np.testing.assert_array_equal(again, wrapped)


def test_a_second_run_asks_for_nothing(tmp_path: Path) -> None:
    """After reopening, every vector comes from the file, of documents as of queries."""
    texts = [f"Sentence {number}." for number in range(600)]
    for expected in ([256, 256, 88, 2], []):
        file, asked = VectorFile(tmp_path / "vectors.db"), _Asked()
        cached = CachedEmbedder(asked, file)
        cached.documents(texts)
        cached.queries(texts[:2])
        file.close()
        assert [len(call) for call in asked.calls] == expected


def test_only_what_is_missing_is_asked_for_and_once(file: VectorFile) -> None:
    """In the order of the texts, without those that are there and without repetitions."""
    asked = _Asked()
    cached = CachedEmbedder(asked, file)
    cached.documents(["a", "b"])
    rows = cached.documents(["c", "b", "d", "c"])
    assert asked.calls == [["a", "b"], ["c", "d"]]
    np.testing.assert_array_equal(rows[0], rows[3])
    np.testing.assert_array_equal(np.concatenate(rows[:3]), np.concatenate(_Asked().documents(["c", "b", "d"])))


def test_kinds_and_models_are_apart(file: VectorFile) -> None:
    """The same text has one vector as a document, another as a query, and others from another model."""
    small, large = CachedEmbedder(_Asked(64), file), CachedEmbedder(_Asked(96), file)
    for _ in range(2):
        assert small.documents(["Rex"])[0].shape == (1, 64)
        assert large.documents(["Rex"])[0].shape == (1, 96)
        np.testing.assert_array_equal(small.queries(["Rex"])[0], -small.documents(["Rex"])[0])


def test_what_was_embedded_before_a_failure_is_kept(file: VectorFile) -> None:
    """Each batch is on the disk before the next one is begun."""

    class Failing(_Asked):
        def documents(self, texts: Sequence[str]) -> list[Vectors]:
            if len(self.calls) == 2:
                raise RuntimeError("out of memory")
            return super().documents(texts)

    texts = [f"Sentence {number}." for number in range(600)]
    with pytest.raises(RuntimeError, match="out of memory"):
        CachedEmbedder(Failing(), file).documents(texts)
    asked = _Asked()
    CachedEmbedder(asked, file).documents(texts)
    assert asked.calls == [texts[512:]]
