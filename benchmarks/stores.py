"""Whoever keeps texts with their vectors on the disk and finds the nearest. Knows how each is told and asked.

Each is set as its own pages advise for this: exact where it can be, durable as it is by default or, where that is the
caller's choice, as the memory is. All are given the vectors; nobody embeds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from benchmarks.extensions import connect, connect_with_vec
from benchmarks.material import Floats

CANDIDATE = "am_agent"
WORDED = "am_agent_text"
"""The candidate with a file that texts can be asked of; it is no contender of its own."""

_TOPICS = ("travel", "work", "family", "food", "health", "music", "sport")


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to remember.

    Attributes:
        number: In the order of recording.
        text: What it says.
        vector: A unit row, float32 [d].
    """

    number: int
    text: str
    vector: Floats

    @property
    def id(self) -> str:
        """Its id as a string."""
        return f"item-{self.number}"

    @property
    def topic(self) -> str:
        """The one field of its metadata."""
        return _TOPICS[self.number % len(_TOPICS)]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a store is opened.

    Attributes:
        folder: Its own.
        dimension: Of the vectors.
        threads: How many it may use.
    """

    folder: Path
    dimension: int
    threads: int


class Store(Protocol):
    """One that is open."""

    def load(self, items: Sequence[Item]) -> None:
        """Record a batch; when this returns, it is on the disk."""

    def remember(self, item: Item) -> None:
        """Record one; when this returns, it is on the disk."""

    def recall(self, vector: Floats, k: int) -> list[str]:
        """The texts of the k nearest, the nearest first."""

    def close(self) -> None:
        """Let go of the files."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How one is opened, anew or as it was left.

    Attributes:
        open: Does it.
        needs: The modules that must be installed.
        extends: Whether it needs a SQLite that can load an extension.
    """

    open: Callable[[Place], Store]
    needs: tuple[str, ...] = ()
    extends: bool = False


class _AmAgent:
    def __init__(self, place: Place) -> None:
        from am_agent import Memory

        self._memory = Memory(place.folder / "memory.db")

    def load(self, items: Sequence[Item]) -> None:
        self._memory.remember_many(
            (
                {"text": each.text, "id": each.id, "metadata": {"topic": each.topic}, "vector": each.vector}
                for each in items
            ),
            batch=len(items),
        )

    def remember(self, item: Item) -> None:
        self._memory.remember(item.text, id=item.id, metadata={"topic": item.topic}, vector=item.vector)

    def recall(self, vector: Floats, k: int) -> list[str]:
        return [each.text for each in self._memory.recall(vector=vector, fields=("cosine",), k=k)]

    def close(self) -> None:
        self._memory.close()


class _Worded(_AmAgent):
    """A memory whose vectors are its embedder's own, as far as the file knows: its first text is embedded."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._memory.remember("The first text decides whose vectors these are.", id="first")


class _Chroma:
    def __init__(self, place: Place) -> None:
        import chromadb
        from chromadb.config import Settings

        self._client = chromadb.PersistentClient(path=str(place.folder), settings=Settings(anonymized_telemetry=False))
        # Without an embedding function: the default one would load a model that nobody asks.
        self._collection = self._client.get_or_create_collection(
            "memory", embedding_function=None, configuration={"hnsw": {"space": "cosine", "num_threads": place.threads}}
        )

    def load(self, items: Sequence[Item]) -> None:
        self._collection.add(
            ids=[each.id for each in items],
            embeddings=[each.vector for each in items],
            documents=[each.text for each in items],
            metadatas=[{"topic": each.topic} for each in items],
        )

    def remember(self, item: Item) -> None:
        self.load([item])

    def recall(self, vector: Floats, k: int) -> list[str]:
        found = self._collection.query(query_embeddings=[vector], n_results=k, include=["documents"])
        return list(found["documents"][0])

    def close(self) -> None:
        self._client.close()


class _Lance:
    def __init__(self, place: Place) -> None:
        import lancedb
        import pyarrow as pa

        self._schema = pa.schema(
            [
                pa.field("id", pa.string()),
                pa.field("text", pa.string()),
                pa.field("topic", pa.string()),
                pa.field("vector", pa.list_(pa.float32(), place.dimension)),
            ]
        )
        self._database = lancedb.connect(str(place.folder))
        self._table = self._database.create_table("memory", schema=self._schema, exist_ok=True)

    def load(self, items: Sequence[Item]) -> None:
        import numpy as np
        import pyarrow as pa

        numbers = pa.array(np.concatenate([each.vector for each in items]))
        columns = [
            pa.array([each.id for each in items]),
            pa.array([each.text for each in items]),
            pa.array([each.topic for each in items]),
            pa.FixedSizeListArray.from_arrays(numbers, self._schema.field("vector").type.list_size),
        ]
        self._table.add(pa.Table.from_arrays(columns, schema=self._schema))

    def remember(self, item: Item) -> None:
        self.load([item])

    def recall(self, vector: Floats, k: int) -> list[str]:
        query = self._table.search(vector).distance_type("cosine").limit(k).select(["text", "_distance"])
        found: list[str] = query.to_arrow()["text"].to_pylist()
        return found

    def tidy(self) -> None:
        """Put the fragments together, as is advised after many writes."""
        self._table.optimize()

    def close(self) -> None:
        self._database.close() if hasattr(self._database, "close") else None


class _Qdrant:
    def __init__(self, place: Place) -> None:
        from qdrant_client import QdrantClient, models

        self._models = models
        self._client = QdrantClient(path=str(place.folder), force_disable_check_same_thread=True)
        if not self._client.collection_exists("memory"):
            space = models.VectorParams(size=place.dimension, distance=models.Distance.COSINE)
            self._client.create_collection("memory", vectors_config=space)

    def load(self, items: Sequence[Item]) -> None:
        self._client.upsert(
            "memory",
            points=[
                self._models.PointStruct(
                    id=each.number, vector=each.vector.tolist(), payload={"text": each.text, "topic": each.topic}
                )
                for each in items
            ],
        )

    def remember(self, item: Item) -> None:
        self.load([item])

    def recall(self, vector: Floats, k: int) -> list[str]:
        found = self._client.query_points("memory", query=vector, limit=k, with_payload=True)
        return [point.payload["text"] for point in found.points]

    def close(self) -> None:
        self._client.close()


class _LangGraph:
    """The framework's store in SQLite. It embeds by a function, which here knows the vectors by their texts."""

    def __init__(self, place: Place) -> None:
        from langgraph.store.base import PutOp
        from langgraph.store.sqlite import SqliteStore

        self._put = PutOp
        self._known = threading.local()
        self._connection = connect(str(place.folder / "store.db"))
        index: Any = {"dims": place.dimension, "embed": self._vectors, "text_fields": ["text"]}
        self._store = SqliteStore(self._connection, index=index)
        self._store.setup()

    def _vectors(self, texts: Sequence[str]) -> list[list[float]]:
        return [self._known.vectors[text] for text in texts]

    def load(self, items: Sequence[Item]) -> None:
        self._known.vectors = {each.text: each.vector.tolist() for each in items}
        self._store.batch([self._put(("memory",), each.id, {"text": each.text, "topic": each.topic}) for each in items])

    def remember(self, item: Item) -> None:
        self.load([item])

    def recall(self, vector: Floats, k: int) -> list[str]:
        self._known.vectors = {"cue": vector.tolist()}
        return [found.value["text"] for found in self._store.search(("memory",), query="cue", limit=k)]

    def close(self) -> None:
        self._connection.close()


class _SqliteVec:
    """A table of texts beside one of vectors, written as the memory's own file is; each thread has a connection."""

    def __init__(self, place: Place) -> None:
        self._path = str(place.folder / "memory.db")
        self._own = threading.local()
        self._opened: list[Any] = []
        column = f"vector float[{place.dimension}] distance_metric=cosine"
        self._connection().executescript(
            f"""
            CREATE TABLE IF NOT EXISTS episode (number INTEGER PRIMARY KEY, id TEXT UNIQUE, text TEXT, topic TEXT);
            CREATE VIRTUAL TABLE IF NOT EXISTS pattern USING vec0({column});
            """
        )

    def _connection(self) -> Any:
        if not hasattr(self._own, "connection"):
            self._own.connection = connect_with_vec(self._path)
            self._own.connection.execute("PRAGMA busy_timeout = 30000")
            self._opened.append(self._own.connection)
        return self._own.connection

    def load(self, items: Sequence[Item]) -> None:
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "INSERT INTO episode VALUES (?, ?, ?, ?)",
            [(each.number, each.id, each.text, each.topic) for each in items],
        )
        connection.executemany(
            "INSERT INTO pattern (rowid, vector) VALUES (?, ?)",
            [(each.number, each.vector.tobytes()) for each in items],
        )
        connection.execute("COMMIT")

    def remember(self, item: Item) -> None:
        self.load([item])

    def recall(self, vector: Floats, k: int) -> list[str]:
        found = self._connection().execute(
            "WITH nearest AS (SELECT rowid, distance FROM pattern WHERE vector MATCH ? AND k = ?) "
            "SELECT text FROM nearest JOIN episode ON number = nearest.rowid ORDER BY distance",
            (vector.tobytes(), k),
        )
        return [text for (text,) in found]

    def close(self) -> None:
        for each in self._opened:
            each.close()


STORES: Mapping[str, Kind] = {
    CANDIDATE: Kind(_AmAgent),
    "sqlite_vec": Kind(_SqliteVec, ("sqlite_vec",), extends=True),
    "chroma": Kind(_Chroma, ("chromadb",)),
    "lancedb": Kind(_Lance, ("lancedb", "pyarrow")),
    "qdrant": Kind(_Qdrant, ("qdrant_client",)),
    "langgraph": Kind(_LangGraph, ("langgraph.store.sqlite", "sqlite_vec"), extends=True),
}


def opened(name: str, place: Place) -> Store:
    """Open a store in its folder, which is made where there is none."""
    place.folder.mkdir(parents=True, exist_ok=True)
    kind = Kind(_Worded) if name == WORDED else STORES[name]
    return kind.open(place)


def tidied(store: Store) -> None:
    """Give a store that was just filled what its makers advise to do then."""
    if isinstance(store, _Lance):
        store.tidy()
