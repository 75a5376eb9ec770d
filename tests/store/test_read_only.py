"""Files that become read-only while a memory has them open: a named error, and it goes on when they can be written."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from am_agent import DeterministicEmbedder, Memory, errors
from tests.small_disk import Disk, namespace, on_small_disk
from tests.soundness import assert_sound

TOY = DeterministicEmbedder()
Freeze = Callable[[bool], object]


def _freezing(path: Path, freeze: Freeze) -> None:
    """Use a memory whose file is made read-only and writable again."""
    with Memory(path, embedder=TOY) as memory:
        memory.remember_many([{"text": f"note {number}", "id": f"id{number}"} for number in range(10)])
        # What was opened may still be written; whoever needs a connection more is given one that cannot write.
        with memory._database.reading() as taken:
            taken.exec_driver_sql("SELECT count(*) FROM episode")
            freeze(True)
            writes: list[Callable[[], object]] = [
                lambda: memory.remember("one more"),
                lambda: memory.remember_many(["one more"]),
                lambda: memory.update("id3", text="another note"),
                lambda: memory.forget(ids="id4"),
                lambda: memory.consolidate(),
                lambda: memory.calibrate([("note 7", True), ("a regatta off Madeira", False)]),
                lambda: memory.reset_calibration(),
                lambda: memory.reembed(DeterministicEmbedder(dimension=128)),
            ]
            for write in writes:
                with pytest.raises(errors.ReadOnlyDatabase, match=r"memory.db cannot be written .* needs the right to"):
                    write()
            found = memory.recall("note 7", k=1)
            assert (found[0].id, found.verdict) == ("id7", "known")
            assert memory.count() == memory.recall("note").episodes == 10
            freeze(False)
            memory.remember("one more")
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(memory.remember, [f"note {number}" for number in range(10, 20)]))
        assert memory.update("id3", text="another note").version == 2
        assert memory.forget(ids="id4").erased
    with Memory(path, embedder=TOY) as memory:
        assert memory.count() == memory.recall("note").episodes == 20
    assert_sound(path)


@contextmanager
def _unprivileged() -> Iterator[None]:
    """Give up root for a while, if the test runs as root: root may write anything."""
    owner = os.geteuid()
    if owner == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(owner)


def _freezing_by_mode(parent: Path) -> None:
    for each in (parent, *parent.parents[:2]):
        each.chmod(0o755)
    parent.chmod(0o777)
    folder = parent / "own"

    def freeze(frozen: bool) -> None:
        for file in folder.iterdir():
            file.chmod(0o444 if frozen else 0o644)
        folder.chmod(0o555 if frozen else 0o755)

    with _unprivileged():
        folder.mkdir()
        _freezing(folder / "memory.db", freeze)


def _freezing_by_mount(disk: Disk) -> None:
    def freeze(frozen: bool) -> None:
        if frozen:  # a second mount over the first, which cannot be frozen while files on it are open
            subprocess.run(["mount", "--bind", disk.folder, disk.folder], check=True)
        subprocess.run(["mount", "-o", f"remount,bind,{'ro' if frozen else 'rw'}", disk.folder], check=True)

    disk.free()
    _freezing(disk.folder / "memory.db", freeze)


def test_permissions_that_are_taken_away_and_given_back(tmp_path: Path) -> None:
    """For a user who is not root, the modes of the files and of their folder decide."""
    _freezing_by_mode(tmp_path)


def test_a_file_system_that_is_read_only_for_a_while(tmp_path: Path) -> None:
    """The mount decides, for root, too; where nobody can mount, modes stand in for it."""
    if namespace() is None:
        _freezing_by_mode(tmp_path)
    else:
        on_small_disk(_freezing_by_mount, "disk", tmp_path)


def test_a_file_that_may_not_even_be_read_is_named(tmp_path: Path) -> None:
    """Be it the file that is closed or its folder: no bare PermissionError."""
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents[:2]:
        parent.chmod(0o755)
    inner = tmp_path / "inner"
    inner.mkdir()
    path = inner / "memory.db"
    Memory(path, embedder=TOY).close()
    for closed, mode in ((path, 0o000), (inner, 0o000)):
        closed.chmod(mode)
        with _unprivileged(), pytest.raises(errors.ReadOnlyDatabase, match=r"inner/memory.db cannot be written \("):
            Memory(path, embedder=TOY)
        closed.chmod(0o755)
    Memory(path, embedder=TOY).close()
