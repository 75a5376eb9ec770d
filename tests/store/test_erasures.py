"""Forgotten means that no file holds the bytes."""

from __future__ import annotations

import hashlib
import random
import sqlite3
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from am_agent import DeterministicEmbedder, Memory, errors
from am_agent.store.erasures import rows_of


def _bytes(folder: Path) -> bytes:
    """Everything that any file of the memory holds."""
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def _marked(number: int) -> str:
    return f"secret{number:06d}secret"


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_no_file_holds_what_was_forgotten(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """After any mix of writes and erasures the files hold what is left, and not a byte of what is gone."""
    folder = tmp_path_factory.mktemp("erasure")
    rng = np.random.default_rng(seed)
    embedder = DeterministicEmbedder()
    left: dict[str, tuple[str, tuple[str, ...]]] = {}
    gone: list[str] = []
    with Memory(folder / "memory.db", embedder=embedder) as memory:
        for step in range(12):
            numbers = range(1000 * step, 1000 * step + int(rng.integers(1, 40)))
            new = {_marked(500_000 + number): _marked(number) for number in numbers}
            path = (f"user{rng.integers(3)}",)
            long = " padding" * int(rng.integers(0, 1500))
            memory.remember_many(
                [{"text": text + long, "id": id_, "metadata": {"m": text + "m"}} for id_, text in new.items()],
                namespace=path,
            )
            left |= {id_: (text, path) for id_, text in new.items()}
            picked = rng.permutation(list(left))[: int(rng.integers(0, 30))].tolist()
            for where in {left[id_][1] for id_ in picked}:
                ids = [id_ for id_ in picked if left[id_][1] == where]
                assert memory.forget(ids=ids, namespace=where).erased
            gone += [each for id_ in picked for each in (id_, left.pop(id_)[0])]
        held = _bytes(folder)
        assert [each for each in gone if each.encode() in held] == []
        assert all(text.encode() in held for text, _ in left.values())
    held = _bytes(folder)
    assert [each for each in gone if each.encode() in held] == []


def test_what_split_pages_kept_goes_too(tmp_path: Path, toy: DeterministicEmbedder) -> None:
    """Ids of many lengths in no order make SQLite split pages and leave copies that no deletion overwrites."""
    rng = random.Random(0)
    ids = [f"secret{number:05d}" + "z" * rng.randrange(400) for number in range(800)]
    rng.shuffle(ids)
    with Memory(tmp_path / "m.db", embedder=toy) as memory:
        for which in range(3):
            for start in range(0, len(ids), 37):
                texts = {
                    id_: f"text {which} of {id_[:11]}" + " pad" * rng.randrange(150) for id_ in ids[start : start + 37]
                }
                memory.remember_many([{"text": text, "id": id_} for id_, text in texts.items()])
        gone = set[str]()
        for _ in range(8):
            picked = rng.sample(ids, 60)
            assert memory.forget(ids=picked).erased
            gone.update(picked)
        held = _bytes(tmp_path)
        assert [id_ for id_ in gone if id_[:11].encode() in held] == []
        assert all(id_[:11].encode() in held for id_ in ids if id_ not in gone)


def test_versions_vectors_and_the_namespaces_name_go_too(tmp_path: Path, toy: DeterministicEmbedder) -> None:
    """All versions, their vectors, actor, session, metadata, and the name of a namespace that is empty then."""
    with Memory(tmp_path / "m.db", embedder=toy) as memory:
        memory.remember("something that stays")
        where = ("ana@example.org",)
        memory.remember("first secret", id="theid", namespace=where, actor="theactor", session="thesession")
        memory.remember("second secret", id="theid", namespace=where, metadata={"thekey": 1})
        vectors = [
            row.astype("<f4").tobytes()
            for text in ("first secret", "second secret")
            for row in toy.documents([text])[0]
        ]
        secrets = [
            b"first secret",
            b"second secret",
            b"theid",
            b"theactor",
            b"thesession",
            b"thekey",
            b"ana@example.org",
        ]
        held = _bytes(tmp_path)
        assert all(each in held for each in [*secrets, *vectors])
        erasure = memory.forget(namespace=where)
        assert (erasure.episodes, erasure.versions, erasure.erased) == (1, 2, True)
        held = _bytes(tmp_path)
        assert [each for each in [*secrets, *vectors] if each in held] == []
        assert b"something that stays" in held


def test_a_reader_holds_an_erasure_up_and_the_next_write_finishes_it(
    tmp_path: Path, toy: DeterministicEmbedder
) -> None:
    """While another connection reads an older state, the receipt says erased=False; later the bytes do go."""
    path = tmp_path / "m.db"
    with Memory(path, embedder=toy) as memory:
        memory.remember("the secret", id="x")
        memory.remember("the rest")
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM episode").fetchall()
        erasure = memory.forget(ids="x")
        assert (erasure.episodes, erasure.erased) == (1, False)
        assert memory.stats().unfinished_erasures == 1
        assert memory.get("x") == []
        reader.execute("COMMIT")
        reader.close()
        memory.remember("one more")
        assert memory.stats().unfinished_erasures == 0
        assert b"the secret" not in _bytes(tmp_path)


def test_an_unfinished_erasure_is_finished_by_the_next_process(tmp_path: Path, toy: DeterministicEmbedder) -> None:
    """It is written down in the file, so opening it again is a chance, too."""
    path = tmp_path / "m.db"
    memory = Memory(path, embedder=toy)
    memory.remember("the secret", id="x")
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM episode").fetchall()
    assert not memory.forget(ids="x").erased
    memory.close()
    reader.execute("COMMIT")
    with Memory(path, embedder=toy) as again:
        assert again.stats().unfinished_erasures == 0
        assert b"the secret" not in _bytes(tmp_path)
    reader.close()


def test_the_journal_names_rows_by_number_only(tmp_path: Path, toy: DeterministicEmbedder) -> None:
    """Every write appends to the change feed, and the feed survives an erasure without telling anything."""
    with Memory(tmp_path / "m.db", embedder=toy) as memory:
        memory.remember("one", id="x")
        memory.remember("two", id="x", ttl=timedelta(days=1))
        memory.remember("two", id="x", ttl=timedelta(days=2))
        memory.forget(ids="x")
    connection = sqlite3.connect(tmp_path / "m.db")
    rows = connection.execute("SELECT kind, namespace_id, episode_seq FROM journal ORDER BY id").fetchall()
    assert rows == [
        ("insert", 1, 1),
        ("close", 1, 1),
        ("insert", 1, 2),
        ("expire", 1, 2),
        ("erase", 1, 1),
        ("erase", 1, 2),
    ]
    assert connection.execute("SELECT count(*) FROM episode").fetchone() == (0,)
    assert connection.execute("SELECT count(*) FROM vector").fetchone() == (0,)
    connection.close()


def test_what_expired_is_deleted_by_the_next_write(tmp_path: Path, toy: DeterministicEmbedder) -> None:
    """A time to live ends in a deletion, not in a hidden row."""
    with Memory(tmp_path / "m.db", embedder=toy) as memory:
        memory.remember("the secret", ttl=timedelta(hours=1))
        with time_machine.travel(timedelta(hours=2), tick=True):
            memory.remember("another", id="x")
            assert memory.stats().versions == 1
            assert [(each.episodes, each.rows) for each in memory.erasures()] == [(1, "1")]
        assert memory.forget(ids="no such").erased
        assert b"the secret" not in _bytes(tmp_path)


def test_closing_rids_the_file_of_what_expired(tmp_path: Path, toy: DeterministicEmbedder) -> None:
    """The bytes that a time to live has left in the log and in unused space are gone with the close."""
    with Memory(tmp_path / "m.db", embedder=toy) as memory:
        memory.remember("the secret", ttl=timedelta(hours=1))
        with time_machine.travel(timedelta(hours=2), tick=True):
            memory.remember("another")
        assert b"the secret" in _bytes(tmp_path)
    assert b"the secret" not in _bytes(tmp_path)


def test_receipts_tell_how_much_was_erased_and_follow_each_other(tmp_path: Path, toy: DeterministicEmbedder) -> None:
    """Each receipt names counts, row numbers and the digest of the one before; nothing found is no receipt."""
    with Memory(tmp_path / "m.db", embedder=toy) as memory:
        memory.remember_many([{"text": f"note {n}", "id": str(n)} for n in range(6)])
        memory.update("5", text="note five")
        first = memory.forget(ids=["0", "1", "3"]).receipt
        assert memory.forget(ids="unknown").receipt is None
        second = memory.forget(ids="5").receipt
        assert first is not None
        assert second is not None
        assert (first.number, first.episodes, first.versions, first.rows) == (1, 3, 3, "1-2,4")
        assert (second.number, second.episodes, second.versions, second.rows) == (2, 1, 2, "6-7")
        assert (first.previous, second.previous) == ("0" * 64, first.digest)
        told = f"{first.digest}|2|{second.at.timestamp() * 1e6:.0f}|1|2|6-7"
        assert second.digest == hashlib.sha256(told.encode()).hexdigest()
        assert memory.erasures() == [first, second]
    with Memory(tmp_path / "m.db", embedder=toy) as memory:
        assert memory.erasures() == [first, second]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE erasure SET versions = 9 WHERE id = 1",
        "UPDATE erasure SET rows = '7' WHERE id = 2",
        "UPDATE erasure SET at = at + 1 WHERE id = 2",
        "DELETE FROM erasure WHERE id = 1",
    ],
)
def test_a_changed_receipt_is_noticed(tmp_path: Path, toy: DeterministicEmbedder, change: str) -> None:
    """Who changes or removes a receipt breaks the chain, and the error says where."""
    path = tmp_path / "m.db"
    with Memory(path, embedder=toy) as memory:
        memory.remember_many([{"text": f"note {n}", "id": str(n)} for n in range(3)])
        for n in range(3):
            memory.forget(ids=str(n))
        with sqlite3.connect(path) as connection:
            connection.execute(change)
        connection.close()
        with pytest.raises(errors.DamagedDatabase, match=r"the receipt [123] of [23] erasures .* does not match"):
            memory.erasures()


@given(st.sets(st.integers(1, 60)))
def test_ranges_of_rows_say_which_rows(seqs: set[int]) -> None:
    """Reading the ranges gives the rows back, in order and without a number too many."""
    ranges = [part.split("-") for part in rows_of(seqs).split(",") if part]
    assert [n for part in ranges for n in range(int(part[0]), int(part[-1]) + 1)] == sorted(seqs)
