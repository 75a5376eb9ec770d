"""Vectors of texts on the disk, so that a text is embedded once. Knows no model: it stands around any embedder."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

import numpy as np

from am_agent.embedders import Embedder
from am_agent.embedders.protocol import Vectors
from benchmarks.beir import MissingData

_BATCH = 256
_SCHEMA = """
CREATE TABLE IF NOT EXISTS vectors (
    fingerprint TEXT NOT NULL, kind TEXT NOT NULL, sha256 BLOB NOT NULL, windows INTEGER NOT NULL, rows BLOB NOT NULL,
    PRIMARY KEY (fingerprint, kind, sha256)
)
"""


class VectorFile:
    """A file of vectors by model, kind and text; safe from several threads and several processes.

    Args:
        path: The file; it is made where there is none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, timeout=60, check_same_thread=False)
        with self._connection:
            self._connection.execute(_SCHEMA)

    def find(self, fingerprint: str, kind: str, texts: Iterable[str]) -> dict[str, Vectors]:
        """The vectors of those texts that are there."""
        found: dict[str, Vectors] = {}
        query = "SELECT windows, rows FROM vectors WHERE fingerprint = ? AND kind = ? AND sha256 = ?"
        with self._lock, closing(self._connection.cursor()) as cursor:
            for text in texts:
                row = cursor.execute(query, (fingerprint, kind, _digest(text))).fetchone()
                if row is not None:
                    windows, rows = row
                    found[text] = np.frombuffer(rows, dtype="<f4").astype(np.float32).reshape(windows, -1)
        return found

    def keep(self, fingerprint: str, kind: str, vectors: dict[str, Vectors]) -> None:
        """Write vectors in one transaction."""
        rows = [
            (fingerprint, kind, _digest(text), len(each), each.astype("<f4").tobytes())
            for text, each in vectors.items()
        ]
        with self._lock, self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?, ?)", rows)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


class CachedEmbedder:
    """An embedder that asks the wrapped one only for texts whose vectors are not in the file.

    Its identity is the wrapped one's, so a memory cannot tell them apart. Vectors are kept batch by batch: what was
    embedded before an interruption is not lost.

    Args:
        embedder: The real one.
        file: Where the vectors are kept.
    """

    def __init__(self, embedder: Embedder, file: VectorFile) -> None:
        self._embedder = embedder
        self._file = file

    @property
    def name(self) -> str:
        """The wrapped embedder's."""
        return self._embedder.name

    @property
    def dimension(self) -> int:
        """The wrapped embedder's."""
        return self._embedder.dimension

    @property
    def fingerprint(self) -> str:
        """The wrapped embedder's."""
        return self._embedder.fingerprint

    def documents(self, texts: Sequence[str]) -> list[Vectors]:
        """The vectors of documents, embedded at most once."""
        return self._through(texts, "document", self._embedder.documents)

    def queries(self, texts: Sequence[str]) -> list[Vectors]:
        """The vectors of queries, embedded at most once."""
        return self._through(texts, "query", self._embedder.queries)

    def _through(
        self, texts: Sequence[str], kind: str, embed: Callable[[Sequence[str]], list[Vectors]]
    ) -> list[Vectors]:
        vectors = self._file.find(self.fingerprint, kind, texts)
        missing = iter([text for text in dict.fromkeys(texts) if text not in vectors])
        while batch := list(islice(missing, _BATCH)):
            made = dict(zip(batch, embed(batch), strict=True))
            self._file.keep(self.fingerprint, kind, made)
            vectors |= made
        return [vectors[text] for text in texts]


@contextmanager
def cached(folder: Path | None, *embedders: Embedder) -> Iterator[tuple[Embedder, ...]]:
    """Embedders with a cache around them.

    Args:
        folder: Where it is kept, and made where there is none; None for the embedders as they are.
        embedders: Any number.

    Raises:
        MissingData: The folder is a file.
    """
    if folder is None:
        yield embedders
        return
    if folder.exists() and not folder.is_dir():
        raise MissingData(f"the cache {folder} is a file; name a folder")
    folder.mkdir(parents=True, exist_ok=True)
    file = VectorFile(folder / "vectors.db")
    try:
        yield tuple(CachedEmbedder(each, file) for each in embedders)
    finally:
        file.close()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
