"""Recalls that wait in a file, and weights that were learned: rows that come, go, and leave no byte behind."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import time_machine
import uuid_utils

from am_agent import DeterministicEmbedder, Memory
from am_agent.store import namespaces, uses
from am_agent.store.database import Database
from am_agent.store.uses import Use
from tests.soundness import assert_sound, held, rows

ANA = ("ana",)


@pytest.fixture
def memory(tmp_path: Path, toy: DeterministicEmbedder) -> Iterator[Memory]:
    with Memory(tmp_path / "m.db", embedder=toy) as memory:
        yield memory


def _waiting(folder: Path) -> list[str]:
    return [id_ for (id_,) in rows(folder / "m.db", "SELECT id FROM use ORDER BY id")]


def _learned(folder: Path) -> list[tuple[str, bytes]]:
    query = "SELECT path, data FROM weight JOIN namespace ON id = namespace_id ORDER BY path"
    return [(path, data) for path, data in rows(folder / "m.db", query)]


def test_only_what_is_to_be_logged_is_written_down(memory: Memory, tmp_path: Path) -> None:
    """With its namespace, its ids and its features; without `log` the file does not know of a recall."""
    memory.remember("Rex is a dog.", id="rex", namespace=ANA)
    memory.remember("Tom is a cat.", id="tom", namespace=ANA)
    memory.recall("dog", namespace=ANA)
    assert _waiting(tmp_path) == []
    recall = memory.recall("dog", namespace=ANA, log=True)
    assert _waiting(tmp_path) == [recall.id]
    with memory._database.reading() as connection:
        use = uses.find(connection, recall.id, 5)
        assert uses.find(connection, "another", 5) is None
    assert use is not None
    assert (use.path, sorted(use.shown), use.features.shape) == (ANA, ["rex", "tom"], (2, 5))
    scores = use.features @ np.array([recall.weights[name] for name in recall.weights])
    shares = [sum(each.shares.values()) for each in recall]
    assert [scores[use.shown[each.id]] for each in recall] == pytest.approx(shares)


def test_the_newest_thousand_wait() -> None:
    """By the order of their ids, which is that of time; the older ones give way."""
    database = Database(None, timeout=1)
    use = Use((), 1.0, {}, np.zeros((1, 5)))
    ids = [str(uuid_utils.uuid7()) for _ in range(1003)]
    with database.writing() as connection:
        for id_ in ids:
            uses.keep(connection, id_, use, datetime.now(UTC))
        assert [uses.find(connection, id_, 5) is not None for id_ in ids] == [False] * 3 + [True] * 1000
    database.close()


def test_forgetting_an_episode_drops_what_may_name_it(memory: Memory, tmp_path: Path) -> None:
    """The recalls of its namespace and of those above, which may have looked below; others wait on."""
    paths = [(), ("org",), ("org", "secretteam"), ("org", "secretteam", "below"), ("other",)]
    for path in paths:
        memory.remember("Rex is a dog.", id="secretdog" if path == ("org", "secretteam") else "dog", namespace=path)
    ids = [memory.recall("dog", namespace=path, subtree=True, log=True).id for path in paths]
    assert _waiting(tmp_path) == sorted(ids)
    assert memory.forget(ids="secretdog", namespace=("org", "secretteam")).erased
    assert _waiting(tmp_path) == sorted(ids[3:])
    assert b"secretdog" not in held(tmp_path)


def test_a_recall_of_what_was_erased_meanwhile_is_not_written_down(memory: Memory, tmp_path: Path) -> None:
    """The erasure of another thread or process may come between the answer and its record."""
    memory.remember("Rex is a dog.", id="rex", namespace=ANA)
    memory.remember("Tom is a cat.", id="secretcat", namespace=ANA)
    memory.forget(ids="secretcat", namespace=ANA)
    with memory._database.writing() as connection:
        late = Use(ANA, 1.0, {"rex": 0, "secretcat": 1}, np.zeros((2, 5)))
        assert not uses.keep(connection, "late", late, datetime.now(UTC))
        assert uses.keep(connection, "right", Use(ANA, 1.0, {"rex": 0}, np.zeros((1, 5))), datetime.now(UTC))
    assert _waiting(tmp_path) == ["right"]
    assert b"secretcat" not in held(tmp_path)


def test_a_namespace_that_holds_nothing_itself_can_wait_and_goes_with_the_last(memory: Memory, tmp_path: Path) -> None:
    """A recall below it is written down under its name, which leaves the file with what it named."""
    memory.remember("Rex is a dog.", id="rex", namespace=("secretorg", "ana"))
    recall = memory.recall("dog", namespace=("secretorg",), subtree=True, log=True)
    assert _waiting(tmp_path) == [recall.id]
    assert memory.namespaces() == [("secretorg", "ana")]
    memory.forget(namespace=("secretorg", "ana"))
    assert _waiting(tmp_path) == []
    assert b"secretorg" not in held(tmp_path)


def test_what_expires_takes_the_recalls_along(memory: Memory, tmp_path: Path) -> None:
    """A time to live ends as `forget` does."""
    memory.remember("The code is 4711.", id="secretcode", namespace=ANA, ttl=timedelta(hours=1))
    memory.remember("Tom is a cat.", namespace=ANA)
    memory.recall("code", namespace=ANA, log=True)
    with time_machine.travel(timedelta(hours=2), tick=True):
        memory.remember("another", namespace=ANA)
        assert _waiting(tmp_path) == []
        memory.forget(ids="unknown")
    assert b"secretcode" not in held(tmp_path)


def test_weights_are_found_in_the_nearest_namespace_above() -> None:
    """Nearest first; what is learned again replaces what was."""
    database = Database(None, timeout=1)
    with database.writing() as connection:
        assert list(uses.learned(connection, ("a", "b", "c"))) == []
        uses.learn(connection, (), b"0")
        uses.learn(connection, ("a", "b"), b"1")
        uses.learn(connection, ("a", "b"), b"2")
        assert list(uses.learned(connection, ("a", "b", "c"))) == [(("a", "b"), b"2"), ((), b"0")]
        assert list(uses.learned(connection, ("a",))) == [((), b"0")]
        assert uses.unlearn(connection, ("a", "b"))
        assert not uses.unlearn(connection, ("a", "b"))
        assert namespaces.find(connection, ("a", "b")) == []
        assert list(uses.learned(connection, ("a", "b", "c"))) == [((), b"0")]
    database.close()


def test_forgetting_a_namespace_takes_its_weights(memory: Memory, tmp_path: Path) -> None:
    """Also those of one that holds no episode of its own; those above it and below it stay."""
    for path in [(), ("org",), ("org", "ana"), ("org", "ana", "work")]:
        if path != ("org",):
            memory.remember("Rex is a dog.", id="rex", namespace=path)
    below = memory.recall("dog", namespace=("org", "ana", "work"))
    for path in [(), ("org",), ("org", "ana"), ("org", "ana", "work")]:
        memory.reinforce(below, used="rex", namespace=path)
    (_, org, ana, _) = before = _learned(tmp_path)
    memory.forget(namespace=("org", "ana"))
    assert _learned(tmp_path) == [each for each in before if each != ana]
    memory.forget(namespace=("org",))
    assert _learned(tmp_path) == [each for each in before if each not in (ana, org)]
    memory.forget(ids="rex", namespace=("org", "ana", "work"))
    assert [path for path, _ in _learned(tmp_path)] == [""]
    memory.close()
    assert ana[1] not in held(tmp_path)
    assert_sound(tmp_path / "m.db")


def test_weights_that_are_reset_leave_no_byte_in_the_file(memory: Memory, tmp_path: Path) -> None:
    """The row is gone at once, and the log's copy of it with the close."""
    memory.remember("Rex is a dog.", id="rex")
    memory.remember("Tom is a cat.", id="tom")
    for word, id_ in [("dog", "rex"), ("cat", "tom")]:
        memory.reinforce(memory.recall(word), used=id_)
    ((_, data),) = _learned(tmp_path)
    assert data in held(tmp_path)
    memory.reset_weights()
    assert _learned(tmp_path) == []
    memory.close()
    assert data[:4] not in held(tmp_path)


def test_the_database_takes_the_rows_of_a_namespace_along(memory: Memory, tmp_path: Path) -> None:
    """Weights and recalls refer to their namespace, so that none is left without."""
    memory.remember("Rex is a dog.", id="rex", namespace=ANA)
    memory.reinforce(memory.recall("dog", namespace=ANA, log=True), used="rex")
    with sqlite3.connect(tmp_path / "m.db") as connection:
        assert connection.execute("SELECT count(*) FROM pragma_foreign_key_list('use')").fetchone() == (1,)
    connection.close()
    memory.forget(namespace=ANA)
    assert (_learned(tmp_path), _waiting(tmp_path)) == ([], [])
