"""Every error there is, met through the public API: none is declared for nothing."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from am_agent import DeterministicEmbedder, Memory, errors
from am_agent.embedders import minilm

TOY = DeterministicEmbedder()


@contextmanager
def _memory(folder: Path, **options: float) -> Iterator[Memory]:
    with Memory(folder / "memory.db", embedder=TOY, **options) as memory:
        memory.remember("a note", id="note")
        yield memory


def _altered(folder: Path, statement: str) -> None:
    """Open a memory's file after another program has changed it."""
    with closing(sqlite3.connect(folder / "memory.db")) as connection:
        connection.execute(statement)
        connection.commit()
    Memory(folder / "memory.db", embedder=TOY)


def _cut_off(folder: Path) -> None:
    with _memory(folder):
        pass
    path = folder / "memory.db"
    path.write_bytes(path.read_bytes()[:-100])
    Memory(path, embedder=TOY)


def _from_the_future(folder: Path) -> None:
    with _memory(folder):
        pass
    _altered(folder, "UPDATE alembic_version SET version_num = '9999'")


def _in_a_folder_that_is_not_there(folder: Path) -> None:
    """Through a link, which is there."""
    (folder / "link.db").symlink_to(folder / "no" / "memory.db")
    Memory(folder / "link.db")


def _over_the_limit(folder: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with _memory(folder) as memory:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
        try:
            memory.remember("one more")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _locked(folder: Path) -> None:
    with _memory(folder, timeout=0) as memory, closing(sqlite3.connect(folder / "memory.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        memory.remember("one more")


def _closed(folder: Path) -> None:
    with _memory(folder) as memory:
        pass
    memory.count()


def _loaded(content: bytes) -> Callable[[Path], None]:
    """A file that is loaded."""

    def provoke(folder: Path) -> None:
        (folder / "file.jsonl").write_bytes(content)
        with _memory(folder) as memory:
            memory.load(folder / "file.jsonl")

    return provoke


def _mismatch(folder: Path) -> None:
    with _memory(folder):
        Memory(folder / "memory.db", embedder=DeterministicEmbedder(dimension=32))


def _given(call: Callable[[Memory], object]) -> Callable[[Path], None]:
    """Something that is asked of an open memory."""

    def provoke(folder: Path) -> None:
        with _memory(folder) as memory:
            call(memory)

    return provoke


TABLE: dict[type[errors.AmError], Callable[[Path], object]] = {
    errors.InvalidText: _given(lambda memory: memory.remember("")),
    errors.InvalidNamespace: _given(lambda memory: memory.count(namespace=("",))),
    errors.InvalidTime: _given(lambda memory: memory.list(as_of=datetime(2026, 1, 1))),  # noqa: DTZ001  the point of it
    errors.InvalidMetadata: _given(lambda memory: memory.remember("a", metadata={"a": {1}})),
    errors.InvalidVector: _given(lambda memory: memory.recall(vector=[0.0] * 64)),
    errors.DimensionMismatch: _given(lambda memory: memory.recall(vector=[1.0])),
    errors.InvalidFilter: _given(lambda memory: memory.count(where={"a": {"like": 1}})),
    errors.InvalidArgument: _given(lambda memory: memory.recall("a", k=0)),
    errors.InvalidFile: _loaded(b""),
    errors.UnknownFormat: _loaded(b"%PDF-1.7"),
    errors.UnknownEpisode: _given(lambda memory: memory.update("unknown", text="a")),
    errors.UnknownRecall: _given(lambda memory: memory.reinforce("unknown", used="note")),
    errors.UnknownPrototype: _given(lambda memory: memory.prototype("unknown")),
    errors.ClosedMemory: _closed,
    errors.EmbedderMismatch: _mismatch,
    errors.EmbedderUnavailable: lambda folder: Memory(folder / "memory.db").remember("a"),
    errors.StoreError: lambda folder: Memory(folder / "no" / "memory.db"),
    errors.NotAMemory: lambda folder: _altered(folder, "CREATE TABLE customers (id INTEGER)"),
    errors.DamagedDatabase: _cut_off,
    errors.ReadOnlyDatabase: _in_a_folder_that_is_not_there,
    errors.DiskFull: _over_the_limit,
    errors.LockedDatabase: _locked,
    errors.SchemaTooNew: _from_the_future,
    errors.UnsupportedDatabase: lambda _: Memory("postgresql://localhost/memory"),
}


@pytest.mark.parametrize("error", TABLE, ids=[error.__name__ for error in TABLE])
def test_every_error_is_met_and_says_more_than_its_name(
    error: type[errors.AmError], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is that very class, not one above or below it, and its message is a sentence."""
    monkeypatch.setattr(minilm, "_PACKAGE", "no_such_package_of_weights")
    with pytest.raises(error) as caught:
        TABLE[error](tmp_path)
    assert type(caught.value) is error
    assert len(str(caught.value).split()) > 4


def test_the_table_has_every_error_that_can_be_raised() -> None:
    """All of the tree, but for the three that only gather others."""
    gathering = {errors.AmError, errors.InvalidInput, errors.EmbedderError}
    declared = {each for each in vars(errors).values() if isinstance(each, type)}
    assert TABLE.keys() | gathering == declared
    assert not TABLE.keys() & gathering
