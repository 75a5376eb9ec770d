"""Forgotten means that no file holds the bytes, whoever has the file open and whatever was interrupted before."""

from __future__ import annotations

import sqlite3
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from am_agent import DeterministicEmbedder, Erasure, Memory
from am_agent.draft import Vectors
from tests.children import Child
from tests.soundness import assert_sound, held, rows

OLD, NEW = DeterministicEmbedder(), DeterministicEmbedder(dimension=128)
SECRET = ("a secret about cellos", "another secret about bears, " + "and more of it " * 600)  # two versions, one long
NAMESPACE = ("ana@example.org",)


def _filled(path: Path) -> None:
    with Memory(path, embedder=OLD) as memory:
        memory.remember_many([{"text": f"note {n}", "id": f"id{n}"} for n in range(30)], namespace=("others",))
        for text in SECRET:
            memory.remember(text, id="the-callers-id", namespace=NAMESPACE, metadata={"from": "the-metadata"})


def _traces(*embedders: DeterministicEmbedder) -> list[bytes]:
    """Everything that tells of the secret."""
    vectors: list[Vectors] = [row for each in embedders for text in SECRET for row in each.documents([text])[0]]
    words = ("a secret about", "another secret", "and more of it", "the-callers-id", "the-metadata", NAMESPACE[0])
    return [*(word.encode() for word in words), *(row.astype("<f4").tobytes() for row in vectors)]


def _found(folder: Path, *embedders: DeterministicEmbedder) -> list[bytes]:
    content = held(folder)
    return [trace for trace in _traces(*embedders or (OLD,)) if trace in content]


def _open(path: Path, pipe: Connection) -> None:
    """Have the file open, idle, and say what can be seen of it whenever asked."""
    with Memory(path, embedder=OLD) as memory:
        while True:
            recall = memory.recall("a secret about cellos", namespace=(), subtree=True, k=100)
            pipe.send((recall.episodes, NAMESPACE in memory.namespaces()))
            if pipe.recv() == "go":
                return


def _read(path: Path, pipe: Connection) -> None:
    """Read in a transaction that lasts until told otherwise."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM episode").fetchone()
        pipe.send("reading")
        pipe.recv()
        pipe.send(connection.execute("SELECT count(*) FROM episode").fetchone()[0])
        connection.execute("COMMIT")


def _reading(path: Path) -> Child:
    child = Child(_read, path)
    assert child.hear() == "reading"
    return child


def _leave(child: Child, seen: int) -> None:
    child.say("go")
    assert child.hear() == seen
    child.join()
    assert child.code == 0


def test_those_who_only_have_the_file_open_hold_nothing_up(tmp_path: Path) -> None:
    """With several memories in this process and in others on it, the bytes go at once, and nobody sees them again."""
    path = tmp_path / "memory.db"
    _filled(path)
    assert _found(tmp_path) == _traces(OLD)
    others = [Child(_open, path) for _ in range(3)]
    assert [other.hear() for other in others] == [(31, True)] * 3
    with Memory(path, embedder=OLD) as second, Memory(path, embedder=OLD) as memory:
        assert second.recall("note", subtree=True).episodes == 31
        erasure = memory.forget(ids="the-callers-id", namespace=NAMESPACE)
        assert (erasure.episodes, erasure.versions, erasure.erased) == (1, 2, True)
        assert _found(tmp_path) == []
        assert second.recall("note", subtree=True).episodes == 30
        for other in others:
            other.say("again")
            assert other.hear() == (30, False)
        assert _found(tmp_path) == []
        _nothing_shows(memory, tmp_path)
    for other in others:
        other.say("go")
        other.join()
        assert other.code == 0
    assert _found(tmp_path) == []
    assert_sound(path)


def _nothing_shows(memory: Memory, folder: Path) -> None:
    """No verb and no table tells of the secret."""
    assert memory.get("the-callers-id", namespace=NAMESPACE) == []
    assert memory.recall("cellos", namespace=NAMESPACE).episodes == 0
    assert memory.count(namespace=NAMESPACE) == 0
    assert memory.namespaces() == [("others",)]
    assert {each.id for each in memory.list(subtree=True)} == {f"id{n}" for n in range(30)}
    export = folder / "export.jsonl"
    assert memory.export(export, vectors=True) == 30
    assert _found(folder) == []
    ((gone,),) = rows(folder / "memory.db", "SELECT DISTINCT namespace_id FROM journal WHERE kind = 'erase'")
    assert rows(folder / "memory.db", f"SELECT path FROM namespace WHERE id = {gone}") == []


@pytest.mark.parametrize("chance", ["write", "close", "opening"])
def test_a_reader_in_another_process_holds_it_up_until_it_leaves(tmp_path: Path, chance: str) -> None:
    """It goes on seeing what it saw; afterwards the next write, the close, or the next opening finishes the erasure."""
    path = tmp_path / "memory.db"
    _filled(path)
    reader = _reading(path)
    with Memory(path, embedder=OLD) as memory:
        erasure = memory.forget(namespace=NAMESPACE)
        assert (erasure.versions, erasure.erased) == (2, False)
        memory.remember("not before the reader has left", id="early")
        assert memory.stats().unfinished_erasures == 1
        assert _found(tmp_path) != []
        if chance != "opening":
            _leave(reader, 32)
            assert memory.stats().unfinished_erasures == 1
        if chance == "write":
            memory.remember("one more")
            assert memory.stats().unfinished_erasures == 0
            assert _found(tmp_path) == []
    if chance == "opening":
        assert _found(tmp_path) != []
        _leave(reader, 32)
    else:
        assert rows(path, "SELECT count(*) FROM erasure WHERE finished_at IS NULL") == [(0,)]
        assert _found(tmp_path) == []
    with Memory(path, embedder=OLD) as memory:
        assert memory.stats().unfinished_erasures == 0
        assert _found(tmp_path) == []
    assert_sound(path)


def _forget(path: Path, pipe: Connection) -> None:
    memory = Memory(path, embedder=OLD)
    pipe.send("forgetting")
    memory.forget(namespace=NAMESPACE)
    time.sleep(60)


def test_what_a_killed_process_left_is_finished_by_the_others(tmp_path: Path) -> None:
    """A memory that is open all the time rids the file of it at the latest when it is closed."""
    path = tmp_path / "memory.db"
    _filled(path)
    with Memory(path, embedder=OLD) as memory:
        reader = _reading(path)
        forgetter = Child(_forget, path)
        assert forgetter.hear() == "forgetting"
        while memory.count(namespace=NAMESPACE):
            time.sleep(0.01)
        forgetter.kill()
        _leave(reader, 32)
        assert memory.stats().unfinished_erasures == 1
        assert _found(tmp_path) != []
    assert rows(path, "SELECT count(*) FROM erasure WHERE finished_at IS NULL") == [(0,)]
    assert _found(tmp_path) == []
    assert_sound(path)


def test_an_erasure_does_not_pass_for_a_later_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that has emptied the log finishes what it had counted before, not what another forgot since."""
    path = tmp_path / "memory.db"
    _filled(path)
    with Memory(path, embedder=OLD) as memory, ThreadPoolExecutor(1) as pool:
        truncate_log = memory._database.truncate_log
        began: list[tuple[Child, Future[Erasure]]] = []

        def truncate_and_be_overtaken(*, patience: float) -> bool:
            done = truncate_log(patience=patience)
            if not began:
                reader = _reading(path)
                began.append((reader, pool.submit(memory.forget, ids="id5", namespace=("others",))))
                time.sleep(0.5)  # for the other to erase and to write the file anew, were it free to
            return done

        monkeypatch.setattr(memory._database, "truncate_log", truncate_and_be_overtaken)
        assert memory.forget(namespace=NAMESPACE).erased
        ((reader, later),) = began
        assert not later.result().erased
        assert memory.stats().unfinished_erasures == 1
        assert b"id5" in held(tmp_path)
        _leave(reader, 30)
        memory.remember("one more")
        assert memory.stats().unfinished_erasures == 0
        assert b"id5" not in held(tmp_path)
    assert_sound(path)


def test_the_vectors_of_an_interrupted_move_go_too(tmp_path: Path) -> None:
    """Those of the old embedder and those of the new one, whether the move goes on afterwards or not."""
    path = tmp_path / "memory.db"
    _filled(path)

    def stop(done: int) -> None:
        if done == 32:
            raise KeyboardInterrupt

    with Memory(path, embedder=OLD) as memory:
        with pytest.raises(KeyboardInterrupt):
            memory.reembed(NEW, batch=16, progress=stop)
        assert _found(tmp_path, OLD, NEW) == _traces(OLD, NEW)
        assert memory.forget(namespace=NAMESPACE).erased
        assert _found(tmp_path, OLD, NEW) == []
        assert memory.reembed(NEW) == 0
        assert memory.stats().patterns == 30
    assert _found(tmp_path, OLD, NEW) == []
    assert_sound(path)


@pytest.mark.parametrize("held_up", [False, True])
def test_the_old_vectors_go_with_a_move(tmp_path: Path, held_up: bool) -> None:
    """At once, or when the reader has left and the file is closed; what is forgotten then leaves neither."""
    path = tmp_path / "memory.db"
    _filled(path)
    old = [row.astype("<f4").tobytes() for text in SECRET for row in OLD.documents([text])[0]]
    assert len(old) > 10
    with Memory(path, embedder=OLD) as memory:
        if held_up:
            reader = _reading(path)
        assert memory.reembed(NEW) == 32
        content = held(tmp_path)
        assert any(trace in content for trace in old) == held_up
        if held_up:
            _leave(reader, 32)
    content = held(tmp_path)
    assert [trace for trace in old if trace in content] == []
    with Memory(path, embedder=NEW) as memory:
        assert memory.forget(namespace=NAMESPACE).erased
        assert _found(tmp_path, OLD, NEW) == []
    assert_sound(path)
