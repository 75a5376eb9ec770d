"""Every schema there ever was opens, as a real file, and ends up as a new file begins."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from am_agent import DeterministicEmbedder, Memory
from am_agent.episode import Recall
from am_agent.store import schema
from am_agent.store.database import Database
from am_agent.store.migrations import known_revisions

SCHEMAS = Path(__file__).parent / "schemas"


def shape(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Columns, indexes and foreign keys by table, as SQLite sees them."""
    connection = sqlite3.connect(path)
    tables = [
        name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    ]
    shape = {}
    for table in tables:
        columns = connection.execute(f"SELECT name, type, \"notnull\", pk FROM pragma_table_info('{table}')").fetchall()
        keys = connection.execute(
            f'SELECT "from", "table", on_delete FROM pragma_foreign_key_list(\'{table}\')'
        ).fetchall()
        indexes = connection.execute(f"SELECT \"unique\", origin, partial FROM pragma_index_list('{table}')").fetchall()
        shape[table] = [*columns, *sorted(keys), *sorted(indexes)]
    connection.close()
    return shape


def test_there_is_one_real_file_for_every_schema() -> None:
    """A migration cannot be added without the file that proves it."""
    assert sorted(path.stem for path in SCHEMAS.glob("*.db")) == known_revisions()
    assert known_revisions()[-1] == schema.REVISION


@pytest.mark.parametrize("revision", known_revisions())
def test_an_old_file_is_migrated_and_loses_nothing(revision: str, tmp_path: Path) -> None:
    """Episodes, versions, times, namespaces and vectors of each old file are there, and new ones can be added."""
    path = tmp_path / "old.db"
    shutil.copy(SCHEMAS / f"{revision}.db", path)
    with Memory(path, embedder=DeterministicEmbedder(dimension=32)) as memory:
        assert memory.stats().schema == schema.REVISION
        assert memory.namespaces() == [(), ("ana",), ("bob", "health")]
        (dog,) = memory.get("dog", namespace=("ana",))
        assert (dog.text, dog.version, dog.actor) == ("Ana's dog is called Rex and he is nine.", 2, "user")
        assert (dog.session, dog.metadata) == ("s1", {"topic": "pets"})
        assert dog.occurred_at == datetime(2024, 5, 2, tzinfo=UTC)
        assert memory.stats().versions == 5
        assert memory.recall("dog called Rex", namespace=("ana",))[0].id == "dog"
        assert memory.recall("peanuts", namespace=("bob",), subtree=True)[0].similarity > 0.3
        memory.remember("new", namespace=("ana",))
        memory.forget(ids="dog", namespace=("ana",))
    with Memory(path, embedder=DeterministicEmbedder(dimension=32)) as memory:
        assert [each.text for each in memory.list(namespace=("ana",))] == ["Ana plays the cello on Tuesdays.", "new"]


@pytest.mark.parametrize("revision", known_revisions())
def test_a_migrated_file_has_the_schema_of_a_new_one(revision: str, tmp_path: Path) -> None:
    """The tables that the migrations make are those that the code declares."""
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    shutil.copy(SCHEMAS / f"{revision}.db", old)
    for path in (old, new):
        Database(path, timeout=1).close()
    assert shape(old) == shape(new)
    database = Database(old, timeout=1)
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
    database.close()


def test_a_failed_migration_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """A migration is one transaction: what goes wrong in the middle of it shows nowhere."""
    path = tmp_path / "old.db"
    shutil.copy(SCHEMAS / "0001.db", path)
    connection = sqlite3.connect(path)
    connection.execute("CREATE VIEW erasure AS SELECT 1 AS id")  # in the way of the table
    connection.commit()
    connection.close()
    before = shape(path)
    with pytest.raises(Exception, match="erasure"):
        Memory(path, embedder=DeterministicEmbedder(dimension=32))
    assert shape(path) == before


def test_erasures_of_old_get_their_place_in_the_chain(tmp_path: Path) -> None:
    """A ledger without digests gets those that its entries would have had, with the rows that the journal names."""
    path = tmp_path / "old.db"
    shutil.copy(SCHEMAS / "0002.db", path)
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO erasure VALUES (1, 1000, 2, 3, 1001), (2, 2000, 1, 1, 2002)")
        erased = [(1000, 7), (1000, 8), (1000, 10), (2000, 12)]
        connection.executemany(
            "INSERT INTO journal (at, kind, namespace_id, episode_seq) VALUES (?, 'erase', 1, ?)", erased
        )
    connection.close()
    with Memory(path, embedder=DeterministicEmbedder(dimension=32)) as memory:
        first, second = memory.erasures()
        assert (first.episodes, first.versions, first.rows, second.rows) == (2, 3, "7-8,10", "12")
        receipt = memory.forget(ids="cello", namespace=("ana",)).receipt
        assert receipt is not None
        assert (receipt.number, receipt.previous) == (3, second.digest)
        assert memory.erasures() == [first, second, receipt]


@pytest.mark.parametrize("revision", known_revisions())
def test_what_was_learned_is_there_and_an_old_file_can_learn(revision: str, tmp_path: Path) -> None:
    """From 0004 on a file holds weights and a recall that waits; an older one has none, and takes them."""
    waiting = {
        "0004": "01a211b4-d317-72f8-814c-b309113245ce",
        "0005": "01a21a47-7d16-7601-aca5-948f334aced3",
        "0006": "01a21b23-0674-7067-a074-fc5f7bbbdc49",
        "0007": "01a21b23-0674-7067-a074-fc5f7bbbdc49",
    }
    path = tmp_path / "old.db"
    shutil.copy(SCHEMAS / f"{revision}.db", path)
    with Memory(path, embedder=DeterministicEmbedder(dimension=32)) as memory:
        before = memory.weights(namespace=("ana",)).rounds
        assert before == (1 if revision in waiting else 0)
        recall: Recall | str = waiting.get(revision) or memory.recall("Who plays the cello?", namespace=("ana",))
        assert memory.reinforce(recall, used="cello").rounds == before + 1
    with Memory(path, embedder=DeterministicEmbedder(dimension=32)) as memory:
        assert memory.weights(namespace=("ana",)).rounds == before + 1


@pytest.mark.parametrize("revision", known_revisions())
def test_what_was_linked_is_linked_and_an_old_file_can_link(revision: str, tmp_path: Path) -> None:
    """From 0005 on versions name others; an older file has none that do, and takes them."""
    path = tmp_path / "old.db"
    shutil.copy(SCHEMAS / f"{revision}.db", path)
    with Memory(path, embedder=DeterministicEmbedder(dimension=32)) as memory:
        dog, cello = memory.get(["dog", "cello"], namespace=("ana",))
        linked = ("dog", ("cello",)) if revision >= "0005" else (None, ())
        assert (cello.reply_to, dog.derived_from) == linked
        assert (cello.derived_from, dog.reply_to) == ((), None)
        memory.remember("Who walks him?", id="walk", namespace=("ana",), reply_to="dog", derived_from=["cello"])
    with Memory(path, embedder=DeterministicEmbedder(dimension=32)) as memory:
        (walk,) = memory.get("walk", namespace=("ana",))
        assert (walk.reply_to, walk.derived_from) == ("dog", ("cello",))
        memory.forget(ids="dog", namespace=("ana",))
        assert [each.reply_to for each in memory.get(["walk", "cello"], namespace=("ana",))] == [None, None]


@pytest.mark.parametrize("revision", known_revisions())
def test_what_was_consolidated_is_grouped_and_an_old_file_can_consolidate(revision: str, tmp_path: Path) -> None:
    """From 0006 on a file holds prototypes; an older one has none, and takes them, and their undo."""
    path = tmp_path / "old.db"
    shutil.copy(SCHEMAS / f"{revision}.db", path)
    with Memory(path, embedder=DeterministicEmbedder(dimension=32)) as memory:
        if revision < "0006":
            assert memory.prototypes(namespace=("ana",)) == []
            memory.remember("Ana's dog is called Rex and he is nine.", namespace=("ana",), id="again")
            assert memory.consolidate(namespace=("ana",), duplicate=0.9).duplicates == 1
        (only,) = memory.prototypes(namespace=("ana",))
        assert (only.tier, only.members) == ("duplicate", ("dog", "again") if revision < "0006" else ("cello", "dog"))
        assert memory.stats().prototypes == 1
        assert memory.unconsolidate(only.id).gone == 1
    with Memory(path, embedder=DeterministicEmbedder(dimension=32)) as memory:
        assert memory.prototypes(namespace=("ana",), subtree=True) == []


@pytest.mark.parametrize("revision", known_revisions())
def test_what_was_calibrated_is_corrected_and_an_old_file_can_be_calibrated(revision: str, tmp_path: Path) -> None:
    """From 0007 on a file holds labels, with a threshold; an older one has none, and takes them."""
    path = tmp_path / "old.db"
    shutil.copy(SCHEMAS / f"{revision}.db", path)
    ana, labels = ("ana",), [("What is the dog called?", True), ("How old is Rex?", True), ("Is it snowing?", False)]
    with Memory(path, embedder=DeterministicEmbedder(dimension=32)) as memory:
        before = memory.recall("When does the train leave?", namespace=ana).familiarity
        counts = [row for (row,) in sqlite3.connect(path).execute("SELECT origin FROM calibration")]
        assert counts == (["labelled"] if revision >= "0007" else [])
        told = memory.calibrate(labels, namespace=ana)
        assert (told.present, told.absent, told.threshold) == (2, 1, 0.5)
    with Memory(path, embedder=DeterministicEmbedder(dimension=32)) as memory:
        assert memory.recall("When does the train leave?", namespace=ana).familiarity != before
        reset = memory.reset_calibration(namespace=ana)
        assert (reset.slope, reset.shift, reset.present) == (1, 0, 0)
        after = memory.recall("When does the train leave?", namespace=ana).familiarity
        assert (after == before) == (revision < "0007")


def test_alembic_is_imported_only_for_an_old_file(tmp_path: Path) -> None:
    """A new file and an up-to-date one are opened without it."""
    code = "import sys, am_agent; am_agent.Memory(sys.argv[1]).close(); sys.exit('alembic' in sys.modules)"
    for _ in range(2):
        assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "x.db")], check=False).returncode == 0
