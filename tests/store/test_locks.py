"""Locks of other programs: waited for, and named when they last too long, with nothing lost either way."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from sqlalchemy import event

from am_agent import DeterministicEmbedder, Memory, errors
from tests.children import Child
from tests.soundness import assert_sound, held, rows

OLD, NEW = DeterministicEmbedder(), DeterministicEmbedder(dimension=128)
SHORT = 0.1

WRITES: dict[str, Callable[[Memory, Path], object]] = {
    "remember": lambda memory, _: memory.remember("one more"),
    "remember_many": lambda memory, _: memory.remember_many(["one more", "and one"]),
    "update": lambda memory, _: memory.update("id3", text="another note"),
    "forget": lambda memory, _: memory.forget(ids="id4"),
    "load": lambda memory, folder: memory.load(folder / "other.jsonl"),
    "export": lambda memory, folder: memory.export(folder / "new.jsonl"),
    "reembed": lambda memory, _: memory.reembed(NEW),
}


def _hold(path: Path, kind: str, pipe: Connection) -> None:
    """Lock a file until it is let go."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        if kind == "EXCLUSIVE":
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute(f"BEGIN {kind}")
        connection.execute("CREATE TABLE IF NOT EXISTS other (id INTEGER)")
        pipe.send("locked")
        pipe.recv()
        connection.execute("ROLLBACK")
    pipe.send("released")


def _locked(path: Path, kind: str = "IMMEDIATE") -> Child:
    child = Child(_hold, path, kind)
    assert child.hear() == "locked"
    return child


def _release(child: Child) -> None:
    child.say("go")
    assert child.join() == ["released"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with some notes, and an export with others."""
    with Memory(embedder=OLD) as other:
        other.remember("from elsewhere")
        other.export(tmp_path / "other.jsonl")
    with Memory(tmp_path / "memory.db", embedder=OLD) as memory:
        memory.remember_many([{"text": f"note {number}", "id": f"id{number}"} for number in range(10)])
    return tmp_path / "memory.db"


@pytest.mark.parametrize("verb", WRITES)
def test_a_lock_that_lasts_too_long_is_named(path: Path, verb: str) -> None:
    """Nothing is changed, reading goes on, and afterwards the same object does it."""
    tables = ("episode", "vector", "journal", "erasure", "embedder")
    before = [rows(path, f"SELECT * FROM {table}") for table in tables]
    with Memory(path, embedder=OLD, timeout=SHORT) as memory:
        holder = _locked(path)
        with pytest.raises(errors.LockedDatabase, match=r"locked by another process for more than 0.1 s.*try again"):
            WRITES[verb](memory, path.parent)
        assert memory.recall("note 7", k=1)[0].id == "id7"
        assert memory.count() == 10
        assert [rows(path, f"SELECT * FROM {table}") for table in tables] == before
        _release(holder)
        WRITES[verb](memory, path.parent)
        assert memory.recall("note 7", k=1)[0].id == "id7"
    assert_sound(path, loaded=verb == "load")


@pytest.mark.parametrize("verb", WRITES)
def test_a_lock_that_ends_in_time_is_not_noticed(path: Path, verb: str) -> None:
    """The write waits for it."""
    with Memory(path, embedder=OLD) as memory, ThreadPoolExecutor(1) as pool:
        holder = _locked(path)
        write = pool.submit(WRITES[verb], memory, path.parent)
        with pytest.raises(TimeoutError):
            write.result(timeout=0.3)
        _release(holder)
        write.result()
        assert memory.recall("note 7", k=1)[0].id == "id7"
    assert_sound(path, loaded=verb == "load")


@pytest.mark.parametrize("new", [False, True], ids=["old file", "new file"])
def test_a_lock_at_the_moment_of_opening(path: Path, new: bool) -> None:
    """The same holds for a file that nobody else can read, and for one that is only being made."""
    if new:
        path = path.with_name("new.db")
    holder = _locked(path, "EXCLUSIVE")
    with pytest.raises(errors.LockedDatabase, match=r"more than 0.1 s"):
        Memory(path, embedder=OLD, timeout=SHORT)
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(Memory, path, embedder=OLD)
        with pytest.raises(TimeoutError):
            opening.result(timeout=0.3)
        _release(holder)
        with opening.result() as memory:
            assert memory.count() == (0 if new else 10)
            memory.remember("one more")
    assert rows(path, "PRAGMA journal_mode") == [("wal",)]
    assert_sound(path)


def test_a_file_without_the_log_that_is_being_read_is_waited_for(path: Path) -> None:
    """Turning the write-ahead log on needs the file for itself: never left off in silence."""
    rows(path, "PRAGMA journal_mode = DELETE")
    holder = _locked(path)
    with pytest.raises(errors.LockedDatabase, match=r"more than 0.1 s"):
        Memory(path, embedder=OLD, timeout=SHORT)
    _release(holder)
    with Memory(path, embedder=OLD) as memory:
        assert memory.count() == 10
    assert rows(path, "PRAGMA journal_mode") == [("wal",)]


@contextmanager
def _locked_after(memory: Memory, path: Path, query: str, returns: int) -> Iterator[list[Child]]:
    """Lock the file at the return of a connection, counted from the one after which a query finds nothing any more."""
    holders: list[Child] = []
    left = count(returns, -1)

    def hold(*_: object) -> None:
        if not holders and rows(path, query) == [] and next(left) == 0:
            holders.append(_locked(path))

    event.listen(memory._database._engine, "checkin", hold)
    yield holders
    event.remove(memory._database._engine, "checkin", hold)


@pytest.mark.parametrize("returns", range(4), ids=["the look", "the new file", "the emptied log", "the note of it"])
def test_a_lock_between_an_erasure_and_the_end_of_it(path: Path, returns: int) -> None:
    """What was forgotten is forgotten, and says erased=False; the next write after the lock finishes it."""
    with Memory(path, embedder=OLD, timeout=SHORT) as memory:
        with _locked_after(memory, path, "SELECT seq FROM episode WHERE id = 'id4'", returns) as holders:
            erasure = memory.forget(ids="id4")
        assert (erasure.episodes, erasure.erased, len(holders)) == (1, False, 1)
        assert memory.get("id4") == []
        assert memory.stats().unfinished_erasures == 1
        with pytest.raises(errors.LockedDatabase):
            memory.remember("one more")
        with Memory(path, embedder=OLD, timeout=SHORT) as second:  # opening is a chance, not a must
            assert second.stats().unfinished_erasures == 1
        _release(holders[0])
        memory.remember("one more")
        assert memory.stats().unfinished_erasures == 0
        assert b"id4" not in held(path.parent)
    assert_sound(path)


def test_a_lock_at_the_end_of_a_move(path: Path) -> None:
    """The file is the new embedder's, and only as large as it was with two."""
    with Memory(path, embedder=OLD, timeout=SHORT) as memory:
        of_old = f"SELECT id FROM embedder WHERE name = '{OLD.name}'"
        with _locked_after(memory, path, of_old, 0) as holders:
            assert memory.reembed(NEW) == 10
        assert memory.recall("note 7", k=1)[0].id == "id7"
        _release(*holders)
        memory.remember("one more")
        assert memory.stats().patterns == 11
    assert_sound(path)


@pytest.mark.parametrize("moment", [4, 8, 10])
def test_a_lock_in_the_middle_of_a_move(path: Path, moment: int) -> None:
    """What is embedded stays, the old embedder is in use, and the second call goes on."""
    holders: list[Child] = []
    with Memory(path, embedder=OLD, timeout=SHORT) as memory:

        def hold(done: int) -> None:
            if done == moment:
                holders.append(_locked(path))

        with pytest.raises(errors.LockedDatabase):
            memory.reembed(NEW, batch=4, progress=hold)
        assert memory.recall("note 7", k=1)[0].id == "id7"
        assert memory.stats().dimension == 64
        _release(holders[0])
        assert memory.reembed(NEW, batch=4) == 10 - moment
        assert memory.stats().dimension == 128
    assert_sound(path)
