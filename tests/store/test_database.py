"""Files that cannot be used: each a named error with its cure, and not one byte of them changed."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from am_agent import DeterministicEmbedder, Memory, SentenceTransformerEmbedder, errors
from am_agent.store.database import database_path


def _filled(path: Path, toy: DeterministicEmbedder) -> Path:
    with Memory(path, embedder=toy) as memory:
        memory.remember_many([f"note {number}" for number in range(100)])
    return path


def test_a_file_that_is_not_sqlite_is_refused(tmp_path: Path) -> None:
    """A text file is no memory, and stays as it is."""
    path = tmp_path / "notes.txt"
    path.write_text("shopping list\n" * 100)
    with pytest.raises(errors.NotAMemory, match=r"not an SQLite database; name another file"):
        Memory(path)
    assert path.read_text() == "shopping list\n" * 100


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    """An SQLite file without our schema is another program's; the message names its tables."""
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE customers (id INTEGER)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(errors.NotAMemory, match=r"another program.*customers"):
        Memory(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("share", [0.001, 0.3, 0.6, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, toy: DeterministicEmbedder, share: float) -> None:
    """Cut anywhere, the file is called damaged, with the way to save what is left, and is not written to."""
    path = _filled(tmp_path / "cut.db", toy)
    cut = path.read_bytes()[: int(path.stat().st_size * share)]
    path.write_bytes(cut)
    with pytest.raises(errors.DamagedDatabase, match=r"truncated or corrupt.*recover"):
        Memory(path, embedder=toy)
    assert path.read_bytes() == cut


def test_damage_inside_is_named_when_it_is_met(tmp_path: Path, toy: DeterministicEmbedder) -> None:
    """Overwritten pages raise DamagedDatabase from the verb that reads them."""
    path = _filled(tmp_path / "holes.db", toy)
    content = bytearray(path.read_bytes())
    content[4096 * 3 :] = b"\xa5" * (len(content) - 4096 * 3)
    path.write_bytes(content)
    with pytest.raises(errors.DamagedDatabase), Memory(path, embedder=toy) as memory:
        memory.recall("note 7")


@pytest.fixture
def unprivileged(tmp_path: Path) -> Callable[[], None]:
    """Give up root for the rest of the test, if the test runs as root: root may write anything."""
    if os.geteuid() != 0:
        return lambda: None
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents[:2]:
        parent.chmod(0o755)
    return lambda: os.seteuid(65534)


def test_a_read_only_file_is_refused(
    tmp_path: Path, toy: DeterministicEmbedder, unprivileged: Callable[[], None]
) -> None:
    """Without the right to write, the memory says that it needs it."""
    path = _filled(tmp_path / "frozen.db", toy)
    before = path.read_bytes()
    path.chmod(0o444)
    tmp_path.chmod(0o555)
    owner = os.geteuid()
    try:
        unprivileged()
        with pytest.raises(errors.ReadOnlyDatabase, match=r"right to write the file and its folder"):
            Memory(path, embedder=toy)
    finally:
        os.seteuid(owner)
        tmp_path.chmod(0o755)
    assert path.read_bytes() == before


def test_a_locked_file_is_named_after_the_timeout(tmp_path: Path, toy: DeterministicEmbedder) -> None:
    """Another process's write lock is waited for, and then named; reading goes on meanwhile."""
    path = _filled(tmp_path / "locked.db", toy)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with Memory(path, embedder=toy, timeout=0.1) as memory:
        assert memory.recall("note 7", k=1)[0].similarity > 0.5
        with pytest.raises(errors.LockedDatabase, match=r"locked by another process for more than 0.1 s.*timeout"):
            memory.remember("one more")
        holder.execute("ROLLBACK")
        memory.remember("one more")
        assert memory.count() == 101
    holder.close()


def test_an_exclusively_locked_file_is_named_when_it_is_opened(tmp_path: Path, toy: DeterministicEmbedder) -> None:
    """A file that cannot even be read says so, instead of hanging."""
    path = _filled(tmp_path / "locked.db", toy)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    holder.execute("DELETE FROM journal WHERE id < 0")
    with pytest.raises(errors.LockedDatabase):
        Memory(path, embedder=toy, timeout=0.1)
    holder.close()


def test_a_newer_schema_is_refused(tmp_path: Path, toy: DeterministicEmbedder) -> None:
    """A file from the future is not touched; the cure is an update."""
    path = _filled(tmp_path / "future.db", toy)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(errors.SchemaTooNew, match=r"schema 9999.*pip install --upgrade am-agent"):
        Memory(path, embedder=toy)
    assert path.read_bytes() == before


def test_another_embedder_is_refused(tmp_path: Path, toy: DeterministicEmbedder) -> None:
    """Vectors of two embedders are never mixed: by name at opening, by fingerprint before the first text."""
    path = _filled(tmp_path / "memory.db", toy)
    before = path.read_bytes()
    with pytest.raises(errors.EmbedderMismatch, match=r"the embedder 'am_agent/deterministic-64'.*am reembed$"):
        Memory(path)
    with pytest.raises(errors.EmbedderMismatch, match=r"deterministic-32"):
        Memory(path, embedder=DeterministicEmbedder(dimension=32))
    with pytest.raises(errors.EmbedderMismatch, match=r"all-MiniLM-L6-v2"):
        Memory(path, embedder=SentenceTransformerEmbedder())
    with Memory(path, embedder=DeterministicEmbedder(width=5)) as memory:
        with pytest.raises(errors.EmbedderMismatch, match=r"has changed.*64:64.*64:5"):
            memory.remember("mixed")
        with pytest.raises(errors.EmbedderMismatch, match=r"has changed"):
            memory.recall("mixed")
        assert memory.count() == 100
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ana:secret@localhost/memory",
        "mysql+pymysql://localhost/x",
        "sqlite://host/x.db",
        "sqlite:///x.db?mode=ro",
        "nonsense://",
        "",
    ],
)
def test_other_databases_are_named_as_unsupported(url: str) -> None:
    """A URL of another database says what there is, without showing a password."""
    with pytest.raises(errors.UnsupportedDatabase) as caught:
        Memory(url)
    assert "secret" not in str(caught.value)


def test_locations_mean_what_they_mean_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths, URLs and RAM, as SQLAlchemy's users know them."""
    monkeypatch.chdir(tmp_path)
    assert database_path(None) is database_path(":memory:") is database_path("sqlite://") is None
    assert database_path("x.db") == database_path(Path("x.db")) == database_path("sqlite:///x.db") == tmp_path / "x.db"
    assert database_path(f"sqlite:///{tmp_path}/x.db") == tmp_path / "x.db"


def test_a_missing_folder_and_a_folder_in_place_of_a_file_are_named(tmp_path: Path) -> None:
    """Neither is made or guessed."""
    with pytest.raises(errors.StoreError, match=r"folder .* does not exist; create it"):
        Memory(tmp_path / "no" / "memory.db")
    with pytest.raises(errors.StoreError, match=r"is a folder"):
        Memory(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_opening_leaves_no_side_files_behind(tmp_path: Path, toy: DeterministicEmbedder) -> None:
    """A closed memory is one file."""
    path = _filled(tmp_path / "memory.db", toy)
    assert list(tmp_path.iterdir()) == [path]


_OPEN = """
import sys
from am_agent import DeterministicEmbedder, Memory
with Memory(sys.argv[1], embedder=DeterministicEmbedder()) as memory:
    memory.remember(f"from {sys.argv[2]}")
"""


def test_processes_may_create_one_file_at_the_same_time(tmp_path: Path, toy: DeterministicEmbedder) -> None:
    """Whoever is first makes the schema; nobody fails and nothing is lost."""
    path = tmp_path / "new.db"
    started = [
        subprocess.Popen([sys.executable, "-c", _OPEN, str(path), str(n)], stderr=subprocess.PIPE, text=True)
        for n in range(5)
    ]
    assert [(process.communicate()[1], process.returncode) for process in started] == [("", 0)] * 5
    with Memory(path, embedder=toy) as memory:
        assert sorted(each.text for each in memory.list()) == [f"from {n}" for n in range(5)]
