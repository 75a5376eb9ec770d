"""What is written down beside the database is as good as the database, or it is not used; and it forgets with it."""

from __future__ import annotations

import random
import shutil
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from am_agent import DeterministicEmbedder, Memory, working_set
from am_agent.episode import Recall
from am_agent.hopfield.patterns import PatternView
from am_agent.store import caches, namespaces, space
from am_agent.store.caches import Caches, Held
from am_agent.working_set import Snapshot, WorkingSet
from tests.children import Child, killed
from tests.soundness import assert_sound, held
from tests.test_equivalence import assert_same
from tests.test_working_set import SMALL, START, STEPS, _assert_recalls_alike, _facts, _write

CUES = ("rooks and tea in Oslo", "Royal Society 1997", "Ida said what?")


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working_set, "LEAST", 1)


def _codes(patterns: PatternView, place: int) -> list[Any]:
    codes = patterns.codes[patterns.rows_of(np.array([place]))]
    return [codes.values.tolist(), codes.scales.tolist(), codes.errors.tolist()]


def _snapshot(memory: Memory, kept: WorkingSet, *, worded: bool = True) -> Snapshot:
    with memory._read() as connection:
        found, ids = space.find(connection), namespaces.find(connection, ())
        assert found.space is not None
        return kept.snapshots(connection, ids, found.id, found.space.dimension, worded=worded)[0]


def _read(path: Path, kind: str = "codes") -> Held | None:
    """What a file holds, if it is to be used."""
    with Memory(path, embedder=SMALL) as memory, memory._read() as connection:
        return Caches(path).read(connection, kind, 1)


def _recalls(path: Path) -> list[Recall]:
    with Memory(path, embedder=SMALL) as memory:
        found = [memory.recall(cue, k=10, fields=("cosine",)) for cue in CUES]
        return found + [memory.recall(cue, k=10) for cue in CUES]


def _assert_as_from_sql(path: Path) -> None:
    """Bit by bit what the episodes are, and all that recall makes of them."""
    with Memory(path, embedder=SMALL) as memory:
        if not memory.count():
            return
        kept = _snapshot(memory, WorkingSet(caches=Caches(path)))
        rebuilt = _snapshot(memory, WorkingSet())
        now = datetime.now(UTC)
        assert _facts(kept, now, _codes) == _facts(rebuilt, now, _codes)
        _assert_recalls_alike(kept, rebuilt)
    bare = path.with_name("bare.db")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(bare)) as target:
        source.backup(target)
    for one, other in zip(_recalls(path), _recalls(bare), strict=True):
        assert_same(one, other)
        assert [each.similarity for each in one] == [each.similarity for each in other]
    shutil.rmtree(bare.with_name("bare.db-cache"), ignore_errors=True)
    bare.unlink()


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    """A memory of 40 episodes that was closed, with its caches."""
    path = tmp_path / "memory.db"
    with Memory(path, embedder=SMALL) as memory:
        memory.remember_many(
            [
                {"text": f"note {n} of rooks in Oslo in {1980 + n}", "actor": f"Ida {n}", "session": f"s{n % 3}"}
                for n in range(40)
            ]
        )
        memory.recall(CUES[0])
    assert sorted(each.name for each in _folder(path).iterdir()) == ["codes-1", "words-1"]
    return path


def _folder(path: Path) -> Path:
    return path.with_name(path.name + "-cache")


REOPENING = st.tuples(st.just("reopen"), st.sampled_from(["cosine", "words", "neither", "both"]))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.one_of(STEPS, REOPENING), min_size=1, max_size=12))
def test_what_was_written_down_is_what_sql_says(
    tmp_path_factory: pytest.TempPathFactory, steps: Sequence[tuple[Any, ...]]
) -> None:
    """After any writes, closings and openings, with what came since taken over by the journal."""
    path = tmp_path_factory.mktemp("caches") / "memory.db"
    with time_machine.travel(START, tick=False) as clock:
        memory = Memory(path, embedder=SMALL)
        for verb, *arguments in steps:
            clock.shift(timedelta(milliseconds=1))
            if verb != "reopen":
                _write(memory, clock, verb, arguments)
                continue
            if arguments[0] in ("cosine", "both"):
                memory.recall("rooks", fields=("cosine",))
            if arguments[0] in ("words", "both"):
                memory.recall("rooks")
            memory.close()
            memory = Memory(path, embedder=SMALL)
        memory.recall("rooks", fields=("cosine",))
        memory.close()
        _assert_as_from_sql(path)


def test_a_file_is_used_and_says_the_same(path: Path) -> None:
    """The next process has the codes from it, and the words; the answers are the same to the last bit."""
    for kind in caches.KINDS:
        assert _read(path, kind) is not None
    with Memory(path, embedder=SMALL) as memory:
        kept = WorkingSet(caches=Caches(path))
        dense = _snapshot(memory, kept, worded=False)
        assert (dense.wording, dense.patterns.rows) == (None, None)
        memory.remember("tea and rooks, later", actor="Ida 3", session="s1")
        memory.forget(ids=memory.list(limit=1)[0].id)  # which removes the files
        assert not _folder(path).exists()
        assert len(_snapshot(memory, kept).roster.keys) == 41
        _assert_recalls_alike(_snapshot(memory, kept), _snapshot(memory, WorkingSet()))
    _assert_as_from_sql(path)


def test_the_first_answer_that_had_to_build_writes_it_down(path: Path) -> None:
    """So that a process that never closes does it, too; once, and not again when all the rest is forgotten."""
    shutil.rmtree(_folder(path))
    with Memory(path, embedder=SMALL) as memory:
        memory.recall("tea", fields=("cosine",))
        assert [each.name for each in _folder(path).iterdir()] == ["codes-1"]
        memory.recall("tea")
        assert sorted(each.name for each in _folder(path).iterdir()) == ["codes-1", "words-1"]
        memory.forget(ids=memory.list(limit=1)[0].id)
        memory.recall("tea")
        assert not _folder(path).exists()
    _assert_as_from_sql(path)


def test_a_few_changes_are_left_to_the_journal(path: Path) -> None:
    """A file is written anew when one episode in ten has changed, and not before."""
    before = {each.name: each.stat().st_mtime_ns for each in _folder(path).iterdir()}
    with Memory(path, embedder=SMALL) as memory:
        memory.remember_many(["tea", "rain and tea"])
        memory.recall("tea")
    assert {each.name: each.stat().st_mtime_ns for each in _folder(path).iterdir()} == before
    _assert_as_from_sql(path)
    with Memory(path, embedder=SMALL) as memory:
        memory.remember_many([f"tea of {n}" for n in range(5)])
        memory.recall("tea")
    after = {each.name: each.stat().st_mtime_ns for each in _folder(path).iterdir()}
    assert all(after[name] > before[name] for name in before)
    _assert_as_from_sql(path)


# -------------------------------------------------------------------------------------------------------------- damages


def _flipped(place: float) -> Callable[[bytes], bytes]:
    def damage(data: bytes) -> bytes:
        at = int(place * (len(data) - 1))
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

    return damage


def _damages() -> Iterator[Callable[[bytes], bytes]]:
    for length in (0, 1, 23, 24, 100, 1000, -64, -1):
        yield lambda data, length=length: data[:length]
    yield lambda data: data + b"\0"
    yield lambda data: b"am_agent cache 0" + data[16:]
    yield lambda data: bytes(len(data))


def test_a_damaged_file_is_not_used(path: Path) -> None:
    """Cut off anywhere, of another version, or with one bit changed anywhere where something is said."""
    for kind in caches.KINDS:
        file = _folder(path) / f"{kind}-1"
        whole = file.read_bytes()
        expected = _read(path, kind)
        assert expected is not None
        for damage in _damages():
            file.write_bytes(damage(whole))
            assert _read(path, kind) is None
        for place in np.linspace(0, 1, 60):
            file.write_bytes(_flipped(place)(whole))
            found = _read(path, kind)
            if found is not None:  # between two arrays nothing is said
                assert all(np.array_equal(found.arrays[name], array) for name, array in expected.arrays.items())
        file.write_bytes(_flipped(0.5)(whole))
    _assert_as_from_sql(path)


def test_every_array_has_its_sum(path: Path) -> None:
    """One bit of any of them, and the file is not used."""
    for kind in caches.KINDS:
        file = _folder(path) / f"{kind}-1"
        whole = file.read_bytes()
        found = _read(path, kind)
        assert found is not None
        checked = 0
        for name, array in found.arrays.items():
            at = whole.find(array.tobytes(), 64) if array.nbytes > 8 else -1
            if at > 0:
                file.write_bytes(whole[:at] + bytes([whole[at] ^ 128]) + whole[at + 1 :])
                assert _read(path, kind) is None, name
                checked += 1
        assert checked >= 8


def test_the_file_of_another_database_is_not_used(path: Path, tmp_path: Path) -> None:
    """Even of one with as many entries in its journal, and the same space."""
    other = tmp_path / "other.db"
    with Memory(other, embedder=SMALL) as memory:
        memory.remember_many([{"text": f"tea {n}", "actor": f"Ben {n}"} for n in range(40)])
        memory.recall("tea")
    for kind in caches.KINDS:
        assert _read(other, kind) is not None
        shutil.copy(_folder(path) / f"{kind}-1", _folder(other) / f"{kind}-1")
        assert _read(other, kind) is None
    _assert_as_from_sql(other)


def test_an_older_database_in_the_same_place_has_no_use_for_the_file(path: Path, tmp_path: Path) -> None:
    """Nor has one that went on otherwise from there."""
    older = tmp_path / "older.db"
    shutil.copy(path, older)
    with Memory(path, embedder=SMALL) as memory:
        memory.remember_many([f"tea {n}" for n in range(20)])
        memory.recall("tea")
    assert _read(path) is not None
    shutil.copy(older, path)
    assert _read(path) is None
    with Memory(path, embedder=SMALL) as memory:
        memory.remember_many([f"rain {n}" for n in range(20)])
    assert _read(path) is None
    _assert_as_from_sql(path)


def test_the_codes_of_another_embedder_are_not_used(path: Path) -> None:
    """A move takes the files with it, and one that is put back is not used."""
    shutil.copytree(_folder(path), path.with_name("saved"))
    with Memory(path, embedder=SMALL) as memory:
        memory.reembed(DeterministicEmbedder(dimension=16))
        assert not _folder(path).exists()
    shutil.copytree(path.with_name("saved"), _folder(path))
    with Memory(path, embedder=DeterministicEmbedder(dimension=16)) as memory, memory._read() as connection:
        assert Caches(path).read(connection, "codes", 1) is None
        assert memory.recall("note 7 of rooks in Oslo", k=1)[0].text.startswith("note 7 ")


def test_codes_of_the_space_before_are_not_written_down_as_those_of_the_new_one(path: Path) -> None:
    """A memory that has loaded them is closed after another one has moved the file."""
    with Memory(path, embedder=SMALL) as memory:
        memory.recall("tea")
        with Memory(path, embedder=SMALL) as other:
            other.reembed(DeterministicEmbedder(dimension=16))
            assert not _folder(path).exists()
    assert not _folder(path).exists()


def test_a_write_in_between_is_taken_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was made ready is not written down for a state that it is not of."""
    shutil.rmtree(_folder(path))
    memory, other = Memory(path, embedder=SMALL), Memory(path, embedder=SMALL)
    prepared = WorkingSet.prepared
    gone = iter(memory.list(limit=2))

    def interfered(self: WorkingSet, connection: Any) -> Any:
        made = prepared(self, connection)
        each = next(gone, None)
        if each is not None:
            assert other.forget(ids=each.id).episodes == 1
        return made

    monkeypatch.setattr(WorkingSet, "prepared", interfered)
    memory.recall("tea")
    other.close()  # whose erasures this reader has held up
    memory.close()
    assert sorted(each.name for each in _folder(path).iterdir()) == ["codes-1", "words-1"]
    assert b'"Ida 0"' not in held(path.parent)
    assert b'"Ida 1"' not in held(path.parent)
    assert b'"Ida 2"' in held(_folder(path))
    _assert_as_from_sql(path)


def test_another_release_reads_texts_otherwise(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it wrote down is not used."""
    monkeypatch.setattr(caches, "_release", lambda: "0.0.1")
    assert _read(path) is None


# ------------------------------------------------------------------------------------------------------------ forgotten


def _secrets(number: int) -> list[bytes]:
    return [f"{what}{number:05d}".encode() for what in ("secretword", "secretactor", "secretsession")]


def test_what_is_forgotten_is_in_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six thousand, closed and opened: text, rare term, actor and session of one are gone when `forget` returns."""
    monkeypatch.undo()
    path = tmp_path / "memory.db"
    with Memory(path, embedder=SMALL) as memory:
        memory.remember_many(
            [
                {
                    "text": f"tea with secretword{n:05d}",
                    "id": f"id{n}",
                    "actor": f"secretactor{n:05d}",
                    "session": f"secretsession{n:05d}",
                }
                for n in range(6000)
            ],
            batch=2000,
        )
        memory.recall("tea", k=1)
    assert {each.name for each in _folder(path).iterdir()} == {"codes-1", "words-1"}
    content = held(_folder(path))
    assert all(secret in content for secret in _secrets(17))
    with Memory(path, embedder=SMALL) as memory:
        assert memory.recall("secretword00017", k=1)[0].id == "id17"
        assert memory.forget(ids="id17").erased
        content = held(tmp_path)
        assert [secret for secret in _secrets(17) if secret in content] == []
        assert memory.recall("secretword00017", k=1)[0].id != "id17"
    content = held(tmp_path)
    assert [secret for secret in _secrets(17) if secret in content] == []
    assert all(secret in held(_folder(path)) for secret in _secrets(18))


def test_what_has_expired_goes_with_its_last_bytes(path: Path) -> None:
    """With the closing after the sweep."""
    with time_machine.travel(datetime.now(UTC), tick=False) as clock, Memory(path, embedder=SMALL) as memory:
        memory.remember_many([{"text": f"secretword{n:05d}", "ttl": timedelta(hours=1)} for n in range(20)])
        memory.recall("tea")
        memory._retrieval.leave()
        assert b"secretword00007" in held(_folder(path))
        clock.shift(timedelta(hours=2))
        memory.remember("tea")
    assert b"secretword00007" not in held(path.parent)
    _assert_as_from_sql(path)


def test_a_file_that_cannot_be_removed_holds_an_erasure_up(path: Path) -> None:
    """The receipt says so, and the next chance finishes it."""
    obstacle = _folder(path) / "codes-9"
    obstacle.mkdir()
    with Memory(path, embedder=SMALL) as memory:
        assert not memory.forget(ids=memory.list(limit=1)[0].id).erased
        assert memory.stats().unfinished_erasures == 1
        obstacle.rmdir()
        memory.remember("tea")
        assert memory.stats().unfinished_erasures == 0
        assert not _folder(path).exists()


def test_what_was_erased_where_the_file_was_not_goes_when_it_is_seen(path: Path, tmp_path: Path) -> None:
    """A copy of the database is forgotten from, and comes back beside the old file."""
    elsewhere = tmp_path / "elsewhere.db"
    shutil.copy(path, elsewhere)
    with Memory(elsewhere, embedder=SMALL) as memory:
        assert memory.forget(ids=memory.list(limit=1)[0].id).erased
    shutil.copy(elsewhere, path)
    shutil.rmtree(_folder(elsewhere), ignore_errors=True)
    elsewhere.unlink()
    assert _read(path) is None
    assert b"Ida 0" not in held(tmp_path)


def test_through_a_link_it_is_the_same_file(path: Path) -> None:
    """Whoever erases by another name finds it."""
    link = path.with_name("link.db")
    link.symlink_to(path)
    with Memory(link, embedder=SMALL) as memory:
        assert memory.forget(namespace=()).erased
    assert not _folder(path).exists()


# -------------------------------------------------------------------------------------------------------- who writes it


def _writing(path: Path, pipe: Connection) -> None:
    working_set.LEAST = 1
    memory = Memory(path, embedder=SMALL)
    memory.recall("tea")
    kept = memory._retrieval._working_set
    kept._changes.clear()  # as if nothing were there
    with memory._database.reading() as connection:
        prepared = kept.prepared(connection)
    assert prepared is not None
    pipe.send("now")
    while True:
        with memory._database.writing() as connection:
            assert kept.keep(connection, prepared)


def test_a_writer_that_is_killed_leaves_a_whole_file_or_none(path: Path) -> None:
    """And nothing that stays when the database is opened again."""
    rng, parts = random.Random(5), 0
    with Memory(path, embedder=SMALL) as memory:
        memory.remember_many([f"tea {n} in {n + 1000} cups" for n in range(3000)], batch=1000)
    for number in range(60):  # until it was met in the middle
        if number >= 10 and parts:
            break
        killed(rng, 0.2, _writing, path)
        parts += any(each.suffix == ".part" for each in _folder(path).iterdir())
        for kind in caches.KINDS:
            assert _read(path, kind) is not None
        assert [each.suffix for each in _folder(path).iterdir()] == ["", ""]
    assert parts
    _assert_as_from_sql(path)
    assert_sound(path)


def _closing(path: Path, pipe: Connection) -> None:
    working_set.LEAST = 1
    memory = Memory(path, embedder=SMALL)
    memory.recall("tea")
    pipe.send("loaded")
    pipe.recv()
    memory.close()


def test_one_process_forgets_what_another_one_has_loaded(path: Path) -> None:
    """What the other one writes down when it closes lacks it."""
    child = Child(_closing, path)
    assert child.hear() == "loaded"
    with Memory(path, embedder=SMALL) as memory:
        gone = memory.list(limit=5)
        assert memory.forget(ids=[each.id for each in gone]).erased
        assert not _folder(path).exists()
        child.say("close")
        child.join()
        assert child.code == 0
        content = held(path.parent)
        assert [each.actor for each in gone if f'"{each.actor}"'.encode() in content] == []
        assert b'"Ida 7"' in held(_folder(path))
        memory.remember_many([f"tea {n}" for n in range(30)])
    _assert_as_from_sql(path)


def test_a_busy_database_is_read_and_closed_without_a_file(path: Path) -> None:
    """Nobody waits for it."""
    shutil.rmtree(_folder(path))
    memory = Memory(path, embedder=SMALL)
    with Memory(path, embedder=SMALL) as other, other._database.writing():
        began = time.monotonic()
        memory.recall("tea")
        memory.close()
        assert time.monotonic() - began < memory._database._timeout
        assert not _folder(path).exists()


def test_without_the_right_or_the_room_there_is_no_file(path: Path) -> None:
    """It is closed as ever."""
    shutil.rmtree(_folder(path))
    _folder(path).write_bytes(b"")  # in the way of the folder
    _assert_as_from_sql(path)
    assert _folder(path).read_bytes() == b""


def test_nobody_reads_it_who_may_not_read_the_database(path: Path) -> None:
    """Its rights are those of the database."""
    shutil.rmtree(_folder(path))
    path.chmod(0o640)
    with Memory(path, embedder=SMALL) as memory:
        memory.recall("tea")
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in (_folder(path), *_folder(path).iterdir())}
    assert modes == {"memory.db-cache": 0o750, "codes-1": 0o640, "words-1": 0o640}


def test_few_patterns_and_those_in_ram_are_not_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading them from the database is as fast."""
    monkeypatch.undo()
    with Memory(tmp_path / "memory.db", embedder=SMALL) as memory:
        memory.remember_many([f"tea {n}" for n in range(50)])
        memory.recall("tea")
    assert [each.name for each in tmp_path.iterdir()] == ["memory.db"]
    with Memory(embedder=SMALL) as memory:
        memory.remember("tea")
        memory.recall("tea")
        assert memory._retrieval._working_set._caches is None
