"""Processes that are killed in the middle of a verb, by SIGKILL: what was acknowledged is there, and nothing half."""

from __future__ import annotations

import random
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from am_agent import DeterministicEmbedder, Memory
from am_agent.store import schema
from tests.children import Child, killed
from tests.overlays import told
from tests.soundness import assert_sound, held, rows, vectors
from tests.store.test_migrations import SCHEMAS, shape
from tests.test_equivalence import assert_same

OLD, NEW, SMALL = (DeterministicEmbedder(dimension=dimension) for dimension in (64, 128, 32))
BATCH = 20


def _notes(first: int) -> Iterator[dict[str, Any]]:
    number = first
    while True:
        yield {"text": f"note {number} of the day", "id": f"id{number}", "metadata": {"n": number}}
        number += 1


def _remember(path: Path, pipe: Connection) -> None:
    memory = Memory(path, embedder=OLD)
    first = memory.count()
    memory.remember_many(_notes(first), batch=BATCH, progress=lambda count: pipe.send(first + count))


@pytest.mark.parametrize("series", range(5))
def test_what_was_acknowledged_survives_ten_kills_in_a_row(tmp_path: Path, series: int) -> None:
    """On one file that grows: every acknowledged batch is there whole, none is half there, and recall finds them."""
    path, rng = tmp_path / "memory.db", random.Random(series)
    for _ in range(10):
        acknowledged = killed(rng, 0.12, _remember, path)[-1]
        with Memory(path, embedder=OLD) as memory:
            count = memory.count()
            assert count >= acknowledged > 0
            assert count % BATCH == 0
            assert memory.recall(f"note {acknowledged - 1} of the day", k=1).episodes == count
            assert memory.stats().patterns == count
        assert rows(path, "SELECT id, text FROM episode ORDER BY seq") == [
            (f"id{number}", f"note {number} of the day") for number in range(count)
        ]
        assert_sound(path)


def _update(path: Path, pipe: Connection) -> None:
    memory = Memory(path, embedder=OLD)
    while True:
        for episode in memory.list():
            text = f"{episode.id} as it was told for the {episode.version + 1}th time"
            pipe.send((episode.id, memory.update(episode.id, text=text).version))


def test_an_update_that_is_killed_has_happened_or_not(tmp_path: Path) -> None:
    """An id has all its versions without a gap, one of them current, and never fewer than were acknowledged."""
    path, rng = tmp_path / "memory.db", random.Random(1)
    with Memory(path, embedder=OLD) as memory:
        memory.remember_many([{"text": f"id{n} as it was told for the 1th time", "id": f"id{n}"} for n in range(5)])
    for _ in range(10):
        acknowledged = dict(killed(rng, 0.15, _update, path))
        with Memory(path, embedder=OLD) as memory:
            for episode in memory.list():
                assert episode.version >= acknowledged.get(episode.id, 1)
                assert episode.text == f"{episode.id} as it was told for the {episode.version}th time"
                assert memory.recall(episode.text, k=1)[0].similarity == pytest.approx(1)
        assert_sound(path)


def _secrets(number: int) -> list[bytes]:
    """What tells of an episode: its id, and the text and the vector of each of its two versions."""
    texts = [f"secret{number:04d}text {which}" for which in ("first", "second")]
    return [
        f"secret{number:04d}id".encode(),
        *(text.encode() for text in texts),
        *(OLD.documents([text])[0].astype("<f4").tobytes() for text in texts),
    ]


def _forget(path: Path, pipe: Connection) -> None:
    memory = Memory(path, embedder=OLD)
    for episode in memory.list():
        memory.forget(ids=episode.id)
        pipe.send(episode.id)
    time.sleep(60)


def test_a_forget_that_is_killed_leaves_an_episode_whole_or_no_byte_of_it(tmp_path: Path) -> None:
    """What was acknowledged is gone; what was under way is gone with all its bytes once the file is opened again."""
    path, rng, total = tmp_path / "memory.db", random.Random(2), 400
    with Memory(path, embedder=OLD) as memory:
        for which in ("first", "second"):
            memory.remember_many(
                [{"text": f"secret{n:04d}text {which}", "id": f"secret{n:04d}id"} for n in range(total)]
            )
    for _ in range(10):
        acknowledged = killed(rng, 0.2, _forget, path)
        with Memory(path, embedder=OLD) as memory:
            left = {episode.id for episode in memory.list()}
            assert memory.stats().versions == 2 * len(left)
            assert memory.stats().unfinished_erasures == 0
            memory.erasures()  # checks the chain
        assert left.isdisjoint(acknowledged)
        content = held(tmp_path)
        for number in range(total):
            found = [secret in content for secret in _secrets(number)]
            assert set(found) == {f"secret{number:04d}id" in left}
        assert_sound(path)
    assert 0 < len(left) < total


def _load(path: Path, export: Path, pipe: Connection) -> None:
    memory = Memory(path, embedder=OLD)
    memory.load(export, batch=BATCH, progress=pipe.send)
    time.sleep(60)


def test_a_load_that_is_killed_can_be_repeated(tmp_path: Path) -> None:
    """Batches are there whole or not at all, and after the last try the file is the one that was exported."""
    source, path, export = tmp_path / "source.db", tmp_path / "copy.db", tmp_path / "all.jsonl"
    with Memory(source, embedder=OLD) as memory:
        for version in range(2):
            memory.remember_many(
                [
                    {"text": f"note {n} in version {version}", "id": f"id{n}", "namespace": (f"{n % 3}",)}
                    for n in range(1500)
                ]
            )
        assert memory.export(export, vectors=True) == 3000
    rng = random.Random(3)
    for _ in range(10):
        acknowledged = killed(rng, 0.25, _load, path, export)[-1]
        with Memory(path, embedder=OLD) as memory:
            versions = memory.stats().versions
            assert versions >= acknowledged > 0
            assert versions % BATCH == 0
            assert memory.stats().patterns == versions
    with Memory(path, embedder=OLD) as memory:
        assert memory.load(export).recorded == 3000 - versions
        memory.export(tmp_path / "again.jsonl", vectors=True)
    assert (tmp_path / "again.jsonl").read_bytes() == export.read_bytes()
    assert_sound(path, loaded=True)


def _reembed(path: Path, pipe: Connection) -> None:
    memory = Memory(path, embedder=OLD)
    memory.reembed(NEW, batch=BATCH, progress=pipe.send)
    time.sleep(60)


def test_a_move_that_is_killed_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """The file is what it was until all is there; in the end it holds what one made with the new embedder holds."""
    items = [{"text": f"note {n} about {'tea' if n % 2 else 'chess'}", "id": f"id{n}"} for n in range(600)]
    template, made = tmp_path / "template.db", tmp_path / "made.db"
    for path, embedder in ((template, OLD), (made, NEW)):
        with Memory(path, embedder=embedder) as memory:
            memory.remember_many(items)
            memory.remember_many([{**item, "text": item["text"] + " again"} for item in items[:100]])
    with Memory(template, embedder=OLD) as memory:
        before = memory.recall("chess again", k=10)
    shutil.copy(template, tmp_path / "timed.db")
    with Memory(tmp_path / "timed.db", embedder=OLD) as memory:
        began = time.monotonic()
        memory.reembed(NEW, batch=BATCH)
        within = time.monotonic() - began
    rng = random.Random(4)
    for number in range(10):
        path = tmp_path / f"{number}.db"
        shutil.copy(template, path)
        acknowledged = killed(rng, within, _reembed, path)[-1]
        ((dimension,),) = rows(path, "SELECT dimension FROM embedder WHERE adopted_at IS NOT NULL")
        with Memory(path, embedder=OLD if dimension == 64 else NEW) as memory:
            assert memory.stats().patterns == 700
            embedded = 0
            if dimension == 64:
                assert_same(memory.recall("chess again", k=10), before)
                embedded = memory.reembed(NEW, batch=BATCH)
            assert embedded <= 700 - acknowledged
            assert embedded % BATCH == 0
            assert memory.stats().dimension == 128
        assert vectors(path) == vectors(made)
        assert rows(path, "SELECT count(*) FROM vector") == [(700,)]
        assert_sound(path)


def _consolidate(path: Path, pipe: Connection) -> None:
    memory = Memory(path, embedder=OLD)
    memory.consolidate(summarise=" / ".join, progress=pipe.send)
    pipe.send("done")
    time.sleep(60)


def _groups(path: Path) -> set[tuple[str, str, tuple[str, ...], bool]]:
    with Memory(path, embedder=OLD) as memory:
        return {(each.tier, each.text, each.members, each.derived) for each in memory.prototypes()}


@pytest.mark.parametrize("again", [False, True])
def test_a_pass_that_is_killed_leaves_the_groups_of_before_or_of_after(tmp_path: Path, again: bool) -> None:
    """The first, or one that puts what is new in its place; the next one makes them what they would have been."""
    template, made = tmp_path / "template.db", tmp_path / "made.db"
    with Memory(template, embedder=OLD) as memory:
        memory.remember_many([{"text": text, "id": f"id{n}"} for n, text in enumerate(told(6, 25))])
        if again:
            memory.consolidate(summarise=" / ".join)
            memory.remember_many([{"text": text, "id": f"new{n}"} for n, text in enumerate(told(6, 5, seed=1))])
    before = _groups(template)
    assert bool(before) == again
    shutil.copy(template, made)
    with Memory(made, embedder=OLD) as memory:
        memory.consolidate(summarise=" / ".join)
    after, rng = _groups(made), random.Random(5)
    for number in range(10):
        path = tmp_path / f"{number}.db"
        shutil.copy(template, path)
        child = Child(_consolidate, path)
        while child.hear() < 0.09 * number:  # the last of them is told when only the writing is left
            pass
        time.sleep(rng.uniform(0, 0.02))
        done = "done" in child.kill()
        found = _groups(path)
        assert found == after if done else found in (before, after)
        assert_sound(path)
        with Memory(path, embedder=OLD) as memory:
            assert (memory.consolidate(summarise=" / ".join).run_id is None) == (found == after)
        assert _groups(path) == after


def _undo(path: Path, runs: list[str], pipe: Connection) -> None:
    memory = Memory(path, embedder=OLD)
    pipe.send("now")
    for run in runs:
        pipe.send(memory.unconsolidate(run).runs)
    time.sleep(60)


def test_an_undo_that_is_killed_has_happened_or_not(tmp_path: Path) -> None:
    """The groups are always those after one of the runs."""
    template, rng = tmp_path / "template.db", random.Random(6)
    states, runs = [_groups(template)], []
    with Memory(template, embedder=OLD) as memory:
        for n in range(4):
            memory.remember_many([{"text": text, "id": f"{n}.{m}"} for m, text in enumerate(told(6, 10, seed=n))])
            runs.insert(0, memory.consolidate().run_id or "")
            states.append({(each.tier, each.text, each.members, each.derived) for each in memory.prototypes()})
    for number in range(10):
        path = tmp_path / f"{number}.db"
        shutil.copy(template, path)
        acknowledged = killed(rng, 0.05, _undo, path, runs)[1:]
        found = states.index(_groups(path))
        assert len(acknowledged) <= 4 - found <= len(acknowledged) + 1
        assert_sound(path)


def _migrate(path: Path, pipe: Connection) -> None:
    pipe.send("now")
    Memory(path, embedder=SMALL)
    time.sleep(60)


def _enlarged(path: Path, revision: str) -> None:
    """Make a copy of an old file that has erased much, so that its migration takes its time."""
    shutil.copy(SCHEMAS / f"{revision}.db", path)
    with closing(sqlite3.connect(path)) as connection:
        for number in range(1, 101):
            erased = [(number, 1000 + 20 * number + each) for each in range(20)]
            connection.executemany(
                "INSERT INTO journal (at, kind, namespace_id, episode_seq) VALUES (?, 'erase', 1, ?)", erased
            )
            if revision != "0001":  # which had no ledger
                connection.execute("INSERT INTO erasure VALUES (?, ?, 20, 20, 5)", (number, number))
        connection.commit()


@pytest.mark.parametrize("revision", ["0001", "0002"])
def test_a_migration_that_is_killed_leaves_the_old_file_or_the_new(tmp_path: Path, revision: str) -> None:
    """Never a schema in between, and not a row lost, whichever it is; the next opening makes it the new one."""
    tables = ("namespace", "episode", "vector", "journal")
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    for path in (old, new):
        _enlarged(path, revision)
    content = [rows(old, f"SELECT * FROM {table}") for table in tables]
    began = time.monotonic()
    Memory(new, embedder=SMALL).close()
    within = time.monotonic() - began
    rng = random.Random(int(revision))
    for number in range(10):
        path = tmp_path / f"{number}.db"
        shutil.copy(old, path)
        killed(rng, within, _migrate, path)
        ((found,),) = rows(path, "SELECT version_num FROM alembic_version")
        assert shape(path) == shape({revision: old, schema.REVISION: new}[found])
        assert [rows(path, f"SELECT * FROM {table}") for table in tables] == content
        with Memory(path, embedder=SMALL) as memory:
            assert memory.recall("dog called Rex", namespace=("ana",))[0].id == "dog"
            receipts = [(each.number, each.versions, each.rows) for each in memory.erasures()]
        if revision == "0002":
            assert receipts == [(n, 20, f"{1000 + 20 * n}-{1019 + 20 * n}") for n in range(1, 101)]
        assert shape(path) == shape(new)
        assert [rows(path, f"SELECT * FROM {table}") for table in tables] == content
        assert rows(path, "PRAGMA integrity_check") == [("ok",)]
