"""A disk that is full: a named error, nothing lost, and everything goes on when there is room again."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from am_agent import DeterministicEmbedder, Memory, errors
from tests.overlays import told
from tests.small_disk import KINDS, Disk, Kind, on_small_disk
from tests.soundness import assert_sound, held, rows

TOY, NEW = DeterministicEmbedder(), DeterministicEmbedder(dimension=512)


def _notes() -> Iterator[dict[str, Any]]:
    number = 0
    while True:
        yield {"text": f"note {number} of the day", "id": f"secret{number:05d}id"}
        number += 1


def _filled(memory: Memory) -> int:
    """Remember until the disk is full, and return how many are acknowledged."""
    acknowledged = [0]
    with pytest.raises(errors.DiskFull, match=r"the disk .*memory.db.* Nothing was changed; .* try again"):
        memory.remember_many(_notes(), batch=100, progress=acknowledged.append)
    return acknowledged[-1]


def _filled_to_the_last_word(memory: Memory) -> int:
    """Remember one by one what still fits, and return how many that were."""
    for number in itertools.count():
        try:
            memory.remember("a last word")
        except errors.DiskFull:
            return number
    raise AssertionError


def _remembering(disk: Disk) -> None:
    path = disk.folder / "memory.db"
    with Memory(path, embedder=TOY) as memory:
        count = _filled(memory)
        assert count >= 200
        assert memory.count() == memory.stats().patterns == count
        assert [episode.text for episode in memory.list(limit=3)] == [f"note {n} of the day" for n in range(3)]
        assert memory.recall(f"note {count - 1} of the day", k=1)[0].id == f"secret{count - 1:05d}id"
        more = _filled_to_the_last_word(memory)
        assert memory.recall("a last word").episodes == memory.count() == count + more
        disk.free()
        memory.remember("there is room again", id="room")
        assert memory.recall("there is room again", k=1)[0].id == "room"
    with Memory(path, embedder=TOY) as memory:
        assert memory.count() == memory.recall("note").episodes == count + more + 1
        assert [each.id for each in memory.list(limit=count)] == [f"secret{n:05d}id" for n in range(count)]
    assert_sound(path)


def _forgetting(disk: Disk) -> None:
    path = disk.folder / "memory.db"
    gone = [f"secret{number:05d}id" for number in (3, 70, 150)]
    with Memory(path, embedder=TOY) as memory:
        count = _filled(memory)
        memory.recall("note")
        disk.spare()  # for the note that something is forgotten, not for the erasure itself
        erasure = memory.forget(ids=gone)
        assert (erasure.episodes, erasure.erased) == (3, False)
        assert memory.stats().unfinished_erasures == 1
        assert memory.get(gone) == []
        assert memory.recall("note 70 of the day", k=count).episodes == memory.count() == count - 3
        assert {episode.id for episode in memory.list()}.isdisjoint(gone)
        assert any(id_.encode() in held(disk.folder) for id_ in gone)
        disk.free()
        memory.remember("there is room again")
        assert memory.stats().unfinished_erasures == 0
        assert memory.count() == count - 2
        assert [id_ for id_ in gone if id_.encode() in held(disk.folder)] == []
    assert_sound(path)


def _forgetting_without_any_room(disk: Disk) -> None:
    path = disk.folder / "memory.db"
    with Memory(path, embedder=TOY) as memory:
        memory.remember("the rest")
        memory.remember("the secret", id="x")
        count = 2 + _filled_to_the_last_word(memory)
        try:
            assert memory.forget(ids="x").erased is False
        except errors.DiskFull:  # not even for the note that something is to be forgotten
            assert memory.count() == count
            assert memory.get("x")[0].text == "the secret"
        disk.free()
        assert memory.forget(ids=["x"]).erased
        assert memory.get("x") == []
        assert memory.stats().unfinished_erasures == 0
        assert b"the secret" not in held(disk.folder)
    assert_sound(path)


def _exporting(disk: Disk) -> None:
    export = disk.folder / "backup.jsonl"
    with Memory(disk.folder / "memory.db", embedder=NEW) as memory:
        memory.remember("the first")
        assert memory.export(export) == 1
        older = export.read_bytes()
        count = _filled(memory)
        disk.fill()
        files = sorted(disk.folder.iterdir())
        for target in (export, disk.folder / "new.jsonl"):
            with pytest.raises(errors.DiskFull, match=r"no room for .*jsonl .*free some room and try again"):
                memory.export(target, vectors=True)
        assert sorted(disk.folder.iterdir()) == files
        assert export.read_bytes() == older
        assert memory.count() == count + 1
        disk.free()
        assert memory.export(export, vectors=True) == count + 1


def _moving(disk: Disk) -> None:
    path = disk.folder / "memory.db"
    with Memory(path, embedder=TOY) as memory:
        count = _filled(memory)
        before = [(each.id, each.weight) for each in memory.recall("note 7")]
        with pytest.raises(errors.DiskFull):
            memory.reembed(NEW, batch=5)
        assert [(each.id, each.weight) for each in memory.recall("note 7")] == before
        disk.free()
        assert 0 < memory.reembed(NEW) <= count
        assert memory.recall("note 7 of the day", k=1)[0].similarity == pytest.approx(1)
    assert rows(path, "SELECT DISTINCT length(data) FROM vector") == [(4 * 512,)]
    assert_sound(path)


def _consolidating(disk: Disk) -> None:
    path = disk.folder / "memory.db"
    with Memory(path, embedder=TOY) as memory:
        memory.remember_many(told(4, 10))
        first = memory.consolidate()
        before = memory.prototypes()
        memory.remember_many(told(4, 10, seed=1))
        disk.fill()
        for change in (memory.consolidate, lambda: memory.unconsolidate(first.run_id or "")):
            with pytest.raises(errors.DiskFull, match="Nothing was changed"):
                change()
            assert memory.prototypes() == before
        assert memory.recall(told(4, 10)[7], k=1)[0].text == told(4, 10)[7]
        disk.free()
        assert memory.consolidate().run_id is not None
        assert len(memory.unconsolidate(first.run_id or "").runs) == 2
        assert memory.prototypes() == []
    assert_sound(path)


def _opening(disk: Disk) -> None:
    path = disk.folder / "memory.db"
    with Memory(path, embedder=TOY) as memory:
        memory.remember("a note")
    disk.fill()
    for each in (path, disk.folder / "new.db"):
        try:
            with Memory(each, embedder=TOY) as memory:
                assert memory.recall("note").episodes == (each == path)
        except errors.DiskFull:
            pass
    disk.free()
    with Memory(path, embedder=TOY) as memory:
        memory.remember("another")
        assert memory.recall("note").episodes == 2
    with Memory(disk.folder / "new.db", embedder=TOY) as memory:
        memory.remember("the first")
    assert_sound(path)
    assert_sound(disk.folder / "new.db")


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_acknowledged_is_there_and_there_is_more_when_there_is_room(tmp_path: Path, kind: Kind) -> None:
    """Remembering ends in DiskFull; reading goes on; with room the same object remembers again."""
    on_small_disk(_remembering, kind, tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_an_erasure_on_a_full_disk_is_finished_when_there_is_room(tmp_path: Path, kind: Kind) -> None:
    """What was forgotten is seen no more at once, and its bytes go with the first write that has room."""
    on_small_disk(_forgetting, kind, tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_without_room_for_a_note_of_it_nothing_is_forgotten(tmp_path: Path, kind: Kind) -> None:
    """Forgetting is a write, too: it happens, or it says that it did not."""
    on_small_disk(_forgetting_without_any_room, kind, tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_an_export_that_has_no_room_leaves_the_older_one(tmp_path: Path, kind: Kind) -> None:
    """The error has a name, no part of a file is left, and an older export is what it was."""
    on_small_disk(_exporting, kind, tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_move_that_has_no_room_goes_on_when_there_is(tmp_path: Path, kind: Kind) -> None:
    """Recall uses the old vectors meanwhile, as if nothing had been begun."""
    on_small_disk(_moving, kind, tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pass_that_has_no_room_leaves_the_groups_as_they_are(tmp_path: Path, kind: Kind) -> None:
    """And so does an undo; both are made when there is room again."""
    on_small_disk(_consolidating, kind, tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_opening_on_a_full_disk_reads_or_says_that_it_is_full(tmp_path: Path, kind: Kind) -> None:
    """Neither an old file nor a new one is the worse for it."""
    on_small_disk(_opening, kind, tmp_path)
